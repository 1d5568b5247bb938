"""Whether folders answer, asked where waiting hurts nobody.

Comes in: folders and a question about each, which may hang as any call on a share whose server is gone. Goes out: the
last answer, or that none came in time. Each folder has a thread of its own that only asks; one that hangs is left alone
until the kernel lets it go, and nobody waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Asked(Generic[Answer]):
    since_s: float
    done: threading.Event
    answer: Answer | Exception | None = None


class Probe(Generic[Answer]):
    """Asks `question` of folders in threads. All methods are for one thread and return at once, but `wait`."""

    def __init__(self, question: Callable[[Path], Answer]) -> None:
        self._question = question
        self._asked: dict[Path, _Asked[Answer]] = {}

    def ask(self, folder: Path) -> None:
        """Asks anew, unless the last question is still open."""
        before = self._asked.get(folder)
        if before is not None and not before.done.is_set():
            return
        asked = self._asked[folder] = _Asked[Answer](time.monotonic(), threading.Event())
        threading.Thread(target=self._put, args=(folder, asked), name=f"probe {folder}", daemon=True).start()

    def silent_s(self, folder: Path) -> float:
        """Returns for how many seconds the folder has owed an answer; 0 when it owes none."""
        asked = self._asked.get(folder)
        return 0.0 if asked is None or asked.done.is_set() else time.monotonic() - asked.since_s

    def wait(self, folder: Path, timeout_s: float) -> Answer | None:
        """Asks and waits for the answer; None when none came in time. Raises what the question raised."""
        self.ask(folder)
        asked = self._asked[folder]
        if not asked.done.wait(timeout_s):
            return None
        if isinstance(asked.answer, Exception):
            raise asked.answer
        return asked.answer

    def _put(self, folder: Path, asked: _Asked[Answer]) -> None:
        try:
            asked.answer = self._question(folder)
        except Exception as error:  # noqa: BLE001  the asker's to judge
            asked.answer = error
        finally:
            asked.done.set()
