"""What the owner said of photos, taken back: what was measured counts again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.store.verdicts import Verdict
from sameshot.verbs.verdicts import digest_of, group_anew
from sameshot.way.certificates import MISSING


@dataclass(frozen=True, slots=True)
class UnsaidResult:
    """`words`: what was taken back, oldest first, each with the names of its photos."""

    photos: tuple[Path, ...]
    words: tuple[str, ...]


def unsay(app: App, *, files: tuple[Path, ...]) -> UnsaidResult:
    """Takes back all that was said of one photo, or of several among themselves, and makes their groups anew.

    Raises BadInput when a file is no known photo.
    """
    withdrawn = app.store.verdicts.withdraw(digest_of(app, path) for path in files)
    group_anew(app, {digest for word in withdrawn for digest in word.digests})
    return UnsaidResult(files, tuple(_told(app, word) for word in withdrawn))


def _told(app: App, word: Verdict) -> str:
    names = []
    for digest in word.digests:
        content = app.store.contents.by_digest(digest)
        views = app.store.photos.views([content.id]) if content is not None else {}
        names.append(next((view.path.name for photos in views.values() for view in photos), MISSING))
    return f"`{word.kind}` of {' and '.join(sorted(names))}"
