"""Rank prefixes: they sort as wanted everywhere, cost few renames, and come off again."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planned import CAMERA, Tree, moved, paths_of, photo
from sameshot.errors import BadInput
from sameshot.plan.rank import original_path, rank_plan, remove_rank_plan, wanted_order
from sameshot.plan.rank_insert import insert_order
from sameshot.plan.rank_keys import FIRST_KEY, LAST_KEY, ascending_keys, parse_ranked_name, ranked_name, unranked_name
from sameshot.plan.rank_order import rank_order


def vectors_of(count: int, seed: int = 1, dimension: int = 32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count // 20 + 1, dimension))
    vectors = centres[rng.integers(0, len(centres), count)] + 0.6 * rng.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def keys_of(count: int) -> list[bytes]:
    return [bytes(row) for row in np.random.default_rng(7).integers(0, 256, (count, 16), np.uint8)]


def natural(name: str) -> list[tuple[int, int, str]]:
    """As file managers sort: runs of digits by value, the rest without case."""
    return [
        (0, int(part), "") if re.match("[0-9]", part) else (1, 0, part.lower())
        for part in re.split(r"([0-9]+)", name)
        if part
    ]


def nearest_neighbour_chain(vectors: np.ndarray) -> np.ndarray:
    left, here, path = np.ones(len(vectors), bool), 0, [0]
    left[0] = False
    for _ in range(len(vectors) - 1):
        near = vectors @ vectors[here]
        near[~left] = -9
        here = int(near.argmax())
        left[here] = False
        path.append(here)
    return np.array(path)


def path_length(vectors: np.ndarray, order: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(vectors[order], axis=0), axis=1).sum(dtype=np.float64))


NAMES = st.one_of(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.builds(ranked_name, st.integers(FIRST_KEY, FIRST_KEY + 5), st.sampled_from(["a.jpg", "b.jpg"])),
    st.from_regex(r"[0-9]{6,9}[a-z]?[~_-][0-9]{1,4}\.jpg", fullmatch=True),
).filter(lambda name: name not in (".", ".."))


@settings(max_examples=100, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=12, unique_by=lambda name: unranked_name(name).casefold()), st.randoms())
def test_rank_sorts_alike_everywhere_and_comes_off_again(names, random):
    photos = [photo(number, name) for number, name in enumerate(names)]
    tree, before = Tree(photos), {view.id: original_path(view) for view in photos}
    for _ in range(3):
        wanted = random.sample(photos, len(photos))
        plan = rank_plan(wanted, taken=tree.names_in)
        tree.apply(plan)
        wanted = [moved(view, plan) for view in wanted]
        ordered = [view.path.name for view in wanted]
        assert sorted(ordered, key=lambda name: name.encode("utf-8", "surrogateescape")) == ordered
        assert sorted(ordered, key=natural) == ordered
        assert sorted(ordered, key=str.casefold) == ordered
        assert rank_plan(wanted, taken=tree.names_in).steps == ()
        photos = wanted
    plan = remove_rank_plan(photos, taken=tree.names_in)
    tree.apply(plan)
    assert {view.id: moved(view, plan).path for view in photos} == before


def test_companions_get_the_prefix_and_lose_it_together():
    view = photo(1, "IMG_1.jpg", ["IMG_1.xmp", "IMG_1.jpg.xmp", "IMG_E1.mov"])
    tree = Tree([view])
    plan = rank_plan([view], taken=tree.names_in)
    assert len({step.target.name[:10] for step in plan.steps}) == 1
    assert {step.unit for step in plan.steps} == {0}
    tree.apply(plan)
    plan = remove_rank_plan([moved(view, plan)], taken=tree.names_in)
    tree.apply(plan)
    assert sorted(tree.files) == sorted(paths_of(view))


def test_a_name_without_room_is_left_alone_and_a_taken_original_is_said():
    long = photo(1, "x" * 250 + ".jpg")
    plan = rank_plan([long, photo(2)], taken=Tree([long, photo(2)]).names_in)
    assert [step.source.name for step in plan.steps] == ["IMG_2.jpg"]
    assert "too long" in plan.warnings[0]
    ranked = photo(3, ranked_name(FIRST_KEY, "a.jpg"))
    plan = remove_rank_plan([ranked], taken=Tree([ranked], [CAMERA / "A.jpg"]).names_in)
    assert plan.steps[0].target.name == "a (2).jpg"
    assert "taken" in plan.warnings[0]


@pytest.mark.parametrize(
    "name", ["20240517-a.jpg", "20240517~a.jpg", "10000000-a.jpg", "IMG_10000000b~.jpg", "010000000b~a"]
)
def test_names_that_only_resemble_a_rank_are_originals(name):
    assert parse_ranked_name(name) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 40)), max_size=40))
def test_keys_ascend_and_no_more_change_than_must(present):
    present = [None if key is None else FIRST_KEY + key for key in present]
    keys = ascending_keys(present)
    assert all(low < high for low, high in pairwise(keys))
    assert all(FIRST_KEY <= key <= LAST_KEY for key in keys)
    changed = {key for key, old in zip(keys, present, strict=True) if key != old}
    assert changed.isdisjoint(key for key in present if key is not None)


def test_a_gap_used_up_a_thousand_times_renames_few():
    keys, changed = ascending_keys([None] * 5000), 0
    for _ in range(1000):
        present: list[int | None] = [*keys[:2500], None, *keys[2500:]]
        keys = ascending_keys(present)
        changed += sum(new != old for new, old in zip(keys, present, strict=True))
    assert changed < 20_000


def test_the_order_does_not_depend_on_arrival_and_beats_the_plain_chain():
    vectors, keys = vectors_of(1500), keys_of(1500)
    order = rank_order(vectors, keys=keys)
    assert sorted(order.tolist()) == list(range(1500))
    shuffle = np.random.default_rng(3).permutation(1500)
    again = rank_order(vectors[shuffle], keys=[keys[index] for index in shuffle])
    assert (shuffle[again] == order).all()
    assert path_length(vectors, order) < path_length(vectors, nearest_neighbour_chain(vectors))


def test_exhaustive_is_no_longer_and_has_a_limit():
    vectors, keys = vectors_of(300), keys_of(300)
    fast, full = (rank_order(vectors, keys=keys, method=method) for method in ("fast", "exhaustive"))
    assert path_length(vectors, full) < 1.01 * path_length(vectors, fast)
    with pytest.raises(BadInput, match="exhaustive"):
        rank_order(np.zeros((3001, 2), np.float32), keys=keys_of(3001), method="exhaustive")
    with pytest.raises(BadInput, match="finite"):
        rank_order(np.full((3, 2), np.nan, np.float32), keys=keys_of(3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=40), st.integers(0, 9), st.data())
def test_groups_stay_adjacent(groups, seed, data):
    vectors, keys = vectors_of(len(groups), seed, 3), keys_of(len(groups))
    old = data.draw(st.integers(1, len(groups)))
    fresh = rank_order(vectors, keys=keys, groups=groups)
    inserted = insert_order(
        vectors, rank_order(vectors[:old], keys=keys[:old], groups=groups[:old]), keys=keys, groups=groups
    )
    for order in (fresh, inserted):
        assert sorted(order.tolist()) == list(range(len(groups)))
        shots = [groups[index] if groups[index] is not None else ("alone", index) for index in order]
        assert sum(one != two for one, two in pairwise(shots)) == len(set(shots)) - 1
    assert [index for index in inserted if index < old] == rank_order(
        vectors[:old], keys=keys[:old], groups=groups[:old]
    ).tolist()


def test_many_copies_of_one_picture_are_no_trouble():
    vectors = np.ones((400, 4), np.float32)
    assert sorted(rank_order(vectors, keys=keys_of(400)).tolist()) == list(range(400))


def check_growth(count: int, new: int, dimension: int) -> None:
    vectors = vectors_of(count + new, dimension=dimension)
    photos = [photo(number, folder=Path("/p")) for number in range(count + new)]
    names: set[str] = {view.path.name for view in photos}
    old = wanted_order(photos[:count], vectors[:count], groups={})
    plan = rank_plan(old, taken=lambda _: names)
    targets = {step.source: step for step in plan.steps}
    names = {step.target.name for step in plan.steps} | {view.path.name for view in photos[count:]}
    assert len(targets) == count
    known = [photo(view.id, targets[view.path].target.name, folder=Path("/p")) for view in photos[:count]] + photos[
        count:
    ]
    grown = wanted_order(known, vectors, groups={})
    assert len(rank_plan(grown, taken=lambda _: names).steps) <= new * 1.1
    fresh = rank_order(vectors, keys=[view.digest for view in known])
    order = np.array([view.id for view in grown])
    assert path_length(vectors, order) <= 1.05 * path_length(vectors, fresh)


def test_new_photos_rename_few_others():
    check_growth(2000, 100, 32)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_new_photos_among_fifty_thousand_rename_a_hundred():
    check_growth(50_000, 100, 256)


def test_names_that_differ_in_case_or_accents_alone_come_back() -> None:
    names = ["IMG_100.JPG", "IMG_100.jpg", "caf\u00e9.jpg", "cafe\u0301.jpg"]
    photos = [photo(number, name) for number, name in enumerate(names, 1)]
    ranked = rank_plan(photos, taken=Tree(photos).names_in)
    photos = [moved(view, ranked) for view in photos]
    plan = remove_rank_plan(photos, taken=Tree(photos).names_in)
    assert sorted(step.target.name for step in plan.steps) == sorted(names)
    assert plan.warnings == ()
