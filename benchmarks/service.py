"""What the service costs: memory and its peak, CPU, how long a photo takes from complete to grouped.

Draws a collection (a few scenes, each cut, turned and exposed in its own way, so that all photos differ), runs the real
service on it and prints one table; how memory and CPU grow is told on the way.
`python benchmarks/service.py [--photos 10000] [--idle-s 60] [--every-s 30]`
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import drawn
from sameshot.config import load_with_sources
from sameshot.errors import SameshotError
from sameshot.locations import find_locations
from sameshot.verbs.calling import perform

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def draw(folder: Path, count: int) -> None:
    """Writes `count` different photos of 640 x 480, a few kilobytes each, a thousand to a folder."""
    scenes = [drawn.scene(seed, 2400, 1800) for seed in range(40)]
    for number in range(count):
        rng = np.random.default_rng(number)
        scene = scenes[number % len(scenes)]
        turn = cv2.getRotationMatrix2D((1200, 900), rng.uniform(0, 360), rng.uniform(0.5, 1.6))
        turn[:, 2] += rng.uniform(-500, 500, 2) - [880, 660]
        piece = cv2.warpAffine(scene, turn, (640, 480), borderMode=cv2.BORDER_REFLECT)
        place = folder / f"{number // 1000:03d}" / f"IMG_{number:06d}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), piece[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])


def cpu_s(process: int) -> float:
    """CPU seconds of one process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mb(process: int, line: str = "VmRSS") -> float:
    """Resident memory of one process, in 10^6 bytes; `VmHWM` for the most it ever was."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(found.split()[1]) * 1024 / 1e6 for found in lines if found.startswith(f"{line}:"))


def bytes_below(folder: Path) -> int:
    """Sizes of all files below `folder`."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--idle-s", type=float, default=60.0)
    parser.add_argument("--arrivals", type=int, default=10)
    parser.add_argument("--every-s", type=float, default=30.0, help="how often memory and CPU are told meanwhile")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sameshot-bench-") as name:
        measure(Path(name), wanted.photos, wanted.idle_s, wanted.arrivals, wanted.every_s)


def tell(process: int, status: dict, since_s: float) -> None:
    """Says on stderr how far the service is, and at what cost."""
    done = status.get("photos", 0) - status.get("pending", 0)
    print(
        f"{time.monotonic() - since_s:6.0f} s {done:6d} photos {cpu_s(process):7.1f} s CPU "
        f"{memory_mb(process):6.1f} MB, at most {memory_mb(process, 'VmHWM'):6.1f} MB",
        file=sys.stderr,
    )


def worst_arrival_s(place: Path, inbox: Path, arrivals: int, status: Callable[[], dict]) -> float:
    """Copies photos in, one at a time; the longest time from complete to grouped, in seconds."""
    worst_s, known = 0.0, status()["photos"]
    for number in range(arrivals):
        source = drawn.save(drawn.scene(90_000 + number, 4000, 3000), place / "camera" / f"new_{number}.jpg")
        (inbox / source.name).write_bytes(source.read_bytes())
        complete_s = time.monotonic()
        while (now := status())["pending"] or now["photos"] < known + number + 1:
            time.sleep(0.05)
        worst_s = max(worst_s, time.monotonic() - complete_s)
    return worst_s


def measure(place: Path, photos: int, idle_s: float, arrivals: int, every_s: float) -> None:
    inbox, state = place / "photos", place / "state"
    print(f"drawing {photos} photos ...", file=sys.stderr)
    draw(inbox, photos)
    config = place / "config.yaml"
    config.write_text(f'roots: [{{path: "{inbox}"}}]\n')
    sameshot = [sys.executable, "-m", "sameshot", "--config", str(config), "--state-dir", str(state)]

    def status() -> dict:
        return perform("status", {}, load_with_sources(config), find_locations(state), lambda *_: None)

    def answers() -> bool:
        try:
            return bool(status()["service"])
        except SameshotError:
            return False  # it starts

    started_s = told_s = time.monotonic()
    service = subprocess.Popen([*sameshot, "watch"])
    try:
        while not answers():
            time.sleep(1)
        while (now := status())["photos"] < photos or now["pending"]:
            if time.monotonic() >= told_s + every_s:
                told_s = time.monotonic()
                tell(service.pid, now, started_s)
            time.sleep(2)
        first_s = time.monotonic() - started_s
        rows = [
            ("first look at all, wall", f"{first_s:.0f} s, {photos / first_s:.1f} photos/s"),
            (
                "service process, CPU for it",
                f"{cpu_s(service.pid):.1f} s, {1e3 * cpu_s(service.pid) / photos:.1f} ms each",
            ),
            ("service process, memory", f"{memory_mb(service.pid):.0f} MB"),
            ("service process, most memory until then", f"{memory_mb(service.pid, 'VmHWM'):.0f} MB"),
        ]
        worst_s = worst_arrival_s(place, inbox, arrivals, status)
        rows.append((f"complete to grouped, 12 MP, worst of {arrivals}", f"{worst_s:.1f} s"))
        while status()["state"] != "idle":  # second looks at the members of groups come last
            time.sleep(2)
        before_s = cpu_s(service.pid)
        time.sleep(idle_s)
        rows += [
            (f"service process idle for {idle_s:.0f} s", f"{100 * (cpu_s(service.pid) - before_s) / idle_s:.2f} % CPU"),
            ("service process, memory in the end", f"{memory_mb(service.pid):.0f} MB"),
            ("service process, most memory at all", f"{memory_mb(service.pid, 'VmHWM'):.0f} MB"),
            ("state on disk", f"{bytes_below(state) / photos / 1e3:.1f} kB a photo"),
        ]
        stopped_s = time.monotonic()
        service.terminate()
        service.wait(20)
        rows.append(("SIGTERM to end", f"{time.monotonic() - stopped_s:.1f} s"))
    finally:
        service.kill()
    for label, figure in rows:
        print(f"{label:48} {figure}")


if __name__ == "__main__":
    main()
