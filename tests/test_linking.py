"""What it takes to find the links of a content: what is asked of the index, of the workers and of the store."""

from __future__ import annotations

import drawn
from running import CountingWorkers, Installation
from sameshot.index.neighbours import NeighbourIndex
from sameshot.model import PairScore
from sameshot.service.workers import FailureKind, Message, Task, TaskFailed
from sameshot.way.left_out import TRIES
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


class Failing(Answering):
    """Workers that end, in the way told, at the first tasks and at each that holds one of the deadly pairs."""

    def __init__(self, kind: FailureKind, first: int = 0, deadly: int = 0) -> None:
        super().__init__([])
        self.kind, self.first, self.deadly = kind, first, deadly
        self.pairs_asked: list[int] = []

    def answer_all(self) -> None:
        while self.tasks:
            task = self.tasks.pop(0)
            features = task.message().header["features"]
            self.pairs_asked.append(len(features) - 1)
            if len(self.pairs_asked) <= self.first or any(one["width_px"] == self.deadly for one in features[1:]):
                task.done(TaskFailed("the worker was ended from outside (SIGKILL)", self.kind))
            else:
                task.done(scores_to_message([PairScore(0.95, {})] * (len(features) - 1)))


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


def test_a_task_whose_worker_ended_is_tried_again_each_pair_alone(installation: Installation) -> None:
    scanned(installation, 4)
    with installation.app() as app:
        app.store.links.clear()
        workers = Failing("killed", first=3)
        first, *others = app.store.contents.ids()
        linker(app, workers).find_links(first)
        workers.answer_all()
        assert app.store.links.scores_of(first) == dict.fromkeys(others, 0.95)
        assert workers.pairs_asked == [3, *[1] * 5]
        assert app.store.not_compared.all() == {}


def test_a_pair_that_ends_every_worker_is_left_out_without_a_row_and_remembered(installation: Installation) -> None:
    for seed in range(4):
        drawn.save(drawn.scene(seed, 300 + seed, 200), installation.photos / f"{seed}.jpg")
    installation.scan()
    with installation.app() as app:
        app.store.links.clear()
        captured = {features.width_px: c for c, features in app.store.contents.features(
            app.store.contents.ids(), app.encoder.encoder_id).items()}  # fmt: skip
        first, deadly = captured[300], captured[303]
        workers = Failing("crash", deadly=303)
        linking = linker(app, workers)
        linking.find_links(first)
        workers.answer_all()
        assert set(app.store.links.scores_of(first)) == {captured[301], captured[302]}
        assert workers.pairs_asked == [3, *[1] * (2 + TRIES)]
        assert list(app.store.not_compared.all()) == [first]
        linking.find_links(first)
        workers.answer_all()
        assert len(workers.pairs_asked) == 3 + TRIES  # not again in this run
        healthy = Failing("crash")
        linker(app, healthy).find_links(first)
        healthy.answer_all()
        assert deadly in app.store.links.scores_of(first)
        assert app.store.not_compared.all() == {}


def test_workers_that_fail_at_everything_make_no_strangers_and_are_not_asked_for_ever(
    installation: Installation,
) -> None:
    scanned(installation, 20)
    with installation.app() as app:
        app.store.links.clear()
        app.store.contents.clear_reaches()
        workers = Failing("error", first=1000)
        for content in app.store.contents.ids():
            linker(app, workers).find_links(content)
            workers.answer_all()
        assert app.store.links.of(app.store.contents.ids()) == []
        assert app.store.contents.reaches() == {}
        assert len(workers.pairs_asked) <= 20 * (2 + 19)  # each pair alone once: it was refused, not struck
        assert sorted(app.store.not_compared.all()) == app.store.contents.ids()
