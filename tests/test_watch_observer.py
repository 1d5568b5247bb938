"""Hints, on real inotify: what changes is told, what breaks says so and comes back."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
import watchdog.observers.inotify as watchdog_inotify
import watchdog.observers.inotify_c as watchdog_inotify_c
from watchdog.version import VERSION_MAJOR

from sameshot.errors import FolderGone
from sameshot.watch.ignore import IgnoreRules
from sameshot.watch.observer import FolderWatch
from sameshot.watch.sweep import list_folder

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


class Hints:
    """What on_dirty was called with."""

    def __init__(self):
        self.folders: list[Path] = []

    def __call__(self, folder: Path) -> None:
        self.folders.append(folder)

    def clear(self) -> None:
        self.folders.clear()

    def wait_for(self, *folders: Path, within_s: float = 2.0) -> None:
        deadline = time.monotonic() + within_s
        missing = set(folders)
        while missing and time.monotonic() < deadline:
            missing -= set(self.folders)
            time.sleep(0.01)
        assert not missing, f"not hinted within {within_s} s"

    def settle(self, quiet_s: float = 0.7, *, forget: bool = True) -> None:
        """Wait until nothing comes any more (a lone rename is held back for half a second), and forget it."""
        count = -1
        while count != len(self.folders):
            count = len(self.folders)
            time.sleep(quiet_s)
        if forget:
            self.clear()


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "photos"
    (folder / "a" / "b").mkdir(parents=True)
    return folder


@pytest.fixture
def hints():
    return Hints()


@contextlib.contextmanager
def watching(hints, *roots, rules=None):
    watch = FolderWatch(roots, hints, rules or IgnoreRules(roots))
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


@contextlib.contextmanager
def kernel_setting(path: Path, value: int):
    if not os.access(path, os.W_OK):
        pytest.skip("needs root to change the kernel's inotify limits")
    before = path.read_text()
    path.write_text(str(value))
    try:
        yield
    finally:
        path.write_text(before)


# ---------------------------------------------------------------- what is told


def test_a_copied_file_is_hinted(root, hints, tmp_path):
    (tmp_path / "source.jpg").write_bytes(b"x" * 100_000)
    with watching(hints, root) as watch:
        assert hints.folders == []
        shutil.copy(tmp_path / "source.jpg", root / "a" / "b" / "p.jpg")
        hints.wait_for(root / "a" / "b")
        assert set(hints.folders) == {root / "a" / "b"}
        assert watch.health()[root].state == "watching"
        assert watch.health()[root].folders_watched == 3


CHANGES = {
    "moved in": lambda root, outside: (outside / "p.jpg").rename(root / "a" / "p.jpg"),
    "linked in": lambda root, outside: os.link(outside / "p.jpg", root / "a" / "p.jpg"),
    "renamed": lambda root, outside: (root / "a" / "old.jpg").rename(root / "a" / "new.jpg"),
    "temporary name taken off": lambda root, outside: (root / "a" / ".t.jpg.Xy12Zq").rename(root / "a" / "t.jpg"),
    "removed": lambda root, outside: (root / "a" / "old.jpg").unlink(),
    "moved out": lambda root, outside: (root / "a" / "old.jpg").rename(outside / "old.jpg"),
    "written in place": lambda root, outside: (root / "a" / "old.jpg").write_bytes(b"new"),
    "ignore file": lambda root, outside: (root / "a" / ".sameshotignore").write_text("*.png"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_way_a_file_changes_is_hinted(change, root, hints, tmp_path):
    (tmp_path / "p.jpg").write_bytes(b"x")
    (root / "a" / "old.jpg").write_bytes(b"x")
    (root / "a" / ".t.jpg.Xy12Zq").write_bytes(b"x")
    with watching(hints, root):
        CHANGES[change](root, tmp_path)
        hints.wait_for(root / "a")


def test_a_move_between_folders_hints_both(root, hints):
    (root / "a" / "p.jpg").touch()
    with watching(hints, root):
        (root / "a" / "p.jpg").rename(root / "a" / "b" / "p.jpg")
        hints.wait_for(root / "a", root / "a" / "b")


def test_reading_and_foreign_files_are_not_hinted(root, hints):
    for number in range(50):
        (root / "a" / f"{number}.jpg").write_bytes(b"x")
    (root / "@eaDir").mkdir()
    with watching(hints, root) as watch:
        for _ in range(3):
            for path in (root / "a").glob("*.jpg"):
                path.read_bytes()
        (root / "a" / "notes.txt").write_text("x")
        (root / "a" / ".p.jpg.part").write_bytes(b"x")
        (root / "@eaDir" / "p.jpg").write_bytes(b"x")
        (root / "a" / ".hidden").mkdir()
        time.sleep(0.5)
        assert hints.folders == []
        assert watch.health()[root].folders_watched == 3


def test_new_nested_folders_are_hinted_and_watched(root, hints):
    with watching(hints, root):
        for number in range(20):
            deep = root / f"new {number}" / "x" / "y" / "z"
            deep.mkdir(parents=True)
            (deep / "p.jpg").touch()
        everything = [root / f"new {number}" / "x" / "y" / "z" for number in range(20)]
        hints.wait_for(*everything)
        hints.settle()
        for folder in everything:
            (folder / "later.jpg").touch()
        hints.wait_for(*everything)


def test_a_tree_moved_in_around_and_out(root, hints, tmp_path):
    (tmp_path / "tree" / "x" / "y").mkdir(parents=True)
    (tmp_path / "tree" / "x" / "y" / "p.jpg").touch()
    with watching(hints, root) as watch:
        (tmp_path / "tree").rename(root / "tree")
        hints.wait_for(root / "tree", root / "tree" / "x" / "y")
        hints.settle()
        (root / "tree").rename(root / "a" / "moved")
        hints.wait_for(root, root / "a", root / "a" / "moved" / "x" / "y")
        hints.settle()
        (root / "a" / "moved" / "x" / "y" / "q.jpg").touch()
        hints.wait_for(root / "a" / "moved" / "x" / "y")
        hints.settle()
        (root / "a" / "moved").rename(tmp_path / "out")
        hints.wait_for(root / "a")
        watch.repair()
        assert watch.health()[root].folders_watched == 3


def test_link_loops_and_linked_roots(root, hints, tmp_path):
    (root / "a" / "loop").symlink_to(root)
    (root / "a" / "b" / "up").symlink_to("..")
    linked = tmp_path / "linked"
    linked.symlink_to(root)
    with watching(hints, linked) as watch:
        assert watch.health()[linked].folders_watched == 3
        (root / "a" / "p.jpg").touch()
        hints.wait_for(linked / "a")


def test_several_roots_are_told_apart(hints, tmp_path):
    roots = [tmp_path / "one", tmp_path / "two", tmp_path / "one two"]
    for folder in roots:
        folder.mkdir()
    with watching(hints, *roots):
        for folder in roots:
            hints.clear()
            (folder / "p.jpg").touch()
            hints.wait_for(folder)
            assert set(hints.folders) == {folder}


def test_names_of_any_bytes_are_hinted(root, hints):
    folder = root / os.fsdecode(b"\xff\xfe")
    with watching(hints, root):
        folder.mkdir()
        (folder / "p.jpg").touch()
        hints.wait_for(folder)


# ---------------------------------------------------------------- what breaks


def test_a_receiver_that_raises_does_not_end_the_watch(root, caplog):
    heard = []

    def raising(folder: Path) -> None:
        heard.append(folder)
        raise ValueError("the receiver has a fault")

    with watching(raising, root) as watch:
        for number in range(5):
            (root / f"{number}.jpg").touch()
            time.sleep(0.05)
        deadline = time.monotonic() + 2
        while len(heard) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(heard) >= 5
        assert watch.health()[root].state == "watching"
    assert caplog.text.count("Traceback") == 1


def test_after_an_overflow_everything_is_hinted_and_later_files_too(root, hints):
    folders = [root / f"{number:03}" for number in range(300)]
    for folder in folders:
        folder.mkdir()
    with kernel_setting(QUEUE, 32):
        watch = FolderWatch([root], hints, IgnoreRules([root]))
        watch.start()
    try:
        late = root / "late"
        with watch._observer._inotify_fd._lock:  # the reading thread cannot keep up
            for folder in folders:
                (folder / "p.jpg").touch()
            (late / "x").mkdir(parents=True)
        hints.wait_for(root, *folders, late / "x", within_s=10)
        hints.settle()
        for folder in [*folders, late / "x"]:
            (folder / "later.jpg").touch()
            time.sleep(0.002)
        hints.wait_for(*folders, late / "x", within_s=10)
        assert watch.health()[root].state == "watching"
        assert watch.health()[root].folders_watched == 305
    finally:
        watch.stop()


def test_folders_replaced_while_events_were_lost_are_watched_again(root, hints):
    with kernel_setting(QUEUE, 8):
        watch = FolderWatch([root], hints, IgnoreRules([root]))
        watch.start()
    try:
        with watch._observer._inotify_fd._lock:
            for number in range(50):
                (root / f"{number}.jpg").touch()
            shutil.rmtree(root / "a")
            (root / "a" / "b").mkdir(parents=True)
        hints.settle()
        (root / "a" / "b" / "p.jpg").touch()
        hints.wait_for(root / "a" / "b")
    finally:
        watch.stop()


@pytest.mark.slow  # changes a limit of the whole machine for a second
def test_folders_beyond_the_kernels_limit_are_counted_and_taken_later(root, hints):
    for number in range(40):
        (root / f"{number:02}").mkdir()
    in_use = watches_in_use()
    with kernel_setting(WATCHES, in_use + 20), watching(hints, root) as watch:
        health = watch.health()[root]
        if health.state == "watching":
            pytest.skip("another program gave watches back meanwhile")
        told = health.folders_watched
        assert health.state == "polling"
        assert 0 < health.folders_watched < 43
        assert f"only {health.folders_watched} of 43 folders" in health.sentence
        assert "sudo sysctl fs.inotify.max_user_watches=524288" in health.sentence
        WATCHES.write_text("100000")
        watch.repair()
        assert watch.health()[root].state == "watching"
        hints.settle(0.2, forget=False)
        assert len(hints.folders) == len(set(hints.folders)) == 43 - told


def watches_in_use() -> int:
    """This user's inotify watches, in all processes."""
    count = 0
    for info in Path("/proc").glob("[0-9]*/fdinfo/*"):
        with contextlib.suppress(OSError):
            count += info.read_text().count("inotify wd:")
    return count


