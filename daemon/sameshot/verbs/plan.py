"""What `apply`, `rank`, `dedupe` or `undo` would do, without doing it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sameshot.app import App
from sameshot.apply.undo import Selection
from sameshot.config import Config
from sameshot.config_roots import as_met, library_problem
from sameshot.errors import BadInput
from sameshot.filing.ability import able
from sameshot.filing.anew import plan_refiled
from sameshot.filing.duplicates import To, Wanted, plan_duplicates
from sameshot.filing.following import plan_late
from sameshot.filing.merging import plan_merged
from sameshot.filing.plans import Shape, fingerprint, plan_folders
from sameshot.filing.ranking import plan_rank
from sameshot.model import Action, Plan
from sameshot.plan.describe import plan_dict
from sameshot.plan.duplicates import Keep
from sameshot.verbs.undo_plan import plan_undo

Only = Literal["cluster", "merge"]
"""cluster: groups stay within their batch. merge: folders made earlier are merged, and nothing is filed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How the caller wants groups filed; None leaves it to the config."""

    action: Action | None = None
    library: Path | None = None
    layout: str | None = None
    outliers: str | None = None
    batch_size: int | None = None
    only: Only | None = None


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The plan as plain values; `fingerprint` lets `apply` and `rank` refuse to do another plan than was shown."""

    kind: str
    counts: dict[str, int]
    steps: list[dict[str, Any]]
    warnings: list[str]
    fingerprint: str


def plan(
    app: App,
    *,
    action: Action | None = None,
    library: Path | None = None,
    layout: str | None = None,
    outliers: str | None = None,
    batch_size: int | None = None,
    only: Only | None = None,
    overwrite: bool = False,
    rank: tuple[Path, ...] = (),
    remove: bool = False,
    table: Path | None = None,
    exhaustive: bool = False,
    dedupe: To | None = None,
    keep: Keep = "best",
    paths: tuple[Path, ...] = (),
    reference: tuple[Path, ...] = (),
    quarantine: Path | None = None,
    verified: bool = False,
    undo: bool = False,
    batches: tuple[str, ...] = (),
    files: tuple[Path, ...] = (),
    last: bool = False,
    since: datetime | None = None,
    everything: bool = False,
) -> PlanResult:
    """Returns the steps that `apply` with these options, `rank` on these folders, `dedupe` or `undo` would do now."""
    if undo:
        return PlanResult(**plan_undo(app, Selection(batches, files, last, since, everything)))
    if dedupe is not None:
        made, _ = dedupe_plan(app, Wanted(dedupe, keep, paths, reference, quarantine, verified))
        return PlanResult(**plan_dict(made), fingerprint=fingerprint(made))
    asked = Asked(action, library, layout, outliers, batch_size, only)
    made = (
        ranked_plan(app, rank, remove=remove, table=table, exhaustive=exhaustive)
        if rank
        else overwriting_plan(app, asked)[0]
        if overwrite or app.config.overwrite
        else folders_plan(app, asked)
    )
    return PlanResult(**plan_dict(made), fingerprint=fingerprint(made))


def folders_plan(app: App, asked: Asked) -> Plan:
    """Returns the plan of group folders; what is not asked for is the config's.

    Raises BadInput when nothing says what to do or where, or what was asked for does not fit together.
    """
    if asked.only == "merge":
        _refuse_with_merge(asked)
        return _possible(app, plan_merged(app.store, app.journal, _place(app, asked)))
    made = plan_folders(
        app.store, app.journal, action=_what(app, asked), library=_where(app, asked), shape=shape_of(app.config, asked)
    )
    return _told_where(app, _possible(app, plan_late(app.store, app.journal, made)))


def overwriting_plan(app: App, asked: Asked) -> tuple[Plan, tuple[str, ...]]:
    """Returns the plan of group folders as if none were filed yet, and the batches to undo first. Raises as above."""
    if asked.only == "merge":
        raise BadInput("To merge folders made earlier nothing is filed anew", "Leave out --overwrite or --only merge")
    made, batches = plan_refiled(
        app.store, app.journal, action=_what(app, asked), library=_where(app, asked), shape=shape_of(app.config, asked)
    )
    return _told_where(app, _possible(app, made)), batches


def ranked_plan(app: App, folders: tuple[Path, ...], *, remove: bool, table: Path | None, exhaustive: bool) -> Plan:
    """Returns the plan of rank prefixes. Raises BadInput when what was asked for does not fit together."""
    if remove and (table is not None or exhaustive):
        raise BadInput("To take prefixes off no order is made", "Leave out --from and --exhaustive, or --remove")
    return plan_rank(
        app.store, app.journal, app.encoder.encoder_id, folders,
        remove=remove, table=table, method="exhaustive" if exhaustive else "fast",
    )  # fmt: skip


