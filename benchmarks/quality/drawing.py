"""What drawn distractors are made of: colours, noise, figures, words, a camera's grain (see `distractors.py`).

Comes in: seeded generators and a size (width, height) in px. Goes out: uint8 RGB pixels, or what goes into them.
"""

from __future__ import annotations

import cv2
import numpy as np

Pixels = np.ndarray
Seeded = np.random.Generator
Size = tuple[int, int]
Style = tuple[Pixels, float]
"""Six colours that go together, uint8 (6, 3), and how large things are, 0..1."""
LONG_SIDE_PX = 512
"""What sameshot looks at. Larger ones would be shrunk to it before anything is compared."""
STARTS = ("b", "c", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "st", "pr", "th")
ENDS = ("a", "e", "i", "o", "u", "ai", "ou", "en", "er", "on", "al", "is")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX)


def tone(palette: Pixels, own: Seeded, spread: float = 25) -> tuple[int, int, int]:
    """One of the colours, nearly."""
    chosen = palette[int(own.integers(len(palette)))] + own.normal(0, spread, 3)
    return tuple(int(value) for value in np.clip(chosen, 0, 255))


def tones(palette: Pixels, own: Seeded, count: int, spread: float = 25) -> list[list[int]]:
    """Many of them at once."""
    chosen = palette[own.integers(len(palette), size=count)] + own.normal(0, spread, (count, 3))
    made: list[list[int]] = np.clip(chosen, 0, 255).astype(int).tolist()
    return made


def spot(own: Seeded, size: Size) -> tuple[int, int]:
    return int(own.uniform(0, size[0])), int(own.uniform(0, size[1]))


def filled(size: Size, fill: tuple[int, ...]) -> Pixels:
    return np.full((size[1], size[0], 3), fill, np.uint8)


def mixed(first: tuple[int, ...], second: tuple[int, ...], share: np.ndarray) -> Pixels:
    start, end = np.array(first, np.float32), np.array(second, np.float32)
    return (start + (end - start) * np.clip(share, 0, 1).astype(np.float32)[..., None]).astype(np.uint8)


def noise(own: Seeded, size: Size, cells: float, octaves: int = 4, fall: float = 0.5) -> np.ndarray:
    """Smooth noise of several sizes, 0..1: float32 (h, w). cells: of the coarsest size, along the long side."""
    total = np.zeros((size[1], size[0]), np.float32)
    for octave in range(octaves):
        wide, high = (min(side, max(2, int(cells * 2**octave * side / LONG_SIDE_PX) + 2)) for side in size)
        coarse = own.random((high, wide), np.float32)
        total += fall**octave * cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return (total - total.min()) / max(float(np.ptp(total)), 1e-6)


def grid(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Across and down, in px: float32 (h, w) each."""
    xs, ys = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    return xs, ys


def shape(picture: Pixels, corners: np.ndarray, fill: tuple[int, ...]) -> None:
    cv2.fillPoly(picture, [corners.astype(np.int32)], fill, cv2.LINE_AA)


def around(middle: tuple[float, float], radii: np.ndarray, turn: float = 0.0) -> np.ndarray:
    """Corners of a star-like figure."""
    angles = turn + np.arange(len(radii)) * 2 * np.pi / len(radii)
    return np.c_[middle[0] + radii * np.cos(angles), middle[1] + radii * np.sin(angles)]


def words(own: Seeded, count: int) -> list[str]:
    """Words that can be spoken."""
    parts = own.integers(0, (len(STARTS), len(ENDS)), (count, 3, 2)).tolist()
    long = own.integers(1, 4, count).tolist()
    return ["".join(STARTS[a] + ENDS[b] for a, b in word[:n]) for word, n in zip(parts, long, strict=True)]


def written(
    picture: Pixels, own: Seeded, box: tuple[int, int, int, int], ink: tuple[int, ...], font: int, scale: float
) -> None:
    """Paragraphs between left, top, right and bottom."""
    left, top, right, bottom = box
    step, y, indented = int(46 * scale) + 2, top, 0
    while y < bottom:
        y += step
        if own.random() < 0.12:
            y, indented = y + step // 2, int(own.integers(0, 30))
        room = (right - left - indented) / (scale * 19)
        line = " ".join(words(own, max(1, int(room / 5.2 * (1 if own.random() < 0.85 else own.random())))))[: int(room)]
        cv2.putText(picture, line, (left + indented, y), font, scale, ink, 1, cv2.LINE_AA)
        indented = 0


def taken(picture: Pixels, own: Seeded, grain: float = 4.0) -> Pixels:
    """By a camera: a little soft, grained."""
    soft = cv2.GaussianBlur(picture, (3, 3), own.uniform(0.3, 0.9))
    one, other = own.integers(0, 256, (2, *picture.shape[:2]), np.uint8)
    grains = (one.astype(np.int16) + other - 255) * np.float32(own.uniform(0.5, grain) / 104)
    return np.clip(soft + grains[..., None], 0, 255).astype(np.uint8)


def blurred(picture: Pixels, deviation_px: float) -> Pixels:
    """Far out of focus: as softened at a smaller size, which is quicker and looks the same."""
    shrink = max(1, int(deviation_px / 2))
    size = (picture.shape[1], picture.shape[0])
    small = cv2.resize(picture, (size[0] // shrink, size[1] // shrink), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), deviation_px / shrink), size, interpolation=cv2.INTER_CUBIC)
