"""A small picture of a photo on the wire: square pixels for trainers, a JPEG for people to look at.

Comes in: the side in px, or a worker's answer, which is not trusted: what a JPEG holds is for a browser only. Goes out:
the other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sameshot.service.message import BadMessage, Message

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_SIDE_PX = 512
_JPEG_BEGINS = b"\xff\xd8\xff"


def crop_request(side_px: int, change: str | None = None) -> Message:
    """The request "crop": the whole picture stretched to a square, after `change` where one is named."""
    changed = {} if change is None else {"change": change}
    return Message({"task": "crop", "side_px": side_px, **changed})


def thumbnail_request(side_px: int) -> Message:
    """The request "thumbnail": the whole picture as a JPEG, upright, no side longer than `side_px`."""
    return Message({"task": "thumbnail", "side_px": side_px})


def side_of(request: Message) -> int:
    """The side that either request wants. Raises BadMessage."""
    side_px = request.header.get("side_px")
    if type(side_px) is not int or not 1 <= side_px <= LARGEST_SIDE_PX:
        raise BadMessage("a small picture wants a side")
    return side_px


def crop_to_message(pixels: NDArray[np.uint8]) -> Message:
    """The answer to "crop"."""
    return Message({}, (np.ascontiguousarray(pixels, np.uint8).tobytes(),))


def crop_from_message(message: Message, side_px: int) -> NDArray[np.uint8]:
    """What "crop" answered: uint8 (side, side, 3), RGB. Raises BadMessage."""
    if len(message.buffers) != 1 or len(message.buffers[0]) != side_px * side_px * 3:
        raise BadMessage("the crop is of another size")
    return np.frombuffer(message.buffers[0], np.uint8).reshape(side_px, side_px, 3)


def thumbnail_from_message(message: Message, side_px: int) -> bytes:
    """The JPEG that "thumbnail" answered. Raises BadMessage."""
    if len(message.buffers) != 1 or len(message.buffers[0]) > side_px * side_px * 3:
        raise BadMessage("the thumbnail is of another size")
    jpeg = bytes(message.buffers[0])
    if not jpeg.startswith(_JPEG_BEGINS):
        raise BadMessage("the thumbnail is no JPEG")
    return jpeg
