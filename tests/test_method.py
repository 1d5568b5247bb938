"""The whole program with another method, other candidates, another linkage: what was compared, and what it comes to."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import drawn
from running import Installation
from sameshot.store.store import Store

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def small(installation: Installation) -> Installation:
    """Two bursts of two, and one that is alone."""
    for name, seed in (("a", 1), ("b", 2)):
        base = drawn.scene(seed, 600, 400)
        drawn.save(base, installation.photos / f"{name}1.jpg")
        drawn.save(drawn.burst_frame(base, 5), installation.photos / f"{name}2.jpg")
    drawn.save(drawn.scene(9, 600, 400), installation.photos / "c.jpg")
    return installation


PAIRS = {frozenset({"a1.jpg", "a2.jpg"}), frozenset({"b1.jpg", "b2.jpg"})}


def links(installation: Installation):
    with Store.open(installation.locations.database, read_only=True) as store:
        return store.links.of(store.contents.ids())


@pytest.mark.parametrize(("method", "threshold"), [("imagehash", 0.9), ("ssim", 0.4), ("embedding", 0.9)])
def test_one_measure_alone_decides(small: Installation, method: str, threshold: float) -> None:
    small.configure(same_shot={"method": method, "threshold": threshold})
    small.scan()
    assert small.partition() == PAIRS
    for link in links(small):
        assert list(link.evidence) == [method]
        assert link.score == link.evidence[method]


def test_all_pairs_of_a_batch_are_compared_once_and_again_after_a_change(small: Installation) -> None:
    small.configure(same_shot={"method": "imagehash", "threshold": 0.9, "candidates": "all"})
    small.scan()
    assert len(links(small)) == 10
    assert small.partition() == PAIRS
    small.scan()
    assert small.asked["compare"] == 0
    small.configure(same_shot={"method": "template", "threshold": 0.97, "candidates": "all", "size": [48, 32]})
    small.scan()
    assert {name for link in links(small) for name in link.evidence} == {"template"}
    assert small.asked["measure"] == 5
    assert small.asked["look"] == 0
    small.configure(same_shot={"method": "template", "threshold": 0.0, "candidates": "all", "size": [48, 32]})
    small.scan()
    assert small.asked["compare"] == 0  # another threshold needs no new comparison
    assert len(small.groups()["groups"]) == 1


def test_all_pairs_are_those_of_a_batch(small: Installation) -> None:
    small.configure(same_shot={"method": "imagehash", "threshold": 0.9, "candidates": "all", "batch_size": 2})
    small.scan()
    assert {(1, 2), (3, 4)} <= {(link.first, link.second) for link in links(small)}


def test_a_chain_of_moving_frames_is_one_group_only_where_chains_are_asked_for(installation: Installation) -> None:
    wide = drawn.scene(3, 1800, 400)
    for number in range(4):
        frame = np.ascontiguousarray(wide[:, 300 * number : 300 * number + 600])
        drawn.save(cv2.resize(frame, (600, 400)), installation.photos / f"{number}.jpg")
    installation.configure(same_shot={"linkage": "chain"})
    installation.scan()
    (chain,) = installation.partition()
    assert len(chain) == 4
    installation.configure()
    installation.scan()
    assert len(max(installation.partition(), key=len)) < 4


def test_a_method_without_a_threshold_is_refused_in_one_sentence(small: Installation) -> None:
    small.configure(same_shot={"method": "ssim"})
    done = small.run("scan")
    assert done.code == 2
    assert "same_shot.threshold" in done.err
    assert "Traceback" not in done.err
