"""Disks without room: what could not be filed is filed once there is room, and other disks are not held up."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from filed import NOW, Desk, plan, reasons, step
from running import Installation
from sameshot.apply.filing import file_plan
from sameshot.verbs.apply import file_closed_sets


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    disk = tmp_path / "library"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_automatic_filing_tries_again_what_a_full_disk_refused(
    small_disk: Path, scanned: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    scanned.configure(action="copy", apply="automatic", filing={"closed_after_s": 1.0})
    with scanned.app() as app:
        assert app.config.library_dir == small_disk
        waiting = set(app.store.photos.in_stages(["grouped"]))
        file_closed_sets(app)
        refused = set(app.store.photos.in_stages(["grouped"]))
        assert refused
        assert refused == app.unfiled <= waiting
        said = len(caplog.records)
        assert said
        file_closed_sets(app)
        assert len(caplog.records) == said  # not at every turn
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    with scanned.app() as app:  # the next start
        file_closed_sets(app)
        assert list(app.store.photos.in_stages(["grouped"])) == []
        assert set(app.store.photos.in_stages(["applied"])) == waiting
    assert len([path for path in small_disk.rglob("*") if path.is_file()]) == len(refused)


def test_a_full_disk_holds_up_no_other(small_disk: Path, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk")
    sources = [desk.photo(f"{number}.jpg", bytes([number]) * 100_000) for number in range(6)]
    places = [(small_disk if number % 2 else desk.library) / "new" / f"{number}.jpg" for number in range(6)]
    steps = [step(number, "copy", *pair) for number, pair in enumerate(zip(sources, places, strict=True), 1)]
    report = file_plan(plan(*steps), desk.journal, roots=[desk.photos, desk.library, small_disk], now=NOW)
    assert [outcome.done for outcome in report.outcomes] == [True, False] * 3
    first, *others = reasons(report)
    assert "the disk is full" in first
    assert others == [f"not tried: the disk that holds {small_disk / 'new'} is full"] * 2
