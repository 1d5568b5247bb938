"""Signals at any moment: a reload that is not over, a start that is not over, and many of them."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from running import Installation, Service, notify_socket

STOP_WITHIN_S = 10.0


def order(service: Service) -> list[str]:
    """What its manager was told of its state, in order."""
    return [word for word in service.told() if word in ("READY=1", "RELOADING=1", "STOPPING=1")]


def reloads(service: Service) -> int:
    return service.told().count("RELOADING=1")


def is_in_order(words: list[str]) -> bool:
    """Whether each reload is followed by one READY, and the stop is the last word."""
    expected = "READY=1"
    for word in words:
        if word == "STOPPING=1":
            return words[-1] == word
        if word != expected:
            return False
        expected = "RELOADING=1" if word == "READY=1" else "READY=1"
    return True


@pytest.mark.parametrize("first", ["RELOADING=1", "STATUS=getting ready"])
def test_a_stop_during_a_reload_is_a_stop(installation: Installation, first: str) -> None:
    with installation.service() as service:
        started = len(service.told())
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: first in service.told()[started:], "it reloads")
        code, took_s = service.stop()
        assert (code, took_s < STOP_WITHIN_S) == (0, True)
        assert is_in_order(order(service)), order(service)
        assert order(service)[-1] == "STOPPING=1"
        assert "MONOTONIC_USEC=" in " ".join(service.told())
        assert "Traceback" not in service.log()


def test_a_hang_up_during_a_reload_is_not_lost(installation: Installation) -> None:
    roots = [installation.folder / f"root{number}" for number in range(2)]
    for root in roots:
        root.mkdir()
    with installation.service() as service:
        for count, _ in enumerate(roots, 1):
            installation.configure(roots=[{"path": str(root)} for root in roots[:count]])
            service.process.send_signal(signal.SIGHUP)
            service.wait_for(lambda count=count: reloads(service) == count, "the reload began")
        service.wait_for(lambda: len(service.status()["roots"]) == 2, "the newest config is served")
        assert order(service).count("READY=1") == 3
        assert is_in_order(order(service)), order(service)


def test_a_config_that_cannot_be_served_leaves_the_one_before(installation: Installation) -> None:
    with installation.service() as service:
        installation.configure(encoder=str(installation.folder / "absent.onnx"))
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: "serves on" in service.log(), "it is told")
        assert [root["path"] for root in service.status()["roots"]] == [str(installation.photos)]
        service.wait_for(lambda: order(service).count("READY=1") == 2, "it is ready again")
        assert service.stop()[0] == 0
        assert is_in_order(order(service)), order(service)


@pytest.mark.slow
def test_a_storm_of_sighups_turns_nobody_away(installation: Installation, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos)
    with installation.service() as service:
        service.wait_until_grouped(1)
        for number in range(40):  # nobody who asks meanwhile is turned away
            service.process.send_signal(signal.SIGHUP)
            time.sleep(0.01)
            service.told()
            assert number % 8 or service.status()["photos"] == 1
        assert reloads(service) >= 3
        assert service.stop()[0] == 0
        assert is_in_order(order(service)), order(service)


@pytest.mark.slow
def test_stops_at_any_moment_of_start_and_reload(installation: Installation) -> None:
    rng = random.Random(11)
    for number in range(24):
        log = installation.folder / "service.log"
        with notify_socket(installation.folder / "notify") as notified, log.open("ab") as log_file:
            process = subprocess.Popen(
                installation.command("watch"),
                env=installation.environment | {"NOTIFY_SOCKET": str(installation.folder / "notify")},
                stderr=log_file,
            )
            service = Service(installation, process, notified)
            first = "READY=1" if number % 2 else "STATUS=getting ready"
            service.wait_for(lambda service=service, first=first: first in service.told(), first)
            if number % 2:
                process.send_signal(signal.SIGHUP)
            time.sleep(rng.uniform(0, 0.3))
            code, took_s = service.stop()
            assert (code, took_s < STOP_WITHIN_S) == (0, True), service.log()
            assert order(service)[-1] == "STOPPING=1"
            assert is_in_order(order(service)), order(service)
    assert "Traceback" not in service.log()
