"""The jobs of the clock as the service does them: one at a time, beside everything else.

Comes in: the app and the time. Goes out: chores begun, watched and remembered. What reads the whole store is a process
of its own; only saving the index happens here, for the index is here.
"""

from __future__ import annotations

import json
import random
import shutil

from sameshot.app import App
from sameshot.errors import SameshotError
from sameshot.service.chore import Chore
from sameshot.service.jobs import JobName, JobRun
from sameshot.verbs.diary import Diary
from sameshot.verbs.jobs import SHARE, known_jobs
from sameshot.verbs.learn import learn
from sameshot.verbs.merge import merge
from sameshot.verbs.recluster import NIGHTS_LIST
from sameshot.wording import counted

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
        self._reconciling = False
        self._scratch = app.locations.cache_dir / "night"
        shutil.rmtree(self._scratch, ignore_errors=True)  # of a service that was killed

    @property
    def names(self) -> tuple[str, ...]:
        """What is under way."""
        chores = (self._chore[0],) if self._chore else ()
        return (*(("reconcile",) if self._reconciling else ()), *chores)

    def rows(self) -> tuple[JobRun, ...]:
        """Every job with its last and its next run."""
        return self._jobs.rows(self._app.today(), running=True)

    def check_clock(self) -> None:
        """Takes note of what is due by now."""
        self._due = self._jobs.due(self._app.today())

    def step(self) -> None:
        """Ends what is done and begins what is due, one at a time; only the saving of a large index takes a moment."""
        if self._chore is not None:
            name, chore = self._chore
            outcome = chore.outcome()
            if outcome is None:
                return
            self._chore = None
            if name == "recluster" and not outcome:
                # The groups around these are made anew from what is known by now, so the proposal may be old.
                try:
                    for sentence in merged_by_night(self._app):
                        self._diary.note(sentence, job=name)
                except SameshotError as error:
                    outcome = str(error)
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


def merged_by_night(app: App) -> list[str]:
    """Makes true what a re-clustering by night found; returns a sentence where groups changed."""
    found = merge(app, contents=tuple(differing(app)), clusters=True)
    if not found.merged and not found.changed:
        return []
    merged = f"{counted(len(found.merged), 'group')} made of others"
    back = " (`sameshot merge --undo` parts them)" if found.merged else ""
    listed = app.locations.state_dir / NIGHTS_LIST
    return [
        f"grouped anew: {merged}{back}, {counted(found.changed, 'other group')} changed; {listed} lists each change"
    ]


def differing(app: App) -> list[int]:
    """Returns the contents around which a re-clustering by night found other groups than are known."""
    try:
        found = json.loads((app.locations.cache_dir / "recluster.json").read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [content for content in found if isinstance(content, int)]
