"""kill -9, or an error, at every system call that changes something, of every action, undo and recovery itself.

For each such call a fresh tree is made, the process is killed at the entry of the call, then recovery and undo must
give back the tree as it was: nothing lost, nothing twice, no temporary file.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from filed import NOW, contents, own_names, tree, write_photo
from interrupted import play
from sameshot.apply.journal import Journal
from sameshot.apply.recovery import recover
from sameshot.apply.undo import Selection, undo
from sameshot.errors import StateUnavailable

_CHANGING = [
    "openat",
    "mkdirat",
    "mkdir",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "symlink",
    "symlinkat",
    "write",
    "pwrite64",
    "copy_file_range",
    "ioctl",
    "fchmod",
    "fchown",
    "utimensat",
    "fsetxattr",
    "fsync",
    "fdatasync",
    "ftruncate",
]
_TESTS = Path(__file__).parent


class Killer:
    """Plays scenes in a child process under strace, to see its system calls or to kill it at one of them."""

    def __init__(self) -> None:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.kills = 0
        self.lacking: dict[str, str] = {}
        """System calls that this kernel or filesystem shall not have, and the errors by which it says so."""
        self._server = subprocess.Popen(
            [sys.executable, _TESTS / "interrupted.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def calls(self, scene: str, folder: Path, library: Path) -> list[tuple[str, int]]:
        """The changing system calls of a scene: name, and which one of that name it is."""
        log = folder / "strace"
        assert self._play(scene, folder, library, str(log), _CHANGING) == 0
        counts = dict.fromkeys(_CHANGING, 0)
        found = []
        for line in log.read_text(errors="replace").splitlines():
            name = line.split(" ", 1)[-1].lstrip().split("(", 1)[0] if line[:1].isdigit() else line.split("(", 1)[0]
            if name in counts:
                counts[name] += 1
                if {"openat": "O_CREAT", "ioctl": "FICLONE"}.get(name, "") in line and "(INJECTED)" not in line:
                    found.append((name, counts[name]))
        return found

    def kill(self, scene: str, folder: Path, library: Path, call: tuple[str, int]) -> None:
        """Play the scene and kill it at the entry of that call."""
        name, number = call
        assert self._play(scene, folder, library, "/dev/null", [name], f"{name}:signal=SIGKILL:when={number}") == -9
        self.kills += 1

    def fail(self, scene: str, folder: Path, library: Path, call: tuple[str, int], error: str) -> None:
        """Play the scene while that call fails; it must end by itself, with a report or for want of a journal."""
        name, number = call
        ended = self._play(scene, folder, library, "/dev/null", [name], f"{name}:error={error}:when={number}")
        assert ended in (0, StateUnavailable.exit_code)

    def play(self, scene: str, folder: Path, library: Path) -> None:
        """Play the scene to its end."""
        assert self._play(scene, folder, library, "/dev/null", []) == 0

    def close(self) -> None:
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait(10)

    def _play(self, scene: str, folder: Path, library: Path, log: str, traced: Iterable[str], *injected: str) -> int:
        injections = [*injected, *(f"{name}:error={error}" for name, error in self.lacking.items())]
        options = ["-o", log, "-e", "trace=" + (",".join({*traced, *self.lacking}) or "none")]
        options += [word for one in injections for word in ("-e", f"inject={one}")]
        self._say(json.dumps({"play": scene, "folder": str(folder), "library": str(library)}))
        child = int(self._server.stdout.readline())
        strace = subprocess.Popen(
            ["strace", "-f", "-p", str(child), *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        first = strace.stderr.readline()
        self._say("go")
        if not first.endswith(b"attached\n"):
            self._server.stdout.readline()
            pytest.skip(f"strace may not trace here: {(first + strace.stderr.read()).decode().strip()}")
        ended = int(self._server.stdout.readline())
        strace.communicate()
        return ended

    def _say(self, line: str) -> None:
        self._server.stdin.write(line + "\n")
        self._server.stdin.flush()


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    killer = Killer()
    yield killer
    print(f"\nkilled at {killer.kills} system calls")
    killer.close()


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another filesystem than the temporary folder."""
    if (
        not os.access("/dev/shm", os.W_OK)
        or Path("/dev/shm").stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev
    ):
        pytest.skip("no second filesystem to write to")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


