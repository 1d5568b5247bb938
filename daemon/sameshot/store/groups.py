"""The groups as they stand: each content is in at most one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from sameshot.model import Group, Kind, Membership
from sameshot.store.connection import Connection, as_json_list

_PAGE = 500


class Groups:
    """Groups by id; `generation` tells whether they changed since it was last read."""

    def __init__(self, connection: Connection, prefix: str = "") -> None:
        self._connection = connection
        self._groups, self._members = f"{prefix}groups", f"{prefix}members"
        self._generation = f"{prefix}groups_generation"

    def of(self, content_ids: Iterable[int]) -> dict[int, str]:
        """The group of each content that has one."""
        sql = f"SELECT content, group_id FROM {self._members} WHERE content IN (SELECT value FROM json_each(?))"
        return dict(self._connection.rows(sql, [as_json_list(content_ids)]))

    def get(self, group_ids: Iterable[str]) -> list[Group]:
        """The groups of these ids that exist, in order of id; members in the order they were given."""
        sql = f"""SELECT id, representative, kind, content, score, certified_by
                 FROM {self._groups} JOIN {self._members} ON group_id = id
                 WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id, position"""
        members: dict[tuple[str, int, Kind], list[Membership]] = {}
        for group_id, representative, kind, *membership in self._connection.rows(sql, [json.dumps(list(group_ids))]):
            members.setdefault((group_id, representative, kind), []).append(Membership(*membership))
        return [Group(group_id, head, tuple(found), kind) for (group_id, head, kind), found in members.items()]

    def all(self) -> Iterator[Group]:
        """Every group, in order of id."""
        last = ""
        sql = f"SELECT id FROM {self._groups} WHERE id > ? ORDER BY id LIMIT ?"
        while page := self._connection.rows(sql, [last, _PAGE]):
            yield from self.get(row[0] for row in page)
            last = page[-1][0]

    def replace(self, old_ids: Iterable[str], groups: Sequence[Group]) -> None:
        """Put `groups` in the place of the groups `old_ids`, all at once.

        Raises ValueError when a content would be in two groups, or a representative is not a member; nothing changes.
        """
        with self._connection.transaction():
            gone = json.dumps(list(old_ids))
            self._connection.write(f"DELETE FROM {self._groups} WHERE id IN (SELECT value FROM json_each(?))", [gone])
            self._refuse_overlap(groups)
            self._connection.write_many(
                f"INSERT INTO {self._groups} (id, representative, kind) VALUES (?, ?, ?)",
                [(group.id, group.representative, group.kind) for group in groups],
            )
            self._connection.write_many(
                f"""INSERT INTO {self._members} (content, group_id, position, score, certified_by)
                    VALUES (?, ?, ?, ?, ?)""",
                [
                    (member.content, group.id, position, member.score, member.certified_by)
                    for group in groups
                    for position, member in enumerate(group.members)
                ],
            )
            self._connection.write(
                "INSERT INTO meta (key, value) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1",
                [self._generation],
            )

    def touch(self, content_ids: Iterable[int]) -> None:
        """Remember that the groups around these contents are to be made anew, until they were."""
        sql = "INSERT OR IGNORE INTO touched (content) SELECT value FROM json_each(?)"
        self._connection.write(sql, [as_json_list(content_ids)])

    def touched(self) -> set[int]:
        """The contents around which groups are to be made anew."""
        return {content for (content,) in self._connection.rows("SELECT content FROM touched")}

    def regrouped(self, content_ids: Iterable[int], but: Iterable[int]) -> None:
        """The groups around these contents were made anew; around those of `but` they will be once more."""
        sql = "DELETE FROM touched WHERE content IN (SELECT value FROM json_each(?))"
        self._connection.write(sql, [as_json_list(content_ids)])
        self.touch(but)

    def clear(self) -> None:
        """Forget all groups."""
        self._connection.write(f"DELETE FROM {self._groups}")

    def count(self) -> int:
        """How many groups have at least two present photos."""
        sql = f"""SELECT count(*) FROM (
                     SELECT 1 FROM {self._members} AS members JOIN photos ON photos.content = members.content
                     JOIN files ON files.photo = photos.id AND role = 'primary'
                     WHERE missing_since_s IS NULL AND stage NOT IN ('seen', 'settled', 'failed')
                     GROUP BY group_id HAVING count(*) > 1)"""
        return int(self._connection.rows(sql)[0][0])

    @property
    def generation(self) -> int:
        """Grows with each change of any group."""
        row = self._connection.row("SELECT value FROM meta WHERE key = ?", [self._generation])
        return 0 if row is None else int(row[0])

    def _refuse_overlap(self, groups: Sequence[Group]) -> None:
        contents = [member.content for group in groups for member in group.members]
        if len(set(contents)) < len(contents) or (taken := self.of(contents)):
            reason = f": {taken}" if len(set(contents)) == len(contents) else ""
            raise ValueError(f"a content belongs to one group only{reason}")
        for group in groups:
            if group.representative not in {member.content for member in group.members}:
                raise ValueError(f"the representative of group {group.id} is not one of its members")
