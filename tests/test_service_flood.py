"""More arrivals than the kernel can announce: the service finds every one of them all the same.

It keeps still meanwhile: what is measured is finding, not looking. The limits of the whole machine are lowered for the
length of a test. SAMESHOT_FLOOD makes it smaller.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from running import Installation, Service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
FLOOD = int(os.environ.get("SAMESHOT_FLOOD", "100000"))
QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
RECONCILE_S = 900.0
WRITER = """
import sys, pathlib
root, number, count = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for index in range(count):
    folder = root / number / f"{index // 1000:03}" / f"{index // 100 % 10}" / f"{index // 20 % 5}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"IMG_{index:06}.jpg").write_bytes(b"x")
"""


@contextlib.contextmanager
def tiny_queue(events: int) -> Iterator[None]:
    if not os.access(QUEUE, os.W_OK):
        pytest.skip("needs root to change the kernel's inotify limits")
    before = QUEUE.read_text()
    QUEUE.write_text(str(events))
    try:
        yield
    finally:
        QUEUE.write_text(before)


@contextlib.contextmanager
def stopped_half_of_the_time(process: int) -> Iterator[None]:
    """A process that nobody gives any time to, again and again: what the kernel tells it meanwhile is lost."""
    ended = threading.Event()

    def stop_and_go() -> None:
        while not ended.is_set():
            os.kill(process, signal.SIGSTOP)
            ended.wait(0.5)
            os.kill(process, signal.SIGCONT)
            ended.wait(0.5)

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def keeping_still(installation: Installation) -> Iterator[Service]:
    installation.run("pause")
    with installation.service() as service:
        yield service


def wait_until_known(service: Service, photos: int, within_s: float, every_s: float) -> float:
    """Waits until so many are known; asks rarely, for each answer counts them all. Returns the seconds it took."""
    started_s = time.monotonic()
    while (known := service.status()["photos"]) != photos:
        assert time.monotonic() - started_s < within_s, f"{known} of {photos} are known after {within_s} s"
        time.sleep(every_s)
    return time.monotonic() - started_s


def cpu_s(service: Service) -> float:
    times = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def test_a_flood_into_new_nested_folders_is_found_before_the_next_reconcile(installation: Installation) -> None:
    with tiny_queue(256), keeping_still(installation) as service:
        started_s = time.monotonic()
        with stopped_half_of_the_time(service.process.pid):
            writers = [
                subprocess.Popen([sys.executable, "-c", WRITER, installation.photos, str(number), str(FLOOD // 4)])
                for number in range(4)
            ]
            assert [writer.wait() for writer in writers] == [0] * 4
        wrote_s = time.monotonic() - started_s
        found_s = wait_until_known(service, FLOOD, RECONCILE_S, 5)
        print(f"{FLOOD} files written in {wrote_s:.0f} s, all found {found_s:.0f} s later")


@pytest.mark.parametrize("folders", [6_000, 20_000])
def test_after_an_overflow_later_files_are_seen_at_once(installation: Installation, folders: int) -> None:
    places = [installation.photos / f"{number // 200:03}" / f"{number % 200:03}" for number in range(folders)]
    for place in places:
        place.mkdir(parents=True)
    with tiny_queue(64), keeping_still(installation) as service:
        service.wait_for(lambda: service.status()["state"] == "paused", "it is ready")
        time.sleep(20)  # the first sweep is over
        script = "import sys; [open(line.rstrip('\\n'), 'w').write('x') for line in sys.stdin]"
        names = "\n".join(str(place / "IMG_1.jpg") for place in places[: folders // 2])
        subprocess.run([sys.executable, "-c", script], input=names, text=True, check=True)
        took_s = wait_until_known(service, folders // 2, 300, 2)
        time.sleep(20)
        for place in places[:: folders // 200]:
            (place / "later.jpg").write_bytes(b"x")
            time.sleep(0.05)  # 200 at once, as below, are too many for so small a queue again
        later_s = wait_until_known(service, folders // 2 + 200, 60, 1)
        for place in places[:: folders // 200]:
            (place / "again.jpg").write_bytes(b"x")
        again_s = wait_until_known(service, folders // 2 + 400, 60, 1)
        time.sleep(70)  # those files settle
        before_s = cpu_s(service)
        time.sleep(30)
        share = (cpu_s(service) - before_s) / 30
        print(
            f"{folders} folders: burst found in {took_s:.1f} s, 200 of 200 one by one in {later_s:.1f} s, at once in "
            f"{again_s:.1f} s, then {share:.2%} CPU"
        )
        assert share < 0.01
