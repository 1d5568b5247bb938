"""How a running service is asked: the server's side of the socket.

Comes in: connections of the owner (or root) to a socket only they can open; on each, one line of JSON
`{"verb": NAME, "arguments": {...}, "config": PATH or null}`. Goes out: any number of `{"progress": {...}}` lines and
one `{"result": ...}` or `{"error": {"message": ..., "hint": ..., "exit_code": ...}}`, after which the server hangs up.
Refuses other users, lines above 1 MB and clients that stop reading; none of them can hold up the loop that serves.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sameshot.errors import BadInput, SameshotError, StateUnavailable

LONGEST_REQUEST_BYTES = 1_000_000
LARGEST_ANSWER_BYTES = 128_000_000
MOST_CONNECTIONS = 32
PATIENCE_S = 20.0
"""How long a client may take to finish its request, or to read the next bytes of an answer."""
_PROGRESS_BACKLOG_BYTES = 65_536

_log = logging.getLogger(__name__)


class Request:
    """One question. Answer it once, now or in a later turn of the loop, with `finish` or `fail`."""

    def __init__(self, connection: _Connection, verb: str, arguments: dict[str, Any], config: str | None) -> None:
        self.verb = verb
        self.arguments = arguments
        self.config = config
        self._connection = connection

    @property
    def abandoned(self) -> bool:
        """Whether the client has gone, so that nobody waits for the answer."""
        return self._connection.closed

    def progress(self, values: dict[str, Any]) -> None:
        """Tells how far it is; left out for a client that is slow to read."""
        if len(self._connection.output) < _PROGRESS_BACKLOG_BYTES:
            self._connection.say({"progress": values})

    def finish(self, result: Any) -> None:
        """Answers."""
        self._connection.say({"result": result}, last=True)

    def fail(self, error: SameshotError) -> None:
        """Answers that it cannot be done, and why."""
        answer = {"message": str(error.args[0]), "hint": error.hint, "exit_code": error.exit_code}
        self._connection.say({"error": answer}, last=True)


class ControlServer:
    """The socket of one service. Its `fileno` turns readable when there is something to do; then call `handle`."""

    def __init__(self, path: Path) -> None:
        """Binds `path`, replacing what a dead service left. The caller holds the lock of the state.

        Raises StateUnavailable when something else is there or the folder cannot hold a socket.
        """
        self._path = path
        self._selector = selectors.EpollSelector()
        try:
            self._listener = _listen(path)
        except BaseException:
            self._selector.close()
            raise
        self._bound = identity_of(path)
        self._connections: set[_Connection] = set()
        self._watch_for_more()

    def keep_reachable(self) -> None:
        """Binds anew where somebody removed the socket. Raises StateUnavailable when another service has the place."""
        if identity_of(self._path) == self._bound:
            return
        fresh = _listen(self._path)
        if self._listener in self._selector.get_map():
            self._selector.unregister(self._listener)
        self._listener.close()
        self._listener, self._bound = fresh, identity_of(self._path)
        self._watch_for_more()

    def fileno(self) -> int:
        """Returns a descriptor for the outer selector."""
        return self._selector.fileno()

    def handle(self, on_request: Callable[[Request], None], now_s: float) -> None:
        """Does what can be done without waiting. `now_s` is a monotonic clock; call it every few seconds at least.

        `on_request` gets each complete request; a SameshotError it raises is the answer.
        """
        asked_in = False
        for key, events in self._selector.select(0):
            connection: _Connection | None = key.data
            if connection is None:
                asked_in = True
                continue
            if events & selectors.EVENT_WRITE and not connection.closed:
                connection.write()
            if events & selectors.EVENT_READ and not connection.closed:
                self._read(connection, on_request)
        for connection in [*self._connections]:
            if connection.is_overdue(now_s):
                connection.close()
            if connection.closed:
                self._connections.discard(connection)
        if asked_in:
            # Last, when those who hung up have made room.
            self._accept(now_s)
        self._watch_for_more()

    def close(self) -> None:
        """Hangs up on everybody and removes the socket."""
        for connection in self._connections:
            connection.close()
        self._selector.close()
        self._listener.close()
        if identity_of(self._path) == self._bound:
            self._path.unlink(missing_ok=True)

    def _accept(self, now_s: float) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            if _peer_uid(client) not in (0, os.geteuid()):
                client.close()
                return
            self._connections.add(_Connection(client, self._selector, now_s))

    def _watch_for_more(self) -> None:
        """Leaves those who are too many in the kernel's queue until somebody has hung up."""
        is_full, is_watched = len(self._connections) >= MOST_CONNECTIONS, self._listener in self._selector.get_map()
        if is_full and is_watched:
            self._selector.unregister(self._listener)
        elif not is_full and not is_watched:
            self._selector.register(self._listener, selectors.EVENT_READ)

    def _read(self, connection: _Connection, on_request: Callable[[Request], None]) -> None:
        line = connection.read()
        if line is None:
            return
        request = Request(connection, "", {}, None)
        try:
            request.verb, request.arguments, request.config = _parse(line)
            on_request(request)
        except SameshotError as error:
            request.fail(error)
        except Exception:  # noqa: BLE001  logged whole
            # The boundary of a request: a fault in one verb is that caller's answer, and the service goes on.
            _log.exception("the verb %r failed", request.verb)
            request.fail(SameshotError("The service met a fault in itself", "Its log says which: `sameshot log`"))


