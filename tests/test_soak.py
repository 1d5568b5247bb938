"""Long proofs on a real service: restarts under load, poison among good photos, an idle night.

SAMESHOT_RESTARTS, SAMESHOT_GOOD, SAMESHOT_KNOWN and SAMESHOT_IDLE_S make them shorter.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import fields
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poisoned import poison
from running import Installation, Service, notify_socket
from sameshot.model import Capture, FoundFile, Identity, Look, Quality, Shot
from sameshot.way.arrival import stat_of
from sameshot.way.flow import Flow
from sameshot.way.sweeping import believe_root

pytestmark = pytest.mark.slow
RESTARTS = int(os.environ.get("SAMESHOT_RESTARTS", "200"))
GOOD = int(os.environ.get("SAMESHOT_GOOD", "400"))
KNOWN = int(os.environ.get("SAMESHOT_KNOWN", "100000"))
IDLE_S = float(os.environ.get("SAMESHOT_IDLE_S", "1800"))
POISONED = [sys.executable, str(Path(__file__).with_name("poisoned.py"))]


def draw(folder: Path, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        noise = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(noise).resize((320, 240)).save(folder / f"IMG_{number:05}.jpg", quality=90)


def looks(installation: Installation) -> set[int]:
    """Contents whose look is saved."""
    with contextlib.closing(
        sqlite3.connect(f"file:{installation.state / 'sameshot.db'}?mode=ro", uri=True)
    ) as database:
        return {row[0] for row in database.execute("SELECT rowid FROM vectors")}


@pytest.mark.timeout(7200)
def test_restarts_under_load_miss_nothing_and_look_at_nothing_twice(installation: Installation) -> None:
    rng = random.Random(7)
    known: set[int] = set()
    stops: list[float] = []
    for number in range(RESTARTS):
        draw(installation.photos, 2, 2 * number)
        with installation.service() as service:
            time.sleep(rng.uniform(0, 1.5))
            assert known <= looks(installation), "what was looked at stays"
            if number % 2:
                service.process.kill()
                service.process.wait()
            else:
                code, took_s = service.stop()
                assert code == 0
                stops.append(took_s)
        known = looks(installation)
    with installation.service() as service:
        service.wait_until_grouped(2 * RESTARTS, 1800)
    with installation.app() as app:  # what was under way at two deaths is tried again ten minutes later
        flow = Flow(app.store, app.index, app.workers, app.settings, lambda: time.time() + 700)
        flow.resume()
        while not flow.idle:
            flow.step()
            app.workers.pump(0.2)
        assert app.store.photos.failed() == []
    assert len(looks(installation)) == 2 * RESTARTS, "each has exactly one look"
    blamed = (installation.folder / "service.log").read_text().count("the service ended while it was looked at")
    print(
        f"{RESTARTS} restarts: stops by SIGTERM 99 of 100 within {sorted(stops)[int(len(stops) * 0.99)]:.2f} s, "
        f"{blamed} suspicions, none of {2 * RESTARTS} photos missed or looked at again"
    )
    assert sorted(stops)[int(len(stops) * 0.99)] < 10


@pytest.mark.timeout(3600)
def test_good_photos_among_poison(installation: Installation) -> None:
    kinds = ("crash", "hang", "bomb", "truncated", "huge")
    bad = GOOD // 10
    draw(installation.photos, GOOD)
    for number in range(bad):
        place = installation.photos / f"IMG_{number * 10:05}_bad.jpg"
        kind = kinds[number % len(kinds)]
        if kind == "truncated":
            place.write_bytes((installation.photos / f"IMG_{number:05}.jpg").read_bytes()[:-2000])
        elif kind == "huge":
            Image.new("1", (60_000, 60_000)).save(place, "PNG")
        else:
            place.write_bytes(poison(kind, number))
    installation.configure(limits={"look_deadline_s": 3.0})
    words = [str(word) for word in installation.command("watch")[1:]]
    log = installation.folder / "service.log"
    with notify_socket(installation.folder / "notify") as notified, log.open("ab") as log_file:
        process = subprocess.Popen(
            [*POISONED, *words],
            env=installation.environment | {"NOTIFY_SOCKET": str(installation.folder / "notify")},
            stderr=log_file,
        )
        service = Service(installation, process, notified)
        try:
            service.wait_for(lambda: "READY=1" in service.told(), "ready")
            sizes = []

            def done() -> bool:
                status = service.status()
                sizes.append(status["rss_mb"])
                return status["failed"] >= bad and status["photos"] == GOOD + bad and status["pending"] == 0

            service.wait_for(done, "all good ones are grouped", 1800)
            assert service.status()["failed"] == bad
            print(f"resident {min(sizes)} to {max(sizes)} MB")
            assert max(sizes) < 200
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def know(installation: Installation, count: int) -> None:
    """Has the state know `count` different photos, each a file of its own, as if they had been looked at."""
    rng = np.random.default_rng(3)
    capture, quality = Capture(), Quality(**dict.fromkeys((field.name for field in fields(Quality)), 0.5))
    with installation.app() as app:
        app.flow.resume()  # notes how photos are compared
        believe_root(app.store, installation.photos)
        encoder, store, described = app.encoder, app.store, dict.fromkeys(app.settings.reads, b"x")
        for start in range(0, count, 1000):
            folder = installation.photos / f"{start // 1000:03}"
            folder.mkdir()
            with store.transaction():
                for number in range(start, start + 1000):
                    path, digest = folder / f"IMG_{number:06}.jpg", hashlib.sha256(b"%d" % number).digest()
                    path.write_bytes(b"x")
                    vector = rng.standard_normal(encoder.dimension).astype(np.float32)
                    content = store.contents.add(Identity(digest, digest, "JPEG"))
                    vector /= np.linalg.norm(vector)
                    look = Look(4000, 3000, "JPEG", capture, quality, encoder.encoder_id, vector, described)
                    store.contents.save_look(content, look)
                    photo = store.photos.register(installation.photos, Shot(FoundFile(path, stat_of(path)), ()))
                    store.photos.advance(photo, "grouped", content)
    with installation.app() as app:
        assert len(app.index) == count  # made, and kept when the run ends


@pytest.mark.timeout(7200)
def test_an_idle_service_costs_next_to_nothing(installation: Installation) -> None:
    """Two reconciles fall into the time; what they cost is told apart."""
    know(installation, KNOWN)
    every_s = max(IDLE_S * 0.46, 60.0)
    installation.configure(schedule={"reconcile_every": f"{every_s:.0f}s", "recluster": False})  # idle: no night's work
    with installation.service() as service:
        service.wait_for(lambda: service.status()["state"] == "idle", "the first sweep is over", 900)
        assert (service.status()["photos"], service.status()["pending"]) == (KNOWN, 0)
        began_at = {job["name"]: job for job in installation.json("jobs")["jobs"]}["reconcile"]["began_at"]
        began_s = datetime.fromisoformat(began_at).timestamp()
        time.sleep(30)  # second looks and the like are over
        until_s = time.time() + IDLE_S
        between, reconciling = [0.0, 0.0], [0.0, 0.0]
        while time.time() < until_s:
            before, before_s = cpu_s(service.process.pid), time.time()
            time.sleep(5)
            service.told()
            since_s = (before_s - began_s) % every_s
            kind = reconciling if since_s < 120 or since_s > every_s - 10 else between
            kind[0] += cpu_s(service.process.pid) - before
            kind[1] += time.time() - before_s
        last = {job["name"]: job for job in installation.json("jobs")["jobs"]}["reconcile"]
        share, resident_mb = between[0] / between[1], service.status()["rss_mb"]
        print(
            f"{100 * share:.3f} % of a processor in {between[1]:.0f} s between reconciles, {reconciling[0]:.1f} s "
            f"of it around them, {resident_mb} MB, at most {peak_mb(service.process.pid):.1f} MB, last reconcile {last}"
        )
        assert last["began_at"] > began_at, "it reconciled meanwhile"
        assert share < 0.001
        assert resident_mb < 200


def cpu_s(pid: int) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    """The most memory a process ever had resident, in 10^6 bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))
