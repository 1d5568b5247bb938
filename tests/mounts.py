"""Mounts that come, go and hang, for tests that run as root."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_INIT = 26
_libc = ctypes.CDLL(None, use_errno=True)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def mount(*words: str | Path) -> None:
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine does not mount here: {done.stderr.strip()}")


def unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


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
