"""When a root is swept whole: after it was away, not when its disk was merely busy."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mounts import hanging_mount, needs_root
from running import Installation
from sameshot.app import App
from sameshot.verbs.diary import Diary
from sameshot.verbs.root_care import RootCare, RootGlance, glance_at
from sameshot.verbs.sweeps import Sweeps


class Roots:
    """The root of an installation as a service cares for it; its disk answers while `answers` is set."""

    def __init__(self, app: App) -> None:
        (self.root,) = app.roots
        self.answers = threading.Event()
        self.answers.set()
        self.app, self.sweeps = app, Sweeps(app, Diary())
        self.hinted: list[Path] = []
        self.care = RootCare(app, self._hint, self._glance)

    def _hint(self, folder: Path) -> None:
        self.hinted.append(folder)
        self.sweeps.hint(folder)

    def _glance(self, root: Path) -> RootGlance:
        self.answers.wait()
        return glance_at(root)

    def look_after(self) -> list[Path]:
        return self.care.look_after(time.monotonic())

    def sweep(self) -> None:
        """Does all that can be swept now."""
        self.sweeps.step(self.care, time.monotonic() + 10)

    def busy(self) -> None:
        """From now on its disk owes an answer."""
        self.answers.clear()
        assert self.look_after() == []
        assert not self.care.may_be_read(self.root)
        assert not self.care.is_away(self.root)


@pytest.fixture
def roots(installation: Installation, sample_photos: Path) -> Iterator[Roots]:
    (installation.photos / "day").mkdir()
    with installation.app() as app:
        roots = Roots(app)
        roots.care.start()
        try:
            roots.sweeps.add(roots.root)
            roots.sweep()
            assert roots.look_after() == []
            yield roots
        finally:
            roots.answers.set()
            roots.care.stop()


def test_a_disk_that_answers_late_is_not_swept_whole(roots: Roots, sample_photos: Path) -> None:
    photo = roots.root / "day" / "a.jpg"
    roots.busy()
    shutil.copy(sample_photos / "IMG_100.jpg", photo)
    roots.sweeps.hint(photo.parent)
    roots.sweep()
    assert roots.app.store.photos.at(photo) is None, "nobody touches a disk that owes an answer"
    roots.answers.set()
    assert roots.look_after() == [], "it was only busy"
    roots.sweep()
    assert roots.app.store.photos.at(photo) is not None, "what was hinted meanwhile is looked at"
    assert not roots.sweeps.whole


def test_a_disk_that_answers_late_keeps_its_watch(roots: Roots, sample_photos: Path) -> None:
    roots.busy()
    assert roots.care.to_reconcile() == []
    roots.answers.set()
    roots.hinted.clear()
    assert roots.look_after() == []
    (status,) = roots.care.statuses()
    assert status.state == "watching"
    time.sleep(0.3)
    assert roots.hinted == [], "no folder is hinted that did not change"


def test_a_sweep_that_was_left_is_made_up(roots: Roots) -> None:
    roots.busy()
    roots.sweeps.add(roots.root)
    roots.sweep()
    assert not roots.sweeps.whole, "it waits for nobody"
    roots.answers.set()
    assert roots.look_after() == [roots.root]
    roots.sweeps.add(roots.root)
    roots.sweep()
    assert roots.look_after() == [], "once"


@needs_root
def test_a_cloud_drive_below_a_root_is_left_alone_and_what_was_there_is_kept(roots: Roots, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_100.jpg", roots.root / "day" / "a.jpg")
    roots.sweeps.add(roots.root)
    roots.sweep()
    with hanging_mount(roots.root / "day", "fuse.rclone"):
        problems = [problem for arrivals in roots.app.sweep(roots.root) for problem in arrivals.problems]
        roots.sweeps.hint(roots.root)
        roots.sweep()
    assert [problem.partition(";")[0] for problem in problems] == [
        f"{roots.root / 'day'} is a cloud drive (fuse.rclone)"
    ]
    known = roots.app.store.photos.at(roots.root / "day" / "a.jpg")
    assert known is not None
    assert known.missing_since_s is None


def test_a_root_that_was_away_is_swept_whole(roots: Roots) -> None:
    roots.care.lost(roots.root, "it shows other files than before")
    assert roots.look_after() == [roots.root]
    assert roots.look_after() == []
