"""The whole program with another method, other candidates, another linkage: what was compared, and what it comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import cv2
import numpy as np
import pytest

import drawn
from running import Installation
from sameshot.compare.measures import LARGEST_SIDE_PX, MEASURES, measure
from sameshot.config import load_config
from sameshot.errors import BadInput
from sameshot.store.store import Store
from sameshot.way.comparing import keep_one_kind_of_score, stored_scores
from sameshot.way.method import _pair_score_version

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


@pytest.mark.parametrize(("method", "shots"), [("moment", {"a", "b"}), ("camera", {"a", "b", "later"})])
def test_moment_and_camera_decide_alone_and_cost_no_second_look(
    installation: Installation, method: str, shots: set[str]
) -> None:
    start = datetime(2026, 5, 1, 10, 0)  # noqa: DTZ001 - cameras write no zone
    for seed, (name, seconds, camera) in enumerate(
        (("a", 0, "One"), ("b", 2, "One"), ("other", 1, "Two"), ("later", 86_400, "One"))
    ):
        photo = installation.photos / f"{name}.jpg"
        drawn.save(drawn.scene(seed, 300, 200), photo, taken_at=start + timedelta(seconds=seconds), camera=camera)
    installation.configure(same_shot={"method": method, "threshold": 0.5})
    installation.scan()
    assert {frozenset(name.removesuffix(".jpg") for name in shot) for shot in installation.partition()} == {
        frozenset(shots)
    }
    assert installation.asked["measure"] == 0
    for link in links(installation):
        assert link.evidence == {method: link.score}


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


def test_going_back_to_shortlists_leaves_no_pair_that_they_do_not_hold(small: Installation) -> None:
    stripes = np.where((np.mgrid[:400, :600][1] // 20) % 2, 255, 0).astype(np.uint8)
    drawn.save(np.dstack([stripes] * 3), small.photos / "stripes.jpg")
    small.scan()
    fresh = links(small)
    assert len(fresh) < 15
    small.configure(same_shot={"candidates": "all"})
    small.scan()
    assert len(links(small)) == 15
    with small.app() as app:
        assert len(stored_scores(app.store, 1, app.method.id, app.encoder.encoder_id)) == 5
    small.configure()
    small.scan()
    assert links(small) == fresh


def test_links_of_the_defaults_are_named_as_ever(small: Installation) -> None:
    small.scan()
    with small.app() as app:
        named = f"pair_score {_pair_score_version()} {app.encoder.encoder_id}"
        assert app.store.meta.get("links_of") == named
        app.store.links.clear()  # whoever compares anew would bring them back
    small.scan()
    assert links(small) == []


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{size: [64, 1025]}", "same_shot.size[1]: must be less than or equal to 1024, not 1025"),
        (
            "{size: [512, 64], scale: [4, 1]}",
            "same_shot.scale: must leave the 512 x 64 px of same_shot.size from 16 to",
        ),
        ("{method: minhash, scale: [1, 5]}", "same_shot.scale: must leave the 256 x 256 px of same_shot.size from 16"),
        ("{method: ssim, scale: [0.1, 1]}", "same_shot.scale: must leave the 128 x 128 px of same_shot.size from 16"),
        (
            "{threshold: 0.9, precision: 0.99}",
            "same_shot.precision: must be null where same_shot.threshold is given (keep one of the two), not 0.99",
        ),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_sentence(tmp_path, text: str, said: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"same_shot: {text}")
    with pytest.raises(BadInput) as refusal:
        load_config(config)
    assert f"1 problem, so nothing of it is used:\n  line 1, {said}" in str(refusal.value)


def test_what_the_config_allows_is_read_as_it_says(tmp_path) -> None:
    config = tmp_path / "config.yaml"
    for name, row in MEASURES.items():
        if row.size_px is None:
            continue
        config.write_text(f"same_shot: {{method: {name}, scale: [0.125, {LARGEST_SIDE_PX / row.size_px[1]}]}}")
        wanted = load_config(config).same_shot
        taken = measure(name, wanted.size, wanted.scale)
        assert taken.options == {"width_px": round(row.size_px[0] * 0.125), "height_px": LARGEST_SIDE_PX}


def test_a_change_that_was_interrupted_and_taken_back_compares_anew(installation: Installation) -> None:
    """Links go first, and what they were made as with them: else nobody makes them again."""
    paths = drawn.samples(installation.photos)
    installation.scan()
    before = installation.partition()
    with installation.app() as app:
        links = app.store.links.among(app.store.contents.ids())
        other = replace(app.method, id="minhash of another run")
        keep_one_kind_of_score(app.store, other, app.encoder.encoder_id)  # and there the run was killed
        assert not app.store.links.among(app.store.contents.ids())
    installation.scan()
    with installation.app() as app:
        again = app.store.links.among(app.store.contents.ids())
    assert {(link.first, link.second) for link in again} == {(link.first, link.second) for link in links}
    installation.ask("keep", files=[paths[0]])
    assert installation.partition() == before


def test_a_word_before_the_first_scan_after_a_change_does_not_pass_for_that_scan(installation: Installation) -> None:
    for scene in (1, 2):
        for frame in range(2):
            picture = drawn.burst_frame(drawn.scene(scene), frame)
            drawn.save(picture, installation.photos / f"{scene}-{frame}.jpg")
    installation.scan()
    shots = installation.partition()
    assert len(shots) == 2
    with installation.app() as app:  # as if groups were made otherwise before
        app.store.meta.set("compared_as", ["otherwise"])
        app.store.groups.clear()
    assert installation.run("keep", installation.photos / "1-0.jpg").code == 0
    installation.scan()
    assert installation.partition() == shots


def test_what_another_method_said_is_no_certificate(installation: Installation) -> None:
    paths = drawn.samples(installation.photos)
    installation.scan()
    installation.configure(same_shot={"method": "orb", "threshold": 0.2})
    rule = installation.ask("why", file=paths[1])["rule"]
    assert any("the next scan compares and groups anew" in sentence for sentence in rule)
    assert not any("at or above the threshold" in sentence for sentence in rule)