class Scene:
    """A tree that is made anew for each kill."""

    def __init__(self, folder: Path, library: Path, *, is_trash: bool = False) -> None:
        self.folder, self.library, self.photos = folder, library, folder / "photos"
        self.is_trash = is_trash

    def make(self) -> None:
        for folder in (self.folder, self.library):
            shutil.rmtree(folder, ignore_errors=True)
        write_photo(self.photos / "a.jpg", b"a" * 5000, rating=b"5")
        write_photo(self.photos / "a.xmp", b"<xmp/>")
        write_photo(self.photos / "copies" / "a.jpg", b"a" * 5000)
        write_photo(self.photos / "copies" / "a.xmp", b"<xmp/>")
        write_photo(self.photos / "b.jpg", b"b" * 70_000)
        write_photo(self.photos / "in" / "c.jpg", b"c" * 100, mode=0o444)
        for folder in ("files", "info") if self.is_trash else ():
            (self.library / folder).mkdir(parents=True)
        self.before = self.tree()

    def tree(self) -> dict:
        return tree(self.photos, self.library)

    def play(self, scene: str) -> None:
        play(scene, self.folder, self.library)

    def must_be_whole(self) -> None:
        """No content is missing, even now; sameshot's own names count, for recovery knows them."""
        assert not contents(self.before) - contents(self.tree())

    def must_come_back(self, *, units_are_whole: bool = True) -> None:
        """After recovery nothing is half-done; after undo everything is as it was."""
        self.must_be_whole()
        journal = Journal(self.folder / "journal")
        assert not recover(journal, now=NOW).unsettled
        recovered = self.tree()
        assert own_names(recovered) == []
        assert not contents(self.before) - contents(recovered)
        assert recover(journal, now=NOW).batches == ()
        if units_are_whole:
            self.must_keep_units_together(recovered)
        report = undo(journal, Selection(all=True), now=NOW)
        assert all(outcome.done for outcome in report.outcomes), report.outcomes
        assert self.tree() == self.before

    def must_keep_units_together(self, found: dict) -> None:
        for folder in (self.photos, self.library / "2026" / "sea", self.library / "files"):
            assert (str(folder / "a.jpg") in found) == (str(folder / "a.xmp") in found)


_ACTIONS = ["copy", "move", "hardlink", "symlink", "rank", "quarantine", "trash"]


