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
import time
from collections import deque
from pathlib import Path
from typing import Any, Literal

from sameshot.app import PATIENCE_S, App
from sameshot.errors import SameshotError, StateUnavailable, WorkersUnavailable
from sameshot.service.control import ControlServer, Request, identity_of
from sameshot.service.manners import Manners, asked_to_pause
from sameshot.service.notify import Notifier
from sameshot.service.schedule import Schedule, Tick
from sameshot.service.signals import Signals, Stopped
from sameshot.verbs.apply import file_closed_sets
from sameshot.verbs.diary import Diary
from sameshot.verbs.night import Night
from sameshot.verbs.pause import KEY
from sameshot.verbs.root_care import RootCare
from sameshot.verbs.scan import not_complete, scan_places, scan_result, take_as_they_are
from sameshot.verbs.similar import read_ahead
from sameshot.verbs.status import Activity, State
from sameshot.verbs.sweeps import Scan, Sweeps
from sameshot.verbs.table import VERBS, as_json, bind
from sameshot.way.attempts import DIED
from sameshot.wording import counted

_log = logging.getLogger(__name__)

_TURN_S = 0.05
"""How long one turn sweeps before it looks at everything else again."""
_START_EXTENDED_S = 600.0
"""What systemd is asked for while a large index is built: some minutes pass between two words about it."""
_CARE_EVERY_S = 5.0
"""How often roots, jobs and the reasons to keep still are looked after."""
_TOUCHES_ALL = frozenset({"plan", "apply", "rank", "dedupe", "undo", "recover", "calibrate", "learn"})
"""What asks all roots and the library how they are. One that never answers would stop the service with it."""


