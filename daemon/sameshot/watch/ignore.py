"""Which files are photos or their companions, and which folders are nobody's business.

Comes in: the roots, the owner's patterns (gitignore syntax, relative to the root) and `.sameshotignore` files met in
folders (relative to theirs). Goes out: yes or no for one path. As in gitignore the last matching pattern wins, a deeper
file beats a shallower one, and nothing inside an ignored folder comes back. The built-in rules stand before all of
them, so `!@eaDir/` brings Synology's folder back. Refuses patterns that gitignore could not read.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from pathlib import Path

from pathspec import GitIgnoreSpec

from sameshot.errors import BadInput

IGNORE_FILE_NAME = ".sameshotignore"
IGNORE_FILE_LONGEST_BYTES = 65536

RAW_EXTENSIONS = frozenset({
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "gpr", "iiq", "kdc", "mef", "mos", "mrw", "nef",
    "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
})  # fmt: skip
CAMERA_PICTURE_EXTENSIONS = frozenset({"jpg", "jpeg", "jpe", "jfif", "heic", "heif", "hif"})
"""What cameras and phones write beside a RAW file, and beside a Live Photo's film."""
PHOTO_EXTENSIONS = (
    RAW_EXTENSIONS | CAMERA_PICTURE_EXTENSIONS | frozenset({"avif", "bmp", "gif", "png", "tif", "tiff", "webp"})
)
SIDECAR_EXTENSIONS = frozenset({"xmp", "pp3", "dop"})
"""Edits that programs keep beside any picture, as `a.xmp` or `a.jpg.xmp`."""
CAMERA_COMPANION_EXTENSIONS = frozenset({"aae", "mov", "mp4", "thm", "wav"})
"""What only cameras and phones write: edits, Live Photo films, film stills, voice notes."""
COMPANION_EXTENSIONS = SIDECAR_EXTENSIONS | CAMERA_COMPANION_EXTENSIONS

# rsync's .NAME.XXXXXX, .goutputstream-*, .nfs*, .fuse_hidden*, .syncthing.*.tmp, ._* (macOS), .~lock* are all hidden.
_TEMPORARY_FILES = (
    ".*", "~*", "*~", "*.tmp", "*.temp", "*.part", "*.partial", "*.filepart", "*.crdownload", "*.download",
    "*.opdownload", "*.!ut", "*.!qb", "*.aria2", "*.swp", "thumbs.db", "desktop.ini",
)  # fmt: skip
_FOREIGN_FOLDERS = (
    ".*",  # .snapshots .zfs .stversions .stfolder .Trash-* .thumbnails .dtrash .git .darktable .Spotlight-V100 ...
    "@*",  # Synology: @eaDir @tmp @sharebin; QNAP: @Recycle @Recently-Snapshot
    "#recycle", "#snapshot",  # Synology
    "$recycle.bin", "system volume information", "recycler",  # Windows disks
    "lost+found",
    "*.lrdata", "*.lrlibrary", "*.photoslibrary", "*.photolibrary", "*.aplibrary", "*.migratedphotolibrary",
    "*.cocatalogdb", "captureone",  # Capture One's previews beside the photos
    "*.fcpbundle", "*.imovielibrary", "*.dtplib",
    "*.download",  # Safari's, with the file in the making inside
    "__macosx",
)  # fmt: skip


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(name) for name in names), re.IGNORECASE)


_TEMPORARY_FILE = _any_of(_TEMPORARY_FILES)
_FOREIGN_FOLDER = _any_of(_FOREIGN_FOLDERS)


def is_temporary(name: str) -> bool:
    """Whether a file of this name is still being made, or never was meant to be seen."""
    return _TEMPORARY_FILE.match(name) is not None


def extension(name: str) -> str:
    """The part after the last dot, lower case, without the dot; empty where there is none."""
    stem, _, last = name.rpartition(".")
    return last.lower() if stem else ""


