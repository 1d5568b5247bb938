"""Contents, links, groups, verdicts, roots; and that the hot queries use their indexes."""

from __future__ import annotations

import math
import random
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sameshot.model import Capture, FileStat, FoundFile, Group, Identity, Link, Look, Membership, Quality, Shot
from sameshot.store.connection import Connection
from sameshot.store.store import Store


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "sameshot.db") as opened:
        yield opened


def contents(store: Store, count: int) -> list[int]:
    with store.transaction():
        return [store.contents.add(Identity(f"d{n}".encode(), f"p{n}".encode(), "JPEG")) for n in range(count)]


def look(seed: int = 0, encoder_id: str = "e", **changes: object) -> Look:
    vector = np.random.default_rng(seed).normal(size=8).astype(np.float32)
    facts = {"width_px": 6, "height_px": 4, "format": "HEIF", "capture": Capture(), "quality": Quality(2.0, 0.5, 0.1)}
    return Look(
        **(facts | {"encoder_id": encoder_id, "vector": vector, "descriptors": {"orb": b"o", "hash": b""}} | changes)
    )


# ---------------------------------------------------------------- contents


def test_a_look_comes_back_bit_for_bit(store):
    taken_at = datetime.fromisoformat("2026-01-02T03:04:05.678901")
    capture = Capture(taken_at, -90, "Câmera \udcff", 2.8, 1 / 3, 100.0, -0.0, 35.0, 5, "x")
    (content,) = contents(store, 1)
    vector = np.array([1e-40, -0.0, 1 / 3, np.pi, 1, 2, 3, 4], np.float32)
    store.contents.save_look(content, look(capture=capture, vector=vector))
    features = store.contents.features([content, content + 1], "e")
    assert set(features) == {content}
    assert features[content].vector.tobytes() == vector.tobytes()
    assert features[content].vector.dtype == np.float32
    assert features[content].capture == capture
    assert features[content].descriptors == {"orb": b"o", "hash": b""}
    assert (features[content].width_px, features[content].height_px) == (6, 4)
    assert store.contents.vector(content, "e").tobytes() == vector.tobytes()
    assert store.contents.qualities([content]) == {content: Quality(2.0, 0.5, 0.1)}
    assert store.contents.sizes_px([content]) == {content: (6, 4)}
    assert store.contents.get([content])[content].format == "HEIF"


def test_vectors_of_two_encoders_are_never_mixed(store):
    one, two, three = contents(store, 3)
    store.contents.save_look(one, look(1, "old"))
    store.contents.save_look(two, look(2, "old"))
    store.contents.save_look(two, look(3, "new", descriptors={"other": b"x"}))
    assert [content for content, _ in store.contents.vectors("new")] == [two]
    assert [content for content, _ in store.contents.vectors("old")] == [one, two]
    assert store.contents.looked_without("new") == [one]
    assert (store.contents.count(), store.contents.count("old"), store.contents.count("none")) == (3, 2, 0)
    assert set(store.contents.features([one, two, three], "new")) == {two}
    assert store.contents.features([two], "new")[two].descriptors == {"other": b"x"}
    assert not store.contents.has_vector(one, "new")
    assert store.contents.has_vector(one, "old")
    with pytest.raises(KeyError):
        store.contents.vector(one, "new")


def test_one_content_a_digest_and_a_look_shared_by_equal_pixels(store):
    first = store.contents.add(Identity(b"a", b"pixels", "JPEG"))
    assert store.contents.add(Identity(b"a", b"pixels", "JPEG")) == first
    second = store.contents.add(Identity(b"b", b"pixels", "JPEG"))
    assert store.contents.by_pixel_digest(b"pixels", "e") is None
    store.contents.save_look(first, look(capture=Capture(rating=1)))
    assert store.contents.by_pixel_digest(b"pixels", "e") == first
    assert store.contents.by_pixel_digest(b"pixels", "other") is None
    store.contents.copy_look(first, second, Capture(rating=5))
    found = store.contents.features([first, second], "e")
    assert found[first].vector.tobytes() == found[second].vector.tobytes()
    assert found[first].descriptors == found[second].descriptors
    assert [found[content].capture.rating for content in (first, second)] == [1, 5]
    row = store.contents.by_digest(b"b")
    assert row is not None
    assert row.looked
    assert store.contents.ids() == [first, second]


def test_vectors_are_walked_in_pages_while_others_are_added(store):
    ids = contents(store, 2500)
    with store.transaction():
        for content in ids[:2400]:
            store.contents.save_look(content, look(content))
    walked = []
    for content, _ in store.contents.vectors("e"):
        if not walked:
            store.contents.save_look(ids[2400], look(1))
        walked.append(content)
    assert walked == ids[:2401]


