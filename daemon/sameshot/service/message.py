"""What the service and its workers say to each other: a JSON header and raw buffers over a stream socket.

Comes in: bytes of a peer that may have been taken over by the photo it read. Goes out: messages of bounded size.
Nothing is ever unpickled. Refuses, as BadMessage, whatever is not exactly one frame after the other:

    magic (4 bytes) | length of the JSON (u32) | length of all buffers (u64) | JSON | buffers
    JSON: {"sizes": [bytes of each buffer], "header": {...}}
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from dataclasses import dataclass
from typing import Any, Never

_PREFIX = struct.Struct("<4sIQ")
_MAGIC = b"shot"
_HEADER_LIMIT_BYTES = 4 << 20
_BODY_LIMIT_BYTES = 64 << 20
_CHUNK_BYTES = 256 << 10


class BadMessage(ValueError):
    """The peer sent something that is no message, or a message that does not say what it should."""


@dataclass(frozen=True, slots=True)
class Message:
    """`header` holds JSON values only; what `buffers` mean is agreed between the two ends."""

    header: dict[str, Any]
    buffers: tuple[bytes, ...] = ()


def frame_of(message: Message) -> bytes:
    """The bytes that carry one message. Raises BadMessage when it is too large or holds what JSON cannot."""
    envelope = {"sizes": [len(buffer) for buffer in message.buffers], "header": message.header}
    try:
        header = json.dumps(envelope, allow_nan=False).encode("ascii")
    except (TypeError, ValueError) as error:
        raise BadMessage(f"not a JSON value: {error}") from error
    prefix = _PREFIX.pack(_MAGIC, len(header), sum(envelope["sizes"]))
    _check_sizes(prefix)
    return b"".join((prefix, header, *message.buffers))


class Receiver:
    """Puts messages together from the pieces that arrive on one socket."""

    def __init__(self) -> None:
        self._arrived = bytearray()

    def feed(self, piece: bytes) -> list[Message]:
        """The messages that `piece` completes, in order. Raises BadMessage when the stream is not one of frames."""
        self._arrived += piece
        messages = []
        while len(self._arrived) >= _PREFIX.size:
            header_end, frame_end = _check_sizes(self._arrived[: _PREFIX.size])
            if len(self._arrived) < frame_end:
                break
            header = bytes(self._arrived[_PREFIX.size : header_end])
            messages.append(_parse(header, bytes(self._arrived[header_end:frame_end])))
            del self._arrived[:frame_end]
        return messages


def send_message(connection: socket.socket, message: Message) -> None:
    """Writes one message to a blocking socket."""
    connection.sendall(frame_of(message))


def receive_message(connection: socket.socket) -> tuple[Message, int | None] | None:
    """The next message on a blocking socket and the descriptor that came with it, owned by the caller; None at its end.

    For a peer that sends one message and waits for the answer, as a worker's supervisor does.
    """
    receiver = Receiver()
    descriptors = array.array("i")
    while True:
        piece, ancillary, _, _ = connection.recvmsg(_CHUNK_BYTES, socket.CMSG_SPACE(descriptors.itemsize))
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
        if not piece:
            return None
        if messages := receiver.feed(piece):
            descriptor = descriptors[0] if descriptors else None
            for surplus in descriptors[1:]:
                os.close(surplus)
            return messages[0], descriptor


def _check_sizes(prefix: bytes | bytearray) -> tuple[int, int]:
    """Where the header and the frame end."""
    magic, header_bytes, body_bytes = _PREFIX.unpack(prefix)
    if magic != _MAGIC:
        raise BadMessage("not a message")
    if header_bytes > _HEADER_LIMIT_BYTES or body_bytes > _BODY_LIMIT_BYTES:
        raise BadMessage(f"a message of {header_bytes + body_bytes} bytes is too large")
    header_end = _PREFIX.size + header_bytes
    return header_end, header_end + body_bytes


def _parse(header: bytes, body: bytes) -> Message:
    try:
        envelope = json.loads(header, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from error
    match envelope:
        case {"sizes": list(sizes), "header": dict(fields)} if all(type(size) is int and size >= 0 for size in sizes):
            pass
        case _:
            raise BadMessage("a message without sizes and header")
    if sum(sizes) != len(body):
        raise BadMessage("buffers are not as long as announced")
    buffers, start = [], 0
    for size in sizes:
        buffers.append(body[start : start + size])
        start += size
    return Message(fields, tuple(buffers))


def _no_number(word: str) -> Never:
    raise ValueError(f"{word} is no number")
