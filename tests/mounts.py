"""Mounts that come, go and hang, and root without its powers, for tests that run as root."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_INIT = 26
_CAPABILITIES = struct.pack("=Ii", 0x20080522, 0)
_DROP_FOR_CHILDREN = 24
_OVER_FILES = (1, 2, 3)  # to write, to read and to change what belongs to others
NOBODY = 65534
_libc = ctypes.CDLL(None, use_errno=True)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def mount(*words: str | Path) -> None:
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine does not mount here: {done.stderr.strip()}")


def unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


def powerless(act: Callable[[], Any]) -> Any:
    """What `act` returns where root has no power over the files of others, as any other user; in a child process."""
    if os.geteuid() != 0:
        pytest.skip("needs root to give its powers up")
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            _give_up_powers()
            with open(writing, "wb") as pipe:
                pickle.dump(act(), pipe)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return pickle.loads(answer)


def _give_up_powers() -> None:
    held = ctypes.create_string_buffer(24)
    assert _libc.capget(_CAPABILITIES, held) == 0
    low_words, high_words = struct.unpack("=3I12x", held.raw), struct.unpack("=12x3I", held.raw)
    for power in _OVER_FILES:
        assert _libc.prctl(_DROP_FOR_CHILDREN, power, 0, 0, 0) == 0
        low_words = tuple(word & ~(1 << power) for word in low_words)
    assert _libc.capset(_CAPABILITIES, struct.pack("=6I", *low_words, *high_words)) == 0


@contextlib.contextmanager
def hanging_mount(place: Path, kind: str = "fuse.sshfs") -> Iterator[None]:
    """Mounts a filesystem whose server never answers, as a share whose machine was switched off."""
    try:
        line = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no FUSE here: {error.strerror}")
    options = f"fd={line},rootmode=40000,user_id=0,group_id=0".encode()
    if _libc.mount(b"server", os.fsencode(place), kind.encode(), 0, options) != 0:
        os.close(line)
        pytest.skip(f"FUSE cannot be mounted here: {os.strerror(ctypes.get_errno())}")
    try:
        asked = os.read(line, 1 << 17)
        _, operation, unique = struct.unpack_from("=IIQ", asked)
        assert operation == _INIT
        answer = struct.pack("=IIIIHHIIHHI", 7, 31, 4096, 0, 16, 12, 4096, 1, 1, 0, 0).ljust(64, b"\0")
        os.write(line, struct.pack("=IiQ", 16 + len(answer), 0, unique) + answer)
        yield
    finally:
        unmount(place)
        os.close(line)


@contextlib.contextmanager
def disk(place: Path, kind: str, size_mb: int = 64) -> Iterator[Path]:
    """Mounts an image of its own at `place`: a second disk as programs see it. `exfat` goes through FUSE."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    programs = [f"mkfs.{kind}", *(["mount.exfat-fuse"] if kind == "exfat" else [])]
    if missing := [name for name in programs if shutil.which(name, path=path) is None]:
        pytest.skip(f"{missing[0]} is not installed")
    image = place.with_name(f"{place.name}.image")
    with image.open("wb") as file:
        file.truncate(size_mb << 20)
    environment = {**os.environ, "PATH": path}
    subprocess.run([f"mkfs.{kind}", image], check=True, capture_output=True, env=environment)
    place.mkdir(exist_ok=True)
    looped = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True, check=False)
    if looped.returncode:
        pytest.skip(f"no loop device here: {looped.stderr.strip()}")
    device = looped.stdout.strip()
    try:
        if kind == "exfat":
            done = subprocess.run(
                ["mount.exfat-fuse", device, place], capture_output=True, check=False, env=environment
            )
            if done.returncode:
                pytest.skip(f"exFAT cannot be mounted here: {done.stderr.decode().strip()}")
        else:
            mount(device, place)
        yield place
    finally:
        unmount(place)
        subprocess.run(["losetup", "-d", device], check=False)
        image.unlink()
