"""Nearly nothing, and patterns: gradients, walls, noise, stripes, tiles, stones (see `distractors.py`)."""

from __future__ import annotations

import math

import cv2
import numpy as np
from drawing import (
    LONG_SIDE_PX,
    Pixels,
    Seeded,
    Size,
    Style,
    blurred,
    filled,
    grid,
    mixed,
    noise,
    spot,
    taken,
    tone,
    tones,
)


def gradient(style: Style, own: Seeded, size: Size) -> Pixels:
    """One colour that becomes another one, in any direction."""
    xs, ys = grid(size)
    angle = own.uniform(0, 2 * np.pi)
    along = (xs - size[0] / 2) * math.cos(angle) + (ys - size[1] / 2) * math.sin(angle)
    return mixed(tone(style[0], own, 50), tone(style[0], own, 50), along / LONG_SIDE_PX + 0.5)


def glow(style: Style, own: Seeded, size: Size) -> Pixels:
    """Light around one place: a lamp on a wall, the moon in mist."""
    xs, ys = grid(size)
    x, y = spot(own, size)
    far = np.hypot(xs - x, (ys - y) * own.uniform(0.6, 1.6)) / own.uniform(100, 500)
    return taken(mixed(tone(style[0], own), tone(style[0], own), far), own)


def wall(style: Style, own: Seeded, size: Size) -> Pixels:
    """Plaster, paper, sand: one colour, unevenly lit, with stains."""
    shade = noise(own, size, 2 + 4 * style[1], 3) * own.uniform(10, 50) + noise(own, size, 60, 3, 0.9) * own.uniform(
        5, 40
    )
    picture = np.clip(np.array(tone(style[0], own), np.float32) + shade[..., None] - 30, 0, 255).astype(np.uint8)
    for _ in range(int(own.integers(0, 6))):
        reach = (int(own.uniform(3, 60)), int(own.uniform(3, 40)))
        cv2.ellipse(picture, spot(own, size), reach, own.uniform(0, 180), 0, 360, tone(style[0], own), -1, cv2.LINE_AA)
    return taken(picture, own)


