"""The service loop: one thread, everything at once, nothing that waits.

Comes in: hints of the watch, ticks of the schedule, requests, answers of workers, signals. Goes out: swept folders,
grouped photos, answers, and with `apply: automatic` filed sets. Other threads and signals only leave a word and wake
the loop; whatever takes long is done in small pieces, so that the loop turns many times a second while there is work.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sameshot.app import App
from sameshot.arrival import Arrivals
from sameshot.errors import RootUnavailable, SameshotError, StateUnavailable
from sameshot.service.control import ControlServer, Request
from sameshot.service.notify import Notifier
from sameshot.service.schedule import Schedule, Tick, slot_is_due
from sameshot.sweeping import believe_root, sweep_folder
from sameshot.verbs.apply import file_closed_sets
from sameshot.verbs.scan import scan_places, scan_result
from sameshot.verbs.status import Activity, RootStatus, State
from sameshot.verbs.table import VERBS, as_json, bind
from sameshot.watch.observer import FolderWatch

_log = logging.getLogger(__name__)

_TURN_S = 0.05
"""How long one turn sweeps before it looks at everything else again."""
_HEALTH_EVERY_S = 5.0
"""How often the watch and absent roots are asked how they are."""


class Stopped(BaseException):
    """SIGTERM came while a verb was at work; the journal knows how far it is."""


@dataclass(slots=True)
class _Scan:
    """A client that waits for its folders to be swept and everything to be grouped."""

    request: Request
    failed_before: set[tuple[Path, str]]
    sweeps_left: int
    problems: list[str]


class Daemon:
    """One service from its start to its end."""

    def __init__(self, app: App, server: ControlServer, notifier: Notifier) -> None:
        self._app, self._server, self._notifier = app, server, notifier
        self._asked_to: Literal["", "stop", "reload"] = ""
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._hints: deque[Path] = deque()
        self._ticks: deque[Tick] = deque()
        self._sweeps: deque[tuple[Path, Iterator[Arrivals], _Scan | None]] = deque()
        self._scans: list[_Scan] = []
        self._offline: dict[Path, str] = {}
        self._watch = FolderWatch(app.roots, self._hint, app.rules)
        self._schedule = Schedule(app.config.schedule.reconcile_every, self._tick)
        self._health_due_s = self._alive_due_s = 0.0
        self._started = False
        self._request: Request | None = None
        app.activity, app.progress = self._activity, self._progress

    def run(self) -> Literal["stop", "reload"]:
        """Serves until a signal asks for something else: SIGTERM and SIGINT to stop, SIGHUP to reload."""
        self._asked_to = ""
        with self._signals(), selectors.DefaultSelector() as selector:
            selector.register(self._wake_out, selectors.EVENT_READ)
            selector.register(self._server, selectors.EVENT_READ)
            selector.register(self._app.workers, selectors.EVENT_READ)
            if not self._started:
                self._start()
            while not self._asked_to:
                selector.select(self._wait_s())
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_out, 4096)
                with contextlib.suppress(Stopped):
                    self._turn()
        if self._asked_to == "stop":
            self._notifier.stopping()
            self._schedule.stop()
            self._watch.stop()
        else:
            self._notifier.reloading()
            self._notifier.ready()
        return "stop" if self._asked_to == "stop" else "reload"

    def close(self) -> None:
        """Ends the threads and the scans that others wait for. Harmless after `run` ended by itself."""
        for scan in self._scans:
            scan.request.fail(SameshotError("The service took a new config or ended before the scan did", "Ask again"))
        self._schedule.stop()
        self._watch.stop()
        os.close(self._wake_out)
        os.close(self._wake_in)

    # ---------------------------------------------------------------- one turn

    def _start(self) -> None:
        self._notifier.status("getting ready")
        self._app.flow.resume()
        self._watch.start()  # before the first sweep: what arrives in between is hinted
        self._sweep_all()
        self._schedule.start()
        self._started = True
        self._notifier.ready()

    def _turn(self) -> None:
        now_s = time.monotonic()
        self._app.workers.pump(0)
        self._take_hints()
        while self._ticks:
            self._act_on(self._ticks.popleft())
        self._sweep(now_s + _TURN_S)
        self._app.flow.step()
        self._app.workers.pump(0)
        self._server.handle(self._answer, now_s)
        self._finish_scans()
        if now_s >= self._health_due_s:
            self._health_due_s = now_s + _HEALTH_EVERY_S
            self._look_after_roots()
            if self._app.config.apply == "automatic" and self._app.flow.idle:
                file_closed_sets(self._app)
        self._say_alive(now_s)

    def _wait_s(self) -> float:
        if self._sweeps or self._hints or self._ticks:
            return 0.0
        due = [self._health_due_s - time.monotonic(), _HEALTH_EVERY_S]
        if (flow_s := self._app.flow.next_due_s()) is not None:
            due.append(flow_s - self._app.now())
        if (workers_s := self._app.workers.next_deadline_s) is not None:
            due.append(workers_s - time.monotonic())
        return max(min(due), 0.0)

    # ---------------------------------------------------------------- arrivals

    def _take_hints(self) -> None:
        folders = dict.fromkeys(self._hints.popleft() for _ in range(len(self._hints)))
        for folder in folders:
            root = next((root for root in self._app.roots if folder.is_relative_to(root)), None)
            if root is None or not (self._app.is_recursive(root) or folder == root):
                continue
            try:
                self._accept(sweep_folder(self._app.store, root, folder, self._app.rules, self._app.now()))
            except RootUnavailable as error:
                self._offline[root] = str(error)

    def _sweep(self, until_s: float) -> None:
        while self._sweeps and time.monotonic() < until_s:
            root, steps, scan = self._sweeps[0]
            try:
                arrivals = next(steps, None)
            except SameshotError as error:
                self._offline[root] = str(error)
                _log.warning("%s", error)
                arrivals = None
                if scan is not None:
                    scan.problems.append(str(error))
            if arrivals is not None:
                self._accept(arrivals)
                if scan is not None:
                    scan.problems += arrivals.problems
                continue
            self._sweeps.popleft()
            if scan is not None:
                scan.sweeps_left -= 1

    def _accept(self, arrivals: Arrivals) -> None:
        self._app.flow.take(arrivals.unsettled)
        self._app.flow.touch(arrivals.contents)
        for problem in arrivals.problems:
            _log.warning("%s", problem)

    def _sweep_all(self) -> None:
        swept = {root for root, _, scan in self._sweeps if scan is None}
        for root in self._app.roots:
            if root not in swept:
                self._sweeps.append((root, self._app.sweep(root), None))

    def _look_after_roots(self) -> None:
        for root in list(self._offline):
            with contextlib.suppress(RootUnavailable):
                believe_root(self._app.store, root)
                del self._offline[root]
                self._sweeps.append((root, self._app.sweep(root), None))
        if any(health.state == "deaf" for root, health in self._watch.health().items() if root not in self._offline):
            self._watch.repair()
        for root in self._app.roots:
            if root not in self._offline and not root.is_dir():
                self._offline[root] = f"The folder {root} is not there"

    # ---------------------------------------------------------------- the clock

    def _act_on(self, tick: Tick) -> None:
        if tick == "reconcile":
            self._watch.repair()
            self._sweep_all()
            return
        schedule, now = self._app.config.schedule, self._app.today()
        last = self._app.store.meta.get("backup_succeeded_at")
        if schedule.backup and slot_is_due(datetime.fromisoformat(last) if last else None, now, schedule.nightly):
            self._app.back_up()
            self._app.store.meta.set("backup_succeeded_at", now.isoformat())

    # ---------------------------------------------------------------- requests

    def _answer(self, request: Request) -> None:
        verb = VERBS.get(request.verb)
        if verb is None or verb.needs == "nothing":
            raise SameshotError(f"The service has no verb {request.verb!r}", "Is it of the same version?")
        serving = self._app.loaded.path
        if request.config is not None and request.config != str(serving):
            raise StateUnavailable(
                f"The running service uses the config {serving}, not {request.config}",
                "Ask it with that config, or keep two states apart with --state-dir",
            )
        function = verb.load()
        arguments = bind(function, request.arguments)
        if request.verb == "scan":  # everything it needs goes on here anyway: the answer comes when that is done
            places = scan_places(self._app.config, **arguments)
            scan = _Scan(request, set(self._app.store.photos.failed()), len(places), [])
            self._sweeps.extend((place, self._app.sweep(place), scan) for place in places)
            self._scans.append(scan)
            return
        self._request = request
        try:
            request.finish(as_json(function(self._app, **arguments)))
        finally:
            self._request = None

    def _finish_scans(self) -> None:
        for scan in list(self._scans):
            flow = self._app.flow
            if scan.sweeps_left == 0 and flow.idle:
                self._scans.remove(scan)
                scan.request.finish(as_json(scan_result(self._app, scan.failed_before, scan.problems)))
            elif scan.request.abandoned:
                self._scans.remove(scan)
            else:
                scan.request.progress({"label": "looking at photos", "done": 0, "total": flow.pending})

    def _progress(self, label: str, done: int, total: int | None) -> None:
        if self._request is not None:
            self._request.progress({"label": label, "done": done, "total": total})
        self._say_alive(time.monotonic())
        if self._asked_to == "stop":
            raise Stopped

    # ---------------------------------------------------------------- how it is

    def _activity(self) -> Activity:
        roots = []
        for root, health in self._watch.health().items():
            if root in self._offline:
                roots.append(RootStatus(root, "offline", self._offline[root]))
            else:
                roots.append(RootStatus(root, health.state, health.sentence))
        return Activity(self._state_now(roots), tuple(roots))

    def _state_now(self, roots: list[RootStatus]) -> State:
        if any(root.state in ("offline", "deaf") for root in roots):
            return "degraded"
        return "busy" if self._sweeps or not self._app.flow.idle else "idle"

    def _say_alive(self, now_s: float) -> None:
        interval_s = self._notifier.watchdog_interval_s
        if now_s >= self._alive_due_s:
            self._alive_due_s = now_s + min(interval_s or _HEALTH_EVERY_S, _HEALTH_EVERY_S)
            pending = self._app.flow.pending
            self._notifier.status(f"{pending} photos under way" if pending else "idle")
            if interval_s is not None:
                self._notifier.watchdog()

    # ---------------------------------------------------------------- other threads

    def _hint(self, folder: Path) -> None:
        self._hints.append(folder)
        self._wake()

    def _tick(self, tick: Tick) -> None:
        self._ticks.append(tick)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_in, b"\0")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def asked(number: int, _frame: object) -> None:
            if self._asked_to != "stop":
                self._asked_to = "reload" if number == signal.SIGHUP else "stop"
            self._wake()

        before = {number: signal.signal(number, asked) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
