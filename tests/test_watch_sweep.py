"""What a sweep sees, on real trees."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sameshot.errors import FolderGone, FolderUnreadable, RootUnavailable
from sameshot.watch.ignore import IgnoreRules
from sameshot.watch.sweep import FolderListing, list_folder, walk


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(os.fsencode(path))


def swept(root: Path, rules: IgnoreRules | None = None) -> dict[str, list[str]]:
    return {
        os.path.relpath(folder, root): [found.path.name for found in listing.files]
        for folder, listing in walk(root, rules or IgnoreRules([root]))
        if isinstance(listing, FolderListing)
    }


def test_a_listing_tells_photos_companions_and_subfolders_with_their_facts(tmp_path):
    make(
        tmp_path, "b.jpg", "a.CR3", "a.xmp", "notes.txt", ".a.jpg.Xy12Zq", "sub/c.jpg", "@eaDir/b.jpg", ".hidden/d.jpg"
    )
    listing = list_folder(tmp_path, IgnoreRules([tmp_path]))
    assert [found.path for found in listing.files] == [tmp_path / "a.CR3", tmp_path / "a.xmp", tmp_path / "b.jpg"]
    assert listing.subfolders == (tmp_path / "sub",)
    assert listing.problems == ()
    facts = (tmp_path / "b.jpg").stat()
    stat = listing.files[2].stat
    assert (stat.device, stat.inode, stat.size_bytes) == (facts.st_dev, facts.st_ino, 5)
    assert (stat.mtime_ns, stat.ctime_ns) == (facts.st_mtime_ns, facts.st_ctime_ns)


def test_links_and_special_files_are_no_photos(tmp_path):
    make(tmp_path, "a.jpg", "elsewhere/b.jpg")
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    (tmp_path / "folder").symlink_to("elsewhere")
    (tmp_path / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.jpg"))
    os.link(tmp_path / "a.jpg", tmp_path / "hard.jpg")
    assert swept(tmp_path) == {".": ["a.jpg", "hard.jpg"], "elsewhere": ["b.jpg"], "folder.jpg": []}


def test_link_loops_end(tmp_path):
    make(tmp_path, "a/b/c.jpg")
    (tmp_path / "a" / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(".")
    assert swept(tmp_path) == {".": [], "a": [], "a/b": ["c.jpg"]}


def test_a_root_may_be_a_link_but_no_folder_below(tmp_path):
    make(tmp_path, "real/a.jpg")
    root = tmp_path / "root"
    root.symlink_to("real")
    assert swept(root) == {".": ["a.jpg"]}
    assert len(list_folder(root, IgnoreRules([root])).files) == 1
    with pytest.raises(FolderGone):
        list_folder(root, IgnoreRules([tmp_path]))


def test_a_tree_deeper_than_any_recursion_limit_is_swept(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=folder)
        deeper = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)
    assert len(swept(tmp_path)) == 1101
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


def test_a_path_too_long_to_be_opened_is_told_and_the_rest_swept(tmp_path):
    make(tmp_path, "z/a.jpg")
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=folder)
        deeper = os.open("d" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)
    told = [said for _, said in walk(tmp_path, IgnoreRules([tmp_path])) if isinstance(said, str)]
    assert len(told) == 1
    assert told[0].endswith("cannot be read: File name too long")
    assert swept(tmp_path)["z"] == ["a.jpg"]
    subprocess.run(["rm", "-rf", tmp_path / ("d" * 250)], check=True)


def test_ignore_files_prune_the_walk(tmp_path):
    make(tmp_path, "a/x.jpg", "a/exports/y.jpg", "b/exports/y.jpg", "b/z.png")
    (tmp_path / "a" / ".sameshotignore").write_text("exports/\n")
    assert swept(tmp_path, IgnoreRules([tmp_path], ["*.png"])) == {
        ".": [], "a": ["x.jpg"], "b": [], "b/exports": ["y.jpg"],
    }  # fmt: skip


def test_names_of_any_bytes_are_found(tmp_path):
    name = os.fsdecode(b"\xff\xfe.jpg")
    make(tmp_path, name, "new\nline.jpg")
    assert swept(tmp_path) == {".": ["new\nline.jpg", name]}


def test_a_folder_that_is_gone_and_one_that_is_a_file_now(tmp_path):
    make(tmp_path, "a.jpg")
    rules = IgnoreRules([tmp_path])
    for path in (tmp_path / "gone", tmp_path / "a.jpg", tmp_path / "a.jpg" / "deeper"):
        with pytest.raises(FolderGone, match="is not there any more"):
            list_folder(path, rules)
    with pytest.raises(RootUnavailable):
        list(walk(tmp_path / "gone", rules))


AS_ANOTHER_USER = """
import os, sys
from pathlib import Path
from sameshot.errors import FolderUnreadable, RootUnavailable
from sameshot.watch.ignore import IgnoreRules
from sameshot.watch.sweep import list_folder, walk
os.setgid(65534); os.setuid(65534)
root = Path(sys.argv[1])
rules = IgnoreRules([root])
for folder, said in walk(root, rules):
    print(said if isinstance(said, str) else f"{folder} {len(said.files)} {said.problems}")
for ask in (lambda: list_folder(root / "closed", rules), lambda: list(walk(root / "closed", rules))):
    try: ask()
    except (FolderUnreadable, RootUnavailable) as error: print(type(error).__name__, error)
"""


def test_a_folder_that_may_not_be_read_costs_one_folder():
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        make(root, "closed/a.jpg", "listed/b.jpg", "open/c.jpg")
        (root / "closed").chmod(0o700)
        (root / "listed").chmod(0o704)
        said = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER_USER, root], capture_output=True, text=True, check=True
        ).stdout.splitlines()
    assert said == [
        f"{root} 0 ()",
        f"The folder {root}/closed cannot be read: Permission denied",
        f"{root}/listed 0 ('{root}/listed/b.jpg cannot be read: Permission denied',)",
        f"{root}/open 1 ()",
        f"FolderUnreadable The folder {root}/closed cannot be read: Permission denied",
        f"RootUnavailable The folder {root}/closed cannot be read: Permission denied",
    ]
    assert issubclass(FolderGone, FolderUnreadable)


def test_a_folder_that_is_mounted_twice_is_swept_once(tmp_path):
    make(tmp_path, "a/x.jpg", "b/y.jpg")
    mounted = subprocess.run(["mount", "--bind", tmp_path / "a", tmp_path / "b"], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("needs root to mount")
    try:
        said = dict(walk(tmp_path, IgnoreRules([tmp_path])))
    finally:
        subprocess.run(["umount", tmp_path / "b"], check=True)
    assert len(said[tmp_path / "a"].files) == 1
    assert said[tmp_path / "b"].startswith(f"{tmp_path / 'b'} is the same folder as {tmp_path / 'a'}")


@pytest.mark.slow
def test_a_hundred_thousand_photos_are_swept_in_seconds(tmp_path):
    for folder in range(2000):
        (tmp_path / f"{folder:04}").mkdir()
        for photo in range(50):
            os.close(os.open(tmp_path / f"{folder:04}" / f"IMG_{photo:04}.jpg", os.O_CREAT | os.O_WRONLY))
    started_s = time.process_time()
    photos = sum(len(listing.files) for _, listing in walk(tmp_path, IgnoreRules([tmp_path])))
    taken_s = time.process_time() - started_s
    print(f"100,000 files in 2,000 folders: {taken_s:.2f} CPU s")
    assert photos == 100_000
    assert taken_s < 10
