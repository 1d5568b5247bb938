"""Group folders: what is planned is unique, beneath the library, complete, and done once."""

from __future__ import annotations

import os
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planned import CAMERA, LIBRARY, NOON, Tree, group, moved, paths_of, photo
from sameshot.errors import BadInput
from sameshot.model import Action, GroupView, PhotoView, Plan
from sameshot.plan.folders import folder_plan
from sameshot.plan.rank_keys import ranked_name
from sameshot.plan.safe_text import folded

LAYOUT = "{date:%Y-%m-%d}/{group}/"
HARD_NAMES = st.one_of(
    st.sampled_from(
        ["a.jpg", "A.JPG", "é.jpg", "e\u0301.jpg", "a (2).jpg", "con.jpg", "...", "-rf.jpg", "a", ".a", "ß.x"]
    ),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.binary(min_size=1, max_size=8).map(lambda raw: os.fsdecode(raw.replace(b"/", b"_").replace(b"\0", b"_"))),
    st.integers(200, 255).map(lambda size: "x" * (size - 4) + ".jpg"),
).filter(lambda name: name not in (".", "..") and len(os.fsencode(name)) <= 255)
LAYOUTS = [
    "{date:%Y/%m}/{group}/{name}",
    "{group}/{rank} {stem}",
    "{camera}/{name}",
    "{group} {name}",
    "{date:%Y-%m-%d}/{group}",
    "{kind}/{year}/",
    "{rank}.{extension}",
]


def plan_of(
    groups: list[GroupView],
    alone: list[PhotoView] | None = None,
    tree: Tree | None = None,
    *,
    action: Action = "copy",
    layout: str = LAYOUT,
    outliers: str | None = None,
    filed: dict[int, Path] | None = None,
    brought: set[Path] | None = None,
    roots: tuple[Path, ...] = (),
    catalogues: tuple[Path, ...] = (),
) -> Plan:
    tree = tree or Tree([view for each in groups for view in each.photos] + (alone or []))
    return folder_plan(
        groups,
        alone or [],
        action=action,
        library=LIBRARY,
        layout=layout,
        outliers=outliers,
        taken=tree.names_in,
        filed=filed or {},
        brought=brought or set(),
        roots=roots,
        catalogues=catalogues,
    )


def targets(plan: Plan) -> list[str]:
    return [str(step.target.relative_to(LIBRARY)) for step in plan.steps]


def filed_by(plan: Plan, photos: list[PhotoView]) -> dict[int, Path]:
    by_source = {step.source: step.target for step in plan.steps}
    return {view.id: by_source[view.path] for view in photos if view.path in by_source}


def test_groups_get_readable_folders_in_the_order_of_the_day():
    late, early = photo(1, taken_at=NOON + timedelta(hours=2)), photo(2, " DSC 9 .jpg", taken_at=NOON)
    plan = plan_of([group(late, photo(3)), group(early, photo(4))])
    assert targets(plan) == [
        "2024-05-17/01 12.00 DSC 9/DSC 9.jpg",
        "2024-05-17/01 12.00 DSC 9/IMG_4.jpg",
        "2024-05-17/02 14.00 IMG_1/IMG_1.jpg",
        "2024-05-17/02 14.00 IMG_1/IMG_3.jpg",
    ]
    assert plan.steps[1].why == "same shot as  DSC 9 .jpg"
    assert len({step.unit for step in plan.steps}) == 4


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("{camera}/{group}", ["01 12.00 IMG_1.jpg", "01 12.00 IMG_1 (2).jpg", "02 12.00 IMG_3.jpg"]),
        (
            "{camera}/{group} {name}",
            ["01 12.00 IMG_1 IMG_1.jpg", "01 12.00 IMG_1 IMG_2.jpg", "02 12.00 IMG_3 IMG_3.jpg"],
        ),
    ],
)
def test_groups_that_are_told_apart_by_their_names_share_a_folder(layout, expected):
    first, second = group(photo(1), photo(2)), group(photo(3))
    plan = plan_of([first, second], layout=layout)
    assert targets(plan) == [f"Test One/{name}" for name in expected]
    filed = filed_by(plan, [*first.photos, *second.photos])
    assert plan_of([first, second], layout=layout, filed=filed).steps == ()


