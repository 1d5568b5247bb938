"""A job of the night as a process of its own: it can be ended at any time, and no request waits for it.

Comes in: `backup` or `check`, the store's file, for a backup its folder, and the date. Goes out: exit code 0, or 1 with
one sentence. Both read the store beside the service, which writes on meanwhile. Another module of this program may be
run in the same way.
Run as `python -P -m sameshot.service.chore`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sameshot.errors import SameshotError
from sameshot.store.backups import rotate_backups
from sameshot.store.store import Store

_TOLD_AT_MOST = 500


class Chore:
    """A chore under way."""

    def __init__(self, name: str, words: Sequence[str], module: str = "sameshot.service.chore") -> None:
        """Starts it: `module` with the name and the words. Raises OSError when that cannot be done."""
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, name, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)

    def outcome(self) -> str | None:
        """None while it runs, nothing when it ended well, else what went wrong."""
        status = self._process.poll()
        if status is None:
            return None
        assert self._process.stderr is not None
        with self._process.stderr as told:
            words = (told.read() or b"").decode(errors="replace").strip()[-_TOLD_AT_MOST:]
        return "" if status == 0 else words or f"it ended with status {status}"

    def cancel(self) -> None:
        """Ends it at once; it is due again after an hour."""
        with contextlib.suppress(ProcessLookupError):  # it leads a group of its own: what it started ends with it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.outcome()


def main(words: Sequence[str]) -> int:
    """Does one chore; returns the exit code."""
    os.nice(10)
    name, database, *rest = words
    try:
        with Store.open(Path(database), read_only=True) as store:
            if name == "backup":
                rotate_backups(store, Path(rest[0]), date.fromisoformat(rest[1]))
            elif damage := store.damage():
                print(f"the store is damaged: {damage[0]}; put the newest backup in its place", file=sys.stderr)
                return 1
    except SameshotError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
