"""Config to live service: everything that a verb may need, made when it is first needed.

Comes in: a loaded config and the locations. Goes out: an `App` with store, journal, workers, index and flow. One App at
a time may write a state; readers need no lock. Nothing here decides anything about photos.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from sameshot.apply.journal import Journal
from sameshot.apply.recovery import RecoveryReport, recover
from sameshot.compare.thresholds import SHORTLIST_COSINE
from sameshot.config import LoadedConfig
from sameshot.embed.encoders import place_of, table
from sameshot.errors import SameshotError, StateUnavailable
from sameshot.filing.plans import learn_journal
from sameshot.filing.taken_back import learn_taken_back
from sameshot.group.kinds import Switches
from sameshot.index.neighbours import NeighbourIndex
from sameshot.locations import Locations
from sameshot.service.lock import hold_lock
from sameshot.service.probe import Probe
from sameshot.service.two_stages import TwoStages
from sameshot.service.workers import Message, Task, TaskFailed, WorkerLimits, Workers
from sameshot.store.backups import rotate_backups
from sameshot.store.photos import PhotoRow
from sameshot.store.store import Store
from sameshot.watch.ignore import IgnoreRules
from sameshot.watch.roots import is_cloud, shares_below
from sameshot.way.arrival import Arrivals
from sameshot.way.attempts import blame
from sameshot.way.comparing import serving_encoder
from sameshot.way.filed_places import outermost, sweep_filed
from sameshot.way.flow import Flow
from sameshot.way.flow_settings import FlowSettings
from sameshot.way.learned import lesson
from sameshot.way.method import Method, method_of
from sameshot.way.sweeping import sweep
from sameshot.way.threshold import CALIBRATION, threshold_of
from sameshot.wire.embedding import second
from sameshot.wire.photos import EncoderHeader, worker_command

_log = logging.getLogger(__name__)
Progress = Callable[[str, int, int | None], None]
"""What is being done, how much of it is done, and of how much, where that is known."""
_One = TypeVar("_One")

_SHARE_ANSWERS_S = 1.0
_PREPARE_DEADLINE_S = 300.0
PATIENCE_S = 5.0
"""How long a one-shot run waits for files that are being written while nothing else is left to do."""


class App:
    """The parts of one sameshot, in one thread. Close it when done: workers end, the index is saved."""

    def __init__(
        self, loaded: LoadedConfig, locations: Locations, store: Store, progress: Progress, *, writing: bool
    ) -> None:
        self.loaded, self.config, self.locations, self.store = loaded, loaded.config, locations, store
        self.progress, self._writing = progress, writing
        self.recovered = RecoveryReport()
        """What was found interrupted when a writer opened the state."""
        self.blamed: list[PhotoRow] = []
        """Photos that were looked at when the run before ended without a word."""
        self._shares = Probe(Path.stat)
        self.strays: set[Path] = set()
        """Folders in which sweeps met companions without a photo, for who files by itself."""
        self.unfiled: set[int] = set()
        """Photos that could not be filed; who files by itself tries them again at the next reconcile or start."""
        self.activity: Callable[[], Any] | None = None
        """What a running service knows of itself; None where no service runs."""

    # ---------------------------------------------------------------- parts

    @cached_property
    def journal(self) -> Journal:
        """What was done to the owner's files."""
        return Journal(self.locations.journal_dir)

    @cached_property
    def workers(self) -> Workers:
        """The processes that look at photos, and the trusted one; none runs before the first task that needs it."""
        wanted = self.config.workers
        limits = WorkerLimits(address_space_bytes=self.config.limits.worker_memory_mb << 20)
        count = len(os.sched_getaffinity(0)) if wanted == "auto" else wanted
        return TwoStages(worker_command(self.locations.models_dir), count, limits, second())

    @cached_property
    def encoder(self) -> EncoderHeader:
        """The encoder that serves: the one that made what is known, until the wanted one has seen all of it too."""
        return self._serving() or self.wanted_encoder

    def _serving(self) -> EncoderHeader | None:
        """The encoder that made what is known; None where there is none, or it cannot look at new photos any more."""
        encoder_id, models_dir = serving_encoder(self.store), self.locations.models_dir
        dimension = None if encoder_id is None else self.store.contents.dimension(encoder_id)
        if encoder_id is None or dimension is None:
            return None
        if (wanted := self._wanted_now()) is not None and wanted.encoder_id == encoder_id:
            return wanted
        for path in (models_dir / f"{encoder_id}.json", models_dir / f"{encoder_id}.onnx"):
            if path.exists():
                return EncoderHeader(encoder_id, path, dimension)
        if (ours := self._made_anew(encoder_id)) is not None:
            return ours
        if encoder_id != self.wanted_encoder.encoder_id:
            _log.warning("The model %s is gone: photos are looked at anew by %s", encoder_id, self.config.encoder)
        return None

    def follow_encoder(self) -> None:
        """Goes over to what the config's encoder is by now: a training may have put another one in its place."""
        if not self.encoder.path.exists():  # workers that hold it go on; the next one would find nothing
            with contextlib.suppress(SameshotError):
                self._made_anew(self.encoder.encoder_id)
        if (wanted := self._wanted_now()) is not None:
            self.flow.encoders.go_over_to(wanted)

    def _made_anew(self, encoder_id: str) -> EncoderHeader | None:
        """One that sameshot brings along; None for all others, which cannot be made without their weights."""
        names = (name for name in table() if place_of(name, self.locations.models_dir).encoder_id == encoder_id)
        return next(map(self._made_ready, names), None)

    def _wanted_now(self) -> EncoderHeader | None:
        """The encoder of the config where it is ready: one that is gone is no reason to stop what serves."""
        try:
            ready = place_of(self.config.encoder, self.locations.models_dir)
        except SameshotError:
            return None
        return EncoderHeader(ready.encoder_id, ready.path, ready.dimension) if ready.path.exists() else None

    @cached_property
    def wanted_encoder(self) -> EncoderHeader:
        """The encoder of the config."""
        return self._made_ready(self.config.encoder)

    def _made_ready(self, name: str) -> EncoderHeader:
        """An encoder, made ready on first use by a process that may write models and reads no photo."""
        models_dir = self.locations.models_dir
        ready = place_of(name, models_dir)
        if ready.path.exists():  # mostly: then no process need start to say so
            return EncoderHeader(ready.encoder_id, ready.path, ready.dimension)
        makers = Workers(worker_command(models_dir, makes_models=True), 1, WorkerLimits(file_size_bytes=1 << 30))
        try:
            request = {"task": "prepare", "encoder": name, "models_dir": str(models_dir)}
            return EncoderHeader.from_json(ask(makers, Message(request), _PREPARE_DEADLINE_S).header)
        finally:
            makers.close()

    @cached_property
    def index(self) -> NeighbourIndex:
        """The neighbours of every content that the serving encoder has seen."""
        encoder = self.encoder
        index = NeighbourIndex(
            self.locations.cache_dir / "index", encoder.encoder_id, encoder.dimension, self.config.index.exact_until
        )
        index.load(self._index_generation, lambda: self._told_of(self.store.contents.vectors(encoder.encoder_id)))
        for content, reach in self.store.contents.reaches().items():
            index.set_reach(content, reach)
        return index

    def _told_of(self, vectors: Iterable[_One]) -> Iterator[_One]:
        """The same vectors; whoever waits hears that a large index is being built, which takes minutes."""
        for number, vector in enumerate(vectors):
            if number % 1000 == 999:  # what takes no time is not worth a word
                self.progress("building the index", number + 1, None)
            yield vector

    @cached_property
    def flow(self) -> Flow:
        """The way of a photo."""
        flow = Flow(self.store, self.index, self.workers, self.settings)
        flow.encoders.took_over = self._serve
        return flow

    def _serve(self, encoder: EncoderHeader, index: NeighbourIndex) -> None:
        self.encoder, self.index = encoder, index
        self.__dict__.pop("settings", None)

    @cached_property
    def settings(self) -> FlowSettings:
        """What the config and the encoder say about comparing."""
        return FlowSettings(
            encoder=self.encoder,
            shortlist_cosine=SHORTLIST_COSINE,
            link_threshold=self.link_threshold,
            method=self.method,
            switches=Switches(**self.config.group.model_dump()),
            look_deadline_s=self.config.limits.look_deadline_s,
            quiet_s=self.config.settle.quiet_s,
            network_quiet_s=self.config.settle.network_quiet_s,
            closed_after_s=self.config.filing.closed_after_s,
        )

    @cached_property
    def method(self) -> Method:
        """How two photos are compared."""
        return method_of(self.config)

    @property
    def link_threshold(self) -> float:
        """The score from which two contents are linked."""
        return threshold_of(self.loaded, self.store.meta.get(CALIBRATION), lesson(self.store, "pair-score")).value

    @property
    def unlearned_threshold(self) -> float:
        """What it would be if nothing had been learned from the owner's words."""
        return threshold_of(self.loaded, self.store.meta.get(CALIBRATION)).value

    @property
    def roots(self) -> tuple[Path, ...]:
        """The configured roots."""
        return tuple(root.path for root in self.config.roots)

    @cached_property
    def rules(self) -> IgnoreRules:
        """What is a photo, and what is nobody's business, in the configured roots."""
        return IgnoreRules(self.roots, self.config.ignore, self.config.extensions)

    def sweep(self, place: Path) -> Iterator[Arrivals]:
        """Returns what each folder from `place` down brings; `place` is or is in a root, or is one for this once."""
        root = next((root for root in self.roots if place.is_relative_to(root)), place)
        rules = self.rules if root in self.roots else IgnoreRules([root], self.config.ignore, self.config.extensions)
        return sweep(self.store, root, rules, self.now, place, self.is_recursive(root), self._keeps_out)

    def kept_out(self, root: Path) -> tuple[Path, ...]:
        """Returns the shares mounted below a root that are left alone."""
        return tuple(share for share, kind in shares_below(root).items() if self._keeps_out(share, kind))

    def _keeps_out(self, share: Path, kind: str) -> str:
        """Says why a share that is mounted below a root is left alone, or nothing."""
        allowed = any(known.remote == "read" for known in self.config.roots if share.is_relative_to(known.path))
        if is_cloud(kind) and not allowed:
            return f"{share} is a cloud drive ({kind}); `remote: read` beside the root's path has its photos downloaded"
        if self._shares.silent_s(share) == 0.0:
            with contextlib.suppress(OSError):
                self._shares.wait(share, _SHARE_ANSWERS_S)
        return (
            f"The share {share} does not answer; its photos are kept as known" if self._shares.silent_s(share) else ""
        )

    def filed_places(self) -> tuple[Path, ...]:
        """Returns the folders outside every root in which sameshot filed photos that it knows."""
        library = self.config.library_dir
        places = self.journal.places() | ({library} if library is not None else set())
        filed = outermost(places, {*self.roots, *self.store.roots.all()})
        return tuple(place for place in filed if next(self.store.photos.folders_under(place), None) is not None)

    def sweep_filed(self, place: Path) -> Iterator[Arrivals]:
        """Returns what each folder from `place`, one of `filed_places`, down brings."""
        rules = IgnoreRules([place], self.config.ignore, self.config.extensions)
        return sweep_filed(self.store, place, {*self.roots, *self.store.roots.all()}, rules, self.now)

    def is_recursive(self, root: Path) -> bool:
        """Returns whether the folders below `root` belong to it; true for one that is not configured."""
        return all(known.recursive for known in self.config.roots if known.path == root)

    @property
    def _index_generation(self) -> str:
        return f"{self.encoder.encoder_id}-{self.store.contents.count(self.encoder.encoder_id)}"

    # ---------------------------------------------------------------- doing

    def now(self) -> float:
        """Returns wall clock seconds since 1970, the clock that files are stamped with."""
        return time.time()

    def today(self) -> datetime:
        """Returns the time for the journal, with its zone."""
        return datetime.now(UTC).astimezone()

    def contents_of(self, photo_ids: Iterable[int]) -> set[int]:
        """Returns the contents of photos that have one."""
        photos = self.store.photos.get(photo_ids).values()
        return {photo.content_id for photo in photos if photo.content_id is not None}

    def ask(self, request: Message, descriptor: int | None = None) -> Message:
        """Has a worker answer one question while this thread waits. Raises SameshotError with the worker's reason."""
        return ask(self.workers, request, self.config.limits.look_deadline_s, descriptor)

    def resume(self) -> None:
        """Takes up what an earlier run left: photos on their way, and another encoder."""
        self.flow.resume()
        self.flow.encoders.clear_up()
        self.flow.encoders.go_over_to(self.wanted_encoder)

    def run_until_idle(self, label: str) -> None:
        """Follows every photo on its way to the end of it; files that others are still writing are not waited for.

        Where another encoder is wanted, it serves afterwards.
        """
        flow = self.flow
        flow.encoders.in_a_hurry = True
        total = flow.pending
        busy_until_s = time.monotonic() + PATIENCE_S
        while not (flow.idle and flow.encoders.is_idle):
            flow.step()
            coming = flow.encoders.progress
            working = flow.working or coming is not None
            if not working and time.monotonic() >= busy_until_s:
                break
            total = max(total, flow.pending)
            due_s = flow.next_due_s()
            wait_s = 0.5 if due_s is None else min(max(due_s - self.now(), 0.0), 0.5)
            self.workers.pump(wait_s)  # a slow disk may keep it far longer than that
            if working:
                busy_until_s = time.monotonic() + PATIENCE_S
            if coming is not None and not flow.pending:
                self.progress(f"looking again, by {coming.encoder_id}", coming.done, coming.all)
            else:
                self.progress(label, total - flow.pending, total)

    def back_up(self) -> None:
        """Writes a copy of the store beside it and keeps the newest few."""
        rotate_backups(self.store, self.locations.state_dir / "backups", self.today().date())

    def set_down(self) -> None:
        """Notes that the run ends in order, so that no photo under way is taken for the cause of a crash."""
        with contextlib.suppress(StateUnavailable):
            self.store.photos.set_down()

    def save_index(self) -> None:
        """Saves the index as far as it is held. Raises OSError when that cannot be done."""
        if "index" in self.__dict__ and self._writing:
            self.index.save(self._index_generation)

    def close(self) -> None:
        """Ends the workers and saves what can be saved."""
        if "workers" in self.__dict__:
            self.workers.close()
        try:
            self.save_index()
        except OSError as error:
            _log.warning("the index is built anew at the next start, it could not be saved: %s", error)


