"""Downloads the weights of one torchvision network: the one thing in this program that ever downloads anything.

Comes in: an encoder as the config names it, and the folder for models. Goes out: the file in its folder `weights`,
under torchvision's own name, and one line of JSON; on failure one sentence on stderr. A file appears whole or not at
all, and only with the digest that torchvision put into its name. Run as
`python -P -m sameshot.embed.fetching SPEC MODELS_DIR`, in a process of its own.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from sameshot.embed.spec import parse
from sameshot.errors import BadInput, SameshotError, StateUnavailable

_SILENT_S = 30.0
_CHUNK_BYTES = 1 << 20
_LARGEST_BYTES = 8 << 30


def fetch(text: str, models_dir: Path) -> tuple[Path, bool]:
    """Where the weights of the encoder `text` are now, and whether they had to be downloaded.

    Raises BadInput when it has none to download, SameshotError when that fails, StateUnavailable without room.
    """
    spec = parse(text)
    if spec.kind != "torchvision":
        raise BadInput(f"{text!r} has no weights that could be fetched", "Only those of torchvision:NAME have")
    try:
        from sameshot.embed import torch_models  # noqa: PLC0415 - torchvision knows where its weights are
    except ImportError as error:
        raise BadInput(
            "torchvision is not installed, which knows its weights", "Install the extra: pip install '.[night]'"
        ) from error
    weights, names = torch_models.weights_of(spec)
    if weights is None:
        raise BadInput(
            f"{spec.source} has no weights {spec.options['weights']!r} to fetch", f"Its weights are {', '.join(names)}"
        )
    ours, theirs = torch_models.places_of(weights, models_dir)
    promised = torch_models.promised_digest(weights)
    for place in (ours, theirs):
        if place.is_file() and _digest(place).startswith(promised):
            return place, False
    download(weights.url, promised, ours)
    return ours, True


def download(url: str, promised: str, target: Path) -> None:
    """Puts what is at `url` at `target`, if its SHA-256 begins with `promised`.

    Raises SameshotError when it cannot be had or is another file, StateUnavailable when it cannot be written.
    """
    if not re.fullmatch(r"[0-9a-f]{8,64}", promised):
        raise SameshotError(f"{url} has no digest in its name that a download could be held against")
    hint = f"Try again, or put the file at {target}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f"{target.name}.", dir=target.parent)
    except OSError as error:
        raise StateUnavailable(f"{target.parent} cannot be written: {error.strerror}", "Give access") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            for piece in _pieces(url, promised, hint):
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):
            raise StateUnavailable(f"{target} cannot be written: {error.strerror}", "Make room") from error
        raise


def _pieces(url: str, promised: str, hint: str) -> Iterator[bytes]:
    """Yields the bytes at `url`. Raises SameshotError when they do not come, or were others than promised."""
    digest, total = hashlib.sha256(), 0
    try:
        with urllib.request.build_opener().open(url, timeout=_SILENT_S) as answer:
            while piece := answer.read(_CHUNK_BYTES):
                total += len(piece)
                if total > _LARGEST_BYTES:
                    raise SameshotError(f"{url} is larger than 8 GB", hint)
                digest.update(piece)
                yield piece
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise SameshotError(f"{url} cannot be downloaded: {why}", hint) from error
    if not (found := digest.hexdigest()).startswith(promised):
        raise SameshotError(f"{url} is damaged: its digest begins with {found[:8]}, not {promised}", hint)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main(words: Sequence[str]) -> int:
    """Fetches once; returns the exit code."""
    text, folder = words
    try:
        path, is_new = fetch(text, Path(folder))
    except SameshotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps({"path": str(path), "is_new": is_new}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
