"""Hints about folders that changed, and how far they can be relied on.

Comes in: roots, the ignore rules and a callable. Goes out: the callable is called, from one thread, with each folder
whose listing may have changed; and on request the health of each root. A hint promises nothing but to be worth a look;
what no hint told, the service's own sweeps find. Network and FUSE filesystems are not watched but reported as polling.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sameshot.errors import RootUnavailable
from sameshot.watch.ignore import IgnoreRules
from sameshot.watch.inotify import GuardedObserver, RootWatch, Watches, silence_watchdog
from sameshot.watch.roots import check_root
from sameshot.wording import counted

_INSTANCES_REMEDY = "raise the limit with: sudo sysctl fs.inotify.max_user_instances=1024"
_FEWEST_WATCHES_ADVISED = 524288
_SILENT = "its filesystem does not answer"


@dataclass(frozen=True, slots=True)
class RootHealth:
    """How a root's changes come to be known: told by the kernel, by sweeps on a timer, or (deaf) not until `repair`."""

    state: Literal["watching", "polling", "deaf"]
    sentence: str
    folders_watched: int = 0


@dataclass(slots=True)
class _Root:
    """What FolderWatch knows of one root. `identity`: (device, inode) of the folder that is watched."""

    path: Path
    watch: RootWatch | None = None
    identity: tuple[int, int] = (0, 0)
    why_polled: str = ""
    why_deaf: str = "it is not watched yet"
    missed: int = 0


class FolderWatch:
    """Watches roots until stopped. `on_dirty` is called from its own thread, all else is for one other thread.

    `on_dirty` gets the folder that changed, often more than once, and must not wait for that other thread. The
    subfolders of a new folder are hinted themselves. `answers` tells whether a root may be asked anything: one whose
    server is gone would hold up whoever asks.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        on_dirty: Callable[[Path], None],
        rules: IgnoreRules,
        answers: Callable[[Path], bool] = lambda _: True,
    ) -> None:
        self._roots = {path: _Root(path) for path in roots}
        self._on_dirty = on_dirty
        self._rules = rules
        self._answers = answers
        self._observer: GuardedObserver | None = None
        self._why_no_observer = ""

    def start(self) -> None:
        """Watch what can be watched; returns when all watches are in place. A sweep after it misses nothing."""
        silence_watchdog()
        self._open_observer(hints_all=False)

    def stop(self) -> None:
        """End all threads and watches. No hint comes after it returns."""
        observer, self._observer = self._observer, None
        if observer is None:
            return
        observer.stop()
        if observer.is_alive():
            observer.join()

    def repair(self) -> None:
        """Bring back what died, watch what can be watched by now; all folders of what was down are hinted.

        Cheap when all is well (one system call a folder). For every full sweep, and when `health` says deaf.
        """
        if self._observer is None or not self._observer.reads():
            self.stop()
            self._open_observer(hints_all=True)
            return
        for root in self._roots.values():
            watches = self._watches_of(root)
            if watches is not None and not self._answers(root.path):
                continue  # it may only be busy: a watch that is kept has nothing to hint anew
            if self._why_deaf(root) or watches is None:
                self._close_root(root)
                self._open_root(root, hints_all=True)
            else:
                watches.renew()

    def report_missed(self, root: Path) -> None:
        """A sweep found a change that no hint told of: the root is deaf until `repair`, the second time for good."""
        self._roots[root].missed += 1
        self._roots[root].why_deaf = "a change was found that the kernel had not told of"

    def health(self) -> dict[Path, RootHealth]:
        """How each root's changes come to be known, right now."""
        return {path: self._health(root) for path, root in self._roots.items()}

    def _health(self, root: _Root) -> RootHealth:
        if root.why_polled:
            return RootHealth("polling", f"{root.path} is swept on a timer: {root.why_polled}")
        watches, why_deaf = self._watches_of(root), self._why_deaf(root)
        if why_deaf or watches is None:
            return RootHealth("deaf", f"{root.path} is not heard: {why_deaf or 'its thread died'}")
        count = watches.count()
        if watches.over_limit:
            why_polled = _over_limit(count, watches.over_limit)
            return RootHealth("polling", f"{root.path} is swept on a timer: {why_polled}", count)
        blind = f"; {watches.unreadable} of its folders may not be read" if watches.unreadable else ""
        return RootHealth("watching", f"{root.path} is watched, {counted(count, 'folder')}{blind}", count)

    def _why_deaf(self, root: _Root) -> str:
        """Why no news of this root can come, or nothing."""
        if root.why_deaf or root.why_polled:
            return root.why_deaf
        if self._observer is None or not self._observer.reads():
            return self._why_no_observer or "the watching thread died"
        watches = self._watches_of(root)
        if watches is None:
            return "its thread died"
        if not self._answers(root.path):
            return _SILENT
        try:
            facts = root.path.stat()
        except OSError as error:
            return f"the folder cannot be reached ({error.strerror})"
        if (facts.st_dev, facts.st_ino) != root.identity or not watches.covers(os.fsencode(root.path)):
            return "another folder took its place (unmounted, mounted or replaced)"
        return watches.failure

    def _watches_of(self, root: _Root) -> Watches | None:
        if self._observer is None or root.watch is None:
            return None
        return self._observer.watches_of(root.watch)

    def _open_observer(self, *, hints_all: bool) -> None:
        try:
            self._observer = GuardedObserver(self._rules)
        except OSError as error:
            self._why_no_observer = f"{error.strerror}; {_INSTANCES_REMEDY}"
            return
        self._why_no_observer = ""
        self._observer.start()
        for root in self._roots.values():
            self._open_root(root, hints_all=hints_all)

    def _open_root(self, root: _Root, *, hints_all: bool) -> None:
        """Watch the root from now on, or know why not."""
        if self._observer is None:
            return
        root.watch, root.why_polled, root.why_deaf = None, "", ""
        if not self._answers(root.path):
            root.why_deaf = _SILENT
            return
        try:
            facts = check_root(root.path)
        except RootUnavailable as error:
            root.why_deaf = str(error)
            return
        root.identity = (facts.device, facts.inode)
        if facts.is_network:
            root.why_polled = f"changes on {facts.filesystem_type} are not announced"
            return
        if root.missed > 1:
            root.why_polled = "its filesystem does not announce all changes"
            return
        try:
            root.watch = self._observer.watch_root(root.path, self._on_dirty, hints_all=hints_all)
        except OSError as error:
            over = error.errno == errno.ENOSPC
            root.why_polled = _over_limit(0, 1) if over else ""
            root.why_deaf = "" if over else f"it cannot be watched ({error.strerror})"

    def _close_root(self, root: _Root) -> None:
        if self._observer is not None and root.watch is not None:
            self._observer.unschedule(root.watch)
        root.watch = None


def _over_limit(watched: int, skipped: int) -> str:
    """What to do about folders beyond the kernel's limit."""
    advised = max(_FEWEST_WATCHES_ADVISED, 1 << (2 * (watched + skipped)).bit_length())
    return (
        f"only {watched} of {watched + skipped} folders can be watched; "
        f"raise the limit with: sudo sysctl fs.inotify.max_user_watches={advised}"
    )