# ---------------------------------------------------------------- links


def test_the_farthest_stranger_that_counts_is_the_nth_below_the_threshold_from_either_side(store):
    ids = contents(store, 8)
    rng = random.Random(3)
    links = [Link(a, b, rng.random(), {}, rng.random()) for a in ids for b in ids if a < b]
    store.links.save(links)
    for threshold in (0.0, 0.3, 0.8):
        for count in (1, 4):
            strangers = {
                one: sorted(
                    link.cosine for link in links if one in (link.first, link.second) and link.score < threshold
                )
                for one in ids
            }
            expected = {one: found[-count] if len(found) >= count else None for one, found in strangers.items()}
            assert store.links.stranger_cosines(ids, threshold, count) == expected
    assert store.links.stranger_cosines([], 0.5, 1) == {}


def test_features_come_with_the_descriptors_that_are_asked_for(store):
    (content,) = contents(store, 1)
    store.contents.save_look(content, look())
    store.contents.save_descriptor(content, "dear", bytes(1000))
    everything = store.contents.features([content], "e")[content]
    assert "dear" in everything.descriptors
    wanted = set(everything.descriptors) - {"dear"}
    assert set(store.contents.features([content], "e", wanted)[content].descriptors) == wanted
    none = store.contents.features([content], "e", ())[content]
    assert none.descriptors == {}
    assert np.array_equal(none.vector, everything.vector)


def test_contents_that_camera_and_moment_are_known_of(store):
    timed, without_time, without_camera = contents(store, 3)
    captures = [Capture(camera="One", taken_at=datetime(2026, 1, 1)), Capture(camera="One"), Capture()]  # noqa: DTZ001
    for content, capture in zip((timed, without_time, without_camera), captures, strict=True):
        store.contents.save_look(content, look(capture=capture))
    assert store.moments.timed([without_camera, without_time, timed]) == [timed]
    assert store.moments.timed([without_time]) == []


def test_a_write_inside_a_transaction_needs_no_transaction_of_its_own(store):
    said = []
    store.meta.set("a", 1)
    store._connection._sqlite.set_trace_callback(said.append)
    with store.transaction():
        store.meta.set("a", 2)
        store.meta.set("b", 3)
    assert [words.split()[0] for words in said] == ["BEGIN", "INSERT", "INSERT", "COMMIT"]
    assert (store.meta.get("a"), store.meta.get("b")) == (2, 3)


def test_links_are_found_from_both_ends_and_replaced_when_compared_anew(store):
    a, b, c, d = contents(store, 4)
    store.links.save([Link(a, b, 0.5, {"orb": 0.25}), Link(b, c, 0.9), Link(a, d, 0.1)])
    store.links.save([Link(a, b, 0.7, {"orb": 0.5})])
    assert store.links.among([a, b, c]) == [Link(a, b, 0.7), Link(b, c, 0.9)]  # groups ask for scores, not for reasons
    assert store.links.of([b]) == [Link(a, b, 0.7, {"orb": 0.5}), Link(b, c, 0.9)]
    assert store.links.scores_of(b) == {a: 0.7, c: 0.9}
    assert store.links.scores_of(d) == {a: 0.1}
    assert store.links.component([c], 0.7) == {a, b, c}
    assert store.links.component([c, d], 0.8) == {b, c, d}
    with pytest.raises(ValueError, match="first"):
        store.links.save([Link(a, c, 0.5), Link(c, b, 0.5)])
    assert store.links.scores_of(c) == {b: 0.9}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.2, 0.5, 0.8])), max_size=25))
def test_a_component_is_what_breadth_first_search_finds(tmp_path_factory, triples):
    edges = {(min(a, b), max(a, b)): score for a, b, score in triples if a != b}
    with Store.open(tmp_path_factory.mktemp("links") / "sameshot.db") as store:
        contents(store, 12)
        store.links.save(Link(a, b, score) for (a, b), score in edges.items())
        for start in (1, 5):
            reached, todo = {start}, [start]
            while todo:
                here = todo.pop()
                for pair, score in edges.items():
                    if score >= 0.5 and here in pair:
                        other = sum(pair) - here
                        if other not in reached:
                            reached.add(other)
                            todo.append(other)
            assert store.links.component([start], 0.5) == reached


