"""Histories of the whole program: arrivals, verdicts, the owner's renames, edits and deletions, filing, ranking, taking
duplicates away, undo, and kills in all of them. No content is ever lost, and what is known is what is there.

Every verb is the real one, on the real store and the real journal; photos are drawn ones, looked at once. A kill is a
real one: a child process does the verb and kills itself just before its n-th change of a file or of the store.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import drawn
from filed import contents, own_names, tree
from remembering import RememberingWorkers
from running import Installation
from sameshot.app import App, open_app
from sameshot.apply.history import Location
from sameshot.apply.journal import Journal
from sameshot.config import load_with_sources
from sameshot.errors import BadInput, RootUnavailable
from sameshot.verbs.table import VERBS, as_json, bind
from sameshot.way.flow import Flow
from test_apply_states import killed_after

_NAMES = st.sampled_from(
    ["a.jpg", "A.jpg", "IMG_1.jpg", "caf\u00e9.jpg", "cafe\u0301.jpg", "\udcff.jpg", "new\nline.jpg"]
)
_FOLDERS = st.sampled_from(["", "one", "two/deep"])
_LAYOUTS = st.sampled_from(["{group}/", "{date:%Y}/{group}/{rank:02d} {name}", "{camera}/{group}/{stem}{extension}"])
_PICTURES = 13
_KILLS = st.one_of(st.none(), st.none(), st.integers(1, 60))
_STORE_CHANGES = {"_outermost", "replace"}  # a transaction begins or is about to be kept; the index takes its name
_EDITS = 4  # an edit of a picture is one of so many: each content is looked at once in all histories
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Three shots of two photos each, and two that are alone; one of each shot again with other metadata."""
    folder, found = tmp_path_factory.mktemp("pictures"), []
    for seed in range(1, 6):
        picture = drawn.scene(seed, 480, 320)
        frames = [picture] if seed > 3 else [picture, drawn.burst_frame(picture, seed)]
        for number, frame in enumerate(frames):
            path = drawn.save(frame, folder / f"{seed}{number}.jpg")
            found.append(path.read_bytes())
        found.append(found[-1][:2] + b"\xff\xfe\x00\x08rated!" + found[-1][2:])  # a comment: the same picture
    assert len(found) == _PICTURES
    return found


