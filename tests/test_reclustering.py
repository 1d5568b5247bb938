"""Groups that were split come back whole, and no others are made."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

from running import Installation
from sameshot.group.kinds import Switches
from sameshot.model import Group, Link, Membership
from sameshot.store.store import Store
from sameshot.way.grouping import regroup, regroup_all
from sameshot.way.reclustering import Clustering, propose, shots_of
from test_grouping import THRESHOLD, Library, World

EVERYTHING = Switches()


def test_five_hundred_groups_split_over_ten_batches_come_back_and_no_others(tmp_path: Path) -> None:
    """Each group's photos lie in different batches; strangers are linked too, below the threshold."""
    chance = random.Random(0)
    shots = {f"{shot:03}": [f"{shot:03}-{frame}" for frame in range(chance.choice((2, 3, 4)))] for shot in range(500)}
    scores = {pair: chance.uniform(0.6, 1.0) for frames in shots.values() for pair in itertools.combinations(frames, 2)}
    names = [frame for frames in shots.values() for frame in frames]
    for _ in range(1000):
        one, other = sorted(chance.sample(names, 2))
        if one[:3] != other[:3]:
            scores[one, other] = chance.uniform(0.0, 0.49)
    with Store.open(tmp_path / "state.db") as store:
        library = Library(store, World({}, {}))
        for name in names:
            library._look(name)
        content_of = library.content_of
        store.links.save(links_of(scores, content_of))
        regroup(store, content_of.values(), THRESHOLD, library.new_id)
        true = shots_of(store)
        assert len(true) == 500
        ids = {frozenset(member.content for member in group.members): group.id for group in store.groups.all()}
        batch_of = {name: chance.randrange(10) for name in names}
        split = [
            Group(f"b{batch}-{shot}", members[0], tuple(Membership(one, 1.0, "measured") for one in members))
            for shot, frames in shots.items()
            for batch in range(10)
            if len(members := [content_of[name] for name in frames if batch_of[name] == batch]) > 0
        ]
        store.groups.replace(ids.values(), split)
        assert len(shots_of(store)) > 1000

        proposal = propose(store, THRESHOLD, "star", EVERYTHING, tmp_path / "cache")
        assert proposal.found == true
        assert len(shots_of(store)) > 1000  # nothing was changed
        regroup(store, proposal.differing, THRESHOLD, library.new_id)
        assert shots_of(store) == true
        # Each keeps the id of a part of it.
        parts = {group.id: {member.content for member in group.members} for group in split}
        for group in store.groups.all():
            assert parts[group.id] <= {member.content for member in group.members}
        assert propose(store, THRESHOLD, "star", EVERYTHING, tmp_path / "cache").differing == ()


def test_clusters_part_what_is_linked_or_are_groups_as_they_are_and_the_owners_word_goes_before(tmp_path: Path) -> None:
    """a, b, c and d are all linked, e and f to nothing; the clusters are abe, cd and f."""
    scores = dict.fromkeys(itertools.combinations("abcd", 2), 0.9)
    with Store.open(tmp_path / "state.db") as store:
        library = Library(store, World({}, scores))
        library.arrive("abcdef")
        known = {group.id for group in library.groups()}
        labels = {library.content_of[name]: label for name, label in zip("abecdf", (7, 7, 7, 8, 8, 9), strict=True)}
        for mode, expected in (("certified", {"ab", "cd"}), ("whole", {"abe", "cd"})):
            clustering = Clustering(mode, labels)
            proposal = propose(store, THRESHOLD, "star", EVERYTHING, tmp_path / "cache", clustering)
            assert library.partition() == {frozenset("abcd")}  # nothing was changed
            assert proposal.found == {frozenset(map(library.content_of.get, shot)) for shot in expected}
        store.clusters.replace("whole", {**labels, 99_999: 8})  # a content that is gone by now
        regroup(store, proposal.differing, THRESHOLD, library.new_id)
        assert library.partition() == {frozenset("abe"), frozenset("cd")}
        assert known < {group.id for group in library.groups()}
        by = {member.content: member.certified_by for group in library.groups() for member in group.members}
        assert by[library.content_of["e"]] == "cluster"
        assert {by[library.content_of[name]] for name in "abcd"} == {"itself", "measured"}
        # What comes later is in no cluster; the owner's word goes before all of them.
        library.world.scores["a", "g"] = 0.9
        library.arrive("g")
        assert library.partition() == {frozenset("abeg"), frozenset("cd")}
        store.verdicts.add("apart", [name.encode().rjust(32, b"\0") for name in "ae"], 1.0)
        store.verdicts.add("together", [name.encode().rjust(32, b"\0") for name in "df"], 1.0)
        regroup_all(store, THRESHOLD, library.new_id)
        assert library.partition() == {frozenset("ag"), frozenset("be"), frozenset("cdf")}
        assert Clustering.of(store) == clustering
        kept = replace(clustering, differing=proposal.differing)
        kept.save(tmp_path / "clusters.json")
        assert Clustering.load(tmp_path / "clusters.json") == kept
        assert propose(store, THRESHOLD, "star", EVERYTHING, tmp_path / "cache").differing == ()
        # Taken back: without clusters all is as it would be without them, under the id it shares most photos with.
        largest = store.groups.of([library.content_of["f"]])
        differing = propose(store, THRESHOLD, "star", EVERYTHING, tmp_path / "cache", Clustering()).differing
        store.clusters.replace(None, {})
        regroup(store, differing, THRESHOLD, library.new_id)
        assert library.partition() == {frozenset("abcdfg")}
        assert {group.id for group in library.groups()} == set(largest.values())