@pytest.fixture
def sharing(tmp_path) -> Iterator[Path]:
    """A folder on a filesystem that shares blocks between files."""
    program = shutil.which("mkfs.btrfs", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if os.geteuid() != 0 or program is None:
        pytest.skip("needs root and mkfs.btrfs")
    image, mount = tmp_path / "image", tmp_path / "mount"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(200 << 20)
    subprocess.run([program, "-q", image], check=True)
    ended = subprocess.run(["mount", "-o", "loop", image, mount], capture_output=True, check=False)
    if ended.returncode:
        pytest.skip(f"cannot mount an image here: {ended.stderr.decode().strip()}")
    yield mount
    subprocess.run(["umount", mount], check=True)


@pytest.fixture(params=[*_ACTIONS, "copy-across", "move-across", "quarantine-across", "reflink"])
def case(request, tmp_path) -> tuple[str, Scene]:
    if request.param == "reflink":
        mount = request.getfixturevalue("sharing")
        return "apply-reflink", Scene(mount / "t", mount / "t" / "library")
    action, _, across = request.param.partition("-")
    library = request.getfixturevalue("elsewhere") / "library" if across else tmp_path / "t" / "library"
    return f"apply-{action}", Scene(tmp_path / "t", library, is_trash=action == "trash")


@pytest.mark.slow
def test_killed_while_filing(case, killer, capsys):
    action, scene = case
    scene.make()
    calls = killer.calls(action, scene.folder, scene.library)
    assert len(calls) > 10
    for call in calls:
        scene.make()
        killer.kill(action, scene.folder, scene.library, call)
        scene.must_come_back()
    with capsys.disabled():
        print(f"\n{action} {scene.library.parent.name}: {len(calls)} kill points")


@pytest.mark.slow
def test_killed_while_undoing(case, killer, capsys):
    action, scene = case
    scene.make()
    scene.play(action)
    calls = killer.calls("undo", scene.folder, scene.library)
    for call in calls:
        scene.make()
        scene.play(action)
        killer.kill("undo", scene.folder, scene.library, call)
        scene.must_come_back()
    with capsys.disabled():
        print(f"\nundo of {action}: {len(calls)} kill points")


@pytest.mark.slow
@pytest.mark.parametrize("action", ["apply-copy", "apply-hardlink", "apply-symlink"])
def test_killed_while_undoing_what_the_owner_took_away_in_part(action, tmp_path, killer, capsys):
    scene = Scene(tmp_path / "t", tmp_path / "t" / "library")

    def prepare() -> None:
        scene.make()
        scene.play(action)
        (scene.library / "2026" / "sea" / "a.jpg").unlink()
        shutil.rmtree(scene.library / "kept")

    prepare()
    calls = killer.calls("undo", scene.folder, scene.library)
    for call in calls:
        prepare()
        killer.kill("undo", scene.folder, scene.library, call)
        scene.must_come_back(units_are_whole=False)
    with capsys.disabled():
        print(f"\nundo of the rest of {action}: {len(calls)} kill points")


@pytest.mark.slow
@pytest.mark.parametrize("across", [False, True], ids=["here", "across"])
def test_killed_while_a_duplicate_is_put_back(across, tmp_path, request, killer, capsys):
    """The sidecar's copy is not what it was: photo and sidecar, both out of the way by then, come back."""
    library = request.getfixturevalue("elsewhere") / "library" if across else tmp_path / "t" / "library"
    scene = Scene(tmp_path / "t", library)
    scene.make()
    calls = killer.calls("apply-put-back", scene.folder, scene.library)
    assert scene.tree() == scene.before
    assert len(calls) > 10
    recovering = 0
    for index, call in enumerate(calls):
        scene.make()
        killer.kill("apply-put-back", scene.folder, scene.library, call)
        recoveries = killer.calls("recover", scene.folder, scene.library)
        scene.must_come_back()
        for second in recoveries[index % 3 :: 3]:
            scene.make()
            killer.kill("apply-put-back", scene.folder, scene.library, call)
            killer.kill("recover", scene.folder, scene.library, second)
            scene.must_come_back()
            recovering += 1
    with capsys.disabled():
        print(f"\nputting back {'across' if across else 'here'}: {len(calls)} kill points, {recovering} in recovery")


@pytest.fixture(params=[{"renameat2": "ENOSYS"}, {"renameat2": "ENOSYS", "linkat": "EPERM"}], ids=["links", "no-links"])
def lacking(request, killer) -> Iterator[None]:
    """No rename that does not replace, as on NFS; no hard links either, as on a stick behind FUSE."""
    killer.lacking = request.param
    yield
    killer.lacking = {}


@pytest.mark.slow
@pytest.mark.usefixtures("lacking")
@pytest.mark.parametrize("action", ["copy", "move", "rank"])
def test_killed_without_a_rename_that_does_not_replace(action, tmp_path, killer, capsys):
    scene = Scene(tmp_path / "t", tmp_path / "t" / "library")
    kills = {}
    for interrupted in (f"apply-{action}", "undo"):

        def prepare(*, acts: bool = interrupted == "undo") -> None:
            scene.make()
            if acts:
                scene.play(f"apply-{action}")

        prepare()
        calls = killer.calls(interrupted, scene.folder, scene.library)
        for index, call in enumerate(calls):
            prepare()
            killer.kill(interrupted, scene.folder, scene.library, call)
            recoveries = killer.calls("recover", scene.folder, scene.library)
            scene.must_come_back()
            for second in recoveries[index % 9 :: 9]:
                prepare()
                killer.kill(interrupted, scene.folder, scene.library, call)
                killer.kill("recover", scene.folder, scene.library, second)
                killer.play("recover", scene.folder, scene.library)
                scene.must_come_back()
                kills["recover"] = kills.get("recover", 0) + 1
        kills[interrupted] = len(calls)
    with capsys.disabled():
        print(f"\nwithout {', '.join(killer.lacking)}: {kills} kill points")


@pytest.mark.slow
@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EACCES"])
def test_one_call_fails(case, error, killer, capsys):
    action, scene = case
    scene.make()
    filing = killer.calls(action, scene.folder, scene.library)
    for call in filing:
        scene.make()
        killer.fail(action, scene.folder, scene.library, call, error)
        scene.must_come_back()
    scene.make()
    scene.play(action)
    undoing = killer.calls("undo", scene.folder, scene.library)
    for call in undoing:
        scene.make()
        scene.play(action)
        killer.fail("undo", scene.folder, scene.library, call, error)
        scene.must_come_back()
    with capsys.disabled():
        print(f"\n{action} and undo: {error} at {len(filing) + len(undoing)} calls")


@pytest.mark.slow
@pytest.mark.parametrize("first", ["apply", "undo"])
def test_killed_while_recovering(case, first, killer, capsys):
    action, scene = case
    interrupted = action if first == "apply" else "undo"

    def prepare() -> None:
        scene.make()
        if first == "undo":
            scene.play(action)

    prepare()
    calls = killer.calls(interrupted, scene.folder, scene.library)
    kills = 0
    for index, call in enumerate(calls):
        prepare()
        killer.kill(interrupted, scene.folder, scene.library, call)
        recoveries = killer.calls("recover", scene.folder, scene.library)
        for second in recoveries[index % 3 :: 3]:  # neighbouring kill points leave much the same to recover
            prepare()
            killer.kill(interrupted, scene.folder, scene.library, call)
            killer.kill("recover", scene.folder, scene.library, second)
            scene.must_come_back()
            kills += 1
    assert kills > 0
    with capsys.disabled():
        print(f"\nrecovery from {interrupted}: {kills} kill points")
