"""Ctrl-C: one line and exit code 130, while the program loads and while it works."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from running import Installation


def loads(pid: int) -> bool:
    """Whether it is in the middle of its imports."""
    return "_pydantic_core" in Path(f"/proc/{pid}/maps").read_text()


def works(pid: int) -> bool:
    """Whether a worker was started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text() != ""


@pytest.fixture(autouse=True)
def hears_ctrl_c() -> Iterator[None]:
    """Whoever runs the tests in the background of a shell ignores SIGINT, and so would all that they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("moment", [loads, works])
def test_it_ends_with_one_line(installation: Installation, sample_photos: Path, moment: Callable[[int], bool]) -> None:
    shutil.copytree(sample_photos, installation.photos, dirs_exist_ok=True)
    command = [sys.executable, "-m", "sameshot", *map(str, installation.command("scan")[1:])]
    with subprocess.Popen(
        command, env=installation.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until_s = time.monotonic() + 60
        while not moment(process.pid):
            assert process.poll() is None
            assert time.monotonic() < until_s
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.startswith("sameshot: Stopped")
    assert len(err.splitlines()) == 1
