"""The way of a photo: settle, identify, look, link, group.

Comes in: photos that a sweep found. Goes out: contents with looks, links and groups in the store. One-shot `scan` and
the daemon run this same flow and differ only in when they stop. Everything here runs in one thread: workers answer
through callbacks that `Workers.pump` calls. Each stage a photo reached is in the store, so a restart goes on where the
last run stopped; nothing here is needed to be remembered.
"""

from __future__ import annotations

import heapq
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from sameshot.index.neighbours import NeighbourIndex
from sameshot.model import FileStat
from sameshot.service.message import BadMessage
from sameshot.service.workers import Message, Task, TaskFailed, Workers
from sameshot.store.store import Store
from sameshot.watch.settle import Settler, has_writer
from sameshot.way.arrival import stat_of
from sameshot.way.attempts import Retries, next_try_s
from sameshot.way.comparing import keep_one_kind_of_score, unseen
from sameshot.way.flow_settings import FlowSettings
from sameshot.way.lately import Lately
from sameshot.way.linking import Linker
from sameshot.way.second_looks import SecondLooks
from sameshot.way.succession import Succession
from sameshot.wire.photos import identity_from_message, look_from_message, look_request

_log = logging.getLogger(__name__)
_SETTLED_AT_ONCE = 200
_SILENT_S = 10.0  # how long photos in a root that does not answer wait before it is asked again
_MANY = 100  # photos on their way: so many are no longer waited for one by one


