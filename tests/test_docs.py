"""What is written down is true: verbs, commands, settings, links."""

from __future__ import annotations

import re
import subprocess
import sys
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
