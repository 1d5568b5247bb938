"""One worker process as its supervisor sees it: a socket, captured output, limits, an end.

Comes in: a command and its limits. Goes out: messages, and why the process ended. Nothing here ever waits. The process
is spawned, never forked from the service's memory; its standard input is the socket; what its libraries print is kept
(the last few kilobytes) and never reaches a terminal. Limits are set from outside, so a worker need not cooperate.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import platform
import resource
import selectors
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from sameshot.service.message import Message, Receiver, frame_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""The number of ioprio_set(2), which libc has no name for."""
_ONE_PROCESS, _IDLE_CLASS = 1, 3
_TAIL_BYTES = 8 << 10
_CHUNK_BYTES = 256 << 10
_SINGLE_THREADED = dict.fromkeys(
    ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
_INHERITED = {"HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ"}
"""What of the service's environment a worker gets, with Python's own: no bus, no notify socket, nobody's token."""
_ENVIRONMENT = _SINGLE_THREADED | {
    "MALLOC_ARENA_MAX": "2",  # each arena reserves 64 MB of the address space
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What one worker may take, and when it is replaced.

    `tasks`: recycled after so many; `resident_bytes`: recycled when larger after a task; `idle_s`: a pool without work
    for so long ends its processes; `start_s`: how long one may take to say hello.
    """

    address_space_bytes: int = 2 << 30
    file_size_bytes: int = 0
    open_files: int = 64
    tasks: int = 500
    resident_bytes: int = 700 << 20
    idle_s: float = 120.0
    start_s: float = 60.0
    niceness: int = 10


class WorkerProcess:
    """A process that was started. It holds three descriptors of the selector until `release`."""

    def __init__(self, command: Sequence[str], limits: WorkerLimits, selector: selectors.BaseSelector) -> None:
        """Starts the process. Raises OSError when that cannot be done."""
        self.started_s = time.monotonic()
        self.hello: dict[str, Any] | None = None
        self.tasks_taken = 0
        self.hung_up = False
        self.left_unread = False
        """Whether the process ended without having read all that was sent to it."""
        self._receiver = Receiver()
        self._unsent = memoryview(b"")
        self._enclosed: int | None = None
        self._tail = bytearray()
        self._selector = selector
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=theirs.fileno(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=_environment(),
                    cwd="/",  # no mount is kept busy, and no module is found in the user's folders
                    start_new_session=True,  # Ctrl-C on the terminal is for the service
                    bufsize=0,
                )
            except OSError:
                self._socket.close()
                raise
        self.pid = self._process.pid
        self._output = cast("IO[bytes]", self._process.stdout)
        self._death = os.pidfd_open(self.pid)
        self._socket.setblocking(False)
        os.set_blocking(self._output.fileno(), False)
        for watched in (self._socket, self._output, self._death):
            selector.register(watched, selectors.EVENT_READ, self)
        self._limit(limits)

    # ---------------------------------------------------------------- talking

    def send(self, message: Message, descriptor: int | None, cpu_s: float) -> None:
        """Begins to send one request, with a descriptor that must stay open until the answer.

        `cpu_s`: processor time after which the kernel ends the process, should its supervisor be too busy to.
        """
        self.tasks_taken += 1
        self._allow_cpu(cpu_s)
        self._unsent, self._enclosed = memoryview(frame_of(message)), descriptor
        self._flush()

    def attend(self) -> list[Message]:
        """Does what its descriptors are ready for; returns what arrived. Raises BadMessage when that makes no sense."""
        self._flush()
        self._keep_output()
        messages: list[Message] = []
        while not self.hung_up:
            try:
                piece = self._socket.recv(_CHUNK_BYTES)
            except BlockingIOError:
                break
            except ConnectionError:  # Linux says so, instead of the end, when the peer left something unread
                self.left_unread = self.hung_up = True
                break
            self.hung_up = not piece
            messages += self._receiver.feed(piece)
            if messages:
                break  # what else there is will be announced again; a flood must not keep the others waiting
        if self.hung_up:
            self._unwatch(self._socket)
        return messages

    @property
    def listens(self) -> bool:
        """Whether a request sent now would be read, as far as is known."""
        return self.hello is not None and not self.hung_up and not self.left_unread

    def _flush(self) -> None:
        while self._unsent and not self.hung_up:
            try:
                if self._enclosed is None:
                    sent = self._socket.send(self._unsent)
                else:
                    sent = socket.send_fds(self._socket, [self._unsent], [self._enclosed])
                    self._enclosed = None
            except BlockingIOError:
                break
            except ConnectionError:
                self.left_unread, self._unsent = True, memoryview(b"")
                return
            self._unsent = self._unsent[sent:]
        if not self.hung_up:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
            self._selector.modify(self._socket, wanted, self)

    def _keep_output(self) -> None:
        if self._output.closed or self._output.fileno() not in self._selector.get_map():
            return
        with contextlib.suppress(BlockingIOError):
            piece = os.read(self._output.fileno(), _CHUNK_BYTES)
            if not piece:
                self._unwatch(self._output)
            self._tail = (self._tail + piece)[-_TAIL_BYTES:]

    @property
    def tail(self) -> str:
        """The last of what the process and its libraries printed."""
        return self._tail.decode("utf-8", "replace").strip()

    # ---------------------------------------------------------------- ending

    def kill(self) -> None:
        """Has the kernel end it. A process that waits for a dead disk ends when the disk answers."""
        self._process.kill()

    def ended(self) -> int | None:
        """Its exit status (negative: the signal that ended it), None while it runs."""
        status = self._process.poll()
        if status is not None:
            self._keep_output()
        return status

    def release(self) -> None:
        """Gives back its descriptors. To be called once it has ended, or will be waited for no longer."""
        for watched in (self._socket, self._output, self._death):
            self._unwatch(watched)
        self._socket.close()
        self._output.close()
        os.close(self._death)

    def wait(self, timeout_s: float) -> None:
        """Waits for its end, for the close of a pool only."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)

    # ---------------------------------------------------------------- limits

    def resident_bytes(self) -> int:
        """How much memory it holds; 0 when it has ended."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * resource.getpagesize()

    def _limit(self, limits: WorkerLimits) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            for kind, most in (
                (resource.RLIMIT_AS, limits.address_space_bytes),
                (resource.RLIMIT_FSIZE, limits.file_size_bytes),
                (resource.RLIMIT_NOFILE, limits.open_files),
                (resource.RLIMIT_CORE, 0),
            ):
                _, hard = resource.prlimit(self.pid, kind)
                within = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.prlimit(self.pid, kind, (within, within))
        give_way(self.pid, limits.niceness)
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.pid}/oom_score_adj").write_text("800")

    def _allow_cpu(self, cpu_s: float) -> None:
        with contextlib.suppress(OSError, IndexError):
            times = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            used_s = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
            _, hard = resource.prlimit(self.pid, resource.RLIMIT_CPU)
            resource.prlimit(self.pid, resource.RLIMIT_CPU, (math.ceil(used_s + cpu_s) + 1, hard))

    def _unwatch(self, watched: socket.socket | IO[bytes] | int) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(watched)


def give_way(pid: int, niceness: int) -> None:
    """Puts a process behind all others, at processor and disk: a courtesy, which a hardened unit may forbid."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, max(os.getpriority(os.PRIO_PROCESS, 0), niceness))
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, _ONE_PROCESS, pid, _IDLE_CLASS << 13)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith("PYTHON")}
    return kept | _ENVIRONMENT


def signal_name(number: int) -> str:
    """SIGSEGV for 11; a word with the number for one that has no name here."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
