"""The cache file of the index: used only when every byte of it is known to be right."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sameshot.index.neighbours import NeighbourIndex

DIMENSION = 32


def some(count: int, seed: int = 0) -> list[tuple[int, np.ndarray]]:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return list(enumerate(vectors))


def opened(folder: Path, encoder_id: str = "e", dimension: int = DIMENSION) -> NeighbourIndex:
    return NeighbourIndex(folder, encoder_id, dimension, exact_until=50)


@pytest.fixture
def folder(tmp_path):
    index = opened(tmp_path / "index")
    assert not index.load("1", lambda: some(100))
    for content in range(20):
        index.remove(content)
    assert index.save("1")
    return tmp_path / "index"


def same_answers(index: NeighbourIndex, other: NeighbourIndex) -> bool:
    return all(index.nearest(vector, 8) == other.nearest(vector, 8) for _, vector in some(100)[::20])


def test_what_was_saved_comes_back_without_reading_a_vector(folder):
    index = opened(folder)
    assert index.load("1", lambda: pytest.fail("the vectors were read"))
    fresh = opened(folder.parent / "other")
    fresh.load("1", lambda: some(100)[20:])
    assert len(index) == 80
    assert 3 not in index
    assert same_answers(index, fresh)
    index.add(3, some(100)[3][1])  # removed before it was saved
    assert index.nearest(some(100)[3][1], 1)[0][0] == 3
    for content, vector in some(2000)[200:]:  # and it grows on
        index.add(content, vector)
    assert len(index) == 81 + 1800


@pytest.mark.parametrize(
    ("generation", "encoder_id", "dimension"), [("2", "e", DIMENSION), ("1", "f", DIMENSION), ("1", "e", 2 * DIMENSION)]
)
def test_another_generation_encoder_or_dimension_is_not_used(folder, generation, encoder_id, dimension):
    index = opened(folder, encoder_id, dimension)
    vector = np.ones(dimension, np.float32)
    assert not index.load(generation, lambda: [(5, vector)])
    assert [content for content, _ in index.nearest(vector, 3)] == [5]


def test_nothing_is_written_twice_and_one_file_stays(folder):
    data = next(folder.glob("*.graph"))
    identity = lambda: (data.stat().st_ino, data.stat().st_mtime_ns, data.stat().st_size)  # noqa: E731
    before = identity()
    index = opened(folder)
    index.load("1", list)
    assert index.save("1")
    assert identity() == before
    index.add(1000, some(1)[0][1])
    assert index.save("2")
    assert {file.suffix for file in folder.iterdir()} == {".graph", ".json"}
    assert len(list(folder.iterdir())) == 2
    assert opened(folder).load("2", list)


def test_a_vector_that_cannot_be_held_leaves_the_index_as_it_was(folder):
    index = opened(folder)
    index.load("1", list)
    with pytest.raises(ValueError, match="finite"):
        index.load("2", lambda: [(1, np.full(DIMENSION, np.nan, np.float32))])
    assert len(index) == 80


def test_200_random_corruptions_are_all_found_and_none_crashes(folder, tmp_path):
    rng = random.Random(11)
    truth = opened(tmp_path / "none")
    truth.load("1", lambda: some(100))
    found = 0
    for number in range(200):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(folder, copy)
        victim = next(copy.glob("*.graph")) if rng.random() < 0.7 else copy / "neighbours.json"
        content = bytearray(victim.read_bytes())
        match rng.randrange(5):
            case 0:
                for _ in range(rng.choice((1, 4))):
                    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            case 1:
                content[rng.randrange(min(96, len(content)))] ^= 1 << rng.randrange(8)  # the header, or the first keys
            case 2:
                del content[rng.randrange(len(content)) :]
            case 3:
                content += rng.randbytes(rng.choice((1, 4096)))
            case 4:
                start = rng.randrange(len(content))
                content[start : start + 512] = b"\x01" * len(content[start : start + 512])
        victim.write_bytes(content)
        index = opened(copy)
        found += not index.load("1", lambda: some(100))
        assert same_answers(index, truth)
        shutil.rmtree(copy)
    assert found == 200


@pytest.mark.parametrize("damage", ["no data", "no sidecar", "foreign", "sidecar of another", "list", "folder"])
def test_any_other_doubt_builds_anew(folder, damage):
    data, sidecar = next(folder.glob("*.graph")), folder / "neighbours.json"
    if damage == "no data":
        data.unlink()
    elif damage == "no sidecar":
        sidecar.unlink()
    elif damage == "foreign":
        data.write_bytes(os.urandom(data.stat().st_size))
    elif damage == "sidecar of another":
        sidecar.write_text(json.dumps(json.loads(sidecar.read_bytes()) | {"count": 79}))
    elif damage == "list":
        sidecar.write_text("[]")
    else:
        data.unlink()
        data.mkdir()
    index = opened(folder)
    assert not index.load("1", lambda: some(60))
    assert len(index) == 60


def test_a_folder_that_cannot_be_made_is_an_error_and_the_index_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    index = opened(tmp_path / "file" / "index")
    index.load("1", lambda: some(60))
    with pytest.raises(OSError, match="Not a directory"):
        index.save("1")
    assert len(index.nearest(some(1)[0][1], 5)) == 5


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_noticed_and_the_earlier_file_stays_valid(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        index = opened(tmp_path / "index")
        index.load("1", lambda: some(60))
        assert index.save("1")
        for content, vector in some(3000):
            index.add(content, vector)
        with pytest.raises(OSError, match="disk full"):
            index.save("2")
        assert len(list((tmp_path / "index").iterdir())) == 2
        assert opened(tmp_path / "index").load("1", list)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_where_exact_search_is_wanted_by_now_the_graph_is_not_used_and_its_file_removed(folder):
    index = NeighbourIndex(folder, "e", DIMENSION, exact_until=80)
    assert not index.load("1", lambda: some(100)[20:])
    assert index.exact
    assert len(index) == 80
    assert not index.save("1")
    assert list(folder.iterdir()) == []
