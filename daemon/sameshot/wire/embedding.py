"""What goes to the trusted process, which makes the vectors of encoders that no worker can serve.

Comes in: a worker's answer to "look" with the upright picture in place of the vector. Goes out: the request "embed"
with many pictures, and the answers with their vectors. Pictures come from processes that may have been taken over by a
photo: shapes and lengths are checked before and after the pipe. No path and no name of a photo is in it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sameshot.service.message import BadMessage, Message
from sameshot.service.two_stages import Second
from sameshot.service.workers import WorkerLimits

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST_SIDE_PX = 4096
_LIMITS = WorkerLimits(
    # Of code that the owner trusts: torch and CUDA reserve more than a photo may, and an own dataset reads files.
    address_space_bytes=1 << 46,
    file_size_bytes=1 << 30,
    open_files=1024,
    tasks=1 << 30,
    resident_bytes=16 << 30,
    idle_s=600.0,
)


def second() -> Second:
    """The trusted process as the pool of workers knows it."""
    command = [sys.executable, "-P", "-m", "sameshot.trusted"]
    return Second(command, _LIMITS, recipe_of, embed_request, with_vectors)


def recipe_of(request: Message) -> str | None:
    """The recipe of the encoder that a request asks for, where the trusted process serves it."""
    encoder = request.header.get("encoder")
    path = encoder.get("path") if isinstance(encoder, dict) else None
    return path if isinstance(path, str) and path.endswith(".json") else None


def with_picture(reply: Message, pixels: NDArray[np.uint8]) -> Message:
    """A worker's answer with the picture, uint8 (h, w, 3), in place of its vector."""
    return Message({**reply.header, "picture": list(pixels.shape[:2])}, (pixels.tobytes(), *reply.buffers[1:]))


def embed_request(recipe: str, replies: Sequence[Message]) -> Message:
    """The request "embed" for the pictures of several answers. Raises BadMessage."""
    shapes = [reply.header.get("picture") for reply in replies]
    pictures = tuple(reply.buffers[0] if reply.buffers else b"" for reply in replies)
    for shape, picture in zip(shapes, pictures, strict=True):
        _check(shape, picture)
    return Message({"task": "embed", "recipe": recipe, "pictures": shapes}, pictures)


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """`recipe`: of the encoder. `pictures`: uint8 (h, w, 3), upright."""

    recipe: Path
    pictures: tuple[NDArray[np.uint8], ...]

    @classmethod
    def of(cls, message: Message) -> EmbedRequest:
        """What `embed_request` wrote. Raises BadMessage."""
        recipe, shapes = message.header.get("recipe"), message.header.get("pictures")
        if not isinstance(recipe, str) or not isinstance(shapes, list) or len(shapes) != len(message.buffers):
            raise BadMessage("embed wants a recipe and pictures")
        pairs = zip(shapes, message.buffers, strict=True)
        return cls(Path(recipe), tuple(_picture(shape, buffer) for shape, buffer in pairs))


def vectors_to_message(vectors: NDArray[np.float32]) -> Message:
    """The answer to "embed"."""
    return Message({}, tuple(vector.astype("<f4").tobytes() for vector in vectors))


def with_vectors(replies: Sequence[Message], answer: Message) -> list[Message]:
    """The workers' answers with the vectors in their places; what these hold is checked by who reads them."""
    if len(answer.buffers) != len(replies):
        raise BadMessage(f"{len(answer.buffers)} vectors of {len(replies)} pictures")
    whole = []
    for reply, vector in zip(replies, answer.buffers, strict=True):
        header = {name: value for name, value in reply.header.items() if name != "picture"}
        whole.append(Message(header, (vector, *reply.buffers[1:])))
    return whole


def _picture(shape: Any, buffer: bytes) -> NDArray[np.uint8]:
    _check(shape, buffer)
    return np.frombuffer(buffer, np.uint8).reshape(*shape, 3)


def _check(shape: Any, buffer: bytes) -> None:
    fits = isinstance(shape, list) and len(shape) == 2 and all(type(side) is int for side in shape)
    if not fits or not all(1 <= side <= _LARGEST_SIDE_PX for side in shape) or len(buffer) != 3 * shape[0] * shape[1]:
        raise BadMessage("a picture is not as large as it says")
