"""The part of the command line that is about why, and from which score on, photos are of one shot.

Comes in: words. Goes out: results on stdout. No logic, as in `cli`.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from sameshot import printing_sameness as printing
from sameshot.cli_service import Format, FormatOption, show
from sameshot.cli_words import File, absolute

commands = typer.Typer()


@commands.command()
def why(context: typer.Context, file: File, how: FormatOption = Format.table) -> None:
    """Show why FILE is where it is, and what was done to it."""
    result = context.obj.perform("why", file=absolute([file])[0])
    show(context.obj, result, how, printing.why)


@commands.command()
def calibrate(
    context: typer.Context,
    sample: Annotated[int, typer.Option(min=2, help="How many photos to draw.")] = 1000,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Keep this threshold.", show_default=False)
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Keep the threshold that promises this precision.", show_default=False),
    ] = None,
    how: FormatOption = Format.table,
) -> None:
    """Choose how sure a pair must be, by your own photos."""
    result = context.obj.perform("calibrate", sample=sample, threshold=threshold, precision=precision)
    show(context.obj, result, how, printing.calibrate)
    if result["enough"] and result["kept"] is None and how is Format.table and sys.stdin.isatty():
        _pick(context.obj, result)


def _pick(options: Any, result: dict[str, Any]) -> None:
    """Shows the pairs at one threshold after the other, until one is kept."""
    chosen = next((at for at in (result["suggested"], result["in_force"]) if at is not None), 0.5)
    while True:
        answer = typer.prompt("Threshold to look at (or: keep, leave)", default=f"{chosen:g}", err=True)
        if answer == "leave":
            return
        if answer == "keep":
            kept = options.perform("calibrate", threshold=chosen, again=False)
            printing.kept(options.out, kept)
            return
        try:
            chosen = min(1.0, max(0.0, float(answer)))
        except ValueError:
            continue
        printing.examples(options.out, result["examples"], chosen)