class Program(RuleBasedStateMachine):
    """One installation, as its owner and sameshot change it."""

    models: Path
    pictures: list[bytes]
    counts: Counter[str]

    @initialize(inside=st.booleans(), first=st.lists(st.integers(0, _PICTURES - 1), min_size=4, max_size=9))
    def start(self, inside: bool, first: list[int]) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=self.models.parent))
        self.program = Installation(self.folder / "x", self.models)
        self.program.library = self.program.photos / "filed" if inside else self.program.folder / "library"
        self.program.configure(settle={"quiet_s": 0.0}, workers=1)
        self.loaded = load_with_sources(self.program.config)
        self.quarantine = self.program.folder / "quarantine"
        self.numbers = count(1)
        self.known_locations: tuple[object, list[Location]] = ((), [])
        for number, picture in enumerate(first):
            self._put(Path("two" if number % 2 else "", f"IMG_{10 + number}.jpg"), self.pictures[picture])
            if number % 3 == 0:
                self._put(Path("two" if number % 2 else "", f"IMG_{10 + number}.xmp"), b"<xmp -%d/>" % number)
        self._does("scan")

    def teardown(self) -> None:
        if not hasattr(self, "program"):
            return
        try:
            self._does("scan")
            before = self._kept()
            self._does("undo", everything=True)
            self._nothing_is_gone(before)
            self._does("scan")
            self._what_is_known_is_there()
            self.counts["histories"] += 1
        finally:
            shutil.rmtree(self.folder)

    # ------------------------------------------------------------ the owner

    @rule(picture=st.integers(0, _PICTURES - 1), folder=_FOLDERS, name=_NAMES, sidecar=st.booleans())
    def a_photo_arrives(self, picture: int, folder: str, name: str, sidecar: bool) -> None:
        self._put(Path(folder) / name, self.pictures[picture])
        if sidecar:
            self._put((Path(folder) / name).with_suffix(".xmp"), b"<xmp %d/>" % next(self.numbers))

    @rule(data=st.data(), beside=st.booleans())
    def a_sidecar_comes_late(self, data: st.DataObject, beside: bool) -> None:
        """Where its photo was, or beside it where it is now."""
        moved = [one for one in self._locations() if one.action == "move" and one.source.suffix == ".jpg"]
        if moved:
            photo = data.draw(st.sampled_from(moved))
            place = (photo.target if beside else photo.source).with_suffix(".xmp")
            self._put(place, b"<xmp %d/>" % next(self.numbers))

    @rule(data=st.data(), folder=_FOLDERS, name=_NAMES, copies=st.booleans())
    def the_owner_renames_or_copies(self, data: st.DataObject, folder: str, name: str, copies: bool) -> None:
        source = self._any_file(data)
        root = data.draw(st.sampled_from([self.program.photos, self.program.library]))
        target = (root / folder / name).with_suffix(source.suffix) if source else root
        if source and not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copy2 if copies else os.rename)(source, target)

    @rule(data=st.data())
    def the_owner_renames_a_folder(self, data: st.DataObject) -> None:
        file = self._any_file(data)
        if file and file.parent not in (self.program.photos, self.program.library, self.quarantine):
            file.parent.rename(file.parent.with_name(f"renamed {next(self.numbers)}"))

    @rule(data=st.data())
    def the_owner_deletes(self, data: st.DataObject) -> None:
        if path := self._any_file(data):
            path.unlink()

    @rule(data=st.data(), in_place=st.booleans())
    def the_owner_edits(self, data: st.DataObject, in_place: bool) -> None:
        path = self._any_file(data)
        if path and path.suffix == ".jpg":
            edited = path.read_bytes().partition(b" edited ")[0] + b" edited %d" % (next(self.numbers) % _EDITS)
            spare = path if in_place else path.with_name("being written")
            spare.write_bytes(edited)
            spare.replace(path)

    # ------------------------------------------------------------ sameshot

    @rule(kill_at=_KILLS)
    def scans(self, kill_at: int | None) -> None:
        self._does("scan", kill_at)

    @rule(data=st.data(), kind=st.sampled_from(["together", "apart", "keep"]), kill_at=_KILLS)
    def the_owner_says(self, data: st.DataObject, kind: str, kill_at: int | None) -> None:
        files = self._files()
        if len(files) > 1:
            said = data.draw(st.lists(st.sampled_from(files), min_size=1 + (kind != "keep"), max_size=3, unique=True))
            self._does(kind, kill_at, files=tuple(said))

    @rule(
        action=st.sampled_from(["copy", "move", "hardlink", "symlink"]),
        layout=_LAYOUTS,
        outliers=st.sampled_from([None, "alone/"]),
        overwrite=st.booleans(),
        kill_at=_KILLS,
    )
    def files(self, action: str, layout: str, outliers: str | None, overwrite: bool, kill_at: int | None) -> None:
        self._does("scan")
        options: dict[str, Any] = {"action": action, "layout": layout, "outliers": outliers, "overwrite": overwrite}
        self._does("apply", kill_at, **options)

    @rule(remove=st.booleans(), kill_at=_KILLS)
    def ranks(self, remove: bool, kill_at: int | None) -> None:
        self._does("scan")
        self._does("rank", kill_at, folders=(self.program.photos,), remove=remove)

    @rule(verified=st.booleans(), kill_at=_KILLS)
    def takes_duplicates_away(self, verified: bool, kill_at: int | None) -> None:
        self._does("dedupe", kill_at, to="quarantine", quarantine=self.quarantine, verified=verified)

    @rule(kill_at=_KILLS)
    def merges_folders(self, kill_at: int | None) -> None:
        self._does("apply", kill_at, only="merge")

    @rule(everything=st.booleans(), kill_at=_KILLS)
    def takes_back(self, everything: bool, kill_at: int | None) -> None:
        self._does("undo", kill_at, everything=everything, last=not everything)

    @rule(data=st.data(), kill_at=_KILLS)
    def takes_one_file_or_folder_back(self, data: st.DataObject, kill_at: int | None) -> None:
        if places := sorted({place for one in self._locations() for place in (one.target, one.target.parent)}):
            self._does("undo", kill_at, files=(data.draw(st.sampled_from(places)),))

    @rule(
        verb=st.sampled_from(["apply", "rank", "dedupe"]),
        action=st.sampled_from(["copy", "move", "hardlink", "symlink"]),
    )
    def does_and_takes_back(self, verb: str, action: str) -> None:
        options: dict[str, dict[str, Any]] = {
            "apply": {"action": action, "layout": "{group}/"},
            "rank": {"folders": (self.program.photos,)},
            "dedupe": {"to": "quarantine", "quarantine": self.quarantine},
        }
        self._does("scan")
        before = self._tree()
        done = self._does(verb, **options[verb])
        if done and done["batch"]:
            assert self._does("undo", batches=(done["batch"],))["refused"] == []
            made = [path for path, facts in self._tree().items() if facts is None and path not in before]
            assert made == []
            assert self._tree() == before

    def _does(self, verb: str, kill_at: int | None = None, **arguments: Any) -> Any:
        before, done = self._kept(), None

        def act() -> None:
            nonlocal done
            function = VERBS[verb].load()
            with self._app() as app, contextlib.suppress(BadInput, RootUnavailable):
                if verb == "scan":
                    self._never_waits(app)
                done = as_json(function(app, **bind(function, arguments)))

        self.counts[verb] += 1
        if kill_at is None:
            act()
        else:
            self.counts[f"{verb} killed"] += killed_after(kill_at, act, _STORE_CHANGES)
            self._nothing_is_gone(before)
            self.counts["recovery killed"] += killed_after(kill_at // 2 + 1, self._recovers, _STORE_CHANGES)
            self._nothing_is_gone(before)
            self._recovers()
        self._nothing_is_gone(before, is_settled=True)
        return done

    def _recovers(self) -> None:
        with self._app() as app:
            assert app.recovered.unsettled == ()

    @contextmanager
    def _app(self) -> Iterator[App]:
        with open_app(self.loaded, self.program.locations, lambda *_: None, verb="test", writing=True) as app:
            app.workers = RememberingWorkers()
            yield app

    def _never_waits(self, app: App) -> None:
        """Lets the time that the flow would wait in vain pass at once."""

        def now() -> float:
            return time.time() + workers.waited_s

        workers = RememberingWorkers()
        app.workers, app.now = workers, now
        app.flow = Flow(app.store, app.index, workers, app.settings, now)

    # ------------------------------------------------------------ what holds

    @invariant()
    def the_journal_knows_the_places(self) -> None:
        if hasattr(self, "program"):
            places = [location.target for location in self._locations()]
            assert len(places) == len(set(places))

    def _what_is_known_is_there(self) -> None:
        with self._app() as app:
            store = app.store
            known = {
                row.path
                for root in (self.program.photos, self.program.library)
                for folder in store.photos.folders_under(root)
                for row in store.photos.files_in(folder)
                if row.missing_since_s is None
            }
            assert [path for path in known if not os.path.lexists(path)] == []
            photos = {path for path in self._files() if path.is_relative_to(self.program.photos)}
            assert {path for path in photos if path.suffix == ".jpg"} <= known
            stages = store.photos.count()
            assert stages["seen"] + stages["settled"] + stages["looked"] + stages["linked"] == 0, stages
            assert app.flow.idle

    def _kept(self) -> tuple[set[str], Counter[str]]:
        """All contents, and how often each is there but for the copies and links that undo may take away."""
        found = self._tree()
        made = {str(one.target) for one in self._locations() if one.action != "move"}
        return set(contents(found)), contents({path: facts for path, facts in found.items() if path not in made})

    def _nothing_is_gone(self, before: tuple[set[str], Counter[str]], *, is_settled: bool = False) -> None:
        found = self._tree()
        there = contents(found)
        assert before[0] <= set(there)
        assert before[1] <= there
        if is_settled:
            assert own_names(found) == []

    def _locations(self) -> list[Location]:
        """What the journal says is where it is because of sameshot; read again where a batch was written to."""
        folder = self.program.locations.journal_dir
        batches = {path.name: path.stat() for path in folder.glob("*")}
        written = {name: (stat.st_size, stat.st_mtime_ns) for name, stat in batches.items()}
        if self.known_locations[0] != written:
            self.known_locations = (written, list(Journal(folder).locations()))
        return self.known_locations[1]

    def _tree(self) -> dict[str, Any]:
        return tree(self.program.photos, self.program.folder / "library", self.quarantine)

    def _files(self) -> list[Path]:
        return sorted(Path(path) for path, facts in self._tree().items() if facts and facts.content[:2] != "->")

    def _any_file(self, data: st.DataObject) -> Path | None:
        files = self._files()
        return data.draw(st.sampled_from(files)) if files else None

    def _put(self, name: Path, content: bytes) -> None:
        path = self.program.photos / name
        if not os.path.lexists(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, ns=(1, 1_700_000_000_000_000_000 + zlib.crc32(os.fsencode(name))))


_ANY_SPEED = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def models_nearby(models: Path) -> Iterator[Path]:
    """The models on the disk on which the histories happen."""
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder:
        yield Path(shutil.copytree(models, Path(folder) / "models"))


def histories(models: Path, pictures: list[bytes], examples: int, steps: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    kind = type("Program", (Program,), {"models": models, "pictures": pictures, "counts": counts})
    run_state_machine_as_test(kind, settings=settings(max_examples=examples, stateful_step_count=steps, **_ANY_SPEED))
    return counts


def test_short_histories_of_the_whole_program(models_nearby: Path, pictures: list[bytes]) -> None:
    assert histories(models_nearby, pictures, 2, 15)["histories"] >= 2


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(8))
def test_two_thousand_histories_of_the_whole_program(
    models_nearby: Path, pictures: list[bytes], part: int, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = histories(models_nearby, pictures, 250, 20)
    with capsys.disabled():
        print(f"\npart {part}: {', '.join(f'{number} {what}' for what, number in sorted(counts.items()))}")
    assert counts["histories"] >= 250
    killed = {what: number for what, number in counts.items() if what.endswith(" killed") and number}
    assert len(killed) >= 4, "which verbs are killed is drawn: one or two of them may be spared in one part"
    assert sum(killed.values()) >= 100
