"""The part of the command line that is about the service: run it, see how it is, hold it, install it.

Comes in: words. Goes out: results on stdout. No logic, as in `cli`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from sameshot import printing
from sameshot.verbs.table import as_json

commands = typer.Typer()
_FOLLOW_EVERY_S = 1.0


class Format(StrEnum):
    """How results are written."""

    table = "table"
    json = "json"


class StatusFormat(StrEnum):
    """How `status` is written."""

    table = "table"
    json = "json"
    prometheus = "prometheus"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]


def show(options: Any, result: Any, how: Format, table: Callable[[printing.Printer, Any], None]) -> None:
    """Prints a result as asked for."""
    if how is Format.json:
        print(json.dumps(result))
    else:
        table(options.out, result)


@commands.command()
def check(context: typer.Context, how: FormatOption = Format.table) -> None:
    """Show every setting, its source, and its problems."""
    from sameshot.verbs.check import check as verb  # noqa: PLC0415

    result = as_json(verb(context.obj.loaded(), context.obj.locations))
    show(context.obj, result, how, printing.check)
    if result["problems"]:
        raise typer.Exit(2)


@commands.command()
def watch(context: typer.Context) -> None:
    """Be the daemon, in the foreground.

    Watches the roots, looks at what arrives, keeps the groups true, until SIGTERM or Ctrl-C.
    """
    from sameshot.verbs.watch import watch as verb  # noqa: PLC0415

    verb(context.obj.config_file, context.obj.locations)


@commands.command()
def status(
    context: typer.Context,
    how: Annotated[StatusFormat, typer.Option("--format", help="How to print.")] = StatusFormat.table,
) -> None:
    """Show what is known and what goes on."""
    result = context.obj.perform("status")
    if how is StatusFormat.prometheus:
        from sameshot.service.prometheus import exposition  # noqa: PLC0415

        print(exposition(result), end="")
    else:
        show(context.obj, result, Format(how.value), printing.status)


@commands.command()
def activity(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what happens.")] = False,
    how: FormatOption = Format.table,
) -> None:
    """Show what the service does and did last."""
    result = context.obj.perform("activity")
    show(context.obj, result, how, printing.activity)
    while follow:
        time.sleep(_FOLLOW_EVERY_S)
        last = result["events"][-1]["number"] if result["events"] else 0
        newer = context.obj.perform("activity", after=last)
        if newer["events"]:
            show(context.obj, newer | {"doing": []}, how, printing.activity)
            result = newer


@commands.command()
def jobs(context: typer.Context, how: FormatOption = Format.table) -> None:
    """Show what is done by the clock: last, next, outcome."""
    show(context.obj, context.obj.perform("jobs"), how, printing.jobs)


@commands.command()
def log(
    context: typer.Context,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many.")] = 50,
    how: FormatOption = Format.table,
) -> None:
    """Show the end of the service's log."""
    from sameshot.verbs.log import log as verb  # noqa: PLC0415

    show(context.obj, as_json(verb(context.obj.locations, lines=lines)), how, printing.log)


@commands.command()
def doctor(context: typer.Context, how: FormatOption = Format.table) -> None:
    """Look for what keeps the service from its work."""
    from sameshot.verbs.doctor import doctor as verb  # noqa: PLC0415

    result = as_json(verb(context.obj.config_file, context.obj.locations))
    show(context.obj, result, how, printing.doctor)
    if not result["well"]:
        raise typer.Exit(1)


@commands.command()
def pause(
    context: typer.Context,
    hours: Annotated[
        float | None, typer.Option(help="For so long; default: until `resume`.", show_default=False)
    ] = None,
    how: FormatOption = Format.table,
) -> None:
    """Look at no photo for a while; arrivals are noted."""
    show(context.obj, context.obj.perform("pause", hours=hours), how, printing.pause)


@commands.command()
def resume(context: typer.Context, how: FormatOption = Format.table) -> None:
    """Go on after `pause`."""
    show(context.obj, context.obj.perform("resume"), how, printing.pause)


@commands.command("install-service")
def install_service(
    context: typer.Context,
    system: Annotated[
        bool, typer.Option("--system/--user", help="For the whole machine (as root), or for this user.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take it away again.")] = False,
) -> None:
    """Install the systemd unit that runs `sameshot watch`."""
    from sameshot.verbs import install_service as service  # noqa: PLC0415

    options = context.obj
    loaded = options.loaded()
    folders = [root.path for root in loaded.config.roots]
    if loaded.config.action != "none" and loaded.config.library_dir is not None:
        folders.append(loaded.config.library_dir)
    unit = service.service_unit("system" if system else "user", Path(sys.argv[0]).absolute(), loaded.path, folders)
    if remove:
        done = service.remove_service(unit)
        options.out.say(f"Removed {unit.path}." if done else f"There is no unit at {unit.path}.")
        then = unit.before_removing
    else:
        service.install_service(unit)
        options.out.say(f"Wrote {unit.path}. Now run:")
        then = unit.after_writing
    for command in then:
        options.out.say(f"  {command}")
