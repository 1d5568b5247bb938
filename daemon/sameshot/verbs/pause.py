"""Keep still: no photo is looked at until `resume`; what arrives is recorded all the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sameshot.app import App
from sameshot.errors import BadInput

KEY = "paused"
"""Where the store remembers it, across restarts."""
_LONGEST_HOURS = 24 * 366


@dataclass(frozen=True, slots=True)
class PauseResult:
    """`until`: ISO time at which it ends by itself, None for not before `resume`. `service`: whether one runs now."""

    paused: bool
    service: bool
    until: str | None = None


def pause(app: App, *, hours: float | None = None) -> PauseResult:
    """Keeps still for `hours`, or until `resume`. Raises BadInput when that is no length of time."""
    if hours is not None and not 0 < hours <= _LONGEST_HOURS:
        raise BadInput("A pause is longer than nothing and shorter than a year", "Leave --hours out for no end")
    until = None if hours is None else (app.today() + timedelta(hours=hours)).isoformat()
    app.store.meta.set(KEY, {"until": until})
    return PauseResult(paused=True, service=app.activity is not None, until=until)
