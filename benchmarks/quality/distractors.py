"""Pictures of many kinds that all show different things: what a collection is full of, and nobody calls one shot.

Comes in: a number. Goes out: uint8 RGB pixels, 512 px on the long side, in one of the shapes that cameras and screens
have. Written apart from `scenes.py`, whose kinds are the harsh ones: here photos of one kind have some of their style
in common (`FAMILY` in a row share a palette and the size of things), and never a place, a print or a layout of their
own. The same number draws the same picture.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from drawing import LONG_SIDE_PX, Pixels, Seeded, Size, Style
from drawn_pages import chart, codes, desktop, letter, streets
from drawn_patterns import (
    checker,
    defocus,
    glow,
    gradient,
    masonry,
    mosaic,
    plasma,
    static,
    stripes,
    tiles,
    wall,
    waves,
)
from drawn_places import city, foliage, fur, landscape, night, sea, stars
from drawn_things import confetti, face, flower, meal, polygons, still, strokes

FAMILY = 4
SHAPES = ((3, 2), (3, 2), (4, 3), (4, 3), (16, 9), (1, 1), (2, 3), (3, 4))
SEED = 20261122


def draw(number: int) -> Pixels:
    """The picture of that number: uint8 (h, w, 3)."""
    kind, family = kind_of(number), number // len(KINDS) // FAMILY
    at = list(KINDS).index(kind)
    style = np.random.default_rng([SEED, at, family])
    own = np.random.default_rng([SEED, at, family, number])
    hue = style.uniform(0, 180)
    hues = (hue + style.normal(0, 30, 6) + style.choice([0, 90], 6)) % 180
    colors = np.stack([hues, style.uniform(20, 230, 6), style.uniform(40, 255, 6)], -1).astype(np.uint8)
    palette = cv2.cvtColor(colors[None], cv2.COLOR_HSV2RGB)[0]
    across, down = SHAPES[int(own.integers(len(SHAPES)))]
    scale = LONG_SIDE_PX / max(across, down)
    size = (int(across * scale), int(down * scale))
    return KINDS[kind]((palette, style.random()), own, size)


def kind_of(number: int) -> str:
    """What it shows. Kinds take turns, so any count of pictures holds as many of each."""
    return list(KINDS)[number % len(KINDS)]


KINDS: dict[str, Callable[[Style, Seeded, Size], Pixels]] = {
    "gradient": gradient,
    "glow": glow,
    "wall": wall,
    "static": static,
    "defocus": defocus,
    "plasma": plasma,
    "stripes": stripes,
    "checker": checker,
    "masonry": masonry,
    "waves": waves,
    "mosaic": mosaic,
    "tiles": tiles,
    "polygons": polygons,
    "confetti": confetti,
    "strokes": strokes,
    "fur": fur,
    "foliage": foliage,
    "landscape": landscape,
    "sea": sea,
    "city": city,
    "night": night,
    "stars": stars,
    "face": face,
    "meal": meal,
    "flower": flower,
    "still": still,
    "letter": letter,
    "chart": chart,
    "desktop": desktop,
    "streets": streets,
    "codes": codes,
}
