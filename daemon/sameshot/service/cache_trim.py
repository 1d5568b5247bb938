"""The job that keeps the cache from growing for ever, as a process of its own.

Comes in: the cache folder and how large it may be. Goes out: exit code 0; files of sameshot's own that were used least
lately are gone until the rest fits. The index is left alone: it is one file, replaced by its successor. Everything in
the cache can be made anew.
Run as `python -P -m sameshot.service.cache_trim cache FOLDER BYTES`.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sameshot.service.chore import be_a_chore

_LEFT_ALONE = "index"


def trim(cache_dir: Path, largest_bytes: int) -> int:
    """Returns how many bytes were freed. No symbolic link is followed; what cannot be removed stays."""
    files = list(_files(cache_dir))
    total = sum(facts.st_size for _, facts in files)
    freed = 0
    for path, facts in sorted(files, key=lambda found: max(found[1].st_atime_ns, found[1].st_mtime_ns)):
        if total - freed <= largest_bytes:
            break
        if path.relative_to(cache_dir).parts[0] == _LEFT_ALONE:
            continue
        with contextlib.suppress(OSError):
            path.unlink()
            freed += facts.st_size
    return freed


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            with contextlib.suppress(OSError):
                facts = path.lstat()
                if stat.S_ISREG(facts.st_mode):
                    yield path, facts


def main(words: Sequence[str]) -> int:
    """Trims; returns the exit code."""
    be_a_chore()
    _, folder, largest_bytes = words
    trim(Path(folder), int(largest_bytes))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
