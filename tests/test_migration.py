"""Another encoder takes the place of the one that serves: nothing is looked at twice, no answer is of two of them."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drawn
from another_encoder import make_another
from running import Installation, Service
from sameshot.app import App, open_app
from sameshot.config import load_with_sources
from sameshot.embed.cards import Card, read_card, succeed
from sameshot.embed.spec import parse
from sameshot.model import Stage
from sameshot.store.store import Store
from sameshot.verbs.similar import similar
from sameshot.way.series import counts

pytestmark = pytest.mark.timeout(900)


def draw(folder: Path, numbers: range) -> int:
    """Bursts of three and photos that are alone, in turn; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = [(number, frame) for number in numbers for frame in range(3 if number % 2 else 1)]
    for number, frame in frames:
        drawn.save(drawn.burst_frame(drawn.scene(number, 480, 320), frame), folder / f"{number}-{frame}.jpg")
    return len(frames)


@contextmanager
def seen(installation: Installation) -> Iterator[App]:
    """The state as a reader has it, of one moment."""
    loaded = load_with_sources(installation.config)
    with (
        open_app(loaded, installation.locations, lambda *_: None, verb="test", writing=False) as app,
        app.store.snapshot(),
    ):
        yield app


def check_one_model(store: Store) -> str:
    """Everything that answers are made of is of one encoder; returns its id."""
    serving = store.meta.get("serving_encoder")
    assert store.meta.get("links_of").endswith(f" {serving}")
    vectors = dict(store.contents.vectors(serving))
    score_of = {}
    for link in store.links.of(store.contents.ids()):
        assert abs(float(np.dot(vectors[link.first], vectors[link.second])) - link.cosine) < 1e-5, link
        score_of[frozenset((link.first, link.second))] = link.score
    for group in store.groups.all():
        for member in group.members:
            assert member.content in vectors
            if member.certified_by == "measured":
                assert score_of[frozenset((group.representative, member.content))] == member.score
    return str(serving)


def known(store: Store, threshold: float) -> dict[str, Any]:
    """What is known, by digest: contents have other ids in another state.

    Of links those that count: which pairs beyond all reaches were compared while these were longer, the order decides.
    """
    serving = store.meta.get("serving_encoder")
    digest = {row.id: row.digest for row in store.contents.get(store.contents.ids()).values()}
    reaches = store.contents.reaches()
    links = [link for link in store.links.of(digest) if link.score >= threshold and counts(link, reaches)]
    return {
        "encoder": serving,
        "vectors": {digest[content]: vector.tobytes() for content, vector in store.contents.vectors(serving)},
        "reaches": {digest[content]: reach for content, reach in reaches.items()},
        "links": {frozenset((digest[link.first], digest[link.second])) for link in links},
        "groups": {frozenset(digest[m.content] for m in group.members) for group in store.groups.all()},
        "stages": {stage: count for stage, count in store.photos.count().items() if count},
        "beside": len(list(store.other.groups.all())),
    }


def as_known(installation: Installation) -> dict[str, Any]:
    with seen(installation) as app:
        check_one_model(app.store)
        return known(app.store, app.link_threshold)


def rebuilt(installation: Installation, folder: Path, **keys: Any) -> dict[str, Any]:
    """What a state that never knew another encoder knows of the same photos."""
    clean = Installation(folder, installation.state / "models")
    clean.configure(roots=[{"path": str(installation.photos)}], **keys)
    clean.scan()
    return as_known(clean)


# ---------------------------------------------------------------- one after the other


def test_a_change_of_encoder_looks_at_nothing_twice_and_back_at_nothing_at_all(
    installation: Installation, tmp_path: Path
) -> None:
    count = draw(installation.photos, range(6))
    installation.scan()
    before, groups = as_known(installation), installation.json("groups")
    with installation.app() as app:  # the owner had them clustered: by vectors that are about to go
        app.store.clusters.replace("certified", {content: content for content in app.store.contents.ids()})
    spec = make_another(installation)
    installation.configure(encoder=spec)
    installation.scan()
    assert installation.asked["vector"] == count
    assert not installation.asked.keys() & {"look", "identify", "inspect"}
    assert as_known(installation) == rebuilt(installation, tmp_path / "clean", encoder=spec)
    assert as_known(installation)["encoder"] != before["encoder"]
    assert {group["id"] for group in installation.json("groups")["groups"]} == {g["id"] for g in groups["groups"]}
    more = draw(installation.photos, range(6, 8))
    installation.scan()
    assert installation.asked["look"] == more
    third = make_another(installation, seed=1)
    with installation.app() as app:  # as states of before know it: by what links are of
        app.store.meta.set("serving_encoder", None)
    installation.configure()
    installation.scan()
    assert installation.asked["vector"] == more
    assert installation.asked["compare"] <= 3 * more  # what was compared before is known
    assert as_known(installation) == rebuilt(installation, tmp_path / "again")
    installation.configure(encoder=third)
    installation.scan()
    with seen(installation) as app:  # one way back is kept, no more
        of = [app.store.contents.count(name) for name in (before["encoder"], app.encoder.encoder_id)]
        assert of == [count + more] * 2
        assert app.store.contents.count(read_card(app.locations.models_dir, parse(spec).key).encoder_id) == 0


