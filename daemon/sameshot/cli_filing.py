"""The part of the command line that is about the owner's files: plan, apply, rank, dedupe, and taking it back.

Comes in: words. Goes out: results on stdout. What changes files is shown and asked about first. No logic, as in `cli`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from sameshot import printing
from sameshot.cli_service import Format, FormatOption, show
from sameshot.cli_words import Folders, Paths, Yes, absolute, ask
from sameshot.errors import BadInput

commands = typer.Typer()


class ActionName(StrEnum):
    """What happens to the files of a group."""

    copy = "copy"
    move = "move"
    hardlink = "hardlink"
    symlink = "symlink"
    reflink = "reflink"


class OnlyName(StrEnum):
    """Half of what filing does."""

    cluster = "cluster"
    merge = "merge"


class Destination(StrEnum):
    """Where duplicates go."""

    quarantine = "quarantine"
    trash = "trash"


class KeepName(StrEnum):
    """Which copy stays."""

    best = "best"
    oldest = "oldest"
    newest = "newest"
    largest = "largest"
    shortest_path = "shortest-path"


Action = Annotated[ActionName | None, typer.Option(help="What to do with the files; default: the config's.")]
Library = Annotated[
    Path | None, typer.Option(readable=False, help="Folder where groups are filed; default: the config's.")
]
Layout = Annotated[str | None, typer.Option(help="Template of the folders; default: the config's.")]
Outliers = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="Where in the library photos that are alone go; default: nowhere.")
]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Photos in one batch folder; default: the config's.")]
OnlyOption = Annotated[
    OnlyName | None,
    typer.Option("--only", help="cluster: keep groups within a batch. merge: merge folders made earlier, file none."),
]
Table = Annotated[
    Path | None,
    typer.Option("--from", metavar="CSV", readable=False, help="Rank by this table: its column R, else its features."),
]
Exhaustive = Annotated[bool, typer.Option("--exhaustive", help="Rank by weighing every pair; up to 3,000 photos.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Take back what was filed earlier, then file anew.")]
KeepOption = Annotated[KeepName, typer.Option("--keep", help="Which copy stays.")]
References = Annotated[
    list[Path] | None, typer.Option("--reference", metavar="DIR", help="Copies in this folder always stay.")
]
Quarantine = Annotated[
    Path | None, typer.Option(help="The quarantine folder; default: NAME duplicates beside each folder NAME.")
]
Verified = Annotated[bool, typer.Option("--verified", help="Also copies that differ in metadata alone.")]


@commands.command()
def plan(
    context: typer.Context,
    action: Action = None,
    library: Library = None,
    layout: Layout = None,
    outliers: Outliers = None,
    batch_size: BatchSize = None,
    only: OnlyOption = None,
    overwrite: Overwrite = False,
    rank: Annotated[
        list[Path] | None, typer.Option("--rank", metavar="DIR", readable=False, help="Plan what `rank DIR` would do.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="With --rank: plan to take the prefixes off.")] = False,
    table: Table = None,
    exhaustive: Exhaustive = False,
    dedupe: Annotated[Destination | None, typer.Option("--dedupe", help="Plan what `dedupe --to` would do.")] = None,
    keep: KeepOption = KeepName.best,
    reference: References = None,
    quarantine: Quarantine = None,
    verified: Verified = False,
    how: FormatOption = Format.table,
) -> None:
    """Show what `apply` would do, and do nothing. With --rank or --dedupe: what those would do."""
    duplicates = {**_duplicates(None, keep, reference, quarantine, verified), "dedupe": dedupe and dedupe.value}
    filing = {**_filing(action, library, layout, outliers, batch_size, only), "overwrite": overwrite}
    result = context.obj.perform(
        "plan", **filing, **duplicates, rank=absolute(rank), **_order(remove, table, exhaustive)
    )
    show(context.obj, result, how, printing.plan)


@commands.command()
def apply(
    context: typer.Context, action: Action = None, library: Library = None, layout: Layout = None,
    outliers: Outliers = None, batch_size: BatchSize = None, only: OnlyOption = None, overwrite: Overwrite = False,
    yes: Yes = False, how: FormatOption = Format.table,
) -> None:  # fmt: skip
    """File groups into folders. `undo` gives back exactly what was there."""
    wanted = {**_filing(action, library, layout, outliers, batch_size, only), "overwrite": overwrite}
    _plan_and_do(context.obj, "apply", wanted, wanted, yes, how)


@commands.command()
def rank(
    context: typer.Context,
    folders: Folders,
    remove: Annotated[bool, typer.Option("--remove", help="Take the prefixes off again.")] = False,
    table: Table = None,
    exhaustive: Exhaustive = False,
    yes: Yes = False,
    how: FormatOption = Format.table,
) -> None:
    """Rename photos so that look-alikes sort together."""
    where = absolute(folders)
    order = _order(remove, table, exhaustive)
    _plan_and_do(context.obj, "rank", {"rank": where, **order}, {"folders": where, **order}, yes, how)


def _order(remove: bool, table: Path | None, exhaustive: bool) -> dict[str, Any]:
    return {"remove": remove, "table": absolute([table])[0] if table else None, "exhaustive": exhaustive}


@commands.command()
def dedupe(
    context: typer.Context,
    to: Annotated[Destination, typer.Option(help="Where duplicates go.")],
    paths: Paths = None,
    keep: KeepOption = KeepName.best,
    reference: References = None,
    quarantine: Quarantine = None,
    verified: Verified = False,
    yes: Yes = False,
    how: FormatOption = Format.table,
) -> None:
    """Take duplicates out of the way. With PATH: only those that are there.

    Of exact copies one stays; a photo that has a RAW, a film or a sidecar goes only where these have a copy too.
    """
    wanted = _duplicates(paths, keep, reference, quarantine, verified)
    planned = {**wanted, "dedupe": to.value}
    _plan_and_do(context.obj, "dedupe", planned, {**wanted, "to": to.value}, yes, how)


def _duplicates(
    paths: list[Path] | None, keep: KeepName, reference: list[Path] | None, quarantine: Path | None, verified: bool
) -> dict[str, Any]:
    return {
        "paths": absolute(paths),
        "keep": keep.value,
        "reference": absolute(reference),
        "quarantine": absolute([quarantine])[0] if quarantine else None,
        "verified": verified,
    }


def _filing(
    action: ActionName | None,
    library: Path | None,
    layout: str | None,
    outliers: str | None,
    batch_size: int | None,
    only: OnlyName | None,
) -> dict[str, Any]:
    return {
        "action": action.value if action else None,
        "library": absolute([library])[0] if library else None,
        "layout": layout,
        "outliers": outliers,
        "batch_size": batch_size,
        "only": only.value if only else None,
    }


def _plan_and_do(
    options: Any, verb: str, planned: Mapping[str, Any], wanted: Mapping[str, Any], yes: bool, how: Format
) -> None:
    _settle(options, verb)
    _show_and_do(options, verb, options.perform("plan", **planned), wanted, yes, how, "Do this?")


def _settle(options: Any, verb: str) -> None:
    """What a crash left is settled before anything is planned: it changes what is to be done."""
    if options.locations.database.exists():
        options.perform("recover", on_behalf_of=verb)


def _show_and_do(
    options: Any, verb: str, shown: Any, wanted: Mapping[str, Any], yes: bool, how: Format, question: str
) -> None:
    if yes:
        printing.notes(options.out.to_stderr(), shown)
    elif shown["steps"]:
        printing.plan(options.out.to_stderr(), shown)
        ask(question)
    # Who says --yes saw no plan that another could differ from.
    result = options.perform(verb, **wanted, fingerprint=None if yes else shown["fingerprint"])
    show(options, result, how, printing.batch)
    if result["refused"]:
        raise typer.Exit(1)


def _moment(text: str) -> datetime:
    """What the owner means by a date; a bare number is none, or `2026` would be the first hour of 1970."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no date. Write 2026-05-01, or 2026-05-01T12:30") from None


