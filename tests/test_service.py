"""The daemon as a process of its own: what it tells its manager, how it follows the folders, how it stops."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import time
from itertools import pairwise
from pathlib import Path

import pytest

from filed import tree
from running import Installation, Service, is_clear
from sameshot.errors import StateUnavailable
from sameshot.service.client import call


def arrive(installation: Installation, photo: Path, name: str = "") -> Path:
    """Copies a photo into the watched folder, as a program does that makes it whole at once."""
    target = installation.photos / (name or photo.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.part")
    shutil.copyfile(photo, temporary)
    temporary.rename(target)
    return target


def processes_below(pid: int) -> list[int]:
    """The children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def statuses(service: Service) -> list[str]:
    return [line for line in service.told() if line.startswith("STATUS=")]


def test_its_manager_is_told_all_it_must_know(installation: Installation, sample_photos: Path) -> None:
    with installation.service(WATCHDOG_USEC="1000000") as service:
        assert service.told().count("READY=1") == 1
        arrive(installation, sample_photos / "IMG_100.jpg")
        service.wait_until_grouped(1)
        service.wait_for(lambda: service.told().count("WATCHDOG=1") >= 3, "three signs of life", 10)
        service.wait_for(lambda: statuses(service)[-1:] == ["STATUS=idle"], "the status is idle", 10)
        assert all(told != before for before, told in pairwise(statuses(service))), "the same is not told twice"
        code, took_s = service.stop()
        assert code == 0
        assert took_s < 10
        assert service.told().count("STOPPING=1") == 1
        assert service.told().count("READY=1") == 1
        assert "Traceback" not in service.log()


def test_photos_are_grouped_as_they_arrive(installation: Installation, sample_photos: Path) -> None:
    with installation.service() as service:
        for count, name in enumerate(("IMG_100.jpg", "IMG_101.jpg", "IMG_130.jpg"), 1):
            arrive(installation, sample_photos / name)
            service.wait_until_grouped(count)
        assert installation.partition() == {frozenset({"IMG_100.jpg", "IMG_101.jpg"})}

        (installation.photos / "deep" / "er").mkdir(parents=True)
        arrive(installation, sample_photos / "IMG_102.jpg", "deep/er/IMG_102.jpg")
        service.wait_until_grouped(4)
        assert installation.partition() == {frozenset({"IMG_100.jpg", "IMG_101.jpg", "IMG_102.jpg"})}

        (installation.photos / "deep" / "er").rename(installation.photos / "moved")
        (installation.photos / "IMG_100.jpg").rename(installation.photos / "lake.jpg")
        moved = frozenset({"lake.jpg", "IMG_101.jpg", "IMG_102.jpg"})
        service.wait_for(lambda: installation.partition() == {moved}, "the rename is known")
        service.wait_until_grouped(4)

        (installation.photos / "lake.jpg").unlink()
        service.wait_for(lambda: installation.partition() == {moved - {"lake.jpg"}}, "the photo is gone")
        assert installation.groups()["failed"] == []


