"""Exports torchvision and timm classifiers with random weights, and PyTorch's input gradients."""

import argparse
import pathlib
import sys
import warnings

import numpy
import timm
import torch
import torchvision

torchvision_names = [
    "alexnet", "vgg11_bn", "resnet18", "resnext50_32x4d", "wide_resnet50_2", "densenet121",
    "squeezenet1_1", "googlenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_small",
    "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf",
    "convnext_tiny", "vit_b_16", "swin_t", "swin_v2_t", "maxvit_t",
]  # fmt: skip
timm_names = [
    "vit_tiny_patch16_224", "deit_tiny_patch16_224", "mixer_s32_224", "convmixer_768_32",
    "swin_tiny_patch4_window7_224", "resnetv2_50", "efficientnet_lite0", "ghostnet_100",
    "mobilevit_xxs", "poolformer_s12", "levit_128s", "xcit_nano_12_p16_224", "repvgg_a0",
    "nfnet_l0", "eva02_tiny_patch14_224", "coat_lite_tiny", "beit_base_patch16_224",
    "cait_xxs24_224",
]  # fmt: skip
sizes = {"inception_v3": 299}


def build(name: str) -> torch.nn.Module:
    """Returns the network, with statistics of batch normalization that fit its activations."""
    torch.manual_seed(0)
    if name in torchvision_names:
        more = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        network = torchvision.models.get_model(name, weights=None, num_classes=10, **more)
    else:
        network = timm.create_model(name, pretrained=False, num_classes=10)
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(4, 3, size_of(name), size_of(name)))
        # Some heads start at zero, where the gradient is zero.
        for parameter in network.parameters():
            if parameter.count_nonzero() == 0:
                torch.nn.init.normal_(parameter, std=0.02)
    return network.eval()


def size_of(name: str) -> int:
    """Returns the side of the images."""
    return sizes.get(name, 224)


def double_gradient(
    network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> numpy.ndarray:
    """Returns the gradient of the same network in float64, rounded to float32."""
    doubles = images.detach().double().requires_grad_()
    # Weights return unchanged.
    logits = network.double()(doubles)
    torch.nn.functional.cross_entropy(logits, labels, reduction="sum").backward()
    network.float()
    return doubles.grad.float().numpy()


def export(network: torch.nn.Module, images: torch.Tensor, path: pathlib.Path, form: str) -> None:
    """Writes the file: `dynamo` with the newest exporter's defaults, or `script` without it."""
    if form == "dynamo":
        torch.onnx.export(network, (images,), str(path))
    elif form == "dynamic":
        shapes = ({0: torch.export.Dim("batch")},)
        torch.onnx.export(network, (images,), str(path), dynamic_shapes=shapes)
    else:
        axes = {"input": {0: "batch"}}
        torch.onnx.export(
            network, (images,), str(path), dynamo=False, input_names=["input"], dynamic_axes=axes
        )


def main() -> None:
    """Writes `<name>.<form>.onnx`, and `<name>.npy` files of images, labels, and gradients."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--names", default=",".join(torchvision_names + timm_names))
    parser.add_argument("--forms", default="dynamo,script", help="empty: gradients only")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in given.names.split(","):
        network = build(name)
        side = size_of(name)
        images = torch.rand(2, 3, side, side, requires_grad=True)
        labels = torch.tensor([1, 2])
        logits = network(images)
        torch.nn.functional.cross_entropy(logits, labels, reduction="sum").backward()
        stem = given.folder / name
        numpy.save(f"{stem}.x.npy", images.detach().numpy())
        numpy.save(f"{stem}.logits.npy", logits.detach().numpy())
        numpy.save(f"{stem}.gradient.npy", images.grad.numpy())
        numpy.save(f"{stem}.gradient64.npy", double_gradient(network, images, labels))
        for form in filter(None, given.forms.split(",")):
            path = pathlib.Path(f"{stem}.{form}.onnx")
            try:
                # The newest exporter's defaults fix the batch at that of the example.
                export(network, images.detach()[: 1 if form == "dynamo" else 2], path, form)
                print(f"{path.name}: exported", file=sys.stderr)
            except Exception as error:
                path.with_suffix(".failed").write_text(str(error))
                print(f"{path.name}: the exporter failed", file=sys.stderr)


if __name__ == "__main__":
    main()
