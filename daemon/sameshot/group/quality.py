"""How good each photo of a group is, against the others of that group, and why.

Comes in: what looks and second looks told of the members. Goes out: a `Rating` for each, comparable in its group and
nowhere else. It ranks; it never justifies removing a photo. The owner's rating goes before everything; among equals the
number is a product of shares, so that no strength buys off a weakness.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from sameshot.model import Capture, Inspection, Quality

_EDITORS = re.compile(
    r"photoshop|lightroom|gimp|darktable|rawtherapee|capture one|affinity|luminar|snapseed|vsco|picasa|pixelmator|"
    r"digikam|dxo|acdsee|paint|instagram|facetune|corel|imagemagick|polarr|photopea|on1",
    re.IGNORECASE,
)
_COLORED, _GRAY = 0.04, 0.01
"""Mean distance of the channels: a photo above the one and a copy below the other differ by a conversion to gray."""
_NOT_THE_RAW, _EDITED, _WITHOUT_COLOR = 0.8, 0.8, 0.5
_NOT_ADDED = ("sharpness", "light", "compression")
_COMPRESSION_ROOT = 8
"""A third of the bytes for each pixel costs 13 %, the tenth by which frames of one burst differ 1 %."""
_SAME_SIZE = math.log(1.05)
_ENLARGED = 0.8
_NOTHING_FINER = 1.0
_AS_SHIPPED: Mapping[str, float] = {}
_LEAST_ZOOM = 1.15
"""Sharpness of the sharpest tile falls with the zoom to this power at least where a picture was enlarged (0.7 to 2.5 in
48 cases, once JPEG has added its own noise; twice below 0.9); to 0.7 at most towards the full size of eight photos."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one member. `inspection`: None until its second look."""

    quality: Quality
    pixels: int
    format: str = ""
    capture: Capture = field(default_factory=Capture)
    inspection: Inspection | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    """`value`: 0..1, comparable within one group. `shares`: what it is made of, each 0..1. `stars`: of the owner."""

    value: float
    shares: Mapping[str, float]
    stars: int


def rate(facts: Mapping[int, Facts], weights: Mapping[str, float] = _AS_SHIPPED) -> dict[int, Rating]:
    """Rates members by content. `weights`: how much each strength counts, 1 where none is given.

    size: square root of the pixels, against the largest. enlarged: below 1 for what is larger than another and shows
    nothing finer, which has the size of that other. sharpness: square root of the sharpest tile's energy, against the
    sharpest of the same size. light: what is not clipped, and nearness to the group's usual brightness, since of one
    scene the odd exposure is the mistake. source, edit, color, compression: below 1 for what was made of another.
    Sharpening and cleaning up add nothing that was there: a copy has at most the sharpness, light and compression of
    what it was made of.
    """
    if not facts:
        return {}
    members = list(facts)
    sharpness = _sharpness(facts)
    pixels = {content: _shown_pixels(fact, facts.values()) for content, fact in facts.items()}
    most_pixels = max(pixels.values()) or 1
    usual = median(fact.quality.brightness for fact in facts.values())
    has_raw = any(fact.format == "RAW" for fact in facts.values())
    has_color = any(fact.inspection and fact.inspection.color > _COLORED for fact in facts.values())
    copies, made_of = _copies(facts), _made_of(facts)
    densest = _densest(facts)
    shares = {
        content: {
            "size": math.sqrt(pixels[content] / most_pixels),
            "enlarged": _ENLARGED if pixels[content] < fact.pixels else 1.0,
            "sharpness": math.sqrt(sharpness[content]),
            "light": (1.0 - fact.quality.clipped) * (1.0 - abs(fact.quality.brightness - usual)),
            "source": 1.0 if fact.format == "RAW" or not has_raw else _NOT_THE_RAW,
            "edit": _EDITED if content in copies else 1.0,
            "color": _WITHOUT_COLOR
            if has_color and fact.inspection is not None and fact.inspection.color < _GRAY
            else 1.0,
            "compression": (_density(fact) / densest[fact.format]) ** (1 / _COMPRESSION_ROOT) if densest else 1.0,
        }
        for content, fact in facts.items()
    }
    for content, originals in made_of.items():
        for name in _NOT_ADDED if originals else ():
            shares[content][name] = min(shares[content][name], max(shares[one][name] for one in originals))
    if weights:
        for own in shares.values():
            own |= {name: share ** weights.get(name, 1.0) for name, share in own.items()}
    tiers = sorted({fact.capture.rating or 0 for fact in facts.values()})
    return {
        content: Rating(
            (tiers.index(facts[content].capture.rating or 0) + math.prod(shares[content].values())) / len(tiers),
            shares[content],
            facts[content].capture.rating or 0,
        )
        for content in members
    }


_BETTER = {
    "size": "it has more pixels",
    "enlarged": "the other was enlarged",
    "sharpness": "it is sharper where it is sharpest",
    "light": "less of it is too dark or too bright for this scene",
    "source": "it is the RAW",
    "edit": "the other is a copy, by an editor or without what a camera writes",
    "color": "the other has lost its colors",
    "compression": "the other is compressed harder",
}

