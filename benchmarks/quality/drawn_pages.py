"""Pages and screens: letters, charts, desktops, maps, codes (see `distractors.py`)."""

from __future__ import annotations

import cv2
import numpy as np
from drawing import FONTS, Pixels, Seeded, Size, Style, around, filled, shape, spot, taken, tone, words, written
from drawn_patterns import gradient, plasma, wall
from drawn_places import city, landscape
from drawn_things import flower, polygons


def letter(_: Style, own: Seeded, size: Size) -> Pixels:
    """A page of text: its own words, margins and size of letters."""
    picture = filled(size, tuple(int(v) for v in own.integers(225, 256, 3)))
    scale, font, ink = own.uniform(0.25, 0.6), FONTS[int(own.integers(len(FONTS)))], (int(own.integers(0, 90)),) * 3
    left, right = int(own.uniform(10, 80)), size[0] - int(own.uniform(10, 80))
    top = int(own.uniform(10, 80))
    if own.random() < 0.6:
        cv2.putText(picture, " ".join(words(own, 3)).title(), (left, top + 20), font, scale * 2, ink, 2, cv2.LINE_AA)
        top += 40
    columns = int(own.choice([1, 1, 2]))
    for column in range(columns):
        wide = (right - left) // columns
        written(
            picture,
            own,
            (left + column * wide, top, left + (column + 1) * wide - 12, size[1] - int(own.uniform(10, 150))),
            ink,
            font,
            scale,
        )
    return taken(picture, own, 2) if own.random() < 0.4 else picture


