"""From a file to what it shows: small, upright, sRGB pixels and the facts of the moment.

Comes in: an open read-only descriptor and the longest side wanted. Goes out: a `Picture`. The container is told from
the bytes and only that container's reader is asked, so nothing reaches a decoder that nobody chose. Refuses, with one
sentence a person understands, all that cannot be shown; no exception of a library and no warning leaves this module.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from sameshot.decode import exif
from sameshot.decode.containers import container
from sameshot.decode.pixels import check_size, small_rgb, upright, upright_size
from sameshot.decode.raw import read_raw
from sameshot.decode.reading import PositionedFile
from sameshot.decode.segments import cut_short, pixel_bytes
from sameshot.errors import PhotoUnreadable
from sameshot.model import Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import ImageFile

    from sameshot.decode.segments import PixelBytes

_READERS: dict[str, Callable[[io.BufferedReader], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "HEIF": pillow_heif.HeifImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "JPEG 2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
}
_XMP = 700  # where a TIFF, and so a DNG, keeps its XMP packet
_EARLY_END = ("truncated", "unexpected end", "end of file", "not enough", "too few bytes", "not processed")


def read_picture(descriptor: int, long_side_px: int) -> Picture:
    """The picture of the regular file behind `descriptor`, whose offset is left alone.

    Its name decides nothing: a file is what its bytes are. Pixels are uint8 (height, width, 3), sRGB, upright, long
    side at most `long_side_px` and, where the file has that many, at least nine tenths of it.
    Raises PhotoUnreadable when it cannot be shown.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = PositionedFile(descriptor)
        format_name = container(file)
        pixels = pixel_bytes(file, format_name)
        try:
            return _read(file, format_name, pixels, long_side_px)
        except PhotoUnreadable:
            raise
        except MemoryError:
            reason = f"the {format_name} needs more memory to decode than a worker may use"
        except Exception as error:  # noqa: BLE001 - the boundary: libraries raise anything on broken data
            text = str(error).casefold()
            if isinstance(error, EOFError) or any(part in text for part in _EARLY_END):
                raise cut_short(format_name) from None
            reason = f"the {format_name} cannot be decoded: it is damaged, or of an unusual kind"
        raise PhotoUnreadable(reason)


def _read(file: PositionedFile, format_name: str, pixels: PixelBytes | None, long_side_px: int) -> Picture:
    # The limit is this package's own, and told before anything is loaded.
    Image.MAX_IMAGE_PIXELS = None
    if format_name == "RAW":
        small, full, tags = read_raw(file, long_side_px)
        return Picture(np.array(small), *full, format_name, exif.capture(tags, tags.get(_XMP)))
    # One photo has one thread; parallelism is across photos.
    pillow_heif.options.DECODE_THREADS = AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    with _READERS[format_name](io.BufferedReader(file, 65_536)) as image:
        check_size(*image.size)
        tags = exif.tags(image)
        xmp = image.info.get("xmp") or tags.get(_XMP)
        # HEIF and TIFF are turned by their readers; Pillow tells an AVIF's turn as EXIF.
        orientation = exif.orientation(tags) if format_name == "AVIF" else pixels.orientation if pixels else 1
        small, full = small_rgb(image, long_side_px)
    return Picture(
        np.array(upright(small, orientation)),
        *upright_size(full, orientation),
        format_name,
        exif.capture(tags, xmp),
    )
