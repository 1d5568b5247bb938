"""The command line: parses and prints, no logic.

Comes in: words. Goes out: results on stdout, progress and sentences on stderr, the exit code of the contract: 0 done,
1 partly failed, 2 bad input or config, 3 state locked, broken or another service's.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import sameshot
from sameshot import cli_sameness, cli_service, printing
from sameshot.cli_service import Format, FormatOption, show
from sameshot.config import LoadedConfig, load_with_sources
from sameshot.errors import BadInput, SameshotError
from sameshot.locations import Locations, find_locations
from sameshot.verbs.calling import perform


class Verbs(TyperGroup):
    """All verbs; a reader of a pipe who has had enough is no error."""

    def invoke(self, ctx: Any) -> Any:
        """Does one verb and has its output read, or not."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            printing.complain(printing.STOPPED)
            raise typer.Exit(1) from None


app = typer.Typer(
    name="sameshot", cls=Verbs, help="Keeps a growing photo collection sorted by sameness.", no_args_is_help=True,
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip


class ActionName(StrEnum):
    """What happens to the files of a group."""

    copy = "copy"
    move = "move"
    hardlink = "hardlink"
    symlink = "symlink"
    reflink = "reflink"


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


class Options:
    """The options before the verb, and what they lead to."""

    def __init__(self, config: Path | None, state_dir: Path | None, verbose: bool, quiet: bool) -> None:
        self.config_file, self.verbose = config, verbose
        self.out = printing.Printer(quiet=quiet)
        self.locations: Locations = find_locations(state_dir)

    def loaded(self) -> LoadedConfig:
        """Reads the config. Raises BadInput with all its problems."""
        return load_with_sources(self.config_file)

    def perform(self, verb: str, **arguments: Any) -> Any:
        """Has a verb done, with a progress bar while it takes long."""
        with self.out.progress() as progress:
            return perform(verb, arguments, self.loaded(), self.locations, progress)


Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Action = Annotated[ActionName | None, typer.Option(help="What to do with the files; default: the config's.")]
Library = Annotated[
    Path | None, typer.Option(readable=False, help="Folder where groups are filed; default: the config's.")
]
Layout = Annotated[str | None, typer.Option(help="Template of the folders; default: the config's.")]
# What cannot be read is told by the verb, in its own words.
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Take back what was filed earlier, then file anew.")]
KeepOption = Annotated[KeepName, typer.Option("--keep", help="Which copy stays.")]
References = Annotated[
    list[Path] | None, typer.Option("--reference", metavar="DIR", help="Copies in this folder always stay.")
]
Quarantine = Annotated[
    Path | None, typer.Option(help="The quarantine folder; default: NAME duplicates beside each folder NAME.")
]
Verified = Annotated[bool, typer.Option("--verified", help="Also copies that differ in metadata alone.")]
Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", show_default=False, readable=False)]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", show_default=False, readable=False)]
File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, readable=False)]
Folders = Annotated[list[Path], typer.Argument(metavar="DIR...", show_default=False, readable=False)]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sameshot {sameshot.__version__}")
        raise typer.Exit


@app.callback()
def main_options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="The config file.", show_default=False, readable=False)] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Where sameshot keeps its state.", show_default=False, readable=False)
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what was asked for and what went wrong.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - acts by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keeps a growing photo collection sorted by sameness."""
    logging.basicConfig(level=logging.DEBUG if verbose else logging.WARNING, format="sameshot: %(message)s")
    context.obj = Options(config, state_dir, verbose, quiet)


def _absolute(paths: list[Path] | None) -> tuple[Path, ...]:
    return tuple(Path(os.path.abspath(path)) for path in paths or ())


# -------------------------------------------------------------------- looking


@app.command()
def init(context: typer.Context, folders: Folders) -> None:
    """Write a first config that watches these folders."""
    from sameshot.verbs.init import init as verb  # noqa: PLC0415

    result = verb(folders=_absolute(folders), config=context.obj.config_file)
    context.obj.out.say(f"Wrote {result.config}. Next: `sameshot scan`, then `sameshot groups`.")


@app.command()
def scan(
    context: typer.Context,
    paths: Paths = None,
    believe: Annotated[
        bool, typer.Option("--believe", help="Take PATH as it is, though much of what it held is gone.")
    ] = False,
    how: FormatOption = Format.table,
) -> None:
    """Look at folders once and group their photos. Without PATH: the config's roots."""
    result = context.obj.perform("scan", paths=_absolute(paths), believe=believe)
    show(context.obj, result, how, printing.scan)
    if result["newly_failed"] or result["problems"]:
        raise typer.Exit(1)