def test_what_cannot_be_had_holds_up_nothing_and_is_seen_when_it_is_back(installation: Installation) -> None:
    draw(installation.photos, range(3))
    draw(installation.photos / "disk", range(3, 4))
    installation.scan()
    away, spec = installation.folder / "away", make_another(installation)
    (installation.photos / "disk").rename(away)  # and no sweep has noticed
    installation.configure(encoder=spec)

    def stages(app: App) -> dict[Stage, int]:
        return {stage: number for stage, number in app.store.photos.count().items() if number}

    with installation.app() as app:
        app.resume()
        app.run_until_idle("")
        assert check_one_model(app.store) == app.wanted_encoder.encoder_id
        assert stages(app) == {"grouped": 8}
        assert app.store.contents.count(app.encoder.encoder_id) == 5
        assert [len(group.members) for group in app.store.groups.all()] == [3]
        away.rename(installation.photos / "disk")
        app.flow.seek_unseen()
        app.run_until_idle("")
        assert app.store.contents.count(app.encoder.encoder_id) == 8
        assert sorted(len(group.members) for group in app.store.groups.all()) == [3, 3]


def test_a_model_that_is_gone_is_told_and_everything_is_looked_at_anew(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    count = draw(installation.photos, range(4))
    spec = make_another(installation)
    installation.configure(encoder=spec)
    installation.scan()
    for file in (installation.state / "models").glob("onnx*"):
        file.unlink()
    installation.configure()
    installation.scan()
    assert "is gone: photos are looked at anew by lite0" in caplog.text
    assert installation.asked["look"] == count
    assert as_known(installation)["stages"] == {"grouped": count}


def test_a_model_that_comes_along_is_made_again_when_somebody_removes_it_meanwhile(installation: Installation) -> None:
    drawn.save(drawn.scene(1), installation.photos / "one.jpg")
    installation.scan()
    with installation.app() as app:
        app.follow_encoder()
        shutil.rmtree(app.locations.models_dir)
        app.follow_encoder()
        drawn.save(drawn.scene(2), installation.photos / "two.jpg")
        assert len(similar(app, file=installation.photos / "two.jpg").photos) == 1


def test_what_an_older_version_described_otherwise_is_looked_at_anew(installation: Installation) -> None:
    count = draw(installation.photos, range(2))
    installation.scan()
    before = as_known(installation)
    with sqlite3.connect(installation.locations.database) as state:
        state.execute("UPDATE descriptors SET measure = 'an older one' WHERE measure = 'orb' AND content < 3")
    installation.scan()
    assert installation.asked["look"] == 2 < count
    assert as_known(installation) == before


def test_a_newer_score_compares_looks_of_before_and_every_group_keeps_its_id(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    draw(installation.photos, range(12))
    installation.scan()
    with installation.app() as app:
        before = {group.id: {member.content for member in group.members} for group in app.store.groups.all()}
    with sqlite3.connect(installation.locations.database) as state:
        state.execute("DELETE FROM descriptors WHERE measure = 'hues'")
        state.execute("UPDATE meta SET value = '\"pair_score before\"' WHERE key IN ('links_of', 'compared_as')")
    (installation.photos / "0-0.jpg").unlink()  # what it showed is compared with what comes all the same
    drawn.save(drawn.cropped(drawn.scene(0, 480, 320), 0.1), installation.photos / "later.jpg")
    installation.scan()
    assert "could not be compared" not in caplog.text
    assert installation.asked["look"] == 1
    with installation.app() as app:
        after = {group.id: {member.content for member in group.members} for group in app.store.groups.all()}
    assert after == before
    assert len(after) == 6


# ---------------------------------------------------------------- beside all else


def test_an_interrupted_change_goes_on_and_what_comes_meanwhile_is_in_it(
    installation: Installation, tmp_path: Path
) -> None:
    draw(installation.photos, range(20))
    installation.scan()
    installation.asked.clear()
    before = as_known(installation)
    spec = make_another(installation)
    installation.configure(encoder=spec)
    for part in range(2):
        with installation.app() as app:
            app.resume()
            for arrivals in app.sweep(installation.photos):
                app.flow.take(arrivals.unsettled)
            serves = []
            app.flow.encoders.note = serves.append
            vectors = app.store.contents.count(app.wanted_encoder.encoder_id)
            while app.store.contents.count(app.wanted_encoder.encoder_id) < vectors + 5 or not app.flow.idle:
                app.flow.step()
                app.workers.pump(0.05)
            assert check_one_model(app.store) == before["encoder"] == app.encoder.encoder_id
            progress = app.flow.encoders.progress
            assert progress is not None
            assert 0 < progress.done < progress.all
            assert not serves
            while app.flow.encoders.progress is not None:  # the owner changes his mind, and then again
                app.flow.encoders.go_over_to(app.encoder)
                app.flow.step()
                app.workers.pump(0.05)
            assert serves == [f"{app.encoder.encoder_id} serves on, and {progress.encoder_id} is not wanted any more"]
        rows = {row["encoder_id"]: row for row in installation.json("models")["models"]}
        assert [row["encoder_id"] for row in rows.values() if row["serves"]] == [before["encoder"]]
        told = re.fullmatch(r"is getting ready: (\d+) of (\d+) photos", rows[progress.encoder_id]["coming"])
        assert told is not None
        assert vectors + 5 <= int(told[1]) < int(told[2]) == progress.all
        draw(installation.photos, range(20 + part, 21 + part))
    assert installation.asked["look"] == 1
    installation.scan()
    assert installation.asked["look"] == 3
    assert as_known(installation) == rebuilt(installation, tmp_path / "clean", encoder=spec)


def put_in_place(installation: Installation, number: int) -> str:
    """An autoencoder, so to say, that won its place."""
    spec = make_another(installation, seed=number)
    made = read_card(installation.locations.models_dir, parse(spec).key)
    assert made is not None
    content = (installation.locations.models_dir / made.file).read_bytes()
    name = f"autoencoder-{number}"
    card = Card("autoencoder", name, f"{name}.onnx", made.dimension, f"2026-01-0{number}", {"why": "taken"})
    succeed(installation.locations.models_dir, parse("autoencoder").key, card, content)
    return name


def test_a_running_service_follows_a_model_that_won_and_one_that_is_taken_back(
    installation: Installation, tmp_path: Path
) -> None:
    count = draw(installation.photos, range(12))
    first = put_in_place(installation, 1)
    installation.configure(encoder="autoencoder", workers=2)
    photo = installation.photos / "1-0.jpg"
    answers: set[tuple[str, tuple[float, ...]]] = set()

    def asked() -> str:
        """Who serves, by what is told before and after an answer, and the answer."""
        before = installation.ask("status")["serving_encoder"]
        found = installation.ask("similar", file=photo)["photos"]
        if installation.ask("status")["serving_encoder"] == before:
            answers.add((before, tuple(sorted(one["cosine"] for one in found))))
        return str(before)

    with installation.service() as service:
        service.wait_until_grouped(count)
        assert asked() == first
        second = put_in_place(installation, 2)
        service.wait_for(lambda: asked() == second, "the second serves", 120)
        rows = {row["encoder_id"]: row for row in installation.json("models")["models"]}
        assert rows[second]["serves"]
        assert not any(row["coming"] for row in rows.values())
        service.wait_until_grouped(count)
        assert installation.run("models", "rollback").code == 0
        service.wait_for(lambda: asked() == first, "the first serves again", 120)
        service.wait_until_grouped(count)
        asked()
        assert len(answers) == 2  # two encoders, each with one answer throughout
        log = service.log()
        assert log.count(f"{second} is getting ready to serve") == 1
        assert log.count("serves from now on") == 2
        assert "Traceback" not in log
        events = [event["what"] for event in installation.ask("activity")["events"]]
        assert any(f"{first} serves from now on, in the place of {second}" in event for event in events)
    assert as_known(installation) == rebuilt(installation, tmp_path / "clean", encoder="autoencoder")


# ---------------------------------------------------------------- killed at any instant


def is_beyond(service: Service, share: float) -> bool:
    """Whether so much of a change of encoder is done, or all of it."""
    coming = service.status()["coming_encoder"]
    return coming is None or coming["done"] >= share * coming["all"]


def asked_of_one_model(service: Service, photo: Path) -> str:
    """Asks the running service what is like a photo; returns the one encoder whose vectors give all of the answer."""
    installation = service.installation
    before = service.status()
    assert before["service"]
    found = installation.ask("similar", file=photo, count=25)["photos"]
    with seen(installation) as app:
        photos = [app.store.photos.at(Path(path)) for path in (photo, *(one["path"] for one in found))]
        contents = [one.content_id for one in photos if one is not None and one.content_id is not None]
        assert len(contents) == len(found) + 1 > 10
        kept = sqlite3.connect(installation.locations.database)
        encoders = [row[0] for row in kept.execute("SELECT name FROM encoders")]
        kept.close()
        ids = sorted(app.store.contents.ids())
        fits, orders = [], {}
        for encoder in encoders:
            vectors = dict(app.store.contents.vectors(encoder))
            if not vectors.keys() >= set(contents):
                continue
            cosines = [float(np.dot(vectors[contents[0]], vectors[content])) for content in contents[1:]]
            if max(abs(one["cosine"] - cosine) for one, cosine in zip(found, cosines, strict=True)) < 1e-4:
                fits.append(encoder)
                orders[encoder] = sorted(np.dot(vectors[contents[0]], vectors[one]) for one in ids if one in vectors)
        assert len(fits) == 1, (fits, before["serving_encoder"], encoders)
    # Not only are these their cosines: none that is nearer by this model is missing.
    nearest = orders[fits[0]][-len(found) - 1 :]
    assert min(one["cosine"] for one in found) >= nearest[0] - 1e-4
    if service.status()["serving_encoder"] == before["serving_encoder"]:
        assert fits == [before["serving_encoder"]]
    return fits[0]


def killed_again_and_again(installation: Installation, kills: int, specs: list[str], seed: int) -> list[str]:
    """Kills the service while it goes from one encoder to the next and round again; returns who served after each.

    It is asked what is like a photo right after each start, which but the first is one after a kill, and before a kill.
    """
    chance, served = random.Random(seed), []
    photos = sorted(installation.photos.glob("[0-9]*.jpg"))
    answered: dict[str, int] = {}

    def ask(service: Service) -> None:
        answer = asked_of_one_model(service, chance.choice(photos))
        answered[answer] = answered.get(answer, 0) + 1

    wanted = iter(range(1, 1000))
    installation.configure(encoder=specs[1], workers=2)
    number = next(wanted)
    for _ in range(kills):
        share = chance.choice([None, chance.random(), 0.95, 1.0])
        with installation.service() as service:
            if share is not None:
                ask(service)
                service.wait_for(partial(is_beyond, service, share), "it goes on", 300)
                ask(service)
            time.sleep(chance.uniform(0.0, 1.0))
            os.kill(service.process.pid, signal.SIGKILL)
            service.process.wait()
        with seen(installation) as app:
            served.append(check_one_model(app.store))
            arrived = app.wanted_encoder.encoder_id == served[-1]
        if arrived:
            number = next(wanted)
            installation.configure(encoder=specs[(1 + number) % len(specs)], workers=2)
    with installation.service() as service:
        ask(service)
    print(f"{sum(answered.values())} live answers, each of one model: {answered}")
    return served


def test_killed_while_it_changes_it_is_of_one_model_and_ends_as_a_clean_rebuild(
    installation: Installation, tmp_path: Path
) -> None:
    draw(installation.photos, range(10))
    installation.scan()
    specs = ["lite0", make_another(installation)]
    served = killed_again_and_again(installation, 3, specs, seed=1)
    assert len(served) == 3
    installation.scan()
    with seen(installation) as app:
        wanted = app.config.encoder
    assert as_known(installation) == rebuilt(installation, tmp_path / "clean", encoder=wanted)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills_among_real_photos(installation: Installation, tmp_path: Path, real_data: Path) -> None:
    draw(installation.photos, range(30))
    photos = sorted((real_data / "photos").rglob("*.jpg"))
    for photo in photos[:: max(1, len(photos) // 120)]:
        shutil.copy(photo, installation.photos / f"{photo.parent.name}-{photo.name}")
    installation.scan()
    specs = ["lite0", make_another(installation), make_another(installation, seed=1)]
    served = killed_again_and_again(installation, 50, specs, seed=50)
    changes = sum(a != b for a, b in pairwise(served))
    print(f"{len(served)} kills, {changes} changes of encoder, {len(set(served))} encoders")
    assert changes > 2
    installation.scan()
    with seen(installation) as app:
        wanted = app.config.encoder
    assert as_known(installation) == rebuilt(installation, tmp_path / "clean", encoder=wanted)
