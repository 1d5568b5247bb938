"""An undo whose end the store was not told, because the process was killed: the next opening catches up."""

from __future__ import annotations

import pytest

from filed import tree
from running import Installation
from sameshot.apply.undo import Selection, undo


def told_paths(installation: Installation) -> set[str]:
    groups = installation.groups()
    return {photo["path"] for group in groups["groups"] for photo in group["photos"]} | set(groups["alone"])


@pytest.mark.parametrize("verbs", [["move"], ["copy"], ["hardlink"], ["rank"], ["rank", "move"], ["move", "rank"]])
def test_the_store_knows_where_files_are_again(scanned: Installation, verbs: list[str]) -> None:
    before, paths = tree(scanned.photos), told_paths(scanned)
    for verb in verbs:
        places = [scanned.photos, scanned.library] if scanned.library.is_dir() else [scanned.photos]
        done = scanned.ask("rank", folders=places[-1:]) if verb == "rank" else scanned.ask("apply", action=verb)
        assert done["refused"] == []
        assert done["done"]
    with scanned.app() as app:
        report = undo(app.journal, Selection(all=True), now=app.today())  # and here the process is killed
        assert all(outcome.done for outcome in report.outcomes)
    assert tree(scanned.photos) == before
    with scanned.app():
        pass
    assert told_paths(scanned) == paths
    first = verbs[0]
    again = scanned.ask("rank", folders=[scanned.photos]) if first == "rank" else scanned.ask("apply", action=first)
    assert again["refused"] == []
    assert again["done"]
    scanned.scan()
    assert scanned.ask("status")["photos"] == 12
    assert not scanned.asked["look"]
