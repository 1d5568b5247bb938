"""A service that nobody looks at: it keeps still when asked, tells what it does, gets over what happens to disks."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mounts import hanging_mount, mount, needs_root, unmount
from running import Installation, Service
from sameshot.store.store import Store

WITHIN_S = 10.0
WORKING_BYTES = 90_000_000


def put(installation: Installation, photos: list[Path], place: Path | None = None) -> None:
    for photo in photos:
        shutil.copy(photo, place or installation.photos)


def jpegs(sample_photos: Path) -> list[Path]:
    return sorted(sample_photos.glob("*.jpg"))


def settled(installation: Installation) -> list[int]:
    with Store.open(installation.state / "sameshot.db", read_only=True) as store:
        return list(store.photos.in_stages(["settled"]))


def root_of(status: Any, path: Path) -> Any:
    return next(root for root in status["roots"] if root["path"] == str(path))


def wait_for_root(service: Service, path: Path, state: str, within_s: float = WITHIN_S) -> Any:
    service.wait_for(lambda: root_of(service.status(), path)["state"] == state, f"{path} is {state}", within_s)
    return root_of(service.status(), path)


def test_while_it_keeps_still_arrivals_are_noted_and_a_restart_changes_nothing(installation, sample_photos):
    photos = jpegs(sample_photos)[:4]
    with installation.service() as service:
        assert installation.json("pause")["paused"]
        assert service.status()["state"] == "paused"
        put(installation, photos)
        service.wait_for(lambda: service.status()["photos"] == 4, "arrivals are noted")
        service.wait_for(lambda: len(settled(installation)) == 4, "they have settled, and wait")
        service.stop()
    with installation.service() as service:
        service.wait_for(lambda: service.status()["state"] == "paused", "it remembers", 10)
        time.sleep(1.5)  # they would be looked at by now
        status = service.status()
        assert (status["state"], status["pending"]) == ("paused", 4)
        assert "you said so" in status["why"]
        installation.run("resume")
        service.wait_until_grouped(4)
        put(installation, jpegs(sample_photos)[4:5])
        installation.run("pause", "--hours", "1")
        assert installation.json("scan")["photos"] == 5, "who asks for a scan means now"


def test_what_it_tells_of_itself(installation: Installation, sample_photos: Path) -> None:
    put(installation, jpegs(sample_photos)[:3])
    (installation.photos / "bad.jpg").write_bytes(b"no photo" * 1000)
    assert installation.run("activity").code == 3
    with installation.service() as service:
        service.wait_until_grouped(4)
        happened = [event["what"] for event in installation.json("activity")["events"]]
        assert sum(what.endswith("was looked at") for what in happened) == 3
        assert sum("bad.jpg could not be looked at: " in what for what in happened) == 1
        jobs = {job["name"]: job for job in installation.json("jobs")["jobs"]}
        assert set(jobs) == {"reconcile", "index", "backup", "check", "cache", "recluster"}
        assert jobs["reconcile"]["outcome"] == "done"
        assert jobs["backup"]["next_at"] is not None
        told = installation.run("status", "--format", "prometheus").out
        assert "sameshot_photos 4\n" in told
        assert f'sameshot_root_state{{root="{installation.photos}",state="watching"}} 1\n' in told
        doctor = installation.run("doctor", "--format", "json")
        assert (doctor.code, doctor.json()["well"]) == (0, True)
        assert installation.run("doctor").out.count("\n") == len(doctor.json()["findings"]) + sum(
            bool(finding["remedy"]) for finding in doctor.json()["findings"]
        )
    installation.configure(roots=[{"path": str(installation.folder / "absent")}])
    doctor = installation.run("doctor", "--format", "json")
    assert doctor.code == 1
    assert all(finding["remedy"] for finding in doctor.json()["findings"] if finding["level"] == "bad")


def test_a_service_with_nothing_to_do_says_so(installation: Installation) -> None:
    with installation.service() as service:
        service.wait_for(lambda: service.status()["state"] == "idle", "it is idle")
        assert "Nothing goes on just now" in installation.run("activity").out


def test_its_log_can_be_read_with_and_without_it(installation: Installation) -> None:
    (installation.photos / "closed").mkdir()
    installation.configure(roots=[{"path": str(installation.photos)}, {"path": str(installation.folder / "absent")}])
    with installation.service() as service:
        service.wait_for(lambda: service.status()["state"] == "degraded", "it tells of the absent root")
        installation.config.write_text("roots: 5\nthreshold: 5\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: "serves on" in service.log(), "it tells of the bad config")
    installation.configure()
    lines = installation.json("log", "-n", "20")["lines"]
    told = [line.partition("the config before it serves on: ")[2] for line in lines if "serves on: " in line]
    assert [line.partition(":")[0] for line in told[1:]] == ["line 1, roots", "line 2, threshold"]
    assert not [line for line in told if "\\n" in line]
    assert len(installation.run("log").out.splitlines()) >= 1


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def has_a_task(worker: int) -> bool:
    """Whether a worker has loaded what it works with, so that it is killed over a photo and not while it starts."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * resource.getpagesize() > WORKING_BYTES
    return False


