"""Models, training and clustering anew as people ask for them, beside a library that was scanned."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import drawn
from running import Installation
from sameshot.app import App, open_app
from sameshot.config import load_with_sources
from sameshot.embed.cards import Card, all_cards, read_card, roll_back, succeed
from sameshot.embed.encoders import place_of
from sameshot.embed.spec import parse
from sameshot.errors import BadInput
from sameshot.group.clusterers import CLUSTERERS
from sameshot.service.chore import Chore
from sameshot.verbs.jobs import known_jobs
from sameshot.verbs.night import differing, merged_by_night, night_words
from sameshot.verbs.recluster import METHODS, NIGHTS_LIST, recluster
from sameshot.verbs.train import train
from sameshot.way.calibrating import CHANGES
from sameshot.way.crops import gather

pytestmark = pytest.mark.timeout(600)


def quiet(_label: str, _done: int, _total: int | None) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def library(tmp_path_factory, models) -> Installation:
    """Six bursts of three and six photos that are alone."""
    installation = Installation(tmp_path_factory.mktemp("night"), models)
    for number in range(12):
        base = drawn.scene(number, 480, 320)
        for frame in range(3 if number < 6 else 1):
            drawn.save(drawn.burst_frame(base, frame), installation.photos / f"{number}-{frame}.jpg")
    installation.scan()
    return installation


def opened(library: Installation):
    return load_with_sources(library.config), library.locations


# ---------------------------------------------------------------- crops


def test_crops_are_made_once_held_out_by_shot_and_kept_in_the_cache(library: Installation) -> None:
    loaded, locations = opened(library)
    with open_app(loaded, locations, quiet, verb="train", writing=False) as app:
        crops = gather(app, 32, 1000)
        file = locations.cache_dir / "crops" / "32.npz"
        written = file.stat()
        again = gather(app, 32, 1000)
        assert file.stat() == written
        assert gather(app, 32, 7).pixels.shape[1:] == (32, 32, 3)
        few = gather(app, 32, 7)
    assert crops.pixels.dtype == np.uint8
    assert np.array_equal(again.pixels, crops.pixels)
    assert (again.shots, again.held_out) == (crops.shots, crops.held_out)
    held = {shot for shot, out in zip(crops.shots, crops.held_out, strict=True) if out}
    seen = {shot for shot, out in zip(crops.shots, crops.held_out, strict=True) if not out}
    assert not held & seen
    assert len(held | seen) == 12
    photos = crops.held_out.count(False) + crops.held_out.count(True) // (1 + len(CHANGES))
    assert photos == 24
    assert few.held_out.count(False) + few.held_out.count(True) // (1 + len(CHANGES)) <= 7
    broken = file.read_bytes()[:100]
    file.write_bytes(broken)
    with open_app(loaded, locations, quiet, verb="train", writing=False) as app:
        assert np.array_equal(gather(app, 32, 1000).pixels, crops.pixels)


def test_a_photo_that_changed_or_went_is_left_out(library: Installation, tmp_path: Path) -> None:
    photo = library.photos / "7-0.jpg"
    aside = tmp_path / "aside.jpg"
    photo.rename(aside)
    try:
        loaded, locations = opened(library)
        with open_app(loaded, locations, quiet, verb="train", writing=False) as app:
            assert len(set(gather(app, 48, 1000).shots)) == 11
    finally:
        aside.rename(photo)


# ---------------------------------------------------------------- models


def small_model(path: Path) -> Path:
    weights = np.random.default_rng(0).normal(size=(16, 3, 8, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["picture", "weights"], ["map"], strides=[8, 8]),
        helper.make_node("Relu", ["map"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 16, 8, 8])],
        [numpy_helper.from_array(weights, "weights")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_an_encoder_is_made_before_the_first_scan_and_then_serves(tmp_path: Path, models: Path) -> None:
    installation = Installation(tmp_path / "installation", models)
    for number in range(3):
        drawn.save(drawn.scene(number, 480, 320), installation.photos / f"{number}.jpg")
    spec = f"onnx:{small_model(tmp_path / 'own.onnx')}?mean=127.5&std=127.5"
    installation.configure(encoder=spec)
    early = installation.run("scan")
    assert early.code == 2
    assert "sameshot models make" in early.err
    made = installation.run("models", "make", spec)
    assert made.code == 0, made.err
    assert "is ready: 16 dimensions" in made.out
    installation.scan()
    status = installation.json("status")
    rows = {row["name"]: row for row in installation.json("models")["models"]}
    assert rows[spec]["serves"]
    assert not rows["lite0"]["serves"]
    assert status["encoder"] == spec
    with open_app(*opened(installation), quiet, verb="test", writing=False) as app:
        assert app.store.contents.count(rows[spec]["encoder_id"]) == 3
    wrong = installation.run("models", "make", "onnx:/nowhere.onnx?mean=0&std=1")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1), wrong.err
    assert "cannot be read" in wrong.err
    assert installation.run("models", "make").code == 2
    fetched = installation.run("models", "fetch", spec)
    assert (fetched.code, fetched.err.count("\n")) == (2, 1), fetched.err
    assert "has no weights that could be fetched" in fetched.err
    shipped = installation.run("models", "fetch", "lite1")
    assert (shipped.code, "come with a package" in shipped.err) == (2, True), shipped.err
    assert installation.run("models", "rollback").code == 2


def take(models_dir: Path, number: int) -> str:
    """An autoencoder that was accepted is put in place."""
    card = Card("autoencoder", f"autoencoder-{number}", f"{number}.onnx", 8, f"2026-01-0{number}", {"why": "taken"})
    succeed(models_dir, parse("autoencoder").key, card, f"model {number}".encode())
    return card.encoder_id


def test_the_newest_serves_until_it_is_taken_back_and_few_are_kept(tmp_path: Path) -> None:
    key = parse("autoencoder").key
    for number in range(1, 6):
        assert take(tmp_path, number) == place_of("autoencoder", tmp_path).encoder_id
    take(tmp_path, 5)  # the same again is no successor
    assert list(all_cards(tmp_path)) == [key]
    card = read_card(tmp_path, key)
    assert card is not None
    assert card.previous is not None
    assert Card(**card.previous).made_at == "2026-01-04"
    back = [roll_back(tmp_path, key).encoder_id for _ in range(3)]
    assert back == ["autoencoder-4", "autoencoder-3", "autoencoder-2"]
    with pytest.raises(BadInput, match="no earlier model"):
        roll_back(tmp_path, key)
    assert place_of("autoencoder", tmp_path).path.read_bytes() == b"model 2"


def test_whenever_the_switch_is_interrupted_one_whole_model_serves(tmp_path: Path) -> None:
    """Ended before each call that changes the disk: the old one serves until the very last of them."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from sameshot.embed.cards import Card, succeed\n"
        "left = int(sys.argv[3])\n"
        "def guarded(real):\n"
        "    def call(*given, **named):\n"
        "        global left\n"
        "        left -= 1\n"
        "        if left < 0: os._exit(9)\n"
        "        return real(*given, **named)\n"
        "    return call\n"
        "for name in ('replace', 'fsync', 'open'): setattr(os, name, guarded(getattr(os, name)))\n"
        "card = Card('autoencoder', 'autoencoder-2', '2.onnx', 8, '')\n"
        "succeed(Path(sys.argv[1]), sys.argv[2], card, b'model 2')\n"
    )
    take(tmp_path, 1)
    seen = []
    for moment in range(12):
        command = [sys.executable, "-c", program, tmp_path, parse("autoencoder").key, str(moment)]
        done = subprocess.run(command, check=False)
        file = place_of("autoencoder", tmp_path)
        assert file.path.read_bytes() == f"model {file.encoder_id[-1]}".encode()
        seen.append((done.returncode, file.encoder_id))
        if done.returncode == 0:
            break
    assert len(seen) > 4
    assert set(seen[:-1]) == {(9, "autoencoder-1")}
    assert seen[-1] == (0, "autoencoder-2")


