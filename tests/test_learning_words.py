"""What owners say, learned: a steady one is followed, and nobody else moves anything."""

import numpy as np
import pytest

from sameshot.learn.held_out import FEWEST_SETS
from sameshot.learn.preference import Choices, difference, learn_weights
from sameshot.learn.sameness import SaidPairs, learn_shift, shifted_threshold

THRESHOLD = 0.8
NAMES = ("size", "sharpness", "light", "edit")


def chance(odds):
    return 1 / (1 + np.exp(-odds))


def silent(seed=0):
    """Scores of a library nobody spoke of: nearly all sure, a few in between."""
    rng = np.random.default_rng(seed)
    return chance(np.concatenate([rng.normal(-6, 1.5, 3000), rng.normal(6, 1.5, 400), rng.uniform(-3, 3, 40)]))


def words(count, together_of, seed=0, *, pairs_of_a_set=1):
    """`together_of`: log odds, and a source of chance, to what the owner says."""
    rng = np.random.default_rng(seed)
    odds = rng.uniform(-3, 4, count * pairs_of_a_set)
    sets = np.repeat(np.arange(count), pairs_of_a_set)
    photos = np.full(len(odds), 2.0 if pairs_of_a_set == 1 else 10.0)
    return SaidPairs(chance(odds), together_of(odds, rng), sets, photos)


def generous(odds, rng):
    """Says of photos that they are one shot from much lower scores on, and is not quite sure where."""
    return odds > -1.5 + rng.normal(0, 0.7, len(odds))


def strict(odds, rng):
    return odds > 3 + rng.normal(0, 0.4, len(odds))


OWNERS = {"generous": (generous, 1), "strict": (strict, -1)}


@pytest.mark.parametrize("name", OWNERS)
def test_a_steady_owner_is_followed_on_words_that_were_held_out(name):
    owner, way = OWNERS[name]
    shift, told = learn_shift(words(60, owner), silent(), THRESHOLD)
    assert told.wins, told
    assert told.after < told.before
    assert told.right_after > told.right_before
    assert 0 < told.low < told.high
    assert way * shift > 0.2
    assert way * (THRESHOLD - shifted_threshold(THRESHOLD, shift)) > 0
    # And on words that came later, all of them.
    later = words(400, owner, seed=9)
    as_shipped = (later.scores >= THRESHOLD) == later.together
    as_learned = (later.scores >= shifted_threshold(THRESHOLD, shift)) == later.together
    assert as_learned.mean() > as_shipped.mean()


def contrary(odds, rng):
    """Puts apart what is alike and together what is not."""
    return ~generous(odds, rng)


def by_chance(odds, rng):
    return rng.random(len(odds)) < 0.5


def as_shipped(odds, rng):
    """Says what the score says, right as often as it is."""
    return rng.random(len(odds)) < chance(odds)


@pytest.mark.parametrize("owner", [contrary, by_chance, as_shipped])
def test_nobody_else_moves_the_score(owner):
    taken = sum(learn_shift(words(60, owner, seed), silent(seed), THRESHOLD)[1].wins for seed in range(20))
    assert taken <= 1


def test_few_words_teach_nothing_and_many_about_one_set_are_few():
    few, _ = learn_shift(words(FEWEST_SETS - 1, generous), silent(), THRESHOLD)
    assert few == 0
    told = learn_shift(words(FEWEST_SETS - 1, generous, pairs_of_a_set=45), silent(), THRESHOLD)[1]
    assert not told.wins
    assert f"you spoke of {FEWEST_SETS - 1} sets of photos so far, and {FEWEST_SETS} are needed" in told.why
    assert not learn_shift(words(0, generous), silent(), THRESHOLD)[1].wins


def test_photos_that_are_nothing_alike_put_together_move_little_and_are_not_taken():
    """All pictures of one dog, say: no threshold finds them, so none is changed for them."""
    rng = np.random.default_rng(0)
    dogs = SaidPairs(chance(rng.normal(-12, 2, 40)), np.ones(40, bool), np.arange(40), np.full(40, 2.0))
    shift, told = learn_shift(dogs, silent(), THRESHOLD)
    assert not told.wins
    assert shift < 1.5


def test_few_words_among_many_silent_pairs_move_less_than_the_same_alone():
    said = words(FEWEST_SETS, generous)
    assert learn_shift(said, silent(), THRESHOLD)[0] < learn_shift(said, np.zeros(0), THRESHOLD)[0]
    uncertain = chance(np.random.default_rng(1).uniform(-3, 3, 5000))
    assert abs(learn_shift(said, uncertain, THRESHOLD)[0]) < 0.1


