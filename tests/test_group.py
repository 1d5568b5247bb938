"""Groups: stars that never chain, whatever the order, with the owner's word above all."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from sameshot.group.chain import chains
from sameshot.group.constraints import resolve
from sameshot.group.identity import lay_over, new_group_id
from sameshot.group.partition import Star, partition
from sameshot.group.representative import Near, certify
from sameshot.model import Link

FREE = resolve([])


def keys(count: int) -> dict[int, bytes]:
    return {content: bytes([content * 37 % 251, content]) for content in range(count)}


def near(scores: dict[tuple[int, int], float]) -> Near:
    found: dict[int, dict[int, float]] = {}
    for (a, b), score in scores.items():
        found.setdefault(a, {})[b] = found.setdefault(b, {})[a] = score
    return found


def sets_of(stars: list[Star]) -> set[frozenset[int]]:
    return {frozenset(star.members) for star in stars}


graphs = st.integers(1, 12).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.dictionaries(
            st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1]),
            st.floats(0.5, 1.0),
        ),
        st.lists(
            st.tuples(
                st.sampled_from(["together", "apart"]), st.integers(0, count - 1), st.integers(0, count - 1)
            ).filter(lambda word: word[1] != word[2]),
            max_size=6,
        ),
    )
)


@given(graphs, st.randoms())
def test_a_partition_is_whole_certified_and_free_of_order(graph, chance: random.Random) -> None:
    count, scores, said = graph
    links = [Link(a, b, score) for (a, b), score in scores.items()]
    constraints = resolve(said)
    stars = partition(range(count), links, constraints, keys(count))
    assert sorted(member for star in stars for member in star.members) == list(range(count))
    for star in stars:
        linked_blocks = {constraints.block(star.hub)} | {
            constraints.block(b if a == star.hub else a) for a, b in scores if star.hub in (a, b)
        }
        assert {constraints.block(member) for member in star.members} <= linked_blocks
    shuffled, contents = links[:], list(range(count))
    chance.shuffle(shuffled)
    chance.shuffle(contents)
    assert sets_of(partition(contents, shuffled, constraints, keys(count))) == sets_of(stars)


@given(graphs)
def test_the_newest_word_of_the_owner_holds(graph) -> None:
    count, scores, said = graph
    links = [Link(a, b, score) for (a, b), score in scores.items()]
    stars = partition(range(count), links, resolve(said), keys(count))
    where = {member: number for number, star in enumerate(stars) for member in star.members}
    if said:
        kind, a, b = said[-1]
        assert (where[a] == where[b]) == (kind == "together")


def test_a_chain_is_cut_where_the_likeness_ends() -> None:
    """500 drifting frames, each like the next two only: no set is wider than its hub's own links."""
    links = [Link(a, a + step, 0.9) for a in range(500) for step in (1, 2) if a + step < 500]
    order = {frame: frame.to_bytes(2, "big") for frame in range(500)}
    stars = partition(range(500), links, FREE, order)
    assert all(abs(member - star.hub) <= 2 for star in stars for member in star.members)
    assert max(len(star.members) for star in stars) == 5


def test_the_representative_is_the_best_of_those_like_all_others() -> None:
    scores = {(0, 1): 0.9, (0, 2): 0.8, (0, 3): 0.7, (1, 2): 0.9, (1, 3): 0.6}
    quality = {0: 0.1, 1: 0.5, 2: 0.4, 3: 0.9}
    best, members = certify(Star(0, (0, 1, 2, 3)), near(scores), quality, keys(4))
    assert best == 1  # 3 is better, but not measured as like 2
    assert {m.content: (m.score, m.certified_by) for m in members} == {
        1: (1.0, "itself"),
        0: (0.9, "measured"),
        2: (0.9, "measured"),
        3: (0.6, "measured"),
    }


def test_what_the_owner_keeps_stands_for_the_group() -> None:
    scores = {(0, 1): 0.9, (0, 2): 0.8}
    best, members = certify(Star(0, (0, 1, 2)), near(scores), {0: 0.9, 1: 0.5, 2: 0.1}, keys(3), kept={2: 5, 1: 4})
    assert best == 2
    assert {m.content: (m.score, m.certified_by) for m in members} == {
        2: (1.0, "itself"),
        0: (0.8, "measured"),
        1: (0.9, "kept"),
    }


def test_ids_follow_the_largest_share() -> None:
    known = {1: "g1", 2: "g1", 3: "g1", 4: "g2", 5: "g2"}
    fresh = iter(["new1", "new2"])
    assert lay_over(known, [[4], [1, 2, 5], [3], [9]], lambda: next(fresh)) == ["g2", "g1", "new1", "new2"]


def test_ids_sort_by_time() -> None:
    early, late = new_group_id(1_000), new_group_id(2_000)
    assert early < late
    assert len({new_group_id(5) for _ in range(100)}) == 100


def test_a_chain_is_one_group_where_a_star_is_two() -> None:
    links = [Link(0, 1, 0.9), Link(1, 2, 0.8), Link(2, 3, 0.9)]
    assert len(partition(range(5), links, FREE, keys(5))) > 2
    assert {frozenset(star.members) for star in chains(range(5), links, FREE, keys(5))} == {
        frozenset({0, 1, 2, 3}),
        frozenset({4}),
    }


def test_a_chain_breaks_at_its_weakest_link_where_the_owner_keeps_its_ends_apart() -> None:
    links = [Link(0, 1, 0.9), Link(1, 2, 0.7), Link(2, 3, 0.9)]
    apart = resolve([("apart", 0, 3)])
    assert {star.members for star in chains(range(4), links, apart, keys(4))} == {(0, 1), (2, 3)}
    whole = resolve([("together", 0, 4)])
    assert {frozenset(star.members) for star in chains(range(5), links, whole, keys(5))} == {frozenset(range(5))}


def test_a_chain_vouches_for_its_members_by_their_strongest_link() -> None:
    scores = {(0, 1): 0.9, (1, 2): 0.8, (2, 3): 0.7}
    best, members = certify(
        Star(1, (0, 1, 2, 3)), near(scores), {0: 0.1, 1: 0.9, 2: 0.5, 3: 0.2}, keys(4), chained=True
    )
    assert best == 1
    assert {m.content: (m.score, m.certified_by) for m in members} == {
        1: (1.0, "itself"), 0: (0.9, "measured"), 2: (0.8, "measured"), 3: (0.7, "chain"),
    }  # fmt: skip
