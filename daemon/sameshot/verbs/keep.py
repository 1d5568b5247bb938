"""Have photos stand for their groups."""

from __future__ import annotations

from pathlib import Path

from sameshot.app import App
from sameshot.verbs.verdicts import VerdictResult, say


def keep(app: App, *, files: tuple[Path, ...]) -> VerdictResult:
    """Makes each of FILES the representative of its group. Raises BadInput as `say` does."""
    return say(app, "keep", files)
