"""A challenger takes over only where it is surely better."""

import numpy as np
import pytest

from sameshot.embed.judging import FEWEST_SHOTS, average_precisions, judge


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def seen(shots, spread, seed=0):
    """Vectors of an encoder that sees shots apart, with so much noise."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(max(shots) + 1, 16))
    return unit(centres[shots] + spread * rng.normal(size=(len(shots), 16)))


SHOTS = np.repeat(np.arange(40), 3)


def test_average_precision_by_hand():
    vectors = unit(np.array([[1, 0], [1, 0.1], [1, 0.3], [0, 1], [-1, 0]], float))
    # The first finds its own in places 1 and 3 of: 0.1 (other shot), 0.3 ...
    shots = np.array([0, 1, 0, 0, 1])
    found = average_precisions(vectors, shots)
    assert found[0] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found[4] == pytest.approx(1 / 3)
    assert np.isnan(average_precisions(vectors, np.arange(5))).all()
    assert average_precisions(vectors, np.zeros(5, int)).tolist() == [1.0] * 5


def test_an_encoder_that_sees_everything_alike_finds_nothing():
    alike = np.tile(unit(np.ones((1, 4))), (len(SHOTS), 1))
    assert average_precisions(alike, SHOTS).max() < 0.02


def test_a_better_challenger_wins_and_the_reverse_does_not():
    good, bad = seen(SHOTS, 0.5), seen(SHOTS, 2.0, seed=1)
    won, lost = judge(bad, good, SHOTS), judge(good, bad, SHOTS)
    assert won.wins
    assert won.challenger > won.champion
    assert 0 < won.low < won.high
    assert not lost.wins
    assert (lost.low, lost.high) == pytest.approx((-won.high, -won.low), abs=0.02)
    assert f"{won.challenger:.4f} instead of {won.champion:.4f}" in won.why


def test_the_same_encoder_and_one_that_is_only_luckier_do_not_win():
    assert not judge(seen(SHOTS, 1.0), seen(SHOTS, 1.0), SHOTS).wins
    wins = sum(judge(seen(SHOTS, 1.0, seed), seen(SHOTS, 1.0, seed + 100), SHOTS).wins for seed in range(40))
    assert wins <= 4  # at this level one in forty is expected


def test_too_little_to_judge_by_never_wins():
    few = SHOTS[: 3 * (FEWEST_SHOTS - 1)]
    judged = judge(seen(few, 3.0), seen(few, 0.1), few)
    assert not judged.wins
    assert f"only {FEWEST_SHOTS - 1} shots" in judged.why
    nothing = np.zeros((0, 4), np.float32)
    assert not judge(nothing, nothing, np.zeros(0, np.int64)).wins


def test_many_pictures_of_one_shot_are_one_witness():
    """A challenger that is better for one shot of two hundred pictures only is not surely better."""
    shots = np.concatenate([SHOTS, np.full(200, 40)])
    before = np.zeros((len(shots), 32), np.float32)
    before[: len(SHOTS), :16] = seen(SHOTS, 1.0)
    after = before.copy()
    before[len(SHOTS) :, 16:] = seen(np.arange(200), 1.0)
    after[len(SHOTS) :, 16] = 1.0
    judged = judge(unit(before), unit(after), shots)
    assert judged.challenger > judged.champion
    assert not judged.wins


def test_both_are_judged_by_the_same_pictures():
    with pytest.raises(ValueError, match="same pictures"):
        judge(seen(SHOTS, 1.0), seen(SHOTS[:-1], 1.0), SHOTS)
