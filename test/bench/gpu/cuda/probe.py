"""
Lists the operators of ONNX files that onnxruntime's CUDA provider has kernels for.

    LD_LIBRARY_PATH=STUBS python3 probe.py OUT.json FILE.onnx...

Each operator with each combination of input types becomes a session of one node, and onnxruntime's
log says on which provider it is placed. Needs onnx and onnxruntime-gpu, and a GPU or the stubs of
stubs.py. Prints what is placed elsewhere.
"""

import json
import os
import re
import sys
import tempfile

import onnx
import onnxruntime
from onnx import helper, shape_inference

types = {1: "float32", 10: "float16", 6: "int32", 7: "int64", 9: "bool", 11: "float64"}


def main(out: str, files: list[str]) -> None:
    kernels, elsewhere, tried = {}, [], set()
    for file in files:
        model = shape_inference.infer_shapes(onnx.load(file))
        graph = model.graph
        infos = {info.name: info for info in [*graph.input, *graph.value_info, *graph.output]}
        tensors = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            signature = ",".join(type_of(name, infos, tensors) for name in node.input)
            if (node.op_type, signature) in tried:
                continue
            tried.add((node.op_type, signature))
            places = placement(single(node, model, infos, tensors))
            if places == ["CUDAExecutionProvider"]:
                kernels.setdefault(node.op_type, []).append(signature)
            else:
                elsewhere.append(f"{node.op_type}({signature}): {places}")
    content = {
        "source": f"onnxruntime-gpu {onnxruntime.__version__}",
        "kernels": {name: sorted(kernels[name]) for name in sorted(kernels)},
    }
    with open(out, "w") as file:
        file.write(json.dumps(content, indent=2) + "\n")
    print(f"{len(tried)} signatures, {len(elsewhere)} elsewhere", *elsewhere, sep="\n", flush=True)
    # Unloading the provider calls into the stubs.
    os._exit(0)


def type_of(name, infos, tensors) -> str:
    if name == "":
        return ""
    if name in tensors:
        return types[tensors[name].data_type]
    return types[infos[name].type.tensor_type.elem_type]


def single(node, model, infos, tensors) -> bytes:
    names = dict.fromkeys(name for name in node.input if name)
    inputs = [infos[name] for name in names if name not in tensors]
    constants = [tensors[name] for name in names if name in tensors]
    if not inputs:
        first = constants.pop(0)
        inputs = [helper.make_tensor_value_info(first.name, first.data_type, first.dims)]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "node", inputs, outputs, constants)
    versions = {"opset_imports": model.opset_import, "ir_version": model.ir_version}
    return helper.make_model(graph, **versions).SerializeToString()


def placement(content: bytes) -> list[str]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 0
    options.log_verbosity_level = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    kept = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            onnxruntime.InferenceSession(content, options, providers=["CUDAExecutionProvider"])
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        log.seek(0)
        places = re.findall(r"placed on \[(\w+)\]", log.read().decode(errors="replace"))
    return sorted(set(places))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
