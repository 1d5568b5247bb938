"""How fast files are filed beside what cp and mv do: `python benchmarks/filing.py [FILES] [KILOBYTES] [FOLDER]`.

Each file is drawn once. cp and mv leave it to the system when the disk has the files; `synced` waits for it, as
sameshot does before it says that anything is done. All in one run, one after the other, on one disk.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sameshot.apply.filing import file_plan
from sameshot.apply.journal import Journal
from sameshot.apply.undo import Selection, undo
from sameshot.model import Action, FileStat, Plan, Step


def stat_of(path: Path) -> FileStat:
    status = path.stat()
    return FileStat(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def drawn(folder: Path, count: int, size_bytes: int) -> list[Path]:
    paths = [folder / f"{number % 50}" / f"{number}.jpg" for number in range(count)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size_bytes))
    os.sync()
    return paths


class Bench:
    """One folder, in which each way to file is timed and undone again."""

    def __init__(self, folder: Path, count: int, size_bytes: int) -> None:
        self.folder, self.photos, self.library = folder, folder / "photos", folder / "library"
        self.paths = drawn(self.photos, count, size_bytes)
        self.journal = Journal(folder / "journal")
        self.digests = {path: hashlib.sha256(path.read_bytes()).digest() for path in self.paths}

    def timed(self, name: str, act: Callable[[], object], beside_s: float | None = None) -> float:
        start_s = time.perf_counter()
        act()
        took_s = time.perf_counter() - start_s
        ratio = "" if beside_s is None else f", {took_s / beside_s:.2f} times as long"
        print(f"{name}: {took_s:.1f} s, {len(self.paths) / took_s:.0f} files/s{ratio}", flush=True)
        return took_s

    def program(self, *words: str, synced: bool) -> None:
        subprocess.run([*words, str(self.photos), str(self.library)], check=True)
        if synced:
            os.sync()

    def file(self, action: Action, *, kept: bool = False) -> None:
        copies = self.folder / "copies"
        steps = []
        for number, path in enumerate(self.paths):
            inside, digest = path.relative_to(self.photos), self.digests[path]
            step = Step(number, action, path, self.library / inside, stat_of(path), digest, "")
            steps.append(replace(step, kept=copies / inside, kept_digest=digest) if kept else step)
        roots = [self.photos, self.library, copies]
        report = file_plan(Plan("dedupe", tuple(steps)), self.journal, roots=roots, now=datetime.now(UTC))
        assert all(outcome.done for outcome in report.outcomes)

    def back(self) -> None:
        report = undo(self.journal, Selection(all=True), now=datetime.now(UTC))
        assert all(outcome.done for outcome in report.outcomes)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    size_bytes = 1000 * (int(sys.argv[2]) if len(sys.argv) > 2 else 100)
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as name:
        bench = Bench(Path(name), count, size_bytes)
        bench.timed("cp", lambda: bench.program("cp", "-a", "--reflink=never", synced=False))
        shutil.rmtree(bench.library)
        os.sync()
        copied_s = bench.timed("cp, synced", lambda: bench.program("cp", "-a", "--reflink=never", synced=True))
        shutil.rmtree(bench.library)
        bench.timed("sameshot copy", lambda: bench.file("copy"), copied_s)
        bench.timed("undo of copy", bench.back, copied_s)
        moved_s = bench.timed("mv, a file at a time, synced", lambda: one_by_one(bench))
        shutil.move(bench.library, bench.photos)
        bench.timed("sameshot move", lambda: bench.file("move"), moved_s)
        bench.timed("undo of move", bench.back, moved_s)
        subprocess.run(["cp", "-a", bench.photos, bench.folder / "copies"], check=True)
        os.sync()
        bench.timed("sameshot dedupe to quarantine", lambda: bench.file("move", kept=True), copied_s)


def one_by_one(bench: Bench) -> None:
    for folder in sorted({path.parent for path in bench.paths}):
        target = bench.library / folder.name
        target.mkdir(parents=True)
        for path in folder.iterdir():
            path.rename(target / path.name)
        folder.rmdir()
    bench.photos.rmdir()
    os.sync()


if __name__ == "__main__":
    main()
