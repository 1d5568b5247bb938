"""A long comparison is saved in parts, and goes on from there."""

from __future__ import annotations

import numpy as np

import drawn
from running import Installation
from sameshot.store.store import Store
from sameshot.way.linking import Linker
from sameshot.way.method import Method, method_of
from sameshot.way.second_looks import SecondLooks


def compare_all(app, chunk_s: float) -> tuple[int, int]:
    """Links every content with all others, in chunks of so many seconds; returns how many tasks and links that took."""
    chosen = method_of(app.config)
    method = Method(chosen.id, chosen.measure, 1000, "star", chunk_s)
    linked: list[int] = []
    linker = Linker(
        app.store, app.index, app.workers, method=method, second_looks=SecondLooks(app.store, app.workers, 30.0),
        encoder_id=app.encoder.encoder_id, shortlist_cosine=0.5, link_threshold=0.9, deadline_s=30.0,
        linked=linked.append, touched=lambda _: None,
    )  # fmt: skip
    for content in app.store.contents.ids():
        linker.find_links(content)
        while linker.under_way:
            app.workers.pump(1.0)
    assert sorted(linked) == app.store.contents.ids()
    return app.workers.asked["compare"], len(app.store.links.of(app.store.contents.ids()))


def test_each_chunk_of_time_ends_in_the_store_and_nothing_is_compared_twice(installation: Installation) -> None:
    for seed in range(6):
        drawn.save(drawn.scene(seed, 300, 200), installation.photos / f"{seed}.jpg")
    installation.configure(same_shot={"method": "imagehash", "threshold": 0.9})
    installation.scan()
    with installation.app() as app:
        app.store.links.clear()
        installation.asked.clear()
        assert compare_all(app, chunk_s=0.0) == (15, 15)  # no time at all: a task for each pair
        installation.asked.clear()
        assert compare_all(app, chunk_s=60.0) == (0, 15)
        app.store.links.clear()
        assert compare_all(app, chunk_s=60.0) == (5, 15)


def test_what_was_compared_before_a_crash_is_not_compared_again(installation: Installation) -> None:
    for seed in range(5):
        drawn.save(drawn.scene(seed, 300, 200), installation.photos / f"{seed}.jpg")
    installation.configure(same_shot={"method": "imagehash", "threshold": 0.9, "candidates": "all"})
    installation.scan()
    with Store.open(installation.locations.database) as store:
        links = store.links.of(store.contents.ids())
        assert len(links) == 10
        store.links.clear()
        store.links.save(links[:7])
        store.meta.set("compared_as", None)  # as it is while comparing goes on
    installation.scan()
    with Store.open(installation.locations.database, read_only=True) as store:
        assert store.links.of(store.contents.ids()) == links
    assert 0 < installation.asked["compare"] <= 3
    assert np.isfinite([link.cosine for link in links]).all()
