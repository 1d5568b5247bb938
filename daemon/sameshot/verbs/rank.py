"""Rank prefixes in place: any file manager then shows look-alikes side by side."""

from __future__ import annotations

from pathlib import Path

from sameshot.app import App
from sameshot.filing.plans import plan_rank
from sameshot.verbs.apply import BatchResult, do_plan
from sameshot.verbs.plan import check_unchanged


def rank(app: App, *, folders: tuple[Path, ...], remove: bool = False, fingerprint: str | None = None) -> BatchResult:
    """Renames the photos below `folders`; with `remove` gives them their names back."""
    made = plan_rank(app.store, app.journal, app.encoder.encoder_id, folders, remove=remove)
    check_unchanged(made, fingerprint)
    return do_plan(app, made, folders)