@commands.command()
def undo(
    context: typer.Context,
    what: Annotated[list[str] | None, typer.Argument(metavar="[BATCH | FILE|DIR...]", show_default=False)] = None,
    last: Annotated[bool, typer.Option("--last", help="The newest batch that can be undone.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(metavar="DATE", parser=_moment, help="Everything done since then: 2026-05-01, 2026-05-01T12:30."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")] = False,
    yes: Yes = False,
    how: FormatOption = Format.table,
) -> None:
    """Give files back their place and name. One batch, some files or folders, or all."""
    options = context.obj
    if (bool(what) + last + (since is not None) + everything) != 1:
        raise BadInput(
            "Say what to undo", "One of: a batch of `sameshot history`, FILE or DIR..., --last, --since DATE, --all"
        )
    if not dry_run:
        _settle(options, "undo")
    known = {batch["batch"] for batch in options.perform("history")["batches"]}
    batches = tuple(word for word in what or () if word in known)
    unknown = [word for word in what or () if word not in known]
    if missing := [word for word in unknown if re.fullmatch(r"b\d{8}-\d{6}-\d+", word)]:
        raise BadInput(f"There is no batch {', '.join(missing)}", "`sameshot history` lists them")
    files = absolute([Path(word) for word in unknown])
    wanted = {
        "batches": batches,
        "files": files,
        "last": last,
        "since": since,
        "everything": everything,
    }
    shown = options.perform("plan", on_behalf_of="undo", undo=True, **wanted)
    if dry_run:
        show(options, shown, how, printing.plan)
        return
    _show_and_do(options, "undo", shown, wanted, yes, how, "Undo this?")


@commands.command()
def history(
    context: typer.Context,
    batch: Annotated[str | None, typer.Argument(show_default=False)] = None,
    how: FormatOption = Format.table,
) -> None:
    """Show what was done to files, and why. With BATCH: each of its files."""
    show(context.obj, context.obj.perform("history", batch=batch), how, printing.history)


@commands.command()
def recover(context: typer.Context, how: FormatOption = Format.table) -> None:
    """Finish or roll back what a crash interrupted. Every start does this by itself."""
    show(context.obj, context.obj.perform("recover"), how, printing.recover)
