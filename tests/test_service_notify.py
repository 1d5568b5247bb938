"""What systemd is told, read from a real datagram socket."""

from __future__ import annotations

import contextlib
import os
import socket
import time

import pytest

from running import Installation
from sameshot.service.notify import Notifier
from test_soak import know


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    name = str(tmp_path / "notify") if request.param == "path" else f"@sameshot-test-{os.getpid()}-{time.time_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("\0" + name[1:] if name.startswith("@") else name)
        line.settimeout(5)
        yield line, name


def test_each_call_is_one_datagram(systemd):
    line, name = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})
    before_us = time.monotonic_ns() // 1000
    for say in (notifier.ready, notifier.watchdog, notifier.stopping, notifier.reloading):
        say()
    notifier.status("120 of 3000\nphotos \u2014 \udcff")
    notifier.extend_start(2.5)
    messages = [line.recv(4096).decode() for _ in range(6)]
    reload_started, _, reload_time = messages.pop(3).partition("\nMONOTONIC_USEC=")
    assert messages == [
        "READY=1",
        "WATCHDOG=1",
        "STOPPING=1",
        "STATUS=120 of 3000 photos \u2014 ?",
        "EXTEND_TIMEOUT_USEC=2500000",
    ]
    assert reload_started == "RELOADING=1"
    assert before_us <= int(reload_time) <= time.monotonic_ns() // 1000


def test_a_manager_that_does_not_read_costs_no_time(systemd):
    line, name = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})
    began_s = time.monotonic()
    while time.monotonic() - began_s < 1:  # until one had to be waited for: nobody reads
        began_s = time.monotonic()
        notifier.watchdog()
    began_s, cpu_s = time.monotonic(), time.process_time()
    notifier.status("not heard")
    assert time.monotonic() - began_s < 0.5, "a line of status is not waited for"
    notifier.ready()
    assert time.process_time() - cpu_s < 0.2, "waiting is no work"
    line.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            assert line.recv(4096) == b"WATCHDOG=1"
    line.settimeout(5)
    notifier.status("not heard")
    notifier.status("not heard")
    notifier.status("heard")
    assert [line.recv(4096) for _ in range(2)] == [b"STATUS=not heard", b"STATUS=heard"]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nobody/listens"}])
def test_without_a_listener_nothing_happens(environment):
    notifier = Notifier(environment)
    notifier.ready()
    notifier.status("idle")
    assert notifier.watchdog_interval_s is None


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({"WATCHDOG_USEC": "90000000"}, 45.0),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": str(os.getpid())}, 45.0),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_bites(environment, interval_s):
    assert Notifier(environment).watchdog_interval_s == interval_s


def test_systemd_is_asked_for_more_time_while_the_index_is_built(installation: Installation) -> None:
    know(installation, 1000)
    with installation.service() as service:
        told = service.told()
    extended = [line for line in told if line.startswith("EXTEND_TIMEOUT_USEC=")]
    assert extended
    assert told.index(extended[0]) < told.index("READY=1")
    assert "EXTEND_TIMEOUT_USEC" not in "".join(told[told.index("READY=1") :])
