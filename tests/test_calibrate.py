"""`calibrate`: what it measures, what it promises, what it keeps, and that the config file wins."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import drawn
from running import Installation
from sameshot.compare.thresholds import LINK_THRESHOLD
from sameshot.errors import BadInput
from sameshot.verbs.calibrate import _suggested
from sameshot.verbs.calibration_page import ExamplePair, curves, page
from sameshot.way.calibrating import Point, ScoredPair, points_of
from sameshot.way.threshold import reaching

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def years(installation: Installation) -> Installation:
    """Four bursts of three, each taken a month after the one before."""
    for number in range(4):
        base, start = drawn.scene(number, 600, 400), datetime(2026, 1, 1) + timedelta(days=30 * number)  # noqa: DTZ001
        for frame in range(3):
            path = installation.photos / f"{number}-{frame}.jpg"
            drawn.save(drawn.burst_frame(base, frame), path, taken_at=start + timedelta(seconds=frame))
    installation.scan()
    return installation


def test_counts_are_those_of_the_library_and_precision_is_what_far_pairs_say():
    pairs = [ScoredPair(0.9, 1, 2, far=False)] * 10 + [ScoredPair(0.1, 1, 3, far=True)] * 90
    points = {point.threshold: point for point in points_of(pairs, [0.95, 0.3], drawn=5, known=50)}
    assert points[0.5].pairs == 10 * 10 / 2
    assert points[0.5].photos == 10.0
    assert points[0.5].recall == 0.5
    assert points[0.5].precision == pytest.approx(1 - (1 / 92) * 90 / 10, abs=1e-4)
    assert points[0.0].precision == pytest.approx(1 - (91 / 92) * 90 / 100, abs=1e-4)
    assert points[0.98].pairs == 0
    assert points[0.98].precision is None, "a threshold that nothing reaches promises nothing"
    few = points_of(pairs[:20], [], drawn=5, known=50)
    assert all(point.precision is None and point.recall is None for point in few)


def test_the_lowest_threshold_that_promises_a_precision_is_taken():
    points = [(0.2, 0.9), (0.4, 0.99), (0.6, 0.999), (0.8, 0.998)]
    assert reaching(points, 0.99) == 0.4
    assert reaching(points, 0.999) == 0.6
    with pytest.raises(BadInput, match=r"0\.9999.*the most is 0\.9990"):
        reaching(points, 0.9999)


def test_the_curves_are_sound_xml_and_say_what_is_unknown():
    points = [Point(step / 10, 10.0 - step, 5.0, None if step < 5 else 0.9, None) for step in range(11)]
    lines = [element for element in ET.fromstring(curves(points)).iter() if element.tag.endswith("polyline")]
    assert [len((line.get("points") or "").split()) for line in lines] == [11, 11, 6, 0]
    assert "changed photos found: unknown" in curves(points)


def test_a_hostile_name_is_text_on_the_page_and_a_pair_without_pictures_is_not_on_it():
    names = [
        Path("/photos/</figcaption><script>alert(1)</script>.jpg"),
        Path("/photos/\udcff {at}.jpg"),
        Path("/gone.jpg"),
    ]
    pairs = [ExamplePair(0.9, names[0], names[1]), ExamplePair(0.2, names[0], names[2])]
    text = page([Point(0.5, 1.0, 2.0, None, None)], pairs, dict.fromkeys(names[:2], b"\xff\xd8\xff"), 0.8)
    assert text.encode()
    assert text.count("<script>") == 1
    assert "&lt;script&gt;alert(1)" in text
    assert "\\udcff {at}.jpg" in text
    assert text.count('<div class="pair"') == 1


def test_a_choice_is_kept_shown_with_its_date_and_holds_from_then_on(years: Installation) -> None:
    measured = years.json("calibrate", "--sample", "12")
    assert (measured["photos"], measured["kept"], measured["enough"]) == (12, None, True)
    at = {point["threshold"]: point for point in measured["points"]}
    assert at[0.5]["pairs"] == 12
    assert at[0.5]["photos"] == 12
    assert measured["suggested"] is None  # a dozen photos promise no precision
    assert at[0.5]["recall"] > 0.5
    assert at[1.0]["pairs"] <= at[0.0]["pairs"]
    assert {example["score"] >= 0.5 for example in measured["examples"]} == {True, False}
    shown = Path(measured["page"]).read_text("utf-8")
    assert shown.count("data:image/jpeg;base64,/9j/") == 2 * len(measured["examples"])
    assert measured["in_force"] == LINK_THRESHOLD

    kept = years.run("calibrate", "--sample", "12", "--threshold", "0.7")
    assert kept.code == 0, kept.err
    assert "Kept: 0.7." in kept.out
    assert len(re.findall(r"^[01]\.\d{3}  +\d", kept.out, re.MULTILINE)) <= 12

    def threshold():
        (found,) = [s for s in years.json("check")["settings"] if s["key"] == "same_shot.threshold"]
        return found

    assert threshold()["value"] == "0.7"
    assert threshold()["source"].startswith("calibrated on 20")
    assert years.ask("similar", file=years.photos / "0-0.jpg")["threshold"] == 0.7
    years.configure(same_shot={"threshold": 0.6})
    assert threshold()["value"] == "0.6"
    assert "config.yaml" in threshold()["source"]
    overruled = years.ask("calibrate", sample=12, threshold=0.8, again=False)
    assert any("the config file wins" in note for note in overruled["notes"])


def test_another_method_is_calibrated_on_its_own_scores(years: Installation) -> None:
    years.configure(same_shot={"method": "imagehash"})
    assert years.run("scan").code == 2
    measured = years.ask("calibrate", sample=12)
    assert measured["method"].startswith("imagehash")
    assert years.run("check").code == 2
    years.ask("calibrate", sample=12, threshold=0.9, again=False)
    assert years.run("check").code == 0
    years.scan()
    assert len(years.partition()) == 4


def test_a_precision_that_cannot_be_known_is_refused(installation: Installation) -> None:
    with pytest.raises(BadInput, match="known"):
        installation.ask("calibrate")
    for number in range(2):
        drawn.save(drawn.scene(number, 300, 200), installation.photos / f"{number}.jpg")
    installation.scan()
    with pytest.raises(BadInput, match="Too little to choose a threshold by"):
        installation.ask("calibrate", precision=0.999)


def test_too_few_pairs_are_said_in_a_sentence_and_change_nothing(installation: Installation) -> None:
    for frame in range(2):
        drawn.save(drawn.burst_frame(drawn.scene(1, 600, 400), frame), installation.photos / f"{frame}.jpg")
    installation.scan()
    told = installation.run("calibrate")
    assert told.code == 0, told.err
    assert re.fullmatch(r"Too little to choose a threshold by: .*1 pair .* The threshold stays 0\.9\.\n", told.out)
    measured = installation.ask("calibrate", again=False)
    assert (measured["enough"], measured["suggested"], measured["kept"]) == (False, None, None)
    check = installation.json("check")["settings"]
    assert [setting["source"] for setting in check if setting["key"] == "same_shot.threshold"] == ["default"]


def test_a_promise_that_is_worth_little_is_not_suggested() -> None:
    points = [Point(0.2, 5, 5, 0.7, None), Point(0.6, 4, 4, 0.95, None)]
    assert _suggested(points) is None
    assert _suggested([*points, Point(0.8, 3, 3, 0.995, None)]) == 0.8


def test_a_threshold_that_loses_most_copies_is_not_suggested() -> None:
    points = [Point(0.2, 5, 5, 0.7, 1.0), Point(0.6, 4, 4, 0.98, 0.99), Point(1.0, 1, 1, 0.9999, 0.4)]
    assert _suggested(points) is None
    assert _suggested([*points, Point(0.9, 3, 3, 0.992, 0.97)]) == 0.9


def test_pairs_that_the_owner_put_together_do_not_count_against_the_precision(installation: Installation) -> None:
    """Copies with a wrong date: days lie between them, and they are one shot."""
    for number in range(4):
        base = drawn.scene(number, 600, 400)
        for copy in range(3):
            taken_at = datetime(2026, 1, 1) + timedelta(days=90 * copy + number)  # noqa: DTZ001
            drawn.save(drawn.burst_frame(base, copy), installation.photos / f"{number}-{copy}.jpg", taken_at=taken_at)
    installation.scan()
    note = "12 pairs taken more than a day apart would be of one shot"
    assert any(note in told for told in installation.json("calibrate", "--sample", "12")["notes"])
    for number in range(4):
        files = [str(installation.photos / f"{number}-{copy}.jpg") for copy in range(3)]
        assert installation.run("together", *files).code == 0
    assert not any("a day apart would" in told for told in installation.json("calibrate", "--sample", "12")["notes"])


def test_on_a_terminal_one_looks_around_and_keeps(years: Installation) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        years.command("calibrate", "--sample", "12"), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=years.environment, text=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, b"0.4\nnonsense\n0.66\nkeep\n")
    out, err = process.communicate(timeout=120)
    os.close(ours)
    assert process.returncode == 0, err
    assert "the same shot:" in out
    assert "Kept: 0.66." in out
