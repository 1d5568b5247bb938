"""The command line as a person and as a program meet it."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from filed import tree
from running import PROGRAM, Installation, finish
from sameshot.apply.filing import file_plan
from sameshot.verbs.plan import ranked_plan
from sameshot.verbs.table import VERBS

NASTY = [
    b"line\nbreak.jpg",
    b"bell\x07 \x1b[31mred\x1b[0m.jpg",
    b"not text \xff\xfe.jpg",
    "right\u202eto left.jpg".encode(),
    b"[bold]markup.jpg",
]
ESCAPES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x9b]")


def bare(home: Path) -> dict[str, str]:
    """An environment with nothing of the user's."""
    return {"HOME": str(home)} | {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, tmp_path: Path) -> None:
    done = finish([*PROGRAM, verb, "--help"], env=bare(tmp_path))
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: sameshot {verb}")
    sentence = done.out.splitlines()[2].strip()
    assert sentence[-1] in ".:" or len(sentence) > 60, sentence
    assert list(tmp_path.iterdir()) == []


def test_the_map_names_every_verb_with_a_whole_sentence(tmp_path: Path) -> None:
    done = finish([*PROGRAM, "--help"], env=bare(tmp_path) | {"COLUMNS": "80"})
    listed = done.out[done.out.index("Commands") : done.out.index("Where things are")]
    told = dict(re.findall(r"^  ([a-z-]+)\s{2,}(\S.*)$", listed, re.MULTILINE))
    assert set(told) == set(VERBS)
    assert not [verb for verb, sentence in told.items() if sentence.endswith("...")]


def test_the_map_says_where_things_are_and_what_exit_codes_mean(tmp_path: Path) -> None:
    out = finish([*PROGRAM, "--help"], env=bare(tmp_path) | {"COLUMNS": "100"}).out
    assert "~/.config/sameshot/config.yaml" in out
    assert "~/.local/state/sameshot" in out
    assert re.findall(r"^  ([0-9]+) +\S", out[out.index("Exit codes") :], re.MULTILINE) == ["0", "1", "2", "3", "130"]
    elsewhere = finish([*PROGRAM, "--help"], env=bare(tmp_path) | {"XDG_STATE_HOME": "/srv/kept"}).out
    assert "/srv/kept/sameshot" in elsewhere


def test_json_alone_is_on_stdout(scanned: Installation) -> None:
    photo, other = scanned.photos / "IMG_100.jpg", scanned.photos / "IMG_101.jpg"
    status = scanned.json("status")
    assert {"state", "photos", "groups", "pending", "failed", "rss_mb", "encoder", "jobs", "roots", "version"} <= set(
        status
    )
    assert (status["photos"], status["groups"], status["pending"], status["failed"]) == (12, 3, 0, 0)
    groups = scanned.json("groups")
    assert set(groups) == {"groups", "alone", "failed"}
    first, *others = groups["groups"][0]["photos"]
    assert {"path", "quality", "companions"} <= set(first)
    assert (first["score"], first["certified_by"]) == (1.0, "itself")
    assert all(photo["certified_by"] in {"measured", "bracket", "itself"} for photo in others)
    assert scanned.json("scan")["photos"] == 12
    assert scanned.json("check")["problems"] == []
    assert scanned.json("similar", photo)["photos"][0]["score"] > 0.5
    assert scanned.json("explain", photo, other)["same_shot"] is True
    assert scanned.json("plan", "--action", "move")["steps"]
    assert scanned.json("plan", "--rank", scanned.photos)["steps"]
    assert scanned.json("history")["batches"] == []
    done = scanned.json("apply", "--action", "copy", "--yes")
    assert scanned.json("history", done["batch"])["steps"]
    assert scanned.json("undo", "--last", "--yes")["refused"] == []
    assert scanned.json("recover")["batches"] == []


def test_tables_say_the_same_in_plain_text(scanned: Installation) -> None:
    for words in (
        ["groups"],
        ["status"],
        ["check"],
        ["history"],
        ["plan", "--action", "move"],
        ["similar", scanned.photos / "IMG_100.jpg"],
        ["explain", scanned.photos / "IMG_100.jpg", scanned.photos / "IMG_130.jpg"],
    ):
        done = scanned.run(*words)
        assert (done.code, done.err) == (0, "")
        assert done.out
        assert not ESCAPES.search(done.out), words
    groups = scanned.json("groups")
    printed = scanned.run("groups").out
    for group in groups["groups"]:
        assert group["id"] in printed
        assert f"* {group['representative']} " in printed