def ask(workers: Workers, request: Message, deadline_s: float, descriptor: int | None = None) -> Message:
    """Returns a worker's answer, before all other work. Raises SameshotError with the worker's reason."""
    answers: list[Message | TaskFailed] = []
    workers.submit(Task(request, deadline_s, answers.append, descriptor), first=True)
    while not answers:
        workers.pump(1.0)
    if isinstance(answers[0], TaskFailed):
        raise SameshotError(answers[0].reason)
    return answers[0]


@contextmanager
def open_app(
    loaded: LoadedConfig, locations: Locations, progress: Progress, *, verb: str, writing: bool
) -> Iterator[App]:
    """Opens the state, for one writer or for any number of readers, and closes everything afterwards.

    Raises StateUnavailable when the state is locked, broken, newer than this program or, for reading, absent.
    """
    if not writing:
        with Store.open(locations.database, read_only=True) as store:
            app = App(loaded, locations, store, progress, writing=False)
            try:
                yield app
            finally:
                app.close()
        return
    with hold_lock(locations.lock_file, verb, loaded.path) as died, Store.open(locations.database) as store:
        app = App(loaded, locations, store, progress, writing=True)
        try:
            app.blamed = blame(store, died=died, now_s=app.now())
            app.recovered = recover(app.journal, now=app.today())
            records = app.journal.records()
            learn_journal(store, records)
            learn_taken_back(store, records)
            del records  # of a big library they are many, and a service stays
            yield app
        except (SameshotError, KeyboardInterrupt):
            app.set_down()
            raise
        else:
            app.set_down()
        finally:
            app.close()
