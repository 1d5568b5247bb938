"""Decode: every format the libraries write, every orientation, every way to be broken, and what the camera wrote."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from drawn import save, scene
from sameshot.decode import exif
from sameshot.decode.identify import identify
from sameshot.decode.picture import read_picture
from sameshot.decode.pixels import upright
from sameshot.errors import PhotoUnreadable

DATA = Path(__file__).parents[2] / "shared" / "data"
CONTAINERS = {
    "jpg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "tif": "TIFF",
    "gif": "GIF",
    "bmp": "BMP",
    "heic": "HEIF",
    "avif": "AVIF",
    "jp2": "JPEG 2000",
}
ORIENTABLE = ("jpg", "png", "webp", "tif", "heic", "avif")
# The orientation that undoes each orientation.
UNDONE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


@contextmanager
def opened(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def identity(path):
    with opened(path) as descriptor:
        return identify(descriptor)


def picture(path, long_side_px=512):
    with opened(path) as descriptor:
        return read_picture(descriptor, long_side_px)


def write(path, image, **options):
    if path.suffix in {".jpg", ".webp", ".avif"}:
        options = {"quality": 95, **options}
    if path.suffix == ".heic":
        pillow_heif.from_pillow(image).save(path, quality=90, **options)
    else:
        image.save(path, **options)
    return path


def oriented(number):
    tags = Image.Exif()
    tags[0x0112] = number
    return tags


def difference(first, second):
    return float(np.abs(first.astype(int) - second.astype(int)).mean())


@pytest.fixture(scope="module")
def drawn():
    return Image.fromarray(scene(7, 600, 400))


@pytest.fixture(scope="module")
def files(drawn, tmp_path_factory):
    """Suffix -> the bytes of the drawn picture in that format."""
    folder = tmp_path_factory.mktemp("files")
    return {suffix: write(folder / f"a.{suffix}", drawn).read_bytes() for suffix in CONTAINERS}


@pytest.fixture(scope="module")
def expected(drawn):
    return np.asarray(drawn.reduce(2).resize((256, 171), Image.Resampling.BICUBIC))


# ---------------------------------------------------------------- pixels


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_format_shows_the_same_picture(tmp_path, files, expected, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(files[suffix])
    seen = picture(path, 256)
    assert (seen.format, seen.full_width_px, seen.full_height_px) == (CONTAINERS[suffix], 600, 400)
    assert identity(path).format == CONTAINERS[suffix]
    assert seen.pixels.shape == (171, 256, 3)
    assert seen.pixels.dtype == np.uint8
    assert difference(seen.pixels, expected) < 8


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("suffix", ORIENTABLE)
def test_orientation_is_applied_once(tmp_path, drawn, suffix, number):
    standing = drawn.resize((300, 200))
    lying = upright(standing, UNDONE[number])
    seen = picture(write(tmp_path / f"a.{suffix}", lying, exif=oriented(number).tobytes()), 240)
    assert (seen.full_width_px, seen.full_height_px) == (300, 200)
    assert seen.pixels.shape == (160, 240, 3)
    assert difference(seen.pixels, np.asarray(standing.resize((240, 160), Image.Resampling.BICUBIC))) < 8


@pytest.mark.parametrize(
    ("full", "long_side"),
    [((6000, 4000), 512), ((4000, 3000), 500), ((4608, 3456), 512), ((3264, 20), 512), ((300, 200), 300)],
)
def test_a_jpeg_is_small_enough_and_never_enlarged(tmp_path, full, long_side):
    path = write(tmp_path / "a.jpg", Image.new("RGB", full, "teal"))
    seen = picture(path)
    assert max(seen.pixels.shape) == long_side
    assert (seen.full_width_px, seen.full_height_px) == full


def test_name_and_offset_do_not_matter(tmp_path, drawn):
    path = write(tmp_path / "a.jpg", drawn).rename(tmp_path / "a.heic")
    with opened(path) as descriptor:
        os.lseek(descriptor, 999, os.SEEK_SET)
        assert identify(descriptor).format == "JPEG"
        assert read_picture(descriptor, 512).format == "JPEG"
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 999


def ramp(low, high, dtype):
    return np.tile(np.linspace(low, high, 256), (64, 1)).astype(dtype)


@pytest.mark.parametrize(
    ("suffix", "image"),
    [
        ("png", Image.fromarray(ramp(0, 65_535, np.uint16))),
        ("tif", Image.fromarray(ramp(0, 65_535, np.uint16))),
        ("tif", Image.fromarray(ramp(0, 1, np.float32))),
        ("tif", Image.fromarray(ramp(0, 65_535, np.int32))),
        ("png", Image.fromarray(ramp(0, 255, np.uint8))),
        ("jpg", Image.fromarray(ramp(0, 255, np.uint8))),
        ("gif", Image.fromarray(ramp(0, 255, np.uint8))),
        ("jpg", Image.merge("CMYK", [Image.new("L", (256, 64))] * 3 + [Image.fromarray(ramp(255, 0, np.uint8))])),
        ("png", Image.fromarray(ramp(0, 255, np.uint8)).convert("RGB").quantize(256)),
        ("webp", Image.fromarray(ramp(0, 255, np.uint8))),
    ],
)
def test_every_way_to_write_values_shows_the_same_ramp(tmp_path, suffix, image):
    seen = picture(write(tmp_path / f"a.{suffix}", image)).pixels
    assert seen.shape == (64, 256, 3)
    assert difference(seen, np.repeat(ramp(0, 255, np.uint8)[..., None], 3, axis=2)) < 3


def test_transparency_lies_on_white(tmp_path):
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    palette = Image.fromarray(np.full((40, 40), 3, np.uint8)).convert("P")
    gray = Image.new("LA", (40, 40), (0, 0))
    for suffix, image, options in (
        ("png", clear, {}),
        ("webp", clear, {"lossless": True}),
        ("png", gray, {}),
        ("png", palette, {"transparency": 3}),
        ("gif", palette, {"transparency": 3}),
        ("png", Image.new("RGB", (40, 40), "red"), {"transparency": (255, 0, 0)}),
    ):
        assert picture(write(tmp_path / f"a.{suffix}", image, **options)).pixels.min() == 255


def swapped_profile():
    """sRGB with red and blue exchanged, under another name."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
    return profile.replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be"))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "heic", "avif"])
