"""What people and cameras do to a photo, one kind of change at a time.

Comes in: uint8 RGB pixels and a seeded generator. Goes out: the changed pixels, and how they are saved. Written apart
from `benchmarks/pair_score/variants.py`, which the pair score was fitted on, and with another library where there is
a choice.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

Seeded = np.random.Generator
Change = Callable[[Image.Image, Seeded], Image.Image]


def recompressed(photo: Image.Image, rng: Seeded) -> Image.Image:
    """As a messenger sends it: JPEG quality 10 to 30."""
    packed = BytesIO()
    photo.save(packed, "JPEG", quality=int(rng.integers(10, 31)))
    return Image.open(packed).convert("RGB")


def resized(photo: Image.Image, rng: Seeded) -> Image.Image:
    """A long side of 200 to 480 px."""
    return ImageOps.contain(photo, (int(rng.integers(200, 481)),) * 2, Image.Resampling.BICUBIC)


def cropped(share: float) -> Change:
    """Without `share` of each side, taken off anywhere."""

    def change(photo: Image.Image, rng: Seeded) -> Image.Image:
        width, height = photo.size
        left, top = int(width * share * rng.random()), int(height * share * rng.random())
        return photo.crop((left, top, left + int(width * (1 - share)), top + int(height * (1 - share))))

    return change


def rotated(degrees: float) -> Change:
    """Straightened to either side, and cut so that no empty corner shows."""

    def change(photo: Image.Image, rng: Seeded) -> Image.Image:
        width, height = photo.size
        turned = photo.rotate(degrees * rng.choice([-1, 1]), Image.Resampling.BICUBIC)
        angle = np.deg2rad(degrees)
        kept = 1 / (np.cos(angle) + np.sin(angle) * max(width / height, height / width))
        dx, dy = width * (1 - kept) / 2, height * (1 - kept) / 2
        return turned.crop((int(dx) + 1, int(dy) + 1, int(width - dx), int(height - dy)))

    return change


def quarter_turned(photo: Image.Image, rng: Seeded) -> Image.Image:
    """By 90, 180 or 270 degrees, in its pixels."""
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return photo.transpose(turns[int(rng.integers(3))])


def exposed(stops_ev: float) -> Change:
    """The scene with more or less light, by a camera on a tripod with its own noise.

    Highlights that the photo had compressed come back before the sensor clips: the scene is taken to hold up to
    4.3 EV more than white.
    """

    def change(photo: Image.Image, rng: Seeded) -> Image.Image:
        shown = (np.asarray(photo, np.float32) / 255) ** 2.2
        light = shown / (1.05 - shown) * 1.05 * 2.0**stops_ev
        electrons = np.maximum(light, 0) * 4000
        light = (electrons + rng.standard_normal(light.shape, np.float32) * np.sqrt(electrons + 60)) / 4000
        return Image.fromarray((np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8))

    return change


def gray(photo: Image.Image, _: Seeded) -> Image.Image:
    return ImageOps.grayscale(photo)


def flipped(photo: Image.Image, _: Seeded) -> Image.Image:
    return ImageOps.mirror(photo)


def seen_aside(photo: Image.Image, rng: Seeded) -> Image.Image:
    """From a step aside: a projective change of up to 6 % of each side, softer, and with noise."""
    width, height = photo.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    inner = corners * 0.88 + np.array([width, height]) * 0.06
    seen = inner + rng.uniform(-0.06, 0.06, (4, 2)) * [width, height]
    rows = []
    for (x, y), (u, v) in zip(corners, seen, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    coefficients = np.linalg.solve(np.array(rows), seen.ravel())
    moved = photo.transform(photo.size, Image.Transform.PERSPECTIVE, tuple(coefficients), Image.Resampling.BICUBIC)
    noisy = np.asarray(moved.filter(ImageFilter.GaussianBlur(0.7)), np.float32) + rng.normal(0, 7, (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def watermarked(photo: Image.Image, rng: Seeded) -> Image.Image:
    """With a line of text over it, half transparent, and a sign in a corner."""
    width, height = photo.size
    layer = Image.new("RGBA", photo.size)
    pen = ImageDraw.Draw(layer)
    text = "".join(chr(letter) for letter in rng.integers(65, 91, 12))
    pen.text(
        (width / 2, height * rng.uniform(0.3, 0.7)),
        text,
        (255, 255, 255, 150),
        ImageFont.load_default(width / 10),
        "mm",
    )
    pen.rectangle((width * 0.02, height * 0.9, width * 0.2, height * 0.98), (0, 0, 0, 180))
    pen.text((width * 0.03, height * 0.91), "(c) photo", (255, 255, 255, 255), ImageFont.load_default(height / 22))
    return Image.alpha_composite(photo.convert("RGBA"), layer).convert("RGB")


CHANGES: dict[str, Change] = {
    "recompress": recompressed,
    "resize": resized,
    "crop 5 %": cropped(0.05),
    "crop 15 %": cropped(0.15),
    "crop 30 %": cropped(0.30),
    "rotate 3": rotated(3),
    "rotate 5": rotated(5),
    "rotate 10": rotated(10),
    "quarter turn": quarter_turned,
    "exposure -1 EV": exposed(-1),
    "exposure +1 EV": exposed(1),
    "exposure -2 EV": exposed(-2),
    "exposure +2 EV": exposed(2),
    "exposure -4 EV": exposed(-4),
    "exposure +4 EV": exposed(4),
    "gray": gray,
    "flip": flipped,
    "perspective + noise": seen_aside,
    "watermark": watermarked,
    "HEIC": lambda photo, _: photo,
}


def suffix_of(change: str) -> str:
    """What a photo so changed is saved as; the writer takes the format from it."""
    return ".heic" if change == "HEIC" else ".jpg"
