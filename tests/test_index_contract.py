"""What any search over neighbours must do: the exact one and the graph, against a plain computation."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import threading

import numpy as np
import pytest

from sameshot.index.cosine import exact_cosines, rounding_margin, unit_vector
from sameshot.index.exact import ExactNeighbours
from sameshot.index.graph import GraphNeighbours
from sameshot.index.neighbours import NeighbourIndex

DIMENSION = 64


def shots(count: int, mates: int = 5, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    """Unit vectors in clusters, as photos of one shot are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count // mates + 1, dimension))
    vectors = np.repeat(centres, mates, 0)[:count] + 0.4 * rng.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=["exact", "graph"])
def index(request, tmp_path):
    found = NeighbourIndex(tmp_path / "index", "e", DIMENSION, exact_until=10**9 if request.param == "exact" else 0)
    yield found
    assert not len(found) or found.exact == (request.param == "exact")


def by_definition(vectors: dict[int, np.ndarray], query: np.ndarray, minimum: float) -> list[tuple[int, float]]:
    ids = list(vectors)
    query = unit_vector(query, DIMENSION)
    cosines = exact_cosines(query, np.array([unit_vector(vectors[i], DIMENSION) for i in ids]).reshape(-1, DIMENSION))
    found = [(i, cosine) for i, cosine in zip(ids, cosines, strict=True) if cosine >= minimum]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def test_search_finds_all_by_score_highest_first_ties_by_id(index):
    vectors = dict(enumerate(shots(1500)))
    vectors |= {5000 + n: vectors[7] for n in range(100)}  # more exact copies than any fixed count would return
    for content, vector in random.Random(1).sample(list(vectors.items()), len(vectors)):
        index.add(content, vector)
    assert len(index) == 1600
    for query in (3, 7, 700):
        for minimum in (0.999, 0.6, 0.3):
            assert index.search(vectors[query], minimum) == by_definition(vectors, vectors[query], minimum)
    assert [content for content, _ in index.search(vectors[7], 0.9999)] == [7, *range(5000, 5100)]
    assert len(index.search(vectors[7], -1.0)) == 1600
    np.testing.assert_array_equal(index.vector(5099), unit_vector(vectors[7], DIMENSION))
    index.remove(5099)
    assert index.vector(5099) is None
    assert index.vector(9999) is None


def test_nearest_is_the_head_of_the_search(index):
    vectors = dict(enumerate(shots(600)))
    for content, vector in vectors.items():
        index.add(content, vector)
    assert index.nearest(vectors[9], 5) == by_definition(vectors, vectors[9], -1.0)[:5]
    assert index.nearest(vectors[9], 10_000) == by_definition(vectors, vectors[9], -1.0)
    assert index.nearest(vectors[9], 0) == []


def test_an_empty_index_finds_nothing(index):
    assert index.search(np.ones(DIMENSION, np.float32), -1.0) == []
    assert index.nearest(np.ones(DIMENSION, np.float32), 3) == []
    index.remove(3)
    assert len(index) == 0
    index.add(3, np.ones(DIMENSION, np.float32))
    index.remove(3)
    assert 3 not in index
    assert index.nearest(np.ones(DIMENSION, np.float32), 3) == []
    assert index.search(np.ones(DIMENSION, np.float32), -1.0) == []


def test_churn_leaves_what_a_dictionary_holds(index):
    rng = random.Random(3)
    pool = shots(900)
    held: dict[int, np.ndarray] = {}
    for _ in range(2500):
        content = rng.randrange(300)
        if rng.random() < 0.45:
            index.remove(content)
            held.pop(content, None)
        else:  # a new one, a known one, or one that was removed, often with another vector
            held[content] = pool[rng.randrange(900)]
            index.add(content, held[content])
        assert len(index) == len(held)
    assert {content for content in range(300) if content in index} == set(held)
    for content, vector in held.items():
        assert index.search(vector, 0.6) == by_definition(held, vector, 0.6), content


