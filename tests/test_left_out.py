"""What workers die of is left out, told, and made up for by the next start."""

from __future__ import annotations

import sys

import pytest

import drawn
from deadly import DEADLY, NAMED_IN, deadly_workers
from running import Installation
from sameshot.errors import WorkersUnavailable
from sameshot.service.workers import Workers
from sameshot.store.store import Store
from sameshot.verbs.scan import scan
from sameshot.way.left_out import TRIES

COUNT = 5


def draw(installation: Installation) -> None:
    """Photos of another width each, from 300 px on."""
    for number in range(COUNT):
        drawn.save(drawn.scene(number, 300 + number, 200), installation.photos / f"{number}.jpg")


def links(installation: Installation) -> list[tuple[int, int, float]]:
    with Store.open(installation.locations.database, read_only=True) as store:
        return [(link.first, link.second, link.score) for link in store.links.of(store.contents.ids())]


def left_out(installation: Installation) -> list[int]:
    with Store.open(installation.locations.database, read_only=True) as store:
        return list(store.not_compared.all())


def scan_by(installation: Installation, workers: Workers):
    with installation.app() as app:
        app.workers = workers
        return scan(app)


def test_a_pair_that_ends_workers_costs_no_other_pair_and_is_compared_by_the_next_start(
    installation: Installation,
) -> None:
    draw(installation)
    installation.configure(same_shot={"method": "imagehash", "threshold": 0.9, "candidates": "all"})
    models = installation.locations.models_dir
    for _ in range(2):  # it is tried again by each start
        found = scan_by(installation, deadly_workers(models, (301, 303)))
        assert 1 <= len(found.problems) <= 2  # each of the two may have been about to be compared with the other
        for problem in found.problems:
            assert problem.startswith((str(installation.photos / "1.jpg"), str(installation.photos / "3.jpg")))
            assert "was not compared with all others: the worker was ended from outside (SIGKILL)" in problem
        assert len(links(installation)) == COUNT * (COUNT - 1) // 2 - 1
        assert found.failed == 0
    (models / NAMED_IN).unlink()
    assert installation.scan()["problems"] == []
    assert 1 <= installation.asked["compare"] <= 2
    assert len(links(installation)) == COUNT * (COUNT - 1) // 2
    assert left_out(installation) == []


def test_a_photo_that_ends_workers_when_measured_is_tried_thrice_and_again_by_the_next_start(
    installation: Installation,
) -> None:
    draw(installation)
    with (installation.photos / "2.jpg").open("ab") as photo:
        photo.write(DEADLY)
    installation.configure(same_shot={"method": "template", "threshold": 0.9, "candidates": "all"})
    models = installation.locations.models_dir
    workers = deadly_workers(models)
    found = scan_by(installation, workers)
    assert workers.asked["measure"] == COUNT - 1 + TRIES
    assert [str(installation.photos / "2.jpg") in problem for problem in found.problems] == [True]
    assert len(links(installation)) == (COUNT - 1) * (COUNT - 2) // 2
    (models / NAMED_IN).unlink()
    assert installation.scan()["problems"] == []
    assert installation.asked["measure"] == 1
    assert len(links(installation)) == COUNT * (COUNT - 1) // 2
    assert left_out(installation) == []


def test_a_photo_that_is_gone_is_neither_told_nor_asked_for(installation: Installation) -> None:
    draw(installation)
    installation.scan()
    (installation.photos / "2.jpg").unlink()
    installation.configure(same_shot={"method": "template", "threshold": 0.9, "candidates": "all"})
    assert installation.scan()["problems"] == []
    assert len(left_out(installation)) == 1
    assert installation.scan()["problems"] == []
    assert installation.asked["compare"] == 0
    drawn.save(drawn.scene(2, 302, 200), installation.photos / "2.jpg")
    installation.scan()
    installation.scan()  # what came back is linked again by the next start
    assert len(links(installation)) == COUNT * (COUNT - 1) // 2
    assert left_out(installation) == []


def test_workers_that_do_not_start_lose_no_pair(installation: Installation) -> None:
    draw(installation)
    installation.configure(same_shot={"method": "imagehash", "threshold": 0.9, "candidates": "all"})
    installation.scan()
    whole = links(installation)
    with installation.app() as app:
        app.store.links.clear()
        app.store.meta.set("compared_as", None)  # as it is while comparing goes on
    with pytest.raises(WorkersUnavailable, match="do not start"):
        scan_by(installation, Workers([sys.executable, "-c", ""], 1))
    assert links(installation) == []
    assert left_out(installation) == []
    installation.scan()
    assert links(installation) == whole