@dataclass(frozen=True, slots=True)
class FolderRules:
    """The rules inside one folder. `layers`: (how many characters of `inside` the patterns skip, patterns)."""

    wanted: frozenset[str]
    layers: tuple[tuple[int, GitIgnoreSpec], ...]
    inside: str
    """The folder relative to its root, empty or with a slash at the end."""

    def ignores_file(self, name: str) -> bool:
        """Whether the file `name` in this folder is neither photo nor companion, or is hidden from sameshot."""
        if extension(name) not in self.wanted:
            return True
        said = self._said(name)
        return is_temporary(name) if said is None else said

    def ignores_folder(self, name: str) -> bool:
        """Whether the subfolder `name` and all below it is left alone."""
        said = self._said(name + "/")
        return _FOREIGN_FOLDER.match(name) is not None if said is None else said

    def _said(self, name: str) -> bool | None:
        for skipped, patterns in reversed(self.layers):
            said = patterns.check_file(self.inside[skipped:] + name).include
            if said is not None:
                return said
        return None

    def below(self, name: str, folder: Path | str | bytes) -> FolderRules:
        """The rules inside the subfolder `name`, whose own ignore file, if any, is read from the path `folder`."""
        return replace(self, inside=f"{self.inside}{name}/").with_file_of(folder)

    def with_file_of(self, folder: Path | str | bytes) -> FolderRules:
        """These rules and those of the ignore file in `folder`, where there is one."""
        patterns = _patterns_of_file(f"{os.fsdecode(folder)}/{IGNORE_FILE_NAME}")
        return self if patterns is None else replace(self, layers=(*self.layers, (len(self.inside), patterns)))


class IgnoreRules:
    """The rules of a whole configuration; ask it about one path, or `inside` a folder about many."""

    def __init__(
        self,
        roots: Sequence[Path] = (),
        patterns: Sequence[str] = (),
        photo_extensions: Iterable[str] = PHOTO_EXTENSIONS,
    ) -> None:
        """`patterns` are relative to the root that holds the path. Raises BadInput when one cannot be read."""
        self._roots = tuple(sorted((os.fspath(root) for root in roots), key=len, reverse=True))
        self._wanted = frozenset(photo_extensions) | COMPANION_EXTENSIONS
        for pattern in patterns:
            try:
                GitIgnoreSpec.from_lines([pattern])
            except ValueError as error:
                raise BadInput(
                    f"The ignore pattern {pattern!r} cannot be read", "Write it as in a .gitignore"
                ) from error
        self._layers = ((0, GitIgnoreSpec.from_lines(patterns)),) if patterns else ()

    def is_root(self, folder: Path) -> bool:
        """Whether the folder is a root: the owner named it, so it may be a symbolic link."""
        return os.fspath(folder) in self._roots

    def inside(self, folder: Path) -> FolderRules:
        """The rules as they stand inside `folder` (absolute), with the ignore files from its root down to it."""
        at, names = self._split(folder)
        rules = self._inside_root(at)
        for name in names:
            at = f"{at}/{name}"
            rules = rules.below(name, at)
        return rules

    def ignores_file(self, path: Path) -> bool:
        """Whether the file is left alone, by its own name or by a folder above it."""
        if extension(path.name) not in self._wanted:
            return True
        return self.ignores_folder(path.parent) or self.inside(path.parent).ignores_file(path.name)

    def ignores_folder(self, path: Path) -> bool:
        """Whether the folder is left alone, by its own name or by a folder above it. A root never is."""
        at, names = self._split(path)
        rules = self._inside_root(at)
        for name in names:
            if rules.ignores_folder(name):
                return True
            at = f"{at}/{name}"
            rules = rules.below(name, at)
        return False

    def _inside_root(self, root: str) -> FolderRules:
        return FolderRules(self._wanted, self._layers, "").with_file_of(root)

    def _split(self, path: Path) -> tuple[str, list[str]]:
        """The root that holds the path (or `/`), and the names from there down."""
        text = os.fspath(path)
        for root in self._roots:
            if text == root or text.startswith(root.rstrip("/") + "/"):
                return root, [name for name in text[len(root) :].split("/") if name]
        return "/", [name for name in text.split("/") if name]


def _patterns_of_file(path: str) -> GitIgnoreSpec | None:
    """What an ignore file says; lines that cannot be read say nothing. None where there is no such regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        lines = os.fsdecode(os.read(descriptor, IGNORE_FILE_LONGEST_BYTES)).splitlines()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return GitIgnoreSpec.from_lines(line for line in lines if _is_readable(line))


def _is_readable(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
