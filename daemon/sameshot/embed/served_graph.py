"""Any network that turns an image into features, made into the one form that is served.

Comes in: an ONNX model with one image input, how its pixels are to be prepared, and how many dimensions are wanted.
Goes out: a model that takes one upright uint8 picture (1, side, side, 3) and gives a unit vector (1, dimension). All
between pixels and vector is in the file; two facts stand in its metadata, the side in px to which a picture is
stretched, and whether its light is evened out first. Features over places, (1, channels, height, width) or
(1, places, channels), become their mean. A projection is a fixed random rotation, as in lite0_graph.

Refuses models of an unknown shape with one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sameshot.errors import BadInput

SIDE_KEY, LIGHT_KEY = "sameshot.side_px", "sameshot.light"
_OLDEST_OPSET, _OLDEST_IR = 11, 4
_LARGEST_BYTES = 1 << 30
_TINY = np.float32(1e-6)
"""Added to each feature, so that a vector of zeros, which has no direction, becomes one."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Pixel values 0..255 become (value - mean) / std by channel, in the order red, green, blue unless `bgr`.

    `light`: `evened` or `as-taken`. All of it is part of the encoder's id.
    """

    side_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False
    light: str = "evened"


def input_side(model: onnx.ModelProto) -> int | None:
    """The side in px of the pictures a model takes; None where it takes any. Raises BadInput when no square fits."""
    height, width = _image_input(model)[1]
    if height != width:
        raise BadInput(f"The model takes pictures of {width} x {height} px", "Only square ones can be served")
    return height or None


def serve(
    model: onnx.ModelProto, preparation: Preparation, *, output: str | None = None, embedding_size: int | None = None
) -> tuple[bytes, int]:
    """Returns the bytes of the served file and the dimension of its vectors.

    `output`: the tensor that holds the features, the model's first output where None. `embedding_size`: rotate down to
    so many dimensions. Raises BadInput when the model cannot be served so.
    """
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset < _OLDEST_OPSET:
        raise BadInput(f"The model is of ONNX opset {opset}", f"Export it with opset {_OLDEST_OPSET} or newer")
    source, _, layout = _image_input(model)
    features = _feature_tensor(model, output)
    shape = _feature_shape(model, source, layout, features, preparation.side_px)
    before, after = _Nodes(model.graph, "before"), _Nodes(model.graph, "after")
    _prepare(before, preparation, source, layout)
    vector, dimension = _flatten(after, features, shape)
    if embedding_size is not None:
        vector, dimension = _rotate(after, vector, dimension, embedding_size), embedding_size
    unit = after.add("LpNormalization", after.add("Add", vector, after.constant(_TINY)), axis=1, p=2)
    result = after.add("Identity", unit)
    side = preparation.side_px
    served = helper.make_model(
        helper.make_graph(
            [*before.nodes, *model.graph.node, *after.nodes],
            "encoder",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, side, side, 3])],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, [1, dimension])],
            [*before.constants, *model.graph.initializer, *after.constants],
        ),
        functions=model.functions,
        opset_imports=model.opset_import,
        ir_version=max(model.ir_version, _OLDEST_IR),
    )
    helper.set_model_props(served, {SIDE_KEY: str(side), LIGHT_KEY: preparation.light})
    if served.ByteSize() > _LARGEST_BYTES:
        raise BadInput("The model is larger than 1 GB", "Choose a smaller one")
    content: bytes = served.SerializeToString(deterministic=True)
    return content, dimension


class _Nodes:
    """Nodes and constants that are added to a graph, under names that it does not use."""

    def __init__(self, graph: onnx.GraphProto, prefix: str) -> None:
        taken = {name for node in graph.node for name in (*node.input, *node.output)}
        while any(name.startswith(prefix) for name in taken):
            prefix += "_"
        self._prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        name = f"{self._prefix}_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value), name))
        return name

    def add(self, operator: str, *inputs: str, named: str = "", **attributes: Any) -> str:
        name = named or f"{self._prefix}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name


def _image_input(model: onnx.ModelProto) -> tuple[str, tuple[int, int], str]:
    """Name, (height, width) in px with 0 for any, and layout of the one input that is no weight."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in weights]
    if len(inputs) != 1:
        raise BadInput(f"The model has {len(inputs)} inputs", "Only one that takes a picture alone can be served")
    kind = inputs[0].type.tensor_type
    shape = [size.dim_value for size in kind.shape.dim]
    is_picture = len(shape) == 4 and shape[0] in (0, 1) and 3 in (shape[1], shape[3])
    if kind.elem_type != TensorProto.FLOAT or not is_picture:
        raise BadInput(
            f"The model takes {shape or 'no picture'} (0: any size)",
            "A picture is float (1, 3, height, width) or (1, height, width, 3)",
        )
    if shape[1] == 3:
        return inputs[0].name, (shape[2], shape[3]), "nchw"
    return inputs[0].name, (shape[1], shape[2]), "nhwc"


