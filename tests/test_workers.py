"""The supervisor: every task is answered once, and only the guilty one pays."""

from __future__ import annotations

import os
import platform
import resource
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sameshot.errors import WorkersUnavailable
from sameshot.service.message import BadMessage, Receiver, frame_of
from sameshot.service.worker_sandbox import landlock_version
from sameshot.service.workers import Message, Task, TaskFailed, WorkerLimits, Workers

TINY = [sys.executable, str(Path(__file__).with_name("tiny_worker.py"))]
LIMITS = WorkerLimits(address_space_bytes=400 << 20)


class Desk:
    """A pool and what it answered, by the number of the task."""

    def __init__(self, count=2, limits=LIMITS, options=()):
        self.answers: dict[int, Message | TaskFailed] = {}
        self.order: list[int] = []
        self.workers = Workers([*TINY, *options], count, limits)
        self.asked = 0

    def ask(self, task, *, deadline_s=20.0, first=False, descriptor=None, buffers=(), **fields):
        number, self.asked = self.asked, self.asked + 1

        def done(outcome):
            assert number not in self.answers, "answered twice"
            self.answers[number] = outcome
            self.order.append(number)

        request = Message({"task": task, "number": number, **fields}, buffers)
        self.workers.submit(Task(request, deadline_s, done, descriptor), first)
        return number

    def finish(self, within_s=30.0):
        until = time.monotonic() + within_s
        while self.workers.pending:
            assert time.monotonic() < until, f"unanswered: {set(range(self.asked)) - self.answers.keys()}"
            self.workers.pump(1.0)

    def result(self, task, **fields):
        number = self.ask(task, **fields)
        self.finish()
        return self.answers[number]

    def gone(self, pids, within_s=5.0):
        until = time.monotonic() + within_s
        while set(pids) & set(self.workers.pids):
            assert time.monotonic() < until, "a process that should have ended is still there"
            self.workers.pump(0.05)


@pytest.fixture
def desk_of(request):
    desks = []

    def make(*arguments, **options):
        desks.append(Desk(*arguments, **options))
        return desks[-1]

    yield make
    for desk in desks:
        desk.workers.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# ---------------------------------------------------------------- answers


def test_nothing_is_started_before_the_first_task(desk_of):
    desk = desk_of()
    assert desk.workers.pids == []
    assert desk.workers.next_deadline_s is None
    assert desk.workers.pump(0.0) == 0


def test_an_answer_carries_header_and_buffers(desk_of):
    desk = desk_of()
    answer = desk.result("echo", buffers=(b"\0\xff", b"", b"x" * 3_000_000), words="caf\udce9")
    assert answer.header["echo"]["words"] == "caf\udce9"
    assert answer.buffers == (b"\0\xff", b"", b"x" * 3_000_000, b"")
    assert desk.workers.hello["landlock"] == 0


def test_an_open_descriptor_is_handed_over_and_none_is_left_open(desk_of, tmp_path):
    before = descriptors()
    desk = desk_of()
    for number in range(20):
        (tmp_path / f"{number}").write_text(f"photo {number}")
        with (tmp_path / f"{number}").open("rb") as photo:
            desk.ask("echo" if number % 5 else "leave", descriptor=photo.fileno())
    desk.finish()
    assert [desk.answers[n].buffers[-1] for n in range(20) if n % 5] == [b"photo %d" % n for n in range(20) if n % 5]
    desk.workers.close()
    assert descriptors() == before
    desk.workers = Workers(TINY, 1)


def test_a_descriptor_that_could_be_written_through_is_refused(desk_of, tmp_path):
    with (tmp_path / "photo").open("wb") as photo, pytest.raises(ValueError, match="reading only"):
        desk_of().ask("echo", descriptor=photo.fileno())


def test_interactive_work_goes_first(desk_of):
    desk = desk_of(count=1)
    last = [desk.ask("echo") for _ in range(3)]
    first = desk.ask("echo", first=True)
    desk.finish()
    assert desk.order == [first, *last]


def test_a_done_may_submit_more_and_may_raise(desk_of):
    desk = desk_of(count=1)
    heard = []

    def again(outcome):
        heard.append(outcome)
        desk.ask("echo")
        raise KeyError("of the caller")

    desk.workers.submit(Task(Message({"task": "echo"}), 20, again))
    with pytest.raises(KeyError):
        desk.finish()
    desk.finish()
    assert len(heard) == len(desk.answers) == 1


