"""From an opened image to small sRGB pixels, the same way for every format and size.

Comes in: a Pillow image whose pixels are not loaded yet. Goes out: an 8-bit RGB image, long side at most as asked,
never enlarged. JPEG is decoded at 1/2, 1/4 or 1/8 by its own transform (the mean of a block costs no inverse
transform); every other format is averaged over blocks of the same size, so that one picture in two formats gives nearly
one result. Refuses, before loading, pictures whose claimed size is a bomb.
"""

from __future__ import annotations

from PIL import Image, JpegImagePlugin

from sameshot.decode.colors import averageable, to_srgb
from sameshot.errors import PhotoUnreadable

LARGEST_PIXELS = 250_000_000
# A block size is good enough when it leaves this share of what was asked: 4000 px at 1/8 are 500 of 512, and a decode
# at 1/4 would cost more than the missing 12 px are worth.
_ENOUGH = 0.9


def enough(long_side_px: int) -> float:
    """The long side, in pixels, from which on a smaller decode serves where `long_side_px` was asked for."""
    return _ENOUGH * long_side_px


def check_size(width_px: int, height_px: int) -> None:
    """Raises PhotoUnreadable when the claimed size is nothing, or more than anybody's camera writes."""
    if width_px < 1 or height_px < 1:
        raise PhotoUnreadable("the picture claims to have no pixels")
    if width_px * height_px > LARGEST_PIXELS:
        limit = LARGEST_PIXELS // 1_000_000
        raise PhotoUnreadable(
            f"the picture claims {width_px} x {height_px} pixels, more than the limit of {limit} million"
        )


def small_rgb(image: Image.Image, long_side_px: int) -> tuple[Image.Image, tuple[int, int]]:
    """The image in sRGB, not turned yet, long side at most `long_side_px`; and its full width and height.

    Raises PhotoUnreadable when the claimed size is a bomb; whatever the library raises on broken data.
    """
    full = image.size
    check_size(*full)
    block = next((b for b in (8, 4, 2) if max(full) >= b * enough(long_side_px) and min(full) >= b), 1)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        image.draft(None, (full[0] // block, full[1] // block))
        image.load()
    else:
        image.load()
        full = image.size  # a TIFF turns itself upright on loading
        check_size(*full)
    profile = image.info.get("icc_profile")
    plain = averageable(image)
    if plain.size == full and block > 1:
        plain = plain.reduce(block)
    if max(plain.size) > long_side_px:
        share = long_side_px / max(full)
        size = (max(1, round(full[0] * share)), max(1, round(full[1] * share)))
        plain = plain.resize(size, Image.Resampling.BICUBIC)
    return to_srgb(plain, profile), full


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned as EXIF `orientation` (1 to 8) asks."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height after `upright`."""
    return (size[1], size[0]) if orientation >= 5 else size
