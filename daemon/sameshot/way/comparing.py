"""Scores of one kind only: what another method or another encoder said of pairs is forgotten, and made anew.

Comes in: the store, and who compares now. Goes out: a store in which all links mean the same, and in which what only
another encoder has seen is told, to be looked at again. What the owner said, and the groups as they stand, stay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from pathlib import Path

from sameshot.store.store import Store
from sameshot.way.arrival import stat_of
from sameshot.way.method import ALL_OF, Method

_log = logging.getLogger(__name__)


def keep_one_kind_of_score(store: Store, method: Method, encoder_id: str) -> None:
    """Forgets all links when they are of another method, other candidates or another encoder; else does nothing."""
    links_of = kind_of_score(method, encoder_id)
    if store.meta.get("links_of") == links_of and store.meta.get("serving_encoder") == encoder_id:
        return
    with store.transaction():
        store.meta.set("serving_encoder", encoder_id)
        if store.meta.get("links_of") == links_of:
            return
        if store.contents.ids():
            _log.warning("Photos are compared anew, by %s: its scores do not mix with others", method.links_id)
        store.links.clear()
        store.meta.set("compared_as", None)  # whatever is asked for from now on, nothing is compared as that
        store.contents.clear_reaches()
        store.meta.set("links_of", links_of)


def kind_of_score(method: Method, encoder_id: str) -> str:
    """What tells the scores of one kind from those of another."""
    return f"{method.links_id} {encoder_id}"


def stored_scores(store: Store, content: int, method_id: str, encoder_id: str) -> dict[int, float]:
    """Returns what this method, by this encoder's vectors, said of a content and others; nothing where another did.

    Among which candidates does not matter: a score means the same.
    """
    links_id, _, seen_by = (store.meta.get("links_of") or "").rpartition(" ")
    if links_id.partition(ALL_OF)[0] != method_id or seen_by != encoder_id:
        return {}
    return store.links.scores_of(content)


def serving_encoder(store: Store) -> str | None:
    """Returns the id of the encoder that made what is known; None where nothing is known."""
    told: str = store.meta.get("serving_encoder") or (store.meta.get("links_of") or "").rpartition(" ")[2]
    return told or None


def unseen(store: Store, encoder_id: str, reads: Collection[str], answers: Callable[[Path], bool]) -> list[int]:
    """Takes photos that lack this encoder's vector, or one of these descriptors, back to "settled"; returns them.

    Only those whose files are there now. `answers`: whether a root may be asked anything.
    """
    found = []
    with store.transaction():
        for content in dict.fromkeys(
            (*store.contents.looked_without(encoder_id), *(store.contents.lacking(reads) if reads else ()))
        ):
            for photo in store.photos.get(store.photos.photos_of([content]).get(content, ())).values():
                if photo.missing_since_s is not None or photo.stage in ("seen", "settled", "failed"):
                    continue
                if answers(photo.root) and stat_of(photo.primary.path) == photo.primary.stat:
                    store.photos.advance(photo.id, "settled")
                    found.append(photo.id)
    return found
