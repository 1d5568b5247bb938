"""A word on the owner's desktop, where that is asked for: trouble, and what was filed.

Comes in: sentences. Goes out: notifications (https://specifications.freedesktop.org/notification-spec/), by
`notify-send` or else by systemd's `busctl`, whichever is there; where there is neither, or nobody is logged in, nothing
happens. At most one a minute: what comes sooner is counted and told with the next. Nothing here waits.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable

from sameshot.wording import counted

_REST_S = 60.0
_LONGEST = 300


class Desktop:
    """The desktop of the user who runs the service. For one thread; times are monotonic seconds."""

    def __init__(self, find: Callable[[str], str | None] = shutil.which) -> None:
        self._find = find
        self._next_s = 0.0
        self._held: list[str] = []
        self._running: list[subprocess.Popen[bytes]] = []

    def tell(self, sentence: str) -> None:
        """Has this be told, with the next `step` that may."""
        self._held.append(sentence)

    def step(self, now_s: float) -> None:
        """Tells what is held, unless the last word is too fresh. To be called every few seconds."""
        self._running = [process for process in self._running if process.poll() is None]
        if not self._held or now_s < self._next_s:
            return
        first, others = self._held[0], len(self._held) - 1
        self._held.clear()
        self._next_s = now_s + _REST_S
        more = f" ({counted(others, 'more message')}: sameshot log)" if others else ""
        command = notification(first[:_LONGEST] + more, self._find)
        if command is None:
            return
        with contextlib.suppress(OSError):
            self._running.append(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
                )
            )


def notification(sentence: str, find: Callable[[str], str | None] = shutil.which) -> list[str] | None:
    """Returns the command that shows a sentence, None where no program for it is there."""
    shown = sentence.encode("utf-8", "backslashreplace").decode()
    # Servers may read markup in the body, and a name of a file is none.
    body = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if (program := find("notify-send")) is not None:
        return [program, "--app-name=sameshot", "--icon=image-x-generic", "--", "sameshot", body]
    if (program := find("busctl")) is not None:
        service = "org.freedesktop.Notifications"
        call = [program, "--user", "call", service, "/org/freedesktop/Notifications", service, "Notify"]
        return [*call, "susssasa{sv}i", "--", "sameshot", "0", "image-x-generic", "sameshot", body, "0", "0", "-1"]
    return None
