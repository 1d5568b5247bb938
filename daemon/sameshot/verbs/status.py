"""How sameshot is: what it knows, what it does, whether its folders are watched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sameshot
from sameshot.app import App
from sameshot.way.comparing import serving_encoder
from sameshot.way.migration import Progress
from sameshot.way.vanishing import why_paused

State = Literal["starting", "idle", "busy", "paused", "degraded"]


@dataclass(frozen=True, slots=True)
class RootStatus:
    """One watched folder. `state`: watching, polling, deaf, offline, or asking whether a cloud drive may be read.

    `unwatched` where no service runs. `folders_watched`: of which the kernel tells changes.
    """

    path: Path
    state: str
    detail: str = ""
    folders_watched: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `number` counts on from the start of the service; `at_s`: seconds since 1970."""

    number: int
    at_s: float
    what: str


@dataclass(frozen=True, slots=True)
class Activity:
    """What only a running service knows of itself. `why`: the reason of a state that is not as it should be.

    `doing`: a sentence for each thing under way; `events`: the newest, oldest first. `coming_encoder`: the one that is
    getting ready to take the place of the one that serves.
    """

    state: State
    why: str
    roots: tuple[RootStatus, ...]
    jobs: tuple[str, ...]
    doing: tuple[str, ...]
    events: tuple[Event, ...]
    coming_encoder: Progress | None = None


@dataclass(frozen=True, slots=True)
class StatusResult:
    """`service`: whether a service answered. `rss_mb`: resident memory of the process that answered.

    `serving_encoder`: the id of the encoder that all answers come from, empty before the first look; `coming_encoder`:
    how far another one is that will take its place, where one is on its way. `reconciled_at`: ISO time at which the
    last whole sweep of all roots began that ended well.
    """

    state: State
    why: str
    service: bool
    photos: int
    groups: int
    pending: int
    failed: int
    rss_mb: float
    encoder: str
    serving_encoder: str
    coming_encoder: Progress | None
    jobs: tuple[str, ...]
    roots: tuple[RootStatus, ...]
    version: str
    reconciled_at: str | None


def status(app: App) -> StatusResult:
    """Returns the facts; without a service, those that the state tells."""
    stages = app.store.photos.count()
    pending = sum(stages[stage] for stage in ("seen", "settled", "looked", "linked"))
    activity = app.activity() if app.activity is not None else None
    roots = tuple(
        RootStatus(root, "paused", why)
        if (why := why_paused(app.store, root))
        else RootStatus(root, "unwatched", "no service runs")
        for root in app.roots
    )
    return StatusResult(
        state=activity.state if activity else "idle",
        why=activity.why if activity else "",
        service=activity is not None,
        photos=sum(stages.values()),
        groups=app.store.groups.count(),
        pending=pending,
        failed=stages["failed"],
        rss_mb=round(resident_mb(), 1),
        encoder=app.config.encoder,
        serving_encoder=serving_encoder(app.store) or "",
        coming_encoder=activity.coming_encoder if activity else None,
        jobs=activity.jobs if activity else (),
        roots=activity.roots if activity else roots,
        version=sameshot.__version__,
        reconciled_at=(app.store.meta.get("job reconcile") or {}).get("succeeded_at"),
    )


def resident_mb() -> float:
    """Returns the resident memory of this process in MB (10^6 bytes)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
