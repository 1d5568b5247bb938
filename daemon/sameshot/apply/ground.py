"""The folders in which sameshot may act, held open so that nobody can lead it elsewhere.

Comes in: the roots (photo folders and the library) and absolute paths. Goes out: descriptors of folders beneath a root,
opened without following any symbolic link on the way. Refuses paths outside every root, with `..`, or through a link.
A root itself is opened as the owner wrote it: it may be a link.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sameshot.apply import kernel
from sameshot.apply.mounts import left_by_their_disks, within
from sameshot.apply.records import name_key
from sameshot.errors import StepRefused

_OTHERS_USE_IT = {errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR}  # files in it, a mount on it, a file now


class Ground:
    """Opens, makes and lists folders beneath the roots; keeps descriptors until `close_folders`.

    `makes_roots`: whether a root that is not there may be made; else it is taken for one that is not mounted.
    `mounts`: mount points of disks that were there once; nothing is opened beneath one that its disk left empty.
    """

    def __init__(self, roots: Sequence[Path], *, makes_roots: bool, mounts: Collection[Path] = ()) -> None:
        self._makes_roots = makes_roots
        self._mounts = mounts
        self._unmounted = left_by_their_disks(mounts)
        self.roots = tuple(sorted(roots, key=lambda root: len(root.parts), reverse=True))
        self._folders: dict[Path, int] = {}
        self._names: dict[Path, dict[str, str]] = {}
        self._touched: dict[int, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_folders()

    def folder(self, path: Path) -> int:
        """Descriptor of an existing folder.

        Raises StepRefused when it lies outside the roots or behind a symbolic link, FileNotFoundError when it is not
        there, OSError as open(2) does.
        """
        if path in self._folders:
            return self._folders[path]
        root = self._root_of(path)
        if (mount := within(path, self._unmounted)) is not None:
            raise StepRefused(f"nothing is mounted at {mount}, where a disk was when files were filed there")
        base = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            descriptor = kernel.open_beneath(base, path.relative_to(root)) if path != root else os.dup(base)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EXDEV):
                raise StepRefused(f"{path} is reached through a symbolic link or is no folder") from error
            raise
        finally:
            os.close(base)
        self._folders[path] = descriptor
        return descriptor

    def missing(self, path: Path) -> list[Path]:
        """The folders that would have to be made for `path` to exist, outermost first. Raises as `folder` does."""
        root = self._root_of(path)
        if not self._makes_roots and not root.is_dir():
            raise StepRefused(f"{root} is not there; is it mounted?")
        missing: list[Path] = []
        while True:
            try:
                if path.is_relative_to(root):
                    self.folder(path)
                else:
                    path.stat()
            except FileNotFoundError:
                missing.insert(0, path)
                path = path.parent
            else:
                return missing

    def has_lost(self, path: Path, device: int) -> bool:
        """Whether a file that was at `path` on `device` is gone, and not the disk that held it. It is not there now."""
        there = path.parent
        while not there.is_dir():
            there = there.parent
        # A disk may have another number after a restart, but an unmounted one leaves an empty folder.
        return there.stat().st_dev == device or (self._is_beneath_a_root(there) and any(there.iterdir()))

    def make(self, folders: Iterable[Path]) -> None:
        """Make the folders, outermost first, durable with the next `sync`; one that is there by now is taken as it is.

        Raises as mkdir(2) does.
        """
        for path in folders:
            if self._is_beneath_a_root(path.parent):
                parent = self.folder(path.parent)
                with contextlib.suppress(FileExistsError):
                    os.mkdir(path.name, dir_fd=parent)
                self._touched[parent] = path.parent
            else:
                path.mkdir(exist_ok=True)
                self.sync_folder(path.parent)

    def remove_if_empty(self, path: Path) -> bool:
        """Remove a folder that holds nothing; True when it is gone, False when others use the place.

        Raises OSError when the disk does not let go of it.
        """
        try:
            parent = self.folder(path.parent) if path not in self.roots else None
            if parent is None:
                path.rmdir()
            else:
                os.rmdir(path.name, dir_fd=parent)
                with contextlib.suppress(OSError):  # an empty folder that comes back after a power cut is no loss
                    kernel.sync_folder(parent)
        except FileNotFoundError:
            return True
        except StepRefused:  # behind a link by now: no folder of sameshot's
            return False
        except OSError as error:
            if error.errno in _OTHERS_USE_IT:
                return False
            raise
        self._forget(path)
        return True

    def alike(self, path: Path) -> str | None:
        """The name that is in the folder of `path` already and that some filesystems take for the same, if any."""
        names = self._names.get(path.parent)
        if names is None:
            names = {name_key(name): name for name in os.listdir(self.folder(path.parent))}
            self._names[path.parent] = names
        return names.get(name_key(path.name))

    def changed(self, path: Path, *, there: bool) -> None:
        """Note that a name appeared or vanished: its folder must be made durable, and the list of names follows."""
        self._touched[self.folder(path.parent)] = path.parent
        if (names := self._names.get(path.parent)) is not None:
            if there:
                names[name_key(path.name)] = path.name
            else:
                names.pop(name_key(path.name), None)

    def sync(self) -> None:
        """Make every name changed since the last call durable. Raises OSError, after trying every folder."""
        touched, self._touched = self._touched, {}
        for error in kernel.failures(kernel.sync_folder, list(touched)):
            if error is not None:
                raise error

    def sync_folder(self, path: Path) -> None:
        """Make the names in one folder durable, if it is there. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            if self._is_beneath_a_root(path):
                kernel.sync_folder(self.folder(path))
                return
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                kernel.sync_folder(descriptor)
            finally:
                os.close(descriptor)

    def close_folders(self) -> None:
        """Let go of all folders: the next call sees the tree as it is then."""
        self._unmounted = left_by_their_disks(self._mounts)
        for descriptor in self._folders.values():
            os.close(descriptor)
        self._folders.clear()
        self._touched.clear()

    def _is_beneath_a_root(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self.roots)

    def _forget(self, path: Path) -> None:
        self._names.pop(path, None)
        if (descriptor := self._folders.pop(path, None)) is not None:
            self._touched.pop(descriptor, None)
            os.close(descriptor)

    def _root_of(self, path: Path) -> Path:
        if path.is_absolute() and ".." not in path.parts:
            for root in self.roots:
                if path.is_relative_to(root):
                    return root
        raise StepRefused(f"{path} lies outside the photo folders and the library")