def test_another_loop_can_wait_for_the_pool(desk_of):
    desk = desk_of(count=1)
    desk.ask("echo")
    assert desk.workers.next_deadline_s <= time.monotonic()
    with selectors.DefaultSelector() as loop:
        loop.register(desk.workers, selectors.EVENT_READ)
        while desk.workers.pending:
            desk.workers.pump(0.0)
            due_s = desk.workers.next_deadline_s
            if desk.workers.pending and due_s > time.monotonic():
                assert loop.select(20.0), "a worker had something to say and the loop was not told"
    assert isinstance(desk.answers[0], Message)


# ---------------------------------------------------------------- tasks that go wrong


def test_no_innocent_task_is_lost(desk_of):
    desk = desk_of(count=2)
    bad = {3: "segfault", 4: "segfault", 9: "hang", 15: "allocate", 20: "leave", 21: "spin", 25: "fail", 26: "refuse"}
    for number in range(30):
        desk.ask(bad.get(number, "echo"), deadline_s=1.0 if bad.get(number) in {"hang", "spin"} else 20.0)
    desk.finish()
    failed = {n: answer.kind for n, answer in desk.answers.items() if isinstance(answer, TaskFailed)}
    kinds = {"segfault": "crash", "hang": "deadline", "spin": "deadline", "allocate": "memory", "leave": "crash"}
    kinds |= {"fail": "error", "refuse": "refused"}
    assert failed == {n: kinds[task] for n, task in bad.items()}
    assert len(desk.answers) == 30


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("segfault", "the worker crashed on it (SIGSEGV)"),
        ("leave", "the worker ended on it, with status 3 and no answer"),
        ("refuse", "this is no photo"),
        ("fail", "an unexpected ZeroDivisionError: by zero"),
        ("allocate", "it needs more memory than one photo may take"),
        ("nonsense", "this worker knows no task 'nonsense'"),
    ],
)
def test_the_reason_is_a_sentence(desk_of, task, reason):
    assert desk_of(count=1).result(task).reason == reason


def test_what_a_library_prints_is_kept_and_not_shown(desk_of, capfd):
    desk = desk_of(count=1)
    assert isinstance(desk.result("chatter"), Message)
    assert "about to read address zero" in desk.result("segfault").output
    assert capfd.readouterr() == ("", "")


def test_a_deadline_holds_whether_the_task_sleeps_or_works(desk_of):
    desk = desk_of(count=2)
    desk.result("echo")
    started = time.monotonic()
    desk.ask("hang", deadline_s=0.5)
    desk.ask("spin", deadline_s=0.5)
    desk.finish()
    assert 0.5 <= time.monotonic() - started < 10
    assert {answer.reason for answer in list(desk.answers.values())[1:]} == {"it took longer than 0.5 s"}


def test_the_kernel_ends_a_worker_that_its_supervisor_forgot(desk_of):
    desk = desk_of(count=1)
    desk.ask("spin", deadline_s=0.1)
    while not desk.workers._running:
        desk.workers.pump(0.0)
    (pid,) = desk.workers.pids
    death = os.pidfd_open(pid)
    with selectors.DefaultSelector() as loop:  # nobody pumps
        loop.register(death, selectors.EVENT_READ)
        assert loop.select(15)
    os.close(death)
    desk.finish()
    assert desk.answers[0].kind == "deadline"


def test_a_kill_from_outside_costs_the_running_task_only(desk_of):
    desk = desk_of(count=2)
    desk.ask("hang")
    while not desk.workers._running:
        desk.workers.pump(0.1)
    (hanging,) = (worker.pid for worker in desk.workers._running)
    for _ in range(10):
        desk.ask("echo")
    os.kill(hanging, signal.SIGKILL)
    desk.finish()
    assert desk.answers.pop(0).kind == "killed"
    assert all(isinstance(answer, Message) for answer in desk.answers.values())


def test_a_task_sent_to_a_worker_that_had_died_is_given_to_another(desk_of):
    desk = desk_of(count=1)
    for _ in range(5):
        pid = desk.result("echo").header["pid"]
        death = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)  # while it waits: the supervisor does not know yet
        with selectors.DefaultSelector() as loop:
            loop.register(death, selectors.EVENT_READ)
            assert loop.select(5)
        os.close(death)
        assert isinstance(desk.result("echo"), Message)


def test_a_stopped_worker_that_is_killed_with_the_task_unread_costs_nothing(desk_of):
    desk = desk_of(count=1)
    pid = desk.result("echo").header["pid"]
    os.kill(pid, signal.SIGSTOP)
    number = desk.ask("echo", buffers=(b"x" * 5_000_000,))
    desk.workers.pump(0.0)
    os.kill(pid, signal.SIGKILL)
    desk.finish()
    assert isinstance(desk.answers[number], Message)
    assert desk.answers[number].header["pid"] != pid


