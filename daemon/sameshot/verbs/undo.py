"""Give files back their place and name."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sameshot.app import App
from sameshot.apply.undo import Selection
from sameshot.apply.undo import undo as take_back
from sameshot.filing.following import learn_parted
from sameshot.filing.plans import learn_undone
from sameshot.verbs.apply import BatchResult, batch_result


def undo(
    app: App,
    *,
    batches: tuple[str, ...] = (),
    files: tuple[Path, ...] = (),
    last: bool = False,
    since: datetime | None = None,
    everything: bool = False,
) -> BatchResult:
    """Takes back what was selected, the newest first; what cannot be taken back is refused by file."""
    report = take_back(
        app.journal,
        Selection(batches, files, last, since, everything),
        now=app.today(),
        progress=lambda done, total: app.progress("undoing", done, total),
    )
    learn_undone(app.store, report.outcomes)
    learn_parted(app.store, report.outcomes)
    back = [app.store.photos.at(outcome.step.source) for outcome in report.outcomes if outcome.step.kept is not None]
    if contents := {photo.content_id for photo in back if photo is not None and photo.content_id is not None}:
        app.flow.touch(contents)  # groups have these duplicates again
        app.flow.regroup()
    return batch_result(report)