@pytest.mark.parametrize("action", ["copy", "move"])
def test_a_rank_prefix_stays_behind(action):
    prefixed = [ranked_name(key, "IMG_1") for key in (20_000_000, 30_000_000)]
    first = photo(1, f"{prefixed[0]}.jpg", [f"{prefixed[0]}.xmp", f"{prefixed[0]}.jpg.xmp"], taken_at=NOON)
    second = photo(2, f"{prefixed[1]}.jpg", taken_at=NOON, folder=Path("/photos/two"))
    plan = plan_of([group(first, second)], action=action)
    names = ["IMG_1.jpg", "IMG_1.xmp", "IMG_1.jpg.xmp", "IMG_1 (2).jpg"]
    assert targets(plan) == [f"2024-05-17/01 12.00 IMG_1/{name}" for name in names]
    assert [step.source.name for step in plan.steps[:2]] == [f"{prefixed[0]}.jpg", f"{prefixed[0]}.xmp"]


def test_what_was_ranked_where_it_belongs_stays_there():
    home = LIBRARY / "2024-05-17" / "01 12.00 IMG_1"
    there = [photo(key, ranked_name(key * 10_000_000, f"IMG_{key}.jpg"), taken_at=NOON, folder=home) for key in (1, 2)]
    assert plan_of([group(*there)], action="move").steps == ()


@pytest.mark.parametrize("stem", [" ", "-", ". -"])
def test_a_name_without_a_letter_keeps_its_extension(stem):
    odd = photo(1, f"{stem}.jpg", [f"{stem}.xmp"])
    assert [Path(target).name for target in targets(plan_of([group(odd, photo(2))]))] == ["_.jpg", "_.xmp", "IMG_2.jpg"]


def test_companions_take_the_stem_and_the_suffix_of_their_primary():
    first = photo(1, "IMG_1.jpg", folder=Path("/photos/one"))
    second = photo(
        2, "IMG_1.jpg", ["img_1.xmp", "IMG_1.cr2", "IMG_1.jpg.xmp", "IMG_E1.mov"], folder=Path("/photos/two")
    )
    plan = plan_of([group(first, second)], layout="{group}/")
    assert [step.target.name for step in plan.steps] == [
        "IMG_1.jpg",
        "IMG_1 (2).jpg",
        "IMG_1 (2).xmp",
        "IMG_1 (2).cr2",
        "IMG_1 (2).jpg.xmp",
        "IMG_E1 (2).mov",
    ]
    assert len({step.unit for step in plan.steps[1:]}) == 1
    assert [step.digest is None for step in plan.steps] == [False, False, True, True, True, True]


def test_what_exists_is_never_a_target_whatever_its_case_or_normal_form():
    view = photo(1, "\u00e9t\u00e9.JPG")
    folder = LIBRARY / "2024-05-17/01 12.00 \u00e9t\u00e9"
    tree = Tree([view, photo(2)], [folder / "e\u0301te\u0301.jpg"])
    plan = plan_of([group(view, photo(2))], tree=tree)
    assert plan.steps[0].target.name == "\u00e9t\u00e9 (2).JPG"


def test_photos_alone_stay_unless_asked_for():
    assert plan_of([], [photo(1)]).steps == ()
    assert targets(plan_of([], [photo(1)], outliers="alone")) == ["alone/IMG_1.jpg"]
    assert targets(plan_of([], [photo(1)], outliers="alone/{year}/{stem}")) == ["alone/2024/IMG_1.jpg"]
    with pytest.raises(BadInput, match="group"):
        plan_of([], [photo(1)], outliers="alone/{group}")


def test_a_photo_that_joins_later_goes_where_its_group_is_and_new_groups_count_on():
    one, two, late = photo(1), photo(2), photo(3)
    first = plan_of([group(one, two)])
    tree = Tree([one, two, late])
    tree.apply(first)
    filed = filed_by(first, [one, two])
    # The newcomer is the better one and leads the group now; another group of that morning appears.
    other = group(photo(8, taken_at=NOON - timedelta(hours=1)), photo(9))
    plan = plan_of([GroupView("g1", (late, one, two)), other], tree=tree, filed=filed)
    assert targets(plan) == [
        "2024-05-17/02 11.00 IMG_8/IMG_8.jpg",
        "2024-05-17/02 11.00 IMG_8/IMG_9.jpg",
        "2024-05-17/01 12.00 IMG_1/IMG_3.jpg",
    ]


def test_a_companion_that_comes_later_follows_its_photo():
    view = photo(1)
    first = plan_of([group(view, photo(2))])
    tree = Tree([view, photo(2)])
    tree.apply(first)
    view = photo(1, "IMG_1.jpg", ["IMG_1.xmp"])
    plan = plan_of([group(view, photo(2))], tree=tree, filed=filed_by(first, [view, photo(2)]))
    assert [(step.source.name, str(step.target.relative_to(LIBRARY))) for step in plan.steps] == [
        ("IMG_1.xmp", "2024-05-17/01 12.00 IMG_1/IMG_1.xmp")
    ]


