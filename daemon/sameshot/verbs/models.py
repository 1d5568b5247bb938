"""The encoders there are, which one serves, and making or taking back one.

Comes in: the config, the locations, and what is asked for. Goes out: every encoder that is ready, with what is known of
it, and what was learned from the owner. Nothing here needs a state: an encoder is made before the first scan that uses
it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any, Literal

from sameshot.config import LoadedConfig
from sameshot.embed.cards import Card, all_cards, read_card, roll_back
from sameshot.embed.encoders import place_of, table
from sameshot.embed.spec import parse
from sameshot.errors import BadInput, SameshotError, StateUnavailable
from sameshot.locations import Locations
from sameshot.store.store import Store
from sameshot.way.comparing import serving_encoder
from sameshot.way.learned import NAMES, Lesson, lesson
from sameshot.wording import counted

_LONGEST_S = 900.0
"""A large network takes minutes to be made; what hangs would hang for ever."""


@dataclass(frozen=True, slots=True)
class Model:
    """`name`: as the config has it. `serves`: all answers come from it, or will where nothing is known yet.

    `coming`: how far it is on its way to take the place of the one that serves, in words; empty where it is not.
    `about`: what it is made of, or why it serves.
    """

    name: str
    encoder_id: str
    dimension: int
    ready: bool
    serves: bool
    made_at: str
    about: str
    earlier: int
    coming: str = ""


@dataclass(frozen=True, slots=True)
class ModelsResult:
    """`done`: what was made or taken back, a sentence; empty where nothing was asked for. `learned`: what holds now."""

    models: tuple[Model, ...]
    learned: tuple[Lesson, ...]
    done: str


def models(
    loaded: LoadedConfig,
    locations: Locations,
    *,
    action: Literal["list", "fetch", "make", "rollback"] = "list",
    name: str = "",
) -> ModelsResult:
    """Returns every encoder, after what was asked for.

    `fetch`: download the weights of the encoder `name`, which nothing else ever does. `make`: make it ready.
    `rollback`: the last autoencoder serves again. Raises BadInput when that cannot be done, SameshotError when nothing
    could be downloaded, StateUnavailable when the folder for models cannot be used.
    """
    if (action in ("fetch", "make")) != bool(name):
        raise BadInput(
            "`fetch` and `make` want the name of one encoder, and nothing else does", "As torchvision:resnet50"
        )
    if name in table():
        raise BadInput(
            f"The weights of {name} come with a package: there is nothing to {action}",
            f"Set `encoder: {name}` in the config",
        )
    done = ""
    if action == "fetch":
        answer = _by_a_process("fetching", name, locations)
        done = f"The weights are {'now' if answer['is_new'] else 'already'} at {answer['path']}"
    elif action == "make":
        card = _made(name, locations)
        done = f"{name} is ready: {card.dimension} dimensions, {card.encoder_id}"
    elif action == "rollback":
        card = _rolled_back(locations)
        done = f"The autoencoder of {card.made_at} serves again: {card.encoder_id}"
    return ModelsResult(_with_who_serves(loaded.config.encoder, locations), _learned(locations), done)


def _learned(locations: Locations) -> tuple[Lesson, ...]:
    try:
        with Store.open(locations.database, read_only=True) as store:
            return tuple(known for name in NAMES if (known := lesson(store, name)) is not None)
    except StateUnavailable:  # an encoder can be made before there is a state
        return ()


def _made(name: str, locations: Locations) -> Card:
    spec = parse(name)
    card = Card(**_by_a_process("making", name, locations))
    assert read_card(locations.models_dir, spec.key) is not None
    return card


def _by_a_process(module: str, name: str, locations: Locations) -> dict[str, Any]:
    """What a process of its own answers: torch and the owner's code are loaded there."""
    command = [sys.executable, "-P", "-m", f"sameshot.embed.{module}", name, str(locations.models_dir)]
    longest_s = None if module == "fetching" else _LONGEST_S
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=longest_s)
    except subprocess.TimeoutExpired as error:
        raise SameshotError(f"{module.capitalize()} {name} was not done after {_LONGEST_S / 60:.0f} minutes") from error
    if done.returncode or not done.stdout:
        lines = done.stderr.strip().splitlines()
        failure = {BadInput.exit_code: BadInput, StateUnavailable.exit_code: StateUnavailable}
        raise failure.get(done.returncode, SameshotError)(
            lines[-1] if lines else f"{module.capitalize()} {name} failed"
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _rolled_back(locations: Locations) -> Card:
    try:
        return roll_back(locations.models_dir, parse("autoencoder").key)
    except OSError as error:
        raise StateUnavailable(f"The models cannot be written: {error.strerror}", "Give access") from error


def _with_who_serves(wanted: str, locations: Locations) -> tuple[Model, ...]:
    """By the state, where there is one: the config's encoder takes over only once it has seen all photos."""
    rows = _known(wanted, locations)
    try:
        with Store.open(locations.database, read_only=True) as store:
            serving_id = serving_encoder(store)
            coming_id = next((row.encoder_id for row in rows if row.serves), "")
            looked = store.contents.count(coming_id) if coming_id else 0
            lacking = len(store.contents.looked_without(coming_id)) if coming_id else 0
            dimension = store.contents.dimension(serving_id) if serving_id else None
    except StateUnavailable:  # an encoder can be made before there is a state
        return tuple(rows)
    if serving_id in (None, coming_id) or dimension is None:
        return tuple(rows)
    sentence = f"is getting ready: {looked:,} of {counted(looked + lacking, 'photo')}"
    rows = [
        replace(row, serves=row.encoder_id == serving_id, coming=sentence if row.encoder_id == coming_id else "")
        for row in rows
    ]
    if not any(row.serves for row in rows):
        rows.append(Model(str(serving_id), str(serving_id), dimension, True, True, "", "in no name of the config", 0))
    return tuple(rows)


def _known(serving: str, locations: Locations) -> list[Model]:
    rows = []
    for name in table():
        file = place_of(name, locations.models_dir)
        about = "EfficientNet-Lite, weights of ImageNet"
        rows.append(Model(name, file.encoder_id, file.dimension, file.path.exists(), name == serving, "", about, 0))
    try:
        wanted = None if serving in table() else parse(serving).key
    except BadInput:
        wanted = None
    for key, card in all_cards(locations.models_dir).items():
        earlier, before = 0, card.previous
        while before is not None:
            earlier, before = earlier + 1, before["previous"]
        about = str(card.facts.get("why", f"weights {str(card.facts.get('weights_sha256', ''))[:12]}"))
        if "trusted" in card.facts:
            about += f"; served by the trusted process: {card.facts['trusted']}"
        rows.append(
            Model(card.spec, card.encoder_id, card.dimension, True, key == wanted, card.made_at, about, earlier)
        )
    return rows
