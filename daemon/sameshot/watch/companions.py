"""Which files of one folder are one photo.

Comes in: the photos and companions of one folder. Goes out: shots, and a sentence for each pairing that is not clear.
By names alone, without regard to case, as cameras, phones and programs name files (DCF, Apple, Lightroom, darktable):
a RAW belongs to the one JPEG or HEIC of its stem; `a.xmp`, `a.jpg.xmp`, `.aae`, `.thm`, `.wav` and a Live Photo's film
to the photo of their stem; Apple's IMG_E1234 to IMG_1234. An unclear pairing is left alone: each photo stands for
itself, the companion stays where it is. A companion without a photo is nobody's.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sameshot.model import FoundFile, Shot
from sameshot.watch.ignore import (
    CAMERA_COMPANION_EXTENSIONS,
    CAMERA_PICTURE_EXTENSIONS,
    COMPANION_EXTENSIONS,
    RAW_EXTENSIONS,
    SIDECAR_EXTENSIONS,
    extension,
)

_APPLE_EDIT = re.compile(r"((?:\d{8}[a-z]~)?img_)[eo](\d{4,})")
"""Also under the rank prefix that sameshot itself gave to both."""
_DARKTABLE_VERSION = re.compile(r"(.+)_\d\d(\.[^.]+)")


@dataclass(eq=False, slots=True)
class _Photo:
    """A photo in the making: what stands for it, and what was found to travel with it."""

    primary: FoundFile
    companions: list[FoundFile] = field(default_factory=list)

    def files(self) -> list[FoundFile]:
        return [self.primary, *self.companions]

    def is_from_camera(self) -> bool:
        return any(_kind(file) in RAW_EXTENSIONS | CAMERA_PICTURE_EXTENSIONS for file in self.files())

    def has_raw(self) -> bool:
        return any(_kind(file) in RAW_EXTENSIONS for file in self.files())


def pair_shots(files: Sequence[FoundFile]) -> tuple[list[Shot], list[str]]:
    """The shots of one folder, by name of their primary, and a sentence for each pairing that was left alone.

    Every file that is no companion is in exactly one shot; every companion in at most one.
    """
    ordered = sorted(files, key=lambda file: file.path.name)
    ambiguities: list[str] = []
    photos = _by_stem(_Photo(file) for file in ordered if _kind(file) not in COMPANION_EXTENSIONS)
    for same_stem in list(photos.values()):
        _pair_raw(same_stem, ambiguities)
    _pair_apple_edits(photos, ambiguities)
    for file in ordered:
        if _kind(file) in COMPANION_EXTENSIONS:
            _pair_companion(file, photos, ambiguities)
    distinct = {id(photo): photo for same_stem in photos.values() for photo in same_stem}
    shots = [
        Shot(photo.primary, tuple(sorted(photo.companions, key=lambda file: file.path.name)))
        for photo in distinct.values()
    ]
    return sorted(shots, key=lambda shot: shot.primary.path.name), ambiguities


def _pair_raw(same_stem: list[_Photo], ambiguities: list[str]) -> None:
    """One RAW and one picture that a camera writes beside it become one photo."""
    raws = [photo for photo in same_stem if _kind(photo.primary) in RAW_EXTENSIONS]
    pictures = [photo for photo in same_stem if _kind(photo.primary) in CAMERA_PICTURE_EXTENSIONS]
    for raw in raws:
        rivals = _of_same_case(raw.primary, raws)
        candidates = _of_same_case(raw.primary, pictures)
        if len(candidates) == 1 and len(rivals) == 1 and not candidates[0].companions:
            candidates[0].companions.append(raw.primary)
            same_stem.remove(raw)
        elif candidates:
            ambiguities.append(_unclear(raw.primary, [*candidates, *(rival for rival in rivals if rival is not raw)]))


def _pair_apple_edits(photos: dict[str, list[_Photo]], ambiguities: list[str]) -> None:
    """IMG_E1234 is an edited rendering of IMG_1234; its key then leads to the original."""
    for key in sorted(photos):
        original = _apple_original(key)
        if original is None or original not in photos:
            continue
        candidates = [photo for photo in photos[original] if photo.is_from_camera()]
        if len(candidates) == 1:
            for edited in photos[key]:
                candidates[0].companions.extend(edited.files())
            photos[key] = candidates
        elif candidates:
            ambiguities.extend(_unclear(edited.primary, candidates) for edited in photos[key])


def _pair_companion(file: FoundFile, photos: dict[str, list[_Photo]], ambiguities: list[str]) -> None:
    """Hand the companion to the one photo it can belong to: the file it names in full, or the photo of its stem."""
    candidates = _named_in_full(file, photos) or _of_its_stem(file, photos)
    if len(candidates) == 1:
        candidates[0].companions.append(file)
    elif candidates:
        ambiguities.append(_unclear(file, candidates))


def _named_in_full(file: FoundFile, photos: dict[str, list[_Photo]]) -> list[_Photo]:
    """`a.jpg.xmp` belongs to a.jpg; darktable's `a_01.cr3.xmp` is the second edit of a.cr3."""
    if _kind(file) not in SIDECAR_EXTENSIONS:
        return []
    named = file.path.stem
    version = _DARKTABLE_VERSION.fullmatch(named)
    for name in (named, version[1] + version[2] if version else named):
        owners = [
            (photo, member.path.name)
            for photo in photos.get(_key(name.rpartition(".")[0]), [])
            for member in photo.files()
            if _key(member.path.name) == _key(name)
        ]
        if owners:
            return [photo for photo, spelled in owners if spelled == name] or [photo for photo, _ in owners]
    return []


def _of_its_stem(file: FoundFile, photos: dict[str, list[_Photo]]) -> list[_Photo]:
    """The photos of the companion's stem, or of the original an Apple edit stands for, as few as the names allow."""
    candidates = photos.get(_stem_key(file)) or photos.get(_apple_original(_stem_key(file)) or "", [])
    if _kind(file) in CAMERA_COMPANION_EXTENSIONS:
        candidates = [photo for photo in candidates if photo.is_from_camera()]
    narrowings: tuple[Callable[[_Photo], bool], ...] = (_Photo.is_from_camera, _Photo.has_raw)
    for narrowing in narrowings:
        if len(candidates) > 1:
            candidates = [photo for photo in candidates if narrowing(photo)] or candidates
    return _of_same_case(file, candidates)


def _by_stem(photos: Iterable[_Photo]) -> dict[str, list[_Photo]]:
    by_stem: dict[str, list[_Photo]] = defaultdict(list)
    for photo in photos:
        by_stem[_stem_key(photo.primary)].append(photo)
    return dict(by_stem)


def _of_same_case(file: FoundFile, photos: list[_Photo]) -> list[_Photo]:
    """Where names differ in case only, those spelled exactly alike; else all."""
    return [photo for photo in photos if photo.primary.path.stem == file.path.stem] or photos


def _apple_original(key: str) -> str | None:
    match = _APPLE_EDIT.fullmatch(key)
    return match[1] + match[2] if match else None


def _kind(file: FoundFile) -> str:
    return extension(file.path.name)


def _stem_key(file: FoundFile) -> str:
    return _key(file.path.stem)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _unclear(file: FoundFile, candidates: list[_Photo]) -> str:
    names = ", ".join(photo.primary.path.name for photo in candidates)
    return f"{file.path} could belong to {names}; it is left alone"
