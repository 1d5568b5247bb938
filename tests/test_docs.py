"""What is written down is true: verbs, commands, settings, links."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sameshot.config import load_config
from sameshot.verbs.table import VERBS

HERE = Path(__file__).parents[1]
PAGES = [HERE / "README.md", HERE / "ARCHITECTURE.md", *sorted((HERE / "docs").rglob("*.md"))]


def test_every_verb_has_a_module_a_function_and_help() -> None:
    shown = subprocess.run([sys.executable, "-m", "sameshot", "--help"], capture_output=True, text=True, check=True)
    commands = shown.stdout[shown.stdout.index("Commands:") : shown.stdout.index("Where things are")]
    listed = set(re.findall(r"^  ([a-z][a-z-]+)  ", commands, re.MULTILINE))
    assert listed == set(VERBS)
    for name, verb in VERBS.items():
        assert verb.load().__doc__, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_only_verbs_that_exist(page: Path) -> None:
    said = set(re.findall(r"(?:^|`|sudo )sameshot ((?!--)[a-z][a-z-]+)", page.read_text(), re.MULTILINE))
    assert said <= {*VERBS, "is", "keeps"}, said - set(VERBS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_verb_is_in_the_readme() -> None:
    text = (HERE / "README.md").read_text()
    assert {name for name in VERBS if f"sameshot {name}" not in text} <= {"recover"}


def test_yaml_blocks_are_configs(tmp_path: Path) -> None:
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)):
            file = tmp_path / f"{page.stem}-{number}.yaml"
            file.write_text(block)
            load_config(file)


def test_makefile_has_the_readmes_commands() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (HERE / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", (HERE / "README.md").read_text(), re.MULTILINE)) <= targets
    assert "make test" in (HERE / ".ci" / "run").read_text()


# -------------------------------------------------------------------- the README as typed


def commands_of(page: Path) -> list[str]:
    """The commands of the page's blocks that use sameshot, in order."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for language, block in blocks if not language for line in block.splitlines()]
    return [line for line in lines if line.startswith(("sameshot ", "cd "))]


def as_typed(command: str, folder: Path, home: Path, answers: str, within_s: float = 180.0) -> tuple[int, str]:
    """Types a command into a shell on a terminal; its exit code and all that was seen. None outlives this call."""
    ours, theirs = pty.openpty()
    # Whoever runs the tests in the background of a script has them ignore Ctrl-C; nobody's terminal does.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", "/bin/bash", "-c", command],
        cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={"HOME": str(home), "TERM": "dumb", "LANG": "C.UTF-8", "COLUMNS": "200", "PWD": str(folder)}
        | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
        | {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
    )  # fmt: skip
    os.close(theirs)
    seen, until_s = b"", time.monotonic() + within_s
    try:
        follows = "--follow" in command
        if not follows:
            os.write(ours, answers.encode())
        while True:
            shown = seen.decode(errors="replace")
            assert time.monotonic() < until_s, f"not over in {within_s} s, or it asks: {command}\n{shown}"
            if select.select([ours], [], [], 1.0)[0]:
                with contextlib.suppress(OSError):  # the other end was closed
                    if portion := os.read(ours, 65536):
                        seen += portion
                        continue
                return process.wait(max(until_s - time.monotonic(), 0)), shown
            if follows and seen:  # the reader has seen enough, and says so until he is heard
                os.killpg(process.pid, signal.SIGINT)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(ours)


@contextmanager
def in_the_background(command: str, folder: Path, home: Path) -> Iterator[None]:
    """A command in another window, until the block ends."""
    process = subprocess.Popen(
        ["/bin/bash", "-c", f"exec {command}"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        | {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
    )  # fmt: skip
    try:
        yield
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(900)
def test_the_readme_works_as_typed(tmp_path: Path, models: Path, sample_photos: Path) -> None:
    home = tmp_path / "home"
    pictures, state = home / "Pictures", home / ".local" / "state" / "sameshot"
    shutil.copytree(sample_photos, pictures)
    before = {path: path.read_bytes() for path in pictures.iterdir()}
    shutil.copytree(models, state / "models", copy_function=os.link)  # made once for all tests: it takes a while
    state.chmod(0o700)
    commands = commands_of(HERE / "README.md")
    verbs = {command.split()[1] for command in commands if command.startswith("sameshot")}
    assert verbs >= {"init", "scan", "groups", "apply", "rank", "dedupe", "undo", "watch", "status", "doctor"}
    folder = home
    with contextlib.ExitStack() as windows:
        for command in commands:
            if command.startswith("cd "):
                folder = Path(command.removeprefix("cd ").replace("~", str(home)))
            elif re.match(r"sameshot watch\b", command):
                windows.enter_context(in_the_background(command, folder, home))
                until_s = time.monotonic() + 60
                while as_typed("sameshot activity", folder, home, "")[0] and time.monotonic() < until_s:
                    time.sleep(0.2)
            else:
                code, seen = as_typed(command, folder, home, "leave\n" if "calibrate" in command else "y\n")
                ends = {"sameshot doctor": {0, 1}, "sameshot activity --follow": {130}}
                allowed = next((codes for begin, codes in ends.items() if command.startswith(begin)), {0})
                assert code in allowed, f"{command}\n{seen}"
                assert "Traceback" not in seen, f"{command}\n{seen}"
    assert {path: path.read_bytes() for path in pictures.iterdir()} == before, "all of it was undone"