class Flow:
    """Brings photos from `seen` to `grouped`. Not thread-safe: one thread calls it and pumps its workers."""

    def __init__(
        self,
        store: Store,
        index: NeighbourIndex,
        workers: Workers,
        settings: FlowSettings,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.paused = False
        """While set, photos are taken and settle, but none is looked at that was not begun."""
        self.answers: Callable[[Path], bool] = lambda _: True
        """Whether a root may be asked anything: a share whose server is gone would hold up everything."""
        self.tell: Callable[[Path, str], None] = lambda *_: None
        """Is called for each photo that was looked at, and, with the reason, for each that could not be."""
        self._store, self._index, self._workers = store, index, workers
        self._settings, self._now = settings, now
        self._settling = Settler()
        may_ask = lambda root: self.answers(root)  # noqa: E731, PLW0108 - by what is set when it is asked
        self._second_looks = SecondLooks(store, workers, settings.look_deadline_s, may_ask)
        self._linker = self._new_linker()
        self.encoders = Succession(store, index, workers, settings, answers=may_ask, now=now)
        self._waiting: list[tuple[float, int]] = []  # heap of (when to check, photo) still settling
        self._ready: deque[int] = deque()  # settled photos whose content is not known yet
        self._retries = Retries(store)
        self._suspects: deque[int] = deque()  # may have ended the service: tried one by one, with nothing beside them
        self._trying_suspect = False
        self._under_way = 0
        self._relink: deque[int] = deque()  # contents whose links are to be seen through again
        self._to_inspect: deque[int] = deque()  # contents with others beside them, for a second look
        self._looking: dict[int, list[int]] = {}  # content being looked at -> photos that wait for it
        self._dirty: set[int] = set()  # contents whose surroundings must be grouped again
        self._compares_all = False  # until that is done groups stay as they are, or each would lose its id meanwhile
        self._regroup_due_s = self._stepped_s = 0.0
        self._joined = Lately(settings.closed_after_s)

    # ---------------------------------------------------------------- in

    def resume(self) -> None:
        """Takes up every photo that an earlier run left on its way."""
        self._compare_as_asked()
        failed = self._retries.load()
        self.touch(photo.content_id for photo in failed if photo.content_id is not None)
        self._take_retries()
        self.take(self._store.photos.in_stages(["seen"]))
        taken = {*self._suspects, *self._ready}
        self._ready.extend(photo for photo in self._store.photos.in_stages(["settled"]) if photo not in taken)
        self._relink.extend(self._store.photos.contents_in("looked"))
        self._relink.extend(self._second_looks.left_out.to_link_again(self._index))
        self.touch({*self._store.photos.contents_in("linked"), *self._store.groups.touched()})
        self._to_inspect.extend(self._store.inspections.wanted())
        self.seek_unseen(self._settings.reads)

    def _compare_as_asked(self) -> None:
        """Has everything compared and grouped anew where the owner, or a new version, wants it otherwise."""
        keep_one_kind_of_score(self._store, self._settings.method, self._settings.encoder.encoder_id)
        if self._store.meta.get("compared_as") == self._settings.comparing:
            return
        if not (contents := self._store.contents.ids()):
            self._store.meta.set("compared_as", self._settings.comparing)
        self._compares_all = bool(contents)
        self._relink.extend(content for content in contents if content in self._index)
        self.touch(contents)

    def take(self, photo_ids: Iterable[int]) -> None:
        """Accepts photos that are new or changed on disk."""
        for photo_id in photo_ids:
            heapq.heappush(self._waiting, (self._now(), photo_id))

    def touch(self, contents: Iterable[int]) -> None:
        """Has the groups around these contents made anew: their photos, links or verdicts changed."""
        changed = set(contents)
        self._store.groups.touch(changed - self._dirty)
        self._dirty |= changed
        self.encoders.touch(changed)

    def seek_unseen(self, reads: Iterable[str] = ()) -> None:
        """Takes up what the encoder that serves could not look at when it came, as far as that is there by now."""
        self._ready.extend(unseen(self._store, self._settings.encoder.encoder_id, (*reads,), self.answers))

    def _new_linker(self) -> Linker:
        return self._settings.linker(
            self._store,
            self._index,
            self._workers,
            self._second_looks,
            linked=self._linked,
            touched=lambda content: self.touch([content]),
        )

    # ---------------------------------------------------------------- on

    @property
    def pending(self) -> int:
        """How many photos are on their way."""
        return len(self._waiting) + len(self._ready) + len(self._suspects) + self._under_way + self._linker.under_way

    def unsettled(self) -> dict[Path, str]:
        """Returns the files that are not complete yet as far as is known, each with why, after `it`."""
        return self._settling.waiting()

    @property
    def working(self) -> bool:
        """Whether anything is left but waiting for files to become complete."""
        return bool(
            self._ready or self._suspects or self._under_way or self._comparing or self._dirty or self._to_inspect
        )

    @property
    def idle(self) -> bool:
        """Whether everything that was taken is grouped or failed."""
        return not self.pending and not self.working

    def next_due_s(self) -> float | None:
        """When `step` has something to do that no worker will announce; None when there is nothing."""
        due = [self._waiting[0][0]] if self._waiting else []
        if (retry_s := self._retries.next_due_s) is not None:
            due.append(retry_s)
        if self._may_regroup:
            due.append(self._regroup_due_s)
        if self._may_begin or self._may_inspect or self._may_go_over:
            due.append(self._now())
        return min(due, default=None)

    def step(self) -> None:
        """Does what is due: checks settling photos, hands settled ones to workers, groups what was linked."""
        now_s = self._now()
        if now_s < self._stepped_s:  # the clock was set back: what was due soon still is
            self._waiting, self._regroup_due_s = [(now_s, photo_id) for _, photo_id in self._waiting], now_s
        self._stepped_s = now_s
        if self._waiting and self._waiting[0][0] <= now_s:
            with self._store.transaction():  # one commit for many, but not for all: others wait for their turn
                for _ in range(_SETTLED_AT_ONCE):
                    if not self._waiting or self._waiting[0][0] > now_s:
                        break
                    self._settle(heapq.heappop(self._waiting)[1], now_s)
        self._take_retries()
        while self._may_begin:
            self._trying_suspect = bool(self._suspects)
            self._identify(self._suspects.popleft() if self._suspects else self._ready.popleft())
        while self._relink and self._linker.under_way + self._second_looks.under_way < self._workers.count:
            self._linker.relink(self._relink.popleft())
        if self._may_regroup and now_s >= self._regroup_due_s:
            self.regroup()
        while self._may_inspect:
            content = self._to_inspect.popleft()
            self._second_looks.inspect(content, partial(self.touch, [content]))
        if self._may_go_over and self.encoders.step():
            self._settings, self._index = self.encoders.settings, self.encoders.index
            self._linker = self._new_linker()
            self._to_inspect = deque(self._store.inspections.wanted())
            self.seek_unseen()

    @property
    def _may_begin(self) -> bool:
        if self.paused or (self._under_way and (self._trying_suspect or self._suspects)) or self.encoders.holds_back:
            return False
        return bool(self._suspects or (self._ready and self._workers.pending < self._workers.count * 3))

    @property
    def _comparing(self) -> bool:
        return bool(self._relink or self._linker.under_way or self._second_looks.under_way)

    @property
    def _may_regroup(self) -> bool:
        return bool(self._dirty) and not (self._compares_all and self._comparing)

    @property
    def _may_inspect(self) -> bool:
        """Second looks wait until nothing else is to be done: they make no group, only a better choice within it."""
        busy = self._ready or self._under_way or self._linker.under_way or self._relink or self.paused
        return bool(self._to_inspect and not busy and self._second_looks.under_way < self._workers.count)

    @property
    def _may_go_over(self) -> bool:
        """Another encoder waits behind all that is new, and behind second looks."""
        drained = not (self._under_way or self._linker.under_way or self._second_looks.under_way or self._relink)
        free = drained and not (self._ready or self._suspects or self._to_inspect)
        return self.encoders.may_go_on(is_free=free, is_drained=drained, is_paused=self.paused)

    def _take_retries(self) -> None:
        for photo_id, is_suspect in self._retries.due(self._now()):
            (self._suspects if is_suspect else self._ready).append(photo_id)

    def regroup(self) -> None:
        """Groups what was linked or touched, now; while all is compared anew, once that is done."""
        started_s = time.monotonic()
        if self._compares_all and (self._comparing or self._wants_neighbours()):
            return  # groups that lack some links would give up their ids
        dirty, self._dirty = self._dirty, set()
        with self._store.transaction():
            region, to_compare = self._settings.regroup(self._store, dirty, self._now)
            self._store.groups.regrouped(region, but=self._linker.compare_neighbours(to_compare))
            self._store.photos.advance_all("linked", "grouped", region)
            if self._compares_all:
                self._store.meta.set("compared_as", self._settings.comparing)
                self._compares_all = False
        waiting = {*self._to_inspect}
        self._to_inspect.extend(c for c in self._store.inspections.wanted(region) if c not in waiting)
        # Long regrouping comes less often: a fifth of the time at most goes into it, of the time of many photos less.
        rest = 4 if self.pending < _MANY else 24
        self._regroup_due_s = self._now() + max(0.2, rest * (time.monotonic() - started_s))

    def _wants_neighbours(self) -> bool:
        return bool(self._linker.compare_neighbours(self._settings.to_compare(self._store, self._dirty)))

    def joined_since(self, moment_s: float) -> set[int]:
        """Returns the contents that were linked after `moment_s`, as far back as a set stays open."""
        return self._joined.since(moment_s)

    # ---------------------------------------------------------------- stages

    def _settle(self, photo_id: int, now_s: float) -> None:
        photo = self._store.photos.get([photo_id]).get(photo_id)
        if photo is None or photo.stage != "seen":
            return
        if not self.answers(photo.root):
            heapq.heappush(self._waiting, (now_s + _SILENT_S, photo_id))
            return
        path = photo.primary.path
        stat = stat_of(path)
        if stat is None:
            self._settling.forget(path)
            return  # gone again: the next sweep of its folder says so
        facts = self._store.roots.get(photo.root) or {}
        quiet_s = self._settings.network_quiet_s if facts.get("is_network") else self._settings.quiet_s
        check_at_s = self._settling.observe(path, stat, now_s, quiet_s)
        if check_at_s is not None:
            heapq.heappush(self._waiting, (check_at_s, photo_id))
            return
        if stat != photo.primary.stat:
            self._store.photos.update_stat(path, stat)
        self._store.photos.advance(photo_id, "settled")
        self._ready.append(photo_id)

    def _identify(self, photo_id: int) -> None:
        self._submit(photo_id, Message({"task": "identify"}), self._identified)

    def _identified(self, photo_id: int, reply: Message) -> None:
        identity = identity_from_message(reply)
        contents = self._store.contents
        content = contents.add(identity)
        photo = self._store.photos.get([photo_id])[photo_id]
        if photo.content_id not in (None, content):
            self.touch([photo.content_id])  # the file was rewritten: the shot it showed before lost a photo
        self._store.photos.advance(photo_id, "settled", content)
        encoder_id, reads = self._settings.encoder.encoder_id, self._settings.reads
        twin = contents.by_pixel_digest(identity.pixel_digest, encoder_id)
        if content in self._looking:
            self._looking[content].append(photo_id)
        elif contents.has_look(content, encoder_id, reads):
            self._store.photos.advance(photo_id, "linked")
            self.touch([content])
            self.encoders.arrived(content)
        elif twin is not None and contents.has_look(twin, encoder_id, reads):
            contents.copy_look(twin, content)
            self._store.photos.advance(photo_id, "looked")
            self._index.add(content, contents.vector(content, encoder_id))
            self._linker.find_links(content)
        else:
            self._looking[content] = [photo_id]
            request = look_request(self._settings.encoder)
            self._submit(photo_id, request, partial(self._looked, content))

    def _looked(self, content: int, photo_id: int, reply: Message) -> None:
        look = look_from_message(reply, self._settings.encoder.dimension)
        self._store.contents.save_look(content, look)
        for waiting in self._looking.pop(content):
            self._store.photos.advance(waiting, "looked")
        self.tell(self._store.photos.get([photo_id])[photo_id].primary.path, "")
        self._index.add(content, look.vector)
        self._linker.find_links(content)

    def _linked(self, content: int) -> None:
        self._store.photos.advance_all("looked", "linked", [content])
        self._joined.add(content, self._now())
        self.touch([content])
        self.encoders.arrived(content)

    # ---------------------------------------------------------------- one task about one photo's file

    def _submit(self, photo_id: int, request: Message, then: Callable[[int, Message], None]) -> None:
        photo = self._store.photos.get([photo_id]).get(photo_id)
        if photo is None or not self.answers(photo.root) or stat_of(photo.primary.path) is None:  # moved just now
            self._again(photo_id)
            return
        path, stat = photo.primary.path, photo.primary.stat
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._fail(photo_id, f"it cannot be opened: {os.strerror(error.errno or 0)}", "error")
            return
        try:
            if stat_of(descriptor) != stat or has_writer(descriptor):
                self._again(photo_id)
                return
            self._under_way += 1
            done = partial(self._answered, photo_id, photo.root, path, stat, then)
            begun = partial(self._begun, photo_id, request)
            self._workers.submit(Task(begun, self._settings.look_deadline_s, done, descriptor))
        finally:
            os.close(descriptor)

    def _begun(self, photo_id: int, request: Message) -> Message:
        """The request, now that a worker takes it: only from here on may the photo be what ends the service."""
        self._store.photos.begin(photo_id, self._now())
        return request

    def _answered(
        self,
        photo_id: int,
        root: Path,
        path: Path,
        stat: FileStat,
        then: Callable[[int, Message], None],
        reply: Message | TaskFailed,
    ) -> None:
        self._under_way -= 1
        photo = self._store.photos.get([photo_id]).get(photo_id)
        is_other = photo is None or photo.primary.path != path  # a JPEG came to the RAW that is looked at, perhaps
        if is_other or not self.answers(root) or stat_of(path) != stat:
            self._again(photo_id)
        elif isinstance(reply, TaskFailed):
            self._fail(photo_id, reply.reason, reply.kind)
        else:
            try:
                with self._store.transaction():
                    then(photo_id, reply)
            except BadMessage:
                self._fail(photo_id, "the process that looked at it gave an answer that makes no sense", "crash")

    def _again(self, photo_id: int) -> None:
        """The file is being written or was exchanged: it must settle anew, and so must whoever waits for it."""
        for waiting in self._release(photo_id):
            self._store.photos.advance(waiting, "seen")
            self.take([waiting])

    def _fail(self, photo_id: int, reason: str, kind: str) -> None:
        for waiting, photo in self._store.photos.get(self._release(photo_id)).items():
            retry_at_s = next_try_s(kind, photo.attempts + 1, self._now())
            self._store.photos.fail(waiting, reason, retry_at_s)
            self.tell(photo.primary.path, reason)
            if retry_at_s is not None:
                self._retries.add(retry_at_s, waiting)
            if photo.content_id is not None:
                self.touch([photo.content_id])  # the shot it showed before lost a photo
        self._take_retries()

    def _release(self, photo_id: int) -> list[int]:
        for content, photos in self._looking.items():
            if photo_id in photos:
                return self._looking.pop(content)
        return [photo_id]