def test_a_chain_of_thousands_is_walked_at_once(store):
    ids = contents(store, 5000)
    order = random.Random(1).sample(ids, len(ids))
    pairs = pairwise(order)
    store.links.save(Link(min(pair), max(pair), 0.9) for pair in pairs)
    started = time.process_time()
    assert store.links.component([order[0]], 0.9) == set(ids)
    assert len(store.links.among(ids)) == len(ids) - 1
    assert time.process_time() - started < 1.0


# ---------------------------------------------------------------- groups


def group(group_id: str, *members: int) -> Group:
    return Group(group_id, members[0], tuple(Membership(m, 1 / 3, "measured") for m in members))


def test_groups_are_replaced_all_at_once(store):
    a, b, c, d = contents(store, 4)
    store.groups.replace([], [group("g1", b, a), group("g2", c)])
    before = store.groups.generation
    assert store.groups.of([a, b, c, d]) == {a: "g1", b: "g1", c: "g2"}
    assert store.groups.get(["g1", "gone"]) == [group("g1", b, a)]
    store.groups.replace(["g1", "g2"], [group("g1", a, c), group("g3", b, d)])
    assert list(store.groups.all()) == [group("g1", a, c), group("g3", b, d)]
    assert len(list(store.groups.all())) == 2
    assert store.groups.generation > before


@pytest.mark.parametrize("wrong", ["taken", "twice", "stranger"])
def test_a_content_in_two_groups_is_refused_and_nothing_changes(store, wrong):
    a, b, c, _ = contents(store, 4)
    store.groups.replace([], [group("g1", a, b), group("g2", c)])
    before = (list(store.groups.all()), store.groups.generation)
    proposal = {
        "taken": [group("g3", b, c)],
        "twice": [group("g3", c, b), group("g4", a, b)],
        "stranger": [Group("g3", a, (Membership(c, 1.0, "itself"),))],
    }
    with pytest.raises(ValueError, match=r"one group only|not one of its members"):
        store.groups.replace(["g2"] if wrong != "twice" else ["g1", "g2"], proposal[wrong])
    assert (list(store.groups.all()), store.groups.generation) == before


def test_all_groups_are_walked_in_pages(store):
    ids = contents(store, 1203)
    store.groups.replace([], [group(f"g{content:05}", content) for content in ids])
    assert [found.representative for found in store.groups.all()] == ids


# ---------------------------------------------------------------- another encoder


def test_what_another_encoder_says_lies_beside_and_changes_places_with_what_serves(store):
    a, b, c = contents(store, 3)
    serving = [Link(a, b, 0.9, {"near": 1.0}, 0.8), Link(b, c, 0.1, {}, 0.7)]
    coming = [Link(a, c, 0.95, {"near": 2.0}, 0.9)]
    store.links.save(serving)
    store.other.links.save(coming)
    store.contents.set_reaches({a: 0.5})
    store.other.contents.set_reaches({b: 0.6})
    store.groups.replace([], [group("g1", a, b)])
    store.other.groups.replace([], [group("g2", a, c)])
    assert (store.links.of([a, b, c]), store.other.links.of([a, b, c])) == (serving, coming)
    assert store.moments.links_of_pairs([(a, c)]) == []
    assert store.other.moments.links_of_pairs([(a, c)]) == coming
    with pytest.raises(RuntimeError, match="cut"), store.transaction():  # noqa: PT012
        store.exchange_links()
        assert store.links.of([a]) == coming
        raise RuntimeError("cut")
    for times in range(1, 4):
        assert (store.links.of([a, b, c]), store.contents.reaches()) == (
            (coming, {b: 0.6}) if times % 2 == 0 else (serving, {a: 0.5})
        )
        store.exchange_links()
    assert (store.groups.of([a, b, c]), store.other.groups.of([a, b, c])) == ({a: "g1", b: "g1"}, {a: "g2", c: "g2"})
    store.other.groups.clear()
    assert (list(store.groups.all()), list(store.other.groups.all())) == ([group("g1", a, b)], [])
    assert store.damage() == []


def test_vectors_of_one_more_encoder_come_newest_photo_first_and_go_a_few_at_a_time(store):
    known = contents(store, 4)
    for number, content in enumerate(known):
        taken_at = datetime.fromisoformat(f"2026-01-0{5 - number}") if number < 3 else None
        store.contents.save_look(content, look(number, capture=Capture(taken_at)))
    assert store.contents.looked_without("new") == known
    vector = look(9).vector
    store.contents.save_vector(known[0], "new", vector)
    assert store.contents.looked_without("new") == known[1:]
    assert store.contents.vector(known[0], "new").tobytes() == vector.tobytes()
    assert store.contents.features(known, "e")[known[0]].descriptors == {"orb": b"o", "hash": b""}
    assert (store.contents.seen_by("new"), store.contents.dimension("new")) == ([known[0]], 8)
    assert store.contents.dimension("none") is None
    assert [store.contents.forget_vectors({"new"}, 3) for _ in range(3)] == [True, True, False]
    assert (store.contents.count("e"), store.contents.count("new")) == (0, 1)


