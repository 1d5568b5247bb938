"""Poison: a look that ends badly is tried again, further and further apart, and never costs another photo anything."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from poisoned import poison, poisoned_command
from running import Installation
from sameshot.app import App
from sameshot.service.workers import WorkerLimits, Workers
from sameshot.way.attempts import next_try_s
from sameshot.way.flow import Flow

POISONED = [sys.executable, str(Path(__file__).with_name("poisoned.py"))]


def test_waits_grow_and_end():
    assert [next_try_s("crash", n, 1000.0) for n in (1, 2, 3, 4)] == [1060.0, 1600.0, 87400.0, None]
    assert next_try_s("refused", 1, 0.0) is None
    assert [next_try_s("killed", n, 5.0) for n in (1, 2, 3, 4)] == [5.0, 5.0, 86405.0, None]
    assert [next_try_s("died", n, 5.0) for n in (1, 2, 3)] == [5.0, 605.0, None]


class Clock:
    def __init__(self) -> None:
        self.now_s = time.time()

    def __call__(self) -> float:
        return self.now_s


def poisoned_flow(app, clock) -> Flow:
    app.workers = Workers(poisoned_command(app.locations.models_dir), 1, WorkerLimits())
    return Flow(app.store, app.index, app.workers, app.settings, clock)


def run(app, flow: Flow) -> None:
    for place in app.roots:
        for arrivals in app.sweep(place):
            flow.take(arrivals.unsettled)
    until_s = time.monotonic() + 60
    while not flow.idle:
        assert time.monotonic() < until_s
        flow.step()
        app.workers.pump(0.2)


def old(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    os.utime(path, (1e9, 1e9))
    return path


def attempts_of(app, path: Path) -> tuple[str, int]:
    photo = app.store.photos.at(path)
    return photo.stage, photo.attempts


def test_a_crashing_photo_is_tried_again_across_restarts_and_then_left(installation: Installation, sample_photos):
    bad = old(installation.photos / "bad.jpg", poison("crash"))
    shutil.copy(min(sample_photos.glob("*.jpg")), installation.photos / "good.jpg")
    clock = Clock()
    with installation.app() as app:
        clock.now_s += 100  # both have been quiet for long
        run(app, poisoned_flow(app, clock))
        assert attempts_of(app, bad) == ("failed", 1)
        assert attempts_of(app, installation.photos / "good.jpg") == ("grouped", 0)
    for wait_s, tries in ((59, 1), (2, 2), (599, 2), (2, 3), (86399, 3), (2, 4), (10_000_000, 4)):
        clock.now_s += wait_s
        with installation.app() as app:  # each time a new start
            flow = poisoned_flow(app, clock)
            flow.resume()
            run(app, flow)
            assert attempts_of(app, bad) == ("failed", tries), (wait_s, tries)
    old(bad, poison("crash", 2))
    with installation.app() as app:
        run(app, poisoned_flow(app, clock))
        assert attempts_of(app, bad) == ("failed", 1), "it changed, so it is a new photo"


def test_what_a_reader_refuses_is_final(installation: Installation):
    bad = old(installation.photos / "bad.jpg", b"no photo at all" * 100)
    clock = Clock()
    with installation.app() as app:
        clock.now_s += 100
        flow = poisoned_flow(app, clock)
        run(app, flow)
        assert attempts_of(app, bad) == ("failed", 1)
        assert app.store.photos.retries() == []
        assert flow.next_due_s() is None


def test_a_run_that_ends_in_order_blames_nobody(installation: Installation, sample_photos):
    shutil.copy(min(sample_photos.glob("*.jpg")), installation.photos / "good.jpg")
    with installation.app() as app:
        (photo,) = {photo for arrivals in app.sweep(installation.photos) for photo in arrivals.unsettled}
        app.store.photos.advance(photo, "settled")
        app.store.photos.begin(photo, 1.0)
    with installation.app() as app:
        assert app.store.photos.interrupted() == []


class Death(Exception):
    """Stands for a kill: the run ends without a word."""


@contextlib.contextmanager
def dying(installation: Installation) -> Iterator[App]:
    with contextlib.suppress(Death), installation.app() as app:
        yield app
        raise Death


def test_a_death_while_nothing_was_looked_at_clears_the_suspects(installation: Installation, sample_photos):
    photo = Path(shutil.copy(min(sample_photos.glob("*.jpg")), installation.photos))
    with dying(installation) as app:
        (known,) = {known for arrivals in app.sweep(installation.photos) for known in arrivals.unsettled}
        app.store.photos.begin(known, 1.0)
    with dying(installation) as app:
        assert [blamed.id for blamed in app.blamed] == [known]
        assert attempts_of(app, photo) == ("failed", 1)
        app.store.photos.begin(known, 1.0)
    with dying(installation) as app:
        assert attempts_of(app, photo) == ("failed", 2)
        assert app.store.photos.retries()[0][0] > time.time() + 500, "tried again in ten minutes"
    with installation.app() as app:
        assert app.blamed == []
        assert attempts_of(app, photo) == ("seen", 0)
        flow = poisoned_flow(app, time.time)
        flow.resume()
        run(app, flow)
        assert attempts_of(app, photo) == ("grouped", 0)


def test_what_failed_is_tried_again_where_other_libraries_read(installation: Installation):
    bad = old(installation.photos / "bad.jpg", b"no photo at all" * 100)
    with installation.app() as app:
        run(app, app.flow)
        app.flow.resume()
        assert app.flow.idle
        app.store.meta.set("failed under", {"pillow": "1.0"})
    with installation.app() as app:
        app.flow.resume()
        assert app.flow.pending == 1
        run(app, app.flow)
        assert attempts_of(app, bad) == ("failed", 1)


def test_a_clock_that_is_set_back_holds_up_nothing(installation: Installation, sample_photos):
    photo = Path(shutil.copy(min(sample_photos.glob("*.jpg")), installation.photos))
    os.utime(photo)
    clock = Clock()
    with installation.app() as app:
        flow = poisoned_flow(app, clock)
        for arrivals in app.sweep(installation.photos):
            flow.take(arrivals.unsettled)
        flow.step()
        assert flow.pending == 1, "it was touched a moment ago"
        clock.now_s -= 3600
        flow.step()
        clock.now_s += 1
        run(app, flow)
        assert attempts_of(app, photo) == ("grouped", 0)


def test_a_photo_that_became_another_while_it_was_looked_at_is_looked_at_anew(
    installation: Installation, sample_photos
):
    """A JPEG comes to its RAW: the photo is the JPEG from then on, and the RAW's look is not taken for its own."""
    jpegs = sorted(sample_photos.glob("*.jpg"))
    raw, jpeg = installation.photos / "a.cr2", installation.photos / "a.jpg"
    shutil.copy2(jpegs[0], raw)
    with installation.app() as app:
        flow = app.flow
        for arrivals in app.sweep(installation.photos):
            flow.take(arrivals.unsettled)
        until_s = time.monotonic() + 20
        while not app.workers.pending:
            assert time.monotonic() < until_s
            flow.step()
        shutil.copy2(jpegs[-1], jpeg)
        run(app, flow)
        photo = app.store.photos.at(jpeg)
        assert photo == app.store.photos.at(raw)
        assert (
            app.store.contents.get([photo.content_id])[photo.content_id].digest
            == hashlib.sha256(jpeg.read_bytes()).digest()
        )


def test_a_file_that_kills_the_service_settles_after_three_starts(installation: Installation, sample_photos):
    killer = old(installation.photos / "a-killer.jpg", poison("end"))
    good = sorted(sample_photos.glob("*.jpg"))[:6]
    for photo in good:
        shutil.copy2(photo, installation.photos)
    command = [*POISONED, *map(str, installation.command("scan")[1:])]
    waits = {"POISON_WAITS": "0.5,0.5,0.5"}
    ends = []
    while ends[-2:] != [0, 0] and len(ends) < 8:
        done = subprocess.run(command, env=installation.environment | waits, capture_output=True, check=False)
        ends.append(done.returncode)
        time.sleep(0.6)
    assert ends[:2] == [-signal.SIGKILL] * 2
    assert ends.count(-signal.SIGKILL) == 3, ends
    assert ends[-1] == 0
    with installation.app() as app:
        assert attempts_of(app, killer) == ("failed", 3)
        assert app.store.photos.retries() == []
        for photo in good:
            assert attempts_of(app, installation.photos / photo.name) == ("grouped", 0)
