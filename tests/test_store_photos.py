"""Photos and their files: any sequence of arrivals, renames, losses and re-pairings against a plain model."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sameshot.model import Capture, FileStat, FoundFile, Identity, Look, Quality, Shot
from sameshot.store.store import Store

ROOT = Path("/r")


def found(name: str | bytes, inode: int = 1, **changes: int) -> FoundFile:
    facts = {"device": 1, "inode": inode, "size_bytes": 10, "mtime_ns": 20, "ctime_ns": 30} | changes
    return FoundFile(Path("/r", os.fsdecode(name)), FileStat(**facts))


def look(sharpness: float = 1.0) -> Look:
    quality = Quality(sharpness, 0.5, 0.0)
    return Look(6, 4, "JPEG", Capture(), quality, "e", np.ones(4, np.float32) / 2, {"orb": b"o"})


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "sameshot.db") as opened:
        yield opened


def test_paths_of_any_bytes_and_numbers_of_any_size_come_back_as_they_were(store):
    names = [
        b"\xff\xfe.jpg",
        b"a\nb.jpg",
        "ü\u202e.jpg".encode(),
        b"'; DROP TABLE photos; --",
        b"e\xcc\x81",
        b"\xc3\xa9",
    ]
    huge = {"device": 2**64 - 1, "inode": 2**64 - 2, "mtime_ns": 2**65, "ctime_ns": -(10**18), "size_bytes": 2**62}
    for number, name in enumerate(names):
        store.photos.register(ROOT, Shot(found(name, number)))
    odd = store.photos.register(ROOT, Shot(found("huge.jpg", **huge)))
    assert {row.path for row in store.photos.files_in(ROOT)} == {
        Path("/r", os.fsdecode(n)) for n in [*names, b"huge.jpg"]
    }
    assert store.photos.get([odd])[odd].primary == found("huge.jpg", **huge)
    assert [row.photo_id for row in store.photos.files_with_inode(2**64 - 1, 2**64 - 2)] == [odd]
    with pytest.raises(ValueError, match="absolute"):
        store.photos.at(Path("relative.jpg"))


def test_registering_twice_is_one_photo_and_a_filed_copy_is_never_a_new_one(store):
    photo = store.photos.register(ROOT, Shot(found("a.jpg")))
    store.photos.add_filed(photo, Path("/library/a.jpg"), found("a.jpg", 9).stat)
    assert store.photos.register(ROOT, Shot(found("a.jpg", 5))) == photo
    assert store.photos.register(Path("/library"), Shot(FoundFile(Path("/library/a.jpg"), found("", 9).stat))) == photo
    assert store.photos.at(Path("/library/a.jpg")).id == photo
    assert store.photos.ids() == [photo]
    assert store.photos.get([photo])[photo].primary == found("a.jpg", 5)
    assert [row.role for row in store.photos.files_in(Path("/library"))] == ["filed"]
    store.photos.remove_file(Path("/library/a.jpg"))
    assert store.photos.files_in(Path("/library")) == []
    assert store.photos.ids() == [photo]


def test_a_raw_that_arrives_later_takes_the_photo_it_belongs_to(store):
    jpeg = store.photos.register(ROOT, Shot(found("a.jpg", 1)))
    raw = store.photos.register(ROOT, Shot(found("a.raw", 2)))
    store.photos.add_filed(raw, Path("/library/a.raw"), found("", 3).stat)
    store.photos.set_shot(jpeg, Shot(found("a.raw", 2), (found("a.jpg", 1), found("a.xmp", 4))))
    assert store.photos.ids() == [jpeg]
    assert store.photos.get([jpeg])[jpeg].companions == (found("a.jpg", 1), found("a.xmp", 4))
    assert store.photos.at(Path("/library/a.raw")).id == jpeg
    store.photos.set_shot(jpeg, Shot(found("a.raw", 2)))
    assert [row.path.name for row in store.photos.files_in(ROOT)] == ["a.raw"]


def test_a_photo_that_is_identified_anew_keeps_its_id_and_leaves_the_views(store):
    photo = store.photos.register(ROOT, Shot(found("a.jpg")))
    content = store.contents.add(Identity(b"d", b"p", "JPEG"))
    store.contents.save_look(content, look())
    store.photos.advance(photo, "grouped", content)
    assert [view.id for view in store.photos.views([content])[content]] == [photo]
    store.photos.set_shot(photo, Shot(found("a.jpg", size_bytes=11)))
    for stage in ("seen", "settled"):
        store.photos.advance(photo, stage)
        assert store.photos.views([content]) == {}
    store.photos.update_stat(Path("/r/a.jpg"), found("", size_bytes=12).stat)
    row = store.photos.get([photo])[photo]
    assert (row.stage, row.content_id, row.primary.stat.size_bytes) == ("settled", content, 12)
    store.photos.advance_all("looked", "linked", [content])
    assert store.photos.get([photo])[photo].stage == "settled"
    store.photos.advance_all("settled", "linked", [content])
    assert [view.stat.size_bytes for view in store.photos.views([content])[content]] == [12]


def test_a_move_keeps_the_photo_and_changes_its_root_to_the_nearest_remembered_one(store):
    for root in ("/r", "/s", "/s/inner"):
        store.roots.remember(Path(root), {"device": 1})
    photo = store.photos.register(ROOT, Shot(found("a.jpg"), (found("a.xmp", 2),)))
    store.photos.move_file(Path("/r/a.xmp"), Path("/s/a.xmp"), found("", 2).stat)
    assert store.photos.get([photo])[photo].root == ROOT
    store.photos.move_file(Path("/r/a.jpg"), Path("/s/inner/x/b.jpg"), found("", 1, ctime_ns=99).stat)
    row = store.photos.get([photo])[photo]
    assert (row.root, row.primary.path, row.primary.stat.ctime_ns) == (Path("/s/inner"), Path("/s/inner/x/b.jpg"), 99)
    assert store.photos.at(Path("/r/a.jpg")) is None
    store.photos.move_file(Path("/s/inner/x/b.jpg"), Path("/elsewhere/b.jpg"), row.primary.stat)
    assert store.photos.get([photo])[photo].root == Path("/s/inner")
    with pytest.raises(KeyError):
        store.photos.move_file(Path("/r/a.jpg"), Path("/r/c.jpg"), row.primary.stat)


def test_a_photo_that_is_overwritten_lives_on_at_its_filed_copy_or_ends(store):
    kept, ended, mover = (store.photos.register(ROOT, Shot(found(f"{n}.jpg", n))) for n in (1, 2, 3))
    store.photos.add_filed(kept, Path("/library/1.jpg"), found("", 8).stat)
    store.photos.move_file(Path("/r/3.jpg"), Path("/r/1.jpg"), found("", 3).stat)
    assert store.photos.get([kept])[kept].primary.path == Path("/library/1.jpg")
    store.photos.move_file(Path("/r/1.jpg"), Path("/r/2.jpg"), found("", 3).stat)
    assert store.photos.ids() == [kept, mover]
    assert ended not in store.photos.get([ended])


def test_missing_photos_leave_the_views_and_come_back(store):
    photo = store.photos.register(ROOT, Shot(found("a.jpg"), (found("a.xmp", 2),)))
    content = store.contents.add(Identity(b"d", b"p", "JPEG"))
    store.contents.save_look(content, look())
    store.photos.advance(photo, "looked", content)
    store.photos.set_missing([Path("/r/a.xmp")], 5.0)
    assert store.photos.views([content])[content][0].companions == ()
    store.photos.set_missing([Path("/r/a.jpg")], 6.0)
    store.photos.set_missing([Path("/r/a.jpg")], 7.0)
    assert store.photos.views([content]) == {}
    assert store.photos.get([photo])[photo].missing_since_s == 6.0
    assert list(store.photos.in_stages(["looked"])) == []
    assert store.photos.count()["looked"] == 0
    assert store.photos.photos_of([content]) == {content: [photo]}
    store.photos.set_present([Path("/r/a.jpg"), Path("/r/a.xmp")])
    assert [file.path.name for file in store.photos.views([content])[content][0].companions] == ["a.xmp"]
    assert list(store.photos.in_stages(["seen", "looked"])) == [photo]


def test_failures_have_a_reason_and_stay_until_the_file_changes(store):
    photo = store.photos.register(ROOT, Shot(found("a.jpg")))
    store.photos.fail(photo, "no photo: " + os.fsdecode(b"\xff"))
    store.photos.fail(photo, "no photo at all")
    assert store.photos.failed() == [(Path("/r/a.jpg"), "no photo at all")]
    assert store.photos.get([photo])[photo].attempts == 2
    store.photos.advance(photo, "seen")
    assert store.photos.failed() == []
    assert store.photos.count() == dict.fromkeys(store.photos.count(), 0) | {"seen": 1}


def test_folders_under_a_root_are_its_own_only(store):
    for folder in ("/r", "/r/b", "/r/b/c", "/r-2", "/r0", "/r/é", "/q"):
        store.photos.register(Path("/"), Shot(FoundFile(Path(folder, "a.jpg"), found("", 1).stat)))
    assert list(store.photos.folders_under(ROOT)) == [Path("/r"), Path("/r/b"), Path("/r/b/c"), Path("/r/é")]
    assert list(store.photos.folders_under(Path("/r/b/c"))) == [Path("/r/b/c")]
    assert len(list(store.photos.folders_under(Path("/")))) == 7
    assert [row.path for row in store.photos.files_in(Path("/r/b"))] == [Path("/r/b/a.jpg")]


NAMES = st.sampled_from(
    [Path(folder, name) for folder in ("/r", "/r/x") for name in ("a", "b", "c", os.fsdecode(b"\xff"))]
)


class PhotosAgainstAModel(RuleBasedStateMachine):
    """The model: photo -> (primary path, companions, filed), each file with its stat; and the missing paths."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.open(Path(self.folder.name, "sameshot.db"))
        self.primary: dict[int, Path] = {}
        self.others: dict[Path, tuple[int, str]] = {}
        self.stats: dict[Path, FileStat] = {}
        self.missing: set[Path] = set()
        self.clock = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def stat(self) -> FileStat:
        self.clock += 1
        return FileStat(1, self.clock, 1, 1, 1)

    def known(self) -> list[Path]:
        return sorted([*self.primary.values(), *self.others])

    def release(self, path: Path, taker: int | None = None) -> None:
        self.missing.discard(path)
        self.stats.pop(path, None)
        if path in self.others:
            del self.others[path]
            return
        photo = next((number for number, at in self.primary.items() if at == path), None)
        if photo is None or photo == taker:
            return
        filed = sorted(p for p, (number, role) in self.others.items() if number == photo and role == "filed")
        if taker is not None:
            self.others |= dict.fromkeys(filed, (taker, "filed"))
            filed = []
        if filed:
            heir = min(filed, key=lambda p: (p in self.missing, os.fsencode(p.parent), os.fsencode(p.name)))
            del self.others[heir]
            self.primary[photo] = heir
        else:
            del self.primary[photo]
            for gone in [p for p, (number, _) in self.others.items() if number == photo]:
                del self.others[gone], self.stats[gone]
                self.missing.discard(gone)

    def consist_of(self, photo: int, files: list[FoundFile]) -> None:
        for file in files:
            self.release(file.path, taker=photo)
        for path in [p for p, (number, role) in self.others.items() if number == photo and role == "companion"]:
            del self.others[path], self.stats[path]
            self.missing.discard(path)
        old = self.primary.get(photo)
        if old is not None:
            self.stats.pop(old, None)
            self.missing.discard(old)
        self.primary[photo] = files[0].path
        self.others |= {file.path: (photo, "companion") for file in files[1:]}
        self.stats |= {file.path: file.stat for file in files}

    @rule(paths=st.lists(NAMES, min_size=1, max_size=3, unique=True))
    def register(self, paths: list[Path]) -> None:
        files = [FoundFile(path, self.stat()) for path in paths]
        filed = self.others.get(paths[0], (0, ""))
        photo = self.store.photos.register(ROOT, Shot(files[0], tuple(files[1:])))
        if filed[1] == "filed":
            assert photo == filed[0]
        else:
            self.consist_of(photo, files)

    @precondition(lambda self: self.primary)
    @rule(data=st.data(), paths=st.lists(NAMES, min_size=1, max_size=3, unique=True))
    def set_shot(self, data: st.DataObject, paths: list[Path]) -> None:
        photo = data.draw(st.sampled_from(sorted(self.primary)))
        files = [FoundFile(path, self.stat()) for path in paths]
        self.store.photos.set_shot(photo, Shot(files[0], tuple(files[1:])))
        self.consist_of(photo, files)

    @precondition(lambda self: self.primary)
    @rule(data=st.data(), new=NAMES)
    def move_file(self, data: st.DataObject, new: Path) -> None:
        old, stat = data.draw(st.sampled_from(self.known())), self.stat()
        self.store.photos.move_file(old, new, stat)
        if new != old:
            was_primary_of = next((number for number, at in self.primary.items() if at == old), None)
            self.release(new)
            if was_primary_of is None and old not in self.known():  # it went with the photo that was overwritten
                return
            if was_primary_of is not None:
                self.primary[was_primary_of] = new
            else:
                photo = next((number for number, at in self.primary.items() if at == old), None)
                if photo is not None:
                    self.primary[photo] = new
                else:
                    self.others[new] = self.others.pop(old)
        self.stats.pop(old, None)
        self.missing.discard(old)
        self.stats[new] = stat

    @precondition(lambda self: self.primary)
    @rule(data=st.data(), path=NAMES)
    def add_filed(self, data: st.DataObject, path: Path) -> None:
        photo = data.draw(st.sampled_from(sorted(self.primary)))
        if self.primary[photo] == path:
            return
        stat = self.stat()
        self.store.photos.add_filed(photo, path, stat)
        self.release(path, taker=photo)
        self.others[path] = (photo, "filed")
        self.stats[path] = stat

    @rule(path=NAMES)
    def remove_file(self, path: Path) -> None:
        self.store.photos.remove_file(path)
        self.release(path)

    @rule(path=NAMES, present=st.booleans())
    def set_missing(self, path: Path, present: bool) -> None:
        if present:
            self.store.photos.set_present([path])
            self.missing.discard(path)
        else:
            self.store.photos.set_missing([path], 1.0)
            self.missing |= {path} & set(self.known())

    @invariant()
    def same_as_the_model(self) -> None:
        rows = self.store.photos.get(self.store.photos.ids())
        assert {number: row.primary.path for number, row in rows.items()} == self.primary
        files = [row for folder in self.store.photos.folders_under(ROOT) for row in self.store.photos.files_in(folder)]
        assert {row.path: row.stat for row in files} == self.stats
        assert {row.path: (row.photo_id, row.role) for row in files if row.role != "primary"} == self.others
        assert {row.path for row in files if row.missing_since_s is not None} == self.missing
        for number, row in rows.items():
            assert {file.path for file in row.companions} == {
                path
                for path, owner in self.others.items()
                if owner == (number, "companion") and path not in self.missing
            }


TestPhotosAgainstAModel = PhotosAgainstAModel.TestCase
TestPhotosAgainstAModel.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
