"""When something is due by the clock.

Comes in: times as arguments; the interval and the hour of the config. Goes out: calls of `wake(name)` from
APScheduler's thread, and answers to whether a slot is due. The clock only wakes; whether there is anything to do is
asked of what the store knows, so a night that was slept through is made up once and none is done twice. Only this
module imports APScheduler.

A timer set for 04:15 is late by the length of a suspend and wrong after a change of the clock. So nothing here waits
for the hour: `nightly` is woken every few minutes, and `slot_is_due` decides by the wall clock of that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.background import BackgroundScheduler

Tick = Literal["reconcile", "nightly"]

CHECK_NIGHTLY_EVERY = timedelta(minutes=5)
RETRY_AFTER = timedelta(hours=1)
_BELIEVABLE_FUTURE = timedelta(days=1)


class Schedule:
    """The clock of one service. `wake` is called from another thread and must return at once (write to a pipe)."""

    def __init__(
        self,
        reconcile_every: timedelta,
        wake: Callable[[Tick], None],
        check_nightly_every: timedelta = CHECK_NIGHTLY_EVERY,
    ) -> None:
        self._wake = wake
        self._intervals: dict[Tick, timedelta] = {"reconcile": reconcile_every, "nightly": check_nightly_every}
        self._scheduler = self._made()

    def start(self) -> None:
        """Begins to wake; the first time after one interval."""
        self._scheduler.start()

    def keep_going(self) -> bool:
        """Whether the clock's thread is alive; one that died is started anew."""
        thread = self._scheduler._thread  # noqa: SLF001  nothing else tells, and without it no night ever comes
        if thread is not None and thread.is_alive():
            return True
        self._scheduler = self._made()
        self._scheduler.start()
        return False

    def stop(self) -> None:
        """Ends the clock's thread; no wake comes after."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def _made(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            # In UTC an interval is not stretched by a clock change. The wakes are so short that the clock's own thread
            # does them.
            timezone=UTC,
            executors={"default": DebugExecutor()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        for tick, every in self._intervals.items():
            scheduler.add_job(self._wake, "interval", [tick], id=tick, seconds=every.total_seconds())
        return scheduler


def latest_slot(now: datetime, slot: time) -> datetime:
    """Returns the last moment not after `now` when the wall clock of `now`'s zone came to `slot`.

    An hour that comes twice counts when it comes first; one that is skipped counts when the clock skips it.
    """
    today = _slot_on(now, slot, 0)
    return today if today.astimezone(UTC) <= now.astimezone(UTC) else _slot_on(now, slot, -1)


def next_slot(now: datetime, slot: time) -> datetime:
    """Returns the first moment after `now` when the wall clock of `now`'s zone comes to `slot`."""
    today = _slot_on(now, slot, 0)
    return today if today.astimezone(UTC) > now.astimezone(UTC) else _slot_on(now, slot, 1)


def slot_is_due(last_success: datetime | None, now: datetime, slot: time, last_attempt: datetime | None = None) -> bool:
    """Returns whether the job of `slot` should begin now. All times have zones; `now` has the owner's.

    `last_success` and `last_attempt` are when the run *began* that last succeeded or was last tried. Each night is done
    once, however late; after a failure, an hour passes before the next try.
    """
    # A success in the far future was written under a clock that was wrong.
    if last_success is not None and last_success - now > _BELIEVABLE_FUTURE:
        last_success = None
    if last_success is not None and last_success >= latest_slot(now, slot):
        return False
    return last_attempt is None or not timedelta(0) <= now - last_attempt < RETRY_AFTER


def spread(slot: time, jitter: timedelta, share: float) -> time:
    """Returns the time of day that is this share (0 to 1) of `jitter` after `slot`; after midnight it begins anew."""
    later = timedelta(seconds=round(share * jitter.total_seconds()))
    return (datetime.combine(date(2000, 1, 1), slot, UTC) + later).time()


def _slot_on(now: datetime, slot: time, days: int) -> datetime:
    zone: tzinfo | None = now.tzinfo
    assert zone is not None, "the wall clock needs a zone"
    wall = datetime.combine(now.date() + timedelta(days=days), slot, tzinfo=zone)
    # Through UTC, so that a time the clock skips becomes the time it shows instead.
    return wall.astimezone(UTC).astimezone(zone)