@app.command()
def groups(context: typer.Context, paths: Paths = None, how: FormatOption = Format.table) -> None:
    """Show which photos are of one shot. With PATH: those that have a photo there."""
    show(context.obj, context.obj.perform("groups", paths=_absolute(paths)), how, printing.groups)


@app.command()
def similar(
    context: typer.Context,
    file: File,
    count: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
    how: FormatOption = Format.table,
) -> None:
    """Show the photos most like FILE. It need not be in a watched folder."""
    result = context.obj.perform("similar", file=_absolute([file])[0], count=count)
    show(context.obj, result, how, printing.similar)


@app.command()
def explain(context: typer.Context, first: File, second: File, how: FormatOption = Format.table) -> None:
    """Show why two photos are, or are not, of one shot."""
    a, b = _absolute([first, second])
    show(context.obj, context.obj.perform("explain", first=a, second=b), how, printing.explain)


# -------------------------------------------------------------------- filing


@app.command()
def plan(
    context: typer.Context,
    action: Action = None,
    library: Library = None,
    layout: Layout = None,
    overwrite: Overwrite = False,
    rank: Annotated[
        list[Path] | None, typer.Option("--rank", metavar="DIR", readable=False, help="Plan what `rank DIR` would do.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="With --rank: plan to take the prefixes off.")] = False,
    dedupe: Annotated[Destination | None, typer.Option("--dedupe", help="Plan what `dedupe --to` would do.")] = None,
    keep: KeepOption = KeepName.best,
    reference: References = None,
    quarantine: Quarantine = None,
    verified: Verified = False,
    how: FormatOption = Format.table,
) -> None:
    """Show what `apply` would do, and do nothing. With --rank or --dedupe: what those would do."""
    duplicates = {**_duplicates(None, keep, reference, quarantine, verified), "dedupe": dedupe and dedupe.value}
    filing = {**_filing(action, library, layout), "overwrite": overwrite}
    result = context.obj.perform("plan", **filing, **duplicates, rank=_absolute(rank), remove=remove)
    show(context.obj, result, how, printing.plan)


@app.command()
def apply(
    context: typer.Context, action: Action = None, library: Library = None, layout: Layout = None,
    overwrite: Overwrite = False, yes: Yes = False, how: FormatOption = Format.table,
) -> None:  # fmt: skip
    """File groups into folders. `undo` gives back exactly what was there."""
    wanted = {**_filing(action, library, layout), "overwrite": overwrite}
    _plan_and_do(context.obj, "apply", wanted, wanted, yes, how)


@app.command()
def rank(
    context: typer.Context,
    folders: Folders,
    remove: Annotated[bool, typer.Option("--remove", help="Take the prefixes off again.")] = False,
    yes: Yes = False,
    how: FormatOption = Format.table,
) -> None:
    """Rename photos so that look-alikes sort together."""
    where = _absolute(folders)
    _plan_and_do(context.obj, "rank", {"rank": where, "remove": remove}, {"folders": where, "remove": remove}, yes, how)


@app.command()
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
        "paths": _absolute(paths),
        "keep": keep.value,
        "reference": _absolute(reference),
        "quarantine": _absolute([quarantine])[0] if quarantine else None,
        "verified": verified,
    }


def _filing(action: ActionName | None, library: Path | None, layout: str | None) -> dict[str, Any]:
    return {
        "action": action.value if action else None,
        "library": _absolute([library])[0] if library else None,
        "layout": layout,
    }


def _plan_and_do(
    options: Options, verb: str, planned: Mapping[str, Any], wanted: Mapping[str, Any], yes: bool, how: Format
) -> None:
    shown = options.perform("plan", **planned)
    if shown["steps"] and not yes:
        printing.plan(options.out.to_stderr(), shown)
        _ask("Do this?")
    result = options.perform(verb, **wanted, fingerprint=shown["fingerprint"])
    show(options, result, how, printing.batch)
    if result["refused"]:
        raise typer.Exit(1)


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise BadInput("Nothing was done: this changes files and nobody can be asked here", "Say --yes to do it")
    if not typer.confirm(question, err=True):
        raise typer.Exit(0)


@app.command()
def undo(
    context: typer.Context,
    what: Annotated[list[str] | None, typer.Argument(metavar="[BATCH | FILE...]", show_default=False)] = None,
    last: Annotated[bool, typer.Option("--last", help="The newest batch that can be undone.")] = False,
    since: Annotated[datetime | None, typer.Option(help="Everything done since then.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything.")] = False,
    yes: Yes = False,
    how: FormatOption = Format.table,
) -> None:
    """Give files back their place and name. One batch, some files, or all."""
    options: Options = context.obj
    if (bool(what) + last + (since is not None) + everything) != 1:
        raise BadInput(
            "Say what to undo", "One of: a batch of `sameshot history`, FILE..., --last, --since DATE, --all"
        )
    known = {batch["batch"] for batch in options.perform("history")["batches"]}
    batches = tuple(word for word in what or () if word in known)
    unknown = [word for word in what or () if word not in known]
    if missing := [word for word in unknown if re.fullmatch(r"b\d{8}-\d{6}-\d+", word)]:
        raise BadInput(f"There is no batch {', '.join(missing)}", "`sameshot history` lists them")
    files = _absolute([Path(word) for word in unknown])
    wanted = {
        "batches": batches,
        "files": files,
        "last": last,
        "since": since.astimezone() if since else None,
        "everything": everything,
    }
    if not yes:
        _ask("Undo this?")
    result = options.perform("undo", **wanted)
    show(options, result, how, printing.batch)
    if result["refused"]:
        raise typer.Exit(1)


@app.command()
def history(
    context: typer.Context,
    batch: Annotated[str | None, typer.Argument(show_default=False)] = None,
    how: FormatOption = Format.table,
) -> None:
    """Show what was done to files, and why. With BATCH: each of its files."""
    show(context.obj, context.obj.perform("history", batch=batch), how, printing.history)


@app.command()
def recover(context: typer.Context, how: FormatOption = Format.table) -> None:
    """Finish or roll back what a crash interrupted. Every start does this by itself."""
    show(context.obj, context.obj.perform("recover"), how, printing.recover)


@app.command()
def together(context: typer.Context, files: Files) -> None:
    """Say that these photos show one shot."""
    printing.verdict(context.obj.out, context.obj.perform("together", files=_absolute(files)))


@app.command()
def apart(context: typer.Context, files: Files) -> None:
    """Say that these photos show different shots."""
    printing.verdict(context.obj.out, context.obj.perform("apart", files=_absolute(files)))


@app.command()
def keep(context: typer.Context, files: Files) -> None:
    """Say that these photos shall stand for their groups."""
    printing.verdict(context.obj.out, context.obj.perform("keep", files=_absolute(files)))


app.registered_commands += cli_sameness.commands.registered_commands
app.registered_commands += cli_service.commands.registered_commands


def main() -> None:
    """Runs the command line and ends the process with the contract's exit code."""
    try:
        app(standalone_mode=True)
    except SameshotError as error:
        printing.complain(str(error))
        sys.exit(error.exit_code)
