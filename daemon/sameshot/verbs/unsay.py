"""What the owner said of photos, taken back: what was measured counts again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.errors import BadInput
from sameshot.store.verdicts import Verdict
from sameshot.verbs.verdicts import digest_of, touch
from sameshot.way.certificates import MISSING


@dataclass(frozen=True, slots=True)
class UnsaidResult:
    """`words`: what was taken back, oldest first, each with the names of its photos."""

    photos: tuple[Path, ...]
    words: tuple[str, ...]


def unsay(app: App, *, files: tuple[Path, ...]) -> UnsaidResult:
    """Takes back all that was said of one photo, or the words on pairs of several, and makes their groups anew.

    Raises BadInput when a file is no known photo, or two are exact copies of each other.
    """
    photos = tuple(dict.fromkeys(files))
    names = {digest_of(app, path): path.name for path in photos}
    if len(names) < len(photos):
        raise BadInput(
            "Some of these files are exact copies of each other", "Name one of them, alone, for all that was said of it"
        )
    with app.store.transaction(durable=True):
        withdrawn = app.store.verdicts.withdraw(names, wholly=len(photos) == 1)
        touch(app, {digest for word in withdrawn for digest in word.digests})
    app.flow.regroup()
    return UnsaidResult(photos, tuple(_told(app, word, names) for word in withdrawn))


def _told(app: App, word: Verdict, names: Mapping[bytes, str]) -> str:
    told = sorted(names.get(digest) or _name(app, digest) for digest in word.digests)
    return f"`{word.kind}` of {' and '.join(told)}"


def _name(app: App, digest: bytes) -> str:
    content = app.store.contents.by_digest(digest)
    views = app.store.photos.views([content.id]) if content is not None else {}
    return next((view.path.name for photos in views.values() for view in photos), MISSING)
