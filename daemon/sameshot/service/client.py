"""How a running service is asked: the caller's side of the socket.

Comes in: a verb with its arguments. Goes out: its result, or the error that the service gave, as the same type with the
same exit code. Refuses to guess: where no service answers, `ServiceAbsent` lets the caller open the state itself.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sameshot.errors import BadInput, SameshotError, StateUnavailable
from sameshot.service.control import LONGEST_REQUEST_BYTES, socket_address

_ASK_AGAIN_S = 0.05
_BY_EXIT_CODE = {2: BadInput, 3: StateUnavailable}


class ServiceAbsent(StateUnavailable):
    """No service answers for this state."""


def call(
    socket_path: Path,
    verb: str,
    arguments: dict[str, Any],
    config: Path | None = None,
    on_progress: Callable[[dict[str, Any]], None] = lambda _: None,
    *,
    silence_s: float | None = None,
) -> Any:
    """Returns the verb's result. `silence_s` bounds the wait between two lines; None waits as long as it takes.

    Raises ServiceAbsent when nobody listens, StateUnavailable when the service goes silent or ends, and what the verb
    raised over there.
    """
    request = {"verb": verb, "arguments": arguments, "config": str(config) if config else None}
    question = json.dumps(request).encode() + b"\n"
    if len(question) > LONGEST_REQUEST_BYTES:
        raise BadInput("This is too much for one request to the service", "Name fewer files at a time")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(silence_s)
        try:
            with socket_address(socket_path) as address:
                _connect(line, address, silence_s)
        except TimeoutError as error:
            raise _silent(silence_s) from error
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise ServiceAbsent("No sameshot service is running on this state", "Start it: sameshot watch") from error
        except OSError as error:
            raise StateUnavailable(
                f"The service at {socket_path} cannot be reached: {error.strerror or error}",
                "Ask as the user whose state it is, or name another with --state-dir",
            ) from error
        try:
            line.sendall(question)
            with line.makefile("rb") as answers:
                for answer in answers:
                    message = json.loads(answer)
                    if "progress" not in message:
                        return _result_of(message)
                    on_progress(message["progress"])
        except TimeoutError as error:
            raise _silent(silence_s) from error
        except ConnectionError as error:
            raise _ended() from error
    raise _ended()


def _connect(line: socket.socket, address: str, silence_s: float | None) -> None:
    """Connects, waiting while too many others ask. Raises TimeoutError."""
    until_s = time.monotonic() + (silence_s or 0.0)
    while True:
        try:
            line.connect(address)
        except BlockingIOError:  # with a timeout the kernel does not wait for a place in the queue
            if time.monotonic() >= until_s:
                raise TimeoutError from None
            time.sleep(_ASK_AGAIN_S)
        else:
            return


def _silent(silence_s: float | None) -> StateUnavailable:
    return StateUnavailable(f"The service did not answer for {silence_s:g} s", "See its log: sameshot log")


def _ended() -> StateUnavailable:
    return StateUnavailable("The service ended before it had answered", "Ask again")


def _result_of(message: dict[str, Any]) -> Any:
    if "error" not in message:
        return message["result"]
    error = message["error"]
    raise _BY_EXIT_CODE.get(error["exit_code"], SameshotError)(error["message"], error["hint"])
