"""Take duplicates out of the way: one copy of each photo stays, and nothing is deleted."""

from __future__ import annotations

from pathlib import Path

from sameshot.app import App
from sameshot.apply.filing import file_plan
from sameshot.apply.trash import Trash, make_ready
from sameshot.errors import BadInput
from sameshot.filing.duplicates import To, Wanted, learn_removed
from sameshot.plan.duplicates import Keep
from sameshot.verbs.apply import BatchResult, batch_result
from sameshot.verbs.plan import check_unchanged, dedupe_plan
from sameshot.way.sweeping import remember_root


def dedupe(
    app: App,
    *,
    to: To,
    keep: Keep = "best",
    paths: tuple[Path, ...] = (),
    reference: tuple[Path, ...] = (),
    quarantine: Path | None = None,
    verified: bool = False,
    fingerprint: str | None = None,
) -> BatchResult:
    """Moves every copy but one of each photo to a quarantine folder or the trash; `undo` brings them back.

    Raises BadInput as `dedupe_plan` does, and when the trash cannot be used.
    """
    made, tops = dedupe_plan(app, Wanted(to, keep, paths, reference, quarantine, verified))
    check_unchanged(made, fingerprint)
    for folder in tops if to == "trash" else ():
        try:
            make_ready(Trash(folder, None))
        except OSError as error:
            raise BadInput(f"The trash {folder} cannot be used: {error.strerror}", "Say --to quarantine") from error
    report = file_plan(
        made,
        app.journal,
        roots=list(dict.fromkeys([*app.store.roots.all(), *tops])),
        now=app.today(),
        progress=lambda done, total: app.progress("taking duplicates out of the way", done, total),
    )
    contents = learn_removed(app.store, report.outcomes, app.now())
    if contents:
        app.flow.touch(contents)
        app.flow.regroup()
    for root in app.roots:
        remember_root(app.store, root)
    return batch_result(report)
