"""Scores of one kind only: what another method or another encoder said of pairs is forgotten, and made anew.

Comes in: the store, and who compares now. Goes out: a store in which all links mean the same, and in which what only
another encoder has seen waits to be looked at again. What the owner said, and the groups as they stand, stay.
"""

from __future__ import annotations

import logging

from sameshot.store.store import Store

_log = logging.getLogger(__name__)


def keep_one_kind_of_score(store: Store, method_id: str, encoder_id: str) -> None:
    """Forgets all links when they are of another method or encoder; does nothing otherwise."""
    links_of = f"{method_id} {encoder_id}"
    if store.meta.get("links_of") == links_of:
        return
    with store.transaction():
        if store.contents.ids():
            _log.warning("Photos are compared anew, by %s: its scores do not mix with others", method_id)
        store.links.clear()
        store.contents.clear_reaches()
        store.meta.set("links_of", links_of)
        # What an older encoder saw is looked at again: vectors and descriptors of two versions never meet.
        outdated = store.contents.looked_without(encoder_id)
        for photo_ids in store.photos.photos_of(outdated).values():
            for photo_id in photo_ids:
                store.photos.advance(photo_id, "settled")
