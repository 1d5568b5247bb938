"""The command line: parses and prints, no logic.

Comes in: words. Goes out: results on stdout, progress and sentences on stderr, the exit code of the contract: 0 done,
1 partly failed, 2 bad input or config, 3 state locked, broken or another service's.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

import sameshot
from sameshot import cli_filing, cli_night, cli_sameness, cli_service, interrupt, printing, printing_sameness
from sameshot.cli_service import Format, FormatOption, show
from sameshot.cli_words import File, Files, Folders, Paths, absolute
from sameshot.config import LoadedConfig, load_with_sources, without_file
from sameshot.errors import BadInput, SameshotError
from sameshot.locations import Locations, default_config_file, find_locations
from sameshot.verbs.calling import perform
from sameshot.verbs.table import VERBS


class Verbs(TyperGroup):
    """All verbs; a reader of a pipe who has had enough is no error."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the places are this user's
        """Says where things are by default, and what the exit codes mean."""
        places = find_locations()
        rows = [
            ("config", printing.at_home(default_config_file())),
            ("state", f"{printing.at_home(places.state_dir)}, what was learned and what undo needs"),
            ("cache", f"{printing.at_home(places.cache_dir)}, can be made anew"),
        ]
        codes = [
            ("0", "done"),
            ("1", "partly failed: some photos or files were left out, and are named"),
            ("2", "bad input or config; nothing was changed"),
            ("3", "the state is absent, locked, broken or another service's; nothing was changed"),
            ("130", "stopped by Ctrl-C"),
        ]
        for title, definitions in (("Where things are by default", rows), ("Exit codes", codes)):
            with formatter.section(title):
                formatter.write_dl(definitions)

    def invoke(self, ctx: Any) -> Any:
        """Does one verb and has its output read, or not."""
        interrupt.end_in_order()
        try:
            try:
                return super().invoke(ctx)
            finally:
                if sys.stdout is not None:  # it may be closed from the start
                    sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            if error.filename is not None or _is_writable(sys.stdout):
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            printing.complain(f"the output cannot be written: {error.strerror}")
            raise typer.Exit(1) from None
        except (KeyboardInterrupt, typer.Abort) as end:
            if isinstance(end, typer.Abort) and not isinstance(end.__context__, KeyboardInterrupt):
                raise  # the input ended before the answer
            printing.complain(printing.STOPPED)
            raise typer.Exit(interrupt.EXIT_CODE) from None


def _is_writable(stream: TextIO) -> bool:
    """Whether the stream takes more: what it could not take is tried again, and then one line end."""
    try:
        stream.flush()
        os.write(stream.fileno(), b"\n")
    except OSError:
        return False
    return True


app = typer.Typer(
    name="sameshot", cls=Verbs, help="Keeps a growing photo collection sorted by sameness.", no_args_is_help=True,
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip


class Options:
    """The options before the verb, and what they lead to."""

    def __init__(self, config: Path | None, state_dir: Path | None, verbose: bool, quiet: bool) -> None:
        self.config_file, self.verbose = config, verbose
        self.out = printing.Printer(quiet=quiet)
        self.locations: Locations = find_locations(state_dir)
        self._loaded: LoadedConfig | None = None

    def loaded(self) -> LoadedConfig:
        """Reads the config. Raises BadInput with all its problems."""
        return load_with_sources(self.config_file)

    def perform(self, verb: str, *, on_behalf_of: str = "", **arguments: Any) -> Any:
        """Has a verb done, with a progress bar while it takes long.

        `on_behalf_of`: the verb that it is done for; that one says whether a config is needed.
        """
        wants_config = VERBS[on_behalf_of or verb].wants_config
        loaded = self.loaded() if wants_config else self._loaded_or_defaults()
        with self.out.progress() as progress:
            return perform(verb, arguments, loaded, self.locations, progress)

    def _loaded_or_defaults(self) -> LoadedConfig:
        """The config; where it cannot be used the defaults, and one line that says so."""
        if self._loaded is None:
            try:
                self._loaded = self.loaded()
            except BadInput as problem:
                said = str(problem).splitlines()[0].removesuffix(":")
                printing.complain(f"{said}. This goes without it; `sameshot check` says what is wrong")
                self._loaded = without_file(is_whole=False)
        return self._loaded


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


# -------------------------------------------------------------------- looking


@app.command()
def init(context: typer.Context, folders: Folders) -> None:
    """Write a first config that watches these folders."""
    from sameshot.verbs.init import init as verb  # noqa: PLC0415

    result = verb(folders=absolute(folders), config=context.obj.config_file)
    context.obj.out.say(f"Wrote {result.config}. Next: `sameshot scan`, then `sameshot groups`.")


@app.command()
def scan(
    context: typer.Context,
    paths: Paths = None,
    believe: Annotated[
        bool, typer.Option("--believe", help="Take PATH as it is, though much of what it held is gone.")
    ] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Read cloud drives too, though that downloads their photos.")
    ] = False,
    how: FormatOption = Format.table,
) -> None:
    """Look at folders once and group their photos. Without PATH: the config's roots.

    Ends with 1 when photos newly failed, or a folder could not be read: they are named.
    """
    result = context.obj.perform("scan", paths=absolute(paths), believe=believe, download=download)
    show(context.obj, result, how, printing.scan)
    if result["newly_failed"] or result["problems"]:
        raise typer.Exit(1)


@app.command()
def groups(context: typer.Context, paths: Paths = None, how: FormatOption = Format.table) -> None:
    """Show which photos are of one shot. With PATH: those that have a photo there."""
    show(context.obj, context.obj.perform("groups", paths=absolute(paths)), how, printing.groups)


@app.command()
def similar(
    context: typer.Context,
    file: File,
    count: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
    how: FormatOption = Format.table,
) -> None:
    """Show the photos most like FILE. It need not be in a watched folder."""
    result = context.obj.perform("similar", file=absolute([file])[0], count=count)
    show(context.obj, result, how, printing.similar)


@app.command()
def explain(context: typer.Context, first: File, second: File, how: FormatOption = Format.table) -> None:
    """Show why two photos are, or are not, of one shot."""
    a, b = absolute([first, second])
    show(context.obj, context.obj.perform("explain", first=a, second=b), how, printing_sameness.explain)


# -------------------------------------------------------------------- the last word


@app.command()
def together(context: typer.Context, files: Files) -> None:
    """Say that these photos show one shot."""
    printing.verdict(context.obj.out, context.obj.perform("together", files=absolute(files)))


@app.command()
def apart(context: typer.Context, files: Files) -> None:
    """Say that these photos show different shots."""
    printing.verdict(context.obj.out, context.obj.perform("apart", files=absolute(files)))


@app.command()
def keep(context: typer.Context, files: Files) -> None:
    """Say that these photos shall stand for their groups."""
    printing.verdict(context.obj.out, context.obj.perform("keep", files=absolute(files)))


@app.command()
def unsay(context: typer.Context, files: Files) -> None:
    """Take back what you said of photos.

    Of one photo everything; of several that pairs of them are, or are not, of one shot.
    """
    printing.unsaid(context.obj.out, context.obj.perform("unsay", files=absolute(files)))


app.registered_commands += cli_sameness.commands.registered_commands
app.registered_commands += cli_filing.commands.registered_commands
app.registered_commands += cli_night.commands.registered_commands
app.registered_commands += cli_service.commands.registered_commands


def main() -> None:
    """Runs the command line and ends the process with the contract's exit code."""
    try:
        app(standalone_mode=True)
    except SameshotError as error:
        printing.complain(str(error))
        sys.exit(error.exit_code)
