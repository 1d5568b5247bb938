"""What is known of an encoder that was made ready once: a small JSON file beside its ONNX file.

Comes in: the card to write, or the key of one. Goes out: the card. A card appears whole or not at all, and only after
the file it names is on the disk, so whoever reads one finds an encoder that can serve. Replacing a card is the one
atomic switch from one encoder to the next.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sameshot.errors import BadInput, StateUnavailable
from sameshot.store.whole_file import write_whole

_PREDECESSORS_KEPT = 3


@dataclass(frozen=True, slots=True)
class Card:
    """`file`: the name of the ONNX file in the same folder. `facts`: what else people may want to know of it.

    `previous`: the card that it took the place of, as JSON, which holds the one before in turn.
    """

    spec: str
    encoder_id: str
    file: str
    dimension: int
    made_at: str
    facts: dict[str, Any] = field(default_factory=dict)
    previous: dict[str, Any] | None = None


def card_path(models_dir: Path, key: str) -> Path:
    """Where the card of this key is, if there is one."""
    return models_dir / f"{key}.card.json"


def read_card(models_dir: Path, key: str) -> Card | None:
    """The card of this key; None where there is none, or its encoder's file is gone.

    Raises StateUnavailable when it cannot be read or is damaged.
    """
    path = card_path(models_dir, key)
    try:
        card = Card(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StateUnavailable(f"{path} cannot be read: {error}", "Remove it and make the encoder again") from error
    return card if (models_dir / card.file).exists() else None


def all_cards(models_dir: Path) -> dict[str, Card]:
    """Key -> card of every encoder that was made ready, by key. Raises StateUnavailable as `read_card` does."""
    keys = sorted(path.name.removesuffix(".card.json") for path in models_dir.glob("*.card.json"))
    found = ((key, read_card(models_dir, key)) for key in keys)
    return {key: card for key, card in found if card is not None}


def write_card(models_dir: Path, key: str, card: Card) -> None:
    """Puts the card in its place, over an earlier one. Raises OSError when that cannot be done."""
    write_whole(card_path(models_dir, key), json.dumps(asdict(card), indent=1).encode())


def succeed(models_dir: Path, key: str, card: Card, content: bytes) -> None:
    """Puts an encoder in the place of the one that serves, which is kept for `roll_back`; the same one changes nothing.

    `content`: of its ONNX file, which is on the disk before the card that names it. Raises OSError.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    before = read_card(models_dir, key)
    if before is not None and before.encoder_id == card.encoder_id:
        return
    write_whole(models_dir / card.file, content)
    kept = None if before is None else asdict(before)
    oldest = kept
    for _ in range(_PREDECESSORS_KEPT - 1):
        oldest = oldest and oldest["previous"]
    if oldest:
        oldest["previous"] = None
    write_card(models_dir, key, replace(card, previous=kept))


def roll_back(models_dir: Path, key: str) -> Card:
    """Returns the card that the one of this key took the place of, which serves from now on.

    Raises BadInput when there is none, or its file is gone; OSError when it cannot be written.
    """
    card = read_card(models_dir, key)
    if card is None or card.previous is None:
        raise BadInput("There is no earlier model to go back to", "`sameshot models` shows what there is")
    earlier = Card(**card.previous)
    if not (models_dir / earlier.file).exists():
        raise BadInput(f"The earlier model {earlier.file} is gone", "Train a new one: sameshot train")
    write_card(models_dir, key, earlier)
    return earlier
