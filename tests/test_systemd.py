"""The units: systemd takes them as they are and as they are installed, and they give away little."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sameshot.errors import BadInput
from sameshot.verbs.install_service import install_service, remove_service, service_unit, shared_folder

UNITS = Path(__file__).parents[1] / "systemd"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (apt-get install systemd)"
)


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)


def verify(folder: Path, name: str, text: str) -> str:
    """Returns what systemd has to say about the unit, which is nothing when it is right."""
    file = folder / name
    # Without a user manager its only trouble is the program; a program that is there stands in for it.
    file.write_text(
        re.sub(r"^ExecStart=(%h|/usr/local)\S+", f"ExecStart={shutil.which('true')}", text, flags=re.MULTILINE)
    )
    result = analyze("verify", file)
    return result.stdout + result.stderr + ("" if result.returncode == 0 else f"rc {result.returncode}")


@needs_systemd
@pytest.mark.parametrize("name", ["sameshot.service", "sameshot@.service"])
def test_the_units_in_the_repository_are_right_as_they_are(tmp_path, name):
    assert verify(tmp_path, name.replace("@", "@alice"), (UNITS / name).read_text()) == ""


@needs_systemd
def test_verify_would_notice(tmp_path):
    text = (UNITS / "sameshot.service").read_text()
    assert "Unknown key" in verify(tmp_path, "sameshot.service", text.replace("KillMode=", "KillModes="))


@needs_systemd
def test_the_system_unit_gives_away_little(tmp_path):
    unit = tmp_path / "sameshot@alice.service"
    unit.write_text((UNITS / "sameshot@.service").read_text())
    assert analyze("security", "--offline=yes", "--threshold=15", unit).returncode == 0
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    assert analyze("security", "--offline=yes", "--threshold=15", bare).returncode != 0


@needs_systemd
@pytest.mark.parametrize("manager", ["user", "system"])
def test_an_installed_unit_with_awkward_paths_is_right(tmp_path, manager):
    program = tmp_path / "a $HOME 100%n" / "sameshot"
    program.parent.mkdir()
    program.symlink_to(sys.executable)
    root = tmp_path / "Anna's Bilder \u00fc 50%" / "in"
    root.mkdir(parents=True)
    unit = service_unit(manager, program, tmp_path / "Anna's $5 config.yaml", [root])
    assert verify(tmp_path, unit.path.name, unit.text) == ""


def keys(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))


@pytest.mark.parametrize("name", ["sameshot.service", "sameshot@.service"])
def test_the_manners_of_both_units(name):
    unit = keys((UNITS / name).read_text())
    assert unit["Type"] == "notify"
    assert unit["ExecReload"] == "kill -HUP $MAINPID"
    assert unit["RestartPreventExitStatus"] == "2", "a bad config makes no restart loop"
    assert unit["OOMPolicy"] == "continue"
    assert int(unit["TimeoutStopSec"]) > 10
    assert unit["Restart"] == "on-failure"


def test_the_user_unit_starts_this_program_and_keeps_the_state_where_the_command_line_looks(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    unit = service_unit("user", Path("/opt/s/bin/sameshot"), None, [])
    assert unit.path == tmp_path / "systemd" / "user" / "sameshot.service"
    assert keys(unit.text)["ExecStart"] == "/opt/s/bin/sameshot watch"
    assert "StateDirectory" not in keys(unit.text), "before systemd 254 it would be ~/.config"
    assert unit.after_writing == (
        "systemctl --user daemon-reload",
        "systemctl --user enable --now sameshot",
        "loginctl enable-linger",
    )
    assert unit.before_removing == ("systemctl --user disable --now sameshot",)
    named = service_unit("user", Path("/opt/s/bin/sameshot"), Path("/home/a b/c.yaml"), [])
    assert keys(named.text)["ExecStart"] == '/opt/s/bin/sameshot --config "/home/a b/c.yaml" watch'


def test_the_system_unit_may_write_in_the_one_folder_that_holds_all(tmp_path):
    root, library = tmp_path / "in" / "camera", tmp_path / "sorted"
    root.mkdir(parents=True)
    unit = service_unit("system", Path("/opt/s/bin/sameshot"), None, [root, library])
    values = keys(unit.text)
    assert values["ReadWritePaths"] == f"-{tmp_path}"
    assert unit.text.count("\nReadWritePaths=") == 1
    assert values["ExecStart"].endswith("--state-dir %S/sameshot/%i --config %E/sameshot/%i.yaml watch")
    assert unit.path == Path("/etc/systemd/system") / f"sameshot@{tmp_path.owner()}.service"
    assert unit.after_writing[1] == f"systemctl enable --now sameshot@{tmp_path.owner()}"


def test_what_cannot_be_a_unit_is_one_sentence(tmp_path):
    with pytest.raises(BadInput, match="share no folder but /"):
        shared_folder([Path("/srv/a"), Path("/mnt/b")])
    with pytest.raises(BadInput, match="names no root"):
        service_unit("system", Path("/opt/s"), None, [])
    with pytest.raises(BadInput, match="cannot stand in a systemd unit"):
        service_unit("user", Path("/opt/new\nExecStart=evil"), None, [])
    with pytest.raises(BadInput, match="cannot stand in a systemd unit"):
        service_unit("user", Path("/opt/\udcff"), None, [])
    with pytest.raises(BadInput, match="no program with a quote"):
        service_unit("user", Path("/opt/Anna's/sameshot"), None, [])
    with pytest.raises(BadInput, match="without double quotes and backslashes"):
        service_unit("user", Path("/opt/s"), Path('/a"b'), [])
    with pytest.raises(BadInput, match="cannot be read: No such file or directory"):
        service_unit("system", Path("/opt/s"), None, [tmp_path / "absent"])
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "er")
    assert shared_folder([tmp_path / "link"]) == tmp_path / "deep" / "er"


def test_install_and_remove(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    unit = service_unit("user", Path("/opt/s/bin/sameshot"), None, [])
    assert not remove_service(unit)
    install_service(unit)
    install_service(service_unit("user", Path("/opt/other"), None, []))
    assert "/opt/other watch" in unit.path.read_text()
    assert remove_service(unit)
    assert not unit.path.exists()
    unit.path.write_text("[Service]\nExecStart=/mine\n")
    for change in (install_service, remove_service):
        with pytest.raises(BadInput, match="was not written by sameshot"):
            change(unit)
    assert unit.path.read_text() == "[Service]\nExecStart=/mine\n"
