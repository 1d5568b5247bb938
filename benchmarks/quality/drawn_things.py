"""People and things: faces, meals, flowers, pots, and shapes and strokes that are nothing (see `distractors.py`)."""

from __future__ import annotations

import math

import cv2
import numpy as np
from drawing import Pixels, Seeded, Size, Style, around, blurred, filled, shape, spot, taken, tone
from drawn_patterns import checker, defocus, masonry, stripes, wall
from drawn_places import city, foliage, landscape


def polygons(style: Style, own: Seeded, size: Size) -> Pixels:
    """Polygons of any form over a plain ground."""
    picture = filled(size, tone(style[0], own, 40))
    for _ in range(int(own.integers(4, 60))):
        radii = own.uniform(10, 40 + 150 * style[1], int(own.integers(3, 9)))
        shape(picture, around(spot(own, size), radii, own.uniform(0, 6)), tone(style[0], own, 40))
    return picture


def confetti(style: Style, own: Seeded, size: Size) -> Pixels:
    """Circles, boxes and lines by chance, as a program that tests would draw them."""
    picture = filled(size, tone(style[0], own, 60))
    for _ in range(int(own.integers(5, 120))):
        one, other, fill = spot(own, size), spot(own, size), tuple(int(value) for value in own.integers(0, 256, 3))
        form, width = int(own.integers(3)), int(own.choice([-1, 1, 3, 6]))
        if form == 0:
            cv2.circle(picture, one, int(own.uniform(3, 80)), fill, width, cv2.LINE_AA)
        elif form == 1:
            cv2.rectangle(picture, one, (one[0] + other[0] // 5, one[1] + other[1] // 5), fill, width)
        else:
            cv2.line(picture, one, other, fill, abs(width), cv2.LINE_AA)
    return picture


def strokes(style: Style, own: Seeded, size: Size) -> Pixels:
    """A drawing in ink: bent lines on paper."""
    picture, ink = (
        filled(size, tuple(int(v) for v in own.integers(225, 256, 3))),
        tone(style[0], own) if own.random() < 0.5 else (20,) * 3,
    )
    for _ in range(int(own.integers(4, 40))):
        bends = np.cumsum(
            np.vstack([spot(own, size), own.normal(0, 30 + 60 * style[1], (int(own.integers(3, 9)), 2))]), 0
        )
        times = np.linspace(0, len(bends) - 1, 60)
        line = np.c_[[np.interp(times, range(len(bends)), bends[:, axis]) for axis in (0, 1)]].T
        line = cv2.GaussianBlur(line.astype(np.float32), (1, 9), 2)
        cv2.polylines(picture, [line.astype(np.int32)], own.random() < 0.2, ink, int(own.integers(1, 5)), cv2.LINE_AA)
    return picture


def face(style: Style, own: Seeded, size: Size) -> Pixels:
    """Somebody, somewhere: head, hair and clothes, not always in the middle, not always near."""
    picture = blurred(
        (landscape, city, foliage, wall, defocus)[int(own.choice(5))](style, own, size), own.uniform(2, 12)
    )
    x, y, r = own.uniform(0.25, 0.75) * size[0], own.uniform(0.3, 0.5) * size[1], own.uniform(0.1, 0.24) * min(size)
    brown = np.array([1.0, own.uniform(0.65, 0.82), own.uniform(0.45, 0.7)]) * own.uniform(90, 245)
    skin, hair, tilt = tuple(int(v) for v in brown), tuple(int(v) for v in own.integers(10, 170, 3)), own.normal(0, 12)
    middle, long = (int(x), int(y)), own.uniform(1.2, 1.45)
    cv2.ellipse(
        picture,
        (int(x), int(y + r * own.uniform(3.0, 3.6))),
        (int(r * own.uniform(1.6, 2.4)), int(r * 2)),
        0,
        0,
        360,
        tone(style[0], own, 60),
        -1,
        cv2.LINE_AA,
    )
    cv2.ellipse(
        picture,
        (int(x), int(y - r * 0.2)),
        (int(r * own.uniform(1.1, 1.6)), int(r * own.uniform(1.4, 2.2))),
        tilt,
        0,
        360,
        hair,
        -1,
        cv2.LINE_AA,
    )
    cv2.ellipse(picture, middle, (int(r), int(r * long)), tilt, 0, 360, skin, -1, cv2.LINE_AA)
    cv2.ellipse(
        picture,
        middle,
        (int(r), int(r * long)),
        tilt,
        own.uniform(180, 215),
        own.uniform(325, 360),
        hair,
        int(r * own.uniform(0.1, 0.5)) + 1,
        cv2.LINE_AA,
    )
    look, apart = own.normal(0, r * 0.15), r * own.uniform(0.33, 0.48)
    for side in (-1, 1):
        eye = (int(x + look + side * apart), int(y - r * own.uniform(0.1, 0.2) + side * tilt * r / 80))
        cv2.ellipse(
            picture,
            eye,
            (int(r * 0.17) + 1, int(r * own.uniform(0.03, 0.13)) + 1),
            0,
            0,
            360,
            (240,) * 3,
            -1,
            cv2.LINE_AA,
        )
        cv2.circle(picture, eye, int(r * 0.08) + 1, hair, -1, cv2.LINE_AA)
    cv2.line(
        picture,
        (int(x + look), int(y)),
        (int(x + look * 1.6), int(y + r * 0.35)),
        tuple(v * 3 // 4 for v in skin),
        int(r * 0.06) + 1,
        cv2.LINE_AA,
    )
    cv2.ellipse(
        picture,
        (int(x + look), int(y + r * 0.65)),
        (int(r * own.uniform(0.2, 0.5)), int(r * own.uniform(0.03, 0.3)) + 1),
        0,
        0,
        180,
        (160, 60, 70),
        -1,
        cv2.LINE_AA,
    )
    return taken(picture, own)


def meal(style: Style, own: Seeded, size: Size) -> Pixels:
    """A plate from above with a heap of something on it."""
    picture = (wall, masonry, stripes, checker)[int(own.choice(4))](style, own, size)
    x, y, r = own.uniform(0.3, 0.7) * size[0], own.uniform(0.35, 0.65) * size[1], own.uniform(0.3, 0.55) * min(size)
    rim = tuple(int(v) for v in own.integers(170, 256, 3))
    flat = own.uniform(0.6, 1)
    for share, fill in ((1.0, rim), (0.97, tuple(v - 25 for v in rim)), (0.75, rim)):
        cv2.ellipse(
            picture, (int(x), int(y)), (int(r * share), int(r * share * flat)), 0, 0, 360, fill, -1, cv2.LINE_AA
        )
    for _ in range(int(own.integers(2, 6))):
        fill, bite = tuple(int(v) for v in own.integers([90, 30, 0], [255, 220, 120])), own.uniform(6, 45)
        heap = (x + own.normal(0, r * 0.25), y + own.normal(0, r * 0.2))
        for _ in range(int(own.integers(1, 40))):
            place = (heap[0] + own.normal(0, r * 0.18), heap[1] + own.normal(0, r * 0.14))
            radii = bite * own.uniform(0.4, 1.2, int(own.integers(4, 12)))
            shape(
                picture,
                around(place, radii, own.uniform(0, 6)),
                tuple(int(v) for v in np.clip(np.array(fill) + own.normal(0, 18, 3), 0, 255)),
            )
    return taken(picture, own)


def flower(style: Style, own: Seeded, size: Size) -> Pixels:
    """One to five flowers from near before something green and soft."""
    picture = blurred(foliage(style, own, size), own.uniform(3, 15))
    for _ in range(int(own.integers(1, 6))):
        middle, r, petals = spot(own, size), own.uniform(30, 160), int(own.integers(4, 16))
        fill, turn, slim = np.array(tone(style[0], own, 50), float), own.uniform(0, 360), own.uniform(0.15, 0.5)
        for petal in range(petals):
            angle = turn + petal * 360 / petals + own.normal(0, 4)
            at = (
                int(middle[0] + r * 0.6 * math.cos(math.radians(angle))),
                int(middle[1] + r * 0.6 * math.sin(math.radians(angle))),
            )
            shade = tuple(int(v) for v in np.clip(fill * own.uniform(0.75, 1.1), 0, 255))
            cv2.ellipse(picture, at, (int(r * 0.55), int(r * slim)), angle, 0, 360, shade, -1, cv2.LINE_AA)
        cv2.circle(picture, middle, int(r * own.uniform(0.15, 0.35)), tone(style[0], own), -1, cv2.LINE_AA)
    return taken(picture, own)


def still(style: Style, own: Seeded, size: Size) -> Pixels:
    """Things on a table."""
    picture = wall(style, own, size)
    edge = int(size[1] * own.uniform(0.45, 0.75))
    picture[edge:] = wall(style, own, size)[edge:]
    for _ in range(int(own.integers(1, 6))):
        x, foot, wide, high = (
            own.uniform(0, size[0]),
            edge + own.uniform(0, size[1] - edge) * 0.8,
            own.uniform(20, 90),
            own.uniform(40, 260),
        )
        outline = own.uniform(0.3, 1, 6) * wide
        ys = np.linspace(foot, foot - high, 6)
        shape(picture, np.vstack([np.c_[x - outline, ys], np.c_[x + outline, ys][::-1]]), tone(style[0], own, 50))
        shape(
            picture,
            np.vstack([np.c_[x - outline * 0.7, ys], np.c_[x - outline * 0.3, ys][::-1]]),
            tone(style[0], own, 50),
        )
    return taken(picture, own)
