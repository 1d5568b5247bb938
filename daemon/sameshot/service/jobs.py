"""What was done by the clock, and what is due: remembered in the store, so that it outlives every restart.

Comes in: the schedule of the config, the time, how each run went. Goes out: which jobs are due, and a row for each with
its last success, its next run, how long it took and how it ended. A night that was slept through is made up once; a
job that failed, or that the end of the service interrupted, is tried again after an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time, timedelta
from typing import Literal

from sameshot.service.schedule import RETRY_AFTER, latest_slot, next_slot, slot_is_due
from sameshot.store.meta import Meta

JobName = Literal["reconcile", "index", "backup", "check", "cache", "learn", "recluster", "train"]
NIGHTLY: Mapping[JobName, int] = {
    "index": 1, "backup": 1, "check": 7, "cache": 1, "learn": 1, "recluster": 1, "train": 1,
}  # fmt: skip
"""The jobs of the night, and how many nights apart."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """The last run of a job. `succeeded_at` is when the last run began that succeeded; times are ISO with zone."""

    name: JobName
    began_at: str | None = None
    duration_s: float | None = None
    outcome: str = "never run"
    succeeded_at: str | None = None
    next_at: str | None = None


class Jobs:
    """The jobs of one state."""

    def __init__(
        self,
        meta: Meta,
        nightly: time,
        reconcile_every: timedelta,
        backup: bool,
        *,
        learn: bool = False,
        recluster: bool = False,
        train: bool = False,
    ) -> None:
        self._meta, self._nightly, self._reconcile_every = meta, nightly, reconcile_every
        choices = {"backup": backup, "learn": learn, "recluster": recluster, "train": train}
        unwanted = {name for name, wanted in choices.items() if not wanted}
        self._names: tuple[JobName, ...] = tuple(name for name in ("reconcile", *NIGHTLY) if name not in unwanted)

    def due(self, now: datetime) -> list[JobName]:
        """Returns the jobs of the night that should begin now."""
        return [name for name in self._names if name in NIGHTLY and self._is_due(name, now)]

    def began(self, name: JobName, now: datetime) -> None:
        """A run begins. Should the service end before it does, `rows` says so."""
        self._save(replace(self._last(name), began_at=now.isoformat(), duration_s=None, outcome="running"))

    def ended(self, name: JobName, now: datetime, failure: str = "") -> None:
        """The run ended well, or with this failure."""
        last = self._last(name)
        began = datetime.fromisoformat(last.began_at) if last.began_at else now
        took = replace(last, duration_s=round(max((now - began).total_seconds(), 0.0), 1), outcome=failure or "done")
        self._save(took if failure else replace(took, succeeded_at=last.began_at))

    def rows(self, now: datetime, *, running: bool) -> tuple[JobRun, ...]:
        """Returns every job with its next run. `running`: a service runs, so that what is under way may end."""
        rows = []
        for name in self._names:
            last = self._last(name)
            if last.outcome == "running" and not running:
                last = replace(last, outcome="interrupted")
            rows.append(replace(last, next_at=self._next(last, now).isoformat() if running else None))
        return tuple(rows)

    def _is_due(self, name: JobName, now: datetime) -> bool:
        last = self._last(name)
        succeeded = datetime.fromisoformat(last.succeeded_at) if last.succeeded_at else None
        began = datetime.fromisoformat(last.began_at) if last.began_at else None
        rest = timedelta(days=NIGHTLY[name], hours=-12)
        recently = succeeded is not None and succeeded <= now and latest_slot(now, self._nightly) - succeeded < rest
        if NIGHTLY[name] > 1 and recently:
            return False
        return slot_is_due(succeeded, now, self._nightly, None if began == succeeded else began)

    def _next(self, last: JobRun, now: datetime) -> datetime:
        began = datetime.fromisoformat(last.began_at) if last.began_at else now
        if last.name == "reconcile":
            return max(began + self._reconcile_every, now)
        if last.outcome not in ("done", "never run"):
            return max(began + RETRY_AFTER, now)
        if last.outcome == "never run":
            return now
        return next_slot(max(began + timedelta(days=NIGHTLY[last.name] - 1), now), self._nightly)

    def _last(self, name: JobName) -> JobRun:
        known = self._meta.get(f"job {name}")
        return JobRun(**known) if known else JobRun(name)

    def _save(self, run: JobRun) -> None:
        self._meta.set(f"job {run.name}", asdict(run))
