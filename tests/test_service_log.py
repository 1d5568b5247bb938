"""What the service tells of what it did: in its log, which is read next month, and in `activity`."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from running import Installation


def test_the_log_tells_what_was_done(installation: Installation, sample_photos: Path) -> None:
    installation.configure(action="copy", apply="automatic", filing={"closed_after_s": 1.0})
    assert "There is no log" in installation.run("log").out
    with installation.service() as service:
        for name in ("IMG_100.jpg", "IMG_101.jpg", "IMG_130.jpg"):
            shutil.copy(sample_photos / name, installation.photos)
        (installation.photos / "bad.jpg").write_bytes(b"no photo" * 100)

        def log() -> str:
            return "\n".join(installation.json("log")["lines"])

        def activity() -> str:
            return "\n".join(event["what"] for event in installation.json("activity")["events"])

        service.wait_for(lambda: "2 files done, as batch b" in log(), "the filing is told")
        assert "2 files done, as batch b" in activity()
        service.wait_for(lambda: "; 1 group (+1)" in log(), "the photos are summed up")
        assert f"WARNING {installation.photos / 'bad.jpg'} could not be looked at: " in log()
        assert log().count("was looked at") == 0, "one line for all"
        assert activity().count("was looked at") == 3

        installation.run("undo", "--all", "--yes")
        service.wait_for(lambda: "undo: 2 files done, as batch b" in log(), "the undo is told")
        installation.run("pause")
        service.wait_for(lambda: "keeps still: you said so" in log(), "the pause is told")
        installation.run("resume")
        service.wait_for(lambda: "goes on" in log(), "and its end")

        last = installation.json("activity")["events"][-1]["number"]
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: service.told().count("READY=1") == 2, "it reloads")
        installation.photos.rename(installation.folder / "away")
        service.wait_for(
            lambda: f"WARNING The folder {installation.photos} cannot be reached" in log(), "it is missed", 30
        )
        (installation.folder / "away").rename(installation.photos)
        service.wait_for(lambda: f"{installation.photos} is watching again" in log(), "it is back", 30)
        numbers = [event["number"] for event in installation.json("activity")["events"]]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] > last, "a reload does not begin to count anew"
        assert service.stop()[0] == 0
    assert installation.json("log", "-n", "1")["lines"][0].endswith("stopped, as asked")
    installation.locations.log_file.write_text("")
    assert "There is no log" not in installation.run("log").out
