"""A camera RAW, looked at through the preview that the camera put into it.

Comes in: the file. Goes out: small upright pixels, the size of the full picture, and what its EXIF says. The largest
embedded preview is the camera's own rendering and costs a fraction of a development; a RAW whose preview is missing or
smaller than what was asked for is developed at half size.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import rawpy
from PIL import Image, JpegImagePlugin

from sameshot.decode import exif
from sameshot.decode.pixels import check_size, enough, small_rgb, upright, upright_size
from sameshot.decode.segments import cut_short

if TYPE_CHECKING:
    from sameshot.decode.reading import PositionedFile

_SOFTWARE = 0x0131
# No camera writes its sensor in less for each pixel; LibRaw develops missing data into a gray picture without a word.
_LEAST_BITS = 0.5
# LibRaw tells a turn in bits: 1 mirror the columns, 2 mirror the rows, 4 swap rows and columns. As EXIF orientations:
_ORIENTATIONS = (1, 2, 4, 3, 5, 8, 6, 7)


def read_raw(file: PositionedFile, long_side_px: int) -> tuple[Image.Image, tuple[int, int], exif.Tags]:
    """Upright pixels of long side at most `long_side_px`, upright full width and height, and EXIF.

    Raises whatever the libraries raise on broken data, and PhotoUnreadable when the claimed size is a bomb.
    """
    tags = _tags(file)
    file.seek(0)
    with rawpy.imread(io.BufferedReader(file)) as raw:
        sensor = (int(raw.sizes.width), int(raw.sizes.height))
        check_size(*sensor)
        flip = _ORIENTATIONS[raw.sizes.flip & 7]
        preview, own_tags = _preview(raw, sensor, flip, long_side_px)
        tags = tags or own_tags or _what_libraw_knows(raw)
        if preview is None or max(preview.size) < min(enough(long_side_px), max(sensor)):
            if file.size_bytes * 8 < sensor[0] * sensor[1] * _LEAST_BITS:
                raise cut_short("RAW")
            preview = _developed(raw, long_side_px, preview)
    return preview, upright_size(sensor, flip), tags


def _preview(raw: Any, sensor: tuple[int, int], flip: int, long_side_px: int) -> tuple[Image.Image | None, exif.Tags]:
    try:
        thumbnail = raw.extract_thumb()
    except rawpy.LibRawError:
        return None, {}
    if isinstance(thumbnail.data, bytes):
        opened: Image.Image = JpegImagePlugin.JpegImageFile(io.BytesIO(thumbnail.data))
        tags = exif.tags(opened)
        if str(tags.get(_SOFTWARE, "")).startswith("dcraw"):  # LibRaw's signature, where the preview has no EXIF
            del tags[_SOFTWARE]
    else:
        opened, tags = Image.fromarray(thumbnail.data), {}
    small, _ = small_rgb(opened, long_side_px)
    turned = flip >= 5 and (small.width < small.height) != (sensor[0] < sensor[1])
    own = exif.orientation(tags)
    return small if turned else upright(small, flip if own == 1 else own), tags


def _developed(raw: Any, long_side_px: int, preview: Image.Image | None) -> Image.Image:
    try:
        pixels = raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
    except rawpy.LibRawError:
        if preview is None or max(preview.size) < long_side_px / 2:  # a thumbnail shows too little to tell photos apart
            raise
        return preview  # smaller than asked for, but the camera's own
    return small_rgb(Image.fromarray(pixels), long_side_px)[0]


def _tags(file: PositionedFile) -> exif.Tags:
    """EXIF where the RAW is a TIFF, in Olympus' and Panasonic's spelling too, or Canon's CR3; else nothing."""
    head = file.at(0, 65_536)
    if head[4:12] == b"ftypcrx ":
        return {**_canon_block(head, b"CMT1"), **_canon_block(head, b"CMT2")}
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or head[6:14] == b"HEAPCCDR":
        return {}
    return _tiff_tags(file, order, struct.unpack(order + "L", head[4:8])[0])


def _canon_block(head: bytes, name: bytes) -> exif.Tags:
    start = head.find(name) + 4
    block = head[start : start + max(0, int.from_bytes(head[start - 8 : start - 4], "big") - 8)]
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if start < 8 or order is None or len(block) < 8:
        return {}
    return _tiff_tags(io.BytesIO(block), order, struct.unpack(order + "L", block[4:8])[0])


def _tiff_tags(file: Any, order: str, offset: int) -> exif.Tags:
    found = Image.Exif()
    found.endian = order
    try:
        found.load_from_fp(file, offset)
    except Exception:  # noqa: BLE001 - a broken directory fails in any way; the photo is fine without it
        return {}
    return exif.directory_tags(found)


def _what_libraw_knows(raw: Any) -> exif.Tags:
    other = getattr(raw, "other", None)  # rawpy has it from 0.25 on
    if other is None:
        return {}
    moment = other.timestamp.strftime("%Y:%m:%d %H:%M:%S") if other.timestamp else ""
    return {
        0x9003: moment,
        0x829A: other.shutter_speed,
        0x829D: other.aperture,
        0x8827: other.iso_speed,
        0x920A: other.focal_length,
    }
