"""What the journal says of one unit of work, and its form as one line of JSON.

Comes in and goes out: frozen values <-> dicts of plain JSON. Paths are kept as text with surrogate escapes, so names of
any bytes survive; the file stays readable with `less`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

from sameshot.model import Action, FileStat

Deed = Literal["copy", "move", "hardlink", "symlink", "reflink", "remove", "forget"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One file and what shall happen to it.

    `deed` remove takes away `source`, which `made_by` had made from `target`; forget does nothing: the owner did it.
    `stat` is that of `source`. `temporary` is a name in the target's folder, `aside` one in the source's folder: any
    file of that name is sameshot's own.
    `kept`: the copy, with `kept_digest`, without which a duplicate does not go. `trash_info`: the trash's note of it.
    """

    deed: Deed
    source: Path
    target: Path
    stat: FileStat
    digest: bytes | None
    temporary: str
    aside: str
    made_by: Action | None = None
    note: str = ""
    kept: Path | None = None
    kept_digest: bytes | None = None
    trash_info: str = ""

    @property
    def arrives(self) -> bool:
        """Whether a file comes to `target`."""
        return self.deed not in ("remove", "forget")


@dataclass(frozen=True, slots=True)
class Unit:
    """Operations that happen all or not at all. `undoes` is the batch and unit that it takes back.

    `carried`: its files go to another filesystem, so that a move is a verified copy and then a removal.
    `folders`: what had to be made for it, outermost first. `waits`: units of the same batch that must be done first
    (0: none can be), each with the sentence to refuse with; not journaled.
    """

    number: int
    why: str
    operations: tuple[Operation, ...]
    undoes: tuple[str, int] | None = None
    carried: bool = False
    folders: tuple[Path, ...] = ()
    waits: tuple[tuple[int, str], ...] = ()

    @property
    def parks(self) -> bool:
        """Whether a file of the unit goes to a name that another one (or itself, in other letters) still has."""
        places = {folded(operation.source) for operation in self.operations}
        return any(folded(step.target) in places for step in self.operations if step.deed == "move")

    def writes(self) -> set[str]:
        """The places that change."""
        moved = (step.source for step in self.operations if step.deed in ("move", "remove"))
        made = (step.target for step in self.operations if step.arrives)
        return {folded(path) for path in (*moved, *made)}

    def reads(self) -> set[str]:
        """The places that it depends on or changes."""
        return {folded(path) for step in self.operations for path in (step.source, step.target)}


@dataclass(frozen=True, slots=True)
class Staged:
    """A finished, verified temporary copy: what it is, and the digest both it and its source have."""

    stat: FileStat
    digest: bytes
    source_ctime_ns: int


def name_key(name: str) -> str:
    """Equal for two names that some filesystem (vfat, SMB, APFS) takes for one."""
    return name.casefold() if name.isascii() else normalize("NFC", normalize("NFC", name).casefold())


def folded(path: Path) -> str:
    """Equal for two places that some filesystem takes for one."""
    return name_key(str(path))


def stat_to_json(stat: FileStat) -> list[int]:
    """Device, inode, size, mtime, ctime."""
    return [stat.device, stat.inode, stat.size_bytes, stat.mtime_ns, stat.ctime_ns]


def stat_from_json(numbers: list[int]) -> FileStat:
    """The inverse of `stat_to_json`."""
    return FileStat(*numbers)


def operation_to_json(operation: Operation) -> dict[str, Any]:
    """A dict whose keys are the field names."""
    line: dict[str, Any] = {
        "deed": operation.deed,
        "source": str(operation.source),
        "target": str(operation.target),
        "stat": stat_to_json(operation.stat),
        "digest": operation.digest.hex() if operation.digest is not None else None,
        "temporary": operation.temporary,
        "aside": operation.aside,
    }
    if operation.made_by:
        line["made_by"] = operation.made_by
    if operation.note:
        line["note"] = operation.note
    if operation.kept is not None and operation.kept_digest is not None:
        line["kept"] = [str(operation.kept), operation.kept_digest.hex()]
    if operation.trash_info:
        line["trash_info"] = operation.trash_info
    return line


def operation_from_json(line: dict[str, Any]) -> Operation:
    """The inverse of `operation_to_json`."""
    kept, kept_digest = line.get("kept", (None, ""))
    return Operation(
        deed=line["deed"],
        source=Path(line["source"]),
        target=Path(line["target"]),
        stat=stat_from_json(line["stat"]),
        digest=bytes.fromhex(line["digest"]) if line["digest"] is not None else None,
        temporary=line["temporary"],
        aside=line["aside"],
        made_by=line.get("made_by"),
        note=line.get("note", ""),
        kept=Path(kept) if kept is not None else None,
        kept_digest=bytes.fromhex(kept_digest) or None,
        trash_info=line.get("trash_info", ""),
    )


def unit_to_json(unit: Unit) -> dict[str, Any]:
    """A dict without the word of what happens to the unit; the journal adds it."""
    line: dict[str, Any] = {"unit": unit.number, "why": unit.why}
    if unit.undoes:
        line["undoes"] = list(unit.undoes)
    if unit.carried:
        line["carried"] = True
    if unit.folders:
        line["folders"] = [str(path) for path in unit.folders]
    return line | {"files": [operation_to_json(operation) for operation in unit.operations]}


def unit_from_json(line: dict[str, Any]) -> Unit:
    """The inverse of `unit_to_json`."""
    undoes = line.get("undoes")
    return Unit(
        number=line["unit"],
        why=line["why"],
        operations=tuple(operation_from_json(one) for one in line["files"]),
        undoes=(undoes[0], undoes[1]) if undoes else None,
        carried=line.get("carried", False),
        folders=tuple(Path(path) for path in line.get("folders", ())),
    )


def as_carried(unit: Unit) -> Unit:
    """The same unit, across filesystems."""
    return replace(unit, carried=True)
