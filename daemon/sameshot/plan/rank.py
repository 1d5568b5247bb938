"""Rank prefixes: names that make any file manager show look-alikes side by side, and the way back.

Comes in: photos in the order wanted, with the names they have. Goes out: a plan of renames in place; a photo's
companions get its prefix. Photos whose prefix is right already get no step. The original name stays inside the new
one, so removing needs no record. Refuses no photo, but leaves one whose name has no room for the prefix, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sameshot.model import FoundFile, PhotoView, Plan, Step
from sameshot.plan.names import Names, Taken
from sameshot.plan.rank_insert import insert_order
from sameshot.plan.rank_keys import FIRST_KEY, ascending_keys, parse_ranked_name, ranked_name
from sameshot.plan.rank_order import Method, rank_order
from sameshot.plan.safe_text import LIMIT_BYTES, size_bytes
from sameshot.plan.warnings import moving_warnings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def rank_plan(order: Sequence[PhotoView], *, taken: Taken, catalogues: Collection[Path] = ()) -> Plan:
    """Renames so that the names sort as `order`, as few as can be.

    `taken` gives the names that exist in a folder. `catalogues`: catalogue files of other programs beside the photos.
    """
    fitting, warnings = [], []
    for photo in order:
        if all(size_bytes(ranked_name(FIRST_KEY, name)) <= LIMIT_BYTES for _, name in _originals(photo)):
            fitting.append(photo)
        else:
            warnings.append(f"{photo.path} stays as it is: its name is too long to bear a rank.")
    keys = ascending_keys([rank_key(photo) for photo in fitting], _keys_in_use(fitting, taken))
    steps = []
    for unit, (photo, key) in enumerate(zip(fitting, keys, strict=True)):
        why = f"place {unit + 1} of {len(fitting)}"
        for file, name in _originals(photo):
            target = file.path.with_name(ranked_name(key, name))
            if target != file.path:
                steps.append(_step(unit, photo, file, target, why))
    return Plan("rank", tuple(steps), (*warnings, *moving_warnings(steps, catalogues)))


def remove_rank_plan(photos: Sequence[PhotoView], *, taken: Taken, catalogues: Collection[Path] = ()) -> Plan:
    """Renames that give every ranked photo among `photos` its original name, or one beside it where that is taken."""
    names, steps, warnings = Names(taken), [], []
    given: set[Path] = set()  # original names, kept apart by their letters: such ones lay side by side before
    # An original name may look ranked itself: the file that has it now goes first.
    for unit, photo in enumerate(sorted(photos, key=lambda photo: (_prefixes(photo.path.name), str(photo.path)))):
        moves = [(file, name) for file, name in _originals(photo) if name != file.path.name]
        if not moves:
            continue
        wanted = tuple(name for _, name in moves)
        claimed = wanted
        if any(names.is_used(file.path.parent, name) or file.path.with_name(name) in given for file, name in moves):
            for path in given:
                names.use(path.parent, path.name)
            first = moves[0][0].path
            claimed = names.claim(first.parent, wanted[0], wanted[0], wanted[1:])
            warnings.append(f"{first} becomes {claimed[0]}: the original name of its files is taken.")
        for (file, _), target in zip(moves, claimed, strict=True):
            given.add(file.path.with_name(target))
            steps.append(_step(unit, photo, file, file.path.with_name(target), "its original name"))
            names.free(file.path.parent, file.path.name)
    return Plan("rank-remove", tuple(steps), (*warnings, *moving_warnings(steps, catalogues)))


def wanted_order(
    photos: Sequence[PhotoView],
    vectors: NDArray[np.float32],
    *,
    groups: Mapping[int, str],
    method: Method = "fast",
) -> list[PhotoView]:
    """`photos` in the order their rank should have: a fresh one, or the present one with the new photos put in.

    vectors: float32 (n, d), one for each photo. groups: photo id -> its group, for those that have one. The present
    order is kept while at least half of the photos have a rank, so that new photos do not rename the others.

    Raises BadInput as `rank_order` does.
    """
    keys = [photo.digest + str(original_path(photo)).encode("utf-8", "surrogateescape") for photo in photos]
    shots = [groups.get(photo.id) for photo in photos]
    places = [(rank, index) for index, photo in enumerate(photos) if (rank := rank_key(photo)) is not None]
    if 2 * len(places) >= len(photos) > 0:
        present = np.array(
            [index for _, index in sorted(places, key=lambda place: (place[0], keys[place[1]]))], np.int64
        )
        order = insert_order(vectors, present, keys=keys, groups=shots)
    else:
        order = rank_order(vectors, keys=keys, groups=shots, method=method)
    return [photos[index] for index in order]


def rank_key(photo: PhotoView) -> int | None:
    """The sort key in the photo's present name, None where it has none."""
    parsed = parse_ranked_name(photo.path.name)
    return parsed[0] if parsed else None


def original_path(photo: PhotoView) -> Path:
    """Where the photo would be without its prefix."""
    return photo.path.with_name(next(_originals(photo))[1])


def _originals(photo: PhotoView) -> Iterator[tuple[FoundFile, str]]:
    """Each file of the photo with the name it has without a prefix."""
    for file in (FoundFile(photo.path, photo.stat), *photo.companions):
        parsed = parse_ranked_name(file.path.name)
        yield file, parsed[1] if parsed else file.path.name


def _keys_in_use(photos: Sequence[PhotoView], taken: Taken) -> set[int]:
    folders = {file.path.parent for photo in photos for file in (FoundFile(photo.path, photo.stat), *photo.companions)}
    parsed = (parse_ranked_name(name) for folder in folders for name in taken(folder))
    return {found[0] for found in parsed if found}


def _prefixes(name: str) -> int:
    count = 0
    while parsed := parse_ranked_name(name):
        count, name = count + 1, parsed[1]
    return count


def _step(unit: int, photo: PhotoView, file: FoundFile, target: Path, why: str) -> Step:
    primary = file.path == photo.path
    reason = why if primary else f"travels with {photo.path.name}"
    return Step(unit, "move", file.path, target, file.stat, photo.digest if primary else None, reason)
