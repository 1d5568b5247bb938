"""What the camera wrote about the moment.

Comes in: EXIF as Pillow reads it, and the XMP packet inside the file. Goes out: a `Capture`. Every value is a
stranger's: what is impossible, endless or not a number becomes unknown; nothing in here fails a photo.
"""

from __future__ import annotations

import functools
import math
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sameshot.model import Capture

if TYPE_CHECKING:
    from PIL import Image

Tags = dict[int, Any]

_LONGEST_TEXT = 120
LARGEST_XMP_BYTES = 1 << 20
_DETAILS = 0x8769
# Date, sub-seconds and offset of: the exposure, the digitizing, the last change.
_MOMENTS = ((0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012), (0x0132, 0x9290, 0x9010))
_DATE = re.compile(r"(\d{4})[:/. -](\d\d)[:/. -](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_XMP_RATING = re.compile(rb"""xmp:Rating(?:\s*=\s*["']|\s*>)\s*(-?\d)(?:\.0+)?\s*["'<]""")


def tags(image: Image.Image) -> Tags:
    """Number -> value of the EXIF of an opened image, as far as it can be read."""
    try:
        return directory_tags(image.getexif())
    except Exception:  # noqa: BLE001 - broken EXIF fails in any way; the photo is fine without it
        return {}


def directory_tags(exif: Image.Exif) -> Tags:
    """Number -> value of the first directory and the camera's details, as far as they can be read."""
    found: Tags = {}
    for read in (exif.items, functools.partial(exif.get_ifd, _DETAILS)):
        try:
            found.update(read())
        except Exception:  # noqa: BLE001, S112 - a broken directory fails in any way; the photo is fine without it
            continue
    return found


def orientation(tags: Tags) -> int:
    """How the picture is to be turned: 1 (as it is) to 8."""
    value = tags.get(0x0112)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def capture(tags: Tags, xmp: object = None) -> Capture:
    """What EXIF and XMP say of the moment; unknown where they say nothing that can be."""
    taken_at, utc_offset_minutes = _moment(tags)
    return Capture(
        taken_at=taken_at,
        utc_offset_minutes=utc_offset_minutes,
        camera=_camera(tags),
        f_number=_number(tags.get(0x829D), 0.1, 1000) or _apex(tags.get(0x9202), 0.5),
        exposure_time_s=_number(tags.get(0x829A), 1e-7, 1e6) or _apex(tags.get(0x9201), -1.0),
        iso=_iso(tags),
        exposure_bias_ev=_number(tags.get(0x9204), -20, 20),
        focal_length_mm=_number(tags.get(0x920A), 0.1, 20_000),
        rating=_rating(tags, xmp),
        software=_text(tags.get(0x0131)),
        focus_distance_m=_number(tags.get(0x9206), 1e-4, 1e5),  # 0: unknown; 2^32 - 1: infinity
    )


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value[: 4 * _LONGEST_TEXT].decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    printable = "".join(c if c.isprintable() else " " for c in value[: 4 * _LONGEST_TEXT].split("\0")[0])
    return " ".join(printable.split())[:_LONGEST_TEXT].strip() or None


def _number(value: object, least: float, most: float) -> float | None:
    if isinstance(value, tuple):
        value = value[0] if value else None
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number says so by raising
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) and least <= number <= most else None


def _apex(value: object, power: float) -> float | None:
    """Aperture (power 1/2) and exposure time (power -1) where they are written as logarithms."""
    steps = _number(value, -20, 40)
    return None if steps is None else 2.0 ** (steps * power)


def _iso(tags: Tags) -> float | None:
    # 65535 stands for 'more than this field holds'; the recommended exposure index has the value then.
    iso = _number(tags.get(0x8827), 0.1, 65_534)
    return iso or _number(tags.get(0x8832), 0.1, 1e8) or _number(tags.get(0x8831), 0.1, 1e8)


def _camera(tags: Tags) -> str | None:
    make, model = _text(tags.get(0x010F)), _text(tags.get(0x0110))
    serial = _text(tags.get(0xA431)) or _text(tags.get(0xC62F))
    if make and model and model.casefold().startswith(make.split()[0].casefold()):
        make = None
    body = " ".join(part for part in (make, model) if part)
    return (f"{body} #{serial}" if serial else body) if body else None


def _moment(tags: Tags) -> tuple[datetime | None, int | None]:
    for date_tag, subseconds_tag, offset_tag in _MOMENTS:
        found = _DATE.match(_text(tags.get(date_tag)) or "")
        if not found:
            continue
        try:
            moment = datetime(*(int(part) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - cameras write no zone
        except ValueError:
            continue
        if moment.year < 1800:  # a clock that was never set
            continue
        digits = re.match(r"\d{1,9}", _text(tags.get(subseconds_tag)) or "")
        if digits:
            moment += timedelta(seconds=float(f"0.{digits.group()}"))
        return moment, _offset_minutes(_text(tags.get(offset_tag)))
    return None, None


def _offset_minutes(text: str | None) -> int | None:
    found = _OFFSET.fullmatch(text or "")
    if not found:
        return None
    minutes = int(found.group(2)) * 60 + int(found.group(3))
    return minutes * (-1 if found.group(1) == "-" else 1) if minutes <= 14 * 60 else None


def _rating(tags: Tags, xmp: object) -> int | None:
    """XMP wins: it is what editors write, and EXIF's field is often left behind. -1 means rejected."""
    said = rating_in(xmp) if isinstance(xmp, bytes) else None
    stars = _number(tags.get(0x4746), 0, 5) if said is None else said
    return None if stars is None else int(stars)


def rating_in(xmp: bytes) -> int | None:
    """The owner's rating in an XMP packet, 0 to 5, or -1 for a rejected photo; None where it has none that can be."""
    found = _XMP_RATING.search(xmp[:LARGEST_XMP_BYTES])
    stars = int(found.group(1)) if found else None
    return stars if stars is not None and -1 <= stars <= 5 else None
