"""A second encoder that costs nothing: a small network of random weights, which sees photos in its own way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from running import Installation


def make_another(installation: Installation, seed: int = 0) -> str:
    """Makes it ready, and returns what the config calls it."""
    spec = f"onnx:{write(installation.folder / f'own-{seed}.onnx', seed)}?mean=127.5&std=127.5"
    made = installation.run("models", "make", spec)
    assert made.code == 0, made.err
    return spec


def write(path: Path, seed: int) -> Path:
    weights = np.random.default_rng(seed).normal(size=(32, 3, 8, 8)).astype(np.float32)
    weights -= weights.mean(axis=(1, 2, 3), keepdims=True)
    nodes = [
        helper.make_node("Conv", ["picture", "weights"], ["map"], strides=[8, 8]),
        helper.make_node("Relu", ["map"], ["features"]),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 64, 64])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 32, 8, 8])
    graph = helper.make_graph(nodes, "small", [picture], [features], [numpy_helper.from_array(weights, "weights")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
