"""What is known of each content: its digests and, once it was looked at, all that the look yielded.

Vectors are kept as float32: what is read back is bit for bit what was computed, so a score does not depend on whether
a photo was looked at a second or a year ago, and groups do not depend on the order of arrival. (Half the bits would
save 0.5 kB of the some 20 kB that the descriptors of one photo take.)
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sameshot.model import Capture, Features, Identity, Look, Quality
from sameshot.store.connection import Connection, Row, as_json_list

_PAGE = 1000
_STORED = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class ContentRow:
    """One content. `looked`: whether size, capture, quality and descriptors are known."""

    id: int
    digest: bytes
    pixel_digest: bytes
    format: str
    looked: bool


class Contents:
    """Contents by id and digest, with vectors by encoder. `reach`: the column with the reaches."""

    def __init__(self, connection: Connection, reach: str = "reach") -> None:
        self._connection, self._reach = connection, reach

    def add(self, identity: Identity) -> int:
        """The id of the content with this digest; a new one where there is none."""
        known = self.by_digest(identity.digest)
        if known is not None:
            return known.id
        sql = "INSERT INTO contents (digest, pixel_digest, format) VALUES (?, ?, ?) RETURNING id"
        return int(self._connection.write(sql, [identity.digest, identity.pixel_digest, identity.format])[0][0])

    def by_digest(self, digest: bytes) -> ContentRow | None:
        """The content of this digest."""
        row = self._connection.row(f"{_SELECT} WHERE digest = ?", [digest])
        return None if row is None else _content(row)

    def by_pixel_digest(self, pixel_digest: bytes, encoder_id: str) -> int | None:
        """The oldest content with these pixels that this encoder has seen: its look holds for all that share them."""
        sql = """SELECT contents.id FROM contents JOIN vectors ON content = contents.id
                 WHERE pixel_digest = ? AND encoder = (SELECT id FROM encoders WHERE name = ?)
                 ORDER BY contents.id LIMIT 1"""
        row = self._connection.row(sql, [pixel_digest, encoder_id])
        return None if row is None else int(row[0])

    def ids(self) -> list[int]:
        """All contents, in order of id."""
        return [row[0] for row in self._connection.rows("SELECT id FROM contents ORDER BY id")]

    def count(self, encoder_id: str | None = None) -> int:
        """How many contents there are, or how many this encoder has seen.

        Contents are never removed, nor vectors of an encoder that serves, so the latter number names the state of its
        index.
        """
        if encoder_id is None:
            return int(self._connection.rows("SELECT count(*) FROM contents")[0][0])
        sql = "SELECT count(*) FROM vectors WHERE encoder = (SELECT id FROM encoders WHERE name = ?)"
        return int(self._connection.rows(sql, [encoder_id])[0][0])

    def get(self, content_ids: Iterable[int]) -> dict[int, ContentRow]:
        """The contents of these ids that exist."""
        sql = f"{_SELECT} WHERE id IN (SELECT value FROM json_each(?))"
        return {row[0]: _content(row) for row in self._connection.rows(sql, [as_json_list(content_ids)])}

    def save_look(self, content_id: int, look: Look) -> None:
        """Remember a look. It replaces an earlier one, but for the vectors of other encoders."""
        with self._connection.transaction():
            self._connection.write(
                """UPDATE contents SET format = ?, width_px = ?, height_px = ?, capture = ?,
                   sharpness = ?, brightness = ?, clipped = ? WHERE id = ?""",
                [
                    look.format,
                    look.width_px,
                    look.height_px,
                    capture_as_json(look.capture),
                    look.quality.sharpness,
                    look.quality.brightness,
                    look.quality.clipped,
                    content_id,
                ],
            )
            self._connection.write("DELETE FROM descriptors WHERE content = ?", [content_id])
            self._connection.write_many(
                "INSERT INTO descriptors (content, measure, packed) VALUES (?, ?, ?)",
                [(content_id, measure, packed) for measure, packed in look.descriptors.items()],
            )
            self.save_vector(content_id, look.encoder_id, look.vector)

    def save_vector(self, content_id: int, encoder_id: str, vector: NDArray[np.float32]) -> None:
        """Remember what one encoder makes of a content, float32 (dimension,); those of others stay."""
        with self._connection.transaction():
            self._connection.write("INSERT OR IGNORE INTO encoders (name) VALUES (?)", [encoder_id])
            self._connection.write(
                """INSERT INTO vectors (encoder, content, vector) SELECT id, ?, ? FROM encoders WHERE name = ?
                   ON CONFLICT (content, encoder) DO UPDATE SET vector = excluded.vector""",
                [content_id, vector.astype(_STORED).tobytes(), encoder_id],
            )

    def forget_vectors(self, kept: Collection[str], count: int) -> bool:
        """Remove up to `count` vectors of encoders that are not in `kept`; whether any were left to remove."""
        sql = """DELETE FROM vectors WHERE rowid IN (SELECT rowid FROM vectors WHERE encoder IN
                     (SELECT id FROM encoders WHERE name NOT IN (SELECT value FROM json_each(?))) LIMIT ?)
                 RETURNING 1"""
        return bool(self._connection.write(sql, [json.dumps(sorted(kept)), count]))

    def copy_look(self, source_id: int, content_id: int, capture: Capture | None = None) -> None:
        """Give a content all that was seen of another one with the same pixels; `capture`: its own, where known."""
        with self._connection.transaction():
            self._connection.write(
                """UPDATE contents SET (width_px, height_px, capture, sharpness, brightness, clipped) =
                   (SELECT width_px, height_px, coalesce(?, capture), sharpness, brightness, clipped
                    FROM contents WHERE id = ?) WHERE id = ?""",
                [None if capture is None else capture_as_json(capture), source_id, content_id],
            )
            for table, kept in (("descriptors", "measure, packed"), ("vectors", "encoder, vector")):
                self._connection.write(
                    f"INSERT OR REPLACE INTO {table} (content, {kept}) SELECT ?, {kept} FROM {table} WHERE content = ?",
                    [content_id, source_id],
                )

    def has_vector(self, content_id: int, encoder_id: str) -> bool:
        """Whether this encoder has seen the content."""
        sql = """SELECT 1 FROM encoders JOIN vectors ON encoder = encoders.id
                 WHERE encoders.name = ? AND content = ?"""
        return self._connection.row(sql, [encoder_id, content_id]) is not None

    def has_look(self, content_id: int, encoder_id: str, measures: Collection[str]) -> bool:
        """Whether this encoder has seen the content, and the descriptors of all these measures are stored."""
        return self.has_vector(content_id, encoder_id) and not self.lacking(measures, [content_id])

    def lacking(self, measures: Collection[str], content_ids: Iterable[int] | None = None) -> list[int]:
        """Contents (all, or of these) that were looked at when not all of these measures kept something of them."""
        sql = """SELECT id FROM contents WHERE width_px IS NOT NULL AND ?1 > (SELECT count(*) FROM descriptors
                 WHERE content = contents.id AND measure IN (SELECT value FROM json_each(?2)))"""
        wanted: list[object] = [len(measures), json.dumps(sorted(measures))]
        if content_ids is not None:
            sql = f"{sql} AND id IN (SELECT value FROM json_each(?3))"
            wanted.append(as_json_list(content_ids))
        return [row[0] for row in self._connection.rows(sql, wanted)]

    def save_descriptor(self, content_id: int, measure: str, packed: bytes) -> None:
        """Remember what one measure keeps of a content, besides what its look yielded."""
        sql = "INSERT OR REPLACE INTO descriptors (content, measure, packed) VALUES (?, ?, ?)"
        self._connection.write(sql, [content_id, measure, packed])

    def descriptor(self, content_id: int, measure: str) -> bytes | None:
        """What one measure keeps of a content; None where nothing is stored."""
        row = self._connection.row(
            "SELECT packed FROM descriptors WHERE content = ? AND measure = ?", [content_id, measure]
        )
        return None if row is None else bytes(row[0])

    def having_descriptor(self, content_ids: Iterable[int], measure: str) -> set[int]:
        """Those of the contents of which this measure's descriptor is stored."""
        sql = "SELECT content FROM descriptors WHERE measure = ? AND content IN (SELECT value FROM json_each(?))"
        return {row[0] for row in self._connection.rows(sql, [measure, as_json_list(content_ids)])}

    def features(
        self, content_ids: Iterable[int], encoder_id: str, measures: Collection[str] | None = None
    ) -> dict[int, Features]:
        """What comparing needs, for those contents that this encoder has seen; of `measures` alone where given."""
        wanted = as_json_list(content_ids)
        sql = """SELECT contents.id, vector, capture, width_px, height_px
                 FROM encoders JOIN vectors ON encoder = encoders.id JOIN contents ON contents.id = content
                 WHERE encoders.name = ? AND content IN (SELECT value FROM json_each(?))"""
        packed_sql = (
            "SELECT content, measure, packed FROM descriptors WHERE content IN (SELECT value FROM json_each(?1))"
        )
        if measures is not None:
            packed_sql = f"{packed_sql} AND measure IN (SELECT value FROM json_each(?2))"
        with self._connection.snapshot():
            rows = self._connection.rows(sql, [encoder_id, wanted])
            asked = [wanted] if measures is None else [wanted, json.dumps(sorted(measures))]
            packed_rows = self._connection.rows(packed_sql, asked)
        descriptors: dict[int, dict[str, bytes]] = {row[0]: {} for row in rows}
        for content_id, measure, packed in packed_rows:
            descriptors.setdefault(content_id, {})[measure] = packed
        return {
            content_id: Features(_vector(vector), descriptors[content_id], capture_from_json(capture), width, height)
            for content_id, vector, capture, width, height in rows
        }

    def qualities(self, content_ids: Iterable[int]) -> dict[int, Quality]:
        """The technical facts of those contents that were looked at."""
        sql = """SELECT id, sharpness, brightness, clipped FROM contents
                 WHERE id IN (SELECT value FROM json_each(?)) AND width_px IS NOT NULL"""
        return {row[0]: Quality(*row[1:]) for row in self._connection.rows(sql, [as_json_list(content_ids)])}

    def sizes_px(self, content_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
        """Full width and height of those contents that were looked at."""
        sql = """SELECT id, width_px, height_px FROM contents
                 WHERE id IN (SELECT value FROM json_each(?)) AND width_px IS NOT NULL"""
        rows = self._connection.rows(sql, [as_json_list(content_ids)])
        return {content_id: (width_px, height_px) for content_id, width_px, height_px in rows}

    def captures(self, content_ids: Iterable[int]) -> dict[int, Capture]:
        """What the camera wrote, of those contents that were looked at."""
        sql = "SELECT id, capture FROM contents WHERE id IN (SELECT value FROM json_each(?)) AND capture IS NOT NULL"
        rows = self._connection.rows(sql, [as_json_list(content_ids)])
        return {content_id: capture_from_json(text) for content_id, text in rows}

    def clear_reaches(self) -> None:
        """No content's reach is bounded any more: its links are found anew."""
        self._connection.write(f"UPDATE contents SET {self._reach} = NULL WHERE {self._reach} IS NOT NULL")

    def vector(self, content_id: int, encoder_id: str) -> NDArray[np.float32]:
        """The vector of one content, float32 (dimension,). Raises KeyError when this encoder has not seen it."""
        sql = """SELECT vector FROM vectors WHERE content = ?
                 AND encoder = (SELECT id FROM encoders WHERE name = ?)"""
        row = self._connection.row(sql, [content_id, encoder_id])
        if row is None:
            raise KeyError(content_id)
        return _vector(row[0])

    def set_reaches(self, reaches: Mapping[int, float | None]) -> None:
        """From this cosine on, downwards, links of the content do not count by themselves."""
        rows = [(cosine, content_id) for content_id, cosine in reaches.items()]
        self._connection.write_many(f"UPDATE contents SET {self._reach} = ? WHERE id = ?", rows)

    def reaches(self, content_ids: Iterable[int] | None = None) -> dict[int, float]:
        """The contents (all, or of these) whose reach is bounded, and its cosine."""
        if content_ids is None:
            content_ids = self.ids()
        sql = f"""SELECT id, {self._reach} FROM contents
                  WHERE id IN (SELECT value FROM json_each(?)) AND {self._reach} IS NOT NULL"""
        return dict(self._connection.rows(sql, [as_json_list(content_ids)]))

    def dimension(self, encoder_id: str) -> int | None:
        """How long the vectors of this encoder are; None where it has seen nothing."""
        sql = "SELECT length(vector) FROM vectors WHERE encoder = (SELECT id FROM encoders WHERE name = ?) LIMIT 1"
        row = self._connection.row(sql, [encoder_id])
        return None if row is None else int(row[0]) // _STORED.itemsize

    def vectors(self, encoder_id: str) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Every content this encoder has seen and its vector, float32 (dimension,), in order of id."""
        sql = """SELECT content, vector FROM vectors WHERE encoder = (SELECT id FROM encoders WHERE name = ?)
                 AND content > ? ORDER BY content LIMIT ?"""
        last = -1
        while page := self._connection.rows(sql, [encoder_id, last, _PAGE]):
            for content_id, vector in page:
                yield content_id, _vector(vector)
            last = page[-1][0]

    def looked_without(self, encoder_id: str) -> list[int]:
        """Contents that were looked at by other encoders only, the newest photos first."""
        sql = """SELECT id FROM contents WHERE width_px IS NOT NULL AND NOT EXISTS (
                     SELECT 1 FROM vectors WHERE content = contents.id
                     AND encoder = (SELECT id FROM encoders WHERE name = ?))
                 ORDER BY json_extract(capture, '$.taken_at') DESC NULLS LAST, id DESC"""
        return [row[0] for row in self._connection.rows(sql, [encoder_id])]

    def seen_by(self, encoder_id: str) -> list[int]:
        """Contents that this encoder has seen, in order of id."""
        sql = """SELECT content FROM vectors WHERE encoder = (SELECT id FROM encoders WHERE name = ?)
                 ORDER BY content"""
        return [row[0] for row in self._connection.rows(sql, [encoder_id])]


_SELECT = "SELECT id, digest, pixel_digest, format, width_px IS NOT NULL FROM contents"
_CAPTURE_FIELDS = dict.fromkeys(field.name for field in fields(Capture))


def capture_as_json(capture: Capture) -> str:
    """A capture as the store keeps it."""
    taken_at = None if capture.taken_at is None else capture.taken_at.isoformat()
    known = {name: value for name in _CAPTURE_FIELDS if (value := getattr(capture, name)) is not None}
    return json.dumps(known | ({} if taken_at is None else {"taken_at": taken_at}))


def capture_from_json(text: str) -> Capture:
    """The capture that `capture_as_json` wrote; fields that this version does not know are left out."""
    known = {name: value for name, value in json.loads(text).items() if name in _CAPTURE_FIELDS}
    taken_at = known.pop("taken_at", None)
    capture = Capture(**known)
    return capture if taken_at is None else replace(capture, taken_at=datetime.fromisoformat(taken_at))


def _content(row: Row) -> ContentRow:
    return ContentRow(row[0], row[1], row[2], row[3], bool(row[4]))


def _vector(packed: bytes) -> NDArray[np.float32]:
    return np.frombuffer(packed, dtype=_STORED).astype(np.float32)
