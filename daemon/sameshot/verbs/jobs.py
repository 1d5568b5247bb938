"""What was done by the clock, and when it is done next."""

from __future__ import annotations

from dataclasses import dataclass

from sameshot.app import App
from sameshot.service.jobs import JobRun, Jobs


@dataclass(frozen=True, slots=True)
class JobsResult:
    """`service`: whether a service runs, without which nothing is due."""

    service: bool
    jobs: tuple[JobRun, ...]


def jobs(app: App) -> JobsResult:
    """Returns every job with its last run and its next."""
    running = app.activity is not None
    return JobsResult(running, known_jobs(app).rows(app.today(), running=running))


def known_jobs(app: App) -> Jobs:
    """Returns the jobs of this state and config."""
    schedule = app.config.schedule
    return Jobs(
        app.store.meta,
        schedule.nightly,
        schedule.reconcile_every,
        schedule.backup,
        recluster=schedule.recluster,
        train=schedule.train.enabled,
    )
