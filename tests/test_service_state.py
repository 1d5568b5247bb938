"""The state goes, is full or is taken away under a running service: it says so, and goes on when it can."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mounts import mount, needs_root, unmount
from running import Installation, Service, is_clear


def is_told(service: Service, words: str) -> bool:
    """Whether whoever asks hears a refusal with these words."""
    service.told()
    asked = service.installation.run("status")
    return asked.code == 3 and is_clear(asked) and words in asked.err


def test_what_is_removed_below_a_running_service_is_made_anew(installation: Installation, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos)
    with installation.service() as service:
        service.wait_until_grouped(1)
        models = installation.folder / "models"
        shutil.copytree(installation.state / "models", models)
        installation.state.rename(installation.folder / "away")
        installation.state.mkdir(mode=0o700)
        models.rename(installation.state / "models")
        service.wait_for(lambda: "was removed or replaced" in service.log(), "it is noticed", 15)
        service.wait_for(installation.locations.socket.exists, "it begins anew", 30)
        service.wait_until_grouped(1)
        assert installation.locations.log_file.exists()
        assert service.stop()[0] == 0
    assert "Traceback" not in service.log()


@needs_root
def test_a_full_disk_below_the_state_is_waited_out(installation: Installation, sample_photos: Path) -> None:
    """Whoever asks hears of it; no photo that was under way is blamed for it."""
    models = installation.folder / "models"
    shutil.copytree(installation.state / "models", models)
    mount("-t", "tmpfs", "-o", "size=64m,mode=700", "none", installation.state)
    try:
        shutil.copytree(models, installation.state / "models")
        with installation.service() as service:
            filler = installation.state / "filler"
            free_bytes = os.statvfs(installation.state).f_bavail * os.statvfs(installation.state).f_bsize
            filler.write_bytes(b"x" * (free_bytes - 65_536))
            shutil.copytree(sample_photos, installation.photos, dirs_exist_ok=True)
            service.wait_for(lambda: is_told(service, "is full. Free some space"), "it tells of the full disk", 60)
            filler.unlink()
            service.wait_for(lambda: installation.run("status").code == 0, "it goes on", 60)
            service.wait_until_grouped(12)
            assert service.status()["failed"] == 0
            assert service.stop()[0] == 0
    finally:
        unmount(installation.state)
    assert "Traceback" not in service.log()
    assert "the service ended while" not in service.log()
