"""Every clusterer labels everything, the same in any order; the best one is chosen with reasons."""

import subprocess
import sys
from typing import get_args

import numpy as np
import pytest

from sameshot.config_keys import Config
from sameshot.group.clusterers import CLUSTERERS, DEFAULT_GRID, Unsuitable, cluster, combinations, neighbourhoods
from sameshot.group.selection import MEASURES, Candidate, ranked, reasons, select
from sameshot.verbs.recluster import METHODS, NEIGHBOURHOODS_FROM

FITTING = {
    "number_of_clusters": (6,), "max_iter": (200,), "eps": (0.5,), "min_samples": (2,),
    "min_cluster_size": (3,), "max_cluster_size": (None,),
}  # fmt: skip


def drawn(shots: int = 6, each: int = 8, alone: int = 0, seed: int = 0, spread: float = 0.05):
    """Unit vectors of `shots` clusters and of some that are alone; their keys and the true labels."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(shots + alone, 32))
    truth = np.array([shot for shot in range(shots) for _ in range(each)] + list(range(shots, shots + alone)))
    vectors = centres[truth] / np.linalg.norm(centres[truth], axis=1, keepdims=True)
    vectors = vectors + rng.normal(size=vectors.shape) * spread
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return vectors, [rng.bytes(32) for _ in truth], truth


def partition_of(labels, keys):
    return {frozenset(key for key, label in zip(keys, labels, strict=True) if label == one) for one in set(labels)}


@pytest.mark.parametrize("name", CLUSTERERS)
@pytest.mark.parametrize("alone", [0, 7])
def test_every_vector_has_a_label_whatever_the_order(name, alone):
    vectors, keys, _ = drawn(alone=alone)
    parameters = next(combinations(name, FITTING))
    labels = cluster(name, vectors, keys, parameters)
    assert labels.dtype == np.int64
    assert labels.shape == (len(vectors),)
    assert set(labels) == set(range(labels.max() + 1))
    rng = np.random.default_rng(1)
    for _ in range(4):
        shuffled = rng.permutation(len(vectors))
        again = cluster(name, vectors[shuffled], [keys[place] for place in shuffled], parameters)
        assert np.array_equal(again, labels[shuffled])


@pytest.mark.parametrize("name", CLUSTERERS)
def test_clear_clusters_are_found(name):
    vectors, keys, truth = drawn()
    labels = cluster(name, vectors, keys, next(combinations(name, FITTING)))
    assert partition_of(labels, keys) == partition_of(truth, keys)


def test_noise_is_alone_and_not_one_cluster():
    vectors, keys, truth = drawn(alone=7)
    for name in ("dbscan", "hdbscan", "components"):
        labels = cluster(name, vectors, keys, next(combinations(name, FITTING)))
        assert partition_of(labels, keys) == partition_of(truth, keys)


@pytest.mark.parametrize("name", CLUSTERERS)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_vectors_and_copies_are_labelled_or_refused_with_a_reason(name, count):
    vectors, keys, _ = drawn(shots=1, each=max(count, 1), spread=0.0)
    try:
        labels = cluster(name, vectors[:count], keys[:count], next(combinations(name, FITTING)))
    except Unsuitable as reason:
        assert str(reason)  # noqa: PT017 - either is right
    else:
        assert len(labels) == count


def test_more_than_a_method_can_hold_is_refused_with_the_number():
    vectors = np.zeros((20_001, 2), np.float32)
    keys = [number.to_bytes(4, "big") for number in range(20_001)]
    chain = np.array([(place, place + 1) for place in range(20_000)])
    for name in ("agglomerative", "hdbscan"):
        with pytest.raises(Unsuitable, match=r"20001 photos are more than the 20000 it can hold$"):
            cluster(name, vectors, keys, next(combinations(name, DEFAULT_GRID)))
        with pytest.raises(Unsuitable, match="and 20001 of them are one neighbourhood"):
            cluster(name, vectors, keys, next(combinations(name, DEFAULT_GRID)), chain)
    assert min(row.most for row in CLUSTERERS.values()) == NEIGHBOURHOODS_FROM


@pytest.mark.parametrize("name", ["agglomerative", "hdbscan"])
def test_where_there_are_too_many_a_method_runs_inside_neighbourhoods(name):
    """Sixty neighbourhoods of two shots each, among twenty thousand photos that look like nothing else."""
    shots, alone = 120, 20_000
    near, keys, truth = drawn(shots=shots, each=5, spread=0.02)
    far = np.random.default_rng(5).normal(size=(alone, 32)).astype(np.float32)
    vectors = np.concatenate([near, far / np.linalg.norm(far, axis=1, keepdims=True)])
    keys = keys + [b"far" + number.to_bytes(4, "big") for number in range(alone)]
    alike = np.array([(one, one + 1) for one in range(len(near) - 1) if one % 10 != 9])
    assert len(set(neighbourhoods(len(vectors), alike))) == 60 + alone
    parameters = {"number_of_clusters": shots, "min_cluster_size": 3, "max_cluster_size": None}
    labels = cluster(name, vectors, keys, parameters, alike)
    assert partition_of(labels[: len(near)], keys[: len(near)]) == partition_of(truth, keys[: len(near)])
    assert len(set(labels.tolist())) == shots + alone
    shuffled = np.random.default_rng(1).permutation(len(vectors))
    place = np.argsort(shuffled)
    again = cluster(name, vectors[shuffled], [keys[one] for one in shuffled], parameters, place[alike])
    assert np.array_equal(again, labels[shuffled])


def test_the_report_says_why_the_measures_lead_away_from_what_is_known():
    """Five of six photos are alone: who leaves nearly all alone pleases two of the measures more than who is right."""
    vectors, keys, truth = drawn(shots=8, each=3, alone=100, spread=0.08)
    grid = {**FITTING, "number_of_clusters": (30, 115), "eps": (0.05, 0.3, 0.7, 1.1), "min_samples": (2,)}
    rows = select(vectors, keys, ["kmeans", "dbscan", "components"], grid)
    told = reasons(rows, truth)
    assert told[0].startswith("Nearest to what is known (")
    assert [sentence.split(" alone would")[0] for sentence in told[1:4]] == list(MEASURES)
    assert all("of the photos alone; " in sentence for sentence in told[1:4])
    assert told[4].startswith("As known 81% are alone.")
    assert reasons(rows[:1], truth) == []


def test_the_config_offers_these_methods_and_parameters_and_their_defaults():
    config = Config().recluster
    assert get_args(type(config).model_fields["method"].annotation) == ("shot", "auto", *METHODS)
    assert tuple(CLUSTERERS) == METHODS
    assert config.grid == DEFAULT_GRID
    assert {name for row in CLUSTERERS.values() for name in row.parameters} == set(DEFAULT_GRID)


def test_every_combination_of_the_grid_is_tried_and_only_of_its_own_parameters():
    grid = {**DEFAULT_GRID, "eps": (0.3, 0.5), "min_samples": (2, 5, 9)}
    assert len(list(combinations("dbscan", grid))) == 6
    assert list(combinations("components", grid)) == [{"eps": 0.3}, {"eps": 0.5}]


def test_the_candidate_nearest_to_the_truth_wins_where_clusters_are_clear():
    vectors, keys, truth = drawn(shots=6, each=8)
    grid = {**FITTING, "number_of_clusters": (2, 3, 6, 12)}
    rows = select(vectors, keys, ["kmeans", "agglomerative"], grid)
    assert len(rows) == 8
    assert {rows[0].parameters["number_of_clusters"], rows[1].parameters["number_of_clusters"]} == {6}
    assert partition_of(rows[0].labels, keys) == partition_of(truth, keys)
    assert rows[0].clusters == 6
    shuffled = np.random.default_rng(2).permutation(len(vectors))
    again = select(vectors[shuffled], [keys[place] for place in shuffled], ["kmeans", "agglomerative"], grid)
    assert [(one.name, one.parameters, one.scores, one.ranks) for one in again] == [
        (one.name, one.parameters, one.scores, one.ranks) for one in rows
    ]


def test_degenerate_candidates_are_left_out_with_the_reason():
    vectors, keys, _ = drawn(shots=6, each=8)
    grid = {**FITTING, "number_of_clusters": (1, 48, 49), "eps": (0.001, 5.0)}
    rows = select(vectors, keys, ["kmeans", "components"], grid)
    assert [one.ranks for one in rows] == [None] * 5
    assert {one.excluded for one in rows} == {
        "all photos in one cluster", "all photos are alone", "48 photos are fewer than the clusters asked for",
    }  # fmt: skip


def test_ranks_are_summed_ties_share_and_the_sum_decides():
    def candidate(name, *scores):
        return Candidate(name, {}, np.zeros(1, np.int64), 1, 0, scores)

    rows = ranked(
        [
            candidate("a", 0.5, 100.0, 1.0),  # 2 + 1.5 + 2
            candidate("b", 0.7, 100.0, 0.5),  # 1 + 1.5 + 1
            candidate("c", 0.1, 5.0, 9.0),  # 3 + 3 + 3
            Candidate("d", {}, excluded="too many"),
        ]
    )
    assert [one.name for one in rows] == ["b", "a", "c", "d"]
    assert [one.ranks for one in rows] == [(1, 1.5, 1), (2, 1.5, 2), (3, 3, 3), None]
    assert [one.total for one in rows[:3]] == [3.5, 5.5, 9]


def test_the_service_never_loads_them():
    code = "import sys, sameshot.verbs.watch, sameshot.way.grouping; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
