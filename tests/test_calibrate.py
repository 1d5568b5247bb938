"""`calibrate`: what it measures, what it promises, what it keeps and forgets, and that the config file wins."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import drawn
from running import Finished, Installation, is_clear
from sameshot.compare.thresholds import LINK_THRESHOLD
from sameshot.config import load_with_sources
from sameshot.errors import BadInput
from sameshot.verbs.calibrate import _examples, _suggested
from sameshot.verbs.calibration_page import ExamplePair, curves, page
from sameshot.way.calibrating import Point, ScoredPair, points_of
from sameshot.way.threshold import CALIBRATION, reaching, threshold_of

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


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """Whoever runs the tests in the background of a shell ignores SIGINT, and so would all that they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def at_a_terminal(installation: Installation) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A calibration whose input is a terminal, and what to type into."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        installation.command("calibrate", "--sample", "12"), stdin=theirs, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=installation.environment, text=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.communicate()
        os.close(ours)


def typed(installation: Installation, words: str) -> Finished:
    """How a calibration ends, and what it says, when this is typed."""
    with at_a_terminal(installation) as (process, keyboard):
        os.write(keyboard, words.encode())
        out, err = process.communicate(timeout=120)
        return Finished(process.returncode, out, err)


def in_force(installation: Installation) -> tuple[str, str]:
    """The threshold and its source, as `check` tells them."""
    settings = installation.json("check")["settings"]
    return next((s["value"], s["source"]) for s in settings if s["key"] == "same_shot.threshold")


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
    with pytest.raises(BadInput, match="too few alike photos"):
        reaching([], 0.5)


def test_a_threshold_that_is_asked_for_gets_a_point_of_its_own():
    pairs = [ScoredPair(0.85, 1, 2, far=False)] * 10 + [ScoredPair(0.851, 1, 3, far=False)] * 4
    points = {point.threshold: point for point in points_of(pairs, [], drawn=5, known=5, also=[0.8505])}
    assert points[0.8505].pairs == 2
    assert list(points) == sorted(points)


def test_the_curves_are_sound_xml_and_say_what_is_unknown():
    points = [Point(step / 10, 10.0 - step, 5.0, None if step < 5 else 0.9, None) for step in range(11)]
    lines = [element for element in ET.fromstring(curves(points)).iter() if element.tag.endswith("polyline")]
    assert [len((line.get("points") or "").split()) for line in lines] == [11, 11, 6, 0]
    assert "changed photos found: unknown" in curves(points)


def test_a_hostile_name_is_text_on_the_page_and_a_pair_without_pictures_is_not_on_it():
    names = [
        Path("/photos/</figcaption><script>alert(1)</script>.jpg"),
        Path("/photos/\udcff {at} \x1b[31m\u202egpj.jpg"),
        Path("/gone.jpg"),
    ]
    pairs = [ExamplePair(0.9, names[0], names[1]), ExamplePair(0.2, names[0], names[2])]
    text = page([Point(0.5, 1.0, 2.0, None, None)], pairs, dict.fromkeys(names[:2], b"\xff\xd8\xff"), 0.8)
    assert text.encode()
    assert text.count("<script>") == 1
    assert "&lt;script&gt;alert(1)" in text
    assert "\\xff {at} \\x1b[31m\\u202egpj.jpg" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
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

    value, source = in_force(years)
    assert value == "0.7"
    assert source.startswith("calibrated on 20")
    assert years.ask("similar", file=years.photos / "0-0.jpg")["threshold"] == 0.7
    years.configure(same_shot={"threshold": 0.6})
    value, source = in_force(years)
    assert value == "0.6"
    assert "config.yaml" in source
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
    assert in_force(installation) == (f"{LINK_THRESHOLD:g}", "default")


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


def test_a_calibration_that_cannot_promise_what_the_config_asks_for_stops_nothing(scanned: Installation) -> None:
    scanned.configure(same_shot={"precision": 0.999})
    before = in_force(scanned)
    assert before[0] == "0.999"
    kept = scanned.run("calibrate", "--threshold", "0.9")
    assert kept.code == 0, kept.err
    assert "Kept, but" in kept.out
    assert "asks for a precision of 0.999, which no threshold promises" in kept.out
    told = scanned.run("scan")
    assert told.code == 0, told.err
    assert told.err.count("which no threshold promises") == 1
    value, source = in_force(scanned)
    assert value == "0.999"
    assert source.startswith(f"{before[1]}; no threshold calibrated on 20")
    assert scanned.run("calibrate", "--forget").code == 0
    assert in_force(scanned) == before


def test_a_single_measure_whose_calibration_promises_too_little_goes_on_by_what_was_kept(scanned: Installation) -> None:
    scanned.configure(same_shot={"method": "orb", "precision": 0.99})
    refused = scanned.run("scan")
    assert refused.code == 2
    assert "Run `sameshot calibrate --precision 0.99`" in refused.err
    with scanned.app() as app:
        method = app.method.id
    loaded = load_with_sources(scanned.config)
    kept = {"method": method, "threshold": 0.3, "on": "2026-01-01", "points": [(0.4, 0.95), (0.6, 0.995)]}
    assert threshold_of(loaded, kept).value == 0.6
    held = threshold_of(loaded, kept | {"points": [(0.4, 0.95)]})
    assert held.value == 0.3
    assert "the most is 0.95000" in held.note


