"""Places, and what grows there: mountains, the sea, towns, the night sky, leaves, fur (see `distractors.py`)."""

from __future__ import annotations

import cv2
import numpy as np
from drawing import Pixels, Seeded, Size, Style, filled, grid, mixed, noise, shape, spot, taken, tone, tones


def fur(style: Style, own: Seeded, size: Size) -> Pixels:
    """Hair, grass, straw: thousands of short lines that follow a field."""
    picture = filled(size, tone(style[0], own))
    field = noise(own, size, 3, 2) * own.uniform(1, 6) + own.uniform(0, 6)
    length = own.uniform(8, 20 + 40 * style[1])
    roots, fills, wide = own.random((1500, 2)) * size, tones(style[0], own, 1500), own.integers(1, 4, 1500).tolist()
    angles = field[roots[:, 1].astype(int), roots[:, 0].astype(int)] + own.normal(0, 0.2, 1500)
    tips = roots + length * np.c_[np.cos(angles), np.sin(angles)]
    for root, tip, fill, width in zip(roots.astype(int).tolist(), tips.astype(int).tolist(), fills, wide, strict=True):
        cv2.line(picture, root, tip, fill, width, cv2.LINE_AA)
    return taken(picture, own)


def foliage(style: Style, own: Seeded, size: Size) -> Pixels:
    """Leaves over leaves, dark ones behind."""
    picture = filled(size, (15, 25, 10))
    count, leaf = int(own.integers(120, 700)), own.uniform(8, 15 + 40 * style[1])
    light = 40 + 200 * np.linspace(0, 1, count) * own.uniform(0.4, 1, count)
    green = light[:, None] * own.uniform([0.2, 0.5, 0.1], [1.0, 1.0, 0.5])
    fills = np.clip(green + own.normal(0, 12, (count, 3)), 0, 255).astype(int).tolist()
    spots, axes = own.random((count, 2)) * size, leaf * own.uniform([0.5, 0.15], [1.5, 0.6], (count, 2)) + [0, 1]
    turns = own.uniform(0, 180, count).tolist()
    leaves = zip(spots.astype(int).tolist(), axes.astype(int).tolist(), turns, fills, strict=True)
    for place, reach, turn, fill in leaves:
        cv2.ellipse(picture, place, reach, turn, 0, 360, fill, -1, cv2.LINE_AA)
    return taken(picture, own)


def landscape(style: Style, own: Seeded, size: Size) -> Pixels:
    """Mountains, one row behind the other, under a sky with or without a sun."""
    _, ys = grid(size)
    horizon = own.uniform(0.25, 0.75) * size[1]
    picture = mixed(tone(style[0], own), tone(style[0], own), ys / horizon)
    cover = np.clip(noise(own, size, own.uniform(2, 10), 5, 0.6) - own.uniform(0.4, 0.8), 0, 1)[..., None]
    picture = (picture + cover * own.uniform(0, 300)).clip(0, 255).astype(np.uint8)
    if own.random() < 0.5:
        cv2.circle(
            picture, spot(own, (size[0], int(horizon))), int(own.uniform(10, 45)), (255, 240, 200), -1, cv2.LINE_AA
        )
    rows, ground = int(own.integers(2, 7)), np.array(tone(style[0], own), float)
    for row in range(rows):
        xs = np.linspace(0, size[0], int(own.integers(5, 40)))
        rough = own.uniform(5, 50) * (rows - row) / rows
        tops = horizon + row * (size[1] - horizon) / rows + np.cumsum(own.normal(0, rough, len(xs))) * 0.6
        fill = tuple(int(v) for v in np.clip(ground * (0.9 - 0.7 * row / rows) + own.normal(0, 10, 3), 0, 255))
        shape(picture, np.vstack([np.c_[xs, tops], [[size[0], size[1]], [0, size[1]]]]), fill)
    return taken((picture * (0.8 + 0.3 * noise(own, size, 50, 3, 0.8)[..., None])).clip(0, 255).astype(np.uint8), own)