def _feature_tensor(model: onnx.ModelProto, output: str | None) -> str:
    if output is None:
        return str(model.graph.output[0].name)
    if output not in {name for node in model.graph.node for name in node.output}:
        raise BadInput(f"The model has no tensor named {output!r}", "A viewer of ONNX files shows the names")
    return output


def _feature_shape(model: onnx.ModelProto, source: str, layout: str, features: str, side_px: int) -> tuple[int, ...]:
    """Found by running the model once: what files say of their own shapes is often missing or wrong."""
    trial = onnx.ModelProto()
    trial.CopyFrom(model)
    if features not in {one.name for one in trial.graph.output}:
        trial.graph.output.append(onnx.ValueInfoProto(name=features))
    shape = (1, 3, side_px, side_px) if layout == "nchw" else (1, side_px, side_px, 3)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(trial.SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = session.run([features], {source: np.zeros(shape, np.float32)})[0]
    except Exception as error:  # its exceptions share no type
        reason = str(error).strip().splitlines()[0]
        raise BadInput(
            f"The model does not run on a picture of {side_px} px: {reason}", "Check its input_size"
        ) from error
    if found.ndim not in (2, 3, 4) or found.shape[0] != 1 or found.dtype != np.float32 or found.size < 2:
        raise BadInput(
            f"The features are {found.dtype} {found.shape}",
            "float32 (1, size), (1, places, channels) or (1, channels, height, width) can be served",
        )
    return tuple(found.shape)


def _prepare(before: _Nodes, preparation: Preparation, source: str, layout: str) -> None:
    """Pixels to what the model takes, under the name of its input."""
    floats = before.add("Cast", "pixels", to=TensorProto.FLOAT)
    centred = before.add("Sub", floats, before.constant(np.array(preparation.mean, np.float32)))
    scaled = before.add("Div", centred, before.constant(np.array(preparation.std, np.float32)))
    if preparation.bgr:
        scaled = before.add("Gather", scaled, before.constant(np.array([2, 1, 0], np.int64)), axis=3)
    if layout == "nchw":
        before.add("Transpose", scaled, perm=[0, 3, 1, 2], named=source)
    else:
        before.add("Identity", scaled, named=source)


def _flatten(after: _Nodes, features: str, shape: tuple[int, ...]) -> tuple[str, int]:
    """The mean over places, (1, channels)."""
    if len(shape) == 2:
        return features, shape[1]
    channels = shape[1]
    if len(shape) == 3:
        features, channels = after.add("Transpose", features, perm=[0, 2, 1]), shape[2]
    return after.add("Flatten", after.add("GlobalAveragePool", features), axis=1), channels


def _rotate(after: _Nodes, vector: str, width: int, size: int) -> str:
    if size > width:
        raise BadInput(
            f"The features have {width} dimensions, fewer than embedding_size {size}", "Ask for at most that"
        )
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(width, size)))
    return after.add("MatMul", vector, after.constant(rotation.astype(np.float32)))
