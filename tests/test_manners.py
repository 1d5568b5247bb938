"""What the service does by the clock and leaves be for others' sake: time, batteries and pressure are arguments."""

from __future__ import annotations

import io
import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import time as clock
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sameshot.service.chore import Chore
from sameshot.service.jobs import Jobs
from sameshot.service.journald import JournalHandler
from sameshot.service.logs import PlainLines, is_journal, open_logs, tail
from sameshot.service.manners import Manners, asked_to_pause
from sameshot.service.probe import Probe
from sameshot.service.prometheus import exposition
from sameshot.store.store import Store
from sameshot.watch.canary import Canary
from sameshot.watch.pace import Pace, writes_to

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


# -------------------------------------------------------------------- keeping still


def supply(folder: Path, name: str, **facts: str) -> None:
    (folder / name).mkdir(parents=True)
    for fact, value in facts.items():
        (folder / name / fact).write_text(value + "\n")


def manners(tmp_path: Path, **options) -> Manners:
    options = {"on_battery": True, "hours": ()} | options
    return Manners(power=tmp_path / "power", pressure=tmp_path / "pressure", **options)


def press(tmp_path: Path, memory: float = 0.0, disk: float = 0.0) -> None:
    folder = tmp_path / "pressure"
    folder.mkdir(exist_ok=True)
    for name, value in (("memory", memory), ("io", disk)):
        lines = [f"{who} avg10={value:.2f} avg60=0.00 avg300=0.00 total=1" for who in ("some", "full")]
        (folder / name).write_text("\n".join(lines) + "\n")


def test_nothing_is_in_the_way_on_a_machine_that_tells_nothing(tmp_path):
    assert manners(tmp_path).reason("", NOON, 0.0) == ""
    assert manners(tmp_path).reason("you said so", NOON, 0.0) == "you said so"


def test_battery(tmp_path):
    power = tmp_path / "power"
    supply(power, "BAT0", type="Battery", status="Discharging")
    supply(power, "mouse", type="Battery", scope="Device", status="Discharging")
    assert "battery" in manners(tmp_path).reason("", NOON, 0.0)
    assert manners(tmp_path, on_battery=False).reason("", NOON, 0.0) == ""
    supply(power, "AC", type="Mains", online="1")
    assert manners(tmp_path).reason("", NOON, 0.0) == ""


def test_the_battery_of_a_mouse_is_not_the_machines(tmp_path):
    supply(tmp_path / "power", "mouse", type="Battery", scope="Device", status="Discharging")
    assert manners(tmp_path).reason("", NOON, 0.0) == ""


@pytest.mark.parametrize(("hour", "still"), [(8, False), (9, True), (16, True), (17, False)])
def test_hours(tmp_path, hour, still):
    asked = manners(tmp_path, hours=(time(9), time(17))).reason("", NOON.replace(hour=hour), 0.0)
    assert bool(asked) == still
    night = manners(tmp_path, hours=(time(22), time(6)))
    assert [bool(night.reason("", NOON.replace(hour=h), 0.0)) for h in (21, 22, 5, 6)] == [False, True, True, False]


def test_others_pressure_is_waited_out_and_ones_own_is_not(tmp_path):
    polite = manners(tmp_path)
    press(tmp_path, memory=19)
    assert polite.reason("", NOON, 0.0) == ""
    press(tmp_path, memory=25)
    assert "memory" in polite.reason("", NOON, 5.0)
    press(tmp_path, memory=15)
    assert "memory" in polite.reason("", NOON, 100.0), "no flicker"
    press(tmp_path, memory=5)
    assert polite.reason("", NOON, 105.0) == ""

    press(tmp_path, disk=50)
    assert "disk" in polite.reason("", NOON, 200.0)
    press(tmp_path, disk=5)
    assert polite.reason("", NOON, 210.0) == "", "it went when we kept still: it was us"
    press(tmp_path, disk=50)
    assert polite.reason("", NOON, 300.0) == ""
    assert "disk" in polite.reason("", NOON, 210.0 + 901), "and asked again later"
    assert "disk" in polite.reason("", NOON, 5000.0), "others press on"


def test_the_owners_word_has_an_end():
    assert asked_to_pause(None, NOON) == ""
    assert "resume" in asked_to_pause({"until": None}, NOON)
    until = (NOON + timedelta(hours=1)).isoformat()
    assert "13:00" in asked_to_pause({"until": until}, NOON)
    assert asked_to_pause({"until": until}, NOON + timedelta(hours=1)) == ""