def test_a_slow_writer_is_waited_for(installation: Installation, sample_photos: Path) -> None:
    arrive(installation, sample_photos / "IMG_100.jpg")
    photo = (sample_photos / "IMG_101.jpg").read_bytes()
    target = installation.photos / "IMG_101.jpg"
    with installation.service() as service:
        service.wait_until_grouped(1)
        # One writer keeps the file open, then another appends with pauses longer than the quiet time.
        with target.open("wb") as writer:
            for start in range(0, len(photo) // 2, len(photo) // 6 + 1):
                writer.write(photo[start : min(start + len(photo) // 6 + 1, len(photo) // 2)])
                writer.flush()
                time.sleep(0.5)
                status = service.status()
                assert status["failed"] == 0
                assert installation.partition() == set()
            writer.write(photo[len(photo) // 2 :])
        service.wait_until_grouped(2)
        assert installation.partition() == {frozenset({"IMG_100.jpg", "IMG_101.jpg"})}
        assert installation.groups()["failed"] == []


def test_what_looks_complete_too_early_is_looked_at_again(installation: Installation, sample_photos: Path) -> None:
    photo = (sample_photos / "IMG_101.jpg").read_bytes()
    target = installation.photos / "IMG_101.jpg"
    with installation.service() as service:
        target.write_bytes(photo[: len(photo) // 2])
        service.wait_for(lambda: service.status()["failed"] == 1, "half a photo fails")
        with target.open("ab") as writer:
            writer.write(photo[len(photo) // 2 :])
        service.wait_for(lambda: service.status()["failed"] == 0, "the whole photo is looked at")
        service.wait_until_grouped(1)
        assert installation.groups()["alone"] == [str(target)]


@pytest.mark.parametrize("library", ["library", "photos/library"])
@pytest.mark.parametrize("action", ["move", "copy"])
def test_own_filing_causes_no_loop(installation: Installation, sample_photos: Path, library: str, action: str) -> None:
    installation.library = installation.folder / library
    installation.configure(library=str(installation.library))
    for name in ("IMG_100.jpg", "IMG_101.jpg", "IMG_130.jpg"):
        shutil.copy(sample_photos / name, installation.photos)
    before = tree(installation.photos)
    with installation.service() as service:
        service.wait_until_grouped(3)
        done = installation.ask("apply", action=action)
        assert (done["refused"], done["done"]) == ([], 2)
        after = tree(installation.folder / "photos", installation.library)
        assert installation.ask("scan")["photos"] == 3
        service.wait_until_grouped(3)
        assert installation.ask("plan", action=action)["steps"] == []
        assert service.status()["groups"] == 1
        assert tree(installation.folder / "photos", installation.library) == after
        undone = installation.ask("undo", everything=True)
        assert undone["refused"] == []
        assert installation.ask("scan")["photos"] == 3
        service.wait_until_grouped(3)
        assert tree(installation.photos) == before
        assert installation.groups()["failed"] == []


def test_rank_under_the_daemon(installation: Installation, sample_photos: Path) -> None:
    for photo in sample_photos.glob("IMG_1[03]?.jpg"):
        shutil.copy(photo, installation.photos)
    with installation.service() as service:
        service.wait_until_grouped(6)
        groups = installation.groups()["groups"][0]["id"]
        assert installation.ask("rank", folders=[installation.photos])["refused"] == []
        assert installation.ask("scan")["photos"] == 6
        service.wait_until_grouped(6)
        assert installation.groups()["groups"][0]["id"] == groups
        assert installation.ask("plan", rank=[installation.photos])["steps"] == []


def test_it_stops_at_once_with_work_to_do(installation: Installation, sample_photos: Path) -> None:
    shutil.copytree(sample_photos, installation.photos, dirs_exist_ok=True)
    with installation.service() as service:
        service.wait_for(lambda: processes_below(service.process.pid), "a worker works")
        code, took_s = service.stop()
        assert code == 0
        assert took_s < 10
    with installation.service() as service:  # and goes on where it was
        service.wait_until_grouped(12)
        assert len(installation.partition()) == 3
        [worker] = processes_below(service.process.pid)
        assert service.stop()[0] == 0
    assert not Path(f"/proc/{worker}").exists()


def test_kill_9_misses_nothing(installation: Installation, sample_photos: Path) -> None:
    names = sorted(photo.name for photo in sample_photos.iterdir())
    for name in names[:6]:
        shutil.copy(sample_photos / name, installation.photos)
    with installation.service() as service:
        service.wait_for(lambda: service.status()["pending"] < 6, "work has begun")
        service.process.kill()
        service.process.wait()
    for name in names[6:]:
        shutil.copy(sample_photos / name, installation.photos)
    (installation.photos / names[0]).unlink()
    with installation.service() as service:
        service.wait_until_grouped(11)
        assert installation.groups()["failed"] == []
        assert len(installation.partition()) == 3


# -------------------------------------------------------------------- config


def test_sighup_takes_a_good_config_and_refuses_a_broken_one(installation: Installation, sample_photos: Path) -> None:
    other = installation.folder / "other"
    other.mkdir()
    shutil.copy(sample_photos / "IMG_130.jpg", other)
    arrive(installation, sample_photos / "IMG_100.jpg")
    with installation.service() as service:
        service.wait_until_grouped(1)
        installation.config.write_text("roots: [\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: "serves on" in service.log(), "the broken config is told")
        arrive(installation, sample_photos / "IMG_101.jpg")
        installation.configure()
        service.wait_until_grouped(2)

        installation.configure(roots=[{"path": str(installation.photos)}, {"path": str(other)}], log_level="debug")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: len(service.status()["roots"]) == 2, "the new root is watched")
        service.wait_until_grouped(3)
        arrive(installation, sample_photos / "IMG_102.jpg")
        service.wait_until_grouped(4)
        assert service.stop()[0] == 0


def test_one_service_for_one_state(installation: Installation, sample_photos: Path) -> None:
    with installation.service() as service:
        second = installation.run("watch")
        assert second.code == 3
        assert is_clear(second)
        assert f"pid {service.process.pid}" in second.err
        assert len(second.err.splitlines()) == 1

        other = installation.folder / "other.yaml"
        shutil.copy(installation.config, other)
        installation.config = other
        asked = installation.run("groups")
        assert asked.code == 3
        assert is_clear(asked)
        assert "config.yaml" in asked.err
        assert "other.yaml" in asked.err
        scanned = installation.run("scan")
        assert scanned.code == 3
        assert service.process.poll() is None


# -------------------------------------------------------------------- asking


def test_answers_are_the_same_with_and_without_the_service(installation: Installation, sample_photos: Path) -> None:
    shutil.copytree(sample_photos, installation.photos, dirs_exist_ok=True)
    (installation.photos / "bad.jpg").write_bytes(b"no photo")
    photo, other = installation.photos / "IMG_100.jpg", installation.photos / "IMG_101.jpg"
    questions = {
        "groups": {},
        "history": {},
        "similar": {"file": photo},
        "explain": {"first": photo, "second": other},
        "plan": {"action": "copy"},
    }
    with installation.service() as service:
        mode = installation.locations.socket.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        assert stat.S_IMODE(installation.state.stat().st_mode) == 0o700
        service.wait_until_grouped(13)
        served = {verb: installation.ask(verb, **arguments) for verb, arguments in questions.items()}
        status = service.status()
        assert status["service"] is True
        assert [root["state"] for root in status["roots"]] == ["watching"]
        assert service.stop()[0] == 0
    assert {verb: installation.ask(verb, **arguments) for verb, arguments in questions.items()} == served
    alone = installation.ask("status")
    facts = ("photos", "groups", "pending", "failed", "encoder", "version")
    assert [alone[fact] for fact in facts] == [status[fact] for fact in facts]
    assert alone["service"] is False


def test_errors_cross_the_socket_as_they_are(installation: Installation, sample_photos: Path) -> None:
    arrive(installation, sample_photos / "IMG_100.jpg")
    questions = (
        ["scan", installation.folder / "none"],
        ["similar", installation.photos / "none.jpg"],
        ["together", installation.photos / "IMG_100.jpg", installation.photos / "none.jpg"],
        ["undo", "--yes", installation.photos / "none.jpg"],
        ["history", "b404"],
    )
    with installation.service() as service:
        service.wait_until_grouped(1)
        served = [installation.run(*words) for words in questions]
        with pytest.raises(StateUnavailable):
            call(installation.locations.socket, "groups", {}, Path("/other.yaml"))
        assert service.stop()[0] == 0
    assert [done.code for done in served] == [2] * len(questions)
    assert [installation.run(*words) for words in questions] == served


# -------------------------------------------------------------------- filing by itself


def filed(installation: Installation) -> list[str]:
    return sorted(path.name for path in installation.library.rglob("*.jpg"))


def test_automatic_filing_files_each_photo_once(installation: Installation, sample_photos: Path) -> None:
    installation.configure(action="copy", apply="automatic", filing={"closed_after_s": 1.0})
    for name in ("IMG_100.jpg", "IMG_101.jpg", "IMG_130.jpg"):
        shutil.copy(sample_photos / name, installation.photos)

    with installation.service() as service:
        service.wait_for(lambda: len(filed(installation)) == 2, "the set is filed", 40)
        assert filed(installation) == ["IMG_100.jpg", "IMG_101.jpg"]
        [folder] = {path.parent for path in installation.library.rglob("*.jpg")}

        arrive(installation, sample_photos / "IMG_102.jpg")  # later, into the folder of its set
        service.wait_for(lambda: len(filed(installation)) == 3, "the later arrival is filed", 40)
        assert {path.parent for path in installation.library.rglob("*.jpg")} == {folder}

        assert service.status()["photos"] == 4
        assert service.stop()[0] == 0
    assert installation.ask("undo", everything=True)["done"] == 3
    assert filed(installation) == []


@pytest.mark.slow
@pytest.mark.parametrize("action", ["copy", "move"])
def test_what_was_filed_once_is_the_owners(installation: Installation, sample_photos: Path, action: str) -> None:
    installation.configure(action=action, apply="automatic", filing={"closed_after_s": 1.0})
    for name in ("IMG_100.jpg", "IMG_101.jpg", "IMG_102.jpg"):
        shutil.copy(sample_photos / name, installation.photos)
    with installation.service() as service:
        service.wait_for(lambda: len(filed(installation)) == 3, "the set is filed", 40)
        service.wait_until_grouped(3)
        taken, renamed, _ = sorted(installation.library.rglob("*.jpg"))
        taken.unlink()
        renamed.rename(renamed.with_name("mine.jpg"))
        installation.ask("scan")
        time.sleep(12)  # longer than the service takes to look for closed sets again
        assert filed(installation) == ["IMG_102.jpg", "mine.jpg"]
        assert len(installation.ask("history")["batches"]) == 1
    with installation.service() as service:
        time.sleep(12)
        assert filed(installation) == ["IMG_102.jpg", "mine.jpg"]
        assert len(installation.ask("history")["batches"]) == 1


# -------------------------------------------------------------------- promises in seconds


@pytest.mark.slow
def test_a_photo_is_grouped_within_3_s(installation: Installation, sample_photos: Path) -> None:
    installation.configure(settle={"quiet_s": 1.0}, workers="auto")
    photos = sorted(sample_photos.iterdir())
    took_s = []
    with installation.service() as service:
        arrive(installation, photos[0])
        service.wait_until_grouped(1)
        for count, photo in enumerate(photos[1:], 2):
            arrive(installation, photo)
            took_s.append(service.wait_until_grouped(count))
        assert max(took_s) < 3, took_s
        print(f"worst {max(took_s):.2f} s, median {sorted(took_s)[len(took_s) // 2]:.2f} s")


@pytest.mark.slow
def test_an_idle_service_sleeps(installation: Installation, sample_photos: Path) -> None:
    shutil.copytree(sample_photos, installation.photos, dirs_exist_ok=True)
    with installation.service() as service:
        service.wait_until_grouped(12)
        before_s = cpu_s(service)
        time.sleep(30)
        used = (cpu_s(service) - before_s) / 30
        assert used < 0.005, f"{used:.2%} of one core"
        assert service.status()["rss_mb"] < 150


def cpu_s(service: Service) -> float:
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
