"""Which files are wanted: tables of real names, and patterns as people know them from git."""

import os
from pathlib import Path

import pytest

from sameshot.errors import BadInput
from sameshot.watch.ignore import IgnoreRules, is_temporary

ROOT = Path("/photos")


@pytest.mark.parametrize(
    "name",
    [
        ".IMG_1.jpg.Xy12Zq", ".IMG_1.jpg", "._IMG_1.jpg", ".syncthing.IMG_1.jpg.tmp", "~syncthing~IMG_1.jpg",
        "IMG_1.jpg.part",
        ".IMG_1.jpg.~1a2b", "IMG_1.jpg.crdownload", "IMG_1.jpg.filepart", "IMG_1.jpg~", ".nfs00000001",
        ".fuse_hidden0001",
        ".goutputstream-AB12", "~$a.jpg", "IMG_1.JPG.TMP", "Thumbs.db",
    ],
)  # fmt: skip
def test_names_of_files_in_the_making_are_temporary(name):
    assert is_temporary(name)
    assert IgnoreRules([ROOT]).ignores_file(ROOT / name)


@pytest.mark.parametrize(
    "name",
    ["IMG_1.jpg", "IMG_1.JPG", "a b.heic", "ä.CR3", "a.xmp", "a.jpg.xmp", "IMG_1.AAE", "x.mov", "part.jpg", "tmp.png"],
)
def test_photos_and_companions_are_wanted(name):
    assert not IgnoreRules([ROOT]).ignores_file(ROOT / "2024" / name)


@pytest.mark.parametrize("name", ["notes.txt", "a.jpg.zip", "jpg", "archive.jpg.gz", "a.psd", "noextension"])
def test_other_files_are_not(name):
    assert IgnoreRules([ROOT]).ignores_file(ROOT / name)


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir", "#recycle", "#snapshot", ".snapshot", ".snapshots", ".zfs", ".stversions", ".stfolder", ".Trash-1000",
        "lost+found", ".thumbnails", ".dtrash", "Catalog Previews.lrdata", "Photos Library.photoslibrary",
        "$RECYCLE.BIN", "System Volume Information", ".git", ".darktable", "CaptureOne",
        "IMG_1.jpg.download", "Film.imovielibrary",
    ],
)  # fmt: skip
def test_folders_of_other_programs_are_left_alone(name):
    rules = IgnoreRules([ROOT])
    assert rules.ignores_folder(ROOT / name)
    assert rules.ignores_folder(ROOT / name / "deeper")
    assert rules.ignores_file(ROOT / "2024" / name / "a.jpg")


def test_a_root_may_have_any_name():
    hidden = Path("/home/me/.photos/@eaDir")
    assert not IgnoreRules([hidden]).ignores_file(hidden / "a.jpg")
    assert not IgnoreRules([hidden]).ignores_folder(hidden)


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        (["*.png"], "a/b.png", True),
        (["/b.jpg"], "b.jpg", True),
        (["/b.jpg"], "a/b.jpg", False),
        (["exports/"], "a/exports/b.jpg", True),
        (["exports/"], "exports.jpg", False),
        (["a/**/raw"], "a/x/y/raw/b.cr3", True),
        (["*.jpg", "!keep.jpg"], "a/keep.jpg", False),
        (["exports/", "!exports/keep.jpg"], "exports/keep.jpg", True),
        (["exports/*", "!exports/keep.jpg"], "exports/keep.jpg", False),
        (["!@eaDir/"], "@eaDir/b.jpg", False),
        (["# a comment", "", "b.jpg"], "b.jpg", True),
    ],
)
def test_patterns_mean_what_they_mean_to_git(patterns, path, ignored):
    assert IgnoreRules([ROOT], patterns).ignores_file(ROOT / path) is ignored


def test_a_pattern_that_cannot_be_read_is_refused_by_name():
    with pytest.raises(BadInput, match="'!'"):
        IgnoreRules([ROOT], ["!"])


def test_ignore_files_speak_for_their_folder_and_the_deeper_one_wins(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / ".sameshotignore").write_text("*.png\n")
    (tmp_path / "a" / ".sameshotignore").write_text("/x.jpg\n!wanted.png\n!\n")
    rules = IgnoreRules([tmp_path])
    assert rules.ignores_file(tmp_path / "p.png")
    assert rules.ignores_file(tmp_path / "a" / "x.jpg")
    assert not rules.ignores_file(tmp_path / "a" / "b" / "x.jpg")
    assert not rules.ignores_file(tmp_path / "a" / "b" / "wanted.png")
    (tmp_path / "a" / ".sameshotignore").write_text("b/\n")
    assert rules.ignores_folder(tmp_path / "a" / "b")
    assert not rules.ignores_file(tmp_path / "a" / "x.jpg")


def test_an_ignore_file_that_is_no_file_says_nothing(tmp_path):
    os.mkfifo(tmp_path / ".sameshotignore")
    assert not IgnoreRules([tmp_path]).ignores_file(tmp_path / "a.jpg")


def test_only_the_extensions_asked_for_are_photos():
    rules = IgnoreRules([ROOT], photo_extensions=["jpg"])
    assert not rules.ignores_file(ROOT / "a.JPG")
    assert rules.ignores_file(ROOT / "a.png")
    assert not rules.ignores_file(ROOT / "a.xmp")


def test_any_bytes_are_a_name():
    name = os.fsdecode(b"\xff\xfe.jpg")
    assert not IgnoreRules([ROOT], ["*.png"]).ignores_file(ROOT / name)
    assert IgnoreRules([ROOT], ["*.jpg"]).ignores_file(ROOT / name)