def test_what_cannot_be_promised_or_asked_for_changes_nothing(scanned: Installation) -> None:
    scanned.ask("calibrate", threshold=0.8)
    with scanned.app() as app:
        before = [app.store.meta.get(key) for key in (CALIBRATION, "calibration_measured")]
    asked = {
        ("--precision", "0.5", "--sample", "5"): "No precision can be promised",
        ("--precision", "1"): "less than 1, not 1",
        ("--precision", "0"): "more than 0",
        ("--precision", "nan"): "not nan",
        ("--precision", "0.9", "--threshold", "0.7"): "Only one",
        ("--forget", "--threshold", "0.7"): "Only one",
    }
    for words, why in asked.items():
        refused = scanned.run("calibrate", *words)
        assert refused.code == 2, words
        assert is_clear(refused), refused.err
        assert why in refused.err
    with scanned.app() as app:
        assert [app.store.meta.get(key) for key in (CALIBRATION, "calibration_measured")] == before


def test_what_was_kept_can_be_forgotten(years: Installation) -> None:
    nothing = years.run("calibrate", "--forget")
    assert nothing.code == 2
    assert is_clear(nothing)
    years.ask("calibrate", sample=12, threshold=0.7)
    forgotten = years.run("calibrate", "--forget")
    assert forgotten.code == 0, forgotten.err
    assert forgotten.out.startswith(f"Forgotten. The threshold is {LINK_THRESHOLD:g} again (default).")
    assert in_force(years) == (f"{LINK_THRESHOLD:g}", "default")
    assert "--forget" in years.run("calibrate", "--help").out


@pytest.mark.parametrize("stands_in_the_way", ["a folder", "no cache folder"])
def test_a_page_that_cannot_be_written_is_told_and_the_threshold_kept(
    years: Installation, stands_in_the_way: str
) -> None:
    cache = years.locations.cache_dir
    if stands_in_the_way == "a folder":
        (cache / "calibration.html").mkdir(parents=True)
    else:
        shutil.rmtree(cache, ignore_errors=True)
        cache.write_text("")
    kept = years.run("calibrate", "--sample", "12", "--threshold", "0.77")
    assert kept.code == 0, kept.err
    assert "Traceback" not in kept.err
    assert "Kept: 0.77." in kept.out
    why = {"a folder": "Is a directory", "no cache folder": "File exists"}[stands_in_the_way]
    assert f"The page with pictures could not be written to {cache / 'calibration.html'}: {why}." in kept.out
    assert in_force(years)[0] == "0.77"
    assert stands_in_the_way != "a folder" or [found.name for found in cache.glob("calibration*")] == [
        "calibration.html"
    ]


def test_a_threshold_beside_the_rows_gets_a_row_and_zero_a_warning(years: Installation) -> None:
    kept = years.run("calibrate", "--sample", "12", "--threshold", "0.8505")
    assert re.search(r"^0\.8505  +\d+  +\d+ ", kept.out, re.MULTILINE), kept.out
    none = years.run("calibrate", "--sample", "12", "--threshold", "-0")
    assert none.code == 0, none.err
    assert "Kept: 0.\n" in none.out
    assert "From 0 on all photos that are compared are of one shot" in none.out


def test_examples_close_to_one_are_not_crowded_out(scanned: Installation) -> None:
    with scanned.app() as app:
        known = sorted(app.store.contents.ids())
        crowd = [ScoredPair(0.951, known[0], other, far=False) for other in known[1:7]]
        sure = [ScoredPair(0.9992, known[1], known[2], far=False), ScoredPair(0.9955, known[1], known[3], far=False)]
        assert {example.score for example in _examples(app, crowd + sure)} == {0.951, 0.9955, 0.9992}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium to show the page")
def test_a_browser_shows_the_threshold_that_was_suggested(tmp_path: Path) -> None:
    points = [Point(0.0, 40, 20, 0.5, 1.0), Point(0.999, 12, 10, 0.9995, 0.9), Point(1.0, 0, 0, None, 0.0)]
    for at, meaning in ((0.999, "From 0.999 on: about 12 pairs"), (0.4995, "From 0.4995 on: about 26 pairs")):
        (tmp_path / "page.html").write_text(page(points, [], {}, at), "utf-8")
        shown = subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--no-first-run", "--disable-component-update", "--disable-sync",
             f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom", (tmp_path / "page.html").as_uri()],
            capture_output=True, text=True, timeout=300, check=False,
        ).stdout  # fmt: skip
        assert meaning in shown
        assert f"sameshot calibrate --threshold {at}<" in shown


def test_on_a_terminal_one_looks_around_and_keeps(years: Installation) -> None:
    done = typed(years, "0.4\nnonsense\nnan\n5\n-1\n0.66\nkeep\n")
    assert done.code == 0, done.err
    assert "the same shot:" in done.out
    assert "Kept: 0.66." in done.out
    assert re.findall(r"From (\S+) on: about \d+ pairs, \d+ photos in groups", done.out) == [
        "0.400",
        "0.660",
    ]
    for odd in ("nonsense", "nan", "5", "-1"):
        assert f"sameshot: A threshold is a number from 0 to 1, not {odd};" in done.err


def test_where_the_input_ends_nothing_is_kept(years: Installation) -> None:
    done = typed(years, "\x04")
    assert done.code == 0, done.err
    assert "Kept" not in done.out
    assert "Aborted" not in done.err


def test_ctrl_c_at_the_question_ends_it_as_anywhere(years: Installation, hears_ctrl_c: None) -> None:
    with at_a_terminal(years) as (process, _):
        assert process.stderr is not None
        seen = ""
        while "Threshold to look at" not in seen:
            seen += (portion := process.stderr.read(1))
            assert portion, f"it ended without a question: {seen}"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Aborted" not in err
    assert "sameshot: Stopped" in err
