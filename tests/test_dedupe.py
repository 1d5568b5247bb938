"""Duplicates go only on request, one copy of each photo always stays, and `undo` brings them back."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import pytest
from PIL import Image

import drawn
from filed import Desk, contents, own_names, step, tree
from running import Installation
from sameshot.apply.journal import Journal
from sameshot.errors import BadInput
from test_filing_end_to_end import killed

COPY_OF_100 = "trip/again.jpg"


@pytest.fixture
def copies(installation: Installation, sample_photos: Path) -> Installation:
    """Four photos; one of them lies there three times, one twice with an equal sidecar, one twice beside a RAW."""
    photos = installation.photos
    for name in ("IMG_100.jpg", "IMG_110.jpg", "IMG_120.jpg", "IMG_130.jpg"):
        shutil.copy(sample_photos / name, photos)
    (photos / "trip").mkdir()
    (photos / "more").mkdir()
    shutil.copy(photos / "IMG_100.jpg", photos / COPY_OF_100)
    shutil.copy(photos / "IMG_100.jpg", photos / "more" / "IMG_100.jpg")
    for folder in (photos, photos / "trip"):
        shutil.copy(sample_photos / "IMG_110.jpg", folder)
        (folder / "IMG_110.xmp").write_text("<x:xmpmeta edit='1'/>")
    shutil.copy(sample_photos / "IMG_120.jpg", photos / "more")
    (photos / "more" / "IMG_120.cr2").write_bytes(b"II*\0 a RAW of which there is one")
    for number, path in enumerate(sorted(photos.rglob("*.*"))):
        os.utime(path, ns=(10**18, 10**18 + number * 10**9))
    installation.scan()
    return installation


def owned(installation: Installation) -> dict:
    return tree(*(path for path in installation.folder.iterdir() if path.name.startswith("photos")))


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_one_copy_of_each_stays_and_undo_brings_the_others_back(copies: Installation) -> None:
    before, groups = owned(copies), copies.partition()
    planned = copies.ask("plan", dedupe="quarantine", keep="shortest-path")
    assert all(step["kept"] and step["action"] == "move" for step in planned["steps"])
    assert any("stays: its path is the shortest" in step["why"] for step in planned["steps"])
    done = copies.ask("dedupe", to="quarantine", keep="shortest-path", fingerprint=planned["fingerprint"])
    assert (done["refused"], done["done"]) == ([], 4)
    assert names(copies.folder / "photos duplicates") == {
        "photos/trip/again.jpg",
        "photos/more/IMG_100.jpg",
        "photos/trip/IMG_110.jpg",
        "photos/trip/IMG_110.xmp",
    }
    assert contents(owned(copies)) == contents(before)
    assert any("IMG_120.cr2 beside it has no copy" in warning for warning in planned["warnings"])
    assert (copies.photos / "more" / "IMG_120.jpg").exists()
    assert copies.ask("status")["photos"] == 5
    copies.scan()
    assert not copies.asked
    assert copies.ask("plan", dedupe="quarantine", keep="shortest-path")["steps"] == []
    assert len(copies.partition()) < len(groups)
    assert copies.ask("undo", everything=True)["refused"] == []
    assert owned(copies) == before
    assert copies.partition() == groups
    copies.scan()
    assert not copies.asked


def mounted(folder: Path) -> bool:
    return not subprocess.run(["mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("keep", "stays"),
    [("oldest", "IMG_100.jpg"), ("newest", COPY_OF_100), ("shortest-path", "IMG_100.jpg"), ("best", "IMG_100.jpg")],
)
def test_the_rule_chooses_what_stays(copies: Installation, keep: str, stays: str) -> None:
    steps = copies.ask("plan", dedupe="quarantine", keep=keep)["steps"]
    kept = {Path(step["kept"]) for step in steps if Path(step["source"]).name in ("IMG_100.jpg", "again.jpg")}
    assert kept == {copies.photos / stays}


@pytest.mark.parametrize(
    ("files", "stays", "why"),
    [
        (["a/DSC_0001.jpg", "DSC_0001 copy.jpg"], "a/DSC_0001.jpg", "its name is as a camera gives it"),
        (["IMG_0001.jpg", "IMG_0001 (1).jpg"], "IMG_0001.jpg", "its name is as a camera gives it"),
        (["sea.jpg", "Copy of sea.jpg"], "sea.jpg", "its name is not that of a copy"),
        (["20240517_120000.jpg", "0/x.jpg"], "20240517_120000.jpg", "its name is as a camera gives it"),
        (["2024/05/IMG_0001.jpg", "keep/IMG_0001.jpg"], "keep/IMG_0001.jpg", "it lies in fewer folders"),
        (["z/IMG_0001.jpg", "a/IMG_0001.jpg"], "a/IMG_0001.jpg", "its path comes first by the alphabet"),
    ],
)
def test_equal_copies_are_told_apart_by_name_and_place(
    installation: Installation, sample_photos: Path, files: list[str], stays: str, why: str
) -> None:
    for name in files:
        target = installation.photos / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample_photos / "IMG_100.jpg", target)
        os.utime(target, ns=(10**18, 10**18))
    installation.scan()
    (step,) = installation.ask("plan", dedupe="quarantine")["steps"]
    assert step["kept"] == str(installation.photos / stays)
    assert step["why"].endswith(f"which stays: {why}")


def test_frames_of_sets_that_are_kept_whole_are_never_proposed(installation: Installation, sample_photos: Path) -> None:
    for n, stops_ev in enumerate((0.0, -3.0, 3.0)):
        taken_at, exposure_time_s = datetime(2024, 5, 17, 12, 0, n), 2.0**stops_ev / 125  # noqa: DTZ001
        photo = installation.photos / f"IMG_{n}.jpg"
        drawn.save(drawn.exposed(drawn.scene(21), stops_ev), photo, taken_at=taken_at, exposure_time_s=exposure_time_s)
    (installation.photos / "again").mkdir()
    for photo in (*installation.photos.glob("*.jpg"), sample_photos / "IMG_100.jpg"):
        shutil.copy(photo, installation.photos / "again")
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos)
    installation.scan()
    assert {group["kind"] for group in installation.groups()["groups"]} == {"bracket", "exact"}
    planned = installation.ask("plan", dedupe="quarantine")
    assert [Path(step["source"]).name for step in planned["steps"]] == ["IMG_100.jpg"]
    assert "6 copies stay: they are frames of brackets" in planned["warnings"][-1]


def test_the_photo_with_a_raw_stays_when_the_best_is_kept(copies: Installation) -> None:
    steps = copies.ask("plan", dedupe="quarantine")["steps"]
    moved = {step["source"]: step["kept"] for step in steps}
    assert moved[str(copies.photos / "IMG_120.jpg")] == str(copies.photos / "more" / "IMG_120.jpg")


def test_what_is_in_a_reference_folder_or_elsewhere_stays(copies: Installation) -> None:
    steps = copies.ask("plan", dedupe="quarantine", reference=[copies.photos / "trip"])["steps"]
    assert {step["kept"] for step in steps if "IMG_100" in step["source"]} == {str(copies.photos / COPY_OF_100)}
    assert not [step for step in steps if Path(step["source"]).is_relative_to(copies.photos / "trip")]
    assert any("reference folder" in step["why"] for step in steps)
    steps = copies.ask("plan", dedupe="quarantine", paths=[copies.photos / "more"])["steps"]
    assert {step["source"] for step in steps} == {str(copies.photos / "more" / "IMG_100.jpg")}
    with pytest.raises(BadInput, match="No known photo is in"):
        copies.ask("plan", dedupe="quarantine", reference=[copies.folder / "nowhere"])


def test_a_sidecar_of_its_own_keeps_a_copy(copies: Installation) -> None:
    (copies.photos / "trip" / "IMG_110.xmp").write_text("<x:xmpmeta edit='another'/>")
    copies.scan()
    planned = copies.ask("plan", dedupe="quarantine")
    assert not [step for step in planned["steps"] if "IMG_110" in step["source"]]
    assert any("IMG_110.xmp beside it has no copy" in warning for warning in planned["warnings"])


def test_copies_that_differ_in_metadata_go_when_asked(installation: Installation, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos / "with.jpg")
    data = (sample_photos / "IMG_100.jpg").read_bytes()
    comment = b"\xff\xfe\x00\x10rated by me..."
    (installation.photos / "rated.jpg").write_bytes(data[:2] + comment + data[2:])
    installation.scan()
    assert installation.ask("plan", dedupe="quarantine")["steps"] == []
    steps = installation.ask("plan", dedupe="quarantine", verified=True)["steps"]
    assert [Path(step["source"]).name for step in steps] == ["with.jpg"]
    assert "the same pixels as" in steps[0]["why"]
    for name, other in (("with", "rated"), ("rated", "with"), ("with", "rated")):
        installation.ask("keep", files=[installation.photos / f"{name}.jpg"])
        steps = installation.ask("plan", dedupe="quarantine", verified=True)["steps"]
        assert [Path(step["source"]).stem for step in steps] == [other], "the one that was named last stays"
    assert installation.ask("dedupe", to="quarantine", verified=True)["done"] == 1
    assert installation.ask("undo", last=True)["refused"] == []


def test_hard_links_of_one_file_both_stay(installation: Installation, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos)
    os.link(installation.photos / "IMG_100.jpg", installation.photos / "second name.jpg")
    installation.scan()
    planned = installation.ask("plan", dedupe="quarantine")
    assert planned["steps"] == []
    assert any("two names of one file" in warning for warning in planned["warnings"])


def test_links_that_sameshot_filed_keep_what_they_lead_to(copies: Installation) -> None:
    copies.ask("apply", action="symlink")
    linked = {step["source"] for step in copies.ask("history", batch=None)["steps"]}
    steps = copies.ask("plan", dedupe="quarantine")["steps"]
    assert not linked & {step["source"] for step in steps}
    assert not [step for step in steps if Path(step["source"]).suffix == ".jpg"]


def test_the_library_takes_no_copy_for_a_duplicate(copies: Installation) -> None:
    before = copies.ask("plan", dedupe="quarantine")["steps"]
    copies.ask("apply", action="copy")
    after = copies.ask("plan", dedupe="quarantine")["steps"]
    assert [step["source"] for step in after] == [step["source"] for step in before]


def test_the_quarantine_is_a_folder_of_its_own(copies: Installation) -> None:
    for inside in (copies.photos / "out", copies.photos, copies.folder):
        with pytest.raises(BadInput, match="lie inside each other"):
            copies.ask("plan", dedupe="quarantine", quarantine=inside)


def test_the_kept_copy_is_read_again(copies: Installation) -> None:
    before = owned(copies)
    kept = copies.photos / "IMG_100.jpg"
    status = kept.stat()
    data = bytearray(kept.read_bytes())
    data[-100] ^= 1
    kept.write_bytes(data)  # rotten, with the time and size it had
    os.utime(kept, ns=(status.st_atime_ns, status.st_mtime_ns))
    done = copies.ask("dedupe", to="quarantine", keep="oldest")
    refused = [one for one in done["refused"] if "no longer has the bytes" in one["reason"]]
    assert len(refused) == 2
    there = {str(Path(path).relative_to(copies.photos)) for path, facts in before.items() if facts}
    assert names(copies.photos) == there - {"trip/IMG_110.jpg", "trip/IMG_110.xmp"}
    assert not own_names(owned(copies))


def test_the_duplicate_itself_is_read_again(copies: Installation) -> None:
    """An edit that no scan saw is no copy of anything, whatever was known of the file."""
    before = owned(copies)
    gone = copies.photos / COPY_OF_100
    status = gone.stat()
    data = bytearray(gone.read_bytes())
    data[-100] ^= 1
    gone.write_bytes(data)
    os.utime(gone, ns=(status.st_atime_ns, status.st_mtime_ns))
    edited = tree(gone.parent)[str(gone)]
    done = copies.ask("dedupe", to="quarantine", keep="shortest-path")
    assert [one["reason"] for one in done["refused"]] == [f"{gone} no longer has the bytes it had, so it is kept"]
    assert done["done"] == 3
    after = owned(copies)
    assert after[str(gone)] == edited
    assert contents(after) - contents(before) == {edited.content: 1}
    assert not own_names(after)


def test_a_file_reached_by_two_paths_is_put_back(copies: Installation) -> None:
    """A bind mount: to the system another folder, on the disk the same file."""
    second = copies.folder / "photos again"
    second.mkdir()
    if subprocess.run(["mount", "--bind", copies.photos, second], capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount")
    try:
        copies.configure(roots=[{"path": str(copies.photos)}, {"path": str(second)}])
        copies.scan()
        planned = copies.ask("plan", dedupe="quarantine")
        pairs = {(Path(step["source"]).name, Path(step["kept"]).name) for step in planned["steps"]}
        assert ("IMG_130.jpg", "IMG_130.jpg") not in pairs
        before = contents(owned(copies))
        copies.ask("dedupe", to="quarantine")
        assert all((folder / "IMG_130.jpg").exists() for folder in (copies.photos, second))
        left = {path for path in owned(copies) if Path(path).is_relative_to(copies.photos)}
        assert left
        assert set(contents(owned(copies))) == set(before)
    finally:
        subprocess.run(["umount", second], check=True)


def test_an_overlay_over_the_photos_shows_no_copies(copies: Installation) -> None:
    second, empty = copies.folder / "photos overlaid", copies.folder / "empty"
    second.mkdir()
    empty.mkdir()
    layers = f"lowerdir={copies.photos}:{empty}"
    if subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", layers, second], capture_output=True, check=False
    ).returncode:
        pytest.skip("needs root, and a disk that overlays can lie on")
    try:
        copies.configure(roots=[{"path": str(copies.photos)}, {"path": str(second)}])
        copies.scan()
        one, other = copies.photos / "IMG_130.jpg", second / "IMG_130.jpg"
        assert one.stat().st_dev != other.stat().st_dev
        planned = copies.ask("plan", dedupe="quarantine", paths=[copies.photos])
        assert str(one) not in {step["source"] for step in planned["steps"]}
        assert any("IMG_130.jpg are two names of one file" in warning for warning in planned["warnings"])
    finally:
        subprocess.run(["umount", second], check=True)


def test_a_copy_that_goes_with_its_duplicate_brings_it_back(tmp_path: Path) -> None:
    """Two paths to one file that nothing tells apart before: here the second is a link to wherever the first goes."""
    desk = Desk(tmp_path)
    source, kept = desk.photo("a.jpg", b"bytes"), desk.photo("b.jpg", b"bytes")
    digest = hashlib.sha256(b"bytes").digest()
    for target in (desk.library / "a.jpg", desk.library / "c.jpg"):
        before = desk.tree()
        wanted = replace(step(1, "move", source, target), kept=kept, kept_digest=digest)
        if target.name == "c.jpg":
            kept.write_bytes(b"other")
            before = desk.tree()
        (outcome,) = desk.file(wanted).outcomes
        if target.name == "a.jpg":
            assert outcome.done
            assert desk.undo().outcomes[0].done
            assert desk.tree() == before
        else:
            assert "no longer has the bytes" in outcome.reason
            assert desk.tree() == before
    kept.unlink()
    os.link(source, kept)
    (outcome,) = desk.file(
        replace(step(1, "move", source, desk.library / "d.jpg"), kept=kept, kept_digest=digest)
    ).outcomes
    assert "two names of one file" in outcome.reason


@pytest.mark.slow
@pytest.mark.parametrize("to", ["quarantine", "trash"])
def test_kills_during_dedupe_lose_nothing(copies: Installation, to: str) -> None:
    copies.environment["XDG_DATA_HOME"] = str(copies.folder / "photos data")
    before, kills = owned(copies), 0
    rng = random.Random(to)
    for turn in range(15):
        kills += killed(copies, rng.uniform(0, 0.03), "dedupe", "--to", to, "--yes")
        assert contents(before) <= contents(owned(copies))
        if turn % 2:
            kills += killed(copies, rng.uniform(0, 0.03), "undo", "--all", "--yes")
        assert copies.run("recover").code == 0
        now = {Path(path).name for path in owned(copies)}
        sidecar, photo = copies.photos / "trip" / "IMG_110.xmp", copies.photos / "trip" / "IMG_110.jpg"
        assert sidecar.exists() == photo.exists(), now  # no unit is split
        undone = copies.run("undo", "--all", "--yes")
        assert undone.code == 0, undone
        trash = str(copies.folder / "photos data")  # its folders are the desktop's from the first use on
        found = {path: facts for path, facts in owned(copies).items() if facts or not path.startswith(trash)}
        assert found == before, turn
    assert kills >= 8


def test_the_trash_of_the_home_folder(copies: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    before = owned(copies)
    monkeypatch.setenv("XDG_DATA_HOME", str(copies.folder / "data"))
    trash = copies.folder / "data" / "Trash"
    done = copies.ask("dedupe", to="trash", keep="shortest-path")
    assert (done["refused"], done["done"]) == ([], 4)
    assert (trash.stat().st_mode & 0o777, names(trash / "files")) == (
        0o700, {"again.jpg", "IMG_100.jpg", "IMG_110.jpg", "IMG_110.xmp"},
    )  # fmt: skip
    note = (trash / "info" / "again.jpg.trashinfo").read_text().splitlines()
    assert note[0] == "[Trash Info]"
    assert unquote(note[1]) == f"Path={copies.photos / COPY_OF_100}"
    assert note[2].startswith("DeletionDate=20")
    (trash / "files" / "again.xmp").write_text("thrown away by its owner")
    assert copies.ask("undo", last=True)["refused"] == []
    assert owned(copies) == before
    assert names(trash) == {"files/again.xmp"}


def test_the_trash_of_another_disk(installation: Installation, sample_photos: Path) -> None:
    if not mounted(installation.photos):
        pytest.skip("needs root to mount")
    try:
        odd = installation.photos / os.fsdecode(b"caf\xe9 \n%.jpg")
        for target in (installation.photos / "IMG_100.jpg", odd):
            shutil.copy(sample_photos / "IMG_100.jpg", target)
        installation.scan()
        assert installation.ask("dedupe", to="trash", keep="shortest-path")["done"] == 1
        trash = installation.photos / f".Trash-{os.getuid()}"
        assert [os.fsencode(path.name) for path in (trash / "files").iterdir()] == [b"caf\xe9 _%.jpg"]
        (note,) = (trash / "info").iterdir()
        assert "Path=caf%E9%20%0A%25.jpg" in note.read_text()
        installation.scan()
        assert installation.ask("status")["photos"] == 1
        assert installation.ask("undo", last=True)["refused"] == []
        assert odd.exists()
    finally:
        subprocess.run(["umount", installation.photos], check=True)


def test_a_taken_name_in_the_trash_is_not_overwritten(copies: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(copies.folder / "data"))
    trash = copies.folder / "data" / "Trash"
    for folder in ("files", "info"):
        (trash / folder).mkdir(parents=True)
    (trash / "files" / "again.jpg").write_bytes(b"thrown away by another program")
    (trash / "info" / "IMG_100.jpg.trashinfo").write_text("a note of another program")
    assert copies.ask("dedupe", to="trash", keep="shortest-path")["refused"] == []
    assert {"again (2).jpg", "IMG_100 (2).jpg"} <= names(trash / "files")
    assert copies.ask("undo", last=True)["refused"] == []
    assert names(trash) == {"files/again.jpg", "info/IMG_100.jpg.trashinfo"}


def test_the_command_line_shows_what_stays_and_asks(copies: Installation) -> None:
    asked = copies.run("dedupe", "--to", "quarantine")
    assert asked.code == 2
    assert "which stays" in asked.out + asked.err
    done = copies.run("dedupe", "--to", "quarantine", "--keep", "oldest", "--yes")
    assert done.code == 0, done
    assert copies.run("plan", "--dedupe", "quarantine").code == 0
    assert Journal(copies.locations.journal_dir).batches()[-1].kind == "dedupe"


def test_a_copy_across_disks_is_verified_before_the_duplicate_goes(copies: Installation) -> None:
    quarantine = copies.folder / "photos on another disk"
    quarantine.mkdir()
    if not mounted(quarantine):
        pytest.skip("needs root to mount")
    try:
        before = owned(copies)
        done = copies.ask("dedupe", to="quarantine", quarantine=quarantine, keep="shortest-path")
        assert (done["refused"], done["done"]) == ([], 4)
        assert contents(owned(copies)) == contents(before)
        assert copies.ask("undo", last=True)["refused"] == []
        assert contents(owned(copies)) == contents(before)
        assert names(quarantine) == set()
    finally:
        subprocess.run(["umount", quarantine], check=True)


@pytest.mark.parametrize("rotten", ["a.jpg", "a.xmp"])
def test_a_duplicate_comes_back_from_another_disk_when_its_copy_does_not_stand(tmp_path: Path, rotten: str) -> None:
    desk = Desk(tmp_path)
    if not os.access("/dev/shm", os.W_OK) or Path("/dev/shm").stat().st_dev == desk.photos.stat().st_dev:
        pytest.skip("no second filesystem to write to")
    with TemporaryDirectory(dir="/dev/shm") as folder:
        desk.library = Path(folder) / "quarantine"
        steps, sound = [], {"a.jpg": b"a" * 5000, "a.xmp": b"<xmp/>"}
        for name, content in sound.items():
            source, kept = desk.photo(name, content, mode=0o604, rating=b"3"), desk.photo(f"copies/{name}", content)
            moved = step(1, "move", source, desk.library / name, digest=True)
            steps.append(replace(moved, kept=kept, kept_digest=moved.digest))
        kept = desk.photo(f"copies/{rotten}", b"?" * len(sound[rotten]))  # with the size and the time it had
        before = desk.tree()
        reasons = [outcome.reason for outcome in desk.file(*steps).outcomes]
        assert f"{kept} no longer has the bytes it had, so {desk.photos / rotten} is kept" in reasons
        assert all("no longer has the bytes" in reason for reason in reasons)
        assert desk.tree() == before
        assert not desk.library.exists()
        desk.photo(f"copies/{rotten}", sound[rotten])
        before = desk.tree()
        assert all(outcome.done for outcome in desk.file(*steps).outcomes)
        assert names(desk.library) == set(sound)
        assert all(outcome.done for outcome in desk.undo().outcomes)
        assert desk.tree() == before


def test_drawn_photos_are_what_these_tests_think(copies: Installation) -> None:
    with Image.open(copies.photos / "IMG_100.jpg") as picture:
        assert picture.size == drawn.scene(1).shape[1::-1]
