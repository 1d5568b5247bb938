"""A whole night beside a service that is asked meanwhile: what its askers wait for, and what it holds in memory.

Draws a collection (bursts of three and photos that are alone; real ones come along where there are some), scans it,
and lets the real service do a night by its schedule: backup, check, re-clustering, merges, training with its gate. A
service looks at its clock every five minutes, and what was never done is due then: so the night begins five minutes
after the start, and what comes before is the time without one. Then the encoder is changed, to the autoencoder too
where one won, and back to the first, but for `--night-only`. Once a second `similar` is asked about one of the photos.
Prints how each job ended and one table: how long each part took, how long askers waited, and the service's memory.
`python benchmarks/night/night.py [--photos 2000] [--budget 8m] [--real DIR] [--place DIR] [--cpus 0,1] [--night-only]`
A `--place` is kept, and used again as it is.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import drawn
from another_encoder import write
from sameshot.config import load_with_sources
from sameshot.errors import SameshotError
from sameshot.locations import find_locations
from sameshot.verbs.calling import perform

_JOBS = ("index", "backup", "check", "cache", "learn", "recluster", "train")
_EVERY_S = 1.0


@dataclass
class Part:
    """What was measured while one thing went on."""

    name: str
    took_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)

    def row(self) -> str:
        if not self.waits_s:
            return f"{self.name:34} {self.took_s:7.0f}"
        worst, ordered = max(self.waits_s), sorted(self.waits_s)
        p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
        median = statistics.median(ordered)
        times = " ".join(f"{1e3 * one:7.0f}" for one in (median, p99, worst))
        return f"{self.name:34} {self.took_s:7.0f} {len(ordered):6d} {times} {max(self.memory_mb):8.1f}"


class Bench:
    """One state, its service, and who asks it."""

    def __init__(self, place: Path, budget: str, cpus: str) -> None:
        self.place, self.photos, self.state = place, place / "photos", place / "state"
        self.config, self.budget, self.cpus = place / "config.yaml", budget, cpus
        self.parts: list[Part] = []
        self.service: subprocess.Popen[bytes] | None = None
        self.chance = random.Random(0)

    def configure(self, encoder: str) -> None:
        train = {"enabled": True, "budget": self.budget}
        schedule = {"jitter": "0s", "reconcile_every": "1h", "recluster": True, "learn": True, "train": train}
        keys = {"roots": [{"path": str(self.photos)}], "encoder": encoder, "workers": 2, "schedule": schedule}
        self.config.write_text(json.dumps(keys))  # JSON is YAML

    def run(self, *words: str) -> None:
        subprocess.run([*self._command(), *words], check=False)

    def _command(self) -> list[str]:
        sameshot = [sys.executable, "-m", "sameshot", "--config", str(self.config), "--state-dir", str(self.state)]
        return ["taskset", "-c", self.cpus, *sameshot]

    def ask(self, verb: str, **arguments: object) -> dict:
        return perform(verb, arguments, load_with_sources(self.config), find_locations(self.state), lambda *_: None)

    def start(self) -> None:
        self.service = subprocess.Popen([*self._command(), "watch"], stderr=(self.place / "service.log").open("ab"))
        while not self._answers():
            if self.service.poll() is not None:
                sys.exit(f"The service ended: {self.place / 'service.log'} tells why")
            time.sleep(0.5)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("status")["service"])
        except SameshotError:
            return False  # it starts

    def stop(self) -> None:
        assert self.service is not None
        self.service.terminate()
        self.service.wait(60)

    def measured(self, name: str, goes_on: Callable[[], bool]) -> Part:
        """Asks once a second while `goes_on`, and at least five times."""
        files = sorted(self.photos.rglob("*.jpg"))
        part, began_s = Part(name), time.monotonic()
        for turn in itertools.count():
            asked_s = time.monotonic()
            self.ask("similar", file=self.chance.choice(files))
            part.waits_s.append(time.monotonic() - asked_s)
            part.memory_mb.append(self.memory_mb())
            if turn >= 4 and not goes_on():
                break
            time.sleep(max(0.0, _EVERY_S - (time.monotonic() - asked_s)))
        part.took_s = time.monotonic() - began_s
        self.add(part)
        return part

    def add(self, part: Part) -> None:
        self.parts.append(part)
        print(part.row(), file=sys.stderr, flush=True)

    def memory_mb(self, line: str = "VmRSS") -> float:
        """Resident memory of the service alone, in 10^6 bytes."""
        assert self.service is not None
        text = Path(f"/proc/{self.service.pid}/status").read_text()
        return next(int(one.split()[1]) * 1024 / 1e6 for one in text.splitlines() if one.startswith(f"{line}:"))

    def job_under_way(self) -> str:
        return next((job for job in self.ask("status")["jobs"] if job in _JOBS), "")

    def outcomes(self) -> dict[str, str]:
        return {job["name"]: job["outcome"] for job in self.ask("jobs")["jobs"]}

    def night(self) -> None:
        """Every job of the night, in the order in which the service does them."""
        begun = set()

        def waits() -> bool:
            return not self.job_under_way() and any(self.outcomes()[job] == "never run" for job in _JOBS)

        self.measured("waiting for the night", waits)
        while set(_JOBS) - begun:
            done = {job for job, outcome in self.outcomes().items() if outcome not in ("never run", "running")}
            begun |= done & set(_JOBS)
            if job := self.job_under_way():
                self.measured(f"night: {job}", lambda job=job: self.job_under_way() == job)
            time.sleep(0.2)

    def told(self) -> Iterator[str]:
        """How each job ended and how long it took, and what the training and the merges came to."""
        for job in self.ask("jobs")["jobs"]:
            yield f"{job['name']}: {job['outcome']}, {job['duration_s']} s"
        for report in self.state.glob("training/*/report.json"):
            yield f"training: {json.loads(report.read_text())['why']}"
        yield from (event["what"] for event in self.ask("activity")["events"] if "grouped anew" in event["what"])

    def another_encoder(self) -> str:
        """One that costs little beside decoding, made ready; returns what the config calls it."""
        spec = f"onnx:{write(self.place / 'own.onnx', 0)}?mean=127.5&std=127.5"
        self.run("models", "make", spec)
        return spec

    def change(self, encoder: str) -> None:
        """Another encoder in the config of the running service."""
        before = self.ask("status")["serving_encoder"]
        self.configure(encoder)
        assert self.service is not None
        self.service.send_signal(signal.SIGHUP)
        self.measured(f"to {encoder.partition(':')[0]}", lambda: self.ask("status")["serving_encoder"] == before)


def collect(folder: Path, count: int, real: Path | None) -> None:
    """Real photos where there are some, then bursts of three and photos that are alone, of 960 x 720."""
    folder.mkdir(parents=True)
    found = sorted(real.rglob("*.jpg"))[:count] if real is not None else []
    for number, photo in enumerate(found):
        shutil.copy(photo, folder / f"real_{number:05d}.jpg")
    scenes = [drawn.scene(seed, 2400, 1800) for seed in range(40)]
    for number, (shot, frame) in enumerate(itertools.islice(_frames(), count - len(found))):
        piece = cut(scenes[shot % len(scenes)], shot)
        drawn.save(drawn.burst_frame(piece, frame) if frame else piece, folder / f"IMG_{number:05d}.jpg")
    print(f"{len(found)} real and {count - len(found)} drawn photos", file=sys.stderr)


def cut(scene: np.ndarray, seed: int) -> np.ndarray:
    """A piece of a scene, turned and scaled in its own way."""
    rng = np.random.default_rng(seed)
    turn = cv2.getRotationMatrix2D((1200, 900), rng.uniform(0, 360), rng.uniform(0.6, 1.8))
    turn[:, 2] += rng.uniform(-500, 500, 2) - [720, 540]
    return np.asarray(cv2.warpAffine(scene, turn, (960, 720), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _frames() -> Iterator[tuple[int, int]]:
    for shot in itertools.count():
        yield from ((shot, frame) for frame in range(3 if shot % 4 == 0 else 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--budget", default="8m", help="of the training")
    parser.add_argument("--real", type=Path, help="a folder of real photos that come along")
    parser.add_argument("--place", type=Path, help="where everything is kept")
    parser.add_argument("--cpus", default="0,1", help="those that the service and its jobs may use")
    parser.add_argument("--night-only", action="store_true", help="leave out the changes of encoder")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sameshot-night-") as temporary:
        place = wanted.place or Path(temporary)
        bench = Bench(place, wanted.budget, wanted.cpus)
        if not bench.photos.exists():
            collect(bench.photos, wanted.photos, wanted.real)
        measure(bench, wanted.night_only)


def measure(bench: Bench, night_only: bool) -> None:
    bench.configure("lite0")
    began_s = time.monotonic()
    bench.run("scan")
    bench.add(Part("scan before", time.monotonic() - began_s))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    bench.start()
    try:
        bench.measured("idle before", lambda: bench.ask("status")["state"] == "busy")
        idle_mb = bench.memory_mb()
        bench.night()
        told = list(bench.told())
        if not night_only:
            bench.change(bench.another_encoder())
            if any((bench.state / "models").glob("autoencoder*.onnx")):
                bench.change("autoencoder")
            bench.change("lite0")
        bench.measured("idle after", lambda: bench.ask("status")["state"] == "busy")
        after_mb, most_mb = bench.memory_mb(), bench.memory_mb("VmHWM")
    finally:
        bench.stop()
    print(*told, sep="\n")
    print(f"{'':34} {'s':>7} {'asked':>6} {'median':>7} {'p99':>7} {'worst':>7} {'MB most':>8}   (waits in ms)")
    for part in bench.parts:
        print(part.row())
    print(f"service: {idle_mb:.1f} MB before, {after_mb:.1f} MB after, {most_mb:.1f} MB at most")


if __name__ == "__main__":
    main()