def links_of(scores, content_of):
    return [Link(*sorted((content_of[one], content_of[other])), score) for (one, other), score in scores.items()]


def split_in_the_store(installation: Installation) -> int:
    """Takes the last member out of each group; returns how many groups there were."""
    with installation.app() as app:
        groups = list(app.store.groups.all())
        for group in groups:
            head, *others = group.members
            keep = tuple(member for member in (head, *others)[:-1])
            last = replace(group.members[-1], certified_by="itself", score=1.0)
            alone = Group(f"{group.id}x", last.content, (last,), group.kind)
            app.store.groups.replace([group.id], [replace(group, members=keep, representative=head.content), alone])
    return len(groups)


def test_merge_brings_groups_together_tells_why_and_then_has_nothing_to_do(scanned: Installation) -> None:
    before = {frozenset(photo["path"] for photo in group["photos"]) for group in scanned.json("groups")["groups"]}
    count = split_in_the_store(scanned)
    assert count > 2
    told = scanned.json("recluster")
    assert (told["groups"], told["gone"]) == (count, 2 * count)
    merged = scanned.json("merge")
    assert len(merged["merged"]) == count
    for one in merged["merged"]:
        assert len(one["of"]) == 2
        assert one["group"] in one["of"]
        assert one["members"][0]["certified_by"] == "itself"
        assert {member["certified_by"] for member in one["members"][1:]} <= {"measured", "bracket"}
    after = {frozenset(photo["path"] for photo in group["photos"]) for group in scanned.json("groups")["groups"]}
    assert after == before
    again = scanned.run("merge")
    assert again.code == 0, again.err
    assert again.out == "No two groups show one shot.\n"


def test_a_merge_can_be_taken_back_and_stays_so(scanned: Installation) -> None:
    whole = scanned.partition()
    count = split_in_the_store(scanned)
    split = scanned.partition()
    one, other = scanned.ask("merge")["merged"][:2]
    assert scanned.partition() == whole
    why = scanned.ask("why", file=one["members"][0]["path"])["rule"]
    assert any(f"sameshot merge --undo --group {one['group']}" in sentence for sentence in why), why
    assert scanned.json("merge", "--undo", "--group", one["group"])["parted"] == [one["group"]]
    # The owner may as well say it of two photos.
    first, last = other["members"][0]["path"], other["members"][-1]["path"]
    scanned.ask("apart", files=[first, last])
    names = {Path(first).name, Path(last).name}
    assert not any(names <= group for group in scanned.partition())
    assert len(scanned.ask("merge", undo=True)["parted"]) == count - 1
    assert scanned.partition() == split
    assert scanned.json("recluster")["differing"] == []
    none = scanned.run("merge", "--undo")
    assert (none.code, none.err) == (2, "sameshot: No merge is left to take back\n")


def test_what_is_grouped_anew_is_all_but_what_pairs_are_compared_by(scanned: Installation, tmp_path: Path) -> None:
    with Store.open(scanned.state / "sameshot.db", read_only=True) as store:
        store.copy_for_grouping(tmp_path / "copy.db")
        with Store.open(tmp_path / "copy.db") as copy:
            assert copy.damage() == []
            assert shots_of(copy) == shots_of(store) != frozenset()
            for content in store.contents.ids():
                assert copy.contents.descriptor(content, "focus") == store.contents.descriptor(content, "focus")
                assert copy.contents.descriptor(content, "orb") is None
            assert copy.links.of(copy.contents.ids()) == store.links.of(store.contents.ids())
