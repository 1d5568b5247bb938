"""Sentences that the owner should read before a plan happens.

Comes in: the action, the steps, and what was found beside the photos. Goes out: sentences, each about one danger that
sameshot cannot take away by itself. Refuses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from sameshot.model import Action, Step

_CATALOGUES = {
    ".lrcat": "Lightroom",
    "digikam4.db": "digiKam",
    "library.db": "darktable",
    ".cocatalogdb": "Capture One",
    ".cosessiondb": "Capture One",
}
_CATALOGUE_FOLDERS = ("lightroom", "darktable", ".darktable", "digikam")


def program_of(name: str) -> str | None:
    """The program whose catalogue a file of this name is, None where it is none."""
    known = name.lower()
    return next(
        (program for end, program in _CATALOGUES.items() if known == end or (end[0] == "." and known.endswith(end))),
        None,
    )


def is_catalogue_folder(name: str) -> bool:
    """Whether a program keeps its catalogue in folders of this name."""
    return name.lower().startswith(_CATALOGUE_FOLDERS) or name.lower().endswith(".cocatalog")


def filing_warnings(
    action: Action, library: Path, steps: Sequence[Step], roots: Collection[Path], catalogues: Collection[Path]
) -> list[str]:
    """Dangers of filing `steps` into `library` by `action`."""
    if not steps:
        return []
    warnings = []
    if action == "hardlink":
        warnings.append(
            "A hard link is a second name of the same file: an editor that saves in place writes through to both names."
        )
    if action == "symlink":
        warnings.append(
            "A symbolic link is not a copy: it leads nowhere once the photo it points at is moved or removed."
        )
        warnings += [
            f"The library {library} lies inside the watched folder {root}: programs that show that folder will show "
            "each linked photo twice."
            for root in sorted(roots)
            if library == root or root in library.parents
        ]
    if action == "move":
        warnings += moving_warnings(steps, catalogues)
    return warnings


def moving_warnings(steps: Sequence[Step], catalogues: Collection[Path]) -> list[str]:
    """Programs that would look for the photos of `steps` at their old paths."""
    if not steps:
        return []
    warnings = [
        f"{program} keeps a catalogue at {catalogue}: it will miss the photos at their new places "
        f"({len({step.unit for step in steps})} of this plan) until it is told."
        for catalogue in sorted(catalogues)
        if (program := program_of(catalogue.name)) is not None
    ]
    sidecars = sum(step.source.suffix.lower() == ".xmp" for step in steps)
    if sidecars:
        warnings.append(
            f"The .xmp sidecars ({sidecars}) travel with their photos; the program that wrote them may keep a "
            "catalogue of its own that does not."
        )
    return warnings