def test_the_color_profile_is_applied(tmp_path, suffix):
    red = Image.new("RGB", (64, 64), (220, 30, 30))
    seen = picture(write(tmp_path / f"a.{suffix}", red, icc_profile=swapped_profile())).pixels[32, 32]
    assert seen[2] > 180 > 90 > seen[0]


def test_a_broken_profile_is_passed_over(tmp_path):
    red = Image.new("RGB", (64, 64), (220, 30, 30))
    seen = picture(write(tmp_path / "a.png", red, icc_profile=b"nonsense" * 40)).pixels[32, 32]
    assert list(seen) == [220, 30, 30]


def test_lab_is_shown_in_its_colors(tmp_path):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    red = ImageCms.profileToProfile(Image.new("RGB", (64, 64), (200, 40, 40)), srgb, lab, outputMode="LAB")
    assert difference(picture(write(tmp_path / "a.tif", red)).pixels[0, 0], np.array([200, 40, 40])) < 4


# ---------------------------------------------------------------- identity


def test_metadata_changes_the_digest_and_not_the_pixel_digest(tmp_path, drawn):
    drawn = drawn.resize((300, 200))
    for suffix in ("jpg", "png", "webp"):
        plain, tagged = oriented(1), oriented(1)
        tagged[0x010F], tagged[0x4746] = "Somebody", 5
        first = identity(write(tmp_path / f"a.{suffix}", drawn, exif=plain))
        second = identity(write(tmp_path / f"b.{suffix}", drawn, exif=tagged, xmp=b"<x xmp:Rating='5'/>"))
        bare = identity(write(tmp_path / f"c.{suffix}", drawn))
        turned = identity(write(tmp_path / f"d.{suffix}", drawn, exif=oriented(6)))
        other = identity(write(tmp_path / f"e.{suffix}", drawn.transpose(Image.Transpose.ROTATE_180)))
        assert first.pixel_digest == second.pixel_digest == bare.pixel_digest
        assert len({first.pixel_digest, turned.pixel_digest, other.pixel_digest}) == 3
        assert len({first.digest, second.digest, bare.digest, turned.digest, other.digest}) == 5


