"""The layout template: what it refuses, and that nothing written into a photo leads out of the library."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planned import LIBRARY, NOON, photo
from sameshot.errors import BadInput
from sameshot.model import Plan, Step
from sameshot.plan.describe import plan_dict, shown
from sameshot.plan.layout import Facts, check_layout, place
from sameshot.plan.safe_text import safe_component, split_name

FACTS = Facts(NOON, "01 12.00 IMG_1", "Canon EOS R5", "jpeg", "IMG_1.jpg", 1, 3)


@pytest.mark.parametrize(
    ("template", "where"),
    [
        ("{date:%Y-%m-%d}/{group}/{name}", "2024-05-17/01 12.00 IMG_1/IMG_1.jpg"),
        ("{date:%Y/%m}/{group}/", "2024/05/01 12.00 IMG_1/IMG_1.jpg"),
        ("{year}/{month}/{day}/{rank:03} {stem}", "2024/05/17/001 IMG_1.jpg"),
        ("{camera} {kind}/{count}.{extension}", "Canon EOS R5 jpeg/3.jpg"),
        ("{date}/{{x}}/{name}", "2024-05-17/{x}/IMG_1.jpg"),
    ],
)
def test_a_template_is_filled(template, where):
    check_layout(template)
    spot = place(template, FACTS)
    assert "/".join((*spot.folders, spot.name)) == where


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{dat}/{name}", "{date}"),
        ("{Group}/", "{group}"),
        ("{date.__class__}/", "no field"),
        ("{name[0]}", "no field"),
        ("{name!r}", "Write {name}"),
        ("{}", "no field"),
        ("{0}/", "no field"),
        ("{name:>9999}", "Write {name}"),
        ("{rank:999999d}", "Write {rank}"),
        ("{date:%x}/", "date format"),
        ("{date:%Y/../..}/", "date format"),
        ("{date:{name}}/", "date format"),
        ("../{name}", "no folder beneath"),
        ("/abs/{name}", "no folder beneath"),
        ("a//{name}", "no folder beneath"),
        ("", "no folder beneath"),
        ("{name", "cannot be read"),
        ("name}", "cannot be read"),
        ("a\nb/{name}", "control character"),
    ],
)
def test_a_bad_template_is_named_with_what_to_write(template, says):
    with pytest.raises(BadInput) as refusal:
        check_layout(template)
    assert says in str(refusal.value)


HOSTILE_PIECES = [
    "..",
    "/",
    "\\",
    "\0",
    "\n",
    "\x1b[2J",
    "-rf",
    "~",
    "$(id)",
    "{name}",
    "{0.__class__}",
    "%n",
    "con",
    "NUL.jpg",
]
HOSTILE_PIECES += [" ", ".", "\u202e", "\ud800", "\udcff", "\udcc3", "\udca9", "e\u0301", "\u2025", "\uff0f", "\u2215"]
HOSTILE_PIECES += ["x" * 300, "\U0001f4f7" * 70, ".jpg", "a"]
TEMPLATES = ["{camera}/{name}", "{group}/{stem}.{camera}", "{date}/{camera} {group}/", "{camera}{kind}/{group}{name}"]


def check_hostile(count: int) -> None:
    draw = random.Random(5)
    for number in range(count):
        texts = ["".join(draw.choices(HOSTILE_PIECES, k=draw.randint(0, 6))) for _ in range(4)]
        facts = replace(FACTS, camera=texts[0], group=texts[1], kind=texts[2], name=texts[3] or "a")
        spot = place(TEMPLATES[number % len(TEMPLATES)], facts)
        target = LIBRARY.joinpath(*spot.folders, spot.name)
        assert PurePosixPath(os.path.normpath(target)).is_relative_to(LIBRARY), texts
        assert len(target.parts) == len(LIBRARY.parts) + len(spot.folders) + 1
        for part in (*spot.folders, spot.name):
            check_component(part)


def check_component(part: str) -> None:
    raw = os.fsencode(part)
    assert 0 < len(raw) <= 255
    assert os.fsdecode(raw) == part
    assert not set(part) & set("/\0\n\x1b\u202e")
    assert part[0] not in ".- "
    assert part[-1] not in ". "
    assert part.partition(".")[0].strip().lower() not in ("con", "nul", "aux", "prn", "com1", "lpt9")


def test_no_string_in_a_photo_leads_out_of_the_library():
    check_hostile(2_000)


@pytest.mark.slow
def test_no_string_of_a_hundred_thousand_leads_out_of_the_library():
    check_hostile(100_000)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=400), st.lists(st.sampled_from(HOSTILE_PIECES)).map("".join)))
def test_a_component_is_safe_keeps_its_extension_and_stays_as_it_is(text):
    once = safe_component(text)
    check_component(once)
    assert safe_component(once) == once
    assert split_name(safe_component("y" * 300 + ".jpeg"))[1] == ".jpeg"


def test_a_plan_is_plain_values_and_any_name_can_be_shown():
    view = photo(1, "a\x1b[2J\n\udcff\u202e.jpg")
    step = Step(0, "copy", view.path, LIBRARY / "b.jpg", view.stat, view.digest, "alone")
    assert plan_dict(Plan("folders", (step,)))["counts"] == {"photos": 1, "files": 1, "folders": 1, "size_bytes": 1000}
    assert shown(view.path.name) == "a\\x1b[2J\\n\\xff\\u202e.jpg"
    assert shown(view.path.name).isprintable()
