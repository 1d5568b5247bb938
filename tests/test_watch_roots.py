"""A root that is unmounted, replaced or suddenly empty is never read as 'all photos were deleted'."""

import json
import os
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from sameshot.errors import RootUnavailable
from sameshot.watch.roots import LANDMARKS_KEPT, RootFacts, check_root, compare_root, is_network


@pytest.fixture
def disk(tmp_path):
    """A folder where a filesystem of its own is mounted, with three photos."""
    point = tmp_path / "disk one"
    point.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", point], capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount")
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (point / name).touch()
    yield point
    subprocess.run(["umount", point], capture_output=True, check=False)


def filled(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_the_facts_of_a_mounted_disk(disk):
    (disk / "inside").mkdir()
    for path in (disk, disk / "inside"):
        facts = check_root(path)
        assert (facts.mount_point, facts.filesystem_type) == (str(disk), "tmpfs")
        assert (facts.device, facts.inode) == (path.stat().st_dev, path.stat().st_ino)
        assert facts.is_writable
        assert not facts.is_network
    assert set(check_root(disk).landmarks) == {"a.jpg", "b.jpg", "c.jpg", "inside"}


def test_facts_survive_being_stored(tmp_path):
    facts = check_root(filled(tmp_path / "r", os.fsdecode(b"\xff.jpg"), "b.jpg"))
    stored = json.loads(json.dumps(asdict(facts)))
    assert RootFacts(**(stored | {"landmarks": tuple(stored["landmarks"])})) == facts


def test_what_is_no_folder_is_unavailable(tmp_path):
    with pytest.raises(RootUnavailable, match=r"is not there\. Mount its disk"):
        check_root(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(RootUnavailable, match="is not a folder"):
        check_root(tmp_path / "file")


def test_a_root_seen_for_the_first_time_is_online_even_if_empty(tmp_path):
    assert compare_root(check_root(tmp_path), None).is_online


def test_photos_may_come_and_go_while_some_are_left(tmp_path):
    root = filled(tmp_path / "r", "a.jpg", "b.jpg")
    before = check_root(root)
    (root / "a.jpg").unlink()
    (root / "b.jpg").rename(root / "z.jpg")
    assert compare_root(check_root(root), before).is_online


def test_a_suddenly_empty_root_is_offline(tmp_path):
    root = filled(tmp_path / "r", "a.jpg")
    before = check_root(root)
    (root / "a.jpg").unlink()
    (root / "lost+found").mkdir()
    state = compare_root(check_root(root), before)
    assert not state.is_online
    assert state.sentence == f"{root} is empty and it held photos before; its photos are kept as known"
    (root / "new.jpg").touch()
    assert compare_root(check_root(root), before).is_online


def test_an_unmounted_disk_is_offline_and_back_when_mounted(disk):
    before = check_root(disk)
    subprocess.run(["umount", disk], check=True)
    state = compare_root(check_root(disk), before)
    assert not state.is_online
    assert f"nothing is mounted at {disk}" in state.sentence
    (disk / "under the mount.jpg").touch()  # a program wrote while the disk was away
    state = compare_root(check_root(disk), before)
    assert not state.is_online
    assert "shows other files than before" in state.sentence
    subprocess.run(["mount", "-t", "tmpfs", "none", disk], check=True)
    for name in ("a.jpg", "b.jpg", "new.jpg"):
        (disk / name).touch()
    assert compare_root(check_root(disk), before).is_online


def test_another_disk_at_the_same_place_is_offline(disk):
    before = check_root(disk)
    subprocess.run(["umount", disk], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", disk], check=True)
    (disk / "other.jpg").touch()
    state = compare_root(check_root(disk), before)
    assert not state.is_online
    assert "another filesystem is mounted there" in state.sentence


def test_photos_that_moved_to_another_disk_under_the_same_path_are_online(disk):
    before = check_root(disk)
    subprocess.run(["umount", disk], check=True)
    filled(disk, "a.jpg", "b.jpg", "c.jpg")
    assert compare_root(check_root(disk), before).is_online
    shutil.rmtree(disk)


def test_a_new_device_number_alone_means_nothing(tmp_path):
    now = check_root(filled(tmp_path / "r", "a.jpg"))
    assert compare_root(now, replace(now, device=12345, inode=6789)).is_online
    assert compare_root(now, replace(now, device=12345, filesystem_id="another")).is_online
    same = replace(now, filesystem_id="an id")
    assert compare_root(same, replace(same, device=12345, landmarks=("z.jpg",))).is_online
    assert not compare_root(same, replace(same, filesystem_id="another", landmarks=("z.jpg",))).is_online


def test_an_unknown_filesystem_is_not_taken_for_the_same(tmp_path):
    nameless = replace(check_root(filled(tmp_path / "r", "a.jpg")), filesystem_id="")
    assert not compare_root(nameless, replace(nameless, landmarks=("z.jpg",))).is_online


def test_a_read_only_disk_is_told(disk):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert not check_root(disk).is_writable


def test_landmarks_stay_the_same_while_their_files_stay(tmp_path):
    root = filled(tmp_path / "r", *(f"{number:04}.jpg" for number in range(300)))
    before = set(check_root(root).landmarks)
    filled(root, *(f"new {number}.jpg" for number in range(30)))
    assert len(before) == LANDMARKS_KEPT
    assert len(before & set(check_root(root).landmarks)) > LANDMARKS_KEPT * 2 / 3


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.rclone", "9p", "virtiofs", "fuse"])
def test_filesystems_of_others_announce_nothing(kind):
    assert is_network(kind)


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "vfat", "exfat", "ntfs3", "fuseblk"]
)
def test_local_filesystems_announce(kind):
    assert not is_network(kind)
