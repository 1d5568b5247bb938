"""Have photos show the same shot from now on, however they look."""

from __future__ import annotations

from pathlib import Path

from sameshot.app import App
from sameshot.verbs.verdicts import VerdictResult, say


def together(app: App, *, files: tuple[Path, ...]) -> VerdictResult:
    """Keeps all FILES in one group. Raises BadInput as `say` does."""
    return say(app, "together", files)
