"""Rank prefixes as asked for: by a table of another program, with companions that came late, and without a journal."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from filed import tree
from running import Installation
from sameshot.errors import BadInput


def write_table(file: Path, header: list[str], rows: list[list[object]]) -> Path:
    with file.open("w", newline="") as lines:
        csv.writer(lines).writerows([header, *rows])
    return file


def original_names(folder: Path) -> list[str]:
    """The photos as a file manager shows them, without their prefix."""
    return [name.partition("~")[2] or name for name in sorted(path.name for path in folder.glob("*.jpg"))]


def test_the_ranks_of_a_table_are_the_order_and_others_are_put_in(scanned: Installation) -> None:
    before = tree(scanned.photos)
    names = sorted(path.name for path in scanned.photos.glob("*.jpg"))
    wanted = names[::-1][:-2]
    rows = [[scanned.photos / name if n % 2 else f"photos/{name}", 0.5, 10 * n] for n, name in enumerate(wanted)]
    table = write_table(scanned.folder / "features.csv", ["", "f1", "R"], rows)
    assert scanned.ask("rank", folders=[scanned.photos], table=table)["refused"] == []
    shown = original_names(scanned.photos)
    assert [name for name in shown if name in wanted] == wanted
    assert sorted(shown) == names
    assert scanned.ask("plan", rank=[scanned.photos], table=table)["steps"] == []  # found by the original names
    assert scanned.ask("undo", last=True)["refused"] == []
    assert tree(scanned.photos) == before


@pytest.mark.parametrize("exhaustive", [True, False])
def test_features_of_a_table_make_the_order(scanned: Installation, exhaustive: bool) -> None:
    names = [Path(path).name for path in scanned.groups()["alone"]]
    assert len(names) >= 3
    place = {name: (7 * n) % len(names) for n, name in enumerate(names)}
    rows = [[scanned.photos / name, number, 0] for name, number in place.items()]
    table = write_table(scanned.folder / "features.csv", ["path", "a", "b"], rows)
    planned = scanned.ask("plan", rank=[scanned.photos], table=table, exhaustive=exhaustive)
    ranked = [Path(step["source"]).name for step in sorted(planned["steps"], key=lambda step: step["target"])]
    assert [place[name] for name in ranked] in (sorted(place.values()), sorted(place.values(), reverse=True))
    assert f"stay as they are: {table} does not name them" in planned["warnings"][0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no features"),
        ("path,R\n", "holds no features"),
        ("path,R\na.jpg,first\n", "line 2, column R: 'first' is no number"),
        ("path,a\na.jpg,inf\n", "line 2, column a: 'inf' is not finite"),
        ("path,a\na.jpg,1\n./a.jpg,2\n", "line 3: ./a.jpg was named before"),
        ("path,a\na.jpg\n", "line 2: 1 columns, but the header has 2"),
        ("path,a\nnobody.jpg,1\n", "names no photo of these folders"),
        ('path,a\n"a.jpg,1\n', "is no CSV"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_in_a_sentence(scanned: Installation, text: str, says: str) -> None:
    table = scanned.folder / "features.csv"
    table.write_text(text)
    with pytest.raises(BadInput, match=says.replace("(", r"\(")):
        scanned.ask("plan", rank=[scanned.photos], table=table)
    with pytest.raises(BadInput, match="cannot be read"):
        scanned.ask("plan", rank=[scanned.photos], table=scanned.folder / "nowhere.csv")
    with pytest.raises(BadInput, match="Leave out"):
        scanned.ask("plan", rank=[scanned.photos], table=table, remove=True)


def test_a_sidecar_that_came_late_gets_the_prefix_of_its_photo(scanned: Installation) -> None:
    assert scanned.ask("rank", folders=[scanned.photos])["refused"] == []
    (photo,) = scanned.photos.glob("*~IMG_100.jpg")
    (scanned.photos / "IMG_100.xmp").write_text("<late/>")
    shutil.copy(photo, scanned.photos / "IMG_999.jpg")
    scanned.scan()
    assert scanned.ask("rank", folders=[scanned.photos])["refused"] == []
    (photo,) = scanned.photos.glob("*~IMG_100.jpg")
    assert photo.with_suffix(".xmp").read_text() == "<late/>"
    assert list(scanned.photos.glob("*~IMG_999.jpg"))


def test_a_sidecar_that_no_scan_has_seen_goes_with_its_photo(scanned: Installation) -> None:
    assert scanned.ask("rank", folders=[scanned.photos])["refused"] == []
    (photo,) = scanned.photos.glob("*~IMG_100.jpg")
    photo.with_suffix(".xmp").write_text("<edited/>")
    photo.with_name(f"{photo.name}.xmp").write_text("<by another/>")
    with_prefixes = tree(scanned.photos)
    assert scanned.ask("rank", folders=[scanned.photos], remove=True)["refused"] == []
    assert (scanned.photos / "IMG_100.xmp").read_text() == "<edited/>"
    assert (scanned.photos / "IMG_100.jpg.xmp").read_text() == "<by another/>"
    assert not list(scanned.photos.glob("*~*"))
    assert scanned.ask("undo", last=True)["refused"] == []
    assert tree(scanned.photos) == with_prefixes


def test_prefixes_come_off_where_the_journal_is_lost(scanned: Installation) -> None:
    before = tree(scanned.photos)
    assert scanned.ask("rank", folders=[scanned.photos])["refused"] == []
    shutil.rmtree(scanned.locations.journal_dir)
    assert scanned.ask("rank", folders=[scanned.photos], remove=True)["refused"] == []
    assert tree(scanned.photos) == before


def test_a_prefix_is_known_whatever_the_owner_wrote_behind_it_and_whatever_became_of_the_journal(
    scanned: Installation,
) -> None:
    names = sorted(path.name for path in scanned.photos.glob("*.jpg"))
    assert scanned.ask("rank", folders=[scanned.photos])["refused"] == []
    shutil.rmtree(scanned.locations.journal_dir)
    (photo,) = scanned.photos.glob("*~IMG_100.jpg")
    photo.rename(photo.with_name(photo.name.replace("IMG_100", "Ann's birthday")))
    (other,) = scanned.photos.glob("*~IMG_101.jpg")
    shutil.copy(other, scanned.photos / other.name.replace(".jpg", " (2).jpg"))
    scanned.scan()
    assert scanned.ask("rank", folders=[scanned.photos])["refused"] == []
    assert not [path.name for path in scanned.photos.iterdir() if path.name.count("~") != 1]
    assert scanned.ask("plan", rank=[scanned.photos])["steps"] == []
    assert scanned.ask("rank", folders=[scanned.photos], remove=True)["refused"] == []
    there = sorted(path.name for path in scanned.photos.glob("*.jpg"))
    assert there == sorted({*names, "Ann's birthday.jpg", "IMG_101 (2).jpg"} - {"IMG_100.jpg"})
