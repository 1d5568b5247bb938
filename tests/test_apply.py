"""Filing: every action, and everything it refuses, on real folders."""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from filed import NOW, Desk, contents, own_names, plan, reasons, step, tree, write_photo
from sameshot.apply.filing import file_plan
from sameshot.apply.journal import Journal
from sameshot.apply.recovery import recover
from sameshot.errors import StateUnavailable
from sameshot.model import BatchReport, Plan, Step


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def far_desk(desk):
    """A desk whose library is on another filesystem."""
    if not os.access("/dev/shm", os.W_OK) or Path("/dev/shm").stat().st_dev == desk.photos.stat().st_dev:
        pytest.skip("no second filesystem to write to")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        desk.library = Path(folder) / "library"
        yield desk


# ---------------------------------------------------------------- what is done


def test_a_copy_has_all_that_the_photo_has(desk):
    photo = desk.photo("a.jpg", b"a" * 100_000, mode=0o604, rating=b"4")
    before = tree(desk.photos)
    report = desk.file(step(1, "copy", photo, desk.library / "2026" / "sea" / "a.jpg", digest=True))
    assert reasons(report) == []
    assert tree(desk.photos) == before
    assert tree(desk.library)[str(desk.library / "2026" / "sea" / "a.jpg")] == before[str(photo)]


def test_a_move_is_the_same_file_elsewhere(desk):
    photo = desk.photo("a.jpg")
    inode, facts = photo.stat().st_ino, tree(desk.photos)[str(photo)]
    target = desk.library / "a.jpg"
    assert reasons(desk.file(step(1, "move", photo, target))) == []
    assert not photo.exists()
    assert target.stat().st_ino == inode
    assert tree(desk.library)[str(target)] == facts


def test_a_move_to_another_filesystem_keeps_everything(far_desk):
    photo = far_desk.photo("a.jpg", b"a" * 3_000_000, mode=0o604)
    facts = tree(far_desk.photos)[str(photo)]
    target = far_desk.library / "2026" / "a.jpg"
    report = far_desk.file(step(1, "move", photo, target, digest=True))
    assert reasons(report) == []
    assert tree(far_desk.photos) == {str(far_desk.photos): None}
    assert tree(far_desk.library)[str(target)] == facts


def test_links(desk):
    photo = desk.photo("a.jpg")
    hard, soft = desk.library / "hard.jpg", desk.library / "soft.jpg"
    assert reasons(desk.file(step(1, "hardlink", photo, hard), step(2, "symlink", photo, soft))) == []
    assert hard.stat().st_ino == photo.stat().st_ino
    assert soft.readlink() == photo


def test_a_reflink_is_never_silently_a_copy(desk):
    photo = desk.photo("a.jpg")
    target = desk.library / "a.jpg"
    report = desk.file(step(1, "reflink", photo, target))
    if report.outcomes[0].done:
        assert target.read_bytes() == photo.read_bytes()
        assert target.stat().st_ino != photo.stat().st_ino
    else:
        assert "reflink" in report.outcomes[0].reason
        assert not desk.library.exists()


def test_names_go_round_in_a_circle(desk):
    a, b, c = (desk.photo(f"{name}.jpg", name.encode()) for name in "abc")
    report = desk.file(step(1, "move", a, b), step(2, "move", b, c), step(3, "move", c, a))
    assert reasons(report) == []
    assert [path.read_bytes() for path in (a, b, c)] == [b"c", b"a", b"b"]


def test_a_chain_of_names_is_done_from_its_free_end(desk):
    first, second = desk.photo("1.jpg", b"1"), desk.photo("2.jpg", b"2")
    report = desk.file(step(1, "move", first, second), step(2, "move", second, desk.photos / "3.jpg"))
    assert reasons(report) == []
    assert {path.name: path.read_bytes() for path in desk.photos.iterdir()} == {"2.jpg": b"1", "3.jpg": b"2"}


