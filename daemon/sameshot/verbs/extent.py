"""How much is in a folder, from its listings alone: no photo is opened, so a cloud drive downloads nothing.

Comes in: a folder and the config. Goes out: counts. Stops counting where there is very much or it takes too long.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from sameshot.config import Config
from sameshot.watch.ignore import IgnoreRules
from sameshot.watch.sweep import walk
from sameshot.wording import counted

_COUNTED_AT_MOST = 200_000


@dataclass(frozen=True, slots=True)
class Extent:
    """What a folder holds at least, and in all where it is `whole`."""

    folders: int
    photos: int
    size_bytes: int
    whole: bool
    unreadable: int = 0
    """Folders that could not be listed."""

    def sentence(self) -> str:
        """Returns the counts in words."""
        more, size = "" if self.whole else "more than ", self.size_bytes
        in_units = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
        return f"{more}{counted(self.photos, 'photo')}, {in_units}, in {counted(self.folders, 'folder')}"


def extent_of(folder: Path, config: Config, until_s: float = float("inf")) -> Extent:
    """Returns what is in `folder`, as far as it is known when the monotonic clock shows `until_s`."""
    folders = photos = size_bytes = unreadable = 0
    wanted = {extension.lower() for extension in config.extensions}
    for _, listing in walk(folder, IgnoreRules([folder], config.ignore, config.extensions)):
        folders += 1
        if isinstance(listing, str):
            unreadable += 1
            continue
        found = [file for file in listing.files if file.path.suffix.lower().removeprefix(".") in wanted]
        photos += len(found)
        size_bytes += sum(file.stat.size_bytes for file in found)
        if photos >= _COUNTED_AT_MOST or time.monotonic() >= until_s:
            return Extent(folders, photos, size_bytes, whole=False, unreadable=unreadable)
    return Extent(folders, photos, size_bytes, whole=True, unreadable=unreadable)
