"""File groups into folders."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path

from sameshot.app import App
from sameshot.apply.filing import file_plan
from sameshot.errors import BadInput
from sameshot.filing.ability import able
from sameshot.filing.anew import does_the_same
from sameshot.filing.following import learn_followed, plan_late
from sameshot.filing.plans import learn_done, plan_folders
from sameshot.model import Action, BatchReport, Plan
from sameshot.verbs.plan import Asked, Only, check_unchanged, folders_plan, library_of, overwriting_plan, shape_of
from sameshot.way.sweeping import remember_root

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that was left as it is, and why."""

    source: Path
    target: Path
    reason: str


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a plan. `batch` is what `undo` takes, empty when there was nothing to do."""

    batch: str
    done: int
    refused: tuple[RefusedFile, ...]
    notes: tuple[str, ...]


def apply(
    app: App,
    *,
    action: Action | None = None,
    library: Path | None = None,
    layout: str | None = None,
    outliers: str | None = None,
    batch_size: int | None = None,
    only: Only | None = None,
    overwrite: bool = False,
    fingerprint: str | None = None,
) -> BatchResult:
    """Files all groups. With `fingerprint`, only if the plan is still the one that was shown under it.

    `overwrite`: takes back what earlier batches filed, then files all anew. When something cannot be taken back,
    nothing is filed, and the refusals are the result.
    """
    asked = Asked(action, library, layout, outliers, batch_size, only)
    if overwrite or app.config.overwrite:
        return _overwrite(app, asked, fingerprint)
    made = folders_plan(app, asked)
    check_unchanged(made, fingerprint)
    return do_plan(app, made, (library_of(app, asked),))


def _overwrite(app: App, asked: Asked, fingerprint: str | None) -> BatchResult:
    from sameshot.verbs.undo import undo  # noqa: PLC0415 - the two verbs need each other

    shown, batches = overwriting_plan(app, asked)
    check_unchanged(shown, fingerprint)
    if not shown.steps:
        return BatchResult("", 0, (), ())
    if batches:
        library = library_of(app, asked)
        is_mounted = library is not None and library.is_dir() and any(library.iterdir())
        undone = undo(app, batches=batches)
        # What the owner took away from there stops nothing, but it may be the disk that is away.
        if any(not is_mounted or os.path.lexists(one.target) for one in undone.refused):
            return replace(undone, done=0)
    made = folders_plan(app, asked)
    if not does_the_same(shown, made):
        raise BadInput(
            "The earlier batches are undone, but photos changed meanwhile, so nothing was filed",
            "Look at the new plan and try again",
        )
    return do_plan(app, made, (library_of(app, asked),))


def do_plan(app: App, made: Plan, places: tuple[Path | None, ...]) -> BatchResult:
    """Has a plan happen beneath the known roots and `places`, and tells the store."""
    grounds = dict.fromkeys([*app.store.roots.all(), *(place for place in places if place is not None)])
    report = file_plan(
        made,
        app.journal,
        roots=list(grounds),
        now=app.today(),
        progress=lambda done, total: app.progress("filing", done, total),
    )
    learn_done(app.store, report.outcomes)
    learn_followed(app.store, report.outcomes)
    for root in app.roots:
        remember_root(app.store, root)
    return batch_result(report)


def batch_result(report: BatchReport) -> BatchResult:
    """Returns a report's refusals, and what is to be noted about what was done."""
    return BatchResult(
        report.batch,
        sum(outcome.done for outcome in report.outcomes),
        tuple(RefusedFile(o.step.source, o.step.target, o.reason) for o in report.outcomes if not o.done),
        tuple(f"{o.step.source}: {o.reason}" for o in report.outcomes if o.done and o.reason),
    )


def file_closed_sets(app: App) -> None:
    """Files each photo once, when nothing has joined its set for as long as the config says.

    What is refused, as by a full disk, is not tried again while it is among `app.unfiled`.
    """
    config = app.config
    if app.strays:
        strays, app.strays = app.strays, set()
        late = plan_late(app.store, app.journal, Plan("folders", ()), strays)
        for refused in do_plan(app, late, (library_of(app, Asked()),)).refused:
            _log.warning("%s is left where it is: %s", refused.source, refused.reason)
    # Asked every few seconds: what is known to stay where it is, or all photos with `action: none`, is not read again.
    if config.action == "none" or not (grouped := set(app.store.photos.in_stages(["grouped"])) - app.unfiled):
        return
    known = app.store.photos.get(grouped)
    # What lies in no folder of the config, being scanned by name or left out since, waits for the owner's word.
    waiting = {
        key: photo for key, photo in known.items() if any(photo.primary.path.is_relative_to(root) for root in app.roots)
    }
    if not waiting:
        return
    contents = {photo.content_id for photo in waiting.values() if photo.content_id is not None}
    open_sets = app.flow.joined_since(app.now() - config.filing.closed_after_s)
    groups = app.store.groups.of(contents | open_sets)
    open_groups = {groups[content] for content in open_sets if content in groups}
    closed = {
        photo.id
        for photo in waiting.values()
        if photo.content_id not in open_sets and groups.get(photo.content_id or 0) not in open_groups
    }
    library = library_of(app, Asked()) if closed else None
    if library is None:
        return
    made = plan_folders(
        app.store, app.journal, action=config.action, library=library, shape=shape_of(config, Asked()),
        only=closed,
    )  # fmt: skip
    can = able(made, config.fallback)
    for warning in can.warnings[len(made.warnings) :]:
        _log.warning("%s", warning)
    for refused in do_plan(app, can, (library,)).refused:
        _log.warning("%s is left where it is: %s", refused.source, refused.reason)
        photo = app.store.photos.at(refused.source)
        if photo is not None:
            app.unfiled.add(photo.id)
    with app.store.transaction():
        for photo_id in closed - app.unfiled:
            app.store.photos.advance(photo_id, "applied")
