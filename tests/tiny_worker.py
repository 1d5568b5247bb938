"""A worker of the tests' own: the real loop, with tasks that go wrong in every way a decoder can."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from pathlib import Path

from sameshot.errors import PhotoUnreadable
from sameshot.service.message import Message
from sameshot.service.worker_loop import connect, serve
from sameshot.service.worker_sandbox import confine, die_with_parent
from sameshot.service.worker_seccomp import give_up_system_calls


def echo(request, descriptor):
    content = b"" if descriptor is None else os.read(descriptor, 1000)
    return Message(
        {"echo": request.header, "pid": os.getpid(), "environment": list(os.environ)}, (*request.buffers, content)
    )


def segfault(request, descriptor):
    print("about to read address zero", file=sys.stderr)
    ctypes.string_at(0)


def hang(request, descriptor):
    time.sleep(1000)


def spin(request, descriptor):
    while True:
        pass


def allocate(request, descriptor):
    hoard = []
    while True:
        hoard.append(bytearray(50 << 20))


def keep(request, descriptor, kept=[]):  # noqa: B006 - it is a leak
    kept.append(b"x" * request.header["bytes"])
    return Message({"pid": os.getpid()})


def refuse(request, descriptor):
    raise PhotoUnreadable("this is no photo")


def fail(request, descriptor):
    raise ZeroDivisionError("by zero")


def leave(request, descriptor):
    os._exit(3)


def garble(request, descriptor):
    os.write(request.header["socket"], b"no frame at all" * 10)
    time.sleep(1000)


def chatter(request, descriptor):
    for _ in range(200):
        print("warning: " + "x" * 5000)
    return Message({})


def trespass(request, descriptor):
    def attempt(act):
        try:
            act()
        except OSError as error:
            return error.errno
        return 0

    return Message(
        {
            "write": attempt(lambda: Path(request.header["folder"], "written").write_text("x")),
            "read": attempt(lambda: Path(request.header["folder"], "secret").read_text()),
            "send": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()),
            "connect": attempt(lambda: socket.create_connection(("127.0.0.1", request.header["port"]), 5)),
            "run": attempt(lambda: os.posix_spawn("/bin/true", ["true"], {})),
            "given": os.read(descriptor, 100).decode(),
        }
    )


TASKS = [echo, segfault, hang, spin, allocate, keep, refuse, fail, leave, garble, chatter, trespass]

if __name__ == "__main__":
    if "--broken" in sys.argv:
        sys.exit("ImportError: no module named spline")
    connection = connect()
    die_with_parent()
    libraries = [Path(place) for place in {sys.prefix, sys.base_prefix, *sys.path} if place]
    version = confine([*libraries, Path("/usr/lib"), Path("/lib")]) if "--confined" in sys.argv else 0
    if "--filtered" in sys.argv:
        give_up_system_calls()
    serve(connection, {task.__name__: task for task in TASKS}, {"landlock": version, "socket": connection.fileno()})
