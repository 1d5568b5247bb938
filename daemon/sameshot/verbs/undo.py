"""Give files back their place and name."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sameshot.app import App
from sameshot.apply.undo import Selection, steps_to_undo
from sameshot.apply.undo import undo as take_back
from sameshot.errors import BadInput
from sameshot.filing.following import learn_parted
from sameshot.filing.plans import learn_undone
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
    if fingerprint is not None and fingerprint != fingerprint_of(steps_to_undo(app.journal, selection)):
        raise BadInput("Nothing was undone: more was done since this was shown", "Look again and try again")
    report = take_back(
        app.journal,
        selection,
        now=app.today(),
        progress=lambda done, total: app.progress("undoing", done, total),
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
    return batch_result(report)
