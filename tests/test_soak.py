"""Long proofs on a real service: restarts under load, poison among good photos, an idle night.

SAMESHOT_RESTARTS, SAMESHOT_GOOD and SAMESHOT_IDLE_S make them shorter.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poisoned import poison
from running import Installation, Service, notify_socket
from sameshot.way.flow import Flow

pytestmark = pytest.mark.slow
RESTARTS = int(os.environ.get("SAMESHOT_RESTARTS", "200"))
GOOD = int(os.environ.get("SAMESHOT_GOOD", "400"))
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
    with notify_socket(installation.folder / "notify") as notified:
        process = subprocess.Popen(
            [*POISONED, *words],
            env=installation.environment | {"NOTIFY_SOCKET": str(installation.folder / "notify")},
            stderr=(installation.folder / "service.log").open("ab"),
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


@pytest.mark.timeout(7200)
def test_an_idle_service_costs_next_to_nothing(installation: Installation) -> None:
    draw(installation.photos, 20)
    with installation.service() as service:
        service.wait_until_grouped(20)
        time.sleep(30)  # second looks and the like are over
        before = cpu_s(service.process.pid)
        time.sleep(IDLE_S)
        share = (cpu_s(service.process.pid) - before) / IDLE_S
        print(f"{100 * share:.3f} % of a processor, {service.status()['rss_mb']} MB")
        assert share < 0.001
        assert service.status()["rss_mb"] < 200


def cpu_s(pid: int) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
