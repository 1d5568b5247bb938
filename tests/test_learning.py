"""What an owner said about a library is learned beside the service, kept with its figures, followed and forgotten."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from itertools import combinations

import numpy as np
import pytest

from running import Installation
from sameshot.compare.thresholds import LINK_THRESHOLD
from sameshot.config import load_with_sources
from sameshot.errors import BadInput
from sameshot.group.quality import Facts, is_edited, rate
from sameshot.group.quality import reasons as better
from sameshot.model import Capture, Quality
from sameshot.store.store import Store
from sameshot.verbs.check import Setting, check
from sameshot.verbs.diary import Diary
from sameshot.verbs.jobs import known_jobs
from sameshot.verbs.learn import LearnResult, learn, propose
from sameshot.verbs.night import Night
from sameshot.way.learned import Lesson, keep, lesson, was_forgotten, weights
from sameshot.way.learning import _words, choices, said_pairs, teach
from sameshot.way.rating import rated
from sameshot.way.threshold import threshold_of
from written import Library

START = datetime(2026, 5, 1, 10)  # noqa: DTZ001 - cameras write no zone


@pytest.fixture
def library(installation: Installation):
    with installation.app() as app, app.store.transaction():
        yield Library(app)


def learned(library: Library, name: str):
    return next(one for one in teach(library.app) if one.name == name)


def learn_in_this_process(installation: Installation, **options):
    propose(load_with_sources(installation.config), installation.locations, lambda *_: None)
    return next(iter(installation.ask("learn", **options)["lessons"]), None)


def speak_of_sameness(library: Library, count: int, threshold: float, seed: int = 0) -> None:
    """Pairs of scores all over; the owner says that what reaches `threshold` is one shot, of whatever is near it."""
    rng = np.random.default_rng(seed)
    for score in rng.uniform(0.2, 0.97, count):
        first, second = library.photo(), library.photo()
        library.link(first, second, float(score))
        library.say("together" if score >= threshold + rng.normal(0, 0.05) else "apart", first, second)
    for score in (*rng.uniform(0, 0.01, 300), *rng.uniform(0.99, 1, 60)):  # nobody speaks of these
        library.link(library.photo(), library.photo(), float(score))


def test_an_owner_who_wants_more_together_has_it_so_and_may_have_it_forgotten(installation: Installation) -> None:
    """The whole way: words, `learn`, another threshold for the next scan, `models`, `models forget`."""
    with installation.app() as app, app.store.transaction():
        speak_of_sameness(Library(app), 60, 0.4)
        assert app.link_threshold == LINK_THRESHOLD
    result = installation.json("learn")
    (known,) = result["lessons"]
    assert (known["name"], known["version"], known["sets"]) == ("pair-score", 1, 60)
    assert known["values"]["shift"] > 0.3
    assert "held-out log loss" in known["why"]
    with installation.app() as app:
        assert 0.4 < app.link_threshold < LINK_THRESHOLD - 0.02
        assert app.settings.link_threshold == app.link_threshold
        before = app.link_threshold
    checked = check(load_with_sources(installation.config), installation.locations).settings
    assert (
        Setting("same_shot.threshold", f"{before:g}", f"default {LINK_THRESHOLD}, learned from 60 words of yours")
        in checked
    )
    assert learn_in_this_process(installation) == known  # nothing new was said
    shown = installation.run("models")
    assert "60 words about 60 sets" in shown.out
    assert "pair-score" in shown.out
    assert installation.json("models", "forget", "pair-score")["lessons"] == []
    with installation.app() as app:
        assert app.link_threshold == LINK_THRESHOLD
        assert was_forgotten(app.store, "pair-score")
    with pytest.raises(BadInput, match="Nothing was learned about pair-score"):
        installation.ask("learn", forget="pair-score")
    assert learn_in_this_process(installation, by_night=True) is None
    assert learn_in_this_process(installation)["version"] == 2  # who asks for it has it again


def test_the_night_learns_where_that_is_asked_for_and_a_service_goes_on_by_it(installation: Installation) -> None:
    with installation.app() as app, app.store.transaction():
        speak_of_sameness(Library(app), 60, 0.4)
    with installation.app() as app:
        assert "learn" not in {row.name for row in known_jobs(app).rows(app.today(), running=True)}
    installation.configure(schedule={"learn": True})
    with installation.app() as app:
        diary = Diary()
        night = Night(app, diary)
        night._due = ["learn"]
        night.step()
        while night.names:
            night.step()
            time.sleep(0.05)
        row = next(row for row in night.rows() if row.name == "learn")
        assert row.outcome == "done"
        assert any("pair-score: learned from 60 words" in event.what for event in diary.events)
        learned_threshold = app.link_threshold
        assert learned_threshold < LINK_THRESHOLD - 0.02
        assert app.flow._settings.link_threshold == learned_threshold

    def grouped_by() -> float | None:
        with Store.open(installation.locations.database, read_only=True) as store:
            compared_as = store.meta.get("compared_as")  # None while all is compared anew
            return compared_as[1] if compared_as else None

    with installation.service() as service:
        service.wait_for(lambda: grouped_by() == learned_threshold, "it groups by what was learned")
        installation.ask("learn", forget="pair-score")
        service.wait_for(lambda: grouped_by() == LINK_THRESHOLD, "it groups as shipped again, without a new start")
        assert service.stop()[0] == 0


def test_what_was_chosen_in_words_is_not_moved_by_what_was_learned(installation: Installation) -> None:
    one = Lesson("pair-score", 1, "", "", {"shift": 1.0}, 40, 40, "")
    with installation.app() as app:
        one = Lesson("pair-score", 1, "", app.method.id, {"shift": 1.0}, 40, 40, "")
    shipped = load_with_sources(installation.config)
    assert threshold_of(shipped, None, one).value < LINK_THRESHOLD
    other_version = Lesson("pair-score", 1, "", "another method", {"shift": 1.0}, 40, 40, "")
    assert threshold_of(shipped, None, other_version).value == LINK_THRESHOLD
    for same_shot in ({"threshold": 0.7}, {"method": "embedding", "threshold": 0.7}):
        installation.configure(same_shot=same_shot)
        assert threshold_of(load_with_sources(installation.config), None, one).value == 0.7
    installation.configure(same_shot={"precision": 0.9})
    assert threshold_of(load_with_sources(installation.config), None, one).value < 0.9
    installation.configure(same_shot={"threshold": 0.7})
    with installation.app() as app, app.store.transaction():
        speak_of_sameness(Library(app), 60, 0.3)
    propose(load_with_sources(installation.config), installation.locations, lambda *_: None)
    assert "the threshold that you chose stays all the same" in installation.ask("learn")["said"][0]
    with installation.app() as app:
        assert app.link_threshold == 0.7


def by_chance(library: Library, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for score in rng.uniform(0.05, 0.98, 50):
        first, second = library.photo(), library.photo()
        library.link(first, second, float(score))
        library.say("together" if rng.random() < 0.5 else "apart", first, second)


def test_words_by_chance_and_few_words_leave_all_as_shipped(library: Library) -> None:
    by_chance(library, 3)
    assert learned(library, "pair-score").values == {}
    keep(library.store, "pair-score", None)
    assert library.app.link_threshold == LINK_THRESHOLD


def test_forty_photos_put_together_at_once_are_one_set(library: Library) -> None:
    photos = [library.photo() for _ in range(40)]
    for first, second in combinations(photos, 2):
        library.link(first, second, 0.3)
    library.say("together", *photos)
    said, _ = said_pairs(library.app)
    assert len(set(said.sets.tolist())) == 1
    assert "you spoke of 1 set of" in learned(library, "pair-score").told.why


def test_a_later_word_counts_and_the_one_before_does_not(library: Library) -> None:
    first, second = library.photo(), library.photo()
    library.link(first, second, 0.6)
    library.say("together", first, second)
    library.say("apart", first, second)
    said, silent = said_pairs(library.app)
    assert said.together.tolist() == [False]
    assert len(silent) == 0  # what was spoken of is not silent


# ---------------------------------------------------------------- the best of a group


def pairs_of_frames(library: Library, count: int, **second) -> list[tuple[int, int]]:
    """Groups of a large soft frame, which is chosen as shipped, and a smaller sharp one."""
    made = []
    for number in range(count):
        soft = library.photo(sharpness=0.5 + 0.002 * number, side_px=2000)
        sharp = library.photo(sharpness=1.0, side_px=1000 + number, **second)
        library.link(soft, sharp, 0.95)
        made.append((soft, sharp))
    for number in range(10):  # where the larger one is sharper too nobody says anything
        library.link(library.photo(sharpness=1.0, side_px=2000), library.photo(sharpness=0.8 + number / 100), 0.95)
    library.regroup()
    return made


def test_who_keeps_the_sharp_frames_gets_sharp_ones_also_where_nothing_was_said(library: Library) -> None:
    frames = pairs_of_frames(library, 45)
    assert library.representatives() >= {soft for soft, _ in frames}
    for _, sharp in frames[:35]:
        library.say("keep", sharp)
    taught = learned(library, "representative")
    assert taught.told.wins, taught.told
    assert taught.values["sharpness"] > taught.values["size"]
    keep(library.store, "representative", Lesson("representative", 0, "", "", taught.values, 35, 35, taught.told.why))
    library.regroup()
    assert library.representatives() >= {sharp for _, sharp in frames}


def test_the_verb_has_other_photos_stand_for_their_groups_and_takes_it_back(installation: Installation) -> None:
    with installation.app() as app, app.store.transaction():
        library = Library(app)
        frames = pairs_of_frames(library, 40)
        for _, sharp in frames[:32]:
            library.say("keep", sharp)
        library.regroup()
        silent = frames[32:]
        assert library.representatives() >= {soft for soft, _ in silent}

    def stand_for_groups() -> set[int]:
        with installation.app() as app:
            return {group.representative for group in app.store.groups.all()}

    known = learn_in_this_process(installation)
    assert (known["name"], known["sets"]) == ("representative", 32)
    assert stand_for_groups() >= {sharp for _, sharp in frames}
    with installation.app() as app:
        reasons = better(*(rated(app.store, [silent[0]])[content] for content in reversed(silent[0])))
        assert reasons[0].startswith("it is sharper")
    installation.ask("learn", forget="representative")
    assert stand_for_groups() >= {soft for soft, _ in silent} | {sharp for _, sharp in frames[:32]}


def test_ratings_teach(library: Library) -> None:
    starred = pairs_of_frames(library, 40, rating=4)
    assert library.representatives() >= {sharp for _, sharp in starred}  # a rating goes before all in its own group
    taught = learned(library, "representative")
    assert taught.told.wins, taught.told
    assert taught.values["sharpness"] > 1 > taught.values["size"]


def test_photos_deleted_beside_others_that_stayed_teach(library: Library) -> None:
    for soft, _ in pairs_of_frames(library, 40):
        library.delete(soft)
    library.regroup()
    taught = learned(library, "representative")
    assert taught.told.wins, taught.told
    assert taught.told.sets == 40
    assert taught.values["sharpness"] > 1 > taught.values["size"]


def test_one_of_two_files_of_one_picture_that_went_teaches_nothing(library: Library) -> None:
    """As `dedupe` leaves it: what went was not the owner's choice between two photos."""
    for _ in range(3):
        first = library.photo()
        twin = library.photo(twin_of=first)
        library.link(first, twin, 1.0)
        library.delete(twin)
    library.regroup()
    assert len(choices(library.app).differences) == 0


