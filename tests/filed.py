"""What the tests of apply/ share: small trees of files, what a tree holds, and plans over it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sameshot.apply.filing import file_plan
from sameshot.apply.journal import Journal
from sameshot.apply.undo import Selection, undo
from sameshot.model import Action, BatchReport, FileStat, Plan, Step

NOW = datetime(2026, 11, 21, 15, 30, 12, tzinfo=UTC)
PHOTO_TIME_NS = 1_500_000_000_123_456_789


@dataclass(frozen=True)
class Facts:
    """All that must be as before: kind and mode, content, mtime and the owner's own attributes."""

    mode: int
    content: str
    mtime_ns: int
    attributes: tuple[tuple[str, bytes], ...]


def write_photo(path: Path, content: bytes, *, mode: int = 0o640, rating: bytes | None = None) -> Path:
    """A file with an old mtime, an uncommon mode and, where the filesystem keeps them, an attribute."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    if rating is not None:
        os.setxattr(path, "user.rating", rating)
    os.utime(path, ns=(PHOTO_TIME_NS, PHOTO_TIME_NS + len(content)))
    return path


def tree(*roots: Path) -> dict[str, Facts | None]:
    """Every file below the roots with its facts; folders are None, for their times are not sameshot's to keep."""
    found: dict[str, Facts | None] = {}
    for root in roots:
        for folder, _, names in os.walk(os.fsencode(root)):
            found[os.fsdecode(folder)] = None
            for name in names:
                path = Path(os.fsdecode(folder)) / os.fsdecode(name)
                found[str(path)] = _facts(path)
    return found


def _facts(path: Path) -> Facts:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return Facts(status.st_mode, f"-> {path.readlink()}", 0, ())
    attributes = tuple((name, os.getxattr(path, name)) for name in sorted(os.listxattr(path)))
    return Facts(status.st_mode, hashlib.sha256(path.read_bytes()).hexdigest(), status.st_mtime_ns, attributes)


def contents(found: dict[str, Facts | None]) -> Counter[str]:
    """The multiset of contents: what must never shrink."""
    return Counter(facts.content for facts in found.values() if facts and stat.S_ISREG(facts.mode))


def own_names(found: Iterable[str]) -> list[str]:
    """Temporary names of sameshot that were left over."""
    return [path for path in found if Path(path).name.startswith(".sameshot")]


def stat_of(path: Path) -> FileStat:
    status = path.lstat()
    return FileStat(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def step(unit: int, action: Action, source: Path, target: Path, *, digest: bool = False) -> Step:
    known = hashlib.sha256(source.read_bytes()).digest() if digest else None
    return Step(unit, action, source, target, stat_of(source), known, "same shot")


def plan(*steps: Step) -> Plan:
    return Plan("folders", steps)


def reasons(report: BatchReport) -> list[str]:
    return [outcome.reason for outcome in report.outcomes if not outcome.done]


class Desk:
    """Two roots and a journal in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.photos, self.library = folder / "photos", folder / "library"
        self.journal = Journal(folder / "journal")
        self.photos.mkdir(parents=True)

    def photo(self, name: str, content: bytes = b"a photo", **facts) -> Path:
        return write_photo(self.photos / name, content, **facts)

    def file(self, *steps: Step) -> BatchReport:
        return file_plan(plan(*steps), self.journal, roots=[self.photos, self.library], now=NOW)

    def tree(self) -> dict:
        return tree(self.photos, self.library)

    def undo(self, *files: Path, **selection) -> BatchReport:
        chosen = Selection(files=files, **selection) if files or selection else Selection(all=True)
        return undo(self.journal, chosen, now=NOW)