# -------------------------------------------------------------------- jobs


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "sameshot.db") as opened:
        yield opened


def jobs_of(store) -> Jobs:
    return Jobs(store.meta, time(4, 15), timedelta(minutes=15), backup=True)


def test_a_night_is_done_once_and_the_check_once_a_week(store):
    begun = []
    now = NOON
    for _ in range(15 * 24 * 4):  # fifteen days, asked every quarter of an hour by a service that is always new
        for name in jobs_of(store).due(now):
            jobs = jobs_of(store)
            jobs.began(name, now)
            jobs.ended(name, now + timedelta(seconds=3))
            begun.append((name, now.date()))
        now += timedelta(minutes=15)
    backups = [day for name, day in begun if name == "backup"]
    assert len(backups) == len(set(backups)) == 16
    checks = [day for name, day in begun if name == "check"]
    assert [(later - earlier).days for earlier, later in pairwise(checks)] == [7, 7]


def test_both_clock_change_nights_have_one_run_each(store):
    for day in (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 3, 28, 12, tzinfo=UTC)):
        begun = 0
        zone = ZoneInfo("Europe/Berlin")
        for quarter in range(4 * 24):
            now = (day + timedelta(minutes=15 * quarter)).astimezone(zone)
            jobs = Jobs(store.meta, time(2, 30), timedelta(minutes=15), backup=True)
            if "backup" in jobs.due(now):
                jobs.began("backup", now)
                jobs.ended("backup", now)
                begun += quarter > 0
        assert begun == 1


def test_a_missed_night_is_made_up_once_and_a_failure_is_tried_after_an_hour(store):
    jobs = jobs_of(store)
    jobs.began("backup", NOON - timedelta(days=5))
    jobs.ended("backup", NOON - timedelta(days=5))
    assert "backup" in jobs.due(NOON), "it slept for five nights"
    jobs.began("backup", NOON)
    row = next(row for row in jobs_of(store).rows(NOON, running=False) if row.name == "backup")
    assert row.outcome == "interrupted"
    jobs.ended("backup", NOON + timedelta(seconds=90), "the disk is full")
    assert "backup" not in jobs.due(NOON + timedelta(minutes=59))
    assert "backup" in jobs.due(NOON + timedelta(minutes=61))
    row = next(row for row in jobs.rows(NOON, running=True) if row.name == "backup")
    assert (row.outcome, row.duration_s) == ("the disk is full", 90.0)
    assert row.succeeded_at == (NOON - timedelta(days=5)).isoformat()
    assert row.next_at == (NOON + timedelta(hours=1)).isoformat()


def outcome_of(chore: Chore) -> str:
    until_s = clock.monotonic() + 30
    while (outcome := chore.outcome()) is None:
        assert clock.monotonic() < until_s
        clock.sleep(0.02)
    return outcome


def test_the_cache_is_trimmed_by_what_was_used_least_lately(tmp_path):
    cache, elsewhere = tmp_path / "cache", tmp_path / "elsewhere.jpg"
    elsewhere.write_bytes(b"x" * 1000)
    for number in range(6):
        file = cache / ("index" if number == 0 else "crops") / f"{number}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 1000)
        os.utime(file, (number, number))
    (cache / "crops" / "link.bin").symlink_to(elsewhere)
    chore = Chore("cache", [str(cache), "3500"], "sameshot.service.cache_trim")
    assert outcome_of(chore) == ""
    assert {file.name for file in cache.rglob("*.bin")} == {"0.bin", "4.bin", "5.bin", "link.bin"}
    assert elsewhere.exists()
    assert outcome_of(Chore("cache", [str(tmp_path / "absent"), "0"], "sameshot.service.cache_trim")) == ""


def test_chores_run_beside_the_service_and_tell_what_went_wrong(store, tmp_path):
    database = str(tmp_path / "sameshot.db")
    assert outcome_of(Chore("backup", [database, str(tmp_path / "backups"), "2026-11-21"])) == ""
    assert (tmp_path / "backups" / "nightly-20261121.db").exists()
    assert outcome_of(Chore("check", [database])) == ""
    assert "no state" in outcome_of(Chore("check", [str(tmp_path / "absent.db")]))
    chore = Chore("check", [database])
    chore.cancel()


