"""Which files are one photo: tables of real names, and properties over any names."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sameshot.model import FileStat, FoundFile
from sameshot.watch.companions import pair_shots
from sameshot.watch.ignore import COMPANION_EXTENSIONS, extension


def found(*names: str) -> list[FoundFile]:
    return [FoundFile(Path("/photos") / name, FileStat(1, number, 10, 20, 30)) for number, name in enumerate(names)]


def paired(*names: str) -> tuple[dict[str, list[str]], int]:
    shots, ambiguities = pair_shots(found(*names))
    return {shot.primary.path.name: [companion.path.name for companion in shot.companions] for shot in shots}, len(
        ambiguities
    )


CLEAR = {
    "alone": (["a.jpg"], {"a.jpg": []}),
    "RAW and JPEG": (["a.cr3", "a.jpg"], {"a.jpg": ["a.cr3"]}),
    "RAW and HEIC": (["a.hif", "a.arw"], {"a.hif": ["a.arw"]}),
    "RAW alone": (["a.cr3", "a.xmp"], {"a.cr3": ["a.xmp"]}),
    "any case": (["IMG_1.CR2", "img_1.jpg", "Img_1.XMP"], {"img_1.jpg": ["IMG_1.CR2", "Img_1.XMP"]}),
    "Lightroom": (["a.nef", "a.xmp", "a.jpg"], {"a.jpg": ["a.nef", "a.xmp"]}),
    "darktable": (["a.cr3", "a.cr3.xmp", "a_01.cr3.xmp"], {"a.cr3": ["a.cr3.xmp", "a_01.cr3.xmp"]}),
    "a sidecar each": (
        ["a.jpg", "a.png", "a.jpg.xmp", "a.png.xmp"],
        {"a.jpg": ["a.jpg.xmp"], "a.png": ["a.png.xmp"]},
    ),
    "RawTherapee, DxO": (["a.dng", "a.dng.pp3", "a.dng.dop"], {"a.dng": ["a.dng.dop", "a.dng.pp3"]}),
    "Live Photo": (["IMG_1.HEIC", "IMG_1.MOV"], {"IMG_1.HEIC": ["IMG_1.MOV"]}),
    "voice note and still": (["a.jpg", "a.wav", "a.thm"], {"a.jpg": ["a.thm", "a.wav"]}),
    "Apple edit": (
        ["IMG_1234.JPG", "IMG_E1234.JPG", "IMG_1234.AAE", "IMG_O1234.AAE", "IMG_1234.MOV", "IMG_E1234.MOV"],
        {"IMG_1234.JPG": ["IMG_1234.AAE", "IMG_1234.MOV", "IMG_E1234.JPG", "IMG_E1234.MOV", "IMG_O1234.AAE"]},
    ),
    "Apple edit of ProRAW": (
        ["IMG_1234.DNG", "IMG_1234.HEIC", "IMG_E1234.HEIC", "IMG_E1234.xmp"],
        {"IMG_1234.HEIC": ["IMG_1234.DNG", "IMG_E1234.HEIC", "IMG_E1234.xmp"]},
    ),
    "Apple edit without its original": (
        ["IMG_E1234.JPG", "IMG_O1234.AAE", "IMG_E1234.MOV"],
        {"IMG_E1234.JPG": ["IMG_E1234.MOV"]},
    ),
    "not Apple's": (["IMG_E12.JPG", "IMG_12.JPG"], {"IMG_12.JPG": [], "IMG_E12.JPG": []}),
    "two renderings": (["a.jpg", "a.png", "a.webp", "a.tif"], {"a.jpg": [], "a.png": [], "a.tif": [], "a.webp": []}),
    "an export beside a pair": (
        ["a.cr3", "a.jpg", "a.tif", "a.xmp"],
        {"a.jpg": ["a.cr3", "a.xmp"], "a.tif": []},
    ),
    "RAW and export": (["a.cr3", "a.tif", "a.xmp"], {"a.cr3": ["a.xmp"], "a.tif": []}),
    "orphans": (["a.xmp", "b.mov", "c.jpg.xmp", "c.png"], {"c.png": []}),
    "no film of a picture that no camera made": (["a.png", "a.mov"], {"a.png": []}),
    "spelled alike wins": (["a.jpg", "A.jpg", "a.xmp", "A.xmp"], {"A.jpg": ["A.xmp"], "a.jpg": ["a.xmp"]}),
    "spelled alike wins, RAW": (["a.jpg", "A.jpg", "a.cr2", "A.cr2"], {"A.jpg": ["A.cr2"], "a.jpg": ["a.cr2"]}),
    "composed and decomposed": (["\u00e4.cr2", "a\u0308.jpg"], {"a\u0308.jpg": ["\u00e4.cr2"]}),
    "dots in names": (["a.b.cr2", "a.b.jpg", "a.jpg"], {"a.b.jpg": ["a.b.cr2"], "a.jpg": []}),
}

UNCLEAR = {
    "two JPEGs": (["a.jpg", "a.jpeg", "a.cr2"], {"a.cr2": [], "a.jpeg": [], "a.jpg": []}, 1),
    "two RAWs": (["a.cr2", "a.dng", "a.jpg"], {"a.cr2": [], "a.dng": [], "a.jpg": []}, 2),
    "whose sidecar": (["a.jpg", "a.heic", "a.xmp"], {"a.heic": [], "a.jpg": []}, 1),
    "whose film": (["a.jpg", "a.heic", "a.mov"], {"a.heic": [], "a.jpg": []}, 1),
    "whose edit": (
        ["IMG_1234.JPG", "IMG_1234.HEIC", "IMG_E1234.JPG"],
        {"IMG_1234.HEIC": [], "IMG_1234.JPG": [], "IMG_E1234.JPG": []},
        1,
    ),
    "spelled like neither": (["a.jpg", "A.jpg", "a.JPG.xmp"], {"A.jpg": [], "a.jpg": []}, 1),
}


@pytest.mark.parametrize("case", CLEAR)
def test_files_that_belong_together(case):
    names, expected = CLEAR[case]
    assert paired(*names) == (expected, 0)
    assert paired(*reversed(names)) == (expected, 0)


@pytest.mark.parametrize("case", UNCLEAR)
def test_unclear_pairings_are_told_and_left_alone(case):
    names, expected, told = UNCLEAR[case]
    assert paired(*names) == (expected, told)
    assert paired(*reversed(names)) == (expected, told)


def test_an_unclear_pairing_is_told_by_its_names():
    _, ambiguities = pair_shots(found("a.jpg", "a.jpeg", "a.cr2"))
    assert ambiguities == ["/photos/a.cr2 could belong to a.jpeg, a.jpg; it is left alone"]


STEMS = st.sampled_from(
    ["a", "A", "b", "img_1234", "IMG_E1234", "IMG_O1234", "a.jpg", "a_01.cr2", "IMG_1234.heic", "\u00e4", "a\u0308"]
)
EXTENSIONS = st.sampled_from(
    ["jpg", "JPG", "jpeg", "heic", "cr2", "dng", "png", "tif", "xmp", "XMP", "aae", "mov", "wav"]
)
NAMES = st.lists(st.builds("{}.{}".format, STEMS, EXTENSIONS), unique=True, max_size=14)


@given(NAMES, st.randoms())
def test_every_photo_is_in_one_shot_and_no_file_in_two(names, random):
    files = found(*names)
    shots, ambiguities = pair_shots(files)
    taken = [file for shot in shots for file in (shot.primary, *shot.companions)]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(files)
    assert {file for file in files if extension(file.path.name) not in COMPANION_EXTENSIONS} <= set(taken)
    assert all(extension(shot.primary.path.name) not in COMPANION_EXTENSIONS for shot in shots)
    shuffled = list(files)
    random.shuffle(shuffled)
    assert pair_shots(shuffled) == (shots, ambiguities)


@given(
    st.lists(
        st.text(min_size=1, max_size=12).filter(
            lambda name: "/" not in name and "\0" not in name and name not in {".", ".."}
        ),
        unique=True,
    )
)
def test_any_names_are_survived(names):
    shots, _ = pair_shots(found(*names))
    assert len({shot.primary.path for shot in shots}) == len(shots)
