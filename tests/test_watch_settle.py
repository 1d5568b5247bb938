"""When a file is complete: a table over time, and real programs that write, told by the kernel."""

import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sameshot.model import FileStat
from sameshot.watch.ignore import is_temporary
from sameshot.watch.settle import Settler, has_writer, path_has_writer

NOW_S = 1_800_000_000.0
A = Path("/photos/a.jpg")


def stat_at(touched_s: float, size_bytes: int = 5000) -> FileStat:
    return FileStat(1, 2, size_bytes, int(touched_s * 1e9), int(touched_s * 1e9))


def settler(writer: bool | None = None) -> Settler:
    return Settler(quiet_s=1.0, writer=lambda _path: writer)


def test_an_old_file_is_settled_at_first_sight():
    clock = settler()
    for number in range(10_000):
        assert clock.observe(Path(f"/photos/{number}.jpg"), stat_at(NOW_S - 86400), NOW_S) is None
    assert len(clock) == 0


def test_a_new_file_is_settled_once_it_was_quiet():
    clock = settler()
    assert clock.observe(A, stat_at(NOW_S), NOW_S) == NOW_S + 1
    assert clock.observe(A, stat_at(NOW_S), NOW_S + 0.9) == NOW_S + 1
    assert clock.waiting() == {A: "it was touched a moment ago"}
    assert clock.observe(A, stat_at(NOW_S), NOW_S + 1) is None
    assert clock.waiting() == {}


@pytest.mark.parametrize("changed", ["inode", "size_bytes", "mtime_ns", "ctime_ns"])
def test_any_change_starts_the_wait_anew(changed):
    clock = settler()
    before = stat_at(NOW_S)
    clock.observe(A, before, NOW_S)
    after = replace(before, **{changed: getattr(before, changed) + 1})
    assert clock.observe(A, after, NOW_S + 1) == NOW_S + 2
    assert clock.observe(A, after, NOW_S + 2) is None


def test_a_time_stamp_from_the_future_waits_but_not_for_ever():
    clock = settler()
    assert clock.observe(A, stat_at(NOW_S + 1e6), NOW_S) == NOW_S + 1
    assert clock.observe(A, stat_at(NOW_S + 1e6), NOW_S + 1) is None


def test_an_old_mtime_does_not_hide_a_copy_under_way():
    under_way = FileStat(1, 2, 5000, int((NOW_S - 1e6) * 1e9), int(NOW_S * 1e9))  # cp -p, rsync -t, tar
    assert settler().observe(A, under_way, NOW_S) == NOW_S + 1


def test_a_clock_set_back_starts_the_wait_anew():
    clock = settler()
    clock.observe(A, stat_at(NOW_S), NOW_S)
    assert clock.observe(A, stat_at(NOW_S), NOW_S - 3600) == NOW_S - 3599
    assert clock.observe(A, stat_at(NOW_S), NOW_S - 3599) is None


def test_an_empty_file_waits_longer_and_longer_until_it_has_bytes():
    clock = settler()
    now_s, asked = NOW_S, 0
    while now_s < NOW_S + 50:
        now_s = clock.observe(A, stat_at(NOW_S, size_bytes=0), now_s)
        asked += 1
    assert asked < 20
    assert clock.waiting() == {A: "it is empty"}
    clock.observe(A, stat_at(now_s), now_s)
    assert clock.observe(A, stat_at(now_s), now_s + 1) is None


def test_a_file_that_stays_empty_is_given_to_its_reader_who_says_so():
    assert settler().observe(A, stat_at(NOW_S - 60, size_bytes=0), NOW_S) is None
    assert settler().observe(A, stat_at(NOW_S - 59, size_bytes=0), NOW_S) == NOW_S + 1
    stamped_ahead, clock = stat_at(NOW_S + 1e6, size_bytes=0), settler()
    assert clock.observe(A, stamped_ahead, NOW_S) == NOW_S + 1
    assert clock.observe(A, stamped_ahead, NOW_S + 60) is None
    assert settler(writer=True).observe(A, stat_at(NOW_S - 60, size_bytes=0), NOW_S) is not None


