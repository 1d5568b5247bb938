"""Give files back their place and name."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sameshot.app import App
from sameshot.apply.undo import Selection, steps_to_undo
from sameshot.apply.undo import undo as take_back
from sameshot.errors import BadInput
from sameshot.filing.following import companions_beside, learn_parted
from sameshot.filing.plans import learn_undone
from sameshot.model import BatchReport
from sameshot.verbs.apply import BatchResult, batch_result
from sameshot.verbs.undo_plan import fingerprint as fingerprint_of


def undo(
    app: App,
    *,
    batches: tuple[str, ...] = (),
    files: tuple[Path, ...] = (),
    last: bool = False,
    since: datetime | None = None,
    everything: bool = False,
    fingerprint: str | None = None,
) -> BatchResult:
    """Takes back what was selected, the newest first; what cannot be taken back is refused by file.

    With `fingerprint`, only if the same would be taken back that was shown under it; else raises BadInput.
    """
    selection = Selection(batches, files, last, since, everything)
    if fingerprint is not None and fingerprint != fingerprint_of(
        steps_to_undo(app.journal, selection, companions_beside())
    ):
        raise BadInput("Nothing was undone: more was done since this was shown", "Look again and try again")
    report = take_back(
        app.journal,
        selection,
        now=app.today(),
        progress=lambda done, total: app.progress("undoing", done, total),
        beside=companions_beside(),
    )
    learn_undone(app.store, report.outcomes)
    learn_parted(app.store, report.outcomes)
    back = [app.store.photos.at(outcome.step.source) for outcome in report.outcomes if outcome.step.kept is not None]
    if contents := {photo.content_id for photo in back if photo is not None and photo.content_id is not None}:
        if app.loaded.is_whole:
            app.flow.touch(contents)  # groups have these duplicates again
            app.flow.regroup()
        else:
            app.store.meta.set("compared_as", None)  # nobody knows how the owner wants them grouped: the next run does
    return batch_result(_told_where(app, report))


def _told_where(app: App, report: BatchReport) -> BatchReport:
    """Returns the report, with a word on where a moved photo is known to be that is not where it was brought."""
    gone = {
        outcome.step.target
        for outcome in report.outcomes
        if not outcome.done and outcome.step.action == "move" and not os.path.lexists(outcome.step.target)
    }
    known: dict[Path, Path] = {}
    for location in app.journal.locations() if gone else ():
        if location.target in gone and location.stat is not None:
            rows = app.store.photos.files_with_inode(location.stat.device, location.stat.inode)
            known.update((location.target, row.path) for row in rows if os.path.lexists(row.path))
    told = [
        replace(outcome, reason=f"{outcome.reason}; it is known at {known[outcome.step.target]} now")
        if not outcome.done and outcome.step.target in known
        else outcome
        for outcome in report.outcomes
    ]
    return replace(report, outcomes=tuple(told))
