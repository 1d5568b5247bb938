"""Any way to write colors, as sRGB.

Comes in: a loaded Pillow image of any mode. Goes out: 8-bit RGB as a viewer shows it: the embedded profile applied,
transparency over white, 16-bit and floating-point values brought to 8 bits. Refuses nothing: a profile that is broken
or belongs to other colors than the picture's is passed over, as viewers do.
"""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROFILE_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}


def averageable(image: Image.Image) -> Image.Image:
    """The image in 8 bits and a mode whose neighbors can be averaged: L, LA, RGB, RGBA, CMYK, LAB or YCbCr."""
    if image.mode in {"L", "RGB"} and "transparency" in image.info:  # one gray value or color is see-through
        return image.convert("RGBA")
    if image.mode in {"P", "PA"}:
        return image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    if image.mode in {"I", "F"} or image.mode.startswith("I;"):
        return Image.fromarray(_eight_bits(np.asarray(image)))
    simple = {"1": "L", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "HSV": "RGB"}
    return image.convert(simple[image.mode]) if image.mode in simple else image


def _eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint16:
        high_bytes: NDArray[np.uint8] = (values >> 8).astype(np.uint8)
        return high_bytes
    numbers = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0:
        low, high = 0.0, next((full for full in (255.0, 65_535.0) if high <= full), high)
    spread = max(high - low, 1e-30)
    scaled: NDArray[np.uint8] = np.clip((numbers - low) / spread * 255, 0, 255).astype(np.uint8)
    return scaled


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The image, of a mode that `averageable` returns, as RGB in sRGB."""
    if image.mode in {"LA", "RGBA"}:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    elif image.mode == "YCbCr":
        image = image.convert("RGB")
    if image.mode == "LAB" or (profile and image.mode in _PROFILE_SPACES):
        transform = _to_srgb_transform(image.mode, b"" if image.mode == "LAB" else profile or b"")
        if transform is not None:
            image = transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


@functools.lru_cache(maxsize=16)
def _to_srgb_transform(mode: str, profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """None where no conversion is needed or the profile cannot serve. A camera writes one profile into every photo."""
    try:
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        if mode == "LAB":
            lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
            return ImageCms.ImageCmsTransform(lab, target, "LAB", "RGB")
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        described = source.profile.profile_description or ""
        if source.profile.xcolor_space != _PROFILE_SPACES[mode] or described.startswith("sRGB"):
            return None
        return ImageCms.ImageCmsTransform(source, target, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None
