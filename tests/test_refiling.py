"""`apply --overwrite`: what was filed goes back and all is filed anew, as one command; batch folders are merged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from filed import contents, tree
from running import Installation, names_of
from sameshot.errors import BadInput
from sameshot.verbs.apply import file_closed_sets

FLAT = "{group}/"


def owned(installation: Installation) -> dict:
    return tree(installation.photos, installation.library)


@pytest.mark.parametrize("action", ["move", "copy"])
def test_filed_photos_are_filed_anew(scanned: Installation, action: str) -> None:
    before = owned(scanned)
    first = scanned.ask("apply", action=action)
    filed = owned(scanned)
    assert scanned.ask("plan", action=action, overwrite=True)["steps"] == []
    assert scanned.ask("apply", action=action, overwrite=True)["batch"] == ""
    assert scanned.ask("plan", action=action, layout=FLAT)["steps"] == []  # without it, what is filed stays
    planned = scanned.ask("plan", action=action, layout=FLAT, overwrite=True)
    assert f"that {first['batch']} filed go back to their places first" in planned["warnings"][0]
    assert {Path(step["source"]).parent for step in planned["steps"]} == {scanned.photos}
    assert owned(scanned) == filed
    done = scanned.ask("apply", action=action, layout=FLAT, overwrite=True, fingerprint=planned["fingerprint"])
    assert (done["refused"], done["done"]) == ([], len(planned["steps"]))
    assert all(Path(step["target"]).parent.parent == scanned.library for step in planned["steps"])
    assert all(Path(step["target"]).exists() for step in planned["steps"])
    assert contents(before) <= contents(owned(scanned))
    scanned.scan()
    assert not scanned.asked
    assert scanned.ask("undo", last=True)["refused"] == []
    assert owned(scanned) == before


def test_what_cannot_be_taken_back_stops_it(scanned: Installation) -> None:
    scanned.ask("apply", action="copy")
    (copy,) = scanned.library.rglob("IMG_120.jpg")
    copy.write_bytes(copy.read_bytes() + b"edited")
    done = scanned.ask("apply", action="copy", layout=FLAT, overwrite=True)
    assert done["done"] == 0
    assert any("changed after it was made" in one["reason"] for one in done["refused"])
    assert copy.exists()


@pytest.mark.parametrize("action", ["copy", "move"])
def test_what_the_owner_took_away_is_filed_anew_and_stops_nothing(scanned: Installation, action: str) -> None:
    scanned.ask("apply", action=action)
    filed = sorted(path for path in scanned.library.rglob("*") if path.is_file())
    if action == "copy":
        filed[0].unlink()
    else:
        filed[0].rename(scanned.photos / filed[0].name)
    scanned.scan()
    if action == "copy":
        assert scanned.ask("apply", action=action, overwrite=True)["refused"] == []
    else:
        done = scanned.ask("apply", action=action, layout=FLAT, overwrite=True)
        assert (done["refused"], done["done"]) == ([], len(filed))
    assert len([path for path in scanned.library.rglob("*") if path.is_file()]) == len(filed)
    batches = scanned.ask("history")["batches"]
    assert len(batches) == 3  # filed, taken back, filed anew
    assert scanned.ask("apply", action=action, layout=FLAT if action == "move" else None)["batch"] == ""


def in_batches(installation: Installation, sample_photos: Path) -> None:
    """Three shots arrive in two batches of six photos, two of each shot in either."""
    for half in ("1", "2"):
        for name in ("IMG_100.jpg", "IMG_110.jpg", "IMG_120.jpg"):
            for copy in ("a", "b"):
                shutil.copy(sample_photos / name, installation.photos / f"{half}{copy}_{name}")
        installation.scan()


def folders_of(installation: Installation) -> dict[str, set[str]]:
    """Group folder -> the photos in it."""
    found: dict[str, set[str]] = {}
    for photo in installation.library.rglob("*.*"):
        if photo.is_file():
            found.setdefault(str(photo.parent.relative_to(installation.library)), set()).add(photo.name)
    return found


@pytest.mark.parametrize("action", ["copy", "move"])
def test_batch_folders_then_merged_then_as_before(installation: Installation, sample_photos: Path, action: str) -> None:
    in_batches(installation, sample_photos)
    before, shots = owned(installation), names_of(installation.groups())
    options = {"action": action, "layout": "batch_{batch}/{group}/", "batch_size": 6}
    clustered = installation.ask("apply", **options, only="cluster")
    assert clustered["refused"] == []
    folders = folders_of(installation)
    assert sorted(name.partition("/")[0] for name in folders) == ["batch_01"] * 3 + ["batch_02"] * 3
    assert all(any(names < shot for shot in shots) for names in folders.values())
    assert installation.ask("plan", **options, only="cluster")["steps"] == []
    merged = installation.ask("apply", only="merge")
    assert merged["refused"] == []
    assert {frozenset(names) for names in folders_of(installation).values()} == shots
    assert set(folders_of(installation)) < set(folders)
    assert installation.ask("plan", only="merge")["steps"] == []
    installation.scan()
    assert not installation.asked
    assert installation.ask("undo", last=True)["refused"] == []
    assert folders_of(installation) == folders
    assert installation.ask("apply", **options, overwrite=True)["refused"] == []  # both: groups whole, in batch folders
    assert {frozenset(names) for names in folders_of(installation).values()} == shots
    assert installation.ask("undo", everything=True)["refused"] == []
    assert owned(installation) == before


def test_folders_of_another_program_are_merged_by_their_shot(installation: Installation, sample_photos: Path) -> None:
    photos = sorted(sample_photos.iterdir())
    for number, photo in enumerate(photos):
        folder = installation.photos / f"batch_{number % 2}" / f"cluster_{number // 2}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder)
        (folder / f"{photo.stem}.xmp").write_text(f"<xmp {number}/>")
    shutil.copy(photos[0], installation.photos / "in no folder.jpg")
    installation.scan()
    before, shots = owned(installation), names_of(installation.groups())
    done = installation.ask("apply", only="merge", library=installation.photos)
    assert done["refused"] == []
    held = {
        frozenset(photo.name for photo in folder.glob("*.jpg"))
        for folder in installation.photos.rglob("cluster_*")
        if any(folder.iterdir())
    }
    assert {names for names in held if len(names) > 1} == {shot - {"in no folder.jpg"} for shot in shots}
    for sidecar in installation.photos.rglob("*.xmp"):
        assert sidecar.with_suffix(".jpg").exists()
    assert contents(owned(installation)) == contents(before)
    assert installation.ask("undo", last=True)["refused"] == []
    assert owned(installation) == before


def test_halves_of_filing_that_do_not_fit_are_told(scanned: Installation) -> None:
    for asked, says in (
        ({"only": "cluster", "action": "copy"}, "--batch-size"),
        ({"action": "copy", "layout": "{batch}/{group}/"}, "--batch-size"),
        ({"only": "merge", "layout": FLAT}, "Leave it out"),
        ({"only": "merge", "overwrite": True}, "Leave out"),
        ({"only": "merge"}, "No known photo"),
    ):
        with pytest.raises(BadInput, match=says):
            scanned.ask("plan", **asked)


def test_photos_that_are_alone_have_a_folder_when_asked(scanned: Installation) -> None:
    alone = {Path(path).name for path in scanned.groups()["alone"]}
    assert alone
    scanned.ask("apply", action="copy", layout=FLAT, outliers="single")
    assert {path.name for path in (scanned.library / "single").iterdir()} == alone


def test_batch_folders_made_earlier_are_merged(installation: Installation, sample_photos: Path) -> None:
    """Merge-only: folders that were clustered batch by batch, each in groups of its own, become one set of groups."""
    for number, photo in enumerate(sorted(sample_photos.iterdir())):
        folder = installation.photos / f"batch_{number % 3}" / f"cluster_{number // 3}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder)
    installation.scan()
    before, groups = owned(installation), names_of(installation.groups())
    assert installation.ask("apply", action="move", layout="{group}/{name}")["refused"] == []
    merged = {frozenset(photo.name for photo in folder.iterdir()) for folder in installation.library.iterdir()}
    assert merged == groups
    assert installation.ask("undo", everything=True)["refused"] == []
    assert owned(installation) == before


def test_a_folder_left_out_of_the_config_waits_for_a_word(installation: Installation, sample_photos: Path) -> None:
    left_out = installation.folder / "left out"
    left_out.mkdir()
    for photo in sample_photos.iterdir():
        shutil.copy(photo, left_out if photo.name.startswith("IMG_11") else installation.photos)
    installation.configure(roots=[{"path": str(installation.photos)}, {"path": str(left_out)}])
    installation.scan()
    installation.configure(action="move", apply="automatic", filing={"closed_after_s": 0.0})
    before = tree(left_out)
    with installation.app() as app:
        file_closed_sets(app)
    assert tree(left_out) == before
    assert list(installation.library.rglob("*.jpg"))
    shown = installation.ask("plan", action="move")
    outside = [step for step in shown["steps"] if Path(step["source"]).is_relative_to(left_out)]
    assert len(outside) == len(shown["steps"]) == 3
    assert any(f"3 photos lie in no folder of the config, as in {left_out}" in text for text in shown["warnings"])


def test_a_library_that_is_no_folder_is_told_before_anything_is_planned(scanned: Installation) -> None:
    photo = next(scanned.photos.glob("*.jpg"))
    for place in (photo, photo / "deeper"):
        with pytest.raises(BadInput, match=f"{photo.name} is no folder"):
            scanned.ask("plan", action="copy", library=place)


def test_undo_takes_a_folder_and_says_where_its_owner_brought_the_others(scanned: Installation) -> None:
    assert scanned.ask("apply", action="move")["refused"] == []
    folders = sorted({path.parent for path in scanned.library.rglob("*.jpg")})
    brought = scanned.library / "of my own"
    folders[0].rename(brought)
    scanned.scan()
    files = len(list(folders[1].iterdir()))
    assert scanned.ask("undo", files=[folders[1]])["done"] == files
    assert not folders[1].exists()
    refused = scanned.ask("undo", everything=True)["refused"]
    assert {one["reason"].partition("it is known at ")[2] for one in refused} == {
        f"{path} now" for path in brought.iterdir()
    }
    with pytest.raises(BadInput, match="has not done anything"):
        scanned.ask("undo", files=[scanned.folder / "elsewhere"])


@pytest.mark.parametrize("verb", ["apply", "rank"])
def test_an_edit_written_beside_a_filed_photo_goes_back_with_it(scanned: Installation, verb: str) -> None:
    before = tree(scanned.photos)
    filing = {"action": "move"} if verb == "apply" else {"folders": [scanned.photos]}
    assert scanned.ask(verb, **filing)["refused"] == []
    (photo,) = (path for top in (scanned.photos, scanned.library) for path in top.rglob("*IMG_101.jpg"))
    photo.with_name(f"{photo.name}.xmp").write_text("<edit/>")
    photo.with_suffix(".xmp").write_text("<other edit/>")
    (photo.parent / "notes.txt").write_text("of nobody")
    shown = scanned.ask("plan", undo=True, last=True)
    done = scanned.ask("undo", last=True, fingerprint=shown["fingerprint"])
    assert (done["refused"], done["done"]) == ([], len(shown["steps"]))
    assert (scanned.photos / "IMG_101.jpg.xmp").read_text() == "<edit/>"
    assert (scanned.photos / "IMG_101.xmp").read_text() == "<other edit/>"
    assert [path.name for path in photo.parent.iterdir() if path.suffix != ".jpg" and "101" not in path.name] == [
        "notes.txt"
    ]
    for path in (scanned.photos / "IMG_101.jpg.xmp", scanned.photos / "IMG_101.xmp", photo.parent / "notes.txt"):
        path.unlink()
    assert {path: facts for path, facts in tree(scanned.photos).items() if path in before} == before
    assert scanned.ask("undo", everything=True)["batch"] == ""


def test_an_edit_goes_back_with_its_photo_through_more_than_one_batch(scanned: Installation) -> None:
    scanned.ask("apply", action="move", layout="{group}/")
    scanned.ask("rank", folders=[scanned.library])
    (moved,) = [photo for photo in scanned.library.rglob("*.jpg") if photo.name.endswith("IMG_102.jpg")]
    moved.with_suffix(".xmp").write_text("<x:xmpmeta edit='1'/>")
    assert scanned.ask("undo", everything=True)["refused"] == []
    (sidecar,) = scanned.folder.rglob("*.xmp")
    assert (sidecar.name, sidecar.with_suffix(".jpg").exists()) == ("IMG_102.xmp", True)
    assert not scanned.library.exists()
