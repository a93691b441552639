"""Training steps in PyTorch on request, one JSON object per line. Started by training.mjs."""

import argparse
import json
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

# The inner attack: L-infinity, 8/255, 10 steps of 2/255, on the network at inference.
epsilon, step_size, steps = 8 / 255, 2 / 255, 10


class Block(nn.Module):
    def __init__(self, inside, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        if stride != 1 or inside != out:
            conv = nn.Conv2d(inside, out, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(out))

    def forward(self, x):
        inner = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, width, blocks, stemStride):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, stemStride, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        layers, channels = [], width
        for stage, count in enumerate(blocks):
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(Block(channels, width * 2**stage, stride))
                channels = width * 2**stage
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Linear(channels, 10)

    def forward(self, images):
        x = functional.relu(self.norm(self.conv((images - 0.5) / 0.25)))
        return self.linear(self.layers(x).mean((2, 3)))


def main() -> None:
    options = read_options()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = ResNet(**json.loads(options.network))
    load(network, torch.from_numpy(numpy.fromfile(options.weights, dtype="<f4")))
    images = torch.from_numpy(numpy.fromfile(options.inputs, dtype="<f4")).view(-1, 3, 32, 32)
    labels = torch.arange(len(images)) % 10
    optimizer = torch.optim.SGD(
        network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    reply({"torch": torch.__version__})
    for line in sys.stdin:
        began = time.process_time()
        inputs = images
        if json.loads(line)["kind"] == "adversarial":
            inputs = attack(network.eval(), images, labels)
        loss = train(network.train(), optimizer, inputs, labels)
        reply({"loss": loss, "processorSeconds": time.process_time() - began})


def train(network, optimizer, images, labels):
    optimizer.zero_grad()
    loss = functional.cross_entropy(network(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def attack(network, images, labels):
    start = images + torch.empty_like(images).uniform_(-epsilon, epsilon)
    adversarial = start.clamp(0, 1)
    for _ in range(steps):
        adversarial.requires_grad_()
        loss = functional.cross_entropy(network(adversarial), labels, reduction="sum")
        (slope,) = torch.autograd.grad(loss, adversarial)
        moved = adversarial.detach() + step_size * slope.sign()
        adversarial = torch.clamp(images + (moved - images).clamp(-epsilon, epsilon), 0, 1)
    return adversarial


def load(network, values):
    """Weights in the order in which robench creates them."""
    start = 0
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                tensors = [module.weight, module.bias, module.running_mean, module.running_var]
            elif isinstance(module, (nn.Conv2d, nn.Linear)):
                tensors = [module.weight, *([] if module.bias is None else [module.bias])]
            else:
                continue
            for tensor in tensors:
                end = start + tensor.numel()
                tensor.copy_(values[start:end].view_as(tensor))
                start = end
    assert start == len(values), "the networks have different sizes"


def reply(value) -> None:
    print(json.dumps(value), flush=True)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", required=True, help="width, blocks, stemStride as JSON")
    parser.add_argument("--weights", required=True, help="float32, little-endian, all layers")
    parser.add_argument("--inputs", required=True, help="float32 [n, 3, 32, 32], little-endian")
    return parser.parse_args()


if __name__ == "__main__":
    main()
