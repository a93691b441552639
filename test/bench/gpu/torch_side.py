"""PyTorch on the same device, weights, and images as throughput.mjs."""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time

import numpy
import torch
from torch.nn import functional

root = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
sys.path.insert(0, os.path.join(root, "test", "bench", "peers"))

figures = {}


def main() -> None:
    options = read_options()
    device = torch.device(options.device if options.device.startswith("cuda") else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    record(options, "torch", torch.__version__)
    record(options, "device", str(device))
    from network import load_network

    file = network_file(options.network)
    network = load_network(file).to(device)
    images, labels = read_examples(8 if options.small else 1000)
    images, labels = images.to(device), labels.to(device)
    random = options.network != "shipped"
    if random:
        with torch.no_grad():
            labels = torch.cat([network(part).argmax(1) for part in images.split(250)])
    sizes = [4, 8] if options.small else [64, 128, 256, 512, 1000]
    budget = 0.1 if options.small else 0.7
    best = {}
    for name, call in [("forward", forward), ("gradient", gradient)]:
        for size in sizes:
            x, y = images[:size], labels[:size]
            seconds = median_seconds(lambda: call(network, x, y), device, budget)
            if size / seconds > best.get(name, {}).get("imagesPerSecond", 0):
                best[name] = {"batch": size, "imagesPerSecond": size / seconds}
            record(options, name, best[name])
    attack_all(options, network, images, labels, best["gradient"]["batch"], device)
    if random:
        step = training_step(4 if options.small else 128, device, options.small)
        record(options, "trainingStep", step)
        sizes = (4, 2) if options.small else (128, 10)
        record(options, "adversarialStep", adversarial_step(*sizes, device, options.small))


def forward(network, x, y):
    with torch.no_grad():
        return network(x)


def gradient(network, x, y):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(functional.cross_entropy(network(x), y, reduction="sum"), x)


def attack_all(options, network, images, labels, batch, device) -> None:
    import torchattacks
    from pyautoattack import AutoAttack

    random = options.network != "shipped"
    epsilon = 1e-8 if random else 8 / 255
    step = 1e-9 if random else 2 / 255
    pgd = torchattacks.PGD(network, eps=epsilon, alpha=step, steps=5 if options.small else 20)
    attacks = {"pgd": lambda x, y: in_batches(pgd, x, y, batch)}
    for name, version in [("apgd-ce", "custom"), ("autoattack", "standard")]:
        if name == "autoattack" and (random or options.small):
            continue
        extra = {}
        if version == "custom":
            extra = {"attacks_to_run": ["apgd-ce"], "attacks": ["apgd-ce"]}
        ensemble = make_autoattack(AutoAttack, network, epsilon, version, extra, device)
        if version == "custom":
            ensemble.apgd.n_restarts = 1
            ensemble.apgd.n_iter = 5 if options.small else 100
        attacks[name] = lambda x, y, e=ensemble: e.run_standard_evaluation(x, y, batch_size=batch)
    for name, attack in attacks.items():
        attack(images[:32], labels[:32])
        synchronize(device)
        began = time.perf_counter()
        found = attack(images, labels)
        found = found[0] if isinstance(found, tuple) else found
        with torch.no_grad():
            robust = torch.cat([network(part).argmax(1) for part in found.split(batch)]) == labels
        synchronize(device)
        seconds = time.perf_counter() - began
        share = robust.float().mean().item()
        record(options, name, {"robust": share, "batch": batch, "seconds": seconds})


def make_autoattack(kind, network, epsilon, version, extra, device):
    """The packages that carry the authors' code differ in the name of one argument."""
    words = {"norm": "Linf", "eps": epsilon, "seed": 0, "version": version}
    for names in ([extra] if not extra else [{k: v} for k, v in extra.items()]):
        try:
            ensemble = kind(network, **words, **names, device=str(device))
        except TypeError:
            continue
        ensemble.verbose = False
        return ensemble
    raise RuntimeError("AutoAttack takes other arguments than expected")


def in_batches(attack, images, labels, size):
    return torch.cat([attack(x, y) for x, y in zip(images.split(size), labels.split(size))])


def training_step(size, device, small):
    network = ResNet18().to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    x = torch.rand(size, 3, 32, 32, device=device)
    y = torch.randint(0, 10, (size,), device=device)

    def step():
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(network(x), y).backward()
        optimizer.step()

    seconds = median_seconds(step, device, 0.1 if small else 2)
    return {"batch": size, "seconds": seconds, "imagesPerSecond": size / seconds}


def adversarial_step(size, steps, device, small):
    """PGD in Linf at inference, and a training step on its examples."""
    network = ResNet18().to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    clean = torch.rand(size, 3, 32, 32, device=device)
    y = torch.randint(0, 10, (size,), device=device)
    radius, length = 8 / 255, 2 / 255

    def step():
        network.eval()
        x = (clean + torch.empty_like(clean).uniform_(-radius, radius)).clamp(0, 1)
        for _ in range(steps):
            x.requires_grad_()
            (slope,) = torch.autograd.grad(functional.cross_entropy(network(x), y), x)
            x = (x.detach() + length * slope.sign()).clamp(clean - radius, clean + radius)
            x = x.clamp(0, 1)
        network.train()
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(network(x), y).backward()
        optimizer.step()

    seconds = median_seconds(step, device, 0.1 if small else 3)
    return {"batch": size, "steps": steps, "seconds": seconds, "imagesPerSecond": size / seconds}


class Block(torch.nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(outputs)
        self.conv2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(outputs)
        self.short = torch.nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.short = torch.nn.Sequential(
                torch.nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                torch.nn.BatchNorm2d(outputs),
            )

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.short(x))


class ResNet18(torch.nn.Module):
    """The usual ResNet-18 for CIFAR with 64 base channels."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn = torch.nn.BatchNorm2d(64)
        widths = [64, 64, 64, 128, 128, 256, 256, 512, 512]
        strides = [1, 1, 2, 1, 2, 1, 2, 1]
        blocks = [Block(widths[i], widths[i + 1], strides[i]) for i in range(8)]
        self.blocks = torch.nn.Sequential(*blocks)
        self.linear = torch.nn.Linear(512, 10)

    def forward(self, x):
        x = self.blocks(functional.relu(self.bn(self.conv(x))))
        return self.linear(x.mean((2, 3)))


def median_seconds(call, device, budget):
    for _ in range(3):
        call()
    synchronize(device)
    times = []
    end = time.perf_counter() + budget
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 100):
        began = time.perf_counter()
        call()
        synchronize(device)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def synchronize(device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def network_file(network):
    if network == "shipped":
        return os.path.join(root, "models", "cifar10-pgd-at.onnx")
    return os.path.join(tempfile.gettempdir(), "robench-resnet18-64.onnx")


def read_examples(count):
    content = numpy.fromfile(os.path.join(root, "examples.bin"), dtype=numpy.uint8)
    size = 3 * 32 * 32
    total = len(content) // (size + 1)
    pixels = content[total : total + count * size].astype(numpy.float32) / 255
    images = torch.from_numpy(pixels).view(count, 3, 32, 32)
    return images, torch.from_numpy(content[:count].astype(numpy.int64))


def record(options, name, value) -> None:
    figures[name] = value
    if options.json:
        with open(options.json, "w") as file:
            json.dump(figures, file)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--network", default="shipped")
    parser.add_argument("--json")
    parser.add_argument("--small", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
