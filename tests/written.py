"""A state as a scan would have left it, written without a photo: hundreds of contents cost nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import numpy as np

from sameshot.app import App
from sameshot.model import Capture, FileStat, FoundFile, Identity, Link, Look, Quality, Shot


class Library:
    """What tests write of photos, links and words; groups are made of that as always."""

    def __init__(self, app: App) -> None:
        self.app, self.store = app, app.store
        self.encoder_id = app.encoder.encoder_id
        self.digests: dict[int, bytes] = {}
        self._rng = np.random.default_rng(0)

    def photo(
        self, *, sharpness: float = 0.5, brightness: float = 0.5, side_px: int = 1000, twin_of: int = 0, **capture
    ) -> int:
        number = len(self.digests) + 1
        digest = hashlib.sha256(b"%d" % number).digest()
        pixels = self.digests[twin_of] if twin_of else digest
        content = self.store.contents.add(Identity(digest, pixels, "JPEG"))
        vector = self._rng.normal(size=self.app.encoder.dimension).astype(np.float32)
        look = Look(
            side_px, side_px, "JPEG", Capture(**capture), Quality(sharpness, brightness, 0.0), self.encoder_id,
            vector / np.linalg.norm(vector), {},
        )  # fmt: skip
        self.store.contents.save_look(content, look)
        path = Path(f"/photos/{number}.jpg")
        photo = self.store.photos.register(Path("/photos"), Shot(FoundFile(path, FileStat(1, number, 1, 1, 1)), ()))
        self.store.photos.advance(photo, "grouped", content)
        self.digests[content] = digest
        return content

    def bracket(self) -> list[int]:
        """Three frames of one scene, exposed like a ladder."""
        frames = []
        for number, seconds in enumerate((1 / 500, 1 / 125, 1 / 30)):
            exposed = {"exposure_time_s": seconds, "f_number": 8.0, "iso": 100.0, "brightness": 0.2 + 0.3 * number}
            taken_at = datetime(2026, 5, 1, 10, 0, number)  # noqa: DTZ001 - cameras write no zone
            frames.append(self.photo(camera="One", taken_at=taken_at, **exposed))
        for other in frames[1:]:
            self.link(frames[0], other, 0.95)
        return frames

    def link(self, first: int, second: int, score: float) -> None:
        self.store.links.save([Link(min(first, second), max(first, second), score, {}, 0.9)])

    def say(self, kind, *contents: int) -> None:
        self.store.verdicts.add(kind, [self.digests[content] for content in contents], 1.0)

    def delete(self, content: int) -> None:
        self.store.photos.set_missing([Path(f"/photos/{content}.jpg")], 5.0)

    def regroup(self) -> None:
        self.app.flow.touch(self.digests)
        self.app.flow.regroup()

    def representatives(self) -> set[int]:
        return {group.representative for group in self.store.groups.all()}
