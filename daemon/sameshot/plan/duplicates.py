"""Duplicates that may go: which copy of a photo stays and why, and where the others go.

Comes in: sets of copies, each photo with the digests of its companions. Goes out: a plan of kind "dedupe" whose every
step names the copy that stays. A photo goes with all its companions or not at all, and only when each of them has a
copy beside the photo that stays: a RAW beside its JPEG, a film of a Live Photo or an edit in a sidecar is never given
up. Refuses nothing; what is left alone, and why, stands in the warnings. Reads no disk and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, get_args

from sameshot.model import FoundFile, PhotoView, Plan, Step
from sameshot.plan.copy_names import copy_likeness
from sameshot.plan.warnings import moving_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

Keep = Literal["best", "oldest", "newest", "largest", "shortest-path"]
KEEPS: tuple[Keep, ...] = get_args(Keep)

_Criteria = list[tuple[float | str, str]]
"""What decides which copy stays, the weightiest first: a value of which the least stays, and the reason it gives."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One photo of a set. `companions`: digest by companion; None where one cannot be read.

    `stays`: why this photo may not go, empty where it may. A photo that stays is what the others of its set are copies
    of, before any that may go.
    """

    photo: PhotoView
    companions: Mapping[Path, bytes | None]
    stays: str = ""


def duplicates_plan(
    sets: Sequence[Sequence[Copy]],
    *,
    keep: Keep,
    place: Callable[[PhotoView], Sequence[tuple[Path, str]]],
    favoured: Collection[bytes] = (),
    catalogues: Collection[Path] = (),
) -> Plan:
    """The steps that bring every copy but one of each set to where `place` says.

    `place`: photo -> for its primary and then for each companion the target, and what the trash notes of it. It is
    asked once for each photo that goes. `favoured`: digests of photos that the owner wants to stand for their groups.
    """
    steps: list[Step] = []
    warnings: list[str] = []
    unit = 0
    for copies in sets:
        order = {id(copy): _criteria(copy.photo, keep, favoured) for copy in copies}
        staying = [copy for copy in copies if copy.stays]
        kept = min(staying or copies, key=lambda copy: [value for value, _ in order[id(copy)]])
        for copy in sorted(copies, key=lambda one: str(one.photo.path)):
            if copy is kept or copy.stays:
                continue
            twins = _twins(copy, kept)
            if isinstance(twins, str):
                warnings.append(twins)
                continue
            unit += 1
            targets = place(copy.photo)
            same = "the same bytes" if copy.photo.digest == kept.photo.digest else "the same pixels"
            why = kept.stays or _first_difference(order[id(kept)], order[id(copy)])
            reason = f"{same} as {kept.photo.path}, which stays: {why}"
            for (file, digest, twin), (target, note) in zip(twins, targets, strict=True):
                twin_path, twin_digest = twin
                why_file = reason if file.path == copy.photo.path else f"travels with {copy.photo.path.name}"
                steps.append(
                    Step(unit, "move", file.path, target, file.stat, digest, why_file, twin_path, twin_digest, note)
                )
    return Plan("dedupe", tuple(steps), (*warnings, *moving_warnings(steps, catalogues)))


def _criteria(photo: PhotoView, keep: Keep, favoured: Collection[bytes]) -> _Criteria:
    """The path decides in the end, so that the order of arrival is nothing."""
    size_bytes, mtime_ns, path = photo.stat.size_bytes, photo.stat.mtime_ns, str(photo.path)
    shortest: _Criteria = [(len(path), "its path is the shortest"), (path, "its path comes first by the alphabet")]
    match keep:
        case "oldest":
            return [(mtime_ns, "it is the oldest"), *shortest]
        case "newest":
            return [(-mtime_ns, "it is the newest"), *shortest]
        case "largest":
            return [(-size_bytes, "it is the largest"), *shortest]
        case "shortest-path":
            return shortest
    known = sum(getattr(photo.capture, field.name) is not None for field in fields(photo.capture))
    likeness = copy_likeness(photo.path.name)
    return [
        (photo.digest not in favoured, "you want it to stand for its group"),
        (-len(photo.companions), "it has more companions"),
        (-known, "it tells more of how it was taken"),
        (-size_bytes, "its file is larger"),
        (likeness, "its name is as a camera gives it" if likeness == 0 else "its name is not that of a copy"),
        (len(photo.path.parts), "it lies in fewer folders"),
        (mtime_ns, "its file is older"),
        *shortest,
    ]


def _first_difference(kept: _Criteria, other: _Criteria) -> str:
    return next(why for (value, why), (beside, _) in zip(kept, other, strict=True) if value != beside)


def _twins(copy: Copy, kept: Copy) -> list[tuple[FoundFile, bytes | None, tuple[Path, bytes]]] | str:
    """Each file of the photo with its digest and the file of `kept` that is a copy of it; or why there is none."""
    if _is_one_file(copy.photo, kept.photo):
        return f"{copy.photo.path} and {kept.photo.path} are two names of one file: both stay."
    primary = FoundFile(copy.photo.path, copy.photo.stat)
    found = [(primary, copy.photo.digest, (kept.photo.path, kept.photo.digest))]
    left = {path: digest for path, digest in kept.companions.items() if digest is not None}
    for companion in copy.photo.companions:
        digest = copy.companions.get(companion.path)
        twin = next((path for path in _alike(companion.path, left) if left[path] == digest), None)
        if twin is None or digest is None:
            return f"{copy.photo.path} stays: {companion.path.name} beside it has no copy beside {kept.photo.path}."
        found.append((companion, digest, (twin, left.pop(twin))))
    return list(found)


def _alike(path: Path, files: Collection[Path]) -> Iterator[Path]:
    return (file for file in files if file.suffix.lower() == path.suffix.lower())


def _is_one_file(a: PhotoView, b: PhotoView) -> bool:
    """Whatever the device: shares and overlays have a device of their own, and the inode numbers of what they show."""
    facts = [(photo.stat.inode, photo.stat.size_bytes, photo.stat.mtime_ns) for photo in (a, b)]
    return facts[0] == facts[1]