def test_only_the_case_of_a_name_changes(desk):
    photo = desk.photo("a.JPG")
    assert reasons(desk.file(step(1, "move", photo, desk.photos / "a.jpg"))) == []
    assert [path.name for path in desk.photos.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.jpg", b"new\nline\x1b[31m.jpg", b"-rf \xe2\x80\xae.jpg", b'"quo\\te.jpg', b"x" * 255]
)
def test_names_of_any_bytes(desk, name):
    photo = desk.photo(os.fsdecode(name), b"odd")
    target = desk.library / os.fsdecode(name)
    assert reasons(desk.file(step(1, "move", photo, target))) == []
    assert [os.fsencode(path.name) for path in desk.library.iterdir()] == [name]
    assert [location.target for location in Journal(desk.journal.folder).locations()] == [target]


# ---------------------------------------------------------------- what is refused


def refused(desk: Desk, *steps: Step) -> str:
    """The reason of the first step, once it is sure that nothing at all happened."""
    before = desk.tree()
    report = desk.file(*steps)
    assert not any(outcome.done for outcome in report.outcomes)
    assert desk.tree() == before
    return report.outcomes[0].reason


@pytest.mark.parametrize("action", ["copy", "move", "hardlink", "symlink"])
def test_nothing_is_overwritten(desk, action):
    photo, other = desk.photo("a.jpg"), write_photo(desk.library / "a.jpg", b"the other")
    assert refused(desk, step(1, action, photo, other)) == f"{other} is already there"


@pytest.mark.parametrize("action", ["copy", "move", "hardlink", "symlink"])
def test_a_dangling_link_is_not_overwritten(desk, action):
    photo = desk.photo("a.jpg")
    desk.library.mkdir()
    (desk.library / "a.jpg").symlink_to("nowhere")
    assert "already there" in refused(desk, step(1, action, photo, desk.library / "a.jpg"))


@pytest.mark.parametrize(("there", "new"), [("A.jpg", "a.JPG"), ("caf\u00e9.jpg", "cafe\u0301.jpg")])
def test_names_that_some_filesystems_take_for_one(desk, there, new):
    photo = desk.photo("x.jpg")
    write_photo(desk.library / there, b"the other")
    assert "only in case or accents" in refused(desk, step(1, "move", photo, desk.library / new))


def test_a_file_that_changed_after_the_plan(desk):
    photo = desk.photo("a.jpg")
    planned = step(1, "move", photo, desk.library / "a.jpg")
    photo.write_bytes(b"something else")
    assert "changed after the plan" in refused(desk, planned)


def test_a_change_of_mode_is_no_change(desk):
    photo = desk.photo("a.jpg")
    planned = step(1, "move", photo, desk.library / "a.jpg")
    photo.chmod(0o600)
    assert reasons(desk.file(planned)) == []


def test_a_file_that_is_gone(desk):
    photo = desk.photo("a.jpg")
    planned = step(1, "copy", photo, desk.library / "a.jpg")
    photo.unlink()
    assert "no longer there" in refused(desk, planned)


def test_a_copy_with_other_bytes_than_planned(desk):
    photo = desk.photo("a.jpg")
    good = step(1, "copy", photo, desk.library / "a.jpg")
    wrong = Step(good.unit, good.action, good.source, good.target, good.stat, b"\0" * 32, good.why)
    assert "expected bytes" in refused(desk, wrong)


def test_a_unit_happens_wholly_or_not(desk):
    photo, sidecar = desk.photo("a.jpg"), desk.photo("a.xmp", b"<xmp/>")
    write_photo(desk.library / "a.xmp", b"taken")
    reason = refused(
        desk,
        step(1, "move", photo, desk.library / "a.jpg"),
        step(1, "move", sidecar, desk.library / "a.xmp"),
    )
    assert reason == f"stays with a.xmp: {desk.library / 'a.xmp'} is already there"


def test_two_files_of_one_unit_with_one_name(desk):
    first, second = desk.photo("a.jpg"), desk.photo("b.jpg")
    assert "same name" in refused(
        desk, step(1, "move", first, desk.library / "x.jpg"), step(1, "move", second, desk.library / "X.jpg")
    )


def test_two_units_with_one_name(desk):
    first, second = desk.photo("a.jpg"), desk.photo("b.jpg")
    report = desk.file(
        step(1, "move", first, desk.library / "caf\u00e9.jpg"), step(2, "move", second, desk.library / "cafe\u0301.jpg")
    )
    assert [outcome.done for outcome in report.outcomes] == [True, False]


def test_the_others_go_on(desk):
    bad, good = desk.photo("bad.jpg"), desk.photo("good.jpg")
    steps = step(1, "move", bad, desk.library / "1" / "bad.jpg"), step(2, "move", good, desk.library / "2" / "good.jpg")
    bad.unlink()
    report = desk.file(*steps)
    assert [outcome.done for outcome in report.outcomes] == [False, True]
    assert not (desk.library / "1").exists()


def test_outside_the_roots(desk, tmp_path):
    photo, outside = desk.photo("a.jpg"), write_photo(tmp_path / "outside" / "b.jpg", b"b")
    assert "outside the photo folders" in refused(desk, step(1, "move", photo, tmp_path / "else" / "a.jpg"))
    assert "outside the photo folders" in refused(desk, step(1, "move", outside, desk.library / "b.jpg"))
    assert "outside the photo folders" in refused(
        desk, step(1, "move", photo, desk.library / ".." / ".." / "escaped.jpg")
    )
    assert outside.exists()


def test_through_a_symbolic_link(desk, tmp_path):
    photo, outside = desk.photo("a.jpg"), tmp_path / "outside"
    outside.mkdir()
    desk.library.mkdir()
    (desk.library / "link").symlink_to(outside)
    assert "symbolic link" in refused(desk, step(1, "move", photo, desk.library / "link" / "a.jpg"))
    assert "symbolic link" in refused(desk, step(1, "move", photo, desk.library / "link" / "deeper" / "a.jpg"))


def test_a_root_may_itself_be_a_link(desk, tmp_path):
    photo = desk.photo("a.jpg")
    (tmp_path / "real").mkdir()
    desk.library.symlink_to(tmp_path / "real")
    assert reasons(desk.file(step(1, "move", photo, desk.library / "a.jpg"))) == []
    assert (tmp_path / "real" / "a.jpg").exists()


def test_what_stands_where_a_folder_should_be_is_told_beside_the_file(desk):
    photo, target = desk.photo("a.jpg"), desk.library / "b" / "a.jpg"
    for stand, says in (
        (lambda: desk.library.symlink_to("/nowhere"), "the name is already taken"),
        (lambda: desk.library.write_bytes(b""), "something that is no folder stands where a folder should be"),
    ):
        stand()
        assert reasons(desk.file(step(1, "move", photo, target))) == [f"{photo} -> {target}: {says}"]
        desk.library.unlink()


def test_a_name_too_long(desk):
    photo = desk.photo("a.jpg")
    assert "too long" in refused(desk, step(1, "copy", photo, desk.library / ("x" * 256)))


def test_a_photo_that_is_a_link_or_a_pipe(desk):
    photo = desk.photo("a.jpg")
    (desk.photos / "link.jpg").symlink_to(photo)
    os.mkfifo(desk.photos / "pipe.jpg")
    for name in ("link.jpg", "pipe.jpg"):
        planned = Step(1, "copy", desk.photos / name, desk.library / name, step(1, "copy", photo, photo).stat, None, "")
        report = desk.file(planned)
        assert "regular file" in report.outcomes[0].reason


def test_a_file_that_is_being_written_does_not_leave_its_disk(far_desk):
    photo = far_desk.photo("a.jpg")
    planned = step(1, "move", photo, far_desk.library / "a.jpg")
    with photo.open("ab"):
        assert "open for writing" in refused(far_desk, planned)
    assert reasons(far_desk.file(planned)) == []


# ---------------------------------------------------------------- what the system refuses


def as_strace_injects(desk: Desk, injection: str, *steps: Step) -> tuple[BatchReport, dict]:
    """File the steps in a process whose system calls fail as `injection` says."""
    code = (
        "import sys, pickle; from pathlib import Path; from filed import NOW, Desk, plan;"
        "from sameshot.apply.filing import file_plan; from sameshot.apply.journal import Journal;"
        "steps, journal, roots = pickle.load(sys.stdin.buffer);"
        "pickle.dump(file_plan(plan(*steps), Journal(journal), roots=roots, now=NOW), sys.stdout.buffer)"
    )
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    syscalls = injection.partition(":")[0]
    command = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={syscalls}", "-e", f"inject={injection}"]
    ended = subprocess.run(
        [*command, sys.executable, "-c", code],
        input=pickle.dumps((steps, desk.journal.folder, [desk.photos, desk.library])),
        capture_output=True,
        env=environment,
        check=False,
    )
    if b"PTRACE" in ended.stderr:
        pytest.skip("strace may not trace here")
    assert ended.returncode == 0, ended.stderr.decode()
    return pickle.loads(ended.stdout), desk.tree()


def test_a_kernel_without_any_of_it(desk):
    """renameat2, openat2 and copy_file_range missing: the fallbacks give the same result, and overwrite as little."""
    photo, taken = desk.photo("a.jpg", b"a"), write_photo(desk.library / "taken.jpg", b"t")
    steps = (
        step(1, "copy", photo, desk.library / "copy.jpg"),
        step(2, "move", desk.photo("b.jpg", b"b"), desk.library / "b.jpg"),
        step(3, "move", desk.photo("c.jpg", b"c"), taken),
    )
    report, found = as_strace_injects(desk, "renameat2,openat2,copy_file_range,ioctl:error=ENOSYS", *steps)
    assert [outcome.done for outcome in report.outcomes] == [True, True, False]
    assert contents(found)[tree(desk.library)[str(taken)].content] == 1
    assert (desk.library / "b.jpg").read_bytes() == (b"b")
    assert (desk.library / "copy.jpg").read_bytes() == b"a"
    assert own_names(found) == []


def test_a_filesystem_without_hard_links(desk):
    steps = (
        step(1, "move", desk.photo("a.jpg", b"a"), desk.library / "a.jpg"),
        step(2, "move", desk.photo("b.jpg", b"b"), write_photo(desk.library / "taken.jpg", b"t")),
    )
    report, _ = as_strace_injects(desk, "renameat2,linkat:error=EPERM", *steps)
    assert [outcome.done for outcome in report.outcomes] == [False, False]
    report, _ = as_strace_injects(desk, "renameat2:error=EINVAL", *steps)
    assert [outcome.done for outcome in report.outcomes] == [True, False]
    assert (desk.library / "taken.jpg").read_bytes() == b"t"


@pytest.mark.parametrize(
    ("injection", "says"),
    [
        ("copy_file_range:error=ENOSPC", "disk is full"),
        ("renameat2:error=EROFS", "read-only"),
        ("mkdirat:error=EACCES", "permission denied"),
        ("fsync:error=EIO:when=4+", "the disk reported an error"),
    ],
)
def test_the_disk_fails_in_the_middle(desk, injection, says):
    photo = desk.photo("a.jpg", b"a" * 100_000)
    before = desk.tree()
    report, after = as_strace_injects(desk, injection, step(1, "copy", photo, desk.library / "1" / "a.jpg"))
    assert says in report.outcomes[0].reason
    assert after == before


def test_a_full_disk_ends_the_batch_and_says_so(desk):
    steps = [step(n, "copy", desk.photo(f"{n}.jpg", bytes([n]) * 50_000), desk.library / f"{n}.jpg") for n in range(90)]
    report, after = as_strace_injects(desk, "copy_file_range:error=ENOSPC:when=70+", *steps)
    done = [outcome.done for outcome in report.outcomes]
    assert done == [True] * 69 + [False] * 21
    assert report.outcomes[69].reason.endswith("the disk is full, or nearly")
    assert report.outcomes[-1].reason.startswith("not tried: the disk")
    assert own_names(after) == []


def test_nothing_happens_without_the_journal(desk):
    photo = desk.photo("a.jpg")
    desk.journal.folder.write_text("not a folder")
    before = desk.tree()
    with pytest.raises(StateUnavailable, match="cannot be written"):
        desk.file(step(1, "move", photo, desk.library / "a.jpg"))
    assert desk.tree() == before


# ---------------------------------------------------------------- the journal


def test_the_journal_says_what_and_why(desk):
    desk.file(step(1, "move", desk.photo("a.jpg"), desk.library / "a.jpg"))
    (batch,) = desk.journal.batches()
    assert (batch.batch, batch.kind, batch.when, batch.done, batch.refused) == (
        "b20261121-153012-1",
        "folders",
        NOW,
        1,
        0,
    )
    (found,) = desk.journal.steps(batch.batch)
    assert (found.deed, found.state, found.why) == ("move", "done", "same shot")
    for line in (desk.journal.folder / "b20261121-153012-1.jsonl").read_text().splitlines():
        json.loads(line)


def test_batches_sort_by_time_even_when_the_clock_goes_back(desk):
    for hours in (0, 0, -1, 1):
        photo = desk.photo(f"{len(desk.journal.batches())}.jpg")
        one = step(1, "copy", photo, desk.library / photo.name)
        now = NOW + timedelta(hours=hours)
        file_plan(plan(one), desk.journal, roots=[desk.photos, desk.library], now=now)
    found = [batch.batch for batch in desk.journal.batches()]
    assert found == ["b20261121-153012-1", "b20261121-153012-2", "b20261121-153012-3", "b20261121-163012-1"]


def test_a_torn_last_line_promised_nothing(desk):
    desk.file(step(1, "move", desk.photo("a.jpg"), desk.library / "a.jpg"))
    (path,) = desk.journal.folder.iterdir()
    for torn in (b'{"do":"begin","unit":2,"fi', b"\0" * 100, b'{"do":"beg\n'):
        whole = path.read_bytes()
        path.write_bytes(whole + torn)
        assert desk.journal.batches()[0].done == 1
        recover(desk.journal, now=NOW)
        path.write_bytes(whole)


def test_damage_in_the_middle_of_the_journal_is_told(desk):
    desk.file(step(1, "move", desk.photo("a.jpg"), desk.library / "a.jpg"))
    (path,) = desk.journal.folder.iterdir()
    path.write_bytes(path.read_bytes().replace(b'{"do":"begin"', b'{"do"#"begin"'))
    with pytest.raises(StateUnavailable, match="damaged"):
        desk.journal.batches()


def test_an_empty_plan_leaves_no_trace(desk):
    assert file_plan(Plan("folders", ()), desk.journal, roots=[desk.photos], now=NOW) == BatchReport("", ())
    assert not desk.journal.folder.exists()


def test_progress_counts_files(desk):
    steps = [step(n, "move", desk.photo(f"{n}.jpg"), desk.library / f"{n}.jpg") for n in range(300)]
    told = []
    file_plan(
        plan(*steps),
        desk.journal,
        roots=[desk.photos, desk.library],
        now=NOW,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(256, 300), (300, 300)]


# ---------------------------------------------------------------- an attacker


def test_folders_that_turn_into_links_lead_nowhere(desk, tmp_path):
    """Somebody swaps the group folder and a link to the outside while 1,000 photos are moved there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    real, link = desk.library / "group", desk.library / "link"
    real.mkdir(parents=True)
    link.symlink_to(outside)
    exchange = ctypes.CDLL(None).renameat2
    over = threading.Event()
    swaps = 0

    def attack() -> None:
        nonlocal swaps
        while not over.is_set():
            assert exchange(-100, bytes(real), -100, bytes(link), 2) == 0
            swaps += 1

    photos = [desk.photo(f"{n}.jpg", str(n).encode()) for n in range(1000)]
    attacker = threading.Thread(target=attack)
    steps = [step(n, "move", photo, real / photo.name) for n, photo in enumerate(photos)]
    before = contents(desk.tree())
    moved = 0
    attacker.start()
    try:
        for start in range(0, 1000, 10):
            report = desk.file(*steps[start : start + 10])
            moved += sum(outcome.done for outcome in report.outcomes)
    finally:
        over.set()
        attacker.join()
    assert swaps > 1000
    assert 100 < moved < 1000
    assert list(outside.iterdir()) == []
    assert contents(desk.tree()) == before
    assert own_names(desk.tree()) == []