def on_a_terminal(installation: Installation, *words: str, **environment: str) -> str:
    """What a person sees: stdout and stderr are one terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        installation.command(*words), env=installation.environment | {"TERM": "xterm-256color"} | environment,
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while portion := os.read(ours, 65536):
            seen += portion
    except OSError:
        pass  # the other end was closed
    process.wait(60)
    os.close(ours)
    return seen.decode("utf-8", "surrogateescape")


def test_colours_only_where_they_are_wanted(scanned: Installation) -> None:
    assert "\x1b[1m" in on_a_terminal(scanned, "groups")
    assert "\x1b[3" not in on_a_terminal(scanned, "groups", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(scanned, "groups", TERM="dumb")


@pytest.fixture
def nasty(installation: Installation, sample_photos: Path) -> Installation:
    for name in NASTY:
        shutil.copy(sample_photos / "IMG_100.jpg", os.path.join(os.fsencode(installation.photos), name))
    (Path(os.fsdecode(os.path.join(os.fsencode(installation.photos), b"broken\xff\n.jpg")))).write_bytes(b"no photo")
    return installation


def test_any_bytes_in_a_name_survive(nasty: Installation) -> None:
    before = tree(nasty.photos)
    done = nasty.run("scan", "--format", "json")
    assert done.code == 1  # one of them is no photo
    assert done.json()["photos"] == len(NASTY) + 1
    groups = nasty.json("groups")
    [group] = groups["groups"]
    known = {os.fsencode(photo["path"]).rpartition(b"/")[2] for photo in group["photos"]}
    assert known == set(NASTY)
    assert [os.fsencode(photo["path"]).rpartition(b"/")[2] for photo in groups["failed"]] == [b"broken\xff\n.jpg"]

    done = nasty.run("apply", "--action", "move", "--yes")
    assert done.code == 0, done
    assert not ESCAPES.search(done.out + done.err)
    moved = tree(nasty.library)
    assert sum(facts is not None for facts in moved.values()) == len(NASTY)
    assert nasty.run("history", nasty.json("history")["batches"][0]["batch"]).code == 0
    one = Path(nasty.json("groups")["groups"][0]["photos"][0]["path"])
    assert nasty.run("undo", one, "--yes").code == 0
    assert nasty.run("undo", "--all", "--yes").code == 0
    assert tree(nasty.photos) == before


def test_a_terminal_never_sees_what_a_name_holds(nasty: Installation) -> None:
    nasty.scan()
    for words in (["groups"], ["plan", "--action", "copy"], ["similar", nasty.photos / "line\nbreak.jpg"]):
        printed = nasty.run(*words).out
        assert not ESCAPES.search(printed), words
        assert "\u202e" not in printed
        assert "\udcff" not in printed
        assert "[bold]markup.jpg" in printed
        assert "not text \\" in printed
    seen = on_a_terminal(nasty, "groups")
    assert "\x07" not in seen
    assert "\x1b[31m" not in seen


def test_undo_is_shown_before_it_happens(scanned: Installation) -> None:
    before = tree(scanned.photos)
    batch = scanned.json("apply", "--action", "move", "--yes")["batch"]
    after = tree(scanned.photos, scanned.library)
    shown = scanned.json("undo", batch, "--dry-run")
    assert shown["kind"] == "undo"
    files = {path for path, facts in before.items() if facts is not None} - set(after)
    assert {step["target"] for step in shown["steps"]} == files
    assert all(os.path.exists(step["source"]) for step in shown["steps"])
    printed = scanned.run("undo", "--last", "--dry-run").out
    assert f"{len(files)} files go back to where they were." in printed
    assert tree(scanned.photos, scanned.library) == after
    assert "Nothing to undo" not in printed

    one = Path(shown["steps"][0]["source"])
    assert [step["source"] for step in scanned.json("undo", one, "--dry-run")["steps"]] == [str(one)]
    with pytest.raises(Exception, match="more was done since this was shown"):
        scanned.ask("undo", last=True, fingerprint="another")
    scanned.json("undo", "--last", "--yes")
    assert tree(scanned.photos) == before
    assert scanned.run("undo", "--last", "--dry-run").out == "Nothing to undo.\n"


def test_what_a_crash_left_is_settled_before_anything_is_planned(scanned: Installation) -> None:
    before = tree(scanned.photos)
    with scanned.app() as app:  # the files were ranked, and the crash came before this was noted
        made = ranked_plan(app, (scanned.photos,), remove=False, table=None, exhaustive=False)
        assert made.steps
        file_plan(made, app.journal, roots=[scanned.photos], now=app.today())
    done = scanned.run("rank", scanned.photos, "--remove", "--yes")
    assert (done.code, done.err) == (0, "")
    assert tree(scanned.photos) == before
    with scanned.app() as app:
        made = ranked_plan(app, (scanned.photos,), remove=False, table=None, exhaustive=False)
        file_plan(made, app.journal, roots=[scanned.photos], now=app.today())
    asked = scanned.run("rank", scanned.photos, "--remove")
    assert asked.code == 2
    assert f"{len(made.steps)} files" in asked.err, "what is shown is what would be done"


def test_notes_of_a_plan_are_told_to_who_does_not_look_at_it(scanned: Installation) -> None:
    photo = scanned.photos / "IMG_100.jpg"
    photo.rename(scanned.photos / ("x" * 245 + ".jpg"))
    scanned.scan()
    [note] = scanned.json("plan", "--rank", scanned.photos)["warnings"]
    done = scanned.run("rank", scanned.photos, "--yes", "--format", "json")
    assert (done.code, done.err) == (0, f"Note: {note}\n")
    assert done.json()["done"] == 11


def test_explain_tells_once_what_the_plain_install_cannot_compute(scanned: Installation) -> None:
    absent = scanned.folder / "absent"
    absent.mkdir()
    for name in ("skimage", "datasketch"):
        (absent / f"{name}.py").write_text(f"raise ModuleNotFoundError('No module named {name}', name='{name}')\n")
    path = os.pathsep.join(filter(None, [str(absent), scanned.environment.get("PYTHONPATH")]))
    photos = scanned.photos / "IMG_100.jpg", scanned.photos / "IMG_101.jpg"
    done = scanned.run("explain", *photos, env={"PYTHONPATH": path})
    assert done.code == 0, done
    [told] = [line for line in done.out.splitlines() if "pip install" in line]
    assert re.fullmatch(
        r"Not computed: \w+, \w+\. .* is not installed\. Install the extra: pip install '\.\[all\]'\.", told
    )


def test_a_full_disk_is_one_sentence(scanned: Installation) -> None:
    for words in (["groups"], ["groups", "--format", "json"], ["status"], ["check", "--format", "json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                scanned.command(*words),
                check=False,
                env=scanned.environment,
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=60,
            )
        told = b"sameshot: the output cannot be written: No space left on device\n"
        assert (done.returncode, done.stderr) == (1, told)


def test_a_reader_that_has_enough_is_no_error(scanned: Installation) -> None:
    for words in (["groups"], ["groups", "--format", "json"], ["status"]):
        ours, theirs = os.pipe()
        process = subprocess.Popen(
            scanned.command(*words), env=scanned.environment, stdout=theirs, stderr=subprocess.PIPE
        )
        os.close(theirs)
        os.close(ours)  # before a word was written
        _, told = process.communicate(timeout=60)
        assert told == b""
        assert process.returncode == 0


def test_long_names_stay_in_their_column_on_a_terminal(scanned: Installation) -> None:
    folder = scanned.photos / ("a folder with a long name " * 4)
    folder.mkdir()
    for photo in sorted(scanned.photos.glob("IMG_10?.jpg")):
        photo.rename(folder / photo.name)
    scanned.scan()
    seen = on_a_terminal(scanned, "similar", str(folder / "IMG_100.jpg"), COLUMNS="80", NO_COLOR="1")
    lines = re.sub(r"\x1b\[[\d;]*m", "", seen.replace("\r", "")).splitlines()
    assert max(len(line) for line in lines) <= 80, seen
    assert len([line for line in lines if re.match(r"\d\.\d{3} ", line)]) > 2
    in_pipe = scanned.run("similar", folder / "IMG_100.jpg").out
    assert str(folder / "IMG_101.jpg") in in_pipe


def test_a_folder_is_known_by_the_way_one_went_there(scanned: Installation) -> None:
    way = scanned.folder / "way"
    way.symlink_to(scanned.photos)
    scanned.configure(roots=[{"path": str(way)}])
    assert scanned.run("scan").code == 0
    done = scanned.run("why", "IMG_100.jpg", cwd=way, env={"PWD": str(way)})
    assert done.code == 0, done


def test_quiet_says_only_what_was_asked_for(scanned: Installation) -> None:
    done = finish([*PROGRAM, "-q", *scanned.command("scan")[len(PROGRAM) :]], env=scanned.environment)
    assert (done.code, done.out, done.err) == (0, "", "")


def test_without_a_config_a_folder_is_enough(installation: Installation, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos)
    shutil.copy(sample_photos / "IMG_101.jpg", installation.photos)
    plain = [*PROGRAM, "--state-dir", str(installation.state)]
    environment = installation.environment
    assert finish([*plain, "scan", "photos"], env=environment, cwd=installation.folder).code == 0
    done = finish([*plain, "groups", "--format", "json"], env=environment)
    assert [len(group["photos"]) for group in json.loads(done.out)["groups"]] == [2]


def test_init_writes_a_config_that_works(installation: Installation) -> None:
    installation.config.unlink()
    done = installation.run("init", installation.photos)
    assert done.code == 0
    checked = installation.json("check")
    assert checked["problems"] == []
    roots = {setting["key"]: setting for setting in checked["settings"]}["roots"]
    assert str(installation.photos) in roots["value"]
    assert roots["source"].startswith(str(installation.config))
