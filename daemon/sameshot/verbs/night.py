"""The jobs of the clock as the service does them: one at a time, beside everything else.

Comes in: the app and the time. Goes out: chores begun, watched and remembered. What reads the whole store is a process
of its own; only saving the index happens here, for the index is here.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator

from sameshot.app import App
from sameshot.errors import SameshotError
from sameshot.service.chore import Chore
from sameshot.service.jobs import JobName, JobRun
from sameshot.verbs.diary import Diary
from sameshot.verbs.jobs import SHARE, known_jobs
from sameshot.verbs.learn import learn
from sameshot.verbs.merge import merged_around, take_clusters
from sameshot.verbs.recluster import NIGHTS_LIST
from sameshot.wording import counted

_MERGED_AT_ONCE = 64
"""Around so many contents groups are made anew in one turn: whoever asks something waits for it."""
_LONGEST_S = 3 * 3600.0
"""One that hangs would keep off all others for good."""


class Night:
    """The jobs of one running service."""

    def __init__(self, app: App, diary: Diary) -> None:
        self._app, self._diary = app, diary
        if app.store.meta.get(SHARE) is None:
            app.store.meta.set(SHARE, random.random())
        self._jobs = known_jobs(app)
        self._due: list[JobName] = []
        self._chore: tuple[JobName, Chore] | None = None
        self._merging: Iterator[str] | None = None
        self._reconciling = False
        self._scratch = app.locations.cache_dir / "night"
        shutil.rmtree(self._scratch, ignore_errors=True)  # of a service that was killed

    @property
    def names(self) -> tuple[str, ...]:
        """What is under way."""
        chores = (self._chore[0],) if self._chore else ("recluster",) if self._merging else ()
        return (*(("reconcile",) if self._reconciling else ()), *chores)

    def rows(self) -> tuple[JobRun, ...]:
        """Every job with its last and its next run."""
        return self._jobs.rows(self._app.today(), running=True)

    def check_clock(self) -> None:
        """Takes note of what is due by now."""
        self._due = self._jobs.due(self._app.today())

    def step(self) -> None:
        """Ends what is done and begins what is due, one at a time; only the saving of a large index takes a moment."""
        if self._merging is not None:
            self._go_on_merging(self._merging)
        elif self._chore is not None:
            name, chore = self._chore
            outcome = chore.outcome()
            if outcome is None:
                return
            self._chore = None
            if name == "recluster" and not outcome:
                self._merging = merged_by_night(self._app)
                return
            if name == "learn" and not outcome:
                try:
                    for sentence in learn(self._app, by_night=True).said:
                        self._diary.note(sentence, job=name)
                except SameshotError as error:
                    outcome = str(error)
            self._end(name, outcome)
        elif self._due:
            self._begin(self._due.pop(0))

    def reconcile_began(self) -> None:
        """All roots are about to be swept."""
        self._reconciling = True
        self._jobs.began("reconcile", self._app.today())

    def reconcile_may_have_ended(self, offline: int) -> None:
        """No sweep is under way (any more). `offline`: roots that could not be swept."""
        if self._reconciling:
            self._reconciling = False
            self._jobs.ended("reconcile", self._app.today(), f"{offline} roots are offline" if offline else "")

    def stop(self) -> None:
        """Ends what is under way; it is due again."""
        if self._chore is not None:
            name, chore = self._chore
            chore.cancel()
            self._chore = None
            self._end(name, "the service ended")
        if self._merging is not None:
            self._merging = None
            self._end("recluster", "the service ended")

    def _go_on_merging(self, steps: Iterator[str]) -> None:
        failure = ""
        try:
            sentence = next(steps, None)
        except SameshotError as error:
            sentence, failure = None, str(error)
        if sentence:
            self._diary.note(sentence, job="recluster")
        if sentence is None:
            self._merging = None
            self._end("recluster", failure)

    def _begin(self, name: JobName) -> None:
        self._jobs.began(name, self._app.today())
        database, now = self._app.locations.database, self._app.today()
        try:
            if name == "index":
                self._app.save_index()
                self._end(name, "")
                return
            if name == "cache":
                words = [str(self._app.locations.cache_dir), str(self._app.config.limits.cache_mb << 20)]
                self._chore = (name, Chore(name, words, "sameshot.service.cache_trim"))
                return
            if name in ("learn", "recluster", "train"):
                # The budget is for the training alone: pictures are made before it, and judged after it.
                longest_s = 2 * self._app.config.schedule.train.budget.total_seconds() + _LONGEST_S
                words, module = night_words(self._app, name), f"sameshot.verbs.{name}"
                self._chore = (name, Chore(name, words, module, longest_s, self._scratch))
                return
            backups = self._app.locations.state_dir / "backups"
            words = [str(backups), now.date().isoformat()] if name == "backup" else []
            self._chore = (name, Chore(name, [str(database), *words]))
        except OSError as error:
            self._end(name, f"it could not begin: {error.strerror}")

    def _end(self, name: JobName, failure: str) -> None:
        self._jobs.ended(name, self._app.today(), failure)
        self._diary.job_ended(name, failure)


def night_words(app: App, name: JobName) -> list[str]:
    """Returns what a verb by night is told: config file, state and cache folder; a training its budget in seconds."""
    config = "" if app.loaded.path is None else str(app.loaded.path)
    words = [config, str(app.locations.state_dir), str(app.locations.cache_dir)]
    return [*words, str(app.config.schedule.train.budget.total_seconds())] if name == "train" else words


def merged_by_night(app: App) -> Iterator[str]:
    """Makes true what a re-clustering by night found, a little at a time, and yields "" after each piece.

    The last it yields is a sentence where groups changed. Groups are made anew from what is known by then, so the
    proposal may be old.
    """
    take_clusters(app)
    contents, merged, changed = differing(app), 0, 0
    at = app.today().isoformat(timespec="seconds")
    for start in range(0, len(contents), _MERGED_AT_ONCE):
        # A group lies in one piece, or is whole after the first of those in which it lies.
        found = merged_around(app, set(contents[start : start + _MERGED_AT_ONCE]), at)
        merged, changed = merged + len(found.merged), changed + found.changed
        yield ""
    if merged or changed:
        made = f"{counted(merged, 'group')} made of others"
        back = " (`sameshot merge --undo` parts them)" if merged else ""
        listed = app.locations.state_dir / NIGHTS_LIST
        yield f"grouped anew: {made}{back}, {counted(changed, 'other group')} changed; {listed} lists each change"


def differing(app: App) -> list[int]:
    """Returns the contents around which a re-clustering by night found other groups than are known."""
    try:
        found = json.loads((app.locations.cache_dir / "recluster.json").read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [content for content in found if isinstance(content, int)]