def test_a_shift_is_another_threshold():
    scores = chance(np.linspace(-6, 6, 101))
    for shift in (-1.3, 0.0, 0.7):
        moved = chance(np.log(scores / (1 - scores)) + shift)
        assert ((moved >= 0.8) == (scores >= shifted_threshold(0.8, shift))).all()
    assert shifted_threshold(1.0, 2.0) == 1.0
    assert shifted_threshold(0.0, 2.0) == 0.0


# ---------------------------------------------------------------- which photo is the best


def pair(rng):
    """The strengths of two photos, by chance; `edit` never differs."""
    return (np.append(rng.uniform(0.3, 1, 3), 1.0) for _ in range(2))


def choices(count, wanted, seed=0, *, noise=0.0, silent=0):
    """Of two photos the owner chooses by `wanted` weights, and is `silent` about so many choices that suit him."""
    rng = np.random.default_rng(seed)
    rows, unsaid = [], []
    while len(rows) < count or len(unsaid) < silent:
        by = difference(*pair(rng))
        chosen = by if by @ np.array(wanted) + rng.normal(0, noise) > 0 else -by
        if silent and chosen.sum() > 0:
            unsaid.append(chosen)
        elif len(rows) < count:
            rows.append(chosen)
    unsaid = np.array(unsaid[:silent]).reshape(-1, len(NAMES))
    sets, photos = np.arange(count), np.full(count, 2.0)
    return Choices(NAMES, np.array(rows), sets, photos, unsaid, np.arange(silent))


def test_an_owner_who_wants_sharp_photos_gets_them():
    weights, told = learn_weights(choices(60, (0.2, 3, 0.5, 1), noise=0.3))
    assert told.wins, told
    assert weights["sharpness"] > 1 > weights["size"] >= 0
    assert weights["edit"] == 1
    later = choices(500, (0.2, 3, 0.5, 1), seed=7)
    by_learned = later.differences @ np.array([weights[name] for name in NAMES]) > 0
    assert by_learned.mean() > (later.differences.sum(axis=1) > 0).mean() + 0.05
    assert "decided as you said" in told.why


@pytest.mark.parametrize(
    "owner",
    [
        {"wanted": (1, 1, 1, 1), "noise": 0.2},  # wants what is shipped
        {"wanted": (0, 0, 0, 0), "noise": 1.0},  # chooses by chance
        {"wanted": (-1, -1, -1, -1), "noise": 0.2},  # always chooses the worse
    ],
)
def test_nobody_else_changes_which_photo_is_best(owner):
    taken = sum(learn_weights(choices(60, seed=seed, **owner))[1].wins for seed in range(20))
    assert taken <= 1  # the interval lets one in forty by


def test_few_choices_teach_nothing():
    weights, told = learn_weights(choices(FEWEST_SETS - 1, (0.2, 3, 0.5, 1)))
    assert (weights, told.wins) == ({}, False)
    assert "are needed" in told.why


def test_a_strength_never_counts_against_a_photo():
    weights, _ = learn_weights(choices(80, (-2, 2, 1, 1)))
    assert weights["size"] == 0
    assert min(weights.values()) >= 0


def test_an_owner_who_only_speaks_of_what_is_wrong_is_followed_and_the_rest_stays_right():
    wanted = (0.5, 2.5, 1, 1)
    weights, told = learn_weights(choices(50, wanted, silent=300))
    assert told.wins, told
    assert told.right_before == 0  # he spoke of nothing else
    later = choices(500, wanted, seed=7)
    learned = np.array([weights[name] for name in NAMES])
    assert (later.differences @ learned > 0).mean() > (later.differences.sum(axis=1) > 0).mean() + 0.05


def test_words_against_what_was_let_stand_everywhere_else_change_nothing():
    """Forty odd choices by chance among hundreds that were right: the errors alone look like a taste."""
    said = choices(40, (1, 1, 1, 1))
    let_stand = choices(600, (1, 1, 1, 1))
    odd = Choices(NAMES, -said.differences, said.sets, said.photos, let_stand.differences, let_stand.sets)
    assert not learn_weights(odd)[1].wins


def test_many_choices_in_one_group_are_few_words():
    """An owner who chose one photo of a hundred said ninety-nine times the same."""
    steady = choices(60, (0.2, 3, 0.5, 1), noise=0.3)
    flood = np.tile(difference([1.0, 0.2, 1.0, 1.0], [0.2, 1.0, 1.0, 1.0]), (99, 1))
    flooded = Choices(
        NAMES,
        np.vstack([steady.differences, flood]),
        np.append(steady.sets, np.full(99, 60)),
        np.append(steady.photos, np.full(99, 100.0)),
        steady.silent,
        steady.silent_sets,
    )
    assert learn_weights(flooded)[0]["sharpness"] > 1
    alone = flooded.sets == 60
    only = Choices(NAMES, flood, flooded.sets[alone], flooded.photos[alone], steady.silent, steady.silent_sets)
    assert not learn_weights(only)[1].wins