def test_an_answer_that_makes_no_sense_is_a_crash(desk_of):
    desk = desk_of(count=1)
    desk.result("echo")
    number = desk.ask("garble", socket=desk.workers.hello["socket"])
    after = desk.ask("echo")
    desk.finish()
    assert desk.answers[number].kind == "crash"
    assert "makes no sense" in desk.answers[number].reason
    assert isinstance(desk.answers[after], Message)


# ---------------------------------------------------------------- processes


def test_workers_that_do_not_start_are_told_once_and_nothing_is_lost(desk_of):
    desk = desk_of(count=2, options=["--broken"])
    desk.ask("echo")
    with pytest.raises(WorkersUnavailable, match="no module named spline"):
        desk.finish()
    assert desk.workers.pending == 1
    assert desk.workers.next_deadline_s > time.monotonic() + 10, "not tried again at once"
    assert desk.workers.pump(0.0) == 0


def test_a_program_that_is_not_there_is_told():
    workers = Workers(["/nowhere/python"], 1)
    workers.submit(Task(Message({}), 1, lambda _: None))
    with pytest.raises(WorkersUnavailable, match="/nowhere/python: No such file"):
        workers.pump(1)
    workers.close()


def test_a_worker_is_replaced_after_its_share_of_tasks(desk_of):
    desk = desk_of(count=1, limits=WorkerLimits(tasks=3))
    for _ in range(7):
        desk.ask("echo")
    desk.finish()
    pids = [desk.answers[number].header["pid"] for number in range(7)]
    assert [len({*pids[:3]}), len({*pids[3:6]}), len({*pids})] == [1, 1, 3]


def test_a_worker_that_leaks_is_replaced(desk_of):
    desk = desk_of(count=1, limits=WorkerLimits(resident_bytes=100 << 20))
    small = desk.result("keep", bytes=1 << 20).header["pid"]
    assert desk.result("keep", bytes=120 << 20).header["pid"] == small
    assert desk.result("echo").header["pid"] != small


def test_an_idle_pool_ends_its_processes_and_starts_them_again(desk_of):
    desk = desk_of(count=2, limits=WorkerLimits(idle_s=0.2))
    first = desk.result("echo").header["pid"]
    assert desk.workers.next_deadline_s <= time.monotonic() + 0.2
    desk.gone([first])
    assert desk.workers.pids == []
    assert desk.workers.next_deadline_s is None
    assert desk.result("echo").header["pid"] != first


def test_close_under_load_leaves_nothing(desk_of):
    before = descriptors()
    desk = desk_of(count=2)
    with Path(__file__).open("rb") as photo:
        for number in range(50):
            desk.ask("hang" if number % 2 else "echo", descriptor=photo.fileno())
        desk.workers.pump(5.0)
    pids = desk.workers.pids
    started = time.monotonic()
    desk.workers.close()
    assert time.monotonic() - started < 1
    assert pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert descriptors() == before
    desk.workers = Workers(TINY, 1)


def test_workers_end_with_their_supervisor():
    code = (
        "import os, sys; from sameshot.service.workers import *\n"
        f"workers = Workers({TINY!r}, 1)\n"
        "workers.submit(Task(Message({'task': 'echo'}), 20, lambda answer: print(answer.header['pid'], flush=True)))\n"
        "while workers.pending: workers.pump(1)\n"
        "workers.submit(Task(Message({'task': 'hang'}), 20, print)); workers.pump(0.2); os.kill(os.getpid(), 9)\n"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout)
    until = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until, "the worker outlived the service"
        time.sleep(0.01)


def test_limits_are_in_force(desk_of):
    desk = desk_of(count=1)
    pid = desk.result("echo").header["pid"]
    limits = {line[:24].strip(): line[24:].split()[0] for line in Path(f"/proc/{pid}/limits").read_text().splitlines()}
    assert limits["Max address space"] == str(400 << 20)
    assert limits["Max file size"] == limits["Max core file size"] == "0"
    assert limits["Max open files"] == "64"
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 10
    assert os.getsid(pid) == pid


