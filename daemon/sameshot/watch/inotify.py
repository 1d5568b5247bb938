"""Watchdog, guarded: one thread that reads inotify, one a root, one that tells.

Comes in: roots and callables. Goes out: calls with the folder that changed. The only module that imports watchdog. It
uses watchdog's private parts, which a test holds against the installed version, for what watchdog does not do itself:

* When the kernel's queue overflows, missing watches are added and every folder is hinted. Watchdog removes and adds all
  watches instead, which overflows the queue again, for ever, on a tree of some thousand folders.
* Every newly watched folder is hinted once its watch is in place: nothing falls between its making and its watching.
* Folders that may not be read, or are beyond the kernel's limit, are counted. Watchdog skips them silently.
* Ignored folders and shares mounted below are not watched, and reading a file announces nothing: opened and
  closed-unwritten are not asked for, nor is each single write.
"""

# ruff: noqa: SLF001  the private parts of watchdog are what is guarded here

from __future__ import annotations

import ctypes
import errno
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import ObservedWatch
from watchdog.observers.inotify import InotifyEmitter, InotifyObserver, InotifyWatchGroup
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, Mask, Watch, WatchDescriptor, inotify_add_watch

from sameshot.watch.ignore import IGNORE_FILE_NAME, FolderRules, IgnoreRules
from sameshot.watch.roots import shares_below

_EVENTS: list[type[FileSystemEvent]] = [
    DirCreatedEvent, DirDeletedEvent, DirMovedEvent,
    FileClosedEvent, FileCreatedEvent, FileDeletedEvent, FileMovedEvent,
]  # fmt: skip
_logger = logging.getLogger(__name__)
RootWatch = ObservedWatch


def silence_watchdog() -> None:
    """Keep watchdog's own words out of the log: a line per lost event, and warnings that print whole tables."""
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=RuntimeWarning, message="Callback with id")


@dataclass(repr=False, eq=False)
class Watches(InotifyWatchGroup):
    """The inotify watches of one root: only ever added to, except by `renew`."""

    rules: FolderRules = field(kw_only=True)
    hint: Callable[[bytes], None] = field(kw_only=True)
    over_limit: int = field(default=0, init=False)
    unreadable: int = field(default=0, init=False)
    failure: str = field(default="", init=False)
    _shares: set[bytes] = field(default_factory=set, init=False)
    """Mounted below: what is announced there is not what others do, and one that is dead would hold up the watch."""

    def __repr__(self) -> str:
        """Short: watchdog prints it whole, once per folder."""
        return f"<watches below {self.path!r}>"

    def renew(self) -> None:
        """Add what is missing, let go of what is not below the root any more."""
        with self._lock:
            if self.is_active:
                met = self._watch_below(self.path, self.rules)
                self._remove_callbacks([wd for wd, path in self._active_callbacks_by_watch.items() if path not in met])

    def hint_all(self) -> None:
        """Hint every watched folder."""
        with self._lock:
            folders = list(self._active_callbacks_by_path)
        for folder in folders:
            self.hint(folder)

    def covers(self, folder: bytes) -> bool:
        """Whether the kernel still tells of this folder."""
        return folder in self._active_callbacks_by_path

    def count(self) -> int:
        """How many folders are watched."""
        return len(self._active_callbacks_by_path)

    def on_queue_overflow(self) -> None:
        """Events were lost: add the watches that are missing, hint every folder, remove nothing."""
        try:
            with self._lock:
                if not self.is_active:
                    return
                self._move_event_grouper.discard_pending_events()
                self._watch_below(self.path, self.rules)
            self.hint_all()
        except Exception as error:  # noqa: BLE001  the thread of all roots must outlive it
            self.failure = f"handling lost events failed ({error})"

    def on_event(self, event: InotifyEvent) -> None:
        """Watchdog's own handling, which must not end the thread that reads for all roots."""
        try:
            super().on_event(event)
        except Exception as error:  # noqa: BLE001  the thread of all roots must outlive it
            self.failure = f"handling an event failed ({error})"

    # What follows is called with the lock held.

    def _recursive_simulate(self, _src_path: bytes) -> list[InotifyEvent]:
        """Nothing: the folders of a new tree were hinted when they were watched."""
        return []

    def _remove_watch_internally(self, wd: WatchDescriptor) -> None:
        path = self._active_callbacks_by_watch.pop(wd, None)
        if path is not None and self._active_callbacks_by_path.get(path) == wd:
            del self._active_callbacks_by_path[path]

    def _add_all_callbacks(self, path: bytes) -> None:
        if path == self.path:
            self._watch_below(path, self.rules)
            return
        rules, above = self.rules, self.path
        for name in os.path.relpath(path, self.path).split(b"/"):
            if rules.ignores_folder(os.fsdecode(name)):
                return
            above = os.path.join(above, name)
            rules = rules.below(os.fsdecode(name), above)
        self._watch_below(path, rules)

    def _watch_below(self, top: bytes, rules: FolderRules) -> set[bytes]:
        """Watch `top` and all below it, each folder before it is listed; returns the folders met."""
        met: set[bytes] = set()
        if top == self.path:
            self.over_limit = self.unreadable = 0
            self._shares = {os.fsencode(share) for share in shares_below(Path(os.fsdecode(top)))}
        waiting = [(top, rules)]
        while waiting:
            folder, rules = waiting.pop()
            met.add(folder)
            if self._watch(folder) and self.is_active:
                self.hint(folder)
            for name in _subfolders(folder):
                text, below = os.fsdecode(name), os.path.join(folder, name)
                if not (rules.ignores_folder(text) or below in self._shares):
                    waiting.append((below, rules.below(text, below)))
        return met

    def _watch(self, folder: bytes) -> bool:
        """Whether `folder` is watched now and was not before. Raises OSError when the root cannot be, at first."""
        inotify = self._inotify_fd
        with inotify._lock:
            if inotify._closed:
                return False
            mask = self.event_mask & ~InotifyConstants.IN_DONT_FOLLOW if folder == self.path else self.event_mask
            wd = inotify_add_watch(inotify._inotify_fd, folder, Mask(mask))
            if wd != -1:
                watch = inotify._watch_for_wd.setdefault(wd, Watch(wd, self.event_mask, folder))
                watch.callbacks[self._id] = self
        if wd == -1:
            self._not_watched(folder, ctypes.get_errno())
            return False
        known_as = self._active_callbacks_by_watch.get(wd)
        if known_as == folder and self._active_callbacks_by_path.get(folder) == wd:
            return False
        if known_as is not None and self._active_callbacks_by_path.get(known_as) == wd:
            del self._active_callbacks_by_path[known_as]  # it was renamed while events were lost
        self._active_callbacks_by_watch[wd] = folder
        self._active_callbacks_by_path[folder] = wd
        return True

    def _not_watched(self, folder: bytes, reason: int) -> None:
        if folder == self.path and not self.is_active:
            raise OSError(reason, os.strerror(reason), os.fsdecode(folder))
        if reason == errno.ENOSPC:
            self.over_limit += 1
        elif reason == errno.EACCES:
            self.unreadable += 1