@pytest.mark.parametrize(
    ("content", "vector"),
    [
        (1, np.zeros(DIMENSION, np.float32)),
        (1, np.full(DIMENSION, np.nan, np.float32)),
        (1, np.full(DIMENSION, np.inf, np.float32)),
        (1, np.ones(DIMENSION + 1, np.float32)),
        (1, np.ones((1, DIMENSION), np.float32)),
        (-1, np.ones(DIMENSION, np.float32)),
    ],
)
def test_what_has_no_cosine_is_refused_and_changes_nothing(index, content, vector):
    index.add(7, np.ones(DIMENSION, np.float32))
    with pytest.raises(ValueError, match=r"vector|content id"):
        index.add(content, vector)
    if content > 0:
        with pytest.raises(ValueError, match="vector"):
            index.search(vector, 0.5)
        with pytest.raises(ValueError, match="vector"):
            index.nearest(vector, 1)
    assert len(index) == 1
    assert index.nearest(np.ones(DIMENSION, np.float32), 5) == [(7, pytest.approx(1.0, abs=1e-6))]


def test_a_score_is_the_same_from_both_sides_and_from_any_place_in_the_index(index):
    vectors = shots(400, mates=40)
    seen: dict[tuple[int, int], float] = {}
    for order in (range(400), random.Random(2).sample(range(400), 400)):
        for content in range(400):
            index.remove(content)
        for content in order:
            index.add(content, vectors[content])
        for content in range(0, 400, 3):
            for other, cosine in index.search(vectors[content], 0.5):
                pair = (min(content, other), max(content, other))
                assert seen.setdefault(pair, cosine) == cosine
    assert len(seen) > 1000
    # So a threshold that equals a score exactly is met from both sides.
    (first, second), cosine = next((pair, cosine) for pair, cosine in seen.items() if pair[0] != pair[1])
    assert second in dict(index.search(vectors[first], cosine))
    assert first in dict(index.search(vectors[second], cosine))
    above = math.nextafter(cosine, 2)
    assert second not in dict(index.search(vectors[first], above))
    assert first not in dict(index.search(vectors[second], above))


def test_adding_and_searching_from_threads_is_safe(index):
    vectors = shots(1200)
    problems: list[BaseException] = []

    def search() -> None:
        try:
            for query in range(0, 1200, 8):
                index.search(vectors[query], 0.6)
                index.nearest(vectors[query], 10)
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)

    index.add(0, vectors[0])
    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for content, vector in enumerate(vectors):
        index.add(content, vector)
        if content % 7 == 3:
            index.remove(content)
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(index) == 1200 - len(range(3, 1200, 7))


def test_the_margin_covers_what_float32_products_lose():
    rng = np.random.default_rng(5)
    for dimension in (16, 256, 1280):
        rows = rng.normal(size=(300, dimension)) * rng.lognormal(0, 2, size=(300, dimension))
        rows = np.array([unit_vector(row.astype(np.float32), dimension) for row in rows])
        for query in rows[:5]:
            error = np.abs((rows @ query).astype(np.float64) - exact_cosines(query, rows))
            assert error.max() < rounding_margin(dimension)


def test_the_graph_agrees_with_exact_search(tmp_path):
    vectors = shots(6000, mates=8, dimension=DIMENSION)
    exact, graph = ExactNeighbours(DIMENSION), GraphNeighbours(DIMENSION)
    for content, vector in enumerate(vectors):
        unit = unit_vector(vector, DIMENSION)
        exact.add(content, unit)
        graph.add(content, unit)
    for content in range(1100):
        exact.remove(content)
        graph.remove(content)
    assert graph.dead  # its fifth is not reached yet: removed ones are only marked
    hits = found = agreeing = 0
    queries = range(0, 6000, 17)
    for query in queries:
        unit = unit_vector(vectors[query], DIMENSION)
        truth = {content for content, _ in exact.nearest(unit, 10)}
        hits += len(truth & {content for content, _ in graph.nearest(unit, 10)})
        found += len(truth)
        agreeing += exact.search(unit, 0.6) == graph.search(unit, 0.6)
    assert hits / found >= 0.99
    assert agreeing / len(queries) >= 0.99
    for content in range(1100, 1400):
        graph.remove(content)
    assert len(graph.dead) < 300  # built anew on the way
    assert len(graph) == 4600


def test_it_moves_on_to_the_graph_beyond_the_limit_a_part_at_a_time_and_stays_right(tmp_path):
    pool = shots(2000)
    index = NeighbourIndex(tmp_path, "e", DIMENSION, exact_until=1000)
    vectors: dict[int, np.ndarray] = {}
    exact_at = []
    for content in range(1100):
        vectors[content] = pool[content]
        index.add(content, pool[content])
        if index.exact:
            exact_at.append(len(index))
        if content == 1001:  # while a part is here and a part there
            index.remove(3)
            del vectors[3]
            vectors[5] = pool[1999]
            index.add(5, pool[1999])
        if content % 200 == 0 or 999 < content < 1008:
            assert index.search(pool[content], 0.5) == by_definition(vectors, pool[content], 0.5)
    assert 1000 < max(exact_at) < 1010
    assert not index.exact
    assert len(index) == 1099
    for vector in list(vectors.values())[::40]:
        assert index.search(vector, 0.6) == by_definition(vectors, vector, 0.6)