def test_a_confined_worker_reaches_nothing_but_what_it_was_handed(desk_of, tmp_path):
    if not landlock_version():
        pytest.skip("this kernel has no Landlock")
    (tmp_path / "secret").write_text("private")
    (tmp_path / "photo").write_text("pixels")
    with socket.create_server(("127.0.0.1", 0)) as server, (tmp_path / "photo").open("rb") as photo:
        asked = {"folder": str(tmp_path), "port": server.getsockname()[1], "descriptor": photo.fileno()}
        free = desk_of(count=1, limits=WorkerLimits(file_size_bytes=1 << 20)).result("trespass", **asked).header
        assert free == {"write": 0, "read": 0, "send": 0, "connect": 0, "run": 0, "given": "pixels"}, (
            "the attempts do not work"
        )
        (tmp_path / "written").unlink()
        limits = WorkerLimits(file_size_bytes=1 << 20)
        bound = desk_of(count=1, limits=limits, options=["--confined"]).result("trespass", **asked).header
    refused = bound.pop("connect")
    assert bound == {"write": 13, "read": 13, "send": 0, "run": 13, "given": "pixels"}
    assert refused == (13 if landlock_version() >= 4 else 0)
    assert not (tmp_path / "written").exists()


def test_a_filtered_worker_makes_no_socket_and_runs_no_program(desk_of, tmp_path):
    if platform.machine() not in {"x86_64", "aarch64"}:
        pytest.skip("no table of system calls for this machine")
    (tmp_path / "secret").write_text("private")
    with (tmp_path / "secret").open("rb") as photo:
        desk = desk_of(count=1, limits=WorkerLimits(file_size_bytes=1 << 20), options=["--filtered"])
        bound = desk.result("trespass", folder=str(tmp_path), port=1, descriptor=photo.fileno()).header
    assert bound == {"write": 0, "read": 0, "send": 1, "connect": 1, "run": 1, "given": "private"}


def test_a_worker_inherits_no_secret(desk_of, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1000/bus")
    monkeypatch.setenv("LANG", "C.UTF-8")
    environment = set(desk_of(count=1).result("echo").header["environment"])
    assert not environment & {"NOTIFY_SOCKET", "DBUS_SESSION_BUS_ADDRESS"}
    assert environment >= {"LANG", "OMP_NUM_THREADS", "PATH"}


# ---------------------------------------------------------------- frames


def test_frames_arrive_whole_in_any_pieces():
    messages = [Message({"n": n}, (bytes([n]) * n, b"")) for n in range(5)]
    stream = b"".join(map(frame_of, messages))
    for size in (1, 7, len(stream)):
        receiver = Receiver()
        pieces = (stream[start : start + size] for start in range(0, len(stream), size))
        assert [message for piece in pieces for message in receiver.feed(piece)] == messages


def altered(old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    frame = frame_of(Message({"n": 1}, (b"abc",)))
    assert frame.count(old) == 1
    return frame.replace(old, new)


@pytest.mark.parametrize(
    "frame",
    [
        altered(b"shot", b"shut"),
        altered(b"[3]", b"[4]"),
        altered(b"[3]", b"3.0"),
        altered(b"[3]", b"[-3"),
        altered(b'"n"', b"'n'"),
        altered(b": 1", b":[["),
        b"shot" + b"\xff" * 12,
    ],
    ids=["magic", "sizes", "kind of size", "not closed", "quotes", "nested", "huge"],
)
def test_a_stream_that_is_none_of_frames_is_refused(frame):
    with pytest.raises(BadMessage):
        Receiver().feed(frame)


def test_what_cannot_be_said_is_refused():
    for header in ({"x": float("nan")}, {"x": b"bytes"}):
        with pytest.raises(BadMessage):
            frame_of(Message(header))


# ---------------------------------------------------------------- long


@pytest.mark.slow
def test_four_hundred_good_among_forty_poisoned(desk_of):
    desk = desk_of(count=2)
    desk.result("echo", buffers=(b"x" * 1_000_000,))
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    poison = ["segfault", "hang", "allocate", "leave", "spin", "refuse", "fail", "chatter"]
    good = set()
    for number in range(440):
        bad = number % 11 == 5
        task = poison[number // 11 % len(poison)] if bad else "echo"
        asked = desk.ask(task, deadline_s=1.0 if task in {"hang", "spin"} else 60.0, buffers=(b"x" * 100_000,))
        good |= set() if bad else {asked}
    desk.finish(within_s=200)
    assert len(good) == 400
    assert all(isinstance(desk.answers.pop(number), Message) for number in good)
    assert sum(isinstance(answer, TaskFailed) for answer in desk.answers.values()) == 35, "chatter is no failure"
    # The answers that were kept here, and what queueing 440 requests takes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 150_000