# ---------------------------------------------------------------- training


def test_too_few_photos_and_bad_words_are_one_sentence(library: Installation) -> None:
    pytest.importorskip("torch")
    few = library.run("train", "--epochs", "1", "--side", "32")
    assert few.code == 2
    assert "pictures are too few" in few.err
    assert "must be a number with a unit" in library.run("train", "--budget", "soon").err
    assert not list((library.state / "models").glob("autoencoder*"))


@pytest.mark.slow
def test_a_training_on_a_library_is_judged_and_serves_if_it_is_taken(tmp_path: Path, models: Path) -> None:
    pytest.importorskip("torch")
    installation = Installation(tmp_path / "installation", models)
    for number in range(110):
        drawn.save(drawn.scene(number, 320, 240), installation.photos / f"{number}.jpg")
    installation.scan()
    result = train(*opened(installation), quiet, epochs=12, side_px=32)
    report = json.loads(result.report.read_text())
    assert report["against_untrained"]["shots"] >= 20
    assert result.taken == report["accepted"] == report["against_untrained"]["wins"]
    assert result.curve.exists()
    rows = {row["name"]: row for row in installation.json("models")["models"]}
    assert ("autoencoder" in rows) == result.taken
    again = train(*opened(installation), quiet, epochs=12, side_px=32)
    assert again.encoder_id == result.encoder_id
    if result.taken:
        assert not again.taken  # it is no better than itself
        installation.configure(encoder="autoencoder")
        installation.scan()
        with open_app(*opened(installation), quiet, verb="test", writing=False) as app:
            assert app.store.contents.count(result.encoder_id) == 110


