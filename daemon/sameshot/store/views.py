"""Photos as people see them: joined from photos, files and contents in two queries."""

from __future__ import annotations

from collections.abc import Iterable

from sameshot.model import FoundFile, PhotoView
from sameshot.store.connection import Connection, as_json_list
from sameshot.store.contents import capture_from_json
from sameshot.store.files import STAT_COLUMNS, found_file


def photo_views(connection: Connection, content_ids: Iterable[int]) -> dict[int, list[PhotoView]]:
    """Content -> its photos that are present and looked at, by path; contents without any are left out."""
    sql = f"""SELECT folder, name, {STAT_COLUMNS}, photos.id, contents.id, digest, width_px, height_px, contents.format,
                     capture, sharpness, clipped
              FROM contents JOIN photos ON photos.content = contents.id
              JOIN files ON files.photo = photos.id AND role = 'primary'
              WHERE contents.id IN (SELECT value FROM json_each(?)) AND width_px IS NOT NULL
              AND stage NOT IN ('seen', 'settled', 'failed') AND missing_since_s IS NULL
              ORDER BY contents.id, folder, name"""
    companions_sql = f"""SELECT folder, name, {STAT_COLUMNS}, photo FROM files
                         WHERE photo IN (SELECT value FROM json_each(?)) AND role = 'companion'
                         AND missing_since_s IS NULL ORDER BY folder, name"""
    with connection.snapshot():
        rows = connection.rows(sql, [as_json_list(content_ids)])
        companion_rows = connection.rows(companions_sql, [as_json_list(row[7] for row in rows)])
    companions: dict[int, list[FoundFile]] = {}
    for row in companion_rows:
        companions.setdefault(row[7], []).append(found_file(row))
    views: dict[int, list[PhotoView]] = {}
    for row in rows:
        photo_id, content_id, digest, width_px, height_px, container, capture, sharpness, clipped = row[7:]
        primary = found_file(row)
        view = PhotoView(
            id=photo_id,
            content=content_id,
            path=primary.path,
            stat=primary.stat,
            digest=digest,
            companions=tuple(companions.get(photo_id, ())),
            width_px=width_px,
            height_px=height_px,
            format=container,
            capture=capture_from_json(capture),
            quality=_first_guess(sharpness, clipped),
        )
        views.setdefault(content_id, []).append(view)
    return views


def _first_guess(sharpness: float | None, clipped: float | None) -> float:
    """0..1, growing with sharpness of whatever unit and falling with the share of clipped pixels."""
    energy = max(sharpness or 0.0, 0.0)
    return energy / (1.0 + energy) * (1.0 - min(max(clipped or 0.0, 0.0), 1.0))
