"""The state file: opened, refused, brought up to date, copied, full, and killed in the middle of a commit."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sameshot.errors import StateUnavailable
from sameshot.model import FileStat, FoundFile, Identity, Shot
from sameshot.store.connection import Connection
from sameshot.store.migrate import migrate
from sameshot.store.schema import APPLICATION_ID, STEPS
from sameshot.store.store import Store

# Version 1 as it was released, written down by hand: enough of it to hold one photo.
ONE_PHOTO = """
INSERT INTO contents (id, digest, pixel_digest, format) VALUES (7, x'01', x'02', 'JPEG');
INSERT INTO photos (id, root, stage, content) VALUES (3, x'2f72', 'settled', 7);
INSERT INTO files (folder, name, photo, role, device, inode, size_bytes, mtime_ns, ctime_ns)
    VALUES (x'2f72', x'61ff2e6a7067', 3, 'primary', 1, 2, 3, 4, 5);
"""


def shot(name: str, inode: int = 1) -> Shot:
    return Shot(FoundFile(Path("/r") / name, FileStat(1, inode, 10, 20, 30)))


def sqlite(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def test_a_state_is_made_where_there_is_none_and_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / os.fsdecode(b"st\xffate ?#%") / "sameshot.db"
    with Store.open(path) as store:
        photo_id = store.photos.register(Path("/r"), shot("a.jpg"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with Store.open(path) as store:
        assert store.photos.ids() == [photo_id]
        assert store.damage() == []


def test_version_1_is_brought_up_after_a_backup_and_keeps_its_rows(tmp_path):
    path = tmp_path / "sameshot.db"
    sqlite(path, f"{STEPS[0]} {ONE_PHOTO} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=1;")
    connection = Connection(path)
    migrate(connection, [STEPS[0], "ALTER TABLE photos ADD COLUMN mood TEXT DEFAULT 'calm';\nCREATE TABLE t (x);"])
    assert connection.rows("SELECT id, stage, mood FROM photos") == [(3, "settled", "calm")]
    assert connection.rows("PRAGMA user_version") == [(2,)]
    connection.close()
    backup = tmp_path / "backups" / "sameshot-version-1.db"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with Store.open(backup) as store:
        assert store.photos.get([3])[3].primary.path == Path(os.fsdecode(b"/r/a\xff.jpg"))


def test_a_step_that_fails_leaves_the_old_version_whole(tmp_path):
    path = tmp_path / "sameshot.db"
    sqlite(path, f"{STEPS[0]} {ONE_PHOTO} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=1;")
    connection = Connection(path)
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        migrate(connection, [STEPS[0], "DROP TABLE links;\nINSERT INTO no_such_table VALUES (1);"])
    connection.close()
    with Store.open(path) as store:
        assert store.photos.ids() == [3]
        assert store.links.of([7]) == []
        assert store.damage() == []


def test_two_backups_of_one_version_do_not_replace_each_other(tmp_path):
    path = tmp_path / "sameshot.db"
    step = "CREATE TABLE later (x);"
    for _ in range(2):
        path.unlink(missing_ok=True)
        sqlite(path, f"{STEPS[0]} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=1;")
        connection = Connection(path)
        migrate(connection, [STEPS[0], step])
        connection.close()
    names = {file.name for file in (tmp_path / "backups").iterdir()}
    assert names == {"sameshot-version-1.db", "sameshot-version-1-2.db"}


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (f"{STEPS[0]} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=99;", "newer sameshot"),
        ("CREATE TABLE songs (x); PRAGMA user_version=1;", "another program"),
    ],
)
def test_a_state_that_is_not_ours_to_read_is_refused_and_not_changed(tmp_path, script, says):
    path = tmp_path / "sameshot.db"
    sqlite(path, script)
    before = path.read_bytes()
    with pytest.raises(StateUnavailable, match=says) as refusal:
        Store.open(path)
    assert refusal.value.hint
    assert refusal.value.exit_code == 3
    assert path.read_bytes() == before


def test_what_is_no_database_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "sameshot.db"
    path.write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(StateUnavailable, match=r"damaged or not a database.*backups"):
        Store.open(path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_damaged_page_is_a_sentence_when_it_is_read(tmp_path):
    path = tmp_path / "sameshot.db"
    with Store.open(path) as store, store.transaction():
        for number in range(3000):
            store.photos.register(Path("/r"), shot(f"{number}.jpg", number))
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xee" * (len(whole) - 8192))
    with pytest.raises(StateUnavailable, match="damaged"), Store.open(path) as store:
        store.photos.get(store.photos.ids())


def test_a_folder_in_the_way_and_an_absent_state_for_reading_are_refused(tmp_path):
    with pytest.raises(StateUnavailable, match="cannot be opened"):
        Store.open(tmp_path)
    with pytest.raises(StateUnavailable, match="no state"):
        Store.open(tmp_path / "absent.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_sees_the_last_commit_while_a_writer_is_busy_and_writes_nothing(tmp_path):
    path = tmp_path / "sameshot.db"
    with Store.open(path) as writer, Store.open(path, read_only=True) as reader:
        first = writer.photos.register(Path("/r"), shot("a.jpg"))
        with writer.transaction():
            writer.photos.register(Path("/r"), shot("b.jpg", 2))
            assert reader.photos.ids() == [first]
        assert len(reader.photos.ids()) == 2
        with pytest.raises(StateUnavailable, match="reading only"):
            reader.meta.set("key", 1)


def test_a_second_writer_is_told_that_the_state_is_in_use(tmp_path, monkeypatch):
    monkeypatch.setattr("sameshot.store.connection.BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "sameshot.db"
    with Store.open(path) as one, Store.open(path) as other, one.transaction():
        with pytest.raises(StateUnavailable, match="in use"):
            other.meta.set("key", 1)
        one.meta.set("key", 2)
    with Store.open(path) as store:
        assert store.meta.get("key") == 2


def test_transactions_nest_and_an_inner_failure_undoes_its_own_part_only(tmp_path):
    with Store.open(tmp_path / "sameshot.db") as store:
        with store.transaction(durable=True):
            store.meta.set("outer", 1)
            with pytest.raises(RuntimeError), store.transaction():  # noqa: PT012
                store.meta.set("inner", 1)
                raise RuntimeError
            store.meta.set("after", [1, {"a": None}])
        assert (store.meta.get("outer"), store.meta.get("inner"), store.meta.get("after")) == (
            1,
            None,
            [1, {"a": None}],
        )
        with pytest.raises(RuntimeError), store.transaction():  # noqa: PT012
            store.meta.set("outer", 2)
            raise RuntimeError
        assert store.meta.get("outer") == 1


def test_a_durable_inner_transaction_syncs_even_inside_one_that_is_not(tmp_path):
    trace = tmp_path / "trace"
    program = f"""
