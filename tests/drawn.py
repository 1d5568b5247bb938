"""Photos that the tests and `make run` draw: scenes rich enough to be told apart, with the EXIF a camera writes.

Run as a program it writes a handful of sample photos: `python tests/drawn.py DIR`.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

Pixels = np.ndarray


def scene(seed: int, width_px: int = 1200, height_px: int = 800) -> Pixels:
    """One scene for each seed: sky to ground, soft hills, and a few hundred textured things. uint8 (h, w, 3), RGB."""
    rng = np.random.default_rng(seed)
    top, bottom = rng.integers(20, 235, (2, 3))
    ramp = np.linspace(0, 1, height_px)[:, None, None]
    picture = np.broadcast_to(top * (1 - ramp) + bottom * ramp, (height_px, width_px, 3)).astype(np.uint8).copy()
    for _ in range(6):
        xs = np.linspace(0, width_px, 9)
        ys = rng.uniform(0.3, 1.0) * height_px + rng.normal(0, height_px / 12, 9)
        outline = np.vstack([np.c_[xs, ys], [[width_px, height_px], [0, height_px]]]).astype(np.int32)
        cv2.fillPoly(picture, [outline], [int(c) for c in rng.integers(0, 255, 3)], cv2.LINE_AA)
    for _ in range(220):
        x, y = int(rng.integers(0, width_px)), int(rng.integers(0, height_px))
        size = int(rng.gamma(2.0, width_px / 90)) + 3
        color = [int(c) for c in rng.integers(0, 255, 3)]
        shape = rng.integers(0, 3)
        if shape == 0:
            cv2.ellipse(
                picture, (x, y), (size, int(size * rng.uniform(0.3, 1))), rng.uniform(0, 180), 0, 360, color, -1
            )
        elif shape == 1:
            corners = np.array([x, y]) + rng.normal(0, size, (int(rng.integers(3, 7)), 2))
            cv2.fillPoly(picture, [corners.astype(np.int32)], color, cv2.LINE_AA)
        else:
            text = "".join(chr(c) for c in rng.integers(65, 91, 3))
            cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size / 25, color, 2, cv2.LINE_AA)
    grain = cv2.resize(rng.normal(0, 14, (height_px // 4, width_px // 4, 1)), (width_px, height_px))
    return np.clip(picture + grain[..., None], 0, 255).astype(np.uint8)


def burst_frame(picture: Pixels, seed: int) -> Pixels:
    """The same scene a moment later: a hand's shake, new noise, a little light."""
    rng = np.random.default_rng(seed)
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 0.4), rng.uniform(1.0, 1.015))
    turn[:, 2] += rng.normal(0, width / 250, 2)
    moved = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.clip(moved * rng.uniform(0.96, 1.04) + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def exposed(picture: Pixels, stops_ev: float) -> Pixels:
    """The same scene with `stops_ev` more light, clipped as a sensor clips."""
    linear = (picture / 255.0) ** 2.2 * 2.0**stops_ev
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def focused(picture: Pixels, at: float, *, from_left: bool) -> Pixels:
    """The scene as a slope from near (0, left or bottom) to far (1), with the focus `at` one distance."""
    height_px, width_px = picture.shape[:2]
    slope = np.linspace(0, 1, width_px)[None, :] if from_left else np.linspace(1, 0, height_px)[:, None]
    softness = np.broadcast_to(np.abs(slope - at) * 12, (height_px, width_px)).astype(np.float32)[..., None]
    sigmas_px = (0.0, 1.0, 2.0, 4.0, 8.0, 12.0)
    layers = [picture.astype(np.float32)]
    layers += [cv2.GaussianBlur(layers[0], (0, 0), sigma_px) for sigma_px in sigmas_px[1:]]
    seen = layers[-1].copy()
    for sharper, softer, least, most in zip(layers, layers[1:], sigmas_px, sigmas_px[1:], strict=False):
        share = (softness - least) / (most - least)
        seen = np.where((share >= 0) & (share < 1), sharper * (1 - share) + softer * share, seen)
    return np.clip(seen, 0, 255).astype(np.uint8)


def cropped(picture: Pixels, share: float) -> Pixels:
    """The middle of the picture, without `share` of each side length."""
    height, width = picture.shape[:2]
    dy, dx = int(height * share / 2), int(width * share / 2)
    return picture[dy : height - dy, dx : width - dx]


def save(
    picture: Pixels,
    path: Path,
    *,
    taken_at: datetime | None = None,
    camera: str = "Test One",
    orientation: int = 1,
    quality: int = 90,
    exposure_time_s: float = 1 / 125,
) -> Path:
    """Writes the picture as its name's format, with EXIF where `taken_at` is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if taken_at is not None:
        exif[0x010F], exif[0x0110], exif[0x0112] = "Sameshot", camera, orientation
        details = exif.get_ifd(0x8769)
        details[0x9003] = taken_at.strftime("%Y:%m:%d %H:%M:%S")
        details[0x9291] = f"{taken_at.microsecond // 1000:03d}"
        details[0x829A], details[0x829D], details[0x8827] = exposure_time_s, 5.6, 200
    options = {"quality": quality} if path.suffix.lower() in {".jpg", ".jpeg", ".webp"} else {}
    Image.fromarray(picture).save(path, exif=exif, **options)
    return path


def samples(folder: Path) -> list[Path]:
    """Twelve sample photos: a burst of three, a bracket of three, a photo with two edits, and three that are alone."""
    start = datetime(2026, 5, 1, 10, 0)  # noqa: DTZ001 - cameras write no zone
    written = []

    def add(picture: Pixels, name: str, seconds: float, **options: object) -> None:
        written.append(save(picture, folder / name, taken_at=start + timedelta(seconds=seconds), **options))

    lake, tower, garden = scene(1), scene(2), scene(3)
    for shot in range(3):
        add(burst_frame(lake, shot), f"IMG_{100 + shot}.jpg", shot * 0.3)
    for shot, stops_ev in enumerate((-1.5, 0.0, 1.5)):
        light = 2.0**stops_ev / 125
        add(exposed(tower, stops_ev), f"IMG_{110 + shot}.jpg", 600 + shot, exposure_time_s=light)
    add(garden, "IMG_120.jpg", 1200)
    add(cropped(garden, 0.15), "IMG_120 crop.jpg", 1200)
    add(
        cv2.cvtColor(cv2.cvtColor(garden, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), "IMG_120 gray.jpg", 1200, quality=60
    )
    for shot in range(3):
        add(scene(10 + shot), f"IMG_{130 + shot}.jpg", 1800 + 300 * shot)
    return written


if __name__ == "__main__":
    for sample in samples(Path(sys.argv[1])):
        print(sample)
