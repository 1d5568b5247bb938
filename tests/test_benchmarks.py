"""The benchmark of quality measures what it says: its drawings repeat, and it counts right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "quality"))
import bench
import changes
import collection
import distractors
import measuring
import ours
import peers
import picture
import scenes
import scoring
import strangers
from collection import Label
from rich.console import Console

QUALITY = bench.HERE
LABELS = [
    Label("a.jpg", "lake", "", "original"),
    Label("b.jpg", "lake", "", "flip"),
    Label("c.jpg", "lake", "", "gray"),
    Label("d.jpg", "one window", "house", "original"),
    Label("e.jpg", "other window", "house", "original"),
    Label("f.jpg", "stranger", "", "stranger"),
]


def test_a_stranger_is_drawn_the_same_again_and_shares_only_its_style() -> None:
    for kind in scenes.KINDS:
        first, other = (scenes.draw(kind, 7, seed) for seed in (1, 2))
        assert first.shape == (scenes.HEIGHT_PX, scenes.WIDTH_PX, 3), kind
        assert np.abs(first.astype(int) - other).mean() > 2, kind
    assert np.array_equal(first, scenes.draw(kind, 7, 1))


def test_two_kinds_of_one_style_show_different_things() -> None:
    assert np.abs(scenes.draw("screen", 1, 1).astype(int) - scenes.draw("stamped", 1, 1)).mean() > 20


def test_a_distractor_is_drawn_the_same_again_and_is_like_no_other_of_its_kind() -> None:
    kinds = len(distractors.KINDS)
    assert {distractors.kind_of(number) for number in range(kinds)} == distractors.KINDS.keys()
    for number, kind in enumerate(distractors.KINDS):
        first, other = (
            np.array(Image.fromarray(distractors.draw(at)).resize((96, 64))) for at in (number, number + kinds)
        )
        assert distractors.kind_of(number + kinds) == kind
        assert np.abs(first.astype(int) - other).mean() > 2, kind
    assert np.array_equal(distractors.draw(7), distractors.draw(7))


def test_the_collection_is_labelled_and_repeats(tmp_path: Path) -> None:
    wanted = collection.Wanted(photos=2, changes=len(changes.CHANGES) // 2, strangers=1, packaged=False)
    labels = collection.make(tmp_path / "one", wanted)
    names = sorted(path.name for path in (tmp_path / "one" / "photos").iterdir())
    assert names == [label.path for label in labels]
    drawn = [label for label in labels if label.group.startswith("drawn")]
    assert sorted({label.kind for label in drawn}) == sorted([*changes.CHANGES, "original"])
    assert len({label.group for label in labels if label.kind == "stranger"}) == 1
    assert len([label for label in labels if label.kind == "original"]) == 2
    first, again = (collection.make(tmp_path / name, replace(wanted, photos=1, changes=1)) for name in ("a", "b"))
    assert first == again
    assert all(
        (tmp_path / "a" / "photos" / one.path).read_bytes() == (tmp_path / "b" / "photos" / one.path).read_bytes()
        for one in first
    )


def test_a_readers_photos_are_not_judged_against_each_other_unless_labelled(tmp_path: Path) -> None:
    for name in ("x.jpg", "y.jpg"):
        Image.fromarray(scenes.draw("hills", 5, 1)).save(tmp_path / name)
    assert {label.scene for _, label in collection.labelled(tmp_path)} == {"yours"}
    (tmp_path / "labels.csv").write_text("path,group,scene,tier\nx.jpg,one,,burst\ny.jpg,,,\n")
    assert [(label.group, label.kind) for _, label in collection.labelled(tmp_path)] == [
        ("yours one", "burst"),
        ("yours y.jpg", "original"),
    ]


def _two_photos(folder: Path) -> Path:
    folder.mkdir()
    for name in ("x.jpg", "y.jpg"):
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


def test_labels_that_excel_wrote_are_read(tmp_path: Path) -> None:
    yours = _two_photos(tmp_path / "yours")
    (yours / "labels.csv").write_text("path,group\nx.jpg,Übung\ny.jpg,Übung\n", encoding="utf-8-sig")
    assert {label.group for _, label in collection.labelled(yours)} == {"yours Übung"}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (b"file,shot\nx.jpg,one\n", "must begin with the header path,group and not with file,shot"),
        (b"path;group\nx.jpg;one\n", "must begin with the header path,group and not with path;group"),
        (b"", "must begin with the header path,group and not with nothing"),
        (b"path,group\nx.jpg,one\nz.jpg,one\n", "lists z.jpg in line 3, and there is no such file"),
        (b"path,group\n,one\n", "lists no path in line 2, and there is no such file"),
        (b"group,path\none\n", "lists no path in line 2, and there is no such file"),
        (b"path,group\nx.jpg,\xdcbung\n", "cannot be read as CSV in UTF-8: .*0xdc"),
        (b"path,group\n", "holds no photo"),
    ],
)
def test_labels_that_cannot_be_used_are_told_in_a_sentence(tmp_path: Path, labels: bytes, said: str) -> None:
    yours = _two_photos(tmp_path / "yours")
    (yours / "labels.csv").write_bytes(labels)
    with pytest.raises(collection.BadPhotos, match=said):
        collection.labelled(yours)


def test_a_readers_folder_without_photos_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(collection.BadPhotos, match="which holds no photo"):
        collection.labelled(tmp_path)


def test_the_benchmark_ends_with_2_where_the_readers_folder_is_missing(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, QUALITY / "bench.py", "--out", tmp_path / "out", "--only", "none"],
        env={**os.environ, "SAMESHOT_PHOTOS": str(tmp_path / "nowhere")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    assert ended.stderr == f"bench: SAMESHOT_PHOTOS names {tmp_path / 'nowhere'}, which is no folder\n"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_collection_is_made_anew_when_a_label_or_a_photo_has_changed(tmp_path: Path) -> None:
    yours = _two_photos(tmp_path / "yours")
    wanted = replace(bench.SMALL, yours=yours)
    versions = [bench._version(wanted)]
    (yours / "labels.csv").write_text("path,group\nx.jpg,one\ny.jpg,one\n")
    versions.append(bench._version(wanted))
    (yours / "labels.csv").write_text("path,group\nx.jpg,one\ny.jpg,two\n")
    versions.append(bench._version(wanted))
    with (yours / "x.jpg").open("ab") as photo:
        photo.write(b"more")
    versions.append(bench._version(wanted))
    os.utime(yours / "y.jpg", (1, 1))
    versions.append(bench._version(wanted))
    assert len(set(versions)) == 5
    assert bench._version(wanted) == versions[-1]


def test_a_collection_is_made_anew_when_any_module_that_draws_has_changed() -> None:
    names = "sorted(Path(m.__file__).name for m in sys.modules.values() if (getattr(m, '__file__', '') or '')"
    names += f".startswith({str(QUALITY)!r}))"
    code = f"import sys; sys.path.insert(0, {str(QUALITY)!r}); from pathlib import Path; import collection"
    said = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(*{names})"], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == list(bench.GENERATORS)


def test_a_scan_that_left_photos_out_is_no_result(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    failed = ours.scan(photos, tmp_path / "state").failed
    assert failed.keys() == {"broken.jpg"}
    (photos / "later.jpg").touch()  # empty files wait until they are complete
    with pytest.raises(RuntimeError, match=r"never looked at 1 of 2 photos, later\.jpg the first.*it is empty"):
        ours.scan(photos, tmp_path / "state")
    assert "later.jpg was not looked at yet" in (tmp_path / "state.txt").read_text()


def test_photos_that_could_not_be_read_are_counted_by_their_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    bench._print_failed({"a.jpg": "it was cut short", "b.jpg": "it is [red]", "c.jpg": "it was cut short"}, Console())
    assert capsys.readouterr().out.splitlines() == [
        "3 photos could not be read, and stand in no group:",
        "  2: it was cut short",
        "  1: it is [red]",
    ]


def test_pairs_are_counted_as_the_labels_say() -> None:
    said = scoring.together(LABELS, [["a.jpg", "b.jpg", "f.jpg"], ["d.jpg", "e.jpg"]], [])
    figures = scoring.score(LABELS, said)
    assert (figures.precision, figures.recall, figures.false) == (1 / 3, 1 / 3, 2)
    assert figures.found == {"flip": 1, "gray": 0}
    assert figures.true == {"flip": 1, "gray": 1}
    assert set(figures.false_pairs) == {("a.jpg", "f.jpg"), ("b.jpg", "f.jpg")}
    assert scoring.pairs_of([["b", "a", "c"]]) == {("a", "b"), ("a", "c"), ("b", "c")}


def test_nobody_grouping_anything_is_precise_and_finds_nothing() -> None:
    figures = scoring.score(LABELS, scoring.together(LABELS, [], []))
    assert (figures.precision, figures.recall, figures.f1) == (1.0, 0.0, 0.0)


def test_a_command_costs_what_its_children_cost() -> None:
    child = (
        "import time; b = bytearray(60_000_000); end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    )
    cost = measuring.run(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]
    )
    assert cost.exit_code == 0
    assert cost.cpu_s >= 0.5
    assert cost.peak_mb > 60


def test_a_command_that_takes_too_long_is_ended() -> None:
    assert measuring.run([sys.executable, "-c", "import time; time.sleep(60)"], limit_s=0.5).exit_code != 0


def test_the_picture_is_small_and_has_no_background(tmp_path: Path) -> None:
    points = [picture.Point(0.2, 1.0, default=False), picture.Point(0.9, 0.9, default=True)]
    picture.write(tmp_path / "curve.png", {f"tool {number}": points for number in range(10)}, "a title")
    assert (tmp_path / "curve.png").stat().st_size < 100_000
    with Image.open(tmp_path / "curve.png") as drawn:
        assert drawn.convert("RGBA").getpixel((2, 2))[3] == 0


def test_a_tool_that_cannot_be_here_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    immaculate = next(peer for peer in peers.PEERS if peer.name == "immaculate sscd")
    with pytest.raises(peers.NotHere, match=r"Python 3\.12"):
        immaculate.install(tmp_path)


def test_strangers_say_what_they_are_and_are_kept(tmp_path: Path) -> None:
    written = strangers.write_distractors(tmp_path, 2)
    assert [path.name for path in written] == ["gradient-00000.jpg", "glow-00001.jpg"]
    written[0].write_bytes(b"kept")
    assert strangers.write_distractors(tmp_path, 2) == written
    assert written[0].read_bytes() == b"kept"


@pytest.mark.slow
def test_the_real_scan_is_measured(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    photo = Image.fromarray(scenes.draw("hills", 5, 1))
    photo.save(photos / "a.jpg")
    changes.CHANGES["flip"](photo, np.random.default_rng(1)).save(photos / "b.jpg")
    strangers.write(photos, 1, 5)
    ours.begin(tmp_path / "state")
    found = ours.scan(photos, tmp_path / "state")
    assert [sorted(group) for group in found.groups] == [["a.jpg", "b.jpg"]]
    assert found.cost.cpu_s > 0
    steps = ours.cascade(tmp_path / "state", 0.5, 0.5)
    assert steps["photos"] == 3
    assert steps["all pairs"] >= steps["compared"] >= steps["same shot"] >= steps["in one group"] == 1 / 3
    assert json.loads(json.dumps(steps)) == steps