def test_a_small_collection_never_loads_the_graph_library_and_stays_small(tmp_path):
    program = f"""
import resource, sys
from pathlib import Path
import numpy as np
from sameshot.index.neighbours import NeighbourIndex
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
index = NeighbourIndex(Path({str(tmp_path)!r}), "e", 256)
rng = np.random.default_rng(0)
for content in range(10_000):
    index.add(content, rng.normal(size=256).astype(np.float32))
index.search(rng.normal(size=256).astype(np.float32), 0.5)
assert not index.save("1")
assert not index.load("1", lambda: [])
assert "hnswlib" not in sys.modules
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert int(done.stdout) / 1024 < 40
    assert list(tmp_path.iterdir()) == []


def test_around_tells_who_wants_a_content_and_all_others_from_the_nearest_on(index):
    vectors = dict(enumerate(shots(400, mates=20)))
    for content, vector in vectors.items():
        index.add(content, vector)
    near = by_definition(vectors, vectors[9], 0.2)
    bound = {content: cosine + (1e-9 if content % 2 else 0) for content, cosine in near}  # the odd ones reach less far
    for content, cosine in bound.items():
        assert index.set_reach(content, cosine)
        assert index.reach(content) == cosine
    wanting, outwards = index.around(vectors[9], 0.2)
    assert [one for one in wanting if one[0] in bound] == [one for one in near if one[0] % 2 == 0]
    assert list(outwards) == near
    assert len(near) < 400


def test_a_walk_outwards_tells_nobody_twice_whatever_is_added_meanwhile(index):
    vectors = shots(600, mates=300)
    for content in range(300):
        index.add(content, vectors[content])
    _, outwards = index.around(vectors[0], -1.0)
    told = [next(outwards) for _ in range(50)]
    for content in range(300, 310):
        index.add(content, vectors[content - 300])  # exact copies of the nearest: all others move on
    told += outwards
    assert len({content for content, _ in told}) == len(told)
    assert {content for content, _ in told} >= set(range(300))


def test_a_content_in_the_place_of_a_removed_one_has_no_reach(index):
    vectors = shots(3)
    for content in (0, 1):
        index.add(content, vectors[content])
    index.set_reach(1, 0.75)
    index.remove(1)
    index.add(2, vectors[2])
    index.add(1, vectors[1])
    assert (index.reach(2), index.reach(1)) == (-1.0, -1.0)


def test_exact_search_beyond_one_block_is_exact():
    vectors = shots(9000, mates=30)
    exact = ExactNeighbours(DIMENSION)
    for content, vector in enumerate(vectors):
        exact.add(content, unit_vector(vector, DIMENSION))
    for content in range(0, 9000, 7):
        exact.remove(content)
    held = {content: vectors[content] for content in range(9000) if content % 7}
    for content in (1, 4095, 4097, 8999):
        unit = unit_vector(vectors[content], DIMENSION)
        assert exact.search(unit, 0.5) == by_definition(held, vectors[content], 0.5)
        assert exact.nearest(unit, 40) == by_definition(held, vectors[content], -1.0)[:40]
    assert {content for content, _ in exact.items()} == set(held)
    assert all(np.array_equal(row, unit_vector(vectors[content], DIMENSION)) for content, row in exact.items())


def test_a_cosine_is_the_sum_rounded_once():
    for dimension in (1, 2, 3, 7, 255, 256, 1280):
        rng = np.random.default_rng(dimension)
        rows = rng.normal(size=(70, dimension)) * rng.lognormal(0, 3, size=(70, dimension))
        rows = np.array([unit_vector(row.astype(np.float32), dimension) for row in rows])
        products = rows.astype(np.float64) * rows[0].astype(np.float64)
        assert exact_cosines(rows[0], rows) == [min(math.fsum(row), 1.0) for row in products.tolist()]
        assert exact_cosines(rows[0], rows[5:6]) == exact_cosines(rows[5], rows[:1])
