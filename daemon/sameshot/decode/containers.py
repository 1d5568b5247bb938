"""Which container a file is, told from its bytes; names lie.

Comes in: the file. Goes out: the word for it ("JPEG", "HEIF", "RAW", ...). Refuses what is no picture, and pictures
that no library here reads, each with a reason that names what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sameshot.decode import tiff
from sameshot.errors import PhotoUnreadable

if TYPE_CHECKING:
    from sameshot.decode.reading import PositionedFile

_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"FUJIFILMCCD-RAW ": "RAW",
    b"IIRO": "RAW",
    b"IIRS": "RAW",
    b"MMOR": "RAW",
    b"IIU\x00": "RAW",
    b"II\x1a\x00\x00\x00HEAPCCDR": "RAW",
    b"\x00MRM": "RAW",
    b"FOVb": "RAW",
}
_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"mif3": "AVIF",
    b"crx ": "RAW",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"), "HEIF"),
}
_UNREAD = {
    b"\xff\x0a": "a JPEG XL picture",
    b"\x00\x00\x00\x0cJXL \r\n\x87\n": "a JPEG XL picture",
    b"8BPS": "a Photoshop document",
    b"%PDF": "a PDF document",
    b"P5": "a PGM picture",
    b"P6": "a PPM picture",
    b"<svg": "an SVG drawing",
    b"\x1aE\xdf\xa3": "a video",
    b"PK\x03\x04": "an archive",
}


def container(file: PositionedFile) -> str:
    """The container of the file: JPEG, PNG, WEBP, TIFF, GIF, BMP, HEIF, AVIF, JPEG 2000 or RAW.

    Raises PhotoUnreadable when it is empty, no picture, or a picture of a kind that is not read here.
    """
    if file.size_bytes == 0:
        raise PhotoUnreadable("the file is empty")
    head = file.at(0, 64)
    for start, name in _STARTS.items():
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in {b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"}:
        canon = head[8:10] == b"CR"
        return "RAW" if canon or tiff.holds_sensor_data(tiff.directories(file)) else "TIFF"
    if head[4:8] == b"ftyp":
        return _brand(head)
    raise PhotoUnreadable(_why_not(head))


def _why_not(head: bytes) -> str:
    for start, what in _UNREAD.items():
        if head.startswith(start):
            return f"the file is {what}, which sameshot does not read"
    if not head.strip(b"\0"):
        return "not a picture: the file begins with zeros, as a copy does that never finished"
    return "not a picture: the file begins like no picture format that sameshot knows"


def _brand(head: bytes) -> str:
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[place : place + 4] for place in range(16, length - 3, 4))]
    # The major brand of an AVIF may be a general one ("mif1"): the particular ones win.
    names = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    for name in ("RAW", "AVIF", "HEIF"):
        if name in names:
            return name
    raise PhotoUnreadable("not a picture: the file is a video, or of a kind that sameshot does not know")
