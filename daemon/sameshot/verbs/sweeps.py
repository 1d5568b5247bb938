"""The sweeps of a running service: roots, folders that were hinted, and what clients asked to be scanned.

Comes in: hints (from any thread), roots, scans. Goes out: what they brought, handed to the flow piece by piece, so that
the loop turns on; a hint waits for no sweep. A folder that was hinted a thousand times is looked at once.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.errors import RootUnavailable, SameshotError
from sameshot.service.control import Request
from sameshot.verbs.diary import Diary
from sameshot.verbs.root_care import RootCare
from sameshot.way.arrival import Arrivals
from sameshot.way.sweeping import sweep_folder

_log = logging.getLogger(__name__)
_TOLD_AT_MOST = 10_000


@dataclass(slots=True)
class Scan:
    """A client that waits for its folders to be swept and everything to be grouped."""

    request: Request
    failed_before: set[tuple[Path, str]]
    sweeps_left: int
    problems: list[str]
    answer_at_s: float = 0.0
    """By the monotonic clock, when files that are not complete are waited for no longer."""


@dataclass(slots=True)
class _Sweep:
    place: Path
    steps: Iterator[Arrivals]
    scan: Scan | None
    filed: bool = False
    """Whether photos were filed there, and it is no root."""
    began_s: float = 0.0
    changed: bool = False


class Sweeps:
    """What is still to be swept."""

    def __init__(self, app: App, diary: Diary) -> None:
        self._app, self._diary = app, diary
        self._hints: deque[Path] = deque()
        self._folders: dict[Path, None] = {}
        self._later: list[Path] = []
        """Hinted folders whose root owes an answer at the moment."""
        self._sweeps: deque[_Sweep] = deque()
        self._told: set[str] = set()
        self._believed: set[Path] = set()
        """Roots that were checked in this turn: once for a thousand hinted folders."""
        self._kept_out: dict[Path, tuple[Path, ...]] = {}
        """The shares below each root that are left alone in this turn."""

    @property
    def busy(self) -> bool:
        """Whether anything is left to sweep."""
        return bool(self._sweeps or self._folders or self._hints)

    @property
    def places(self) -> tuple[Path, ...]:
        """What is being swept whole."""
        return tuple(sweep.place for sweep in self._sweeps)

    @property
    def whole(self) -> bool:
        """Whether a whole root is still to be swept."""
        return any(sweep.scan is None for sweep in self._sweeps)

    def hint(self, folder: Path) -> None:
        """A folder may have changed. For any thread."""
        self._hints.append(folder)

    def add(self, root: Path) -> None:
        """Has a whole root swept, unless it waits for that already."""
        if all(sweep.place != root or sweep.scan is not None for sweep in self._sweeps):
            self._sweeps.append(_Sweep(root, self._app.sweep(root), None))

    def add_filed(self, care: RootCare, scan: Scan | None = None) -> None:
        """Has the places outside the roots swept to which photos were filed; without a `scan`, where that may tell."""
        for place in self._app.filed_places():
            if scan is not None:
                scan.sweeps_left += 1
            elif not care.may_have_changed(place) or any(
                sweep.filed and sweep.place == place for sweep in self._sweeps
            ):
                continue
            self._sweeps.append(_Sweep(place, self._app.sweep_filed(place), scan, filed=True))

    def add_scan(self, place: Path, scan: Scan) -> None:
        """Has a folder swept for a client that waits."""
        self._sweeps.append(_Sweep(place, self._app.sweep(place), scan))

    def step(self, care: RootCare, until_s: float) -> None:
        """Sweeps on until a moment of the monotonic clock."""
        for _ in range(len(self._hints)):
            folder = self._hints.popleft()
            care.hinted(folder)
            self._folders[folder] = None
        self._folders.update(dict.fromkeys(self._later))
        self._later.clear()
        self._believed.clear()
        self._kept_out.clear()
        while self._folders and time.monotonic() < until_s:
            folder = next(iter(self._folders))
            del self._folders[folder]
            self._sweep_folder(care, folder)
        while self._sweeps and time.monotonic() < until_s:
            if not self._go_on(care, self._sweeps[0]):
                sweep = self._sweeps.popleft()
                if sweep.scan is not None:
                    sweep.scan.sweeps_left -= 1

    def _sweep_folder(self, care: RootCare, folder: Path) -> None:
        root = next((root for root in self._app.roots if folder.is_relative_to(root)), None)
        if root is None or not (self._app.is_recursive(root) or folder == root):
            return
        if not care.may_be_read(root):
            if not care.is_away(root):  # a disk may be busy: one that was lost is swept whole when it is back
                self._later.append(folder)
            return
        if root not in self._kept_out:
            self._kept_out[root] = self._app.kept_out(root)
        if any(folder.is_relative_to(share) for share in self._kept_out[root]):
            return
        try:
            store, rules, believed = self._app.store, self._app.rules, root in self._believed
            arrivals = sweep_folder(store, root, folder, rules, self._app.now(), believed=believed)
            self._believed.add(root)
            self._accept(arrivals)
            if arrivals.in_doubt:
                self.add(root)
        except RootUnavailable as error:
            care.lost(root, str(error))

    def _go_on(self, care: RootCare, sweep: _Sweep) -> bool:
        """Whether the sweep goes on."""
        is_root = sweep.place in self._app.roots
        try:
            arrivals = self._next(care, sweep, is_root=is_root)
        except SameshotError as error:
            if sweep.scan is not None:
                sweep.scan.problems.append(str(error))
            return False
        if arrivals is None:
            if is_root:
                care.swept(sweep.place, sweep.began_s, changed=sweep.changed)
            return False
        self._accept(arrivals)
        sweep.changed |= bool(arrivals.unsettled or arrivals.contents)
        if is_root:
            care.found(sweep.place, arrivals)
        if sweep.scan is not None:
            sweep.scan.problems += arrivals.problems
        return True

    def _next(self, care: RootCare, sweep: _Sweep, *, is_root: bool) -> Arrivals | None:
        if is_root and not care.may_be_read(sweep.place):
            care.owes(sweep.place)
            raise RootUnavailable(care.why_not(sweep.place))
        if sweep.filed and not care.answers(sweep.place):
            raise RootUnavailable(care.why_not(sweep.place))
        if not sweep.began_s:
            sweep.began_s = time.monotonic()
            if is_root or sweep.filed:
                care.sweeping(sweep.place)
        try:
            return next(sweep.steps, None)
        except RootUnavailable as error:
            if is_root:
                care.lost(sweep.place, str(error))
            raise

    def _accept(self, arrivals: Arrivals) -> None:
        self._diary.found(len(arrivals.unsettled))
        self._app.flow.take(arrivals.unsettled)
        self._app.flow.touch(arrivals.contents)
        self._app.strays.update(path.parent for path in arrivals.strays)
        for problem in arrivals.problems:
            if problem not in self._told:  # once: a closed folder is met again in every sweep
                _log.warning("%s", problem)
        if len(self._told) > _TOLD_AT_MOST:
            self._told.clear()
        self._told.update(arrivals.problems)