def test_a_root_that_is_missing_says_so_and_is_taken_up_when_it_comes(hints, tmp_path):
    root = tmp_path / "later"
    with watching(hints, root) as watch:
        assert watch.health()[root].state == "deaf"
        assert "is not there" in watch.health()[root].sentence
        root.mkdir()
        watch.repair()
        assert watch.health()[root].state == "watching"
        hints.wait_for(root)


def test_a_root_that_is_replaced_or_removed_is_deaf_until_repaired(root, hints):
    with watching(hints, root) as watch:
        root.rename(root.with_name("away"))
        assert watch.health()[root].state == "deaf"
        (root / "c").mkdir(parents=True)
        assert watch.health()[root].state == "deaf"
        watch.repair()
        assert watch.health()[root].state == "watching"
        hints.settle()
        (root / "c" / "p.jpg").touch()
        hints.wait_for(root / "c")
        shutil.rmtree(root)
        hints.settle()
        assert watch.health()[root].state == "deaf"
        watch.repair()
        assert watch.health()[root].state == "deaf"


def test_a_mount_over_and_away_is_noticed(root, hints):
    if subprocess.run(["mount", "-t", "tmpfs", "none", root], capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount")
    try:
        with watching(hints, root) as watch:
            assert watch.health()[root].state == "watching"
            subprocess.run(["umount", root], check=True)
            assert watch.health()[root].state == "deaf"
            watch.repair()
            assert watch.health()[root].state == "watching"
            hints.wait_for(root / "a" / "b")
            subprocess.run(["mount", "-t", "tmpfs", "none", root], check=True)
            assert watch.health()[root].state == "deaf"
            assert "unmounted, mounted or replaced" in watch.health()[root].sentence
    finally:
        subprocess.run(["umount", root], capture_output=True, check=False)


@pytest.mark.parametrize("thread", ["reader", "emitter", "dispatcher"])
def test_a_dead_thread_is_noticed_and_repaired(thread, root, hints):
    with watching(hints, root) as watch:
        observer = watch._observer
        if thread == "reader":
            observer._inotify_fd.stop()
            observer._inotify_fd.join()
        elif thread == "emitter":
            for emitter in observer.emitters:
                emitter.stop()
                emitter.join()
        else:
            observer._stopped_event.set()
            observer.event_queue.put(observer.stop_event)
            observer.join()
        assert watch.health()[root].state == "deaf"
        (root / "a" / "unseen.jpg").touch()
        watch.repair()
        assert watch.health()[root].state == "watching"
        hints.wait_for(root / "a")
        hints.settle()
        (root / "a" / "b" / "p.jpg").touch()
        hints.wait_for(root / "a" / "b")


def test_a_root_that_did_not_tell_is_deaf_once_then_polled(root, hints):
    with watching(hints, root) as watch:
        watch.report_missed(root)
        assert watch.health()[root].state == "deaf"
        watch.repair()
        assert watch.health()[root].state == "watching"
        watch.report_missed(root)
        watch.repair()
        assert watch.health()[root].state == "polling"
        assert "does not announce all changes" in watch.health()[root].sentence
        watch.repair()
        assert watch.health()[root].state == "polling"


def test_stopping_ends_threads_and_descriptors_and_may_be_repeated(root, hints):
    threads, descriptors = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    with watching(hints, root) as watch:
        assert threading.active_count() > threads
    watch.stop()
    assert watch.health()[root].state == "deaf"
    (root / "p.jpg").touch()
    time.sleep(0.1)
    assert hints.folders == []
    assert threading.active_count() == threads
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_nothing_is_logged_or_warned_by_a_burst(root, hints, caplog):
    with warnings.catch_warnings(record=True) as warned, watching(hints, root):
        for number in range(200):
            (root / f"{number}" / "x").mkdir(parents=True)
            (root / f"{number}").rename(root / f"moved {number}")
        shutil.rmtree(root / "a")
        hints.settle()
    assert caplog.text == ""
    assert warned == []


def test_watchdog_is_the_one_whose_private_parts_are_known():
    assert VERSION_MAJOR == 7
    group = watchdog_inotify.InotifyWatchGroup
    for name in (
        "on_queue_overflow",
        "on_event",
        "_recursive_simulate",
        "_remove_watch_internally",
        "_add_all_callbacks",
    ):
        assert callable(getattr(group, name))
    for name in (
        "_active_callbacks_by_watch",
        "_active_callbacks_by_path",
        "_move_event_grouper",
        "_inotify_fd",
        "_lock",
    ):
        assert name in group.__dataclass_fields__
    assert callable(watchdog_inotify_c.inotify_add_watch)


# ---------------------------------------------------------------- large


WRITER = """
import os, sys
root, number = sys.argv[1], int(sys.argv[2])
for folder in range(number, 500, 4):
    deep = f"{root}/{folder // 50}/{folder}/x"
    os.makedirs(deep)
    for photo in range(40):
        os.close(os.open(f"{deep}/{photo}.jpg", os.O_CREAT | os.O_WRONLY))
"""


@pytest.mark.slow
def test_hints_alone_find_every_file_of_a_burst_though_the_process_is_busy(root):
    """20,000 files by four writers into new nested folders, a queue of 256 events, two threads that hog the process."""
    dirty: set[Path] = set()
    stopping = threading.Event()

    def hog() -> None:
        while not stopping.is_set():
            sum(range(1000))

    rules = IgnoreRules([root])
    with kernel_setting(QUEUE, 256):
        watch = FolderWatch([root], dirty.add, rules)
        watch.start()
    hogs = [threading.Thread(target=hog) for _ in range(2)]
    try:
        for thread in hogs:
            thread.start()
        writers = [subprocess.Popen([sys.executable, "-c", WRITER, root, str(number)]) for number in range(4)]
        found: set[Path] = set()
        deadline = time.monotonic() + 90
        while (len(found) < 20_000 or dirty) and time.monotonic() < deadline:
            for _ in range(len(dirty)):
                with contextlib.suppress(FolderGone):
                    found.update(file.path for file in list_folder(dirty.pop(), rules).files)
            time.sleep(0.05)
        assert [writer.wait() for writer in writers] == [0] * 4
    finally:
        stopping.set()
        watch.stop()
    assert len(found) == 20_000


@pytest.mark.slow
def test_twenty_thousand_folders_recover_from_an_overflow(root, hints):
    folders = [root / f"{number // 200:03}" / f"{number % 200:03}" for number in range(20_000)]
    for folder in folders:
        folder.mkdir(parents=True)
    with kernel_setting(WATCHES, max(200_000, int(WATCHES.read_text()))), watching(hints, root) as watch:
        started_s = time.monotonic()
        with watch._observer._inotify_fd._lock:
            for number in range(int(QUEUE.read_text()) + 100):
                os.close(os.open(folders[number % 20_000] / f"p{number}.jpg", os.O_CREAT | os.O_WRONLY))
        print(f"overflow made in {time.monotonic() - started_s:.1f} s")
        started_s, cpu_s = time.monotonic(), time.process_time()
        hints.wait_for(*folders, within_s=60)
        hints.settle(2)
        print(f"recovered: {time.monotonic() - started_s:.1f} s, {time.process_time() - cpu_s:.2f} CPU s")
        later = folders[::100]
        for folder in later:
            (folder / "later.jpg").touch()
        hints.wait_for(*later, within_s=10)
        cpu_s = time.process_time()
        time.sleep(5)
        idle = (time.process_time() - cpu_s) / 5
        print(f"idle: {idle:.2%} CPU, {watch.health()[root].folders_watched} folders watched")
        assert idle < 0.02
        started_s = time.monotonic()
        watch.repair()
        print(f"repair when all is well: {time.monotonic() - started_s:.2f} s")
        started_s = time.monotonic()
        watch.stop()
        print(f"stop: {time.monotonic() - started_s:.2f} s")
