"""The worker's end of the line: one request after the other, one answer to each.

Comes in: requests and open descriptors from the supervisor, over the socket that is this process's standard input.
Goes out: a hello, then for each request {"result": ...} or {"failed": {"kind", "reason"}}. A photo that cannot be
looked at is an answer like others, of kind "refused"; so is any other exception, whose traceback goes to standard
error, where the supervisor keeps its tail. Out of memory is told with bytes made beforehand, and ends the process:
what is left of a failed allocation hangs in its traceback.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from sameshot.errors import PhotoUnreadable, SameshotError
from sameshot.service.message import BadMessage, Message, frame_of, receive_message, send_message

Handler = Callable[[Message, int | None], Message]
"""A request and the descriptor that came with it (open while the handler runs) -> the answer."""

_REASON_LIMIT = 500


def _failed(kind: str, reason: str) -> Message:
    return Message({"failed": {"kind": kind, "reason": reason[:_REASON_LIMIT]}})


_OUT_OF_MEMORY = frame_of(_failed("memory", "it needs more memory than one photo may take"))


def connect() -> socket.socket:
    """The socket to the supervisor. Standard input becomes empty, and only the supervisor ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return connection


def serve(connection: socket.socket, handlers: Mapping[str, Handler], hello: dict[str, Any]) -> None:
    """Answers requests, each by the handler its "task" names, until the supervisor hangs up."""
    send_message(connection, Message({"hello": hello}))
    try:
        while (received := receive_message(connection)) is not None:
            request, descriptor = received
            try:
                answer = _answer(handlers, request, descriptor)
            finally:
                if descriptor is not None:
                    os.close(descriptor)
            connection.sendall(answer)
            del received, request, answer
    except MemoryError:
        os.write(connection.fileno(), _OUT_OF_MEMORY)
        os._exit(1)


def _answer(handlers: Mapping[str, Handler], request: Message, descriptor: int | None) -> bytes:
    task = request.header.get("task")
    if not isinstance(task, str) or task not in handlers:
        return frame_of(_failed("error", f"this worker knows no task {task!r}"))
    try:
        if descriptor is not None:
            os.lseek(descriptor, 0, os.SEEK_SET)  # its offset is shared with whoever held it before
        answer = handlers[task](request, descriptor)
        return frame_of(Message({"result": answer.header}, answer.buffers))
    except PhotoUnreadable as refusal:
        return frame_of(_failed("refused", str(refusal)))
    except SameshotError as error:
        return frame_of(_failed("error", str(error)))
    except MemoryError:
        raise
    except BadMessage as error:
        return frame_of(_failed("error", f"the worker was asked, or answered, what it cannot say: {error}"))
    except Exception as error:  # noqa: BLE001 - the boundary of one task
        if _is_out_of_memory(error):
            raise MemoryError from None
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
        return frame_of(_failed("error", f"an unexpected {type(error).__name__}: {error}"))


def _is_out_of_memory(error: Exception) -> bool:
    """Native libraries say it in words of their own: std::bad_alloc, OpenCV's error -4."""
    return getattr(error, "code", None) == -4 or "bad_alloc" in str(error)
