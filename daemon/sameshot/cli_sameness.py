"""The part of the command line that is about why, and from which score on, photos are of one shot.

Comes in: words. Goes out: results on stdout. No logic, as in `cli`.
"""

from __future__ import annotations

import math
import sys
from typing import Annotated, Any

import typer

from sameshot import printing_sameness as printing
from sameshot.cli_service import Format, FormatOption, show
from sameshot.cli_words import File, absolute
from sameshot.printing import complain

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
        typer.Option(
            help="Keep the threshold that promises this precision, more than 0 and less than 1.", show_default=False
        ),
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Forget the threshold that was kept; measure none.")] = False,
    how: FormatOption = Format.table,
) -> None:
    """Choose how sure a pair must be, by your own photos."""
    asked = {"threshold": threshold, "precision": precision, "forget": forget}
    result = context.obj.perform("calibrate", sample=sample, **asked)
    show(context.obj, result, how, printing.calibrate)
    if result["enough"] and result["kept"] is None and how is Format.table and sys.stdin.isatty():
        _pick(context.obj, result)


def _pick(options: Any, result: dict[str, Any]) -> None:
    """Shows the pairs at one threshold after the other, until one is kept."""
    chosen = next((at for at in (result["suggested"], result["in_force"]) if at is not None), 0.5)
    while True:
        answer = _answer("Threshold to look at (or: keep, leave)", f"{chosen:.12g}")
        if answer == "leave":
            return
        if answer == "keep":
            kept = options.perform("calibrate", threshold=chosen, again=False)
            printing.kept(options.out, kept)
            return
        try:
            wanted = float(answer)
        except ValueError:
            wanted = math.nan
        if not 0 <= wanted <= 1:
            complain(f"A threshold is a number from 0 to 1, not {answer}; `keep` and `leave` end this")
            continue
        chosen = abs(wanted)  # -0 is 0
        printing.looked_at(options.out, result, chosen)


def _answer(question: str, default: str) -> str:
    """What is typed; `leave` where the input ends. Raises typer.Abort at Ctrl-C."""
    try:
        answer: str = typer.prompt(question, default=default, err=True)
    except typer.Abort as end:  # typer makes this of both
        typer.echo(err=True)
        if isinstance(end.__context__, KeyboardInterrupt):
            raise
        return "leave"
    return answer.strip()
