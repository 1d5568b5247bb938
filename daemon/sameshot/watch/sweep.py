"""What is on disk now: the truth that events only hint at.

Comes in: a folder and the ignore rules. Goes out: its photos and companions with their stats, and its subfolders.
Nothing is opened but folders. Symbolic links are never followed and special files never touched; a folder that
cannot be read is told, not raised, while walking, so that one bad folder costs one folder.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sameshot.errors import FolderGone, FolderUnreadable, RootUnavailable
from sameshot.model import FileStat, FoundFile
from sameshot.watch.ignore import FolderRules, IgnoreRules
from sameshot.watch.roots import shares_below

_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


@dataclass(frozen=True, slots=True)
class FolderListing:
    """One folder's wanted files and subfolders, by name. `problems`: a sentence for each entry that was not read."""

    files: tuple[FoundFile, ...]
    subfolders: tuple[Path, ...]
    problems: tuple[str, ...] = ()


def list_folder(folder: Path, rules: IgnoreRules) -> FolderListing:
    """The photos, companions and subfolders directly in `folder` (absolute; a symbolic link only where it is a root).

    Raises FolderGone when no folder is there any more, FolderUnreadable when it is there but cannot be listed.
    """
    listing, _ = _list(folder, rules.inside(folder), may_be_link=rules.is_root(folder))
    return listing


def walk(
    root: Path, rules: IgnoreRules, keeps_out: Callable[[Path, str], str] = lambda *_: ""
) -> Iterator[tuple[Path, FolderListing | str]]:
    """Every folder from `root` down with its listing, or with the sentence that says why it cannot be listed.

    A folder that is reached twice (bind mounts) is listed once. `keeps_out` says of a share that is mounted below, by
    its path and the type of its filesystem, why it is not entered, or nothing. Raises RootUnavailable when `root`
    itself cannot be listed: then nothing is known about what it holds.
    """
    shares = shares_below(root)
    visited: dict[tuple[int, int], Path] = {}
    waiting: list[tuple[Path, FolderRules]] = [(root, rules.inside(root))]
    while waiting:
        folder, folder_rules = waiting.pop()
        try:
            listing, identity = _list(folder, folder_rules, may_be_link=folder == root)
        except FolderGone as problem:
            if folder == root:
                raise RootUnavailable(problem.args[0], problem.hint) from problem
            continue
        except FolderUnreadable as problem:
            if folder == root:
                raise RootUnavailable(problem.args[0], problem.hint) from problem
            yield folder, str(problem)
            continue
        first = visited.setdefault(identity, folder)
        if first != folder:
            yield folder, f"{folder} is the same folder as {first}; its photos are taken from there"
            continue
        yield folder, listing
        for below in reversed(listing.subfolders):
            if below in shares and (why := keeps_out(below, shares[below])):
                yield below, why
            else:
                waiting.append((below, folder_rules.below(below.name, below)))


def _list(folder: Path, rules: FolderRules, *, may_be_link: bool) -> tuple[FolderListing, tuple[int, int]]:
    """The listing and the folder's (device, inode)."""
    files: list[FoundFile] = []
    subfolders: list[Path] = []
    problems: list[str] = []
    try:
        # One descriptor for all: a folder swapped for a link between two calls cannot lead the sweep astray.
        descriptor = os.open(
            folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if may_be_link else os.O_NOFOLLOW)
        )
    except OSError as error:
        raise _translated(folder, error) from error
    try:
        facts = os.fstat(descriptor)
        with os.scandir(descriptor) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if not rules.ignores_folder(entry.name):
                            subfolders.append(folder / entry.name)
                    elif not rules.ignores_file(entry.name) and entry.is_file(follow_symlinks=False):
                        files.append(FoundFile(folder / entry.name, _stat(entry)))
                except FileNotFoundError:
                    continue
                except OSError as error:
                    problems.append(f"{folder / entry.name} cannot be read: {_reason(error)}")
    except OSError as error:
        raise _translated(folder, error) from error
    finally:
        os.close(descriptor)
    files.sort(key=lambda found: found.path.name)
    subfolders.sort()
    return FolderListing(tuple(files), tuple(subfolders), tuple(problems)), (facts.st_dev, facts.st_ino)


def _stat(entry: os.DirEntry[str]) -> FileStat:
    facts = entry.stat(follow_symlinks=False)
    return FileStat(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


def _translated(folder: Path, error: OSError) -> FolderUnreadable:
    if error.errno in _GONE:
        return FolderGone(f"The folder {folder} is not there any more")
    return FolderUnreadable(f"The folder {folder} cannot be read: {_reason(error)}")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