def test_a_companion_of_two_photos_goes_once_and_the_plan_says_so():
    plan = plan_of([group(photo(1, "a.jpg", ["a.xmp"]), photo(2, "a.cr2", ["a.xmp"]))], action="move")
    assert [step.source.name for step in plan.steps] == ["a.jpg", "a.cr2", "a.xmp"] or [
        step.source.name for step in plan.steps
    ] == ["a.jpg", "a.xmp", "a.cr2"]
    assert any("shares a companion" in warning for warning in plan.warnings)


def test_dangers_are_named():
    groups = [group(photo(1, "a.jpg", ["a.xmp"]), photo(2))]
    assert "writes through" in plan_of(groups, action="hardlink").warnings[0]
    assert any("/photos" in warning for warning in plan_of(groups, action="symlink", roots=(Path("/photos"),)).warnings)
    found = (CAMERA / "Main.lrcat", CAMERA / "digikam4.db", CAMERA / "library.db")
    warned = " ".join(plan_of(groups, action="move", catalogues=found).warnings)
    assert all(program in warned for program in ("Lightroom", "digiKam", "darktable", ".xmp"))
    assert plan_of(groups, action="copy", catalogues=found).warnings == ()


@st.composite
def collections(draw):
    names = draw(
        st.lists(st.tuples(HARD_NAMES, st.sampled_from(["one", "two", "Two"])), min_size=2, max_size=12, unique=True)
    )
    photos = []
    for number, (name, folder) in enumerate(names):
        stem = name.rpartition(".")[0] or name
        companions = [
            stem + tail for tail in draw(st.sets(st.sampled_from([".xmp", ".mov", ".cr3.xmp", ".XMP"]), max_size=3))
        ]
        where = Path("/photos") / folder / str(number)
        companions = [each for each in companions if each != name and len(os.fsencode(each)) <= 255]
        when = draw(st.sampled_from([None, NOON, NOON + timedelta(days=1)]))
        camera = draw(st.one_of(st.none(), st.text(max_size=300)))
        photos.append(photo(number, name, companions, folder=where, taken_at=when, camera=camera))
    cuts = sorted(draw(st.sets(st.integers(2, len(photos)), max_size=3)) | {0, len(photos)})
    parts = [photos[low:high] for low, high in pairwise(cuts)]
    return [group(*part) for part in parts if len(part) > 1], [part[0] for part in parts if len(part) == 1]


@settings(max_examples=100, deadline=None)
@given(collections(), st.sampled_from(["copy", "move"]), st.sampled_from([LAYOUT, *LAYOUTS]), st.randoms())
def test_every_plan_is_safe_complete_and_done_once(case, action, layout, random):
    groups, alone = case
    photos = [view for each in groups for view in each.photos] + alone
    tree = Tree(photos)
    plan = plan_of(groups, alone, tree, action=action, layout=layout, outliers="alone")

    assert sorted(step.source for step in plan.steps) == sorted(path for view in photos for path in paths_of(view))
    assert len({folded(str(step.target)) for step in plan.steps}) == len(plan.steps)
    for step in plan.steps:
        assert Path(os.path.normpath(step.target)).is_relative_to(LIBRARY)
        assert all(len(os.fsencode(part)) <= 255 for part in step.target.parts)
        assert not any(part in ("..", ".") or part[0] in ".- " for part in step.target.relative_to(LIBRARY).parts)
    for view in photos:
        units = [step for step in plan.steps if step.source in paths_of(view)]
        assert len({step.unit for step in units}) == 1
        assert len({step.target.parent for step in units}) == 1

    shuffled = random.sample(groups, len(groups)), random.sample(alone, len(alone))
    assert plan_of(*shuffled, tree, action=action, layout=layout, outliers="alone") == plan

    tree.apply(plan)
    filed = filed_by(plan, photos)
    after = [GroupView(each.id, tuple(moved(view, plan) for view in each.photos)) for each in groups]
    again = plan_of(
        after,
        [moved(view, plan) for view in alone],
        tree,
        action=action,
        layout=layout,
        outliers="alone",
        filed=filed,
        brought={step.source for step in plan.steps if step.action != "move"},
    )
    assert again.steps == ()


def test_a_moved_photo_is_at_home_even_if_nothing_is_known_of_the_batch():
    views = [photo(1, "a.jpg", folder=Path("/x")), photo(2, "a.jpg", folder=Path("/y"))]
    tree = Tree(views)
    plan = plan_of([group(*views)], tree=tree, action="move")
    tree.apply(plan)
    after = group(*(moved(view, plan) for view in views))
    assert plan_of([after], tree=tree, action="move").steps == ()
