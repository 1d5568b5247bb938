"""What a running service does just now, and what it did last."""

from __future__ import annotations

from dataclasses import dataclass

from sameshot.app import App
from sameshot.errors import StateUnavailable
from sameshot.verbs.status import Event


@dataclass(frozen=True, slots=True)
class ActivityResult:
    """`doing`: a sentence for each thing under way; `events`: the newest, oldest first."""

    doing: tuple[str, ...]
    events: tuple[Event, ...]


def activity(app: App, *, after: int = 0) -> ActivityResult:
    """Returns what goes on, with the events later than number `after`.

    Raises StateUnavailable where no service runs: then nothing goes on.
    """
    if app.activity is None:
        raise StateUnavailable("No sameshot service is running on this state", "Start it: sameshot watch")
    now = app.activity()
    return ActivityResult(now.doing, tuple(event for event in now.events if event.number > after))
