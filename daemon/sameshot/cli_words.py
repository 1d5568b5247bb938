"""The words that several verbs take: files and folders, as a person types them; and the word that is asked for.

Comes in: paths, relative to the folder where sameshot is called. Goes out: absolute ones. What cannot be read is told
by the verb, in its own words.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sameshot.errors import BadInput

Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", show_default=False, readable=False)]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", show_default=False, readable=False)]
File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, readable=False)]
Folders = Annotated[list[Path], typer.Argument(metavar="DIR...", show_default=False, readable=False)]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def ask(question: str, changed: str = "files") -> None:
    """Ends the command unless somebody says yes. Raises BadInput where nobody can be asked."""
    if not sys.stdin.isatty():
        raise BadInput(f"Nothing was done: this changes {changed} and nobody can be asked here", "Say --yes to do it")
    if not typer.confirm(question, err=True):
        raise typer.Exit(0)


def absolute(paths: Sequence[Path] | None) -> tuple[Path, ...]:
    """Returns the paths from the top of the disk; links in them stay as they were written.

    Raises BadInput when they are relative and the folder where sameshot was called is gone.
    """
    return tuple(Path(os.path.abspath(path if path.is_absolute() else _here() / path)) for path in paths or ())


def _here() -> Path:
    """The folder where sameshot was called, by the way its caller took: a root may be reached by a link."""
    try:
        by_links = os.environ.get("PWD", "")
        return Path(by_links if by_links and os.path.samefile(by_links, ".") else os.getcwd())
    except OSError:
        raise BadInput("The folder you are in is no longer there", "Go to another, or write whole paths") from None
