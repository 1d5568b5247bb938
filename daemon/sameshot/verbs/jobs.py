"""What was done by the clock, and when it is done next."""

from __future__ import annotations

from dataclasses import dataclass

from sameshot.app import App
from sameshot.service.jobs import JobRun, Jobs
from sameshot.service.schedule import spread
from sameshot.way.migration import Progress

SHARE = "jitter_share"
"""Which share of the jitter is this state's: drawn once, so that a restart in the night makes no second one due."""


@dataclass(frozen=True, slots=True)
class JobsResult:
    """`service`: whether a service runs, without which nothing is due.

    `coming_encoder`: how far an encoder is that will take the place of the one that serves.
    """

    service: bool
    coming_encoder: Progress | None
    jobs: tuple[JobRun, ...]


def jobs(app: App) -> JobsResult:
    """Returns every job with its last run and its next."""
    running = app.activity is not None
    coming = app.activity().coming_encoder if app.activity is not None else None
    return JobsResult(running, coming, known_jobs(app).rows(app.today(), running=running))


def known_jobs(app: App) -> Jobs:
    """Returns the jobs of this state and config."""
    schedule = app.config.schedule
    return Jobs(
        app.store.meta,
        spread(schedule.nightly, schedule.jitter, app.store.meta.get(SHARE, 0.0)),
        schedule.reconcile_every,
        schedule.backup,
        learn=schedule.learn,
        recluster=schedule.recluster,
        train=schedule.train.enabled,
    )
