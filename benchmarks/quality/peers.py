"""The other tools: how each is installed into a folder of its own below `build/peers`, never into our environment.

Comes in: the folder. Goes out: for each tool the command that runs it, or the reason why it cannot run here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Peer:
    """`method`: what the tool calls it. `install` returns the command that runs Python with the tool, or raises."""

    name: str
    package: str
    method: str
    install: Callable[[Path], list[str]]


class NotHere(Exception):
    """A tool that cannot run on this machine, with the reason."""


def _pip(python: str, *words: str) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotHere(f"pip could not install it: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")


def _beside(folder: Path, package: str, *needs: str) -> list[str]:
    """Into a folder that is searched last: what our environment has already is not fetched again."""
    target = folder / package.partition("==")[0]
    if not (target / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        _pip(sys.executable, "--no-deps", "--target", str(target), package)
        if needs:
            _pip(sys.executable, "--target", str(target), *needs)
        (target / "complete").touch()
    return [sys.executable, str(HERE / "peer_run.py"), "--at", str(target)]


def _apart(folder: Path, package: str, python: Callable[[], str]) -> list[str]:
    """Into an environment of its own, made by the `python` that is returned."""
    target = folder / package.partition("==")[0].partition("[")[0]
    if not (target / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run([python(), "-m", "venv", str(target)], check=True)
        _pip(str(target / "bin" / "python"), package)
        (target / "complete").touch()
    return [str(target / "bin" / "python"), str(HERE / "peer_run.py")]


def _image_dedup_ai(folder: Path) -> list[str]:
    return _beside(folder, "image-dedup-ai==0.1.0")


def _imagededup(folder: Path) -> list[str]:
    return _beside(folder, "imagededup==0.3.3.post2", "tqdm", "matplotlib")


def _immaculate(folder: Path) -> list[str]:
    """Its licence lets anyone use it unmodified, for any purpose."""
    return _apart(folder, "immaculate[sscd]==0.3.0", _newer_python)


def _newer_python() -> str:
    for minor in range(12, 20):
        python = shutil.which(f"python3.{minor}")
        if python and not subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
            return python
    raise NotHere("it needs Python 3.12 or newer, and none is on PATH")


def _perception(folder: Path) -> list[str]:
    return _apart(folder, "perception[approximate-deduplication]==0.9.3", lambda: sys.executable)


PEERS = (
    Peer("image-dedup-ai phash", "image-dedup-ai 0.1.0", "phash", _image_dedup_ai),
    Peer("imagededup phash", "imagededup 0.3.3.post2", "phash", _imagededup),
    Peer("imagededup dhash", "imagededup 0.3.3.post2", "dhash", _imagededup),
    Peer("imagededup whash", "imagededup 0.3.3.post2", "whash", _imagededup),
    Peer("imagededup ahash", "imagededup 0.3.3.post2", "ahash", _imagededup),
    Peer("imagededup CNN", "imagededup 0.3.3.post2", "cnn", _imagededup),
    Peer("immaculate pdq", "immaculate 0.3.0", "pdq", _immaculate),
    Peer("immaculate sscd", "immaculate 0.3.0", "sscd", _immaculate),
    Peer("perception SIFT", "perception 0.9.3", "sift", _perception),
)
