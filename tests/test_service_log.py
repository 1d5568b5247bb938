"""What the service tells of what it did: in its log, which is read next month, and in `activity`."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from running import Installation
from sameshot.service.desktop import Desktop, notification


def test_the_log_tells_what_was_done(installation: Installation, sample_photos: Path) -> None:
    installation.configure(action="copy", apply="automatic", filing={"closed_after_s": 1.0})
    assert "There is no log" in installation.run("log").out
    with installation.service() as service:
        for name in ("IMG_100.jpg", "IMG_101.jpg", "IMG_130.jpg"):
            shutil.copy(sample_photos / name, installation.photos)
        (installation.photos / "bad.jpg").write_bytes(b"no photo" * 100)

        def log() -> str:
            return installation.locations.log_file.read_text()

        def activity() -> str:
            return "\n".join(event["what"] for event in installation.ask("activity")["events"])

        service.wait_for(lambda: "2 files done, as batch b" in log(), "the filing is told")
        assert "2 files done, as batch b" in activity()
        service.wait_for(lambda: "; 1 group (+1)" in log(), "the photos are summed up")
        assert f"WARNING {installation.photos / 'bad.jpg'} could not be looked at: " in log()
        assert log().count("was looked at") == 0, "one line for all"
        assert "\n".join(installation.json("log")["lines"]) in log()
        assert activity().count("was looked at") == 3

        installation.run("undo", "--all", "--yes")
        service.wait_for(lambda: "undo: 2 files done, as batch b" in log(), "the undo is told")
        installation.ask("pause")
        service.wait_for(lambda: "keeps still: you said so" in log(), "the pause is told")
        installation.ask("resume")
        service.wait_for(lambda: "goes on" in log(), "and its end")

        last = installation.ask("activity")["events"][-1]["number"]
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: service.told().count("READY=1") == 2, "it reloads")
        installation.photos.rename(installation.folder / "away")
        service.wait_for(
            lambda: f"WARNING The folder {installation.photos} cannot be reached" in log(), "it is missed", 30
        )
        (installation.folder / "away").rename(installation.photos)
        service.wait_for(lambda: f"{installation.photos} is watching again" in log(), "it is back", 30)
        numbers = [event["number"] for event in installation.ask("activity")["events"]]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] > last, "a reload does not begin to count anew"
        assert service.stop()[0] == 0
    assert installation.json("log", "-n", "1")["lines"][0].endswith("stopped, as asked")
    installation.locations.log_file.write_text("")
    assert "There is no log" not in installation.run("log").out


def test_words_on_the_desktop_come_one_a_minute(tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{shown}"\n')
    program.chmod(0o755)
    desktop = Desktop(lambda name: str(program) if name == "notify-send" else None)

    def told() -> str:
        return shown.read_text() if shown.exists() else ""

    def step(now_s: float, then: str) -> None:
        desktop.step(now_s)
        until_s = time.monotonic() + 10
        while (then not in told() or desktop._running) and time.monotonic() < until_s:
            desktop.step(now_s)
            time.sleep(0.01)
        assert then in told()

    desktop.tell("/photos/<b>a & b.jpg could not be looked at")
    step(100, "/photos/&lt;b&gt;a &amp; b.jpg could not be looked at\n")
    desktop.tell("the second")
    desktop.tell("the third")
    desktop.step(159)
    assert "the second" not in told()
    step(160, "the second (1 more message: sameshot log)\n")
    Desktop(lambda _: None).tell("nobody")


@pytest.mark.skipif(
    not all(map(shutil.which, ("busctl", "dbus-run-session", "dbus-monitor"))), reason="no session bus can be run here"
)
def test_systemds_own_program_tells_where_there_is_no_other() -> None:
    command = notification("-1 & more", lambda name: None if name == "notify-send" else shutil.which(name))
    assert command is not None
    listen = "dbus-monitor --session \"interface='org.freedesktop.Notifications'\" & listener=$!; sleep 0.5"
    script = f"{listen}; {shlex.join(command)}; sleep 0.3; kill $listener"
    heard = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", script], capture_output=True, text=True, timeout=30, check=False
    ).stdout
    assert "member=Notify" in heard
    assert 'string "-1 &amp; more"' in heard
