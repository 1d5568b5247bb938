"""What the owner says of photos: it holds against every measurement, and the newest word wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.errors import BadInput
from sameshot.model import VerdictKind


@dataclass(frozen=True, slots=True)
class VerdictResult:
    """`displaced`: earlier words about the same photos that this one replaces, as sentences."""

    photos: tuple[Path, ...]
    displaced: tuple[str, ...]


def say(app: App, kind: VerdictKind, files: tuple[Path, ...]) -> VerdictResult:
    """Records a verdict on photos that are known and makes their groups anew.

    Raises BadInput when a file is no known photo or a pair cannot be told apart: exact copies are one content.
    """
    digests = {path: digest_of(app, path) for path in files}
    if kind != "keep" and len(set(digests.values())) < 2:
        raise BadInput(
            f"`{kind}` needs at least two different photos", "Exact copies of one file always belong together"
        )
    if kind == "apart" and len(set(digests.values())) < len(digests):
        raise BadInput("Two of these files are exact copies of each other", "Exact copies always belong together")
    with app.store.transaction(durable=True):
        displaced = app.store.verdicts.add(kind, digests.values(), app.now())
        touch(app, digests.values())
    app.flow.regroup()
    return VerdictResult(files, tuple(f"an earlier `{word.kind}` on two of these photos" for word in displaced))


def touch(app: App, digests: Iterable[bytes]) -> None:
    """Has the groups of these photos made anew, after a kill too."""
    contents = [app.store.contents.by_digest(digest) for digest in digests]
    app.flow.touch(content.id for content in contents if content is not None)


def digest_of(app: App, path: Path) -> bytes:
    """Returns what words about the photo are kept by. Raises BadInput where it is not known."""
    photo = app.store.photos.at(path)
    if photo is not None and photo.stage == "failed":
        raise BadInput(
            f"{path} could not be looked at: {photo.reason}", "Only of photos that it sees anything can be said"
        )
    if photo is None or photo.content_id is None:
        raise BadInput(f"{path} is no photo that sameshot knows", "Scan its folder first: `sameshot scan DIR`")
    return app.store.contents.get([photo.content_id])[photo.content_id].digest