def test_killed_workers_cost_no_photo(installation: Installation, sample_photos: Path) -> None:
    photos = jpegs(sample_photos)
    with installation.service() as service:
        put(installation, photos)
        killed: set[int] = set()
        until_s = time.monotonic() + 60
        while len(killed) < 3 and (not killed or service.status()["pending"]):
            assert time.monotonic() < until_s
            for child in children(service.process.pid):
                if child not in killed and has_a_task(child):
                    os.kill(child, signal.SIGKILL)
                    killed.add(child)
            time.sleep(0.005)
        service.wait_until_grouped(len(photos))
        assert service.status()["failed"] == 0


@needs_root
def test_a_root_that_is_unmounted_replaced_and_mounted_read_only(installation, sample_photos):
    photos, disk = jpegs(sample_photos), installation.photos / "disk"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=64m", "none", disk)
    try:
        put(installation, photos[:4], disk)
        installation.configure(roots=[{"path": str(disk)}])
        with installation.service() as service:
            service.wait_until_grouped(4)
            kept = installation.folder / "kept"
            kept.mkdir()
            mount("--bind", disk, kept)
            unmount(disk)
            assert "photos are kept as known" in wait_for_root(service, disk, "offline")["detail"]
            assert service.status()["photos"] == 4, "nothing is lost"
            mount("-t", "tmpfs", "-o", "size=64m", "none", disk)
            put(installation, photos[8:9], disk)
            (disk / photos[8].name).rename(disk / "another.jpg")
            time.sleep(6)
            assert root_of(service.status(), disk)["state"] == "offline", "another disk in its place is not believed"
            assert service.status()["photos"] == 4
            unmount(disk)
            put(installation, photos[4:5], kept)
            mount("--bind", kept, disk)
            wait_for_root(service, disk, "watching")
            service.wait_until_grouped(5)
            put(installation, photos[5:6], disk)
            service.wait_until_grouped(6, within_s=15)
            mount("-o", "remount,bind,ro", disk)
            told = "it is mounted read-only"
            service.wait_for(lambda: told in root_of(service.status(), disk)["detail"], "it tells of it", WITHIN_S)
            assert service.status()["photos"] == 6
    finally:
        unmount(disk)
        unmount(disk)
        unmount(installation.folder / "kept")


@needs_root
def test_a_share_that_hangs_holds_up_nobody(installation: Installation, sample_photos: Path) -> None:
    photos, share = jpegs(sample_photos), installation.folder / "share"
    share.mkdir()
    put(installation, photos[:2], share)
    installation.configure(roots=[{"path": str(installation.photos)}, {"path": str(share)}])
    with installation.service() as service:
        service.wait_until_grouped(2)
        with hanging_mount(share):
            assert "does not answer" in wait_for_root(service, share, "offline")["detail"]
            put(installation, photos[2:4])
            service.wait_for(lambda: service.status()["photos"] == 4, "the other root is served", 20)
            asked_s = time.monotonic()
            service.status()
            assert time.monotonic() - asked_s < 2
            done = installation.run("doctor", "--format", "json")
            assert done.code == 1
        put(installation, photos[4:5], share)
        wait_for_root(service, share, "watching", 20)
        service.wait_until_grouped(5)


@needs_root
def test_it_starts_while_a_share_hangs_and_leaves_a_cloud_drive_alone(installation: Installation, sample_photos: Path):
    share, below = installation.folder / "share", installation.photos / "nas"
    share.mkdir()
    below.mkdir()
    put(installation, jpegs(sample_photos)[:2])
    installation.configure(roots=[{"path": str(installation.photos)}, {"path": str(share)}])
    with hanging_mount(share, "fuse.rclone"), hanging_mount(below), installation.service() as service:
        service.wait_for(lambda: service.status()["photos"] == 2, "it serves what answers", 30)
        service.wait_for(lambda: f"The share {below} does not answer" in service.log(), "it tells of what does not", 30)
        assert root_of(service.status(), share)["state"] == "offline"
        code, took_s = service.stop()
        assert code == 0
        assert took_s < 10


@needs_root
@pytest.mark.slow
def test_a_watch_that_is_deaf_is_found_out(installation: Installation, sample_photos: Path) -> None:
    """Behind an overlay's back nothing is announced: the sweep finds it, and the root is swept on a timer from then."""
    photos, merged = jpegs(sample_photos), installation.folder / "merged"
    lower, upper, work = (installation.folder / name for name in ("lower", "upper", "work"))
    for folder in (merged, lower, upper, work):
        folder.mkdir()
    mount("-t", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", "none", merged)
    try:
        put(installation, photos[:2], merged)
        installation.configure(roots=[{"path": str(merged)}], schedule={"reconcile_every": "1m"})
        with installation.service() as service:
            service.wait_until_grouped(2)
            put(installation, photos[2:3], upper)
            service.wait_for(lambda: service.status()["photos"] == 3, "the sweep finds it", 90)
            time.sleep(20)
            put(installation, photos[3:4], upper)
            service.wait_for(lambda: service.status()["photos"] == 4, "the sweep finds it", 90)
            assert "does not announce" in wait_for_root(service, merged, "polling", 40)["detail"]
    finally:
        unmount(merged)
