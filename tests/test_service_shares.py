"""What hangs when it is asked: a share whose server is gone, a config that nobody writes. Nobody may wait for it."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from mounts import hanging_mount, needs_root
from running import Installation


@needs_root
def test_no_verb_that_asks_all_roots_stops_the_service_while_a_share_hangs(
    installation: Installation, sample_photos: Path
) -> None:
    photos, share = sorted(sample_photos.glob("*.jpg")), installation.folder / "share"
    share.mkdir()
    shutil.copy(photos[0], share)
    roots = [{"path": str(installation.photos)}, {"path": str(share)}]
    installation.configure(roots=roots, action="copy", apply="automatic", filing={"closed_after_s": 0})
    with installation.service() as service:
        service.wait_until_grouped(1)
        with hanging_mount(share):
            silent = f"The filesystem of {share} does not answer"
            service.wait_for(lambda: silent in service.status()["why"], "it tells of it", 20)
            for words in (
                ["plan"],
                ["apply", "--yes"],
                ["undo", "--all", "--yes"],
                ["dedupe", "--to", "trash", "--yes"],
            ):
                done = installation.run(*words)
                assert (done.code, silent in str(done)) == (1, True), (words, done)
            shutil.copy(photos[1], installation.photos)  # it is not filed yet, as that asks all roots
            service.wait_for(lambda: service.status()["photos"] == 2, "the other root is served", 20)
            service.wait_for(lambda: service.status()["pending"] == 0, "it is looked at", 20)
            time.sleep(6)  # by now it would be filed
            asked_s = time.monotonic()
            service.status()
            assert time.monotonic() - asked_s < 5
            checked = installation.run("check", "--format", "json")
            assert f"{share} does not answer" in str(checked)
            assert len(list(installation.library.rglob("*.jpg"))) <= 1
        filed = lambda: len(list(installation.library.rglob("*.jpg"))) == 2  # noqa: E731
        service.wait_for(filed, "it is filed when the share is back", 60)


def test_a_config_that_nobody_writes_is_not_waited_for(installation: Installation) -> None:
    config = installation.folder / "config.yaml"
    with installation.service() as service:
        config.rename(config.with_suffix(".kept"))
        os.mkfifo(config)
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(lambda: "config.yaml is no regular file" in service.log(), "it says so", 30)
        config.with_suffix(".kept").replace(config)
        assert service.status()["service"]


def test_a_root_that_becomes_another_root_is_no_second_copy(installation: Installation, sample_photos: Path) -> None:
    photos, link = sorted(sample_photos.glob("*.jpg")), installation.folder / "link"
    (installation.photos / "day").mkdir()
    link.mkdir()
    shutil.copy(photos[0], installation.photos)
    shutil.copy(photos[3], link)
    installation.configure(roots=[{"path": str(installation.photos)}, {"path": str(link)}])
    with installation.service() as service:
        service.wait_until_grouped(2)
        link.rename(installation.folder / "kept")
        for target, told in ((installation.photos, "the same folder"), (installation.photos / "day", "leads into")):
            link.symlink_to(target)
            service.wait_for(lambda told=told: told in service.status()["why"], told, 20)
            time.sleep(2)
            assert service.status()["photos"] == 2
            link.unlink()
        (installation.folder / "kept").rename(link)
        shutil.copy(photos[4], link)
        service.wait_until_grouped(3)
