"""The tables of the state, as the steps that lead from an empty file to the newest version.

Step n takes version n to version n + 1 in one transaction. A step that was released is never edited: a change is a new
step. Paths are BLOBs, because a file name may be any bytes. The numbers of a file's stat have columns without a type,
because an inode or a time may not fit 64 signed bits: such a number is kept as its decimal text, untouched.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x53414D45
"""Marks a SQLite file as ours ("SAME")."""

_VERSION_1 = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE roots (
    path BLOB PRIMARY KEY,
    facts TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE contents (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    pixel_digest BLOB NOT NULL,
    format TEXT NOT NULL,
    width_px INTEGER,
    height_px INTEGER,
    capture TEXT,
    sharpness REAL,
    brightness REAL,
    clipped REAL,
    reach REAL
);
CREATE INDEX contents_by_pixels ON contents (pixel_digest);

CREATE TABLE encoders (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE vectors (
    encoder INTEGER NOT NULL REFERENCES encoders (id),
    content INTEGER NOT NULL REFERENCES contents (id),
    vector BLOB NOT NULL
);
CREATE UNIQUE INDEX vectors_by_content ON vectors (content, encoder);

CREATE TABLE descriptors (
    content INTEGER NOT NULL REFERENCES contents (id),
    measure TEXT NOT NULL,
    packed BLOB NOT NULL
);
CREATE UNIQUE INDEX descriptors_by_content ON descriptors (content, measure);

CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    root BLOB NOT NULL,
    stage TEXT NOT NULL,
    content INTEGER REFERENCES contents (id),
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX photos_by_stage ON photos (stage);
CREATE INDEX photos_by_content ON photos (content);

CREATE TABLE files (
    folder BLOB NOT NULL,
    name BLOB NOT NULL,
    photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('primary', 'companion', 'filed')),
    device NOT NULL,
    inode NOT NULL,
    size_bytes NOT NULL,
    mtime_ns NOT NULL,
    ctime_ns NOT NULL,
    missing_since_s REAL,
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE INDEX files_by_photo ON files (photo);
CREATE INDEX files_by_inode ON files (inode, device);
CREATE UNIQUE INDEX one_primary ON files (photo) WHERE role = 'primary';

CREATE TABLE links (
    first INTEGER NOT NULL REFERENCES contents (id),
    second INTEGER NOT NULL REFERENCES contents (id),
    score REAL NOT NULL,
    evidence TEXT NOT NULL,
    cosine REAL NOT NULL,
    PRIMARY KEY (first, second),
    CHECK (first < second)
) WITHOUT ROWID;
CREATE INDEX links_by_second ON links (second, first, score);

CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    representative INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE members (
    content INTEGER PRIMARY KEY REFERENCES contents (id),
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    score REAL NOT NULL,
    certified_by TEXT NOT NULL
);
CREATE INDEX members_by_group ON members (group_id, position);

CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('together', 'apart', 'keep')),
    first BLOB NOT NULL,
    second BLOB NOT NULL,
    at_s REAL NOT NULL,
    displaced_by INTEGER,
    CHECK (first <= second)
);
CREATE UNIQUE INDEX standing_verdicts ON verdicts (first, second) WHERE displaced_by IS NULL;
CREATE INDEX standing_verdicts_by_second ON verdicts (second) WHERE displaced_by IS NULL;
"""

_VERSION_2 = """
ALTER TABLE photos ADD COLUMN started_s REAL;
ALTER TABLE photos ADD COLUMN retry_at_s REAL;
CREATE INDEX photos_under_way ON photos (started_s) WHERE started_s IS NOT NULL;
CREATE INDEX photos_to_retry ON photos (retry_at_s) WHERE retry_at_s IS NOT NULL;
"""

_VERSION_3 = """
CREATE TABLE inspections (
    content INTEGER PRIMARY KEY REFERENCES contents (id),
    facts TEXT NOT NULL
);
"""

_VERSION_4 = """
ALTER TABLE groups ADD COLUMN kind TEXT NOT NULL DEFAULT 'near';
CREATE INDEX contents_by_moment ON contents (json_extract(capture, '$.camera'), json_extract(capture, '$.taken_at'));
"""

_VERSION_5 = """
DROP INDEX links_by_second;
CREATE INDEX links_by_second ON links (second, first, score, cosine);
"""

# Where another encoder comes, what depends on it is made in the tables called other_, and then the two change places,
# the links by renaming. An index with a name of its own would keep it, so the second order is a constraint.
_LINK_COLUMNS = """
    first INTEGER NOT NULL REFERENCES contents (id),
    second INTEGER NOT NULL REFERENCES contents (id),
    score REAL NOT NULL,
    evidence TEXT NOT NULL,
    cosine REAL NOT NULL,
    PRIMARY KEY (first, second),"""
_LINKS = f"""({_LINK_COLUMNS}
    UNIQUE (second, first, score, cosine),
    CHECK (first < second)
) WITHOUT ROWID;"""

_VERSION_6 = f"""
CREATE TABLE other_links {_LINKS}
INSERT INTO other_links SELECT first, second, score, evidence, cosine FROM links;
DROP TABLE links;
ALTER TABLE other_links RENAME TO links;
CREATE TABLE other_links {_LINKS}
ALTER TABLE contents ADD COLUMN other_reach REAL;

CREATE TABLE other_groups (
    id TEXT PRIMARY KEY,
    representative INTEGER NOT NULL,
    kind TEXT NOT NULL DEFAULT 'near'
) WITHOUT ROWID;

CREATE TABLE other_members (
    content INTEGER PRIMARY KEY REFERENCES contents (id),
    group_id TEXT NOT NULL REFERENCES other_groups (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    score REAL NOT NULL,
    certified_by TEXT NOT NULL
);
CREATE INDEX other_members_by_group ON other_members (group_id, position);

CREATE TABLE clusters (
    content INTEGER PRIMARY KEY REFERENCES contents (id),
    label INTEGER NOT NULL
);
CREATE INDEX clusters_by_label ON clusters (label);
"""

# In both orders the scores stand without their evidence, which is most of a row: who asks for scores reads little.
_VERSION_7 = "".join(
    f"""
CREATE TABLE new_links ({_LINK_COLUMNS}
    UNIQUE (first, second, score, cosine),
    UNIQUE (second, first, score, cosine),
    CHECK (first < second)
) WITHOUT ROWID;
INSERT INTO new_links SELECT first, second, score, evidence, cosine FROM {table};
DROP TABLE {table};
ALTER TABLE new_links RENAME TO {table};
"""
    for table in ("links", "other_links")
)

# What a sidecar says of its photo. Those that are known are marked as not read; the next sweep reads them.
_VERSION_8 = """
ALTER TABLE files ADD COLUMN rating INTEGER;
UPDATE files SET rating = -2 WHERE role = 'companion' AND lower(CAST(name AS TEXT)) LIKE '%.xmp';

CREATE TABLE not_compared (
    content INTEGER PRIMARY KEY REFERENCES contents (id),
    why TEXT NOT NULL
);
INSERT INTO not_compared SELECT contents.id, told.value
    FROM json_each((SELECT value FROM meta WHERE key = 'not_compared')) AS told JOIN contents ON contents.id = told.key;
DELETE FROM meta WHERE key = 'not_compared';

CREATE TABLE touched (content INTEGER PRIMARY KEY);
"""

STEPS: Final = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6, _VERSION_7, _VERSION_8)
