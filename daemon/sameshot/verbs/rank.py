"""Rank prefixes in place: any file manager then shows look-alikes side by side."""

from __future__ import annotations

from pathlib import Path

from sameshot.app import App
from sameshot.verbs.apply import BatchResult, do_plan
from sameshot.verbs.plan import check_unchanged, ranked_plan


def rank(
    app: App,
    *,
    folders: tuple[Path, ...],
    remove: bool = False,
    table: Path | None = None,
    exhaustive: bool = False,
    fingerprint: str | None = None,
) -> BatchResult:
    """Renames the photos below `folders`; with `remove` gives them their names back.

    `table`: a CSV whose ranks or features make the order. `exhaustive`: every pair of photos is weighed.
    """
    made = ranked_plan(app, folders, remove=remove, table=table, exhaustive=exhaustive)
    check_unchanged(made, fingerprint)
    return do_plan(app, made, folders)