def sea(style: Style, own: Seeded, size: Size) -> Pixels:
    """Water to the horizon, waves that grow towards the camera, perhaps a boat."""
    _, ys = grid(size)
    horizon = own.uniform(0.2, 0.7) * size[1]
    picture = mixed(tone(style[0], own), tone(style[0], own), ys / size[1])
    near = np.maximum(ys - horizon, 0) / size[1]
    depth = np.cumsum(1 / (1 + near * own.uniform(10, 40)), 0) * own.uniform(0.5, 1.2)
    height = np.sin(depth + 6 * noise(own, size, own.uniform(4, 14), 4)) * (near > 0) * own.uniform(10, 50)
    picture = (picture + height[..., None] * [0.7, 0.9, 1]).clip(0, 255).astype(np.uint8)
    for _ in range(int(own.integers(0, 4))):
        x, y, span = own.uniform(0, size[0]), own.uniform(horizon, size[1]), own.uniform(10, 70)
        shape(
            picture,
            np.array([[x - span, y], [x + span, y], [x + span * 0.7, y + span / 3], [x - span * 0.7, y + span / 3]]),
            tone(style[0], own),
        )
        shape(picture, np.array([[x, y], [x, y - span * 1.6], [x + span * own.uniform(-1, 1), y]]), tone(style[0], own))
    return taken(picture, own)


def city(style: Style, own: Seeded, size: Size) -> Pixels:
    """Houses before houses, windows lit or not."""
    _, ys = grid(size)
    picture = mixed(tone(style[0], own), tone(style[0], own), ys / size[1])
    for row in range(int(own.integers(2, 5))):
        x = -own.uniform(0, 60)
        while x < size[0]:
            wide, roof = own.uniform(30, 60 + 120 * style[1]), size[1] * own.uniform(0.1 + 0.15 * row, 0.5 + 0.15 * row)
            body, pane = tone(style[0], own), tone(style[0], own)
            cv2.rectangle(picture, (int(x), int(roof)), (int(x + wide), size[1]), body, -1)
            step, tall = int(own.integers(8, 22)), int(own.integers(10, 28))
            for left in range(int(x) + 4, int(x + wide) - step // 2, step):
                for top in range(int(roof) + 6, size[1], tall):
                    if own.random() < 0.7:
                        cv2.rectangle(picture, (left, top), (left + step // 2, top + tall // 2), pane, -1)
            x += wide + own.uniform(-5, 40)
    return taken(picture, own)


def night(style: Style, own: Seeded, size: Size) -> Pixels:
    """Lights in the dark: a town across a bay, traffic, a fair."""
    light = np.zeros((size[1], size[0], 3), np.float32)
    level = own.uniform(0.2, 0.9) * size[1]
    for _ in range(int(own.integers(10, 150))):
        place = (int(own.uniform(0, size[0])), int(own.normal(level, own.uniform(10, 150))))
        cv2.circle(light, place, int(own.gamma(1.5, 2)) + 1, tone(style[0], own, 40), -1, cv2.LINE_AA)
    for _ in range(int(own.integers(0, 6))):
        cv2.line(light, spot(own, size), spot(own, size), tone(style[0], own), int(own.integers(1, 3)), cv2.LINE_AA)
    light = light + 3 * cv2.GaussianBlur(light, (0, 0), own.uniform(3, 12)) + own.uniform(0, 20)
    return taken(light.clip(0, 255).astype(np.uint8), own, 8)


def stars(style: Style, own: Seeded, size: Size) -> Pixels:
    """Stars and a mist of more of them."""
    mist = noise(own, size, own.uniform(1, 5), 5) ** 3 * own.uniform(0, 110)
    picture = (mist[..., None] * np.array(tone(style[0], own)) / 160).clip(0, 255).astype(np.uint8)
    bright = np.minimum(255, 60 + own.gamma(1, 60, int(own.integers(40, 600)))).astype(int)
    spots = (own.random((len(bright), 2)) * size).astype(int).tolist()
    for place, light in zip(spots, bright.tolist(), strict=True):
        reach = int(light > 200) + int(light > 240)
        cv2.circle(picture, place, reach, (light, light, light - 10), -1, cv2.LINE_AA)
    return taken(picture, own, 6)