# ---------------------------------------------------------------- clustering anew


def test_every_method_can_be_asked_for() -> None:
    assert tuple(CLUSTERERS) == METHODS


def test_nothing_changes_where_nothing_changed(library: Installation) -> None:
    before = library.json("groups")
    result = library.json("recluster")
    assert (result["chosen"], result["groups"], result["kept"], result["new"], result["gone"]) == ("shot", 6, 6, 0, 0)
    assert library.json("groups") == before
    assert "Nothing was changed." in library.run("recluster").out


def test_groups_of_other_methods_pass_the_same_certificate(library: Installation) -> None:
    loaded, locations = opened(library)
    before = library.json("groups")
    with pytest.raises(BadInput, match="components: all photos in one cluster"):
        recluster(loaded, locations, quiet, method="components", grid={"eps": (1.9,)})
    # Two clusters cannot be true, and each holds several shots: what is known is what comes out.
    result = recluster(loaded, locations, quiet, method="kmeans", grid={"number_of_clusters": (2,)})
    assert result.photos == 24
    assert result.groups == result.kept + result.new
    assert result.kept >= 4
    assert library.json("groups") == before


def test_the_report_shows_every_candidate_and_why(library: Installation) -> None:
    shown = library.run("recluster", "--method", "auto", "--report")
    assert shown.code == 0, shown.err
    for method in METHODS:
        assert method in shown.out
    result = library.json("recluster", "--method", "auto")
    totals = [sum(row["ranks"]) for row in result["candidates"] if row["ranks"]]
    assert totals == sorted(totals)
    components = next(row for row in result["candidates"] if row["method"] == "components")
    assert -1 <= components["agreement"] <= 1
    assert result["chosen"].startswith(result["candidates"][0]["method"])
    wrong = library.run("recluster", "--method", "best")
    assert wrong.code == 2
    assert "Choose shot, auto, components" in wrong.err


def test_clusters_are_taken_as_they_are_only_on_request_and_back(library: Installation) -> None:
    before = library.partition()
    library.configure(recluster={"method": "kmeans", "number_of_clusters": [5], "certificate": False})
    try:
        nobody = library.run("recluster", "--apply")
        assert nobody.code == 2
        assert "this changes groups and nobody can be asked here. Say --yes" in nobody.err
        assert "One group, of " in nobody.out  # every change is shown before it is made
        assert library.partition() == before
        told = recluster(*opened(library), quiet)
        assert told.chosen.startswith("kmeans")
        assert library.run("recluster", "--apply", "--yes").code == 0
        found = {frozenset(path.name for path in change.photos) for change in told.changes if change.photos}
        assert found
        assert found <= library.partition()
        assert len(library.partition()) <= 5
        with library.app() as app:
            by = {member.certified_by for group in app.store.groups.all() for member in group.members}
        assert "cluster" in by
        library.configure()
        applied = library.partition()
        with library.app() as app:
            regrouped_by_night(app)
        assert library.partition() == applied, "by night the default leaves what was applied by hand"
        back = recluster(*opened(library), quiet)
        assert back.differing
        library.ask("merge", clusters=True)
        assert library.partition() == before
    finally:
        library.configure()


