"""Go on after `pause`."""

from __future__ import annotations

from sameshot.app import App
from sameshot.verbs.pause import KEY, PauseResult


def resume(app: App) -> PauseResult:
    """Ends the pause that the owner asked for; other reasons to keep still stand."""
    app.store.meta.set(KEY, None)
    return PauseResult(paused=False, service=app.activity is not None)