def static(_: Style, own: Seeded, size: Size) -> Pixels:
    """Nothing but noise, fine or coarse, gray or coloured."""
    coarse = int(own.choice([1, 1, 2, 4, 8]))
    few = (size[1] // coarse + 1, size[0] // coarse + 1, int(own.choice([1, 3])))
    values = own.normal(own.uniform(60, 190), own.uniform(20, 80), few).clip(0, 255).astype(np.uint8)
    enlarged = cv2.resize(values, size, interpolation=cv2.INTER_NEAREST)
    return np.repeat(enlarged[..., None], 3, 2) if enlarged.ndim == 2 else enlarged


def defocus(style: Style, own: Seeded, size: Size) -> Pixels:
    """Out of focus: soft discs over one another."""
    picture = filled(size, tone(style[0], own))
    for _ in range(int(own.integers(6, 40))):
        (x, y), reach = spot(own, size), int(own.uniform(15, 40 + 120 * style[1]))
        around = picture[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
        layer = around.copy()
        cv2.circle(layer, (min(x, reach), min(y, reach)), reach, tone(style[0], own, 40), -1, cv2.LINE_AA)
        cv2.addWeighted(around, 0.4, layer, 0.6, 0, dst=around)
    return taken(blurred(picture, own.uniform(4, 25)), own)


def plasma(style: Style, own: Seeded, size: Size) -> Pixels:
    """Fractal noise between two colours, as clouds, marble and rust are drawn."""
    share = noise(own, size, own.uniform(2, 12), 6, own.uniform(0.4, 0.8))
    if own.random() < 0.4:
        share = np.abs(np.sin(share * own.uniform(6, 25)))
    return mixed(tone(style[0], own, 40), tone(style[0], own, 40), share)


def stripes(style: Style, own: Seeded, size: Size) -> Pixels:
    """Straight or wavy stripes, of a few colours, at any angle."""
    xs, ys = grid(size)
    angle, period = own.uniform(0, np.pi), own.uniform(8, 30 + 120 * style[1])
    along, aside = xs * math.cos(angle) + ys * math.sin(angle), ys * math.cos(angle) - xs * math.sin(angle)
    if own.random() < 0.5:
        along = along + own.uniform(2, 30) * np.sin(aside / own.uniform(8, 80) + own.uniform(0, 6))
    colors = np.array([tone(style[0], own, 40) for _ in range(own.integers(2, 6))], np.uint8)
    steps = np.floor((along + own.uniform(0, 500)) / period).astype(int) % len(colors)
    return taken(colors[steps], own)


def checker(style: Style, own: Seeded, size: Size) -> Pixels:
    """Tiles of two to four colours, square or not, straight or turned, laid by chance or by rule."""
    xs, ys = grid(size)
    angle, wide, high = own.normal(0, 0.4), own.uniform(10, 90), own.uniform(10, 90)
    column = np.floor((xs * math.cos(angle) + ys * math.sin(angle)) / wide).astype(int)
    row = np.floor((ys * math.cos(angle) - xs * math.sin(angle)) / high).astype(int)
    colors = np.array([tone(style[0], own, 40) for _ in range(own.integers(2, 5))], np.uint8)
    chance = own.integers(0, len(colors), (101, 103))
    return taken(colors[chance[row % 101, column % 103] if own.random() < 0.5 else (row + column) % len(colors)], own)


def masonry(style: Style, own: Seeded, size: Size) -> Pixels:
    """Bricks, slabs, parquet: rows shifted against each other, every stone of its own shade."""
    picture = filled(size, tone(style[0], own))
    high, stone, spread = int(own.uniform(12, 30 + 50 * style[1])), style[0][:1], own.uniform(8, 45)
    for y in range(-int(own.integers(high)), size[1], high):
        x = -int(own.integers(3 * high))
        while x < size[0]:
            wide = int(high * own.uniform(1.2, 3))
            cv2.rectangle(picture, (x, y), (x + wide - 3, y + high - 3), tone(stone, own, spread), -1)
            x += wide
    rough = noise(own, size, 40, 3, 0.8)[..., None] * own.uniform(10, 60)
    return taken(np.clip(picture + rough - 20, 0, 255).astype(np.uint8), own)


def waves(style: Style, own: Seeded, size: Size) -> Pixels:
    """Waves that cross: water, cloth, moire."""
    xs, ys = grid(size)
    total = np.zeros_like(xs)
    for _ in range(int(own.integers(2, 7))):
        angle, length = own.uniform(0, 2 * np.pi), own.uniform(12, 60 + 150 * style[1])
        total += own.uniform(0.3, 1) * np.sin(
            (xs * math.cos(angle) + ys * math.sin(angle)) * 2 * np.pi / length + own.uniform(0, 6)
        )
    return mixed(tone(style[0], own), tone(style[0], own), 0.5 + total / 4)


def mosaic(style: Style, own: Seeded, size: Size) -> Pixels:
    """Cells around points: cracked mud, leaded glass, a giraffe."""
    points = own.uniform(0, 1, (int(own.integers(15, 60 + 200 * style[1])), 2)).astype(np.float32) * size
    seeds = np.ones((size[1], size[0]), np.uint8)
    seeds[points[:, 1].astype(int), points[:, 0].astype(int)] = 0
    _, nearest = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    picture = np.array(tones(style[0], own, len(points) + 1, 20), np.uint8)[nearest]
    edges = cv2.morphologyEx(nearest.astype(np.uint16), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    picture[edges] = tone(style[0], own)
    return taken(picture, own)


def tiles(style: Style, own: Seeded, size: Size) -> Pixels:
    """Quarter circles in squares, each turned by chance."""
    side, width = int(own.uniform(24, 60 + 60 * style[1])), int(own.integers(2, 10))
    picture, ink = filled(size, tone(style[0], own, 40)), tone(style[0], own, 40)
    for x in range(0, size[0], side):
        for y in range(0, size[1], side):
            square = picture[y : y + side, x : x + side]  # nothing is drawn beyond it, or all tiles look the same
            for at in ((0, 0), (side, side)) if own.random() < 0.5 else ((side, 0), (0, side)):
                cv2.circle(square, at, side // 2, ink, width, cv2.LINE_AA)
    return picture
