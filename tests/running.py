"""The whole program as tests meet it: one state with its config, a folder of photos, command line and daemon."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sameshot.app import App, open_app
from sameshot.config import load_with_sources
from sameshot.locations import Locations, find_locations
from sameshot.service.workers import Task, WorkerLimits, Workers
from sameshot.verbs.calling import perform
from sameshot.verbs.table import VERBS, as_json, bind
from sameshot.wire.photos import worker_command

DATA = Path(__file__).parents[2] / "shared" / "data"
"""Real photos, where the machine has them beside the repository."""
PROGRAM = [str(Path(sys.executable).with_name("sameshot"))]
QUIET_S = 0.2


@dataclass
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class CountingWorkers(Workers):
    """Workers that count what they are asked."""

    asked: Counter[str]

    def submit(self, task: Task, first: bool = False) -> None:
        self.asked[task.message().header["task"]] += 1
        super().submit(task, first)


class Installation:
    """One state dir with its config and one folder of photos; nothing of the user's own is read or written."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self.photos, self.library = folder / "photos", folder / "library"
        self.state, self.config = folder / "state", folder / "config.yaml"
        self.photos.mkdir(parents=True)
        self.state.mkdir(mode=0o700)
        (self.state / "models").mkdir()
        for file in models.iterdir():
            os.link(file, self.state / "models" / file.name)
        self.asked: Counter[str] = Counter()
        self.environment = {
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
        } | {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self.configure()

    # ---------------------------------------------------------------- config

    def configure(self, **keys: Any) -> None:
        """Writes the config anew: the photo folder as its root, and `keys`."""
        settings = {
            "roots": [{"path": str(self.photos)}],
            "library": str(self.library),
            "workers": 1,
            "settle": {"quiet_s": QUIET_S},
        }
        self.config.write_text(json.dumps(settings | keys))  # JSON is YAML

    @property
    def locations(self) -> Locations:
        return find_locations(self.state)

    # ---------------------------------------------------------------- by the command line

    def command(self, *words: str | os.PathLike[str]) -> list[str | os.PathLike[str]]:
        return [*PROGRAM, "--config", str(self.config), "--state-dir", str(self.state), *words]

    def run(self, *words: str | os.PathLike[str], **options: Any) -> Finished:
        """Runs a verb to its end."""
        return finish(self.command(*words), env=self.environment | options.pop("env", {}), **options)

    def json(self, *words: str | os.PathLike[str]) -> Any:
        """Runs a verb that must succeed, and returns what it printed."""
        done = self.run(*words, "--format", "json")
        assert done.code == 0, done
        return done.json()

    # ---------------------------------------------------------------- by the library

    @contextmanager
    def app(self) -> Iterator[App]:
        """Opens the state for writing; what its workers are asked is counted in `asked`."""
        with open_app(
            load_with_sources(self.config), self.locations, lambda *_: None, verb="test", writing=True
        ) as app:
            workers = CountingWorkers(worker_command(self.locations.models_dir), 1, WorkerLimits())
            workers.asked = self.asked
            app.workers = workers
            yield app

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Has a verb done as any caller does: by the service if one runs, else here."""
        return perform(verb, arguments, load_with_sources(self.config), self.locations, lambda *_: None)

    def scan(self, *paths: Path) -> Any:
        """Scans in this process and counts in `asked` what the workers were asked for it."""
        self.asked.clear()
        with self.app() as app:
            function = VERBS["scan"].load()
            return as_json(function(app, **bind(function, {"paths": list(paths)})))

    def groups(self) -> Any:
        return self.ask("groups")

    def partition(self) -> set[frozenset[str]]:
        """The groups as sets of names."""
        return names_of(self.groups())

    # ---------------------------------------------------------------- the daemon

    @contextmanager
    def service(self, **environment: str) -> Iterator[Service]:
        """Runs `sameshot watch` until the block ends, ready from its start."""
        log = self.folder / "service.log"
        with notify_socket(self.folder / "notify") as notified, log.open("ab") as log_file:
            process = subprocess.Popen(
                self.command("watch"),
                env=self.environment | {"NOTIFY_SOCKET": str(self.folder / "notify")} | environment,
                stdout=subprocess.DEVNULL,
                stderr=log_file,
            )
            service = Service(self, process, notified)
            try:
                service.wait_for(lambda: "READY=1" in service.told(), "the service is ready")
                yield service
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()


@dataclass
class Service:
    """A daemon that runs as a process of its own."""

    installation: Installation
    process: subprocess.Popen[bytes]
    notified: socket.socket
    messages: list[str] = field(default_factory=list)

    def told(self) -> list[str]:
        """Every line that the service manager was told so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.messages += self.notified.recv(65536).decode().splitlines()
        return self.messages

    def log(self) -> str:
        return (self.installation.folder / "service.log").read_text(errors="replace")

    def status(self) -> Any:
        self.told()  # a manager reads what it is told, else the service waits for it
        return self.installation.ask("status")

    def wait_for(self, fact: Callable[[], Any], what: str, within_s: float = 60.0) -> float:
        """Waits until `fact` holds; returns the seconds it took."""
        started_s = time.monotonic()
        while not fact():
            assert self.process.poll() is None, f"the service ended: {self.log()}"
            assert time.monotonic() - started_s < within_s, f"not in {within_s} s: {what}\n{self.log()}"
            time.sleep(0.03)
        return time.monotonic() - started_s

    def wait_until_grouped(self, photos: int, within_s: float = 60.0) -> float:
        """Waits until `photos` are known and none is on its way."""

        def is_done() -> bool:
            status = self.status()
            return status["photos"] == photos and status["pending"] == 0 and status["state"] == "idle"

        return self.wait_for(is_done, f"{photos} photos are grouped", within_s)

    def stop(self) -> tuple[int, float]:
        """Asks it to end by SIGTERM; returns its exit code and the seconds it took."""
        started_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30), time.monotonic() - started_s


@contextmanager
def notify_socket(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(path))
        line.setblocking(False)
        yield line


def finish(command: list[Any], **options: Any) -> Finished:
    """Runs a command to its end, with nothing to read unless `input` is given."""
    options = {"stdin": subprocess.DEVNULL} | options
    if "input" in options:
        del options["stdin"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, **options)
    return Finished(
        done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "surrogateescape")
    )


def names_of(groups: Any) -> set[frozenset[str]]:
    """`sameshot groups` as sets of file names."""
    return {frozenset(Path(photo["path"]).name for photo in group["photos"]) for group in groups["groups"]}


def is_clear(done: Finished) -> bool:
    """Whether an error is sentences to the user alone: no traceback, no address in memory, nothing on stdout."""
    return (
        done.out == ""
        and all(line.startswith("sameshot: ") for line in done.err.splitlines())
        and "Traceback" not in done.err
        and " at 0x" not in done.err
    )
