"""How two photos are compared, as the owner asked for it.

Comes in: the section `same_shot` of the config. Goes out: a `Method`, whose id says what a stored score means: links of
two methods are never mixed. A new version of the pair score is another method too. Nor are links mixed that were found
among other candidates: a pair that one of the two would not have compared must not decide where groups are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from sameshot.compare.measures import MEASURES, Measure, measure
from sameshot.config import Config

ALL_OF = " all of "
"""What stands between a method's id and the size of the batches in which it compares all pairs."""


@dataclass(frozen=True, slots=True)
class Method:
    """`measure`: None for the pair score. `batch_size`: None where only shortlists are compared."""

    id: str
    measure: Measure | None
    batch_size: int | None
    linkage: Literal["star", "chain"]
    chunk_s: float

    @property
    def links_id(self) -> str:
        """What tells its links from others: what their scores mean, and which pairs have one."""
        return self.id if self.batch_size is None else f"{self.id}{ALL_OF}{self.batch_size}"


def method_of(config: Config) -> Method:
    """Returns what the config says about comparing."""
    wanted = config.same_shot
    chosen = None if wanted.method == "pair_score" else taken(config, wanted.method)
    return Method(
        f"pair_score {_pair_score_version()}" if chosen is None else f"{chosen.name} {chosen.descriptor}".strip(),
        chosen,
        wanted.batch_size if wanted.candidates == "all" else None,
        wanted.linkage,
        wanted.chunk_time_threshold.total_seconds(),
    )


def taken(config: Config, name: str) -> Measure:
    """Returns the measure `name`, read as the config says."""
    wanted = config.same_shot
    return measure(name, wanted.size, wanted.scale, wanted.hash)


def every_measure(config: Config) -> list[Measure]:
    """Returns all measures, read as the config says."""
    return [taken(config, name) for name in MEASURES]


@cache
def _pair_score_version() -> str:
    fitted = resources.files("sameshot.compare").joinpath("pair_score.json").read_bytes()
    return hashlib.sha256(fitted).hexdigest()[:8]
