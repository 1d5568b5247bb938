"""A job of the night as a process of its own: it can be ended at any time, and no request waits for it.

Comes in: `backup` or `check`, the store's file, for a backup its folder, and the date. Goes out: exit code 0, or 1 with
one sentence. Both read the store beside the service, which writes on meanwhile. Another module of this program may be
run in the same way.
Run as `python -P -m sameshot.service.chore`.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sameshot.errors import SameshotError
from sameshot.service.worker_sandbox import die_with_parent
from sameshot.store.backups import rotate_backups
from sameshot.store.store import Store

_TOLD_AT_MOST = 500


def be_a_chore() -> None:
    """Makes this process one that waits for all others, and that ends with the service whatever becomes of that."""
    os.nice(19)  # workers, which somebody may wait for, are at 10
    die_with_parent()


class Chore:
    """A chore under way."""

    def __init__(
        self,
        name: str,
        words: Sequence[str],
        module: str = "sameshot.service.chore",
        longest_s: float = math.inf,
        scratch: Path | None = None,
    ) -> None:
        """Starts it: `module` with the name and the words. Raises OSError when that cannot be done.

        `longest_s`: one that takes longer is ended. `scratch`: a folder for its temporary files, made here and removed
        when it has ended.
        """
        self.name, self._scratch, self._longest_s = name, scratch, longest_s
        self._began_s = time.monotonic()
        if scratch is not None:
            scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, name, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            env=None if scratch is None else os.environ | {"TMPDIR": str(scratch)},
            start_new_session=True,
        )
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)

    def outcome(self) -> str | None:
        """None while it runs, nothing when it ended well, else what went wrong."""
        status = self._process.poll()
        if status is None and time.monotonic() < self._began_s + self._longest_s:
            return None
        if status is None:
            self.cancel()
            return f"it was ended: it took longer than {self._longest_s:.0f} s"
        self._clear()
        assert self._process.stderr is not None
        with self._process.stderr as told:
            words = (told.read() or b"").decode(errors="replace").strip()[-_TOLD_AT_MOST:]
        return "" if status == 0 else words or f"it ended with status {status}"

    def cancel(self) -> None:
        """Ends it at once; it is due again after an hour."""
        with contextlib.suppress(ProcessLookupError):  # it leads a group of its own: what it started ends with it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._clear()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _clear(self) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)


def main(words: Sequence[str]) -> int:
    """Does one chore; returns the exit code."""
    be_a_chore()
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
