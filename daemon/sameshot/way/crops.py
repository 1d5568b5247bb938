"""Small square pictures of known photos, for trainers: gathered by workers, kept in the cache folder.

Comes in: the app. Goes out: crops, of which shot each is, and which are held out to judge by. A fourth of the shots is
held out, chosen by their digests: tomorrow's are the same ones. So is every shot that the owner put together, or apart
from others, unless those were more than half of all: his words are what a model is judged by first. Of these the crops
of changed versions (resized, cropped, turned ...) come along, which are the same shot for sure; photos of one group are
one shot too, as the measures and the owner's verdicts have it, but for the frames of sets that need not look alike.
At most so many photos are drawn, whole shots at a time, so the cache is bounded.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sameshot.app import App
from sameshot.service.message import BadMessage
from sameshot.store.whole_file import write_whole
from sameshot.way.calibrating import CHANGES
from sameshot.way.grouping import kept_whole
from sameshot.way.looking import ask_of_each
from sameshot.wire.small_pictures import crop_from_message, crop_request

_HELD_OUT_OF = 4
Key = str
"""A content's digest in hex, and the change after a blank where there is one."""


@dataclass(frozen=True, slots=True)
class Crops:
    """`pixels`: uint8 (n, side, side, 3). `shots`, `held_out`: of each.

    `changed`: whether it is a changed version. `spoken_of`: whether the owner put its shot together or apart.
    """

    pixels: NDArray[np.uint8]
    shots: tuple[int, ...]
    held_out: tuple[bool, ...]
    changed: tuple[bool, ...]
    spoken_of: tuple[bool, ...]


def gather(app: App, side_px: int, most_photos: int) -> Crops:
    """Returns the crops of up to `most_photos` photos; those that are not cached are made now. Unreadable ones are out.

    Raises OSError when the cache cannot be written.
    """
    shots = _shots(app, most_photos)
    spoken_of = _spoken_of(app, shots)
    wanted: dict[Key, tuple[int, int, bool]] = {}
    for number, (digest_of, members) in enumerate(shots):
        held_out = number in spoken_of or min(digest_of.values())[0] % _HELD_OUT_OF == 0
        for content in members:
            digest = digest_of[content].hex()
            wanted[digest] = (content, number, held_out)
            wanted |= {f"{digest} {change}": (content, number, True) for change in (CHANGES if held_out else ())}
    path = app.locations.cache_dir / "crops" / f"{side_px}.npz"
    known = {key: crop for key, crop in _cached(path, side_px).items() if key in wanted}
    made = _made(app, {key: wanted[key][0] for key in wanted if key not in known}, side_px)
    found = known | made
    keys = [key for key in wanted if key in found]
    pixels = np.stack([found[key] for key in keys]) if keys else np.zeros((0, side_px, side_px, 3), np.uint8)
    if made:
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        np.savez(packed, keys=np.array(keys), pixels=pixels)
        write_whole(path, packed.getvalue())
    numbers = tuple(wanted[key][1] for key in keys)
    held = tuple(wanted[key][2] for key in keys)
    return Crops(pixels, numbers, held, tuple(" " in key for key in keys), tuple(one in spoken_of for one in numbers))


def _spoken_of(app: App, shots: list[tuple[dict[int, bytes], list[int]]]) -> set[int]:
    """The shots that the owner put together, or apart from another, in their order, up to half of all."""
    said = {digest for word in app.store.verdicts.standing() if word.kind != "keep" for digest in word.digests}
    found = [number for number, (digest_of, _) in enumerate(shots) if not said.isdisjoint(digest_of.values())]
    return set(found[: len(shots) // 2])


def _shots(app: App, most_photos: int) -> list[tuple[dict[int, bytes], list[int]]]:
    """Digest by content, and the contents, of each shot that has present photos, by digest, until there are enough."""
    present = set(app.store.photos.copies(app.store.contents.ids()))
    digests = {content: row.digest for content, row in app.store.contents.get(present).items()}
    group_of = app.store.groups.of(present)
    unlike = kept_whole(app.store, present)
    present -= unlike
    members: dict[str | int, list[int]] = {}
    for content in sorted(present, key=digests.__getitem__):
        members.setdefault(group_of.get(content, content), []).append(content)
    drawn: list[tuple[dict[int, bytes], list[int]]] = []
    count = 0
    for contents in members.values():  # in the order of their least digest: drawn by chance, and always the same
        if count + len(contents) > most_photos:
            continue
        count += len(contents)
        drawn.append(({content: digests[content] for content in contents}, contents))
    return drawn


def _cached(path: Path, side_px: int) -> dict[Key, NDArray[np.uint8]]:
    """What was kept; nothing where that is not readable."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            keys, pixels = kept["keys"], kept["pixels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    if pixels.shape != (len(keys), side_px, side_px, 3) or pixels.dtype != np.uint8:
        return {}
    return dict(zip(map(str, keys), pixels, strict=True))


def _made(app: App, wanted: dict[Key, int], side_px: int) -> dict[Key, NDArray[np.uint8]]:
    requests = {key: (content, crop_request(side_px, key.partition(" ")[2] or None)) for key, content in wanted.items()}
    made: dict[Key, NDArray[np.uint8]] = {}
    for key, reply in ask_of_each(app, requests, "making small pictures").items():
        with contextlib.suppress(BadMessage):
            made[key] = crop_from_message(reply, side_px)
    return made
