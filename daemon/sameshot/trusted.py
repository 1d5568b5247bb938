"""The trusted process: pictures in, vectors out, by an encoder that only the owner's own code or a GPU can serve.

Comes in: requests "embed" with upright pictures that confined workers decoded; no path, no name, no bytes of a file.
Goes out: unit vectors, or one sentence about why there are none. There is one such process, it is started by the first
photo that needs it, and it is as free as the owner is: it runs the class that the config names. It ends with the
service, and when nothing was asked of it for a while.
Run as `python -P -m sameshot.trusted`.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from sameshot.service.message import Message
from sameshot.service.worker_loop import connect, serve
from sameshot.service.worker_sandbox import die_with_parent
from sameshot.wire.embedding import EmbedRequest, vectors_to_message

if TYPE_CHECKING:
    from sameshot.embed.trusted import TrustedEncoder


def main() -> None:
    """Serves until the service hangs up."""
    connection = connect()
    die_with_parent()
    cv2.setNumThreads(1)
    serve(connection, {"embed": _embed}, {})


def _embed(message: Message, _: int | None) -> Message:
    request = EmbedRequest.of(message)
    return vectors_to_message(_encoder(request.recipe).embed(request.pictures))


@functools.lru_cache(maxsize=1)
def _encoder(recipe: Path) -> TrustedEncoder:
    """Loaded by the first pictures and kept."""
    from sameshot.embed.trusted import load  # noqa: PLC0415 - loads what the encoder is made of

    return load(recipe)


if __name__ == "__main__":
    main()