def _subfolders(folder: bytes) -> list[bytes]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


class _Emitter(InotifyEmitter):
    """Watchdog's thread for one root, with watches that keep themselves."""

    rules: IgnoreRules

    def on_thread_start(self) -> None:
        mask = self.get_event_mask_from_filter() | InotifyConstants.IN_ONLYDIR | InotifyConstants.IN_EXCL_UNLINK
        self._inotify = Watches(
            self._inotify_fd,
            os.fsencode(self.watch.path),
            is_recursive=True,
            event_mask=Mask(mask),
            rules=self.rules.inside(Path(self.watch.path)),
            hint=self.hint,
        )

    def hint(self, folder: bytes) -> None:
        """Announce a folder as changed. The kernel's own news of modified folders is not asked for."""
        self._event_queue.put((DirModifiedEvent(os.fsdecode(folder)), self.watch))


class GuardedObserver(InotifyObserver):
    """Watchdog's dispatching thread, its reading thread, and one emitter thread a root."""

    def __init__(self, rules: IgnoreRules) -> None:
        super().__init__()
        self._rules = rules
        self._emitter_class = type("Emitter", (_Emitter,), {"rules": rules})

    def watch_root(self, root: Path, on_dirty: Callable[[Path], None], *, hints_all: bool) -> RootWatch:
        """Watch all below `root`; when it returns the watches are in place and, if asked, every folder is hinted.

        Raises OSError when `root` cannot be watched.
        """
        watch = self.schedule(
            _Handler(root, self._rules, on_dirty), os.fspath(root), recursive=True, event_filter=_EVENTS
        )
        watches = self.watches_of(watch)
        if hints_all and watches is not None:
            watches.hint_all()
        return watch

    def reads(self) -> bool:
        """Whether both threads that all roots share are alive."""
        return self.is_alive() and self._inotify_fd.is_alive()

    def watches_of(self, watch: RootWatch) -> Watches | None:
        """The root's watches while its own thread is alive."""
        emitter = self._emitter_for_watch.get(watch)
        alive = isinstance(emitter, _Emitter) and emitter.is_alive()
        watches = emitter._inotify if alive and isinstance(emitter, _Emitter) else None
        return watches if isinstance(watches, Watches) else None


class _Handler(FileSystemEventHandler):
    """Turns one event into the folders it speaks of. Nothing may leave it: watchdog's thread would die."""

    def __init__(self, root: Path, rules: IgnoreRules, on_dirty: Callable[[Path], None]) -> None:
        self._root = os.fspath(root)
        self._rules = rules
        self._on_dirty = on_dirty
        self._failed = False

    def dispatch(self, event: FileSystemEvent) -> None:
        try:
            for folder in self._folders(event):
                self._on_dirty(folder)
        except Exception:
            if not self._failed:  # once: a failure in every event would flood the log
                _logger.exception("A hint about a changed folder was not taken; sweeps will find what it told")
            self._failed = True

    def _folders(self, event: FileSystemEvent) -> Iterator[Path]:
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        if isinstance(event, DirModifiedEvent) or source == self._root:
            yield Path(source)
            return
        for path in (Path(source), Path(target)) if target else (Path(source),):
            if not self._is_ignored(path, is_folder=event.is_directory):
                yield path.parent

    def _is_ignored(self, path: Path, *, is_folder: bool) -> bool:
        if path.name == IGNORE_FILE_NAME:
            return False
        return self._rules.ignores_folder(path) if is_folder else self._rules.ignores_file(path)
