"""What the service did, in words: the newest for `activity`, all that matters for the log.

Comes in: what happened. Goes out: numbered events, and lines of the log. A photo that was looked at is an event of its
own and only counted in the log; one that could not be looked at is named in both. It outlives reloads, so that numbers
go on.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from sameshot.apply.history import read_batch, summaries
from sameshot.apply.recovery import RecoveryReport
from sameshot.service.desktop import Desktop
from sameshot.verbs.status import Event, RootStatus
from sameshot.wording import counted

_log = logging.getLogger(__name__)
_EVENTS_KEPT = 200
_SUMMARY_EVERY_S = 60.0
_TROUBLE = ("offline", "deaf", "asking")


class Diary:
    """One for a process. All methods are for the thread of the loop."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=_EVENTS_KEPT)
        """The newest, oldest first."""
        self.notifies = False
        self.desktop = Desktop()
        self._count = 0
        self._found = self._looked_at = self._failed = 0
        self._groups_before = 0
        self._summary_due_s = 0.0
        self._roots: dict[Path, tuple[str, str]] = {}
        self._batches: frozenset[Path] | None = None
        self._journal_changed_ns = 0

    def begin(self, groups: int, journal: Path, recovered: RecoveryReport) -> None:
        """The service begins, or goes on with another config, with so many groups known."""
        self._groups_before = groups
        self.filings(journal)
        if recovered.batches:
            finished, put_back = counted(len(recovered.finished), "file"), counted(len(recovered.put_back), "file")
            interrupted = ", ".join(recovered.batches)
            self.note(f"{interrupted} was interrupted: {finished} finished, {put_back} put back", logging.WARNING)
        for sentence in recovered.unsettled:
            self.note(sentence, logging.WARNING)

    def note(self, what: str, level: int = logging.INFO, **about: object) -> None:
        """Something happened that is worth a line of its own. `about`: photo, root, job, batch, for the journal."""
        self._event(what)
        _log.log(level, "%s", what, extra={"about": about})
        if self.notifies and (level >= logging.WARNING or "batch" in about):
            self.desktop.tell(what)

    def found(self, photos: int) -> None:
        """A sweep met so many photos that are new or changed."""
        self._found += photos

    def looked(self, photo: Path, reason: str) -> None:
        """A photo was looked at, or could not be, for this reason."""
        if reason:
            self._failed += 1
            self.note(f"{photo} could not be looked at: {reason}", logging.WARNING, photo=photo)
        else:
            self._looked_at += 1
            self._event(f"{photo} was looked at")

    def roots(self, statuses: Iterable[RootStatus]) -> None:
        """How the roots are by now; what changed is noted."""
        for root in statuses:
            now = (root.state, root.detail if root.state in _TROUBLE else "")
            before = self._roots.get(root.path)
            self._roots[root.path] = now
            if root.state in _TROUBLE and now != before:
                self.note(root.detail, logging.WARNING, root=root.path)
            elif before is not None and before[0] in _TROUBLE and root.state not in _TROUBLE:
                back = f"{root.path} is {root.state} again" if root.state == "watching" else root.detail
                self.note(back, root=root.path)

    def filings(self, journal: Path) -> None:
        """Notes the batches that came to the journal since it was asked last; cheap while none did."""
        try:
            changed_ns = journal.stat().st_mtime_ns
        except FileNotFoundError:
            self._batches = frozenset()
            return
        if changed_ns == self._journal_changed_ns:
            return
        self._journal_changed_ns = changed_ns
        batches = frozenset(journal.glob("b*.jsonl"))
        fresh = sorted(batches - self._batches) if self._batches is not None else []
        self._batches = batches
        for summary in summaries([read_batch(batch) for batch in fresh]):
            refused = f", {summary.refused:,} refused" if summary.refused else ""
            done = counted(summary.done, "file")
            self.note(
                f"{summary.kind}: {done} done{refused}, as batch {summary.batch} ({summary.why})", batch=summary.batch
            )

    def job_ended(self, name: str, failure: str) -> None:
        """A job of the night ended."""
        if failure:
            self.note(f"the job {name} failed: {failure}", logging.WARNING, job=name)
        else:
            self.note(f"the job {name} is done", job=name)

    def sum_up(self, known_groups: Callable[[], int], now_s: float, *, idle: bool) -> None:
        """Writes what came since the last time, once all is done and at least every minute. `now_s`: monotonic."""
        if not (self._found or self._looked_at or self._failed) or not (idle or now_s >= self._summary_due_s):
            return
        groups = known_groups()
        news = groups - self._groups_before
        words = [f"{counted(self._found, 'photo')} came or changed"] if self._found else []
        words += [f"{counted(self._looked_at, 'photo')} looked at"] if self._looked_at else []
        words += [f"{self._failed:,} could not be"] if self._failed else []
        more = f" ({news:+,})" if news else ""
        self.note(f"{', '.join(words)}; {counted(groups, 'group')}{more}")
        self._found = self._looked_at = self._failed = 0
        self._groups_before, self._summary_due_s = groups, now_s + _SUMMARY_EVERY_S

    def _event(self, what: str) -> None:
        self._count += 1
        self.events.append(Event(self._count, time.time(), what))
