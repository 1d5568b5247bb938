"""Have photos be different shots from now on, however alike they look."""

from __future__ import annotations

from pathlib import Path

from sameshot.app import App
from sameshot.verbs.verdicts import VerdictResult, say


def apart(app: App, *, files: tuple[Path, ...]) -> VerdictResult:
    """Keeps each of FILES in a group of its own. Raises BadInput as `say` does."""
    return say(app, "apart", files)