def chart(style: Style, own: Seeded, size: Size) -> Pixels:
    """Bars, lines or a cake, with axes and words."""
    picture, ink = filled(size, (255, 255, 255)), (60, 60, 60)
    left, bottom = int(own.uniform(30, 90)), size[1] - int(own.uniform(30, 70))
    top, right = int(own.uniform(30, 80)), size[0] - int(own.uniform(10, 120))
    cv2.putText(picture, " ".join(words(own, 3)).capitalize(), (left, top - 10), FONTS[0], 0.6, ink, 1, cv2.LINE_AA)
    form, count = int(own.integers(3)), int(own.integers(3, 15))
    if form == 2:
        ends = np.cumsum(own.dirichlet(np.ones(count))) * 360
        for start, end in zip([0, *ends], ends, strict=False):
            cv2.ellipse(
                picture,
                ((left + right) // 2, (top + bottom) // 2),
                ((bottom - top) // 2,) * 2,
                0,
                start,
                end,
                tone(style[0], own, 50),
                -1,
                cv2.LINE_AA,
            )
    else:
        for y in np.linspace(top, bottom, int(own.integers(3, 9))):
            cv2.line(picture, (left, int(y)), (right, int(y)), (220,) * 3, 1)
            cv2.putText(picture, str(int(own.integers(1, 999))), (2, int(y) + 4), FONTS[0], 0.35, ink, 1, cv2.LINE_AA)
        wide = (right - left) / count
        if form == 0:
            for at in range(count):
                x = int(left + at * wide)
                cv2.rectangle(
                    picture,
                    (x + 2, int(own.uniform(top, bottom))),
                    (int(x + wide * own.uniform(0.5, 0.9)), bottom),
                    tone(style[0], own),
                    -1,
                )
                cv2.putText(picture, words(own, 1)[0][:6], (x, bottom + 14), FONTS[0], 0.35, ink, 1, cv2.LINE_AA)
        else:
            for _ in range(int(own.integers(1, 5))):
                xs = np.linspace(left, right, count * 3)
                ys = np.clip(own.uniform(top, bottom) + np.cumsum(own.normal(0, 20, count * 3)), top, bottom)
                cv2.polylines(
                    picture,
                    [np.c_[xs, ys].astype(np.int32)],
                    False,
                    tone(style[0], own),
                    int(own.integers(1, 4)),
                    cv2.LINE_AA,
                )
        cv2.rectangle(picture, (left, top), (right, bottom), ink, 1)
    return picture


def desktop(style: Style, own: Seeded, size: Size) -> Pixels:
    """Windows over a wallpaper, with bars, buttons, words and pictures in them."""
    picture = (gradient, landscape, plasma, polygons)[int(own.choice(4))](style, own, size)
    for _ in range(int(own.integers(1, 4))):
        x, y, wide, high = (int(v) for v in own.uniform([0, 0, 0.4, 0.4], [0.4, 0.3, 1, 1]) * [*size, *size])
        dark = own.random() < 0.4
        ground, ink = ((40,) * 3, (220,) * 3) if dark else ((248,) * 3, (40,) * 3)
        cv2.rectangle(picture, (x, y), (x + wide, y + high), ground, -1)
        cv2.rectangle(picture, (x, y), (x + wide, y + 22), tone(style[0], own), -1)
        cv2.putText(picture, " ".join(words(own, 2)), (x + 6, y + 16), FONTS[0], 0.45, (255,) * 3, 1, cv2.LINE_AA)
        side = int(wide * own.choice([0, 0.2, 0.3]))
        if own.random() < 0.5:
            inner = (landscape, flower, city, chart)[int(own.choice(4))](style, own, (size[0] // 2, size[1] // 2))
            ends = (min(x + wide, size[0]), min(y + high, size[1]))
            if ends[0] - x - side > 20 and ends[1] - y > 60:
                picture[y + 24 : ends[1], x + side : ends[0]] = cv2.resize(
                    inner, (ends[0] - x - side, ends[1] - y - 24), interpolation=cv2.INTER_AREA
                )
        else:
            written(
                picture, own, (x + side + 8, y + 26, x + wide - 8, min(y + high, size[1]) - 20), ink, FONTS[0], 0.35
            )
        if side:
            written(picture, own, (x + 6, y + 26, x + side, min(y + high, size[1]) - 20), ink, FONTS[0], 0.35)
    return picture


def streets(_: Style, own: Seeded, size: Size) -> Pixels:
    """A map: water, parks, streets and names."""
    picture = filled(size, (238, 234, 224))
    for fill in ((170, 205, 230), (195, 225, 180), (195, 225, 180)):
        if own.random() < 0.7:
            shape(picture, around(spot(own, size), own.uniform(30, 220, 14), own.uniform(0, 6)), fill)
    for width, edge, count in ((3, (205,) * 3, 30), (7, (250, 215, 130), 7), (11, (235, 160, 110), 2)):
        for _ in range(int(own.integers(count // 2, count + 2))):
            bends = np.linspace(spot(own, size), spot(own, size), 5) + own.normal(0, 18, (5, 2))
            cv2.polylines(picture, [bends.astype(np.int32)], False, edge, width, cv2.LINE_AA)
    for _ in range(int(own.integers(3, 20))):
        cv2.putText(
            picture,
            words(own, 1)[0].title(),
            spot(own, size),
            FONTS[0],
            own.uniform(0.3, 0.6),
            (90,) * 3,
            1,
            cv2.LINE_AA,
        )
    return picture


def codes(style: Style, own: Seeded, size: Size) -> Pixels:
    """A square code on a label, a ticket or a wall."""
    picture = filled(size, tone(style[0], own)) if own.random() < 0.5 else wall(style, own, size)
    count, side = int(own.integers(21, 45)), int(min(size) * own.uniform(0.3, 0.9))
    bits = np.pad((own.random((count, count)) < 0.5).astype(np.uint8) * 255, 2, constant_values=255)
    for y, x in ((2, 2), (2, count - 5), (count - 5, 2)):
        bits[y : y + 7, x : x + 7], bits[y + 1 : y + 6, x + 1 : x + 6], bits[y + 2 : y + 5, x + 2 : x + 5] = 0, 255, 0
    x, y = (int(own.uniform(0, room - side)) for room in size)
    picture[y : y + side, x : x + side] = cv2.resize(bits, (side, side), interpolation=cv2.INTER_NEAREST)[..., None]
    written(picture, own, (10, 0, size[0] - 10, y - 40), (30,) * 3, FONTS[0], own.uniform(0.3, 0.6))
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), own.normal(0, 12), own.uniform(0.9, 1.3))
    return taken(cv2.warpAffine(picture, turn, size, borderMode=cv2.BORDER_REFLECT), own)
