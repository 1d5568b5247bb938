"""What `doctor` finds, each with its remedy, and what it leaves as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from filed import tree
from running import Installation
from sameshot.config import load_with_sources
from sameshot.locations import Locations
from sameshot.verbs.surroundings import limit_findings, state_findings


def findings(installation: Installation) -> list[dict[str, Any]]:
    done = installation.run("doctor", "--format", "json")
    found = done.json()["findings"]
    assert done.code == int(any(finding["level"] == "bad" for finding in found))
    for finding in found:
        assert finding["remedy"] or finding["level"] != "bad", finding
        assert "\n" not in finding["fact"] + finding["remedy"], finding
        assert "\\n" not in finding["fact"] + finding["remedy"], finding
    return found


def about(found: list[dict[str, Any]], what: str, level: str) -> list[str]:
    return [finding["fact"] for finding in found if finding["about"] == what and finding["level"] == level]


def test_each_problem_of_a_config_is_a_finding(installation: Installation) -> None:
    installation.config.write_text("roots: []\nbogus: 1\nworkers: 0\n")
    told = about(findings(installation), "config", "bad")
    assert [fact.split(":")[0] for fact in told] == ["line 2, bogus", "line 3, workers"]


def test_a_healthy_installation_is_well_and_left_as_it_is(scanned: Installation) -> None:
    before = tree(scanned.photos)
    found = findings(scanned)
    assert {finding["level"] for finding in found} <= {"good", "note"}
    assert "12 photos" in about(found, str(scanned.photos), "good")[0]
    assert about(found, "state", "good") == ["it can be opened"]
    assert tree(scanned.photos) == before


def test_a_unit_whose_program_is_gone(installation: Installation) -> None:
    unit = installation.folder / "home" / ".config" / "systemd" / "user" / "sameshot.service"
    unit.parent.mkdir(parents=True)
    unit.write_text('[Service]\nExecStart="/gone/with the wind" watch\n')
    [told] = about(findings(installation), "unit", "bad")
    assert told == f"{unit} starts /gone/with the wind, which is not there"
    unit.write_text("[Service]\nExecStart=/bin/true watch\n")
    assert about(findings(installation), "unit", "bad") == []


def test_limits_that_are_too_low(installation: Installation) -> None:
    installation.configure(workers=256, limits={"worker_memory_mb": 1_000_000})
    config = load_with_sources(installation.config).config
    by_level = {(found.level, found.about): found for found in limit_findings(config, 10**9)}
    assert "sysctl fs.inotify.max_user_watches=" in by_level["bad", "limits"].remedy
    assert "256 workers may take 1,000,000 MB each" in by_level["note", "limits"].fact
    assert ("bad", "limits") not in {(found.level, found.about) for found in limit_findings(config, 1)}


def test_state_and_cache_each_need_room(tmp_path: Path) -> None:
    found = list(state_findings(Locations(tmp_path / "state", tmp_path / "cache")))
    assert [one.fact for one in found if one.about == "state"] == ["nothing was scanned yet"]
    assert sum(one.about == "disk" for one in found) == 2


def test_pausing_what_does_not_run_says_so(installation: Installation) -> None:
    assert installation.run("pause").out == "No service runs. One that starts keeps still until `sameshot resume`.\n"
    assert installation.run("resume").out == "No service runs. One that starts does not keep still.\n"
