"""`why` and `explain`: every measure, the rule, the rank and its reasons, and what the journal says."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import drawn
from running import Installation
from sameshot.compare.measures import MEASURES
from sameshot.compare.thresholds import SHORTLIST_COSINE
from sameshot.errors import BadInput
from sameshot.verbs.similar import read_ahead, similar

pytestmark = pytest.mark.timeout(240)


def test_every_photo_says_why_it_is_where_it_is(installation: Installation) -> None:
    lake = drawn.scene(1)
    sharp = drawn.save(lake, installation.photos / "sharp.jpg")
    small = drawn.save(drawn.cropped(lake, 0.2), installation.photos / "crop.jpg", quality=70)
    alone = drawn.save(drawn.scene(5), installation.photos / "alone.jpg")
    installation.scan()

    told = installation.ask("why", file=sharp)
    assert (told["rank"], told["members"]) == (1, 2)
    assert "It stands for its group of 2 photos." in told["rule"]
    assert any("more pixels" in sentence for sentence in told["rule"])
    assert told["neighbours"][0]["path"] == str(small)
    assert told["neighbours"][0]["score"] > 0.5

    told = installation.ask("why", file=small)
    assert told["rank"] == 2
    assert told["rule"][0].startswith("Its score to sharp.jpg")
    assert "sharp.jpg goes before it because" in told["rule"][1]

    copy = shutil.copy(sharp, sharp.with_name("sharp copy.jpg"))
    installation.scan()
    [group] = installation.groups()["groups"]
    places = [photo["path"] for photo in group["photos"]]
    for place, path in enumerate(places, start=1):
        told = installation.ask("why", file=path)
        assert (told["rank"], told["members"]) == (place, 3), "photos, as `groups` shows them"
    copies = {str(sharp), str(copy)} - {places[0]}
    told = installation.ask("why", file=copies.pop())
    assert told["rule"] == [f"It is an exact copy of {os.path.basename(places[0])}, which stands for the group."]
    os.unlink(copy)
    installation.scan()

    told = installation.ask("why", file=alone)
    assert (told["group"], told["rank"]) == (None, None)
    assert told["rule"][0] == "It is in no group."

    with pytest.raises(BadInput, match="knows no photo at"):
        installation.ask("why", file=installation.photos / "never.jpg")
    with pytest.raises(BadInput, match="not in any folder that sameshot knows"):
        installation.ask("why", file=installation.folder / "never.jpg")
    with pytest.raises(BadInput, match="is a folder"):
        installation.ask("why", file=installation.photos)

    explained = installation.ask("explain", first=sharp, second=small)
    assert set(MEASURES) | {"pair_score", "cosine", "inliers"} <= set(explained["evidence"])
    assert explained["score"] == explained["evidence"]["pair_score"]
    assert any("goes before crop.jpg because" in reason for reason in explained["reasons"])

    strangers = installation.ask("explain", first=sharp, second=alone)
    assert set(strangers["evidence"]) >= set(explained["evidence"]) - {"shift_x", "shift_y"}, "however soon it is clear"
    assert any(re.match("The pair score was clear without .*guided", reason) for reason in strangers["reasons"])

    shown = installation.run("explain", sharp, small)
    assert shown.code == 0, shown.err
    for name in explained["evidence"]:
        [line] = [line.split() for line in shown.out.splitlines() if line.startswith(f"{name} ")]
        assert len(line) > 4, "a name, a value and what it says"

    shown = installation.run("why", small)
    assert shown.code == 0, shown.err
    assert "number 2 of 2" in shown.out
    assert "Nothing was done to it." in shown.out


def test_a_certificate_names_the_worst_pair_of_a_member(installation: Installation) -> None:
    lake = drawn.scene(1)
    paths = [drawn.save(drawn.burst_frame(lake, number), installation.photos / f"{number}.jpg") for number in range(3)]
    installation.scan()
    compared = {(a, b): installation.ask("explain", first=a, second=b)["score"] for a in paths for b in paths if a != b}
    for path in paths:
        least, worst = min((round(compared[path, other], 3), other.name) for other in paths if other != path)
        sentences = installation.ask("why", file=path)["rule"]
        [told] = [sentence for sentence in sentences if sentence.startswith("Its worst pair")]
        assert f"is with {worst}:" in told or least == 1.0
        assert told.endswith(f": {least:.3f} (compared with 2 of 2 others).")
    explained = installation.ask("explain", first=paths[0], second=paths[1])
    assert sum("its worst pair in the group is with" in reason for reason in explained["reasons"]) == 2


def test_explain_tells_when_and_with_what_both_were_taken(installation: Installation) -> None:
    noon, lake, paths = datetime(2024, 6, 1, 12), drawn.scene(1), []  # noqa: DTZ001
    for number, (camera, after_s) in enumerate((("One", 0), ("One", 0.25), ("Two", 90))):
        path = installation.photos / f"{number}.jpg"
        moment = noon + timedelta(seconds=after_s)
        paths.append(drawn.save(drawn.burst_frame(lake, number), path, taken_at=moment, camera=camera))
    installation.scan()
    told = installation.ask("explain", first=paths[1], second=paths[0])["reasons"]
    assert "Taken 0.2 s apart by their cameras' clocks, both with Sameshot One." in told
    told = installation.ask("explain", first=paths[0], second=paths[2])["reasons"]
    assert "Taken 0:01:30 apart by their cameras' clocks, one with Sameshot One, one with Sameshot Two." in told


def test_what_the_owner_chose_is_the_reason_and_nothing_contradicts_it(installation: Installation) -> None:
    lake = drawn.scene(1)
    sharp = drawn.save(lake, installation.photos / "sharp.jpg")
    small = drawn.save(drawn.cropped(lake, 0.2), installation.photos / "crop.jpg", quality=70)
    installation.scan()
    installation.ask("keep", files=[small])
    told = installation.ask("why", file=small)
    assert told["rank"] == 1
    because = "because you chose crop.jpg; otherwise {} might, because it has more pixels"
    assert told["rule"][0] == "It stands for its group of 2 photos."
    assert told["rule"][1].startswith(f"crop.jpg goes before sharp.jpg {because.format('sharp.jpg')}")
    told = installation.ask("why", file=sharp)
    assert told["rule"][-1].startswith(f"crop.jpg goes before it {because.format('it')}")
    reasons = installation.ask("explain", first=sharp, second=small)["reasons"]
    assert any(reason.startswith(f"crop.jpg goes before sharp.jpg {because.format('sharp.jpg')}") for reason in reasons)

    installation.ask("keep", files=[sharp])
    assert installation.ask("why", file=sharp)["rank"] == 1, "the newest word wins"
    told = installation.ask("why", file=small)
    assert told["rule"][-1] == "sharp.jpg goes before it because you chose sharp.jpg."
    installation.ask("keep", files=[small])
    assert installation.ask("why", file=small)["rank"] == 1, "also where it was said before"


def test_a_chosen_photo_that_others_are_not_like_is_told_so(installation: Installation) -> None:
    wide = drawn.scene(3, 1800, 400)
    paths = [
        drawn.save(wide[:, 120 * number : 120 * number + 600], installation.photos / f"{number}.jpg")
        for number in range(5)
    ]
    installation.scan()
    [group] = installation.groups()["groups"]
    assert len(group["photos"]) == 5
    installation.ask("keep", files=[paths[0]])
    far = installation.ask("explain", first=paths[0], second=paths[4])
    assert far["score"] < far["threshold"]
    rule = installation.ask("why", file=paths[4])["rule"]
    assert any("not provably like 0.jpg, which you chose" in sentence for sentence in rule), rule
    assert not any("You said that it belongs there" in sentence for sentence in rule)


def test_why_and_keep_tell_of_files_that_are_gone_or_broken(installation: Installation) -> None:
    path = drawn.save(drawn.scene(1), installation.photos / "gone.jpg")
    broken = installation.photos / "broken.jpg"
    broken.write_bytes(b"\xff\xd8 no photo")
    drawn.save(drawn.scene(2), installation.photos / "other.jpg")
    installation.scan()
    path.unlink()
    installation.scan()
    assert installation.ask("why", file=path)["rule"] == ["The file is not there any more."]
    with pytest.raises(BadInput, match="could not be looked at"):
        installation.ask("keep", files=[broken])


def test_what_was_done_to_a_photo_is_followed_through_its_names(installation: Installation) -> None:
    for number in range(2):
        drawn.save(drawn.burst_frame(drawn.scene(1), number), installation.photos / f"{number}.jpg")
    installation.scan()
    done = installation.run("apply", "--action", "move", "--yes")
    assert done.code == 0, done.err
    (group,) = installation.groups()["groups"]
    here = group["representative"]
    assert here.startswith(str(installation.library))
    told = installation.ask("why", file=here)
    assert [(step["deed"], step["state"], step["target"]) for step in told["done"]] == [("move", "done", here)]


def test_a_measure_chosen_alone_is_what_explain_and_similar_speak_of(installation: Installation) -> None:
    paths = [
        drawn.save(drawn.burst_frame(drawn.scene(1, 600, 400), number), installation.photos / f"{number}.jpg")
        for number in range(2)
    ]
    installation.configure(same_shot={"method": "ssim", "threshold": 0.3})
    installation.scan()
    explained = installation.ask("explain", first=paths[0], second=paths[1])
    assert explained["score"] == explained["evidence"]["ssim"]
    assert explained["threshold"] == 0.3
    found = installation.ask("similar", file=paths[0])
    assert found["photos"][0]["score"] == explained["score"]


def test_explain_tells_that_too_many_others_look_more_alike(installation: Installation) -> None:
    scene = drawn.scene(1, 600, 400)
    first, second = (
        drawn.save(drawn.burst_frame(scene, number), installation.photos / f"{number}.jpg") for number in range(2)
    )
    installation.scan()
    assert installation.ask("explain", first=first, second=second)["same_shot"]
    with installation.app() as app:  # as if each had sixteen strangers that look more like it
        app.store.contents.set_reaches(dict.fromkeys(app.store.contents.ids(), 0.99999))
    assert installation.run("recluster", "--apply", "--yes").code == 0
    told = installation.ask("explain", first=first, second=second)
    assert not told["same_shot"]
    assert "16 photos of other shots that look more like it" in " ".join(told["reasons"])


def test_similar_says_of_known_photos_what_explain_finds_anew(installation: Installation) -> None:
    scenes = [drawn.scene(number, 600, 400) for number in range(6)]
    blank = np.full((400, 600, 3), 255, np.uint8)
    for number, picture in enumerate([*scenes, drawn.burst_frame(scenes[0], 1), drawn.cropped(scenes[0], 0.1), blank]):
        drawn.save(picture, installation.photos / f"{number}.jpg")
    installation.scan()
    first, unknown = installation.photos / "0.jpg", drawn.save(scenes[0], installation.folder / "unknown.png")
    with installation.app() as app:
        found = similar(app, file=first).photos
        assert app.workers.pids == [], "no process need start to answer"
    assert len(found) == 8
    assert [photo.path.name for photo in found if photo.score is None] == ["8.jpg"]
    assert found[-1].cosine < SHORTLIST_COSINE
    for photo in found[:-1]:
        explained = installation.ask("explain", first=first, second=photo.path)
        assert photo.score == pytest.approx(explained["score"], abs=1e-4)
    asked = installation.ask("similar", file=unknown)["photos"]
    assert (asked[0]["path"], len(asked)) == (str(first), 9)
    assert all(photo["score"] is not None for photo in asked)
    with installation.app() as app:  # as when a kill left the photo with one link, to a stranger
        kept = next(link for link in app.store.links.of([1]) if link.score < 0.5)
        app.store.links.clear()
        app.store.links.save([kept])
        assert similar(app, file=first).photos == found
    for photo in found[:3]:
        photo.path.unlink()
    installation.scan()
    assert len(installation.ask("similar", file=first, count=3)["photos"]) == 3
    installation.configure(same_shot={"method": "embedding", "threshold": 0.9})
    told = installation.ask("similar", file=first)["photos"]  # what the pair score said is no cosine
    assert all(
        photo["score"] == pytest.approx(photo["cosine"], abs=1e-3) for photo in told if photo["score"] is not None
    )
    assert told[0]["score"] is not None


def test_what_was_read_ahead_is_answered_without_the_disk(installation: Installation) -> None:
    for number in range(40):
        drawn.save(drawn.scene(number, 300, 200), installation.photos / f"{number}.jpg")
    installation.scan()
    with installation.app() as app:
        similar(app, file=installation.photos / "0.jpg")
        cold = reads_during(lambda: similar(app, file=installation.photos / "20.jpg"))
        read_ahead(app)
        assert reads_during(lambda: similar(app, file=installation.photos / "39.jpg")) == 0 < cold


def reads_during(work: Callable[[], object]) -> int:
    """How often this process reads from a file meanwhile."""

    def reads() -> int:
        return int(Path("/proc/self/io").read_text().split("syscr: ")[1].split()[0])

    asking = -reads() + reads()
    before = reads()
    work()
    return reads() - before - asking