def test_a_file_with_a_writer_waits_however_quiet_it_is():
    clock = settler(writer=True)
    stalled = stat_at(NOW_S - 3600)
    now_s = NOW_S
    for _ in range(100):
        later_s = clock.observe(A, stalled, now_s)
        assert now_s + 1 <= later_s <= now_s + 30
        now_s = later_s
    assert clock.waiting() == {A: "a program has it open for writing"}


def test_a_temporary_name_is_never_settled():
    assert settler().observe(Path("/photos/.a.jpg.Xy12Zq"), stat_at(NOW_S - 1e6), NOW_S) > NOW_S


def test_a_network_folder_waits_its_own_time():
    clock = settler()
    assert clock.observe(A, stat_at(NOW_S - 100), NOW_S, quiet_s=15) == NOW_S + 15
    assert clock.observe(A, stat_at(NOW_S - 100), NOW_S + 14, quiet_s=15) == NOW_S + 15
    assert clock.observe(A, stat_at(NOW_S - 100), NOW_S + 15, quiet_s=15) is None


def test_forgotten_files_cost_nothing():
    clock = settler()
    clock.observe(A, stat_at(NOW_S), NOW_S)
    clock.forget(A)
    clock.forget(A)
    assert len(clock) == 0


# ---------------------------------------------------------------- the kernel's word about writers


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 10_000)
    if path_has_writer(path) is None:
        pytest.skip("this filesystem or user has no leases")
    return path


def test_the_kernel_knows_writers_and_only_them(photo):
    assert path_has_writer(photo) is False
    with photo.open("rb"):
        assert path_has_writer(photo) is False
    with photo.open("ab"):
        assert path_has_writer(photo) is True
    assert path_has_writer(photo) is False


def test_a_writable_mapping_is_a_writer_though_its_descriptor_is_closed(photo):
    with photo.open("r+b") as opened:
        mapping = mmap.mmap(opened.fileno(), 0)
    assert path_has_writer(photo) is True
    mapping.close()
    assert path_has_writer(photo) is False


def test_the_lease_is_given_back_at_once(photo):
    with photo.open("rb") as opened:
        assert has_writer(opened.fileno()) is False
        started = time.monotonic()
        photo.write_bytes(b"y")
        assert time.monotonic() - started < 1


PROBE = """
import sys, pathlib
from sameshot.watch.settle import path_has_writer
seen = [path_has_writer(pathlib.Path(sys.argv[1])) for _ in range(30000)]
print(seen.count(True), seen.count(False))
"""


def test_a_program_that_opens_the_file_during_the_lease_does_not_end_us(photo):
    # The kernel's default signal for a broken lease ends the process; the probe runs in a child that could be ended.
    probe = subprocess.Popen(
        [sys.executable, "-c", PROBE, photo],
        stdout=subprocess.PIPE,
        text=True,
    )
    while probe.poll() is None:
        with photo.open("ab"):
            pass
    with_writer, without = map(int, probe.communicate()[0].split())
    assert probe.returncode == 0
    assert with_writer > 0
    assert without > 0


def test_a_file_of_somebody_else_is_unknown():
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    code = "import os, sys, pathlib; from sameshot.watch.settle import path_has_writer\n"
    code += "os.setgid(65534); os.setuid(65534); print(path_has_writer(pathlib.Path(sys.argv[1])))"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder, "a.jpg")
        path.write_bytes(b"x")
        path.chmod(0o644)
        answer = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "None"


# ---------------------------------------------------------------- programs that write