from pathlib import Path
from sameshot.store.store import Store
import os
store = Store.open(Path({str(tmp_path / "sameshot.db")!r}))
store.meta.set("warm", 1)
for durable in (False, True):
    os.write(1, b"begin\\n")
    with store.transaction():
        with store.transaction(durable=durable):
            store.meta.set("key", durable)
    os.write(1, b"end\\n")
"""
    command = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-o", str(trace), sys.executable, "-c", program]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("strace cannot be used here")
    lax, durable = trace.read_text().split('"begin\\n"')[1:]
    assert "sync(" not in lax.split('"end\\n"')[0]
    assert "sync(" in durable.split('"end\\n"')[0]


def test_threads_share_a_store(tmp_path):
    with Store.open(tmp_path / "sameshot.db") as store:

        def work(start: int) -> None:
            for number in range(start, start + 100):
                store.photos.register(Path("/r"), shot(f"{number}.jpg", number))

        threads = [threading.Thread(target=work, args=(start,)) for start in (0, 100, 200, 300)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store.photos.ids()) == 400
        assert store.damage() == []


def test_a_backup_is_complete_while_the_state_is_being_written(tmp_path):
    target = tmp_path / "nightly" / "sameshot.db"
    with Store.open(tmp_path / "sameshot.db") as store:
        store.photos.register(Path("/r"), shot("a.jpg"))
        with store.transaction():
            store.photos.register(Path("/r"), shot("b.jpg", 2))
            store.backup(target)
        with Store.open(target) as copy:
            assert len(copy.photos.ids()) == 1  # what was committed when it was taken
            assert copy.damage() == []
        store.backup(target)
        with Store.open(target) as copy:
            assert len(copy.photos.ids()) == 2
        (tmp_path / "file").write_text("")
        with pytest.raises(StateUnavailable, match="No backup"):
            store.backup(tmp_path / "file" / "sameshot.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_a_sentence_and_what_was_committed_stays(tmp_path):
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)], check=False, capture_output=True
    )
    if mount.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        with Store.open(tmp_path / "sameshot.db") as store:
            committed = 0
            with pytest.raises(StateUnavailable, match=r"full|cannot be read or written"):  # noqa: PT012
                for committed in range(100_000):
                    digest = committed.to_bytes(3000, "big")
                    store.contents.add(Identity(digest, digest, "JPEG"))
            assert committed > 20
            assert store.contents.by_digest((committed - 1).to_bytes(3000, "big")) is not None
            # Caught inside an outer transaction, it must not turn later writes into commits of their own.
            with pytest.raises(StateUnavailable), store.transaction():  # noqa: PT012
                with pytest.raises(StateUnavailable), store.transaction():  # noqa: PT012
                    digest = bytes(9_000_000)  # more than SQLite holds back in memory until the commit
                    store.contents.add(Identity(digest, digest, "JPEG"))
                store.meta.set("half", 1)
                digest = bytes(9_000_001)
                store.contents.add(Identity(digest, digest, "JPEG"))
        with Store.open(tmp_path / "sameshot.db", read_only=True) as store:
            assert store.damage() == []
            assert store.meta.get("half") is None
            assert store.contents.by_digest((0).to_bytes(3000, "big")) is not None
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


WRITER = """
import os, sys
from pathlib import Path
from sameshot.model import Identity
from sameshot.store.store import Store
store = Store.open(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    with store.transaction(durable=number % 2 == 0):
        for part in range(20):
            digest = f"{number}-{part}".encode()
            store.contents.add(Identity(digest, digest, "JPEG"))
    os.write(1, f"{number}\\n".encode())
    number += 1
"""


@pytest.mark.parametrize("kills", [25, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path, kills):
    path = tmp_path / "sameshot.db"
    rng = random.Random(5)
    acknowledged, start = 0, 0
    for _ in range(kills):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(start)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        for _ in range(rng.randrange(1, 30)):
            start = int(writer.stdout.readline()) + 1
        if rng.random() < 0.5:
            threading.Event().wait(rng.random() / 200)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.stdout.close()
        writer.wait()
        acknowledged = int(rest[-1]) if rest else start - 1
        start = acknowledged + 2  # the one in flight may or may not be there, but whole
        with Store.open(path) as store:
            assert store.damage() == []
            for number in range(max(0, acknowledged - 50), acknowledged + 2):
                parts = [store.contents.by_digest(f"{number}-{part}".encode()) for part in range(20)]
                present = sum(part is not None for part in parts)
                if number == acknowledged:
                    assert present == 20
                else:
                    assert present in (0, 20)
    assert acknowledged > kills
