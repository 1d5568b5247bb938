"""How the roots are: which answer, which are watched, and which must be swept now.

Comes in: the app, hints, what sweeps found, the time. Goes out: roots to sweep, and a status for each. A root that does
not answer is touched by nobody here until it does: asking a share whose server is gone would stop the whole service. A
cloud drive is not read before its owner said so: looking at it means downloading all of it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.errors import RootUnavailable
from sameshot.service.probe import Probe
from sameshot.verbs.status import RootStatus
from sameshot.watch.canary import Canary
from sameshot.watch.observer import FolderWatch, RootHealth
from sameshot.watch.pace import Pace, writes_to
from sameshot.watch.roots import check_root, is_cloud
from sameshot.way.arrival import Arrivals
from sameshot.way.sweeping import believe_root

_log = logging.getLogger(__name__)
_PATIENCE_S = 3.0
"""So long without an answer, and a root counts as silent. A disk that has to spin up takes longer, and comes back."""
_PROMPTLY_S = 0.2
_BELIEVED_S = 1.0
"""How long an answer of a disk of this machine stands."""
_SHARE_BELIEVED_S = 0.02
"""And of a share: its server may be gone the next moment, and whoever then asks it waits for ever."""
_LONGEST_PACE = 4


@dataclass(frozen=True, slots=True)
class RootGlance:
    """What one call tells of a root: cheap enough for every few seconds."""

    identity: tuple[int, int]
    read_only: bool
    real: str
    """Where it leads, each symbolic link followed."""


def glance_at(root: Path) -> RootGlance:
    """Returns how the root is. Waits for its disk; raises OSError when it cannot be reached."""
    facts = os.stat(root)
    read_only = bool(os.statvfs(root).f_flag & os.ST_RDONLY)
    return RootGlance((facts.st_dev, facts.st_ino), read_only, os.path.realpath(root))


class RootCare:
    """The roots of one service."""

    def __init__(
        self, app: App, on_hint: Callable[[Path], None], glance: Callable[[Path], RootGlance] = glance_at
    ) -> None:
        self.offline: dict[Path, str] = {}
        self._app = app
        self._asking: dict[Path, str] = {}
        self._glances: dict[Path, RootGlance] = {}
        self._health: Mapping[Path, RootHealth] = {}
        """As of the last look: whoever asks for the status must not wait for a disk."""
        self._probe = Probe(glance)
        self._asked_s: dict[Path, float] = {}
        self._local: set[Path] = set()
        """Roots on disks of this machine."""
        self._watch = FolderWatch(app.roots, on_hint, app.rules, self.answers)
        self._canary = Canary()
        self._paces = {
            root: Pace(app.config.schedule.reconcile_every.total_seconds() * _LONGEST_PACE) for root in app.roots
        }
        self._writes: dict[Path, int | None] = {}
        self._owed: set[Path] = set()
        """Roots of which something was left unread."""
        self._swept_s: dict[Path, float] = {}
        """When, by the wall clock, the last whole sweep of a root ended: from then on its watch is held to account."""

    def start(self) -> None:
        """Watches what answers."""
        for root in self._app.roots:
            self._probe.ask(root)
        for root in self._app.roots:
            self._judge(root, _PATIENCE_S)
        self._watch.start()
        self._health = self._watch.health()

    def stop(self) -> None:
        """Ends the watching threads."""
        self._watch.stop()

    def may_be_read(self, root: Path) -> bool:
        """Whether sweeps and hints of the root are worth anything now."""
        return not self.is_away(root) and self.answers(root)

    def is_away(self, root: Path) -> bool:
        """Whether nothing may be read until the root is back, which a sweep of all of it follows."""
        return root in self.offline or root in self._asking

    def owes(self, root: Path) -> None:
        """Something of the root is left unread: it is swept when it may be read again."""
        self._owed.add(root)

    def why_not(self, root: Path) -> str:
        """Returns why a root may not be read now."""
        return self.offline.get(root) or self._asking.get(root) or self._silence(root)

    @property
    def disks(self) -> list[Path]:
        """The roots, and the library where there is one."""
        library = self._app.config.library_dir
        return [*self._app.roots, *([] if library is None else [library])]

    def refuse_silent(self, places: Iterable[Path], hint: str) -> None:
        """Raises RootUnavailable when a place is on a disk that does not answer: asking it would never end."""
        places = tuple(places)
        for disk in self.disks:
            if any(place.is_relative_to(disk) for place in places) and not self.answers(disk):
                raise RootUnavailable(self._silence(disk), hint)

    def all_answer(self) -> bool:
        """Whether no root keeps its callers waiting, nor the library: what files photos asks all of them."""
        return all(self.answers(disk) for disk in self.disks)

    # ---------------------------------------------------------------- every few seconds

    def look_after(self, now_s: float) -> list[Path]:
        """Returns the roots to sweep: those that came back, and those whose pace says so."""
        due = []
        for root in self._app.roots:
            self._probe.ask(root)
        for root in self._app.roots:
            away = self.is_away(root) or root not in self._glances
            self._judge(root, _PROMPTLY_S)
            if (away or root in self._owed) and self.may_be_read(root):
                self._owed.discard(root)
                due.append(root)
        for root in self._canary.missed(time.time()):
            self._watch.report_missed(root)
        health = self._health = self._watch.health()
        deaf = [root for root in self._app.roots if health[root].state == "deaf" and self.may_be_read(root)]
        if deaf:
            self._watch.repair()
            before, health = health, self._watch.health()
            self._health = health
            for root in deaf:
                if health[root].state == "watching":
                    _log.warning("%s; it is watched anew", before[root].sentence)
        polled = (root for root in self._app.roots if health[root].state == "polling" and self.may_be_read(root))
        return due + [root for root in polled if root not in due and now_s >= self._paces[root].due_s]

    def to_reconcile(self) -> list[Path]:
        """Returns the roots that a full sweep could tell something new of; renews their watches."""
        self._watch.repair()
        health = self._health = self._watch.health()
        watched = [root for root in self._app.roots if self.may_be_read(root) and health[root].state != "polling"]
        return [root for root in watched if self._was_written_to(root)]

    def may_have_changed(self, place: Path) -> bool:
        """Whether a sweep of a place that is no root could tell something new of it."""
        return self.answers(place) and self._was_written_to(place)

    def _was_written_to(self, place: Path) -> bool:
        return self._writes.get(place) is None or writes_to(place) != self._writes[place]

    def _judge(self, root: Path, timeout_s: float) -> None:
        try:
            glance = self._probe.wait(root, timeout_s)
        except OSError as error:
            self.offline[root] = f"The folder {root} cannot be reached: {error.strerror}"
            return
        if glance is None:
            if self._probe.silent_s(root) >= _PATIENCE_S:
                self.offline[root] = self._silence(root)
            return
        if glance == self._glances.get(root) and root not in self.offline:
            return
        try:
            self._refuse_overlap(root, glance)
            self._believe(root)
            self._glances[root] = glance
            self.offline.pop(root, None)
        except RootUnavailable as error:
            self.offline[root] = str(error)

    def _refuse_overlap(self, root: Path, glance: RootGlance) -> None:
        """Raises RootUnavailable where it leads into another root by now: each photo would be known twice."""
        for other, its in self._glances.items():
            if other == root or other in self.offline:
                continue
            below, above = Path(glance.real), Path(its.real)
            if glance.identity == its.identity or below == above:
                raise RootUnavailable(f"{root} has become the same folder as {other}", "Remove one of the two")
            for inner, outer, its_root in ((below, above, other), (above, below, root)):
                if outer in inner.parents and self._app.is_recursive(its_root):
                    relation = "leads into" if outer == above else "has come to hold"
                    raise RootUnavailable(f"{root} {relation} the root {other}", "Remove one of the two")

    def _believe(self, root: Path) -> None:
        believe_root(self._app.store, root)
        facts = check_root(root)
        kind = facts.filesystem_type
        (self._local.discard if facts.is_network else self._local.add)(root)
        configured = next(known for known in self._app.config.roots if known.path == root)
        self._asking.pop(root, None)
        if is_cloud(kind) and configured.remote == "ask":
            self._asking[root] = (
                f"{root} is a cloud drive ({kind}): looking at its photos downloads them all; `sameshot doctor` says "
                "how much that is, and `remote: read` beside its path in the config allows it"
            )

    def answers(self, root: Path) -> bool:
        """Whether the root answers promptly, asked a moment ago. One that does not is touched by nobody."""
        if self._probe.silent_s(root) >= _PROMPTLY_S:
            return False  # it was waited for once; who waits again for each photo stands still
        believed_s = _BELIEVED_S if root in self._local else _SHARE_BELIEVED_S
        if time.monotonic() - self._asked_s.get(root, 0.0) > believed_s:
            self._asked_s[root] = time.monotonic()
            with contextlib.suppress(OSError):
                self._probe.wait(root, _PROMPTLY_S)
        return self._probe.silent_s(root) == 0.0

    @staticmethod
    def _silence(disk: Path) -> str:
        return f"The filesystem of {disk} does not answer"

    # ---------------------------------------------------------------- what happened

    def hinted(self, folder: Path) -> None:
        """The watch announced a change."""
        self._canary.heard(folder, time.time())

    def sweeping(self, root: Path) -> None:
        """A whole sweep of the root begins."""
        self._writes[root] = writes_to(root)

    def found(self, root: Path, arrivals: Arrivals) -> None:
        """A whole sweep found this in one folder."""
        folder, since_s = arrivals.came_or_went, self._swept_s.get(root)
        if folder is None or since_s is None or self._health[root].state != "watching":
            return
        with contextlib.suppress(OSError):
            changed_s = folder.stat().st_mtime
            if changed_s > since_s:
                self._canary.found(root, folder, changed_s, time.time())

    def swept(self, root: Path, began_s: float, *, changed: bool) -> None:
        """A whole sweep of the root ended."""
        self._swept_s[root] = time.time()
        self._paces[root].swept(began_s, time.monotonic(), changed=changed)

    def lost(self, root: Path, why: str) -> None:
        """A sweep met a root that is not what it was."""
        self.offline[root] = why
        self._swept_s.pop(root, None)

    def statuses(self) -> tuple[RootStatus, ...]:
        """Returns how each root is."""
        return tuple(
            self._status(root, health) for root in self._app.roots if (health := self._health.get(root)) is not None
        )

    def _status(self, root: Path, health: RootHealth) -> RootStatus:
        if root in self.offline:
            return RootStatus(root, "offline", self.offline[root])
        if root in self._asking:
            return RootStatus(root, "asking", self._asking[root])
        glance = self._glances.get(root)
        sentence = health.sentence + ("; it is mounted read-only" if glance and glance.read_only else "")
        return RootStatus(root, health.state, sentence, health.folders_watched)
