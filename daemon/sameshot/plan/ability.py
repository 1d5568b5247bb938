"""Whether the disks can do what a plan asks of them, and what is done instead where the owner said so.

Comes in: a plan and what is known of the folders it leads from and to. Goes out: the plan without the units that could
only be refused, each kind of obstacle told in one warning; or with another action where the owner configured one.
What a filesystem can is taken from its type, for trying it out would write into the owner's folders: an unknown type is
believed to be able, and tells when it is not. Reads no disk.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sameshot.model import Action, Plan, Step
from sameshot.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_WITHOUT_LINKS = frozenset({"vfat", "msdos", "exfat", "iso9660", "udf"})
_WITHOUT_REFLINKS = _WITHOUT_LINKS | {
    "ext2", "ext3", "ext4", "f2fs", "fuseblk", "hfsplus", "jfs", "ntfs", "ntfs3", "ramfs", "reiserfs", "squashfs",
    "tmpfs",
}  # fmt: skip
_DONE = {"copy": "copied", "move": "moved", "hardlink": "hard-linked", "symlink": "linked", "reflink": "cloned"}


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of a folder, or of the nearest one above that exists. `reserve_bytes` of its disk stay free."""

    device: int
    filesystem: str
    is_writable: bool
    free_bytes: int
    reserve_bytes: int


def able_plan(plan: Plan, fallback: Sequence[Action], side: Callable[[Path], Side]) -> Plan:
    """Returns the plan with what can be done. `side`: folder -> its facts."""
    units: dict[int, list[Step]] = defaultdict(list)
    for step in plan.steps:
        units[step.unit].append(step)
    steps: list[Step] = []
    left: Counter[str] = Counter()
    instead: Counter[tuple[str, Action, Action]] = Counter()
    for unit in units.values():
        why = {action: _obstacle(unit, action, side) for action in (unit[0].action, *fallback)}
        chosen = next((action for action, obstacle in why.items() if not obstacle), None)
        first = unit[0].action
        if chosen is None:
            left[why[first]] += 1
            continue
        if chosen != first:
            instead[why[first], first, chosen] += 1
        steps += unit if chosen == first else [replace(step, action=chosen) for step in unit]
    warnings = [
        f"{_photos_are(count)} {_DONE[new]}, not {_DONE[old]}, as `fallback` says: {why}."
        for (why, old, new), count in instead.items()
    ]
    warnings += [f"{_photos_are(count)} left out: {why}." for why, count in left.items()]
    return Plan(plan.kind, tuple(steps), (*plan.warnings, *warnings, *_space_warnings(steps, side)))


def _obstacle(unit: Sequence[Step], action: Action, side: Callable[[Path], Side]) -> str:
    """Why no file of the unit could be filed by `action`; empty when nothing is known against it."""
    for step in unit:
        source, target = side(step.source.parent), side(step.target.parent)
        if not target.is_writable:
            return f"the folder of {step.target.parent} may not be written, or its disk is read-only"
        if action == "move" and not source.is_writable:
            return f"nothing can be moved out of {step.source.parent}: it may not be written, or is read-only"
        if action in ("hardlink", "symlink") and target.filesystem in _WITHOUT_LINKS:
            return f"the filesystem {target.filesystem} of {step.target.parent} has no links"
        if action == "hardlink" and source.device != target.device:
            return f"a hard link cannot reach from {step.source.parent} to another filesystem"
        if action == "reflink" and target.filesystem in _WITHOUT_REFLINKS:
            return f"the filesystem {target.filesystem} cannot make reflinks"
        if action == "reflink" and source.filesystem != target.filesystem:
            return f"a reflink cannot reach from {step.source.parent} to another filesystem"
    return ""


def _space_warnings(steps: Sequence[Step], side: Callable[[Path], Side]) -> list[str]:
    needed: Counter[int] = Counter()
    disks: dict[int, tuple[Side, Path]] = {}
    for step in steps:
        target = side(step.target.parent)
        if step.action == "copy" or (step.action == "move" and side(step.source.parent).device != target.device):
            needed[target.device] += step.stat.size_bytes
            disks.setdefault(target.device, (target, step.target.parent))
    return [
        f"{size_bytes / 1e6:,.1f} MB are to be copied to the disk of {folder}, which has "
        f"{disk.free_bytes / 1e6:,.1f} MB free and keeps {disk.reserve_bytes / 1e6:,.1f} MB of them: "
        "what finds no room is refused."
        for device, size_bytes in needed.items()
        for disk, folder in (disks[device],)
        if size_bytes > disk.free_bytes - disk.reserve_bytes
    ]


def _photos_are(count: int) -> str:
    return f"{counted(count, 'photo')} {'is' if count == 1 else 'are'}"