# -------------------------------------------------------------------- watches and paces


def test_a_change_that_no_hint_told_of_gives_a_watch_away():
    canary = Canary()
    root, folder = Path("/photos"), Path("/photos/a")
    canary.heard(folder, 100.0)
    canary.found(root, folder, changed_s=98.0, now_s=101.0)
    assert canary.missed(200.0) == set()
    canary.found(root, folder, changed_s=300.0, now_s=301.0)
    canary.heard(folder, 305.0)  # it was on its way
    assert canary.missed(312.0) == set()
    canary.found(root, folder, changed_s=400.0, now_s=401.0)
    assert canary.missed(402.0) == set(), "a hint may still come"
    assert canary.missed(412.0) == {root}
    assert canary.missed(500.0) == set(), "told once"


def test_a_quiet_root_is_swept_less_and_less_often():
    pace = Pace(longest_s=3600.0)
    now_s, gaps = 0.0, []
    for _ in range(8):
        pace.swept(now_s, now_s + 1, changed=False)
        gaps.append(pace.due_s - now_s - 1)
        now_s = pace.due_s
    assert gaps == [120, 240, 480, 960, 1920, 3600, 3600, 3600]
    pace.swept(now_s, now_s + 1, changed=True)
    assert pace.due_s == now_s + 61
    pace.swept(now_s, now_s + 100, changed=True)
    assert pace.due_s == now_s + 2100, "never more than a twentieth of the time"


def test_writes_are_counted_by_the_disk_below(tmp_path):
    device = tmp_path.stat().st_dev
    stat = tmp_path / "dev" / "block" / f"{os.major(device)}:{os.minor(device)}" / "stat"
    stat.parent.mkdir(parents=True)
    stat.write_text("   1 2 3 4 77 6 7 8 0 0 0\n")
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    assert writes_to(tmp_path, tmp_path, mounts) == 77
    mounts.write_text(mounts.read_text() + f"23 22 0:9 / {tmp_path}/below rw - tmpfs x rw\n")
    assert writes_to(tmp_path, tmp_path, mounts) is None, "what is mounted below is another disk"
    assert writes_to(tmp_path / "absent", tmp_path, mounts) is None


def test_nobody_waits_for_a_folder_that_does_not_answer():
    lets_go = threading.Event()
    probe = Probe(lambda folder: lets_go.wait(20) if folder.name == "dead" else folder.name)
    started_s = clock.monotonic()
    assert probe.wait(Path("/dead"), 0.05) is None
    assert probe.wait(Path("/alive"), 5) == "alive"
    probe.ask(Path("/dead"))
    assert 0 < probe.silent_s(Path("/dead")) < 5
    assert clock.monotonic() - started_s < 5
    assert threading.active_count() < 10
    lets_go.set()
    assert probe.wait(Path("/dead"), 5) is True
    assert probe.silent_s(Path("/dead")) == 0.0


# -------------------------------------------------------------------- logs and metrics


def test_a_name_writes_no_line_of_its_own(tmp_path):
    record = logging.LogRecord("sameshot", logging.WARNING, "", 0, "%s is bad", ("a\n<0>root: \x1b[31m.jpg",), None)
    line = PlainLines("%(message)s", for_journal=True).format(record)
    assert line == "<4>a\\n<0>root: \\x1b[31m.jpg is bad"


def test_the_journal_is_known_by_its_stream(tmp_path):
    with (tmp_path / "stream").open("w") as stream:
        facts = os.fstat(stream.fileno())
        assert is_journal({"JOURNAL_STREAM": f"{facts.st_dev}:{facts.st_ino}"}, stream.fileno())
        assert not is_journal({"JOURNAL_STREAM": "1:1"}, stream.fileno())
        assert not is_journal({}, stream.fileno())


