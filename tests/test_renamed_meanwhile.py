"""Photos that are renamed between their arrival and their look: none may be forgotten."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from running import Installation
from sameshot.way.flow import Flow
from sameshot.way.sweeping import sweep_folder


@pytest.mark.parametrize("swept_while_gone", [False, True])
@pytest.mark.parametrize("settled", [False, True])
def test_a_photo_that_moved_before_it_was_looked_at_is_looked_at(
    installation: Installation, sample_photos: Path, settled: bool, swept_while_gone: bool
) -> None:
    first, second = installation.photos / "first", installation.photos / "second"
    first.mkdir()
    photo = Path(shutil.copy(min(sample_photos.glob("*.jpg")), first))
    os.utime(photo)
    with installation.app() as app:
        now = [app.now()]
        flow = Flow(app.store, app.index, app.workers, app.settings, lambda: now[0])
        for arrivals in app.sweep(installation.photos):
            flow.take(arrivals.unsettled)
        flow.step()
        if settled:
            (row,) = app.store.photos.get(app.store.photos.in_stages(["seen"])).values()
            app.store.photos.advance(row.id, "settled")
            flow = Flow(app.store, app.index, app.workers, app.settings, lambda: now[0])
            flow.resume()
        if swept_while_gone:
            away = photo.rename(installation.folder / photo.name)
            flow.take(sweep_folder(app.store, installation.photos, first, app.rules, now[0]).unsettled)
        else:
            away = photo
            first.rename(second)
        now[0] += 60
        flow.step()  # it is not where it is known
        if swept_while_gone:
            second.mkdir()
            away.rename(second / photo.name)
        flow.take(sweep_folder(app.store, installation.photos, second, app.rules, now[0]).unsettled)
        for _ in range(2000):
            now[0] += 1
            flow.step()
            app.workers.pump(0.05)
            if flow.idle:
                break
        row = app.store.photos.at(second / photo.name)
        assert row is not None
        assert row.stage == "grouped"
