"""A shipped model as a PyTorch module that runs the nodes of the ONNX file with its weights."""

import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional


def load_network(path: str) -> nn.Module:
    """
    Returns the module of an ONNX file, in evaluation mode and with constant weights.

    Raises ValueError for an unknown node.
    """
    return Network(onnx.load(path).graph).eval()


class Network(nn.Module):
    """Runs a graph in node order: images, float32 `[n, c, h, w]`, to logits `[n, k]`."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        super().__init__()
        for tensor in graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            self.register_parameter(tensor.name, nn.Parameter(value, requires_grad=False))
        self.weights = dict(self.named_parameters())
        self.image_name = graph.input[0].name
        self.logits_name = graph.output[0].name
        self.steps = [(node.output[0], list(node.input), operation(node)) for node in graph.node]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = {**self.weights, self.image_name: images}
        for output, inputs, apply in self.steps:
            values[output] = apply(*(values[name] for name in inputs))
        return values[self.logits_name]


def operation(node: onnx.NodeProto):
    """Returns the operation of a node as a function of its inputs."""
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    if node.op_type in plain:
        return plain[node.op_type]
    if node.op_type == "Conv":
        top, left, bottom, right = attributes["pads"]
        if (top, left) != (bottom, right) or attributes["group"] != 1:
            raise ValueError(f"{node.name}: only symmetric padding and one group are supported")
        strides = attributes["strides"]
        return lambda x, weight, bias: functional.conv2d(x, weight, bias, strides, (top, left))
    if node.op_type == "Gemm":
        if attributes["transA"] or not attributes["transB"]:
            raise ValueError(f"{node.name}: only x Wᵀ + b is supported")
        return functional.linear
    raise ValueError(f"{node.op_type}: unknown operator; add it to network.py")


plain = {
    "Add": torch.add,
    "Div": torch.div,
    "Flatten": lambda x: torch.flatten(x, 1),
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
    "Identity": lambda x: x,
    "Relu": torch.relu,
    "Sub": torch.sub,
}
