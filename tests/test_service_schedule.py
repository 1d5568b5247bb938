"""Nights that are done once: both clock changes, suspends, restarts in the slot, clocks that were wrong."""

from __future__ import annotations

import queue
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sameshot.service.schedule import Schedule, latest_slot, next_slot, slot_is_due, spread

BERLIN = ZoneInfo("Europe/Berlin")
UTC = ZoneInfo("UTC")
SLOTS = [time(4, 15), time(2, 30), time(0, 0), time(23, 59), time(3, 0)]


def runs(start: datetime, end: datetime, slot: time, asleep: tuple[datetime, datetime] | None = None) -> list[datetime]:
    """Asks every five minutes, as the service does, and does the job whenever it is due."""
    done: list[datetime] = []
    moment = start.astimezone(UTC)
    while moment < end.astimezone(UTC):
        if asleep is None or not asleep[0] <= moment < asleep[1]:
            now = moment.astimezone(start.tzinfo)
            if slot_is_due(done[-1] if done else start, now, slot):
                done.append(now)
        moment += timedelta(minutes=5)
    return done


@pytest.mark.parametrize("slot", SLOTS)
@pytest.mark.parametrize(
    "start", [datetime(2026, month, day, 12, 2, tzinfo=BERLIN) for month, day in [(3, 28), (10, 24), (6, 1)]]
)
def test_one_run_a_night_over_both_clock_changes(start, slot):
    done = runs(start, start + timedelta(days=3), slot)
    first = 0 if slot > start.time() else 1
    assert [latest_slot(run, slot).date() for run in done] == [
        start.date() + timedelta(days=first + night) for night in range(3)
    ]


def test_the_hour_that_is_skipped_and_the_hour_that_comes_twice():
    spring = datetime(2026, 3, 29, 12, tzinfo=BERLIN)
    assert latest_slot(spring, time(2, 30)) == datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN)
    autumn = datetime(2026, 10, 25, 12, tzinfo=BERLIN)
    assert latest_slot(autumn, time(2, 30)).astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_night_slept_through_is_made_up_once_on_waking():
    start = datetime(2026, 6, 1, 12, tzinfo=BERLIN)
    asleep = (datetime(2026, 6, 2, 1, tzinfo=BERLIN), datetime(2026, 6, 2, 9, 30, tzinfo=BERLIN))
    done = runs(start, start + timedelta(days=2), time(4, 15), asleep)
    assert done == [datetime(2026, 6, 2, 9, 30, tzinfo=BERLIN), datetime(2026, 6, 3, 4, 15, tzinfo=BERLIN)]


def test_a_week_off_is_made_up_once():
    now = datetime(2026, 6, 9, 14, tzinfo=BERLIN)
    assert slot_is_due(now - timedelta(days=8), now, time(4, 15))
    assert not slot_is_due(now, now + timedelta(minutes=5), time(4, 15))
    assert slot_is_due(None, now, time(4, 15))


def test_a_failed_night_is_tried_again_after_an_hour():
    now = datetime(2026, 6, 9, 5, tzinfo=BERLIN)
    yesterday = now - timedelta(days=1)
    assert not slot_is_due(yesterday, now, time(4, 15), last_attempt=now - timedelta(minutes=59))
    assert slot_is_due(yesterday, now, time(4, 15), last_attempt=now - timedelta(minutes=60))
    assert slot_is_due(yesterday, now, time(4, 15), last_attempt=now + timedelta(days=300)), "the clock was wrong then"


def test_a_clock_that_was_wrong_stops_no_later_night():
    now = datetime(2026, 6, 9, 5, tzinfo=BERLIN)
    assert slot_is_due(now + timedelta(days=300), now, time(4, 15))
    assert not slot_is_due(now + timedelta(hours=1), now, time(4, 15)), "set back by an hour: tonight was done"


@settings(deadline=None)
@given(
    st.integers(1_577_836_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata"]),
)
def test_slots_follow_each_other(moment, slot, zone):
    now = moment.astimezone(ZoneInfo(zone))
    latest, following = latest_slot(now, slot).astimezone(UTC), next_slot(now, slot).astimezone(UTC)
    assert latest <= moment < following
    assert timedelta(hours=22) <= following - latest <= timedelta(hours=26)
    assert latest_slot(following.astimezone(ZoneInfo(zone)), slot).astimezone(UTC) == following


def test_each_state_has_a_moment_of_its_own_within_the_jitter():
    jitter = timedelta(minutes=10)
    assert [spread(time(4, 15), jitter, share) for share in (0.0, 0.5, 1.0)] == [time(4, 15), time(4, 20), time(4, 25)]
    assert spread(time(23, 55), jitter, 0.9) == time(0, 4)
    assert spread(time(4, 15), timedelta(0), 0.7) == time(4, 15)


def test_the_clock_wakes_each_job_and_stops():
    woken: queue.Queue[str] = queue.Queue()
    schedule = Schedule(timedelta(seconds=0.02), woken.put, check_nightly_every=timedelta(seconds=0.03))
    schedule.stop()
    schedule.start()
    try:
        seen = {woken.get(timeout=30) for _ in range(8)}
    finally:
        schedule.stop()
    assert seen == {"reconcile", "nightly"}
    while not woken.empty():
        woken.get_nowait()
    with pytest.raises(queue.Empty):
        woken.get(timeout=0.1)


def test_a_clock_whose_thread_died_is_started_anew():
    woken: queue.Queue[str] = queue.Queue()
    schedule = Schedule(timedelta(seconds=0.05), woken.put, check_nightly_every=timedelta(hours=1))
    schedule.start()
    try:
        assert schedule.keep_going()
        thread = schedule._scheduler._thread
        schedule._scheduler.state = 0  # it ends by itself
        schedule._scheduler._event.set()
        thread.join(10)
        assert not schedule.keep_going()
        while not woken.empty():
            woken.get()
        assert woken.get(timeout=10) == "reconcile"
        assert schedule.keep_going()
    finally:
        schedule.stop()