def test_photos_that_all_went_teach_nothing(library: Library) -> None:
    for frames in pairs_of_frames(library, 40):
        for frame in frames:
            library.delete(frame)
    library.regroup()
    assert learned(library, "representative").told.words == 0


def test_choices_by_chance_leave_the_best_photo_as_shipped(library: Library) -> None:
    rng = np.random.default_rng(1)
    for frames in pairs_of_frames(library, 60):
        library.say("keep", frames[int(rng.integers(2))])
    taught = learned(library, "representative")
    assert taught.values == {}
    assert not taught.told.wins


def test_groups_that_are_kept_whole_teach_nothing(library: Library) -> None:
    frames = library.bracket()
    library.regroup()
    assert {group.kind for group in library.store.groups.all()} == {"bracket"}
    library.say("keep", frames[1])
    assert len(choices(library.app).differences) == 0
    assert len(choices(library.app).silent) == 0


# ---------------------------------------------------------------- what speaks first


def facts(**named):
    capture = {name: named.pop(name) for name in ("rating", "software", "camera", "taken_at") if name in named}
    return Facts(Quality(named.pop("sharpness", 0.5), 0.5, 0.0), 100, "JPEG", Capture(**capture), None)


def test_of_two_photos_only_what_speaks_first_is_heard() -> None:
    of = {1: facts(rating=5), 2: facts(), 3: facts()}
    assert _words(of, [1, 2], {2}, {3}) == [(2, 1), (1, 3), (2, 3)]
    assert _words(of, [1, 2], set(), set()) == [(1, 2)]
    assert _words({1: facts(rating=-1), 2: facts()}, [1, 2], set(), set()) == [(2, 1)]
    assert _words({1: facts(), 2: facts()}, [1, 2], set(), set()) == []