class Daemon:
    """One service from its start to its end."""

    def __init__(self, app: App, server: ControlServer, notifier: Notifier, signals: Signals, diary: Diary) -> None:
        self._app, self._server, self._notifier, self._signals, self._diary = app, server, notifier, signals, diary
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._ticks: deque[Tick] = deque()
        self._scans: list[Scan] = []
        self._sweeps = Sweeps(app, diary)
        self._care = RootCare(app, self._hint)
        self._night = Night(app, diary)
        self._manners = Manners(on_battery=app.config.pause.on_battery, hours=app.config.pause.hours)
        self._why_paused = self._no_workers = ""
        self._schedule = Schedule(app.config.schedule.reconcile_every, self._tick)
        self._care_due_s = self._alive_due_s = 0.0
        self._state = identity_of(app.locations.database)
        self._request: Request | None = None
        self._is_ready = False
        app.activity, app.progress = self._activity, self._progress

    def start(self) -> None:
        """Gets ready: takes up what was left, watches the roots, and says so."""
        self._notifier.status("getting ready")
        self._app.flow.tell, self._app.flow.answers = self._diary.looked, self._care.answers
        self._diary.notifies = self._app.config.desktop_notifications
        self._diary.begin(self._app.store.groups.count(), self._app.locations.journal_dir, self._app.recovered)
        for photo in self._app.blamed:
            self._diary.looked(photo.primary.path, DIED)
        self._app.flow.encoders.note = self._diary.note
        self._app.flow.paused = True  # until the end of the first turn, when it is known whether it may look at photos
        self._app.resume()
        self._care.start()  # before the first sweep: what arrives in between is hinted
        self._reconcile([root for root in self._app.roots if self._care.may_be_read(root)])
        self._schedule.start()
        read_ahead(self._app)
        self._notifier.ready()
        self._is_ready = True

    def run(self) -> Literal["stop", "reload"]:
        """Serves until a signal asks for something else; one turn at least, so that no storm of them starves others."""
        with selectors.DefaultSelector() as selector:
            for source in (self._wake_out, self._signals, self._server, self._app.workers):
                selector.register(source, selectors.EVENT_READ)
            while not self._signals.stop_asked:
                selector.select(0.0 if self._signals.anything_asked else self._wait_s())
                self._signals.drain()
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_out, 4096)
                with contextlib.suppress(Stopped):
                    self._turn()
                if self._signals.anything_asked:
                    break
        return self._signals.taken()

    def close(self) -> None:
        """Ends the threads and the scans that others wait for. Raises StateUnavailable where nothing can be noted."""
        for scan in self._scans:
            scan.request.fail(SameshotError("The service took a new config or ended before the scan did", "Ask again"))
        self._schedule.stop()
        self._care.stop()
        os.close(self._wake_out)
        os.close(self._wake_in)
        self._night.stop()

    # ---------------------------------------------------------------- one turn

    def _turn(self) -> None:
        now_s = time.monotonic()
        self._pump()
        while self._ticks:
            self._act_on(self._ticks.popleft())
        self._sweeps.step(self._care, now_s + _TURN_S)
        if not self._sweeps.whole:
            self._night.reconcile_may_have_ended(len(self._care.offline))
        self._app.flow.step()
        self._pump()
        self._finish_scans(now_s)  # before: whoever waits for a place hears of the one that is free
        self._server.handle(self._answer, now_s)
        if now_s >= self._care_due_s:
            self._care_due_s = now_s + _CARE_EVERY_S
            self._look_after_all(now_s)
        self._say_alive(now_s)

    def _pump(self) -> None:
        try:
            if self._app.workers.pump(0):
                self._no_workers = ""
        except WorkersUnavailable as error:  # tried again in half a minute; the photos wait
            self._no_workers = str(error)
            _log.error("%s", error)

    def _look_after_all(self, now_s: float) -> None:
        if identity_of(self._app.locations.database) != self._state:
            raise StateUnavailable(f"The state in {self._app.locations.state_dir} was removed or replaced while in use")
        self._server.keep_reachable()
        if not self._schedule.keep_going():
            _log.error("the thread of the clock died; it goes on with another one")
        roots = self._care.look_after(now_s)
        for root in roots:
            self._sweeps.add(root)
        if roots:
            self._app.flow.seek_unseen()
        self._app.follow_encoder()
        self._night.step()
        before, now = self._why_paused, self._app.today()
        self._why_paused = self._manners.reason(asked_to_pause(self._app.store.meta.get(KEY), now), now, now_s)
        # Who asks for a scan means now.
        self._app.flow.paused = bool(self._why_paused) and not self._scans
        if self._why_paused != before:
            self._diary.note(f"keeps still: {self._why_paused}" if self._why_paused else "goes on")
        if self._app.config.apply == "automatic" and self._app.flow.idle and self._care.all_answer():
            file_closed_sets(self._app)
        self._diary.filings(self._app.locations.journal_dir)
        self._diary.roots(self._care.statuses())
        self._diary.desktop.step(now_s)
        self._diary.sum_up(self._app.store.groups.count, now_s, idle=self._app.flow.idle)

    def _wait_s(self) -> float:
        if self._sweeps.busy or self._ticks:
            return 0.0
        due = [self._care_due_s - time.monotonic(), _CARE_EVERY_S]
        if (flow_s := self._app.flow.next_due_s()) is not None:
            due.append(flow_s - self._app.now())
        if (workers_s := self._app.workers.next_deadline_s) is not None:
            due.append(workers_s - time.monotonic())
        return max(min(due), 0.0)

    # ---------------------------------------------------------------- the clock

    def _act_on(self, tick: Tick) -> None:
        if tick == "nightly":
            self._night.check_clock()
        elif not self._why_paused:  # on battery the disk sleeps on; hints are followed all the same
            self._reconcile(self._care.to_reconcile())

    def _reconcile(self, roots: list[Path]) -> None:
        self._night.reconcile_began()
        self._app.unfiled.clear()  # there may be room on the disk now
        self._app.flow.seek_unseen()
        for root in roots:
            self._sweeps.add(root)
        self._sweeps.add_filed(self._care)

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
        self._refuse_to_wait(request.verb, arguments)
        if request.verb == "scan":  # everything it needs goes on here anyway: the answer comes when that is done
            places = scan_places(self._app.config, **arguments)
            if arguments.get("believe"):
                take_as_they_are(self._app, places)
                for place in places:
                    self._care.offline.pop(place, None)
            scan = Scan(request, set(self._app.store.photos.failed()), len(places), [])
            for place in places:
                self._sweeps.add_scan(place, scan)
            if not arguments.get("paths"):
                self._sweeps.add_filed(self._care, scan)
            self._scans.append(scan)
            self._app.flow.paused = False
            return
        self._request = request
        if verb.needs == "writing":
            self._care_due_s = 0.0  # it may change what is to be done, as `pause` does
        try:
            request.finish(as_json(function(self._app, **arguments)))
        finally:
            self._request = None

    def _refuse_to_wait(self, verb: str, arguments: dict[str, Any]) -> None:
        """Raises RootUnavailable where the verb would ask a share that does not answer: nobody would be served."""
        if verb in _TOUCHES_ALL:
            self._care.refuse_silent(self._care.disks, "Mount it again, or take it out of the config")
        elif verb == "scan":
            places = arguments.get("paths") or self._app.roots
            self._care.refuse_silent(places, "Mount it again, or scan the others by their names")
        elif verb in ("similar", "explain"):
            self._care.refuse_silent((path for path in arguments.values() if isinstance(path, Path)), "Mount it again")

    def _finish_scans(self, now_s: float) -> None:
        for scan in list(self._scans):
            flow = self._app.flow
            if scan.sweeps_left or flow.working:
                scan.answer_at_s = now_s + PATIENCE_S
            if scan.sweeps_left == 0 and (flow.idle or now_s >= scan.answer_at_s):
                self._scans.remove(scan)
                scan.problems += not_complete(flow.unsettled())
                scan.request.finish(as_json(scan_result(self._app, scan.failed_before, scan.problems)))
            elif scan.request.abandoned:
                self._scans.remove(scan)
            else:
                scan.request.progress({"label": "looking at photos", "done": 0, "total": flow.pending})

    def _progress(self, label: str, done: int, total: int | None) -> None:
        if self._request is not None:
            self._request.progress({"label": label, "done": done, "total": total})
        self._say_alive(time.monotonic())
        if self._signals.stop_asked:
            raise Stopped  # the journal knows how far the verb is

    # ---------------------------------------------------------------- how it is

    def _activity(self) -> Activity:
        roots = self._care.statuses()
        pending = self._app.flow.pending
        doing = [f"sweeping {place}" for place in self._sweeps.places]
        if pending:
            are_on = "is on its" if pending == 1 else "are on their"
            tasks, workers = self._app.workers.pending, len(self._app.workers.pids)
            with_whom = f"{counted(tasks, 'task')} with {counted(workers, 'worker')}"
            doing.append(f"{counted(pending, 'photo')} {are_on} way, {with_whom}")
        doing += [f"the job {name}" for name in self._night.names]
        coming = self._app.flow.encoders.progress
        if coming is not None:
            doing.append(coming.sentence)
        bad = next((root.detail for root in roots if root.state in ("offline", "deaf")), self._no_workers)
        state: State = "busy" if self._sweeps.busy or not self._app.flow.idle or coming is not None else "idle"
        if self._why_paused:
            state = "paused"
        elif bad:
            state = "degraded"
        why = self._why_paused or bad
        return Activity(state, why, roots, self._night.names, tuple(doing), tuple(self._diary.events), coming)

    def _say_alive(self, now_s: float) -> None:
        interval_s = self._notifier.watchdog_interval_s
        if now_s >= self._alive_due_s:
            self._alive_due_s = now_s + min(interval_s or _CARE_EVERY_S, _CARE_EVERY_S)
            if not self._is_ready:  # there is no flow yet to tell about
                self._notifier.extend_start(_START_EXTENDED_S)
                return
            pending = self._app.flow.pending
            coming = self._app.flow.encoders.progress
            under_way = f"{counted(pending, 'photo')} under way" if pending else coming.sentence if coming else "idle"
            self._notifier.status(f"keeps still: {self._why_paused}" if self._why_paused else under_way)
            if interval_s is not None:
                self._notifier.watchdog()

    # ---------------------------------------------------------------- other threads

    def _hint(self, folder: Path) -> None:
        self._sweeps.hint(folder)
        self._wake()

    def _tick(self, tick: Tick) -> None:
        self._ticks.append(tick)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_in, b"\0")
