"""What an encoder sees in a range of photos is written as a table that `rank` reads."""

from __future__ import annotations

import numpy as np
import pytest

from running import Installation
from sameshot.config import load_with_sources
from sameshot.errors import BadInput
from sameshot.filing.features_file import read_features
from sameshot.verbs.features import features


def quiet(_label: str, _done: int, _total: int | None) -> None:
    """Progress that nobody reads."""


def test_the_vectors_of_a_range_by_path_are_written_once(scanned: Installation) -> None:
    paths = sorted(scanned.photos.iterdir())
    file = scanned.folder / "seen.csv"
    shown = scanned.run("models", "features", "--into", file, "--first", "3", "--last", "8")
    assert shown.code == 0, shown.err
    assert "6 photos, 256 numbers each." in shown.out
    table = read_features(file)
    assert list(table.vectors) == paths[2:8]
    with scanned.app() as app:
        for path, vector in table.vectors.items():
            content = app.store.photos.at(path).content_id
            assert np.array_equal(vector, app.store.contents.vector(content, app.encoder.encoder_id))
    again = scanned.run("models", "features", "--into", file)
    assert again.code == 2
    assert "File exists" in again.err
    assert len(read_features(file).vectors) == 6
    loaded = load_with_sources(scanned.config)
    with pytest.raises(BadInput, match="There are 12 photos, and none from 13"):
        features(loaded, scanned.locations, quiet, file=scanned.folder / "none.csv", first=13)
    with pytest.raises(BadInput, match="is not ready"):
        features(loaded, scanned.locations, quiet, file=scanned.folder / "none.csv", name="autoencoder")
    assert not (scanned.folder / "none.csv").exists()


def test_what_another_encoder_never_saw_is_looked_at_and_what_changed_is_left_out(scanned: Installation) -> None:
    loaded = load_with_sources(scanned.config)
    paths = sorted(scanned.photos.iterdir())
    with scanned.app() as app:
        known = {path: app.store.contents.vector(app.store.photos.at(path).content_id, app.encoder.encoder_id)
                 for path in paths}  # fmt: skip
        app.store._connection.write("DELETE FROM vectors")
    paths[1].write_bytes(paths[0].read_bytes())
    paths[2].unlink()
    result = features(loaded, scanned.locations, quiet, file=scanned.folder / "anew.csv", last=5)
    assert (result.photos, result.left_out) == (3, 2)
    found = read_features(scanned.folder / "anew.csv").vectors
    assert list(found) == [paths[0], paths[3], paths[4]]
    for path, vector in found.items():
        assert np.array_equal(vector, known[path])