def test_a_png_comment_changes_no_pixels_and_a_profile_does(tmp_path, drawn):
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "hello")
    first = identity(write(tmp_path / "a.png", drawn))
    assert first.pixel_digest == identity(write(tmp_path / "b.png", drawn, pnginfo=note)).pixel_digest
    for suffix in ("jpg", "png"):
        plain = identity(write(tmp_path / f"c.{suffix}", drawn))
        assert (
            plain.pixel_digest
            != identity(write(tmp_path / f"d.{suffix}", drawn, icc_profile=swapped_profile())).pixel_digest
        )


def test_what_follows_a_jpeg_is_not_its_picture_wherever_the_end_marker_stands(tmp_path):
    # Padding in a comment moves the end marker over a border between two reads.
    jpeg = io.BytesIO()
    Image.fromarray(scene(3, 1600, 1200)).save(jpeg, "JPEG", quality=97)
    body = jpeg.getvalue()
    digests = set()
    for shift in range(-3, 3):
        comments, missing = b"", (1 << 20) - len(body) + shift
        while missing:
            length = min(missing, 60_000 if missing > 60_100 else missing)
            comments += b"\xff\xfe" + struct.pack(">H", length - 2) + b"." * (length - 4)
            missing -= length
        path = tmp_path / "a.jpg"
        path.write_bytes(body[:2] + comments + body[2:] + b"a trailing video")
        digests.add(identity(path).pixel_digest)
        path.write_bytes((body[:2] + comments + body[2:])[:-1])
        with pytest.raises(PhotoUnreadable, match="ends early"):
            identity(path)
    path.write_bytes(body)
    assert digests == {identity(path).pixel_digest}


# ---------------------------------------------------------------- broken files


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.97])
def test_a_cut_file_is_refused_with_a_sentence(tmp_path, files, suffix, share):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(files[suffix][: int(len(files[suffix]) * share)])
    with pytest.raises(PhotoUnreadable) as told:
        picture(path)
    assert_is_a_sentence(str(told.value))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "heic", "avif"])