# Each program makes a.jpg in the folder of 40,000 bytes from ../source.jpg, with a pause while it is incomplete.
WRITERS = {
    "cp": "cp ../source.jpg a.jpg",
    "cp -p": "cp -p ../source.jpg a.jpg",
    "mv in": "cp ../source.jpg ../other.jpg; mv ../other.jpg a.jpg",
    "ln": "ln ../source.jpg a.jpg",
    "tar": "tar -C .. --transform s/source/a/ -cf - source.jpg | tar -xf -",
    "slow dd": "(for i in 1 2 3 4; do head -c 10000 /dev/urandom; sleep 0.4; done) | dd of=a.jpg bs=10000 status=none",
    "fallocate, pause, fill": "exec 3<>a.jpg; fallocate -l 40000 a.jpg; sleep 1.5; cat ../source.jpg >&3; exec 3>&-",
    "temporary name, then rename": "head -c 20000 ../source.jpg >.a.jpg.part; sleep 0.5; cp ../source.jpg .a.jpg.part;"
    " mv .a.jpg.part a.jpg",
    "Syncthing": "head -c 20000 ../source.jpg >.syncthing.a.jpg.tmp; sleep 0.5;"
    " cp ../source.jpg .syncthing.a.jpg.tmp; mv .syncthing.a.jpg.tmp a.jpg",
    "Syncthing on other systems": "head -c 20000 ../source.jpg >~syncthing~a.jpg.tmp; sleep 0.5;"
    " cp ../source.jpg ~syncthing~a.jpg.tmp; mv ~syncthing~a.jpg.tmp a.jpg",
    "rsync": "rsync ../source.jpg a.jpg",
    "rsync --inplace": "rsync --inplace --bwlimit=20 ../source.jpg a.jpg",
    "mmap": f'{sys.executable} -c "'
    "import mmap, os, time; f = os.open('a.jpg', os.O_RDWR | os.O_CREAT); os.ftruncate(f, 40000); m = mmap.mmap(f, 0);"
    "os.close(f); time.sleep(1.2); m[:] = open('../source.jpg', 'rb').read()\"",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_no_program_is_looked_at_early(writer, tmp_path):
    look_on(writer, WRITERS[writer], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("writer", WRITERS)
def test_no_program_is_looked_at_early_in_twenty_runs(writer, tmp_path):
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        look_on(writer, WRITERS[writer], tmp_path / str(number))


@pytest.mark.slow
def test_a_pause_of_a_minute_in_a_file_of_full_length_is_waited_for(tmp_path):
    command = WRITERS["fallocate, pause, fill"].replace("sleep 1.5", "sleep 60")
    assert "sleep 60" in command
    look_on("fallocate", command, tmp_path, within_s=100)


def look_on(writer, command, tmp_path, within_s=20):
    """Ask all the time with a quiet time far below the pauses: whatever is called settled must be complete."""
    if shutil.which(command.split()[0].strip("(")) is None and writer.startswith("rsync"):
        pytest.skip("rsync is not installed")
    (tmp_path / "source.jpg").write_bytes(os.urandom(40_000))
    os.utime(tmp_path / "source.jpg", (NOW_S - 1e8, NOW_S - 1e8))
    folder = tmp_path / "in"
    folder.mkdir()
    probe = tmp_path / "source.jpg"
    if path_has_writer(probe) is None:
        pytest.skip("this filesystem or user has no leases")
    clock = Settler(quiet_s=0.25)
    process = subprocess.Popen(["bash", "-c", command], cwd=folder)
    settled: dict[str, bytes] = {}
    deadline = time.monotonic() + within_s
    while "a.jpg" not in settled and time.monotonic() < deadline:
        for entry in list(os.scandir(folder)):
            try:
                facts = entry.stat()
            except FileNotFoundError:
                continue
            stat = FileStat(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
            if clock.observe(Path(entry.path), stat, time.time()) is None:
                assert not is_temporary(entry.name)
                settled[entry.name] = Path(entry.path).read_bytes()
        time.sleep(0.02)
    assert process.wait(timeout=20) == 0
    assert set(settled) == {"a.jpg"}
    assert settled["a.jpg"] == (folder / "a.jpg").read_bytes()
    assert len(settled["a.jpg"]) == 40_000


def test_the_probe_leaves_no_signal_handler_behind():
    assert signal.getsignal(signal.SIGURG) is signal.SIG_DFL
