"""One process for each state."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sameshot.errors import BadInput, StateUnavailable
from sameshot.service.lock import hold_lock

HOLD = (
    "import sys, time; from pathlib import Path; from sameshot.service.lock import hold_lock\n"
    "with hold_lock(Path(sys.argv[1]), 'watch', Path('/etc/mine.yaml')):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "state" / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_loser_hears_who_holds_the_state_and_what_to_do(holder, tmp_path):
    lock_file = tmp_path / "state" / "lock"
    with pytest.raises(StateUnavailable) as caught, hold_lock(lock_file, "scan", None):
        pass
    assert str(caught.value) == (
        f"`sameshot watch` is already running (pid {holder.pid}) with config /etc/mine.yaml on the state in "
        f"{tmp_path}/state. Wait for it, stop it (`kill {holder.pid}`), or keep two states apart with --state-dir"
    )
    assert caught.value.exit_code == 3


def test_a_killed_holder_holds_nothing(holder, tmp_path):
    lock_file = tmp_path / "state" / "lock"
    inode = lock_file.stat().st_ino
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with hold_lock(lock_file, "scan", None) as died:
        assert died
        assert lock_file.stat().st_ino == inode, "the file itself stays"
        assert f'"pid": {os.getpid()}' in lock_file.read_text()


def test_it_can_be_taken_again_and_its_folder_is_private(tmp_path):
    lock_file = tmp_path / "a" / "b" / "lock"
    for config in (Path("/a/very/long/path/to/a/config.yaml"), None):
        with hold_lock(lock_file, "watch", config) as died:
            assert not died
            assert lock_file.read_text().endswith('"config": null}' if config is None else 'config.yaml"}')
    assert lock_file.read_text() == ""
    assert lock_file.parent.stat().st_mode & 0o777 == 0o700
    before: list[bool] = []

    def end_by(error: Exception) -> None:
        with hold_lock(lock_file, "watch", None) as died:
            before.append(died)
            raise error

    for error in (ZeroDivisionError(), BadInput("this is no fault")):
        with pytest.raises(type(error)):
            end_by(error)
    assert before == [False, True]
    with hold_lock(lock_file, "watch", None) as died:
        assert not died


def test_a_holder_that_has_not_yet_said_who_it_is(holder, tmp_path):
    (tmp_path / "state" / "lock").write_text("{")
    with (
        pytest.raises(StateUnavailable, match="has just begun to use this state"),
        hold_lock(tmp_path / "state" / "lock", "scan", None),
    ):
        pass


def test_a_state_dir_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(StateUnavailable, match=r"cannot be opened: Not a directory\. Make that folder writable"),
        hold_lock(tmp_path / "file" / "state" / "lock", "scan", None),
    ):
        pass