def test_identify_sees_that_a_file_was_cut(tmp_path, files, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(files[suffix][: len(files[suffix]) * 2 // 3])
    with pytest.raises(PhotoUnreadable, match="ends early"):
        identity(path)


def test_a_copy_that_never_finished_is_refused(tmp_path, files):
    path, whole = tmp_path / "a.jpg", files["jpg"]
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    with pytest.raises(PhotoUnreadable, match="ends early"):
        identity(path)
    path.write_bytes(bytes(len(whole)))
    with pytest.raises(PhotoUnreadable, match="begins with zeros"):
        identity(path)
    path.write_bytes(b"")
    with pytest.raises(PhotoUnreadable, match="the file is empty"):
        identity(path)


def test_bombs_are_refused_by_their_claim(tmp_path):
    path = write(tmp_path / "a.png", Image.new("1", (8, 8)))
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">2L", 50_000, 50_000)
    data[29:33] = struct.pack(">L", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(PhotoUnreadable, match="claims 50000 x 50000 pixels, more than the limit of 250 million"):
        picture(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"Dear diary, today", "not a picture"),
        (b"\xff\x0a" + bytes(40), "a JPEG XL picture"),
        (b"8BPS" + bytes(40), "a Photoshop document"),
        (b"\x00\x00\x00\x14ftypqt  " + bytes(40), "a video"),
        (b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(40), "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 60, "ends early"),
    ],
)
def test_what_is_no_photo_is_named(tmp_path, data, reason):
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(PhotoUnreadable, match=reason):
        picture(path)


def test_padding_between_segments_costs_no_photo(tmp_path, files):
    path, whole = tmp_path / "a.jpg", files["jpg"]
    path.write_bytes(whole)
    plain = identity(path)
    path.write_bytes(whole[:20] + bytes(100) + b"\xff" * 3 + whole[20:])
    assert identity(path).pixel_digest == plain.pixel_digest
    assert picture(path).pixels.std() > 20


def test_broken_metadata_costs_no_photo(tmp_path, drawn):
    path = write(tmp_path / "a.jpg", drawn, exif=b"Exif\0\0MM\x13*\0\0\0\x08" + b"\xff" * 90)
    assert picture(path).capture == exif.capture({})
    assert identity(path).format == "JPEG"


def test_no_warning_escapes(tmp_path, drawn):
    path = write(tmp_path / "a.tif", drawn)
    data = bytearray(path.read_bytes())
    data[-200:] = b"\x7f" * 200
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            picture(path)
        except PhotoUnreadable as told:
            assert_is_a_sentence(str(told))
    assert heard == []


def assert_is_a_sentence(reason):
    assert 8 < len(reason) < 160
    assert not set(reason) & set("{}[]<>_=")
    assert "object" not in reason
    assert "Error" not in reason


# ---------------------------------------------------------------- RAW


def draw_dng(path, orientation=1):
    """The least DNG that a developer accepts: a bright left half on a color filter array of 600 x 400."""
    sensor = np.full((400, 600), 9_000, np.uint16)
    sensor[:, :300] = 50_000
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for number, kind, value in (
        (262, 3, 32_803),
        (271, 2, "Sameshot"),
        (272, 2, "Drawn"),
        (274, 3, orientation),
        (306, 2, "2026:05:01 10:00:00"),
        (33_421, 3, (2, 2)),
        (33_422, 1, b"\0\1\1\2"),
        (50_706, 1, b"\1\4\0\0"),
        (50_708, 2, "Sameshot Drawn"),
        (50_721, 10, tuple(TiffImagePlugin.IFDRational(v) for v in (1, 0, 0, 0, 1, 0, 0, 0, 1))),
    ):
        tags.tagtype[number] = kind
        tags[number] = value
    Image.fromarray(sensor).save(path, "TIFF", tiffinfo=tags)
    return path


@pytest.mark.parametrize(("orientation", "shape"), [(1, (200, 300, 3)), (6, (300, 200, 3)), (8, (300, 200, 3))])
def test_a_raw_without_preview_is_developed_upright(tmp_path, orientation, shape):
    path = draw_dng(tmp_path / "a.dng", orientation)
    seen = picture(path)
    assert identity(path).format == seen.format == "RAW"
    assert seen.pixels.shape == shape
    assert {seen.full_width_px, seen.full_height_px} == {600, 400}
    assert (seen.full_width_px > seen.full_height_px) == (orientation == 1)
    bright, dark = {
        1: ((slice(None), slice(140)), (slice(None), slice(160, None))),
        6: ((slice(140), slice(None)), (slice(160, None), slice(None))),
        8: ((slice(160, None), slice(None)), (slice(140), slice(None))),
    }[orientation]
    assert seen.pixels[bright].mean() > seen.pixels[dark].mean() + 50
    assert seen.capture.camera == "Sameshot Drawn"
    assert seen.capture.taken_at == datetime(2026, 5, 1, 10, 0)  # noqa: DTZ001 - cameras write no zone


def test_a_cut_raw_is_refused(tmp_path):
    path = draw_dng(tmp_path / "a.dng")
    path.write_bytes(path.read_bytes()[:-1000])
    for look in (identity, picture):
        with pytest.raises(PhotoUnreadable, match="the RAW data ends early"):
            look(path)


# ---------------------------------------------------------------- what the camera wrote


def test_the_moment_is_read_from_the_details_of_a_tiff(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[306] = "2020:01:01 00:00:00"
    tags[34_665] = {0x9003: "2026:05:01 10:00:00"}
    path = write(tmp_path / "a.tif", Image.new("RGB", (64, 64)), tiffinfo=tags)
    assert picture(path).capture.taken_at == datetime(2026, 5, 1, 10)  # noqa: DTZ001 - cameras write no zone


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif"])
def test_the_moment_is_read_from_every_format(tmp_path, suffix):
    moment = datetime(2026, 5, 1, 10, 0, 7, 250_000)  # noqa: DTZ001 - cameras write no zone
    seen = picture(save(scene(1, 300, 200), tmp_path / f"a.{suffix}", taken_at=moment)).capture
    assert (seen.taken_at, seen.camera) == (moment, "Sameshot Test One")
    assert (seen.f_number, seen.iso) == (5.6, 200)
    assert seen.exposure_time_s == pytest.approx(1 / 125)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "heic"])
def test_a_rating_is_read_from_the_file(tmp_path, suffix):
    packet = b"<x:xmpmeta><rdf:Description xmp:Rating='4'/></x:xmpmeta>"
    image = Image.new("RGB", (64, 64))
    if suffix == "tif":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags.tagtype[700] = 1
        tags[700] = packet
        path = write(tmp_path / "a.tif", image, tiffinfo=tags)
    elif suffix == "png":
        note = PngImagePlugin.PngInfo()
        note.add_itxt("XML:com.adobe.xmp", packet.decode())
        path = write(tmp_path / "a.png", image, pnginfo=note)
    else:
        path = write(tmp_path / f"a.{suffix}", image, xmp=packet)
    assert picture(path).capture.rating == 4


@pytest.mark.parametrize(
    ("tags", "field", "value"),
    [
        ({0x9003: "2024:02:30 10:00:00", 0x0132: "2024:03:01 10:00:00"}, "taken_at", datetime(2024, 3, 1, 10)),  # noqa: DTZ001
        ({0x9003: "0000:00:00 00:00:00"}, "taken_at", None),
        ({0x9003: "2024:03:01 10:00:60"}, "taken_at", None),
        ({0x9003: b"\xff" * 5000}, "taken_at", None),
        ({0x9003: "2024:03:01 10:00:00", 0x9291: "05"}, "taken_at", datetime(2024, 3, 1, 10, 0, 0, 50_000)),  # noqa: DTZ001
        ({0x9003: "2024:03:01 10:00:00", 0x9011: "-03:30"}, "utc_offset_minutes", -210),
        ({0x9003: "2024:03:01 10:00:00", 0x9011: "+99:00"}, "utc_offset_minutes", None),
        ({0x9003: "2024:03:01 10:00:00", 0x9010: "+02:00"}, "utc_offset_minutes", None),
        ({0x010F: "Canon\0junk", 0x0110: "Canon EOS 6D ", 0xA431: "0330"}, "camera", "Canon EOS 6D #0330"),
        ({0x010F: "NIKON CORPORATION", 0x0110: "NIKON D70"}, "camera", "NIKON D70"),
        ({0x0110: "a\x1b[31m\nb" + "x" * 9000}, "camera", "a [31m b" + "x" * 112),
        ({0x829A: TiffImagePlugin.IFDRational(1, 0)}, "exposure_time_s", None),
        ({0x829D: float("nan")}, "f_number", None),
        ({0x829D: TiffImagePlugin.IFDRational(28, 10)}, "f_number", 2.8),
        ({0x9202: 4.0}, "f_number", 4.0),
        ({0x9201: 7.0}, "exposure_time_s", 1 / 128),
        ({0x8827: (400, 400)}, "iso", 400),
        ({0x8827: 65_535, 0x8832: 102_400}, "iso", 102_400),
        ({0x8827: ()}, "iso", None),
        ({0x9204: "wide"}, "exposure_bias_ev", None),
        ({0x4746: 3}, "rating", 3),
        ({0x4746: 77}, "rating", None),
    ],
)
def test_what_is_written_is_believed_only_where_it_can_be(tags, field, value):
    assert getattr(exif.capture(tags), field) == value


@pytest.mark.parametrize(
    ("packet", "rating"),
    [
        (b'<a xmp:Rating="5"/>', 5),
        (b"<xmp:Rating>-1</xmp:Rating>", -1),
        (b'<a xmp:Rating="9"/>', None),
        (b"<a/>", None),
        ("text, not bytes", None),
    ],
)
def test_xmp_rating(packet, rating):
    assert exif.capture({}, packet).rating == rating


# ---------------------------------------------------------------- real files

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no sample files beside the repository")


@needs_data
@pytest.mark.parametrize(
    ("name", "container", "size"),
    [
        ("8bit-sRGB.avif", "AVIF", (1617, 1080)),
        ("CRW.CRW", "RAW", (2176, 1448)),
        ("IMG_5910.jpg", "JPEG", (1394, 930)),
        ("canon_eos_6d.dng", "RAW", (1224, 816)),
        ("iphone_15_pro.heic", "HEIF", (3024, 4032)),
        ("iphone_7.heic", "HEIF", (4032, 3024)),
        ("kodak_dc50.KDC", "RAW", (768, 512)),
    ],
)
def test_real_formats_are_shown(name, container, size):
    seen = picture(DATA / "formats" / name)
    assert (seen.format, (seen.full_width_px, seen.full_height_px)) == (container, size)
    assert max(seen.pixels.shape) >= 384
    assert seen.pixels.std() > 20


@needs_data
@pytest.mark.parametrize("name", ["IMG_1361.dng", "stub_canon.cr3", "stub_nikon.nef", "IMG_4120.AAE", "iphone_7.xmp"])
def test_real_stubs_and_sidecars_are_refused(name):
    with pytest.raises(PhotoUnreadable) as told:
        picture(DATA / "formats" / name)
    assert_is_a_sentence(str(told.value))


LOOK_AT_ALL = """
import os, resource, sys
from sameshot.decode.identify import identify
from sameshot.decode.picture import read_picture
from sameshot.errors import PhotoUnreadable
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
for path in sys.argv[1:]:
    descriptor = os.open(path, os.O_RDONLY)
    for look in (identify, lambda descriptor: read_picture(descriptor, 512)):
        try:
            told = f"shown as {look(descriptor).format}"
        except PhotoUnreadable as error:
            told = str(error)
        print(path, told, sep="|")
    os.close(descriptor)
"""


@needs_data
def test_hostile_files_are_refused_or_shown_and_harm_nothing():
    paths = sorted((DATA / "hostile").iterdir())
    command = [sys.executable, "-W", "error", "-c", LOOK_AT_ALL, *paths]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120, text=True)
    assert done.returncode == 0, done.stderr
    told = [line.partition("|")[2] for line in done.stdout.splitlines()]
    assert len(told) == 2 * len(paths)
    for reason in told:
        assert_is_a_sentence(reason)
    assert sum("shown" in reason for reason in told[1::2]) == 1  # the one that is no worse than unusual


@pytest.mark.slow
def test_damage_anywhere_is_told_and_harms_nothing(tmp_path, files):
    rng = np.random.default_rng(0)
    files = {**files, "dng": draw_dng(tmp_path / "whole.dng").read_bytes()}
    paths = []
    for suffix, whole in files.items():
        for number in range(60):
            data = np.frombuffer(whole, np.uint8).copy()
            reach = len(data) if number % 2 else min(len(data), 1000)
            places = rng.integers(0, reach, (1, 2, 8, 40)[number % 4])
            data[places] = rng.choice([0, 127, 255, int(rng.integers(256))], len(places))
            paths.append(tmp_path / f"{number}.{suffix}")
            paths[-1].write_bytes(data.tobytes())
    command = [sys.executable, "-W", "error", "-c", LOOK_AT_ALL, *paths]
    done = subprocess.run(command, capture_output=True, check=False, timeout=280, text=True)
    assert done.returncode == 0, done.stderr
    told = [line.partition("|")[2] for line in done.stdout.splitlines()]
    assert len(told) == 2 * len(paths)
    assert any("shown" in reason for reason in told)
    for reason in told:
        assert_is_a_sentence(reason)
