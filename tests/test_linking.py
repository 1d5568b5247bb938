"""What it takes to find the links of a content: what is asked of the index, of the workers and of the store."""

from __future__ import annotations

import drawn
from running import CountingWorkers, Installation
from sameshot.index.neighbours import NeighbourIndex
from sameshot.model import PairScore
from sameshot.service.workers import Message, Task
from sameshot.way.linking import Linker
from sameshot.way.looking import compare_one
from sameshot.way.second_looks import SecondLooks
from sameshot.wire.photos import scores_to_message


class ListeningWorkers(CountingWorkers):
    """Workers that keep what they are asked."""

    def submit(self, task: Task, first: bool = False) -> None:
        self.heard.append(task.message())
        super().submit(task, first)


class CountingIndex(NeighbourIndex):
    """An index that counts the walks through it."""

    walks = 0

    def around(self, vector, minimum_cosine):
        self.walks += 1
        return super().around(vector, minimum_cosine)


class Answering:
    """Workers that answer at once: each pair gets the score that `said` has for it."""

    count = 1

    def __init__(self, said: list[PairScore]) -> None:
        self.said = said
        self.tasks: list[Task] = []

    def submit(self, task: Task) -> None:
        self.tasks.append(task)

    def answer_all(self) -> None:
        while self.tasks:
            task = self.tasks.pop()
            count = len(task.message().header["features"]) - 1
            said, self.said = self.said[:count], self.said[count:]
            task.done(Message(scores_to_message(said).header))


def linker(app, workers, index=None, threshold: float = 0.9) -> Linker:
    return Linker(
        app.store, index or app.index, workers, method=app.method, second_looks=SecondLooks(app.store, workers, 30.0),
        encoder_id=app.encoder.encoder_id, shortlist_cosine=-1.0, link_threshold=threshold, deadline_s=30.0,
        linked=lambda _: None, touched=lambda _: None,
    )  # fmt: skip


def scanned(installation: Installation, count: int) -> None:
    for seed in range(count):
        drawn.save(drawn.scene(seed // 2, 300 + 20 * (seed % 2), 200), installation.photos / f"{seed}.jpg")
    installation.scan()


def test_a_pair_score_is_asked_for_with_what_it_reads_and_no_more(installation: Installation) -> None:
    scanned(installation, 3)
    with installation.app() as app:
        app.store.links.clear()
        first, *others = app.store.contents.ids()
        for content in (first, *others):
            app.store.contents.save_descriptor(content, "ssim_512", bytes(300_000))
        app.workers.__class__ = ListeningWorkers
        app.workers.heard = []
        linking = linker(app, app.workers)
        linking.find_links(first)
        while linking.under_way:
            app.workers.pump(1.0)
        (asked,) = app.workers.heard
        assert [one["descriptors"] for one in asked.header["features"]] == [["hues", "orb", "phash", "relief"]] * 3
        assert sum(map(len, asked.buffers)) < 300_000
        features = app.store.contents.features([first, *others], app.encoder.encoder_id)
        assert "ssim_512" in features[first].descriptors
        whole = compare_one(app, features[first], [features[other] for other in others])
        assert app.store.links.scores_of(first) == {o: p.score for o, p in zip(others, whole, strict=True)}


def test_one_walk_through_the_index_finds_the_links_of_a_content(installation: Installation) -> None:
    scanned(installation, 6)
    with installation.app() as app:
        app.store.links.clear()
        index = CountingIndex(installation.folder / "index", app.encoder.encoder_id, app.encoder.dimension)
        index.load("1", lambda: app.store.contents.vectors(app.encoder.encoder_id))
        workers = Answering([PairScore(0.95, {})] * 100)
        for content in app.store.contents.ids():
            linker(app, workers, index).find_links(content)
            workers.answer_all()
        assert index.walks == 6
        assert len(app.store.links.of(app.store.contents.ids())) == 15


def test_of_strangers_only_what_sets_are_recognised_by_is_kept(installation: Installation) -> None:
    scanned(installation, 4)
    with installation.app() as app:
        app.store.links.clear()
        shift = {"inliers": 20.0, "shift_x": 0.5, "shift_y": 0.0}
        said = [PairScore(0.1, {"inliers": 3.0}), PairScore(0.2, shift), PairScore(0.95, {"inliers": 40.0})]
        workers = Answering(said)
        first = app.store.contents.ids()[0]
        linker(app, workers).find_links(first)
        workers.answer_all()
        kept = {link.score: link.evidence for link in app.store.links.of([first])}
        assert kept == {0.1: {}, 0.2: shift, 0.95: {"inliers": 40.0}}
