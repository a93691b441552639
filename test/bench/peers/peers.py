"""Runs reference attacks on request, one JSON object per line. Started by main.mjs."""

import argparse
import json
import sys
import time

import numpy
import torch

from network import load_network
from reference_attacks import attacks

# Tolerance of the ball: the packages compute its edge in float32, in L1 as a sum of 3,072 terms.
tolerance = {"Linf": 1e-6, "L2": 1e-6, "L1": 1e-4}


def main() -> None:
    options = read_options()
    torch.set_num_threads(options.threads)
    network = load_network(options.model)
    images = torch.from_numpy(numpy.fromfile(options.inputs, dtype="<f4")).view(-1, 3, 32, 32)
    labels = torch.from_numpy(numpy.fromfile(options.labels, dtype="<i4")).long()
    expected = torch.from_numpy(numpy.fromfile(options.logits, dtype="<f4")).view(len(labels), -1)
    with torch.no_grad():
        difference = (network(images) - expected).abs().max().item()
    # The first passes of a process select kernels and allocate memory.
    warm = {"norm": "Linf", "epsilon": 0.01, "budget": 2, "batchSize": 64}
    attacks["torchattacks"]["pgd"](network, images[:64], labels[:64], warm)
    reply({"logitDifference": difference})
    for line in sys.stdin:
        reply(evaluate(network, images, labels, json.loads(line)))


def evaluate(network, images, labels, request):
    """
    Attacks the examples that are classified correctly. Measures the time of the clean predictions,
    the attack, and the predictions of its points, as the other side does. A point outside the ball
    counts as not found.
    """
    torch.manual_seed(0)
    size = request["batchSize"]
    own = slice(request["start"], request["end"])
    images, labels = images[own], labels[own]
    began = time.process_time()
    rows = (predict(network, images, size) == labels).nonzero().flatten()
    given = images[rows]
    attack = attacks[request["package"]][request["attack"]]
    found = attack(network, given, labels[rows], request).detach()
    robust = predict(network, found, size) == labels[rows]
    seconds = time.process_time() - began
    outside = distance(found - given, request["norm"]) > request["epsilon"] + tolerance[request["norm"]]
    outcomes = ["w"] * len(labels)
    for row, is_robust, is_outside in zip(rows.tolist(), robust.tolist(), outside.tolist()):
        outcomes[row] = "r" if is_robust or is_outside else "b"
    return {"outcomes": "".join(outcomes), "processorSeconds": seconds}


def predict(network, images, size):
    with torch.no_grad():
        return torch.cat([network(batch).argmax(1) for batch in images.split(size)])


def distance(perturbation, norm):
    flat = perturbation.flatten(1)
    return flat.norm(p={"Linf": float("inf"), "L2": 2, "L1": 1}[norm], dim=1)


def reply(value) -> None:
    print(json.dumps(value), file=protocol, flush=True)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="the .onnx file")
    parser.add_argument("--inputs", required=True, help="float32 [n, 3, 32, 32], little-endian")
    parser.add_argument("--labels", required=True, help="int32 [n]")
    parser.add_argument("--logits", required=True, help="float32 [n, k], the expected logits")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    # What a package prints must not mix with the replies.
    protocol, sys.stdout = sys.stdout, sys.stderr
    main()
