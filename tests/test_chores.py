"""A job of the night leaves nothing behind, however it ends, and one that hangs is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sameshot.service.chore import Chore

HANGS = """
import sys, tempfile, time
from sameshot.service.chore import be_a_chore
be_a_chore()
with tempfile.TemporaryDirectory() as folder:
    open(f"{folder}/large", "w").close()
    open(sys.argv[-1], "w").close()
    time.sleep(600)
"""


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a module lies that writes a temporary file and then never ends."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "hangs.py").write_text(HANGS)
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{before}" if before else str(folder))
    return tmp_path


def wait_for(fact: Callable[[], object]) -> None:
    until_s = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_one_that_is_ended_leaves_nothing(hanging: Path) -> None:
    scratch, begun = hanging / "scratch", hanging / "begun"
    chore = Chore("x", [str(begun)], "hangs", scratch=scratch)
    wait_for(begun.exists)
    assert list(scratch.rglob("large"))
    assert chore.outcome() is None
    chore.cancel()
    assert not scratch.exists()


def test_one_that_takes_too_long_is_ended_and_says_so(hanging: Path) -> None:
    scratch, begun = hanging / "scratch", hanging / "begun"
    chore = Chore("x", [str(begun)], "hangs", longest_s=0.0, scratch=scratch)
    assert "took longer than 0 s" in (chore.outcome() or "")
    assert not scratch.exists()


def test_one_ends_with_the_service_even_when_that_is_killed(hanging: Path) -> None:
    scratch, begun = hanging / "scratch", hanging / "begun"
    program = (
        "import sys, time; from pathlib import Path; from sameshot.service.chore import Chore\n"
        "chore = Chore('x', [sys.argv[1]], 'hangs', scratch=Path(sys.argv[2]))\n"
        "print(chore._process.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, begun, scratch], stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        chore = int(service.stdout.readline())
        wait_for(begun.exists)
        os.kill(service.pid, signal.SIGKILL)
    status = Path(f"/proc/{chore}/status")
    wait_for(lambda: not status.exists() or "State:\tZ" in status.read_text())