STRENGTHS = tuple(_BETTER)
"""What a rating is made of, by name."""


def is_edited(fact: Facts) -> bool:
    """Whether an editor wrote the photo, as far as it says so; a RAW that names one was converted, not edited."""
    return fact.format != "RAW" and bool(_EDITORS.search(fact.capture.software or ""))


def reasons(winner: Rating, other: Rating) -> list[str]:
    """Why the one goes before the other, the weightiest reason first, with both shares."""
    said = []
    if winner.stars > other.stars:
        said.append(
            "you rejected the other" if other.stars < 0
            else f"you rated it {winner.stars} and the other {other.stars or 'not'}"
        )  # fmt: skip
    gains = {name: winner.shares[name] - other.shares[name] for name in _BETTER}
    said += [
        f"{_BETTER[name]} ({name} {winner.shares[name]:.2f} against {other.shares[name]:.2f})"
        for name in sorted(gains, key=lambda name: -gains[name])
        if gains[name] >= 0.005
    ]
    return said or ["they are equally good; the order of their digests decides"]


def _made_of(facts: Mapping[int, Facts]) -> dict[int, list[int]]:
    """Each member that was made of others -> those that it may have been made of, empty where they are not here.

    A JPEG may come of the RAW of its moment; what an editor wrote, of the photos of its moment; what lost its camera
    and its moment beside photos that have theirs, of any of these.
    """
    originals = facts.keys() - _copies(facts)
    found: dict[int, list[int]] = {}
    for content, fact in facts.items():
        moment = fact.capture.taken_at
        if content not in originals:
            found[content] = [one for one in originals if moment in (None, facts[one].capture.taken_at)]
        elif fact.format != "RAW" and moment is not None:
            raws = [o for o in originals if facts[o].format == "RAW" and facts[o].capture.taken_at == moment]
            found |= {content: raws} if raws else {}
    return found


def _copies(facts: Mapping[int, Facts]) -> set[int]:
    """What an editor wrote, or what tells of no camera beside photos that do; none where nothing else is there."""
    with_camera = any(fact.capture.camera for fact in facts.values())
    copies = {
        content
        for content, fact in facts.items()
        if fact.format != "RAW" and (is_edited(fact) or (with_camera and fact.capture.camera is None))
    }
    return copies if len(copies) < len(facts) else set()


def _sharpness(facts: Mapping[int, Facts]) -> dict[int, float]:
    """Each member's share of the best, 0..1, at that size (its own or a smaller one) where it is furthest behind."""
    if any(fact.inspection is None for fact in facts.values()):  # second looks are compared with second looks only
        sharpest = max(max(fact.quality.sharpness, 0.0) for fact in facts.values()) or 1.0
        return {content: max(fact.quality.sharpness, 0.0) / sharpest for content, fact in facts.items()}
    energies = {c: _by_size(fact.inspection) for c, fact in facts.items() if fact.inspection is not None}
    best: dict[tuple[int, bool], float] = {}
    for found in energies.values():
        for size, energy in found.items():
            best[size] = max(best.get(size, 0.0), energy)
    return {c: min((e / best[size] for size, e in found.items() if best[size] > 0), default=1.0)
            for c, found in energies.items()}  # fmt: skip


def _shown_pixels(fact: Facts, others: Iterable[Facts]) -> int:
    """Its pixels, or those of the smallest other that it is an enlargement of."""
    return min((other.pixels for other in others if _is_enlarged(fact, other)), default=fact.pixels)


def _is_enlarged(large: Facts, small: Facts) -> bool:
    """Whether the one shows nothing finer than the other; a photo that alone knows its camera is no enlargement."""
    one, other = large.inspection, small.inspection
    if one is None or other is None or (large.capture.camera and not small.capture.camera):
        return False
    if small.pixels >= large.pixels:
        return False  # of a RAW, only a preview was inspected
    zoom = one.long_side_px / max(other.long_side_px, 1)
    own, others = one.sharpness.get(one.long_side_px, 0.0), other.sharpness.get(other.long_side_px, 0.0)
    return zoom >= _LEAST_ZOOM and own * zoom**_NOTHING_FINER <= others


def _by_size(inspection: Inspection) -> dict[tuple[int, bool], float]:
    """Energies by size, on a scale on which sizes a few percent apart are one, and whether it is the picture's own.

    A picture at its own size is crisper than one that was made smaller to it: a crop would beat what it was cut from.
    """
    return {
        (round(math.log(side_px) / _SAME_SIZE), side_px == inspection.long_side_px): energy
        for side_px, energy in inspection.sharpness.items()
    }


def _density(fact: Facts) -> float:
    assert fact.inspection is not None
    return max(fact.inspection.size_bytes, 1) / max(fact.pixels, 1)


def _densest(facts: Mapping[int, Facts]) -> dict[str, float]:
    """Format -> the most bytes a member spends on a pixel; empty where not all were looked at twice."""
    if any(fact.inspection is None for fact in facts.values()):
        return {}
    found: dict[str, float] = {}
    for fact in facts.values():
        found[fact.format] = max(found.get(fact.format, 0.0), _density(fact))
    return found
