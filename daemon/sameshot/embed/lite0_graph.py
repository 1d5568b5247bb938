"""EfficientNet-Lite0, 1 or 2 as an ONNX graph, straight from its weights.

Comes in: the tensors of the checkpoint. Goes out: a model that takes one upright square uint8 picture
(1, side, side, 3) and gives a unit vector float32 (1, DIMENSION). Batch norms are folded into the convolutions before
them, ReLU6 is a Clip. The network sees the picture, and its mirror image across the diagonal in gray: so gray copies,
and those turned by a quarter, stay near. The head is the mean over all places of both, followed by a fixed random
rotation down to DIMENSION (cosines survive it: Johnson and Lindenstrauss, 1984). So the whole encoder is a function of
the checkpoint and this file, and nothing in it was fitted. Why so: docs/decisions/encoder.md.

Architecture: Tan and Le, "EfficientNet", 2019, in its Lite form (no squeeze-and-excite, ReLU6, stem and head fixed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Tensors = dict[str, NDArray[np.float32]]

DIMENSION = 256
_FEATURES = 1280
_BATCH_NORM_EPSILON = 1e-3
_OPSET = 17
_LUMA = (0.299, 0.587, 0.114)
_LITE0_REPEATS = (1, 2, 2, 3, 3, 4, 1)
# (stride of the first block, expansion) of each stage; widths and kernels follow from the weights.
_STAGES = ((1, 1), (2, 6), (2, 6), (2, 6), (1, 6), (2, 6), (1, 6))


class _Graph:
    """Nodes and constants of a graph under construction; each method appends and returns its output's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: NDArray[np.float32] | NDArray[np.int64] | float) -> str:
        name = f"constant_{len(self.constants)}"
        array = np.asarray(value, np.float32) if isinstance(value, float) else np.ascontiguousarray(value)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def convolve(
        self, source: str, tensors: Tensors, weight: str, norm: str, *, stride: int = 1, depthwise: bool = False
    ) -> str:
        """A convolution with TensorFlow's SAME padding and the batch norm that follows it, as one node."""
        kernel = tensors[f"{weight}.weight"]
        scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _BATCH_NORM_EPSILON)
        bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
        return self.add(
            "Conv",
            source,
            self.constant((kernel * scale[:, None, None, None]).astype(np.float32)),
            self.constant(bias.astype(np.float32)),
            kernel_shape=list(kernel.shape[2:]),
            strides=[stride, stride],
            auto_pad="SAME_UPPER",
            group=kernel.shape[0] if depthwise else 1,
        )

    def relu6(self, source: str) -> str:
        return self.add("Clip", source, self.constant(0.0), self.constant(6.0))


def build(tensors: Tensors, repeats: Sequence[int] = _LITE0_REPEATS, side_px: int = 224) -> onnx.ModelProto:
    """The encoder as a checked ONNX model: input `pixels` uint8 (1, side, side, 3), output `vector` (1, DIMENSION).

    `repeats`: how many blocks each stage has. `side_px`: what it is served with, told in the metadata if it is not 224.
    """
    graph = _Graph()
    vector = _unit_vector(graph, _features(graph, tensors, repeats))
    graph.nodes.append(helper.make_node("Identity", [vector], ["vector"]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "efficientnet-lite0",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, "side", "side", 3])],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, DIMENSION])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
    )
    if side_px != 224:
        helper.set_model_props(model, {"sameshot.side_px": str(side_px)})
    onnx.checker.check_model(model)
    return model


def _features(graph: _Graph, tensors: Tensors, repeats: Sequence[int]) -> str:
    """Pixels to the last feature maps, (2, 1280, side / 32, side / 32): of the picture, and of it mirrored and gray."""
    floats = graph.add("Cast", "pixels", to=TensorProto.FLOAT)
    upright, mirrored = (graph.add("Transpose", floats, perm=order) for order in ([0, 3, 1, 2], [0, 3, 2, 1]))
    luma = np.tile(np.array(_LUMA, np.float32)[None, :, None, None], (3, 1, 1, 1))
    gray = graph.add("Conv", mirrored, graph.constant(luma), kernel_shape=[1, 1])
    centred = graph.add("Sub", graph.add("Concat", upright, gray, axis=0), graph.constant(127.0))
    current = graph.add("Mul", centred, graph.constant(1 / 128))
    current = graph.relu6(graph.convolve(current, tensors, "_conv_stem", "_bn0", stride=2))
    block = 0
    for count, (first_stride, expansion) in zip(repeats, _STAGES, strict=True):
        for repeat in range(count):
            current = _block(
                graph,
                current,
                tensors,
                f"_blocks.{block}",
                stride=1 if repeat else first_stride,
                expansion=expansion,
            )
            block += 1
    return graph.relu6(graph.convolve(current, tensors, "_conv_head", "_bn1"))


def _block(graph: _Graph, source: str, tensors: Tensors, name: str, *, stride: int, expansion: int) -> str:
    """An inverted bottleneck: widen, filter each channel, narrow; added to its source where shapes allow."""
    inner = source
    if expansion != 1:
        inner = graph.relu6(graph.convolve(inner, tensors, f"{name}._expand_conv", f"{name}._bn0"))
    depthwise = f"{name}._depthwise_conv"
    inner = graph.relu6(graph.convolve(inner, tensors, depthwise, f"{name}._bn1", stride=stride, depthwise=True))
    narrowed = graph.convolve(inner, tensors, f"{name}._project_conv", f"{name}._bn2")
    width_in = tensors[f"{name}._bn1.weight"].size // expansion
    same_shape = stride == 1 and width_in == tensors[f"{name}._bn2.weight"].size
    return graph.add("Add", narrowed, source) if same_shape else narrowed


def _unit_vector(graph: _Graph, features: str) -> str:
    """The mean over all places of both ways, turned into fewer dimensions, at length 1."""
    mean = graph.add("Squeeze", graph.add("ReduceMean", features, axes=[0, 2, 3]), graph.constant(np.array([2, 3])))
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(_FEATURES, DIMENSION)))
    projected = graph.add("MatMul", mean, graph.constant(rotation.astype(np.float32)))
    return graph.add("LpNormalization", projected, axis=1, p=2)
