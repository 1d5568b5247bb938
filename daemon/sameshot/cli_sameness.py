"""The part of the command line that is about why, and from which score on, photos are of one shot.

Comes in: words. Goes out: results on stdout. No logic, as in `cli`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sameshot import printing_sameness as printing
from sameshot.cli_service import Format, FormatOption, show

commands = typer.Typer()


@commands.command()
def why(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    how: FormatOption = Format.table,
) -> None:
    """Show why FILE is where it is, and what was done to it."""
    result = context.obj.perform("why", file=Path(os.path.abspath(file)))
    show(context.obj, result, how, printing.why)