# ---------------------------------------------------------------- verdicts, roots, meta


def test_the_newest_verdict_on_a_pair_wins_and_says_what_it_displaced(store):
    assert store.verdicts.add("together", [b"c", b"a", b"b"], 1.0) == []
    assert store.verdicts.add("together", [b"a", b"b"], 2.0) == []
    displaced = store.verdicts.add("apart", [b"b", b"a"], 3.0)
    assert [(verdict.kind, verdict.digests, verdict.at_s) for verdict in displaced] == [("together", (b"a", b"b"), 1.0)]
    pairs = store.verdicts.pairs_among([b"a", b"b", b"c"])
    assert pairs.together == {(b"a", b"c"), (b"b", b"c")}
    assert pairs.apart == {(b"a", b"b")}
    assert store.verdicts.pairs_among([b"a", b"c"]).apart == frozenset()
    assert len(store.verdicts.touching([b"a"])) == 2
    displaced = store.verdicts.add("together", [b"a", b"b"], 4.0)
    assert [(verdict.kind, verdict.at_s) for verdict in displaced] == [("apart", 3.0)]
    with pytest.raises(ValueError, match="two different"):
        store.verdicts.add("apart", [b"a", b"a"], 5.0)


def test_a_word_that_is_taken_back_stands_no_more(store):
    store.verdicts.add("together", [b"a", b"b", b"c"], 1.0)
    store.verdicts.add("keep", [b"a"], 2.0)
    assert [word.digests for word in store.verdicts.withdraw([b"b", b"a"], wholly=False)] == [(b"a", b"b")]
    assert store.verdicts.pairs_among([b"a", b"b", b"c"]).together == {(b"a", b"c"), (b"b", b"c")}
    assert store.verdicts.withdraw([b"a"], wholly=False) == []
    assert [word.digests for word in store.verdicts.withdraw([b"c"], wholly=True)] == [(b"a", b"c"), (b"b", b"c")]
    assert [word.kind for word in store.verdicts.withdraw([b"a"], wholly=True)] == ["keep"]
    assert not store.verdicts.any()
    store.verdicts.add("together", [b"a", b"b"], 3.0)
    assert len(store.verdicts.standing()) == 1


def test_whether_any_verdict_stands(store):
    assert not store.verdicts.any()
    store.verdicts.add("keep", [b"a"], 1.0)
    assert store.verdicts.any()


def test_keeps_stand_beside_pairs(store):
    store.verdicts.add("keep", [b"a", b"b"], 1.0)
    store.verdicts.add("together", [b"a", b"b"], 2.0)
    assert store.verdicts.keeps([b"a", b"c"]).keys() == {b"a"}
    many = [f"{number}".encode() for number in range(1500)]
    store.verdicts.add("keep", many, 3.0)
    assert store.verdicts.keeps(many).keys() == set(many)
    assert store.verdicts.chosen([b"a", *many]) == set(many)
    assert store.verdicts.add("keep", [b"a"], 4.0) == [], "saying it again contradicts nothing"
    assert store.verdicts.chosen([b"a", *many]) == {b"a"}
    store.verdicts.add("keep", [b"b", b"1"], 0.5)
    assert store.verdicts.chosen([b"a", *many]) == {b"1"}, "the clock was set back"


def test_roots_and_meta_keep_what_json_holds(store):
    assert store.roots.get(Path("/r")) is None
    store.roots.remember(Path("/r\udcff"), {"device": 2**64, "kind": None})
    store.roots.remember(Path("/q"), {})
    assert store.roots.all() == {Path("/q"): {}, Path("/r\udcff"): {"device": 2**64, "kind": None}}
    assert store.meta.get("absent", 3) == 3
    store.meta.set("key", None)
    assert store.meta.get("key", 3) is None


# ---------------------------------------------------------------- scale


