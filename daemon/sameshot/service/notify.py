"""What systemd is told, by the sd_notify protocol (https://www.freedesktop.org/software/systemd/man/sd_notify.html).

Comes in: the environment that systemd gave. Goes out: one datagram for each call, or nothing where no systemd listens.
Nothing here raises and nothing waits longer than a second: a service that cannot talk to its supervisor still serves.
A line of status is told when it is another one, and is not waited for at all.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

_LONGEST_WAIT_S = 1.0


class Notifier:
    """The line to the service manager; every message is one call."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # An abstract address is written with @ where the kernel wants a NUL.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_interval_s = _watchdog_interval_s(environment)
        """How often `watchdog` must be called; None when nobody waits for it. Half of what systemd allows."""
        self._status = ""

    def ready(self) -> None:
        """Says that the service serves: state recovered, watches set. Also ends a reload."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Gives `systemctl status` its one line of text."""
        status = "STATUS=" + " ".join(text.split())
        if status != self._status and self._send(status, wait_s=0.0):
            self._status = status

    def watchdog(self) -> None:
        """Says that the service is alive; call it only after real progress."""
        self._send("WATCHDOG=1")

    def extend_start(self, seconds: float) -> None:
        """Asks for this much more time, as long recoveries need."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def reloading(self) -> None:
        """Says that a reload began; `ready` must follow."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Says that the service is about to end."""
        self._send("STOPPING=1")

    def _send(self, message: str, wait_s: float = _LONGEST_WAIT_S) -> bool:
        """Whether the message was taken."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.settimeout(wait_s)
                # Only a connected one can be waited for: any other claims to have room, and waiting for it spins.
                line.connect(self._address)
                line.send(message.encode(errors="replace"))
        except OSError:
            return False
        return True


def _watchdog_interval_s(environment: Mapping[str, str]) -> float | None:
    microseconds = environment.get("WATCHDOG_USEC", "")
    meant_for = environment.get("WATCHDOG_PID", "") or str(os.getpid())
    if not microseconds.isdecimal() or int(microseconds) == 0 or meant_for != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000
