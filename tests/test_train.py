"""Training as it is asked for: by the config, by options, on the photos, groups and words of a library."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest

from drawn import scene
from running import Installation
from sameshot.app import open_app
from sameshot.config import load_with_sources
from sameshot.embed.cards import read_card
from sameshot.embed.spec import parse
from sameshot.errors import BadInput
from sameshot.verbs.train import train
from sameshot.way.calibrating import CHANGES
from sameshot.way.crops import gather
from written import Library

pytest.importorskip("torch")

SIDE_PX = 16
SMALL = {"side_px": SIDE_PX, "latent": 12, "epochs": 8, "batch_size": 16}


def quiet(_label: str, _done: int, _total: int | None) -> None:
    """Progress that nobody reads."""


def remembered(library: Library) -> None:
    """The crops of all photos and of their changed versions lie in the cache, as if workers had made them."""
    keys, crops = [], []
    for content, digest in library.digests.items():
        picture = scene(content, 120, 90)
        rng = np.random.default_rng(content)
        for name in ("", *CHANGES):
            keys.append(f"{digest.hex()} {name}".strip())
            drawn = shaken(picture, rng) if name else picture
            crops.append(cv2.resize(drawn, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA))
    place = library.app.locations.cache_dir / "crops" / f"{SIDE_PX}.npz"
    place.parent.mkdir(parents=True, exist_ok=True)
    np.savez(place, keys=np.array(keys), pixels=np.stack(crops))


def shaken(picture, rng):
    """Far enough from the photo that an untrained network does not know it."""
    moved = np.roll(picture, rng.integers(-12, 13, 2), (0, 1)) * rng.uniform(0.4, 1.6)
    return np.clip(moved + rng.normal(0, 20, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def library(installation: Installation):
    with installation.app() as app, app.store.transaction():
        yield Library(app)


@pytest.fixture
def gathered(installation: Installation) -> Installation:
    """A library of 120 photos that are alone, whose crops are there."""
    with installation.app() as app, app.store.transaction():
        library = Library(app)
        for _ in range(120):
            library.photo()
        remembered(library)
    return installation


def test_the_config_and_the_options_say_how_it_is_trained_and_what_is_taken_is_kept(gathered: Installation) -> None:
    """What the config says reaches the training, an option goes before it; report and model tell of both."""
    gathered.configure(train=SMALL | {"optimizer": "adamw", "patience": 5, "seed": 3})
    options = ("--scheduler", "step", "--learning-rate", "0.004", "--loss", "mae", "--budget", "20m", "--seed", "4")
    shown = gathered.run("train", *options, "--latent", "10", "--device", "cpu")
    assert shown.code == 0, shown.err
    assert "photos as they are" in shown.out
    report = json.loads((gathered.state / "training" / "plain16-mae" / "report.json").read_text())
    assert report["settings"] == {
        "architecture": "plain", "side_px": 16, "latent": 10, "loss": "mae", "epochs": 8, "batch_size": 16,
        "learning_rate": 0.004, "optimizer": "adamw", "scheduler": "step", "patience": 5, "seed": 4, "device": "cpu",
        "perceptual_model": "", "budget_s": 1200.0,
    }  # fmt: skip
    assert (report["epochs"], report["dimension"], len(report["curve"])) == (8, 10, 8)
    names = [row["of"] for row in report["table"]]
    assert names == ["all", "photos as they are", "what you put together or apart"]
    assert report["accepted"], report["why"]
    card = read_card(gathered.locations.models_dir, parse("autoencoder").key)
    assert (card.encoder_id, card.facts["settings"]) == (report["encoder_id"], report["settings"])
    assert card.facts["curve"] == report["curve"]
    assert ET.parse(gathered.locations.models_dir / card.facts["loss_curve"]).getroot().tag.endswith("svg")


def test_what_no_training_can_be_is_one_sentence(gathered: Installation) -> None:
    told = gathered.run("train", "--side", "48")
    assert told.code == 2
    assert "side_px cannot be 48" in told.err
    loaded = load_with_sources(gathered.config)
    for name, value in {"batch_size": 1, "learning_rate": 0.0, "patience": 0, "most_photos": 1}.items():
        with pytest.raises(BadInput, match=f"{name} cannot be {value}"):
            train(loaded, gathered.locations, quiet, **{name: value})


def test_of_a_large_library_so_many_photos_are_drawn(gathered: Installation) -> None:
    loaded = load_with_sources(gathered.config)
    with open_app(loaded, gathered.locations, quiet, verb="test", writing=False) as app:
        assert len(set(gather(app, SIDE_PX, loaded.config.train.most_photos).shots)) == 120
        assert len(set(gather(app, SIDE_PX, 60).shots)) == 60


# ---------------------------------------------------------------- what it is judged by


def held_out_contents(library: Library, crops) -> dict[int, bool]:
    """Shot -> whether it is held out; no shot is both."""
    found: dict[int, bool] = {}
    for shot, held in zip(crops.shots, crops.held_out, strict=True):
        assert found.setdefault(shot, held) == held
    return found


def test_the_owners_words_are_what_it_is_judged_by(library: Library) -> None:
    photos = [library.photo() for _ in range(40)]
    for first, second in zip(photos[:10:2], photos[1:10:2], strict=True):
        library.link(first, second, 0.1)
        library.say("together", first, second)
    for first, second in zip(photos[10:20:2], photos[11:20:2], strict=True):
        library.link(first, second, 0.95)
        library.say("apart", first, second)
    library.say("keep", photos[30])
    library.regroup()
    remembered(library)
    crops = gather(library.app, SIDE_PX, 1000)
    held = held_out_contents(library, crops)
    spoken_of = {shot for shot, spoken in zip(crops.shots, crops.spoken_of, strict=True) if spoken}
    assert len(spoken_of) == 5 + 10
    assert all(held[shot] for shot in spoken_of)
    sizes = np.bincount([shot for shot, changed in zip(crops.shots, crops.changed, strict=True) if not changed])
    assert sorted(sizes[sorted(spoken_of)]) == [1] * 10 + [2] * 5  # apart: two shots; together: one
    assert crops.changed.count(True) == len(CHANGES) * sum(sizes[shot] for shot in held if held[shot])
    assert 0 < sum(held.values()) - len(spoken_of) < 20  # and a fourth of the others
    assert sum(not out for out in held.values()) > 0


def test_who_spoke_of_everything_leaves_half_to_train_with(library: Library) -> None:
    photos = [library.photo() for _ in range(40)]
    for first, second in zip(photos[::2], photos[1::2], strict=True):
        library.say("apart", first, second)
    library.regroup()
    remembered(library)
    held = held_out_contents(library, gather(library.app, SIDE_PX, 1000))
    assert 20 <= sum(held.values()) < 32


def test_frames_of_sets_that_need_not_look_alike_are_no_truth(library: Library) -> None:
    alone = [library.photo() for _ in range(4)]
    bracket = library.bracket()
    library.regroup()
    assert {group.kind for group in library.store.groups.all()} == {"bracket"}
    remembered(library)
    crops = gather(library.app, SIDE_PX, 1000)
    assert len(set(crops.shots)) == len(alone)
    assert len(bracket) == 3