def test_the_journal_gets_fields_that_can_be_searched(tmp_path):
    lines = io.StringIO()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "journal"))
        journal.settimeout(5)
        handler = JournalHandler(logging.StreamHandler(lines), tmp_path / "journal")
        handler.setFormatter(PlainLines("%(message)s"))
        logger = logging.getLogger("sameshot.journal")
        logger.addHandler(handler)
        logger.propagate = False
        photo = Path(os.fsdecode(b"/photos/a\nPRIORITY=0\xff.jpg"))
        logger.warning("%s is bad", photo, extra={"about": {"photo": photo}})
        fields = journal_fields(journal.recv(65536))
    assert fields["PRIORITY"] == b"4"
    assert fields["SYSLOG_IDENTIFIER"] == b"sameshot"
    assert fields["MESSAGE"].startswith(b"/photos/a\\nPRIORITY=0")
    assert fields["SAMESHOT_PHOTO"] == os.fsencode(photo)
    assert fields["CODE_FILE"] == __file__.encode()
    (tmp_path / "journal").unlink()
    logger.error("nobody listens")
    logger.removeHandler(handler)
    handler.close()
    assert lines.getvalue() == "nobody listens\n"


def journal_fields(message: bytes) -> dict[str, bytes]:
    fields = {}
    while message:
        name, _, message = message.partition(b"\n")
        (length,) = struct.unpack_from("<Q", message)
        fields[name.decode()] = message[8 : 8 + length]
        assert message[8 + length : 9 + length] == b"\n"
        message = message[9 + length :]
    return fields


def test_the_log_turns_over_and_its_end_is_read_across(tmp_path):
    file = tmp_path / "service.log"
    handler = open_logs(file)
    try:
        logger = logging.getLogger("sameshot.test")
        for number in range(5_000):
            logger.warning("%s %d", "x" * 1000, number)
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    assert sum(part.stat().st_size for part in tmp_path.iterdir()) <= 3 * 2_000_000
    last = tail(file, 10)
    assert [line.rsplit(" ", 1)[1] for line in last] == [str(number) for number in range(4_990, 5_000)]
    assert tail(tmp_path / "absent.log", 5) == []


def test_a_log_that_somebody_moved_away_is_begun_anew_and_one_without_a_place_is_no_traceback(tmp_path, capfd):
    file = tmp_path / "state" / "service.log"
    handler = open_logs(file)
    try:
        logger = logging.getLogger("sameshot.test")
        logger.warning("first")
        file.rename(tmp_path / "away.log")
        logger.warning("second")
        assert [line.split()[-1] for line in tail(file, 5)] == ["second"]
        file.parent.rename(tmp_path / "gone")
        logger.warning("third")
        (tmp_path / "gone").rename(file.parent)
        logger.warning("fourth")
        assert [line.split()[-1] for line in tail(file, 5)] == ["second", "fourth"]
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    assert "Traceback" not in capfd.readouterr().err


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path):
    code = (
        "import os, sys; from sameshot.service.logs import occupy_standard_streams\n"
        "occupy_standard_streams(); print('nobody hears this', file=sys.stderr)\n"
        f"assert os.open({str(tmp_path / 'file')!r}, os.O_RDWR | os.O_CREAT) > 2"
    )
    done = subprocess.run(["/bin/sh", "-c", f'exec {sys.executable} -c "$0" <&- >&- 2>&-', code], check=False)
    assert done.returncode == 0


def test_prometheus_text_is_what_prometheus_reads():
    status = {
        "photos": 1_234_567, "groups": 3, "pending": 0, "failed": 1, "rss_mb": 82.4, "service": True, "state": "idle",
        "roots": [{"path": 'a"b\\c\n', "state": "watching", "folders_watched": 7}],
        "reconciled_at": "2026-11-21T12:00:00+00:00",
    }  # fmt: skip
    text = exposition(status)
    assert "sameshot_photos 1234567\n" in text
    assert 'sameshot_state{state="idle"} 1\n' in text
    assert 'sameshot_root_state{root="a\\"b\\\\c\\n",state="watching"} 1\n' in text
    assert 'sameshot_folders_watched{root="a\\"b\\\\c\\n"} 7\n' in text
    assert f"sameshot_last_reconcile_timestamp_seconds {NOON.timestamp():.0f}\n" in text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert names == {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}


def test_workers_are_last_in_line(tmp_path):
    """The kernel is told that a worker's disk requests wait for everybody's."""
    from sameshot.service.worker_process import give_way  # noqa: PLC0415

    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        give_way(sleeper.pid, 10)
        shown = subprocess.run(["ionice", "-p", str(sleeper.pid)], capture_output=True, text=True, check=False)
        assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) >= 10
        assert shown.stdout.strip() == "idle"
    finally:
        sleeper.kill()
        sleeper.wait()