def test_no_hot_query_reads_a_whole_table(tmp_path):
    """Every statement the store sends is asked for its plan; only what walks everything by its nature may scan."""
    statements: set[str] = set()
    path = tmp_path / "sameshot.db"
    with Store.open(path) as store:
        store._connection._sqlite.set_trace_callback(statements.add)
        a, b = contents(store, 2)
        file = FoundFile(Path("/r/a.jpg"), FileStat(1, 2, 3, 4, 5))
        photo = store.photos.register(Path("/r"), Shot(file))
        store.photos.set_shot(photo, Shot(file, (FoundFile(Path("/r/a.xmp"), file.stat),)))
        store.photos.add_filed(photo, Path("/l/a.jpg"), file.stat)
        store.photos.move_file(Path("/l/a.jpg"), Path("/l/b.jpg"), file.stat)
        store.photos.remove_file(Path("/l/b.jpg"))
        store.photos.update_stat(file.path, file.stat)
        store.photos.set_missing([file.path], 1.0)
        store.photos.set_present([file.path])
        store.photos.advance(photo, "looked", a)
        store.photos.advance_all("looked", "linked", [a])
        store.photos.fail(photo, "reason")
        list(store.photos.in_stages(["seen", "settled"]))
        store.photos.failed()
        store.photos.get([photo])
        store.photos.at(file.path)
        store.photos.files_in(Path("/r"))
        list(store.photos.folders_under(Path("/r")))
        store.photos.files_with_inode(1, 2)
        store.photos.photos_of([a])
        store.photos.views([a])
        store.contents.save_look(a, look())
        store.contents.copy_look(a, b)
        store.contents.by_pixel_digest(b"p0", "e")
        store.contents.has_vector(a, "e")
        store.contents.features([a, b], "e")
        store.contents.qualities([a])
        list(store.contents.vectors("e"))
        store.links.save([Link(a, b, 0.5)])
        store.links.among([a, b])
        store.links.of([a])
        store.links.component([a], 0.5)
        store.links.scores_of(a)
        store.links.stranger_cosines([a], 0.5, 1)
        store.contents.set_reaches({a: 0.5})
        store.moments.timed([a])
        store.verdicts.any()
        store.groups.replace([], [group("g", a, b)])
        store.groups.replace(["g"], [group("h", a, b)])
        store.groups.of([a])
        store.groups.get(["h"])
        list(store.groups.all())
        store.verdicts.add("together", [b"a", b"b"], 1.0)
        store.verdicts.add("apart", [b"a", b"b"], 2.0)
        store.verdicts.touching([b"a"])
        store._connection._sqlite.set_trace_callback(None)
    connection = Connection(path)
    tables = ("photos", "files", "contents", "vectors", "descriptors", "links", "groups", "members", "verdicts")
    asked = 0
    for statement in statements:
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            plan = [row[3] for row in connection.rows(f"EXPLAIN QUERY PLAN {statement}")]
            scans = [line for line in plan if line.startswith("SCAN") and line.split()[1] in tables]
            assert scans == [], f"{statement}\n{plan}"
            asked += 1
    connection.close()
    assert asked > 50


@pytest.mark.slow
def test_a_million_photos_are_answered_in_milliseconds(tmp_path):
    with Store.open(tmp_path / "sameshot.db") as store:
        count = 1_000_000
        connection = store._connection
        with store.transaction():
            stat = (1, 2, 3, 4, 5)
            connection.write_many(
                "INSERT INTO contents (id, digest, pixel_digest, format, width_px) VALUES (?, ?, ?, 'JPEG', 1)",
                ((n, b"%d" % n, b"p%d" % n) for n in range(count)),
            )
            connection.write_many(
                "INSERT INTO photos (id, root, stage, content) VALUES (?, x'2f72', 'grouped', ?)",
                ((n, n) for n in range(1, count)),
            )
            connection.write_many(
                "INSERT INTO files VALUES (?, ?, ?, 'primary', ?, ?, ?, ?, ?, NULL)",
                ((b"/r/%d" % (n // 500), b"%d.jpg" % n, n, stat[0], n, *stat[2:]) for n in range(1, count)),
            )
        asked = {
            "at": lambda: store.photos.at(Path("/r/1234/617001.jpg")),
            "files_in": lambda: store.photos.files_in(Path("/r/1234")),
            "files_with_inode": lambda: store.photos.files_with_inode(1, 617001),
            "in_stages": lambda: list(store.photos.in_stages(["seen", "settled"])),
            "photos_of": lambda: store.photos.photos_of(range(1, 200)),
            "advance": lambda: store.photos.advance(617001, "linked"),
        }
        for name, call in asked.items():
            call()
            started = time.process_time()
            for _ in range(10):
                call()
            assert (time.process_time() - started) / 10 < 0.02, name
        assert math.isclose(len(list(store.photos.folders_under(Path("/r")))), count / 500)
