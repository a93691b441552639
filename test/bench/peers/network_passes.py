"""Exports classifiers to ONNX and runs their passes on request. Started by networks.mjs."""

import argparse
import json
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import VisionTransformer, mobilenet_v2


class Block(nn.Module):
    """A residual block: normalization after the convolutions, or before them (`pre`)."""

    def __init__(self, inside: int, outside: int, stride: int, pre: bool) -> None:
        super().__init__()
        self.pre = pre
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(inside if pre else outside), nn.BatchNorm2d(outside)])
        changes = stride != 1 or inside != outside
        self.shortcut = nn.Conv2d(inside, outside, 1, stride, bias=False) if changes else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.pre:
            start = functional.relu(self.norms[0](x))
            y = self.second(functional.relu(self.norms[1](self.first(start))))
            return y + self.shortcut(start if isinstance(self.shortcut, nn.Conv2d) else x)
        y = self.norms[1](self.second(functional.relu(self.norms[0](self.first(x)))))
        return functional.relu(y + self.shortcut(x))


def residual(widths, blocks: int, stem: int, pre: bool) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, stem, 3, 1, 1, bias=False)]
    if not pre:
        layers += [nn.BatchNorm2d(stem), nn.ReLU()]
    inside = stem
    for stage, width in enumerate(widths):
        for block in range(blocks):
            layers.append(Block(inside, width, 2 if stage > 0 and block == 0 else 1, pre))
            inside = width
    if pre:
        layers += [nn.BatchNorm2d(inside), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, 10))


def vgg11() -> nn.Module:
    layers: list[nn.Module] = []
    inside = 3
    for width in [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]:
        if width == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(inside, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU()]
            inside = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


def mobilenet() -> nn.Module:
    """MobileNetV2 for images of 32 × 32: the first two strides are 1."""
    network = mobilenet_v2(num_classes=10)
    network.features[0][0].stride = (1, 1)
    network.features[2].conv[1][0].stride = (1, 1)
    return network


networks = {
    "resnet18-16": lambda: residual([16, 32, 64, 128], 2, 16, False),
    "resnet18-64": lambda: residual([64, 128, 256, 512], 2, 64, False),
    "vgg11": vgg11,
    "wide-resnet-16-4": lambda: residual([64, 128, 256], 2, 16, True),
    "mobilenet-v2": mobilenet,
    "vit-tiny": lambda: VisionTransformer(
        image_size=32, patch_size=4, num_layers=12, num_heads=3, hidden_dim=192, mlp_dim=768,
        num_classes=10,
    ),
}


def make(name: str) -> nn.Module:
    torch.manual_seed(0)
    network = networks[name]().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
        if isinstance(module, nn.Linear) and module.out_features == 10:
            nn.init.normal_(module.weight, 0, 0.1)
    return network.requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--batch", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    loaded = {}
    labels = torch.arange(options.batch) % 10
    for line in sys.stdin:
        request = json.loads(line)
        name = request["network"]
        if name not in loaded:
            loaded.clear()
            loaded[name] = make(name)
            file = os.path.join(options.folder, f"{name}.onnx")
            torch.onnx.export(
                loaded[name], (torch.zeros(2, 3, 32, 32),), file, input_names=["images"],
                dynamic_shapes=({0: torch.export.Dim("n")},), external_data=False, verbose=False)
        torch.manual_seed(1)
        images = torch.rand(options.batch, 3, 32, 32)
        began = time.process_time()
        if request["pass"] == "forward":
            with torch.no_grad():
                result = loaded[name](images)
        else:
            images.requires_grad_(True)
            losses = functional.cross_entropy(loaded[name](images), labels, reduction="sum")
            (result,) = torch.autograd.grad(losses, images)
        seconds = time.process_time() - began
        result.numpy().tofile(os.path.join(options.folder, "result"))
        images.detach().numpy().tofile(os.path.join(options.folder, "images"))
        print(json.dumps({"seconds": seconds}), file=protocol, flush=True)


if __name__ == "__main__":
    # What the exporter prints must not mix with the replies.
    protocol, sys.stdout = sys.stdout, sys.stderr
    main()