def shape_of(config: Config, asked: Asked) -> Shape:
    """Returns how the library is laid out. Raises BadInput when groups shall stay within batches that nothing makes."""
    batch_size = asked.batch_size or config.filing.batch_size
    if asked.only == "cluster" and batch_size is None:
        raise BadInput("Groups stay within their batch only where there are batches", "Say --batch-size N")
    if asked.batch_size is not None and asked.batch_size < 1:
        raise BadInput("A batch holds at least one photo", "Say --batch-size N")
    return Shape(
        asked.layout or config.layout, asked.outliers or config.outliers, batch_size, merged=asked.only != "cluster"
    )


def _refuse_with_merge(asked: Asked) -> None:
    given = {"--action": asked.action, "--layout": asked.layout, "--outliers": asked.outliers}
    for option, value in (*given.items(), ("--batch-size", asked.batch_size)):
        if value is not None:
            raise BadInput(
                f"--only merge moves photos between folders that are there, so {option} means nothing", "Leave it out"
            )


def _what(app: App, asked: Asked) -> Action:
    chosen: Action | None = asked.action or (None if app.config.action == "none" else app.config.action)
    if chosen is None:
        raise BadInput("The config's action is `none`", "Say what to do: --action copy|move|hardlink|symlink|reflink")
    return chosen


def library_of(app: App, asked: Asked) -> Path | None:
    """Returns where groups are filed, by the path by which a root meets it; None where nothing says so."""
    place = asked.library or app.config.library_dir
    return None if place is None else as_met(place, [*app.roots, *app.store.roots.all()])


def _place(app: App, asked: Asked) -> Path:
    place = library_of(app, asked)
    if place is None:
        raise BadInput("Nothing says where groups are filed", "Name a folder: --library DIR")
    return place


def _where(app: App, asked: Asked) -> Path:
    place = _place(app, asked)
    if problem := library_problem(app.config, place):
        raise BadInput(f"Groups cannot be filed there: {problem}")
    _check_not_ours(app, place)
    there = next(above for above in (place, *place.parents) if os.path.lexists(above))
    if not there.is_dir():
        raise BadInput(f"Groups cannot be filed there: {there} is no folder", "Name another one: --library DIR")
    return place


def _check_not_ours(app: App, place: Path) -> None:
    """Raises BadInput when photos would lie where sameshot keeps its own files: it removes some of them by night."""
    real = Path(os.path.realpath(place))
    for own in (app.locations.state_dir, app.locations.cache_dir):
        if real.is_relative_to(os.path.realpath(own)):
            raise BadInput(f"{place} is where sameshot keeps its own files", "Name another folder")


def _possible(app: App, made: Plan) -> Plan:
    can = able(made, app.config.fallback)
    if made.steps and not can.steps:
        raise BadInput(can.warnings[-1].removesuffix("."), "Choose another --action or --library")
    return can


def _told_where(app: App, made: Plan) -> Plan:
    """Returns the plan, with a sentence on photos that lie in no folder of the config: who left one out may mean it."""
    outside = {
        step.unit: step.source.parent
        for step in made.steps
        if not any(step.source.is_relative_to(root) for root in app.roots)
    }
    if not app.roots or not outside:
        return made
    are = "1 photo lies" if len(outside) == 1 else f"{len(outside)} photos lie"
    why = f"{are} in no folder of the config, as in {min(outside.values())}: it was scanned by name, or left out since."
    return replace(made, warnings=(*made.warnings, why))


def dedupe_plan(app: App, wanted: Wanted) -> tuple[Plan, tuple[Path, ...]]:
    """Returns the plan of duplicates that go, and where they go.

    Raises BadInput when a folder that was named holds no known photo, or no place can take them.
    """
    for folder in (*wanted.paths, *wanted.reference):
        if next(app.store.photos.folders_under(folder), None) is None and app.store.photos.at(folder) is None:
            raise BadInput(f"No known photo is in {folder}", "Scan it first: `sameshot scan DIR`")
    if wanted.quarantine is not None and wanted.to == "trash":
        raise BadInput("A trash needs no quarantine", "Say --to quarantine --quarantine DIR, or --to trash alone")
    if wanted.quarantine is not None:
        _check_not_ours(app, wanted.quarantine)
    made, tops = plan_duplicates(app.store, app.journal, wanted, app.roots, app.today())
    return (made if wanted.paths else _told_where(app, made)), tops


def check_unchanged(made: Plan, expected: str | None) -> None:
    """Raises BadInput when the plan is not the one that was looked at."""
    if expected is not None and fingerprint(made) != expected:
        raise BadInput(
            "Nothing was done: photos changed since the plan was shown", "Look at the new plan and try again"
        )
