"""Finish or roll back what a crash interrupted."""

from __future__ import annotations

from sameshot.app import App
from sameshot.apply.recovery import RecoveryReport


def recover(app: App) -> RecoveryReport:
    """Returns what was found interrupted, now and when this state was opened, and what became of it."""
    return app.recovered