def test_the_best_photos_of_groups_are_clustered_for_merges(library: Installation) -> None:
    """No group is divided, and of one cluster only what passes the certificate is merged."""
    with library.app() as app:
        group = next(iter(app.store.groups.all()))
        one, *others = group.members
        parts = [replace(group, members=(one,)), replace(group, id=f"{group.id}x", members=tuple(others))]
        parts[1] = replace(parts[1], representative=others[0].content)
        app.store.groups.replace([group.id], [replace(part) for part in parts])
    library.configure(recluster={"number_of_clusters": [2]})
    try:
        found = recluster(*opened(library), quiet, method="agglomerative", of="representatives")
        assert [change.of for change in found.changes] == [(group.id, f"{group.id}x")]
        merged = library.json("merge", "--method", "agglomerative")["merged"]
        assert [one["of"] for one in merged] == [[group.id, f"{group.id}x"]]
    finally:
        library.configure()
        recluster(*opened(library), quiet)
        library.ask("merge", clusters=True)


# ---------------------------------------------------------------- by night


def test_the_night_trains_only_where_that_is_asked_for(library: Installation, tmp_path: Path) -> None:
    loaded, locations = opened(library)
    with open_app(loaded, locations, quiet, verb="test", writing=False) as app:
        assert "train" not in {row.name for row in known_jobs(app).rows(app.today(), running=True)}
    library.configure(schedule={"train": {"enabled": True, "budget": "5m"}})
    try:
        loaded, locations = opened(library)
        with open_app(loaded, locations, quiet, verb="test", writing=False) as app:
            assert "train" in {row.name for row in known_jobs(app).rows(app.today(), running=True)}
            assert "train" in known_jobs(app).due(app.today())
            assert night_words(app, "train")[3] == "300.0"
    finally:
        library.configure()


def test_a_nights_training_tells_its_outcome_and_ends_with_all_it_started(library: Installation) -> None:
    pytest.importorskip("torch")
    loaded, locations = opened(library)
    with open_app(loaded, locations, quiet, verb="test", writing=False) as app:
        words = night_words(app, "train")
    chore = Chore("train", words, "sameshot.verbs.train")
    while (outcome := chore.outcome()) is None:
        time.sleep(0.1)
    assert "pictures are too few" in outcome
    (locations.cache_dir / "crops" / "64.npz").unlink()
    chore = Chore("train", words, "sameshot.verbs.train")
    group = chore._process.pid
    until_s = time.monotonic() + 60
    while len(members_of(group)) < 2 and time.monotonic() < until_s:
        time.sleep(0.02)
    assert len(members_of(group)) > 1
    chore.cancel()
    until_s = time.monotonic() + 10
    while members_of(group) and time.monotonic() < until_s:
        time.sleep(0.02)
    assert not members_of(group)


def found_by_night(app: App) -> None:
    """What the process of a night's re-clustering does."""
    chore = Chore("recluster", night_words(app, "recluster"), "sameshot.verbs.recluster")
    while (outcome := chore.outcome()) is None:
        time.sleep(0.1)
    assert outcome == ""


def regrouped_by_night(app: App) -> list[str]:
    """The whole of it; returns what is told."""
    found_by_night(app)
    return [sentence for sentence in merged_by_night(app) if sentence]


def test_a_nights_reclustering_leaves_what_differs_for_the_service(library: Installation) -> None:
    _, locations = opened(library)
    with library.app() as app:
        group = next(iter(app.store.groups.all()))
        app.store.groups.replace([group.id], [replace(group, members=group.members[:1])])
        found_by_night(app)
        contents = {member.content for member in group.members}
        assert set(differing(app)) == contents
        assert not list(locations.cache_dir.glob("recluster-*"))
        listed = json.loads((locations.state_dir / NIGHTS_LIST).read_text())
        assert [change["of"] for change in listed["changes"]] == [[group.id]]
        assert len(listed["changes"][0]["photos"]) == len(contents)
        told = [sentence for sentence in merged_by_night(app) if sentence]
        assert len(told) == 1
        assert told[0].startswith("grouped anew: 0 groups made of others, 1 other group changed; ")
        assert not any(merged_by_night(app))
        assert {m.content for g in app.store.groups.get([group.id]) for m in g.members} == contents
        (locations.cache_dir / "recluster.json").write_text("[1, ")
        assert differing(app) == []


def members_of(group: int) -> list[str]:
    """The processes of a group that are not dead."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [row[2] for row in rows if int(row[0]) == group and not row[1].startswith("Z")]
