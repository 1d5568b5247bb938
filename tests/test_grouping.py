"""Groups in a real store: free of order, stable when clustered anew, never chained, and whole where a kind vouches."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import comb
from pathlib import Path

import numpy as np
import pytest

import drawn
from running import Installation
from sameshot.group.clocks import ClockOffset, clock_offset
from sameshot.group.kinds import Switches
from sameshot.model import Capture, FileStat, FoundFile, Group, Identity, Link, Look, Quality, Shot
from sameshot.store.store import Store
from sameshot.way.grouping import kept_whole, regroup, regroup_all

START = datetime(2026, 5, 1, 10, 0)  # noqa: DTZ001 - cameras write no zone
THRESHOLD = 0.5
VECTOR = np.array([1.0, 0.0], np.float32)


@dataclass(frozen=True)
class World:
    """Photos by name, and the links among them by two names."""

    captures: Mapping[str, Capture]
    scores: Mapping[tuple[str, str], float]
    brightness: Mapping[str, float] = field(default_factory=dict)
    evidence: Mapping[tuple[str, str], dict[str, float]] = field(default_factory=dict)


class Library:
    """A store that photos of a world arrive in, as the flow has them arrive: looked at, linked, grouped."""

    def __init__(self, store: Store, world: World) -> None:
        self.store, self.world = store, world
        self.content_of: dict[str, int] = {}
        self._numbers = itertools.count()

    def arrive(self, names: Sequence[str], switches: Switches = Switches()) -> None:  # noqa: B008 - a frozen value
        for name in names:
            self._look(name)
        regroup(self.store, [self.content_of[name] for name in names], THRESHOLD, self.new_id, switches=switches)

    def new_id(self) -> str:
        return f"g{next(self._numbers):04}"

    def groups(self) -> list[Group]:
        return list(self.store.groups.all())

    def partition(self) -> set[frozenset[str]]:
        names = {content: name for name, content in self.content_of.items()}
        return {frozenset(names[member.content] for member in group.members) for group in self.groups()}

    def labels(self) -> dict[str, int]:
        """Name -> number of its group; a photo that is alone has one of its own."""
        group_of = self.store.groups.of(self.content_of.values())
        keys = {name: group_of.get(content, name) for name, content in self.content_of.items()}
        numbers = {key: number for number, key in enumerate(sorted(set(keys.values())))}
        return {name: numbers[key] for name, key in keys.items()}

    def _look(self, name: str) -> None:
        digest = name.encode().rjust(32, b"\0")
        content = self.store.contents.add(Identity(digest, digest, "JPEG"))
        quality = Quality(100.0, self.world.brightness.get(name, 0.5), 0.0)
        look = Look(3000, 2000, "JPEG", self.world.captures.get(name, Capture()), quality, "e", VECTOR, {})
        self.store.contents.save_look(content, look)
        stat = FileStat(1, content, 1000, 0, 0)
        photo = self.store.photos.register(Path("/photos"), Shot(FoundFile(Path(f"/photos/{name}.jpg"), stat)))
        self.store.photos.advance(photo, "linked", content)
        self.content_of[name] = content
        links = []
        for (a, b), score in self.world.scores.items():
            if name in (a, b) and (other := self.content_of.get(b if name == a else a)) not in (None, content):
                evidence = dict(self.world.evidence.get((a, b), {}))
                links.append(Link(min(content, other), max(content, other), score, evidence))
        self.store.links.save(links)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[object]:
    opened = []

    def make(world: World) -> Library:
        store = Store.open(tmp_path / f"{len(opened)}.db")
        opened.append(store)
        return Library(store, world)

    yield make
    for store in opened:
        store.close()


def rand_index(one: Sequence[int], other: Sequence[int]) -> float:
    """The adjusted Rand index of two labellings (Hubert and Arabie, 1985)."""
    table: dict[tuple[int, int], int] = {}
    for pair in zip(one, other, strict=True):
        table[pair] = table.get(pair, 0) + 1
    both = sum(comb(count, 2) for count in table.values())
    rows = sum(comb(one.count(label), 2) for label in set(one))
    columns = sum(comb(other.count(label), 2) for label in set(other))
    expected = rows * columns / comb(len(one), 2)
    most = (rows + columns) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def frame(at_s: float, **facts: object) -> Capture:
    known = {"camera": "Test One", "f_number": 8.0, "exposure_time_s": 1 / 125, "iso": 100.0, "focal_length_mm": 35.0}
    return Capture(taken_at=START + timedelta(seconds=at_s), **(known | facts))


def world(seed: int) -> World:  # noqa: C901 - one loop for each kind
    """Bursts that hang together loosely, brackets, sweeps, a time-lapse, chains across them, and loners."""
    chance = random.Random(seed)
    captures: dict[str, Capture] = {}
    scores: dict[tuple[str, str], float] = {}
    brightness: dict[str, float] = {}
    evidence: dict[tuple[str, str], dict[str, float]] = {}

    def link(a: str, b: str, score: float, step: float | None = None) -> None:
        scores[a, b] = score
        evidence[a, b] = {} if step is None else {"inliers": 40.0, "shift_x": step, "shift_y": 0.0}

    at_s = 0.0
    for shot in range(6):
        names = [f"burst{shot}-{n}" for n in range(chance.randint(2, 6))]
        for n, name in enumerate(names):
            captures[name] = frame(at_s + n * 0.4)
        for a, b in itertools.combinations(names, 2):
            link(a, b, round(chance.uniform(0.2, 1.0), 3))
        at_s += 600
    for shot, speeds in enumerate([(125, 500, 30), (60, 250, 15, 1000, 4)]):
        for n, speed in enumerate(speeds):
            name = f"bracket{shot}-{n}"
            captures[name] = frame(at_s + n * 0.8, exposure_time_s=1 / speed)
            brightness[name] = min(1.0, 0.45 * (speeds[0] / speed) ** (1 / 2.2))
        link(f"bracket{shot}-0", f"burst{shot}-0", 0.7)
        at_s += 600
    for n in range(5):
        captures[f"sweep-{n}"] = frame(at_s + 1.5 * n)
        if n:
            link(f"sweep-{n - 1}", f"sweep-{n}", 0.3, 0.4)
    at_s += 600
    for n in range(14):
        captures[f"lapse-{n:02}"] = frame(at_s + 10 * n)
        if n:
            link(f"lapse-{n - 1:02}", f"lapse-{n:02}", 0.8)
    for n in range(8):
        captures[f"alone-{n}"] = Capture()
        link(f"alone-{n}", chance.choice(list(captures)), round(chance.uniform(0.0, 0.7), 3))
    scores = {pair: score for pair, score in scores.items() if pair[0] != pair[1]}
    return World(captures, scores, brightness, evidence)


def test_any_order_and_chunking_give_the_groups_of_one_batch(library) -> None:
    scene = world(1)
    names = list(scene.captures)
    batch = library(scene)
    batch.arrive(names)
    expected = batch.labels()
    kinds = {group.kind for group in batch.groups()}
    assert {"bracket", "panorama", "time-lapse", "burst"} <= kinds
    for seed in range(20):
        chance = random.Random(seed)
        order = names[:]
        chance.shuffle(order)
        shuffled = library(scene)
        while order:
            size = chance.choice([1, 1, 2, 5, 20])
            shuffled.arrive(order[:size])
            del order[:size]
        found = shuffled.labels()
        assert rand_index([expected[name] for name in names], [found[name] for name in names]) == 1.0
        assert {group.kind for group in shuffled.groups()} == kinds


def test_clustering_anew_changes_nothing(library) -> None:
    scene = world(2)
    one = library(scene)
    for name in scene.captures:
        one.arrive([name])
    before, generation = one.groups(), one.store.groups.generation
    assert regroup_all(one.store, THRESHOLD, one.new_id).contents == set(one.content_of.values())
    assert one.groups() == before
    assert one.store.groups.generation == generation


def test_ids_survive_splits_and_merges_by_the_largest_share(library) -> None:
    names = ["a", "b", "c", "d", "e"]
    left, right = [("a", "b"), ("a", "c"), ("b", "c")], [("d", "e")]
    one = library(World(dict.fromkeys(names, Capture()), dict.fromkeys([*left, *right], 0.9)))
    one.arrive(names)
    ids = {frozenset(m.content for m in group.members): group.id for group in one.groups()}
    content = one.content_of
    large, small = ids[frozenset(content[n] for n in "abc")], ids[frozenset(content[n] for n in "de")]
    together = [Link(content["a"], content[n], 0.9) for n in "de"]
    one.store.links.save(together)
    regroup(one.store, [content["d"]], THRESHOLD, one.new_id)
    assert [group.id for group in one.groups()] == [large]
    one.store.links.save([Link(link.first, link.second, 0.1) for link in together])
    regroup(one.store, [content["a"]], THRESHOLD, one.new_id)
    assert {group.id: len(group.members) for group in one.groups()}.get(large) == 3
    assert small not in {group.id for group in one.groups()}  # what parted anew has a new id


# ---------------------------------------------------------------- no chains


def drifting(count: int, capture_at) -> World:
    """Frames of which each is like the next two only."""
    names = [f"{n:03}" for n in range(count)]
    scores = {(a, names[n + step]): 0.9 for n, a in enumerate(names) for step in (1, 2) if n + step < count}
    evidence = {(a, b): {"inliers": 60.0, "shift_x": 0.02 * (int(b) - int(a)), "shift_y": 0.0} for a, b in scores}
    return World({name: capture_at(n) for n, name in enumerate(names)}, scores, {}, evidence)


def check_certificates(one: Library) -> None:
    scores = {(link.first, link.second): link.score for link in one.store.links.among(one.content_of.values())}
    for group in one.groups():
        for member in group.members:
            pair = tuple(sorted((member.content, group.representative)))
            if member.certified_by == "measured":
                assert member.score == scores[pair] >= THRESHOLD
            else:
                assert member.certified_by == ("itself" if member.content == group.representative else group.kind)


def test_drifting_frames_without_a_kind_never_chain(library) -> None:
    chance = random.Random(5)
    for capture_at in (lambda _: Capture(), lambda n: frame(200 * n + chance.uniform(0, 70))):
        one = library(drifting(500, capture_at))
        one.arrive(list(one.world.captures))
        check_certificates(one)
        assert max(len(group.members) for group in one.groups()) == 5
        assert {group.kind for group in one.groups()} == {"near"}


@pytest.mark.parametrize(("kind", "interval_s"), [("time-lapse", 5.0), ("panorama", 0.7)])
def test_five_hundred_drifting_frames_of_one_kind_are_one_set_that_its_kind_vouches_for(
    library, kind: str, interval_s: float
) -> None:
    one = library(drifting(500, lambda n: frame(interval_s * n)))
    one.arrive(list(one.world.captures))
    (group,) = one.groups()
    assert (group.kind, len(group.members)) == (kind, 500)
    check_certificates(one)
    contents = set(one.content_of.values())
    assert kept_whole(one.store, contents) == contents


def test_a_set_is_one_group_as_soon_as_it_is_complete_and_ends_with_a_frame_that_goes(library) -> None:
    speeds = {"dark": 500, "usual": 125, "bright": 30}
    captures = {name: frame(n, exposure_time_s=1 / speed) for n, (name, speed) in enumerate(speeds.items())}
    one = library(World(captures, {}, {"dark": 0.2, "usual": 0.45, "bright": 0.85}))
    one.arrive(["bright"])
    one.arrive(["dark"])
    assert one.partition() == set()
    one.arrive(["usual"])
    (group,) = one.groups()
    assert (group.kind, {m.certified_by for m in group.members}) == ("bracket", {"itself", "bracket"})
    one.store.photos.set_missing([Path("/photos/dark.jpg")], 1.0)
    regroup(one.store, [one.content_of["dark"]], THRESHOLD, one.new_id)
    assert one.partition() == set()


def test_the_owner_may_part_a_set(library) -> None:
    speeds = {"dark": 500, "usual": 125, "bright": 30}
    captures = {name: frame(n, exposure_time_s=1 / speed) for n, (name, speed) in enumerate(speeds.items())}
    one = library(World(captures, {}, {"dark": 0.2, "usual": 0.45, "bright": 0.85}))
    one.arrive(list(captures))
    digests = {name: row.digest for name, c in one.content_of.items() for row in one.store.contents.get([c]).values()}
    one.store.verdicts.add("apart", [digests["dark"], digests["usual"]], 1.0)
    regroup(one.store, [one.content_of["dark"]], THRESHOLD, one.new_id)
    assert one.partition() == {frozenset({"usual", "bright"})}


def test_each_likeness_can_be_switched_off(library) -> None:
    captures = {"a1": frame(0), "a2": frame(0.5), "a3": frame(1.0), "retake": frame(90), "dark": frame(300)}
    for n, name in enumerate(("dark", "usual", "bright")):
        captures[name] = frame(300 + n, exposure_time_s=4.0**n / 500)
    pairs = itertools.combinations(("a1", "a2", "a3", "retake"), 2)
    scene = World(captures, dict.fromkeys(pairs, 0.9), {"dark": 0.2, "usual": 0.45, "bright": 0.85})
    burst, bracket = {"a1", "a2", "a3"}, {"dark", "usual", "bright"}

    def partition(**off: bool) -> list[set[str]]:
        one = library(scene)
        one.arrive(list(captures), Switches(**off))
        return sorted((set(group) for group in one.partition()), key=len)

    assert partition() == [bracket, burst | {"retake"}]
    assert partition(near=False) in ([burst, bracket], [bracket, burst])
    assert partition(sets=False) == [burst | {"retake"}]
    without_burst = partition(burst=False)
    assert all(len(group & burst) < 2 or "retake" in group for group in without_burst)
    assert partition(near=False, burst=False) == [bracket]


def test_the_hub_stays_while_a_burst_grows(library) -> None:
    """The representative of a set that grows is kept unless a better photo or a better connected one came."""
    names = [f"{n:02}" for n in range(20)]
    scene = World(
        {name: frame(0.3 * n) for n, name in enumerate(names)}, dict.fromkeys(itertools.combinations(names, 2), 0.9)
    )
    one = library(scene)
    seen = []
    for name in names:
        one.arrive([name])
        seen += [(group.id, group.representative) for group in one.groups()]
    assert len(set(seen)) == 1


def test_a_series_ends_at_a_pause_and_at_another_camera(library) -> None:
    captures = {f"{n:03}": frame(60.0 * n) for n in range(450)}  # more than the store reads at once
    captures |= {"late": frame(60.0 * 449 + 121), "other": frame(60.0, camera="Test Two"), "unknown": Capture()}
    one = library(World(captures, {}))
    one.arrive(list(captures))
    inside = [one.content_of[f"{n:03}"] for n in range(450)]
    for name in ("000", "200", "449"):
        assert one.store.moments.series(one.content_of[name], 120.0) == inside
    assert one.store.moments.series(one.content_of["other"], 120.0) == [one.content_of["other"]]
    assert one.store.moments.series(one.content_of["unknown"], 120.0) == []


def test_two_clocks_are_compared_over_the_links_between_two_cameras(library) -> None:
    captures = {f"one{n}": frame(600.0 * n) for n in range(4)}
    captures |= {f"two{n}": frame(600.0 * n + 7200, camera="Test Two") for n in range(4)}
    links = {(f"one{n}", f"two{n}"): 0.9 for n in range(3)} | {("one0", "one1"): 0.9, ("one3", "two3"): 0.2}
    one = library(World(captures, links))
    one.arrive([name for n in range(4) for name in ((f"one{n}", f"two{n}") if n % 2 else (f"two{n}", f"one{n}"))])
    moments = one.store.moments.linked_across("Test One", "Test Two", THRESHOLD)
    assert clock_offset(moments) == ClockOffset(7200.0, 3, 3)
    back = one.store.moments.linked_across("Test Two", "Test One", THRESHOLD)
    assert clock_offset(back) == ClockOffset(-7200.0, 3, 3)


# ---------------------------------------------------------------- through the real scan


def panned(seed: int, count: int, step: float) -> list[drawn.Pixels]:
    """Frames of a camera that turns, cut from one wide scene; `step` in frame widths."""
    wide = drawn.scene(seed, 1200 + int(1200 * step * (count - 1)), 800)
    return [wide[:, int(1200 * step * n) : int(1200 * step * n) + 1200] for n in range(count)]


def draw_sets(folder: Path) -> dict[str, list[str]]:
    """Sets of every kind with the metadata of a camera: name of the set -> names of its photos."""
    sets: dict[str, list[str]] = {}

    def save(kind: str, picture: drawn.Pixels, at_s: float, exposure_time_s: float = 1 / 125) -> None:
        name = f"{kind}-{len(sets.setdefault(kind, []))}.jpg"
        taken_at = START + timedelta(seconds=at_s)
        drawn.save(picture, folder / name, taken_at=taken_at, exposure_time_s=exposure_time_s)
        sets[kind].append(name)

    for n, stops_ev in enumerate((0.0, -3.0, 3.0)):
        save("bracket", drawn.exposed(drawn.scene(21), stops_ev), n, 2.0**stops_ev / 125)
    for n in range(4):
        save("burst", drawn.burst_frame(drawn.scene(22), n), 600 + 0.3 * n)
    for n, picture in enumerate(panned(23, 4, 0.45)):
        save("panorama", picture, 1200 + 1.5 * n)
    for n in range(12):
        save("time-lapse", drawn.exposed(drawn.burst_frame(drawn.scene(24), n), -0.12 * n), 1800 + 5 * n)
    for n in range(3):
        save("alone", drawn.scene(30 + n), 2400 + 300 * n)
    return sets


@pytest.mark.slow
def test_drawn_photos_fall_into_their_kinds_in_any_order(installation: Installation, tmp_path: Path) -> None:
    sets = draw_sets(tmp_path / "drawn")
    names = [name for photos in sets.values() for name in photos]
    random.Random(1).shuffle(names)
    while names:
        for name in names[:7]:
            (tmp_path / "drawn" / name).rename(installation.photos / name)
        del names[:7]
        installation.scan()
    groups = installation.groups()["groups"]
    found = {
        kind: {Path(photo["path"]).name for photo in group["photos"]} for group in groups if (kind := group["kind"])
    }
    assert found == {kind: set(photos) for kind, photos in sets.items() if kind != "alone"}
    with installation.app() as app:
        before = list(app.store.groups.all())
        regroup_all(app.store, app.link_threshold, lambda: "never")
        assert list(app.store.groups.all()) == before
    installation.configure(action="copy")
    assert installation.ask("apply")["refused"] == []
    with installation.app() as app:
        regroup_all(app.store, app.link_threshold, lambda: "never")
    assert installation.ask("plan")["steps"] == []


def test_more_than_is_grouped_at_once_comes_out_as_one_by_one(library) -> None:
    count = 1100
    names = [f"p{number:04}" for number in range(count)]
    scores = {(names[n], names[n + 700]): 0.9 for n in range(0, 400, 2)}  # ends that are in different parts
    whole = library(World({}, scores))
    for name in names:
        whole._look(name)
    region = regroup(whole.store, whole.content_of.values(), THRESHOLD, whole.new_id).contents
    assert region == set(whole.content_of.values())
    assert whole.partition() == {frozenset(pair) for pair in scores}
    before = whole.groups()
    assert regroup_all(whole.store, THRESHOLD, whole.new_id).contents == region
    assert whole.groups() == before


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_looked_at_photos_fall_into_the_same_groups_in_any_order(tmp_path: Path, models: Path) -> None:
    """As above, with looks, the index and the linker: pans of which no neighbours are strangers, and others."""
    drawn_to = tmp_path / "drawn"
    for number in range(5):
        wide = drawn.scene(40 + number, 1600, 400)
        for step in range(6):
            drawn.save(wide[:, 180 * step : 180 * step + 600], drawn_to / f"pan-{number}-{step}.jpg")
    for number in range(10):
        drawn.save(drawn.scene(60 + number), drawn_to / f"alone-{number}.jpg")
    names = sorted(path.name for path in drawn_to.iterdir())
    partitions = []
    for seed in range(20):
        installation = Installation(tmp_path / str(seed), models)
        chance = random.Random(seed)
        order = names[:] if seed == 0 else chance.sample(names, len(names))
        while order:
            size = len(names) if seed == 0 else chance.choice([1, 2, 10, 20])
            for name in order[:size]:
                shutil.copy(drawn_to / name, installation.photos / name)
            del order[:size]
            installation.scan()
        groups = installation.groups()["groups"]
        partitions.append({frozenset(Path(photo["path"]).name for photo in group["photos"]) for group in groups})
    assert len(partitions[0]) >= 5
    assert all(partition == partitions[0] for partition in partitions)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_frame_of_a_slow_pan_is_in_a_group_whose_best_photo_it_is_not_like(installation: Installation) -> None:
    """500 frames that nothing but their pixels tells of, over nearly seven frames' width."""
    wide = drawn.scene(7, 4592, 400)
    for number in range(500):
        drawn.save(wide[:, 8 * number : 8 * number + 600], installation.photos / f"{number:03}.jpg")
    installation.scan()
    with installation.app() as app:
        groups = list(app.store.groups.all())
        number_of = {
            content: int(views[0].path.stem)
            for content, views in app.store.photos.views(app.store.contents.ids()).items()
        }
        assert sum(len(group.members) for group in groups) > 450
        for group in groups:
            for member in group.members:
                assert member.certified_by in {"measured", "itself"}
                assert member.score >= app.link_threshold
        widest = max(
            abs(number_of[member.content] - number_of[group.representative])
            for group in groups
            for member in group.members
        )
    assert 8 * widest < 600, "no member shows nothing of what the representative shows"
