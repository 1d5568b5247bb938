"""Stars that a program wrote beside a photo decide which photo stands for a group, as stars inside it do."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import cv2
import pytest

import drawn
from running import Installation
from sameshot.store.store import Store
from sameshot.way.flow import Flow
from sameshot.way.sidecars import rating_of

ATTRIBUTE = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmp:Rating="{}" /></x:xmpmeta>'
ELEMENT = "<x:xmpmeta><rdf:Description><xmp:Rating>{}</xmp:Rating></rdf:Description></x:xmpmeta>"


@pytest.fixture
def two(installation: Installation) -> Installation:
    """A sharp photo and a soft one of one shot, without a sidecar."""
    lake = drawn.scene(1)
    drawn.save(lake, installation.photos / "sharp.jpg")
    drawn.save(cv2.GaussianBlur(lake, (0, 0), 2), installation.photos / "soft.jpg")
    installation.scan()
    assert best(installation) == "sharp.jpg"
    return installation


def best(installation: Installation) -> str:
    [group] = installation.groups()["groups"]
    assert len(group["photos"]) == 2
    return os.path.basename(group["representative"])


@pytest.mark.parametrize("name", ["soft.xmp", "soft.jpg.xmp", "soft.XMP"])
def test_stars_in_a_sidecar_count_as_long_as_it_says_so(two: Installation, name: str) -> None:
    sidecar = two.photos / name
    sidecar.write_text(ATTRIBUTE.format(4))
    two.scan()
    assert best(two) == "soft.jpg"
    assert not two.asked["look"], "no photo was looked at again"
    sidecar.write_text(ELEMENT.format(0))
    two.scan()
    assert best(two) == "sharp.jpg"
    sidecar.write_text(ELEMENT.format(2))
    two.scan()
    assert best(two) == "soft.jpg"
    sidecar.unlink()
    two.scan()
    assert best(two) == "sharp.jpg"


def test_a_photo_that_comes_with_its_sidecar_is_rated_from_the_start(installation: Installation) -> None:
    lake = drawn.scene(1)
    drawn.save(lake, installation.photos / "sharp.jpg")
    drawn.save(cv2.GaussianBlur(lake, (0, 0), 2), installation.photos / "soft.jpg")
    (installation.photos / "sharp.xmp").write_text(ATTRIBUTE.format(-1))  # rejected
    installation.scan()
    assert best(installation) == "soft.jpg"
    (installation.photos / "soft.jpg.xmp").write_text(ATTRIBUTE.format(-1))
    installation.scan()
    assert best(installation) == "sharp.jpg"


def test_stars_go_with_their_photo(two: Installation) -> None:
    (two.photos / "soft.xmp").write_text(ATTRIBUTE.format(5))
    two.scan()
    ranked = two.run("rank", "--yes", two.photos)
    assert ranked.code == 0, ranked.err
    two.scan()
    assert best(two).endswith("soft.jpg")
    assert two.run("undo", "--all", "--yes").code == 0
    two.scan()
    assert best(two) == "soft.jpg"


def test_sidecars_that_an_older_version_knew_are_read_by_the_next_scan(two: Installation) -> None:
    (two.photos / "soft.xmp").write_text(ATTRIBUTE.format(5))
    two.scan()
    with sqlite3.connect(two.state / "sameshot.db") as database:
        database.execute("ALTER TABLE files DROP COLUMN rating")
        database.execute("DROP TABLE not_compared")
        database.execute("DROP TABLE touched")
        database.execute("""INSERT INTO meta VALUES ('not_compared', '{"1": "too big", "77": "long gone"}')""")
        database.execute("PRAGMA user_version = 7")
    database.close()
    assert two.run("keep", two.photos / "sharp.jpg").code == 0
    assert two.run("unsay", two.photos / "sharp.jpg").code == 0  # grouped anew, with nobody's stars
    ranked = two.run("rank", "--yes", two.photos)
    assert ranked.code == 0, "no sidecar looks changed meanwhile"
    assert two.run("undo", "--all", "--yes").code == 0
    with Store.open(two.state / "sameshot.db", read_only=True) as store:
        assert store.not_compared.all() == {1: "too big"}
    assert best(two) == "sharp.jpg"
    two.scan()
    assert best(two) == "soft.jpg"


def test_stars_leave_with_what_said_them(two: Installation) -> None:
    sidecar = two.photos / "soft.xmp"
    for becomes in (
        lambda: sidecar.rename(two.photos / "sharp.xmp"),
        lambda: drawn.save(drawn.scene(9), two.photos / "soft.jpeg"),  # whose it is cannot be told
        lambda: (sidecar.unlink(), sidecar.symlink_to(two.folder / "elsewhere")),
    ):
        sidecar.unlink(missing_ok=True)
        sidecar.write_text(ATTRIBUTE.format(5))
        two.scan()
        assert best(two) == "soft.jpg"
        becomes()
        two.scan()
        assert best(two) == "sharp.jpg"
        for left in ("sharp.xmp", "soft.jpeg"):
            (two.photos / left).unlink(missing_ok=True)
        two.scan()


def test_a_copy_has_no_stars_of_a_photo_that_is_gone(two: Installation) -> None:
    (two.photos / "there").mkdir()
    shutil.copy(two.photos / "soft.jpg", two.photos / "there")
    (two.photos / "soft.xmp").write_text(ATTRIBUTE.format(5))
    two.scan()
    [group] = two.groups()["groups"]
    assert os.path.basename(group["representative"]) == "soft.jpg"
    (two.photos / "soft.jpg").unlink()
    two.scan()
    assert best(two) == "sharp.jpg"


def test_stars_that_a_kill_kept_from_being_heard_are_heard_by_the_next_start(
    two: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (two.photos / "soft.xmp").write_text(ATTRIBUTE.format(5))
    with monkeypatch.context() as killed:
        killed.setattr(Flow, "touch", lambda *_: None)
        two.scan()
    assert best(two) == "sharp.jpg"
    two.scan()
    assert best(two) == "soft.jpg"


def test_what_is_no_sidecar_says_nothing(tmp_path: Path) -> None:
    sidecar = tmp_path / "a.xmp"
    secret = tmp_path / "secret"
    secret.write_text(ATTRIBUTE.format(5))
    assert rating_of(sidecar) is None
    sidecar.symlink_to(secret)
    assert rating_of(sidecar) is None
    sidecar.unlink()
    os.mkfifo(sidecar)
    assert rating_of(sidecar) is None
    sidecar.unlink()
    sidecar.mkdir()
    assert rating_of(sidecar) is None
    sidecar.rmdir()
    for text in (
        "",
        "\0" * 100,
        ATTRIBUTE.format(9),
        ATTRIBUTE.format("five"),
        "xmp:Rating=" + " " * 2_000_000 + '"5"',
    ):
        sidecar.write_text(text)
        assert rating_of(sidecar) is None
    sidecar.write_text(ATTRIBUTE.format(3))
    assert rating_of(sidecar) == 3