class _Connection:
    """One client: what it has said so far, and what it has still to read."""

    def __init__(self, client: socket.socket, selector: selectors.BaseSelector, now_s: float) -> None:
        self.output = bytearray()
        self.closed = False
        self._client = client
        self._selector = selector
        self._input = bytearray()
        self._asked = False
        self._last = False
        self._since_s: float | None = now_s
        selector.register(client, selectors.EVENT_READ, self)

    def read(self) -> bytes | None:
        """Returns the request line when this completes it."""
        try:
            received = self._client.recv(65_536)
        except BlockingIOError:
            return None
        except OSError:
            received = b""
        if not received:
            self.close()
        if not received or self._asked:
            return None
        self._input += received
        if len(self._input) > LONGEST_REQUEST_BYTES:
            self._asked = True
            Request(self, "", {}, None).fail(BadInput("A request to the service may be at most 1 MB long"))
            return None
        line, newline, _ = self._input.partition(b"\n")
        if not newline:
            return None
        self._asked, self._input, self._since_s = True, bytearray(), None
        return bytes(line)

    def say(self, message: dict[str, Any], *, last: bool = False) -> None:
        """Queues one line; after the last one the connection ends once it is read."""
        if self.closed or self._last:
            return
        # ASCII escapes carry the lone surrogates of paths that are not UTF-8.
        line = json.dumps(message).encode() + b"\n"
        if len(self.output) + len(line) > LARGEST_ANSWER_BYTES:
            self.say(
                {"error": {"message": "The answer is too large", "hint": "Ask for less", "exit_code": 1}}, last=True
            )
            return
        self._last = last
        self.output += line
        self.write()

    def write(self) -> None:
        """Sends what the client takes without waiting."""
        try:
            sent = self._client.send(memoryview(self.output)[:1_000_000])
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        del self.output[:sent]
        if sent:
            self._since_s = None
        if self._last and not self.output:
            self.close()
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.output else 0)
        self._selector.modify(self._client, events, self)

    def is_overdue(self, now_s: float) -> bool:
        """Returns whether the client has kept the server waiting for too long."""
        if self._since_s is None and self.output:
            self._since_s = now_s
        return self._since_s is not None and now_s - self._since_s > PATIENCE_S

    def close(self) -> None:
        """Hangs up."""
        if not self.closed:
            self.closed = True
            self._selector.unregister(self._client)
            self._client.close()


def _parse(line: bytes) -> tuple[str, dict[str, Any], str | None]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    match message:
        case {"verb": str(verb), "arguments": dict(arguments), "config": str() | None as config}:
            return verb, arguments, config
    raise BadInput('A request is one line of JSON: {"verb": NAME, "arguments": {...}, "config": PATH or null}')


def identity_of(path: Path) -> tuple[int, int] | None:
    """Returns device and inode of what is at `path`, None where nothing is."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _peer_uid(client: socket.socket) -> int:
    _, uid, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return int(uid)


@contextlib.contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Gives an address for the socket at `path`, which may be longer than the 107 bytes that the kernel takes."""
    if len(os.fsencode(path)) <= 107:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with socket_address(path) as address:
            _clear(path, address)
            listener.bind(address)
        # Nobody can connect before `listen`, so the mode is set in time.
        path.chmod(0o600)
        listener.listen(MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise StateUnavailable(
            f"The control socket {path} cannot be made: {error.strerror or error}",
            "Make its folder writable, or name another with --state-dir",
        ) from error
    except StateUnavailable:
        listener.close()
        raise
    return listener


def _clear(path: Path, address: str) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise StateUnavailable(f"{path} is in the way of the control socket", "Move it away and start again")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
    raise StateUnavailable(f"Another service answers on {path}", "Stop it first, or use another --state-dir")
