"""What the tests of the whole share: models and photos made once for a session, and installations to use them in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

import drawn
from running import DATA, Installation
from sameshot.embed.encoders import prepare

settings.register_profile("at any speed", deadline=None)
settings.load_profile("at any speed")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the embedded encoder, built once."""
    folder = tmp_path_factory.mktemp("models")
    prepare("lite0", folder)
    return folder


@pytest.fixture(scope="session")
def sample_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the drawn samples; tests copy what they change."""
    folder = tmp_path_factory.mktemp("samples")
    drawn.samples(folder)
    return folder


@pytest.fixture
def installation(tmp_path: Path, models: Path) -> Installation:
    """An own state and an empty folder of photos."""
    return Installation(tmp_path, models)


@pytest.fixture
def scanned(installation: Installation, sample_photos: Path) -> Installation:
    """An installation that has seen the samples."""
    shutil.copytree(sample_photos, installation.photos, dirs_exist_ok=True)
    installation.scan()
    return installation


@pytest.fixture
def real_data() -> Path:
    """Real photos, formats and hostile files; skips where the machine has none."""
    if not DATA.is_dir():
        pytest.skip("no real photos beside the repository")
    return DATA