def test_the_frame_that_was_edited_was_worth_the_work() -> None:
    moments = [START + timedelta(milliseconds=200 * number) for number in range(3)]
    frames = {number: facts(camera="One", taken_at=moment) for number, moment in enumerate(moments)}
    edited = facts(camera="One", taken_at=moments[1], software="Adobe Lightroom 14")
    assert is_edited(edited)
    of = frames | {9: edited}
    assert sorted(_words(of, list(of), set(), set())) == [(1, 0), (1, 2)]
    elsewhere = facts(camera="Two", taken_at=moments[1], software="Adobe Lightroom 14")
    of = frames | {9: elsewhere}
    assert _words(of, list(of), set(), set()) == []


def test_weights_change_what_counts_and_never_what_was_rated_by_the_owner() -> None:
    of = {1: facts(sharpness=0.2), 2: facts(sharpness=1.0)}
    as_shipped, blind = rate(of), rate(of, {"sharpness": 0.0})
    assert as_shipped[2].value > as_shipped[1].value
    assert blind[1].value == blind[2].value
    assert rate(of, {"size": 3.0}) == as_shipped
    starred = {1: facts(sharpness=0.2, rating=1), 2: facts(sharpness=1.0)}
    assert rate(starred, {"sharpness": 8.0})[1].value > rate(starred, {"sharpness": 8.0})[2].value


@pytest.mark.parametrize("left", ["", "[1, 2", "[]", '{"pair-score": 3}', '{"representative": {"values": {}}}'])
def test_a_proposal_that_makes_no_sense_changes_nothing(installation: Installation, left: str) -> None:
    with installation.app() as app:
        app.locations.cache_dir.mkdir(parents=True, exist_ok=True)
        (app.locations.cache_dir / "learned.json").write_text(left)
        assert learn(app) == LearnResult((), ())


def test_what_was_learned_is_kept_by_version_and_goes_back_to_what_was_shipped(library: Library) -> None:
    store = library.store
    assert weights(store) == {}
    for number in range(1, 6):
        new = Lesson("representative", 0, f"day {number}", "", {"size": float(number)}, 40, 40, "")
        assert keep(store, "representative", new)
        assert lesson(store, "representative").version == number
    assert not keep(store, "representative", Lesson("representative", 0, "later", "", {"size": 5.0}, 41, 41, ""))
    assert (lesson(store, "representative").words, lesson(store, "representative").version) == (41, 5)
    assert len(store.meta.get("learned")["representative"]["earlier"]) == 3
    assert keep(store, "representative", None, forgotten=True)
    assert weights(store) == {}
    assert was_forgotten(store, "representative")
