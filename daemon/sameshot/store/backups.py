"""Nightly copies of the store.

Comes in: an open store, a folder and the date. Goes out: one complete copy for each night, the newest few of them.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sameshot.store.store import Store

_KEPT = 7


def rotate_backups(store: Store, folder: Path, today: date) -> Path:
    """Writes the copy of `today` and removes those before the newest seven. Raises StateUnavailable when it cannot."""
    folder.mkdir(exist_ok=True)
    target = folder / f"nightly-{today:%Y%m%d}.db"
    store.backup(target)
    for old in sorted(folder.glob("nightly-*.db"))[:-_KEPT]:
        old.unlink()
    return target
