"""Histories of arrivals, filings, the owner's own doings, crashes and undos: no content is ever lost.

A crash is a real one: a child process files, undoes or recovers, and kills itself just before its n-th call that
changes or syncs something.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from filed import NOW, Desk, contents, own_names, plan, reasons, step
from sameshot.apply.recovery import recover

_NAMES = st.sampled_from(["a.jpg", "A.jpg", "b.jpg", "c.xmp", "caf\u00e9.jpg", "cafe\u0301.jpg", "\udcff.jpg"])
_FOLDERS = st.sampled_from(["", "one", "two/deep"])
_CHANGING = {"write", "fsync", "fdatasync", "mkdir", "rmdir", "link", "symlink", "unlink", "utime", "fchmod", "rename"}
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # fsync costs nothing there


def killed_after(calls: int, act: Callable[[], object], also: Collection[str] = ()) -> bool:
    """Do it in a child process that dies at its `calls`-th change; whether it did not end before.

    `also`: functions that change something too.
    """
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        ended = os.waitstatus_to_exitcode(status)
        assert ended in (0, -signal.SIGKILL)
        return ended != 0
    gc.disable()  # it would copy all of the parent's memory
    left, changing = calls, _CHANGING.union(also, {"_renameat2"})

    def watch(frame: FrameType, event: str, function: object) -> None:
        nonlocal left
        called = function.__name__ if event == "c_call" else frame.f_code.co_name if event == "call" else ""
        if called in changing:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)
    try:
        act()
        os._exit(0)
    finally:
        os._exit(1)


class History(RuleBasedStateMachine):
    """The owner's photos, as the owner and sameshot change them."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=_MEMORY))
        self.desk = Desk(self.folder)
        self.desk.library.mkdir()
        self.arrived = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            recover(self.desk.journal, now=NOW)
            before = self._kept()
            self.desk.undo()
            assert own_names(self.desk.tree()) == []
            self._nothing_is_gone(before)
            shutil.rmtree(self.folder)

    # ------------------------------------------------------------ the owner

    @rule(folder=_FOLDERS, name=_NAMES)
    def a_photo_arrives(self, folder: str, name: str) -> None:
        path = self.desk.photos / folder / name
        if not os.path.lexists(path):
            self.arrived += 1
            self.desk.photo(str(Path(folder) / name), b"content %d" % self.arrived)

    @rule(data=st.data(), folder=_FOLDERS, name=_NAMES)
    def the_owner_copies(self, data: st.DataObject, folder: str, name: str) -> None:
        source, target = self._any_file(data), self.desk.photos / folder / name
        if source and not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)

    @rule(data=st.data(), folder=_FOLDERS, name=_NAMES)
    def the_owner_renames(self, data: st.DataObject, folder: str, name: str) -> None:
        source, target = self._any_file(data), self.desk.photos / folder / name
        if source and not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)

    @rule(data=st.data())
    def the_owner_deletes(self, data: st.DataObject) -> None:
        if path := self._any_file(data):
            path.unlink()

    @rule(data=st.data())
    def the_owner_edits(self, data: st.DataObject) -> None:
        if path := self._any_file(data):
            self.arrived += 1
            spare = path.with_name("being written")
            spare.write_bytes(b"edit %d" % self.arrived)
            spare.replace(path)

    # ------------------------------------------------------------ sameshot

    @rule(data=st.data(), kill_at=st.one_of(st.none(), st.integers(1, 40)))
    def sameshot_files(self, data: st.DataObject, kill_at: int | None) -> None:
        files = self._files()
        if not files:
            return
        steps = []
        for path in data.draw(st.lists(st.sampled_from(files), min_size=1, max_size=5, unique=True)):
            action = data.draw(st.sampled_from(["copy", "move", "hardlink", "symlink"]))
            root = data.draw(st.sampled_from([self.desk.library, self.desk.photos]))
            target = root / data.draw(_FOLDERS) / data.draw(_NAMES)
            steps.append(step(data.draw(st.integers(1, 3)), action, path, target))
        self._maybe_killed(kill_at, lambda: self.desk.file(*steps))

    @rule(kill_at=st.one_of(st.none(), st.integers(1, 40)), everything=st.booleans())
    def sameshot_undoes(self, kill_at: int | None, everything: bool) -> None:
        if list(self.desk.journal.locations()):
            selection = {"all": True} if everything else {"last": True}
            self._maybe_killed(kill_at, lambda: self.desk.undo(**selection))

    def _maybe_killed(self, kill_at: int | None, act: Callable[[], object]) -> None:
        before = self._kept()
        if kill_at is None:
            act()
        else:
            killed_after(kill_at, act)
            self._nothing_is_gone(before)
            killed_after(kill_at // 2 + 1, lambda: recover(self.desk.journal, now=NOW))
            self._nothing_is_gone(before)
            recover(self.desk.journal, now=NOW)
            assert recover(self.desk.journal, now=NOW).batches == ()
        self._nothing_is_gone(before)

    # ------------------------------------------------------------ what holds

    @invariant()
    def nothing_is_left_over(self) -> None:
        if hasattr(self, "folder"):
            assert own_names(self.desk.tree()) == []

    @invariant()
    def the_journal_knows_the_places(self) -> None:
        if hasattr(self, "folder"):
            places = [location.target for location in self.desk.journal.locations()]
            assert len(places) == len(set(places))

    def _kept(self) -> tuple[set[str], Counter[str]]:
        """All contents, and how often each is there but for the copies and links that undo may take away."""
        found = self.desk.tree()
        made = {str(one.target) for one in self.desk.journal.locations() if one.action != "move"}
        return set(contents(found)), contents({path: facts for path, facts in found.items() if path not in made})

    def _nothing_is_gone(self, before: tuple[set[str], Counter[str]]) -> None:
        there = contents(self.desk.tree())
        assert before[0] <= set(there)
        assert before[1] <= there

    def _files(self) -> list[Path]:
        return sorted(Path(path) for path, facts in self.desk.tree().items() if facts and facts.content[:2] != "->")

    def _any_file(self, data: st.DataObject) -> Path | None:
        files = self._files()
        return data.draw(st.sampled_from(files)) if files else None


_ANY_SPEED = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_short_histories():
    run_state_machine_as_test(History, settings=settings(max_examples=25, stateful_step_count=12, **_ANY_SPEED))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_thousand_histories():
    run_state_machine_as_test(History, settings=settings(max_examples=2000, stateful_step_count=30, **_ANY_SPEED))


def test_a_kill_interrupts_and_recovery_and_undo_are_exact(tmp_path):
    desk = Desk(tmp_path)
    photos = [desk.photo(f"{n}.jpg", b"%d" % n) for n in range(3)]
    before = desk.tree()
    file = plan(*(step(1, "move", photo, desk.library / photo.name) for photo in photos))
    killed_after(8, lambda: desk.file(*file.steps))
    assert recover(desk.journal, now=NOW).batches == ("b20261121-153012-1",)
    assert reasons(desk.undo()) == []
    assert desk.tree() == before
