"""What cannot be used is told in clear sentences, with the documented exit code, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from filed import tree
from running import Finished, Installation, finish, is_clear

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def refused(done: Finished, code: int, *words: str, lines: int = 1) -> None:
    """Asserts one clear answer: the exit code, the words, and nothing but sentences."""
    assert done.code == code, done
    assert is_clear(done), done
    assert len(done.err.splitlines()) == lines, done.err
    for word in words:
        assert word in done.err, done.err


def everything(installation: Installation) -> dict:
    return tree(installation.folder)


# -------------------------------------------------------------------- folders


def test_folders_that_cannot_be_scanned(installation: Installation, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos)
    before = everything(installation)
    refused(installation.run("scan", installation.folder / "none"), 2, "none does not exist")
    refused(installation.run("scan", installation.photos / "IMG_100.jpg"), 2, "IMG_100.jpg is not a folder")
    both = installation.run("scan", installation.folder / "none", installation.photos / "IMG_100.jpg")
    refused(both, 2, "does not exist", "is not a folder", lines=2)
    assert everything(installation) == before


def test_nothing_to_scan(installation: Installation) -> None:
    installation.configure(roots=[])
    before = everything(installation)
    refused(installation.run("scan"), 2, "nothing to scan", "sameshot init DIR")
    refused(installation.run("watch"), 2, "nothing to watch", "sameshot init DIR")
    assert everything(installation) == before


def test_roots_that_are_files_or_overlap(installation: Installation) -> None:
    file, inner = installation.folder / "file.jpg", installation.photos / "inner"
    file.write_bytes(b"")
    inner.mkdir()
    installation.configure(roots=[{"path": str(path)} for path in (installation.photos, inner, file)])
    before = everything(installation)
    for verb in ("watch", "scan"):
        refused(
            installation.run(verb),
            2,
            "roots[1].path",
            "is inside roots[0]",
            "roots[2].path",
            "is not a folder",
            lines=2,
        )
    assert everything(installation) == before
    checked = installation.run("check", "--format", "json")
    assert checked.code == 2
    assert len(checked.json()["problems"]) == 2


def test_one_missing_root_stops_no_other(installation: Installation, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos)
    absent = installation.folder / "absent"
    installation.configure(roots=[{"path": str(absent)}, {"path": str(installation.photos)}])
    done = installation.run("scan", "--format", "json")
    assert done.code == 1, done
    assert done.json()["photos"] == 1
    [problem] = done.json()["problems"]
    assert str(absent) in problem
    told = installation.run("scan")
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert str(absent) in told.err
    refused(installation.run("scan", absent), 2, "does not exist")
    installation.photos.rename(installation.folder / "away")
    refused(installation.run("scan"), 2, str(absent), str(installation.photos), lines=2)


def test_a_pipe_is_no_config(installation: Installation) -> None:
    pipe = installation.folder / "pipe.yaml"
    os.mkfifo(pipe)
    refused(installation.run("--config", pipe, "scan"), 2, "pipe.yaml is no regular file")


def test_a_pipe_is_no_photo(scanned: Installation) -> None:
    pipe, known = scanned.folder / "pipe.jpg", scanned.photos / "IMG_100.jpg"
    os.mkfifo(pipe)
    refused(scanned.run("similar", pipe), 2, "pipe.jpg is not a regular file")
    refused(scanned.run("explain", known, pipe), 2, "pipe.jpg is not a regular file")


def test_a_missing_root_is_refused_by_scan(installation: Installation) -> None:
    installation.photos.rmdir()
    before = everything(installation)
    refused(installation.run("scan"), 2, "does not exist")
    assert everything(installation) == before


@as_root
def test_folders_that_this_user_may_not_read(installation: Installation, sample_photos: Path) -> None:
    # Root without its power over other people's files: the other user whom these tests can always be.
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if shutil.which("setpriv") is None or finish([*powerless, "true"]).code:
        pytest.skip("root cannot give its powers up here")
    for name in ("closed/inner", "open"):
        (installation.photos / name).mkdir(parents=True)
        shutil.copy(sample_photos / "IMG_100.jpg", installation.photos / name)
    closed = installation.photos / "closed"
    os.chown(closed, NOBODY, NOBODY)
    closed.chmod(0o700)

    def run(*words: str | Path) -> Finished:
        return finish([*powerless, *installation.command(*words)], env=installation.environment)

    refused(run("scan", closed), 2, "closed may not be read by this user")
    refused(run("scan", closed / "inner"), 2, "closed may not be entered by this user")

    partly = run("scan", "--format", "json")
    assert partly.code == 1, partly
    assert partly.json()["photos"] == 1
    [problem] = partly.json()["problems"]
    assert str(closed) in problem
    assert partly.err == ""

    (installation.photos / "open" / "IMG_101.jpg").write_bytes((sample_photos / "IMG_101.jpg").read_bytes())
    os.chown(installation.photos / "open" / "IMG_101.jpg", NOBODY, NOBODY)
    (installation.photos / "open" / "IMG_101.jpg").chmod(0o600)
    run("scan")
    [failed] = run("groups", "--format", "json").json()["failed"]
    assert failed["reason"] == "it cannot be opened: Permission denied"

    os.chown(installation.state, NOBODY, NOBODY)
    installation.state.chmod(0o700)
    refused(run("scan"), 3, str(installation.state), "--state-dir")
    refused(run("groups"), 3, str(installation.state))


# -------------------------------------------------------------------- config


def test_all_problems_of_a_config_at_once(installation: Installation) -> None:
    installation.config.write_text("rots: []\nworkers: zero\nsettle:\n  quiet_s: -1\naction: no\n")
    before = everything(installation)
    for verb in ("check", "scan", "watch", "groups"):
        done = installation.run(verb)
        assert (done.code, done.out) == (2, "")
        assert is_clear(done), done
        for word in ("rots", "roots", "workers", "settle.quiet_s", "action"):
            assert word in done.err
    assert everything(installation) == before


def test_a_config_that_is_not_there_or_no_yaml(installation: Installation) -> None:
    installation.config.write_text("roots: [\n")
    assert installation.run("scan").code == 2
    assert is_clear(installation.run("scan"))
    installation.config.unlink()
    refused(installation.run("scan"), 2, str(installation.config))


def test_init_overwrites_nothing(installation: Installation) -> None:
    before = everything(installation)
    refused(installation.run("init", installation.photos), 2, "There is a config at", "already")
    assert everything(installation) == before


# -------------------------------------------------------------------- state


def test_no_state_yet(installation: Installation) -> None:
    before = everything(installation)
    for words in (["groups"], ["status"], ["plan", "--action", "copy"], ["similar", installation.photos / "a.jpg"]):
        refused(installation.run(*words), 3, "There is no state", "sameshot scan")
    assert everything(installation) == before


def test_a_state_of_a_newer_version(scanned: Installation) -> None:
    with sqlite3.connect(scanned.state / "sameshot.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    for verb in ("groups", "scan", "watch"):
        refused(scanned.run(verb), 3, "newer")
    with sqlite3.connect(scanned.state / "sameshot.db") as database:
        assert database.execute("SELECT count(*) FROM photos").fetchone() == (12,)
    database.close()


def test_a_state_that_is_no_database(scanned: Installation) -> None:
    database = scanned.state / "sameshot.db"
    database.write_bytes(b"not a database at all" * 1000)
    for file in scanned.state.glob("sameshot.db-*"):
        file.unlink()
    for verb in ("groups", "scan", "watch"):
        refused(scanned.run(verb), 3, "sameshot.db")
    assert database.read_bytes() == b"not a database at all" * 1000


def test_a_state_with_a_damaged_page(scanned: Installation) -> None:
    database = scanned.state / "sameshot.db"
    whole = bytearray(database.read_bytes())
    whole[4096 : len(whole) // 2] = os.urandom(len(whole) // 2 - 4096)
    database.write_bytes(whole)
    for verb in ("groups", "scan"):
        done = scanned.run(verb)
        assert (done.code, done.out) == (3, ""), done
        assert is_clear(done), done
    assert database.read_bytes() == whole


@as_root
@pytest.mark.parametrize("room", [64 << 10, 700 << 10])
def test_a_full_disk(installation: Installation, sample_photos: Path, room: int) -> None:
    shutil.copytree(sample_photos, installation.photos, dirs_exist_ok=True)
    photos = tree(installation.photos)
    small = installation.folder / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", small], check=False, capture_output=True
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (small / "models").symlink_to(installation.state / "models")
        installation.state = small
        (small / "filler").write_bytes(b"\0" * (room - (24 << 10)))
        refused(installation.run("scan"), 3, "full")
    finally:
        subprocess.run(["umount", "-l", small], check=True)
    assert tree(installation.photos) == photos


# -------------------------------------------------------------------- words


def test_unknown_verbs_and_options(installation: Installation) -> None:
    before = everything(installation)
    for words in (["bogus"], ["scan", "--bogus"], ["similar"], ["similar", "a", "--count", "none"], ["explain", "a"]):
        done = installation.run(*words)
        assert (done.code, done.out) == (2, "")
        assert "Traceback" not in done.err
        assert done.err.splitlines()[-1].startswith("Error: ")
    assert everything(installation) == before


def test_files_that_are_not_there_or_not_known(scanned: Installation) -> None:
    none, known = scanned.photos / "none.jpg", scanned.photos / "IMG_100.jpg"
    stranger = scanned.folder / "stranger.jpg"
    shutil.copy(known, stranger)
    notes = scanned.photos / "notes.txt"
    notes.write_text("no photo")
    before = tree(scanned.photos)
    refused(scanned.run("similar", none), 2, "none.jpg", "No such file")
    refused(scanned.run("similar", notes), 2, "notes.txt cannot be looked at")
    refused(scanned.run("similar", scanned.photos), 2, str(scanned.photos))
    refused(scanned.run("explain", known, none), 2, "none.jpg", "No such file")
    refused(scanned.run("together", known, none), 2, "none.jpg", "sameshot scan")
    refused(scanned.run("apart", known, stranger), 2, "stranger.jpg", "sameshot scan")
    refused(scanned.run("together", known), 2, "at least two")
    refused(scanned.run("undo", none, "--yes"), 2, "none.jpg")
    refused(scanned.run("history", "b404"), 2, "b404")
    assert tree(scanned.photos) == before


def test_a_path_that_nobody_knows_is_no_empty_answer(scanned: Installation) -> None:
    for path in (scanned.folder / "nowhere", Path("/etc")):
        refused(scanned.run("groups", path), 2, f"{path} is not in any folder that sameshot knows", "sameshot scan")
        refused(scanned.run("why", path), 2, f"{path} is not in any folder that sameshot knows", "sameshot scan")
    refused(scanned.run("groups", scanned.photos / "typo"), 2, "sameshot knows no photo at", "typo")
    refused(scanned.run("groups", scanned.photos, scanned.photos / "typo"), 2, "typo")
    assert len(scanned.json("groups", scanned.photos)["groups"]) == 3
    assert len(scanned.json("groups", scanned.photos / "IMG_100.jpg")["groups"]) == 1


def test_a_place_for_groups_that_cannot_be_one(scanned: Installation) -> None:
    before = tree(scanned.photos)
    for library, word in ((scanned.photos, "is"), (scanned.folder, "holds")):
        for verb in (["plan"], ["apply", "--yes"]):
            done = scanned.run(*verb, "--action", "move", "--library", library)
            refused(done, 2, f"{library} {word} roots[0]; name a folder of its own")
    ours = scanned.state / "sorted"
    refused(scanned.run("apply", "--yes", "--action", "move", "--library", ours), 2, "keeps its own files")
    refused(scanned.run("dedupe", "--yes", "--to", "quarantine", "--quarantine", ours), 2, "keeps its own files")
    assert tree(scanned.photos) == before
    assert not scanned.library.exists()


def test_a_broken_config_stops_nothing_that_needs_the_state_alone(scanned: Installation) -> None:
    photos = tree(scanned.photos)
    assert scanned.run("apply", "--action", "move", "--yes").code == 0
    assert tree(scanned.photos) != photos
    scanned.config.write_text("rots: []\nworkers: zero\n")
    for words in (["status"], ["history"], ["pause"], ["resume"], ["recover"], ["jobs"], ["undo", "--last", "--yes"]):
        done = scanned.run(*words)
        assert done.code == 0, done
        assert done.out
        [warning] = done.err.splitlines()
        assert f"{scanned.config} has 2 problems" in warning
        assert "sameshot check" in warning
    assert scanned.run("log").code == 0
    assert tree(scanned.photos) == photos
    for words in (["groups"], ["scan"], ["apply", "--action", "copy", "--yes"]):
        assert scanned.run(*words).code == 2


def test_the_folder_one_is_in_is_gone(installation: Installation) -> None:
    gone = installation.folder / "gone"
    gone.mkdir()
    command = installation.command("scan", "photos")
    done = finish(["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *command], env=installation.environment, cwd=gone)
    refused(done, 2, "The folder you are in is no longer there")


def test_what_changes_files_wants_a_yes(scanned: Installation) -> None:
    before = everything(scanned)
    for words in (["apply", "--action", "copy"], ["rank", scanned.photos]):
        done = scanned.run(*words)
        assert (done.code, done.out) == (2, "")
        assert done.err.splitlines()[-1] == (
            "sameshot: Nothing was done: this changes files and nobody can be asked here. Say --yes to do it"
        )
    refused(scanned.run("apply", "--yes"), 2, "action is `none`", "--action")
    refused(scanned.run("apply", "--action", "copy", "--layout", "{year/", "--yes"), 2)
    refused(scanned.run("apply", "--action", "copy", "--layout", "{yaer}/", "--yes"), 2, "yaer", "year")
    refused(scanned.run("undo", "--yes"), 2, "Say what to undo")
    refused(scanned.run("rank", scanned.folder / "none", "--yes"), 2, "No known photo", "sameshot scan")
    assert {path: facts for path, facts in everything(scanned).items() if "/state" not in path} == {
        path: facts for path, facts in before.items() if "/state" not in path
    }


def test_undo_wants_a_yes_where_there_is_something_to_undo(scanned: Installation) -> None:
    assert scanned.run("undo", "--all").out == "Nothing to do.\n"
    assert scanned.run("apply", "--action", "copy", "--yes").code == 0
    before = tree(scanned.photos, scanned.library)
    done = scanned.run("undo", "--all")
    assert (done.code, done.out) == (2, "")
    assert "Say --yes to do it" in done.err.splitlines()[-1]
    assert "9 copies or links that sameshot made will be removed" in done.err
    assert tree(scanned.photos, scanned.library) == before


def test_a_plan_that_is_no_longer_what_was_shown_is_refused(scanned: Installation) -> None:
    shown = scanned.json("plan", "--action", "copy")
    assert shown["steps"]
    (scanned.photos / "IMG_100.jpg").unlink()
    scanned.scan()
    before = tree(scanned.photos, scanned.library)
    with pytest.raises(Exception, match="photos changed since the plan was shown"):
        scanned.ask("apply", action="copy", fingerprint=shown["fingerprint"])
    assert tree(scanned.photos, scanned.library) == before
    assert json.loads(scanned.run("history", "--format", "json").out)["batches"] == []


def test_a_number_is_no_date_to_undo_since(scanned: Installation) -> None:
    """As seconds since 1970 it would mean: undo all."""
    assert scanned.run("apply", "--action", "copy", "--yes").code == 0
    for number in ("2026", "0", "-1", "1e3", "0001-01-01"):
        refused = scanned.run("undo", f"--since={number}", "--yes")
        assert (refused.code, "is no date. Write 2026-05-01" in " ".join(refused.err.split())) == (2, True)
    assert scanned.run("undo", "--since=20990101", "--yes").code == 0
    assert all(batch["undone"] == 0 for batch in scanned.json("history")["batches"])
    assert scanned.run("undo", "--since=2026-01-01", "--dry-run").out.count("remove") > 1
