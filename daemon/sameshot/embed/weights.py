"""Reads the tensors of a legacy torch checkpoint without torch, and nothing else that a pickle could hold.

Comes in: the path of a `torch.save` file of the time before zip containers, and the SHA-256 its bytes must have. Goes
out: tensor name -> float32 array. Refuses other bytes, other layouts, and every pickled global but the four that a
state dict needs: the digest says the file is the one that was read by a person, the reader keeps it harmless all the
same.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from sameshot.errors import StateUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_ELEMENT_TYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True, slots=True)
class _StorageType:
    element: np.dtype[np.generic]


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage_key: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _tensor(
    storage_key: str, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_gradient: object
) -> _Tensor:
    return _Tensor(storage_key, offset, shape, stride)


class _PlainUnpickler(pickle.Unpickler):
    """Admits numbers, strings and containers only."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a checkpoint of tensors")


class _StateUnpickler(pickle.Unpickler):
    """Admits ordered dicts of tensors; a tensor's storage stays a name until its bytes are read."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, tuple[np.dtype[np.generic], int]] = {}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _ELEMENT_TYPES:
            element: np.dtype[np.generic] = _ELEMENT_TYPES[name]
            return _StorageType(element)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a checkpoint of tensors")

    def persistent_load(self, saved: object) -> str:
        match saved:
            case ("storage", _StorageType(element), str(key), _, int(length), None):
                self.storages[key] = (element, length)
                return key
        raise pickle.UnpicklingError(f"{saved!r} is not a whole storage")


def read_tensors(path: Path, sha256: str) -> dict[str, NDArray[np.float32]]:
    """The float tensors of a legacy checkpoint by name, in the file's order; integer ones (counters) are left out.

    Raises StateUnavailable when the file cannot be read, is not the one `sha256` names, or holds more than tensors.
    """
    hint = "Reinstall the package that brings it"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StateUnavailable(f"The encoder's weights cannot be read: {error}", hint) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StateUnavailable(f"{path} is not the weights file this version was made for", hint)
    try:
        return _parse(io.BytesIO(content))
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError) as error:
        raise StateUnavailable(f"{path} is not a checkpoint of tensors: {error}", hint) from error


def _parse(stream: io.BytesIO) -> dict[str, NDArray[np.float32]]:
    """The file is: magic number, protocol, writer's system, state, storage keys (one pickle each), raw storages."""
    magic, protocol, system = (_PlainUnpickler(stream).load() for _ in range(3))
    if magic != _MAGIC_NUMBER or protocol != _PROTOCOL_VERSION or not system["little_endian"]:
        raise ValueError("its header is of another format")
    unpickler = _StateUnpickler(stream)
    state = unpickler.load()
    if not isinstance(state, dict) or not all(isinstance(tensor, _Tensor) for tensor in state.values()):
        raise TypeError("it holds something else")
    arrays: dict[str, NDArray[np.generic]] = {}
    for key in _PlainUnpickler(stream).load():
        element, promised = unpickler.storages[key]
        length = int.from_bytes(stream.read(8), "little")
        content = stream.read(length * element.itemsize)
        if length != promised or len(content) != length * element.itemsize:
            raise ValueError(f"storage {key} is cut short")
        arrays[key] = np.frombuffer(content, element)
    return {
        name: _placed(arrays[tensor.storage_key], tensor)
        for name, tensor in state.items()
        if arrays[tensor.storage_key].dtype == np.float32
    }


def _placed(storage: NDArray[np.generic], tensor: _Tensor) -> NDArray[np.float32]:
    """A tensor's own array, laid out by its strides, which may not reach outside its storage."""
    last = tensor.offset + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride, strict=True))
    if min((tensor.offset, *tensor.stride), default=0) < 0 or last >= storage.size:
        raise ValueError("a tensor reaches outside its storage")
    strides = tuple(step * storage.itemsize for step in tensor.stride)
    laid_out = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides)
    return np.array(laid_out, np.float32, order="C")
