"""The config: what loads, what is refused and how the refusal reads."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sameshot.config import Config, load_config, load_with_sources, value_at
from sameshot.config_file import quoted, read_document, scalar_of
from sameshot.config_keys import Section, leaf_paths
from sameshot.config_roots import check_roots
from sameshot.errors import BadInput
from sameshot.locations import find_locations

EXAMPLE = Path(__file__).parents[1] / "config.example.yaml"


@pytest.fixture
def load(tmp_path):
    def load_text(text: str | bytes) -> Config:
        file = tmp_path / "config.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(file)

    return load_text


def refusal(load, text: str | bytes) -> str:
    with pytest.raises(BadInput) as caught:
        load(text)
    return str(caught.value)


def test_the_example_is_the_defaults_and_names_every_key():
    loaded = load_with_sources(EXAMPLE)
    assert loaded.config == Config()
    assert {name for name, source in loaded.sources.items() if source == "default"} == set()
    assert list(loaded.sources) == leaf_paths()


def test_each_key_of_the_example_has_a_comment_above_it_or_above_its_section():
    comment = False
    for line in EXAMPLE.read_text().splitlines():
        if line.lstrip().startswith("#"):
            comment = True
        elif not line.strip():
            comment = False
        elif not line.startswith((" ", "]")) and not line.endswith(":"):
            assert comment, line


def test_the_commented_root_of_the_example_loads(load):
    text = EXAMPLE.read_text().replace("roots: []\n", "roots:\n").replace("#  - path", "  - path")
    text = text.replace("#    recursive", "    recursive")
    (root,) = load(text).roots
    assert root.path == Path.home() / "Pictures"
    assert root.recursive


@pytest.mark.parametrize("roots", ["DIR", "[DIR]", "[[DIR]]", "{path: DIR}"])
def test_a_root_written_otherwise_is_told_how_at_once(load, roots):
    assert "as roots: [{path: DIR}]" in refusal(load, f"roots: {roots}")


def test_a_root_alone_is_a_whole_config(load, tmp_path):
    config = load("roots: [{path: in}]")
    assert config == Config(roots=config.roots)
    assert config.roots[0].path == tmp_path / "in"
    assert config.library_dir == tmp_path / "in sorted"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "settle:\n", "roots:\n", "\ufeffaction: none"])
def test_an_empty_config_is_the_defaults(load, text):
    assert load(text) == Config()


def test_without_any_file_the_config_is_the_defaults(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    loaded = load_with_sources(None)
    assert (loaded.config, loaded.path) == (Config(), None)
    assert set(loaded.sources.values()) == {"default"}
    (tmp_path / "sameshot").mkdir()
    (tmp_path / "sameshot" / "config.yaml").write_text("action: copy\n")
    assert load_config(None).action == "copy"


def test_sources_name_file_and_line(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("# mine\nsettle:\n  quiet_s: 2\n\naction: move\n")
    sources = load_with_sources(file).sources
    assert sources["settle.quiet_s"] == f"{file}:3"
    assert sources["action"] == f"{file}:5"
    assert sources["settle.network_quiet_s"] == "default"


def test_paths_expand_the_home_folder_and_nothing_else(load, tmp_path):
    (tmp_path / "target" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "target" / "deep")
    config = load("roots: [{path: ~/a//b/}, {path: $HOME/c}, {path: link/../x}, {path: link}]")
    assert [root.path for root in config.roots] == [
        Path.home() / "a" / "b",
        tmp_path / "$HOME" / "c",
        tmp_path / "target" / "x",
        tmp_path / "link",
    ]
    assert "home folder that is not known" in refusal(load, "library: ~nobody-has-this-name/x")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("Yes", "Yes"), ("on", "on"), ("off", "off"), ("n", "n"), ("3:00", "3:00"), ("04:15", "04:15"),
        ("1_000", "1_000"), ("2024-01-02", "2024-01-02"), ("0b11", "0b11"), ("1e-3", 0.001), ("1E3", 1000.0),
        ("010", 10), ("0x1F", 31), ("0o17", 15), ("-7", -7), (".5", 0.5), ("true", True), ("~", None), ("", None),
        ("TRUE", True), ("-.inf", float("-inf")), ("=", "="), ("<<", "<<"), ("9" * 400, float("inf")),
    ],
)  # fmt: skip
def test_scalars_mean_what_yaml_1_2_says(text, value):
    assert scalar_of(text) == value
    assert type(scalar_of(text)) is type(value)


def test_values_that_yaml_1_1_would_turn_into_something_else(load):
    config = load(
        "extensions: [no, 010x, 'ON']\noutliers: off\nschedule: {nightly: 3:00, reconcile_every: 2h}\n"
        "same_shot: {threshold: 1e-3}\nlibrary: 2024-01-02\nworkers: 010\n"
    )
    assert config.extensions == ("no", "010x", "on")
    assert config.outliers == "off"
    assert config.schedule.nightly == time(3, 0)
    assert config.schedule.reconcile_every == timedelta(hours=2)
    assert config.same_shot.threshold == 0.001
    assert config.library is not None
    assert config.library.name == "2024-01-02"
    assert config.workers == 10


def test_all_problems_come_at_once_with_line_path_and_suggestion(load):
    message = refusal(
        load,
        "rots: []\n"
        "action: mvoe\n"
        "roots: [{path: a, recursive: no}, {paht: b}, c]\n"
        "roots: []\n"
        "workers: 1_000\n"
        "limits: {look_deadline_s: 1_000, worker_memory_mb: 1.5}\n"
        "threshold: 0.5\n"
        "schedule: {nightly: 24:00, reconcile_every: 15}\n"
        "outliers: 2024\n"
        "extensions: jpg\n"
        "settle: 3\n"
        "index: yes\n",
    )
    head, *rows = message.splitlines()
    assert head.endswith("has 17 problems, so nothing of it is used:")
    assert rows == [
        "  line 1, rots: unknown key; did you mean roots?",
        "  line 2, action: must be one of none, copy, move, hardlink, symlink, reflink, not 'mvoe'; did you mean move?",
        "  line 3, roots[0].recursive: must be true or false, not 'no'; write false",
        "  line 3, roots[1].path: this key must be there",
        "  line 3, roots[1].paht: unknown key; did you mean path?",
        "  line 3, roots[2]: must hold keys with values, as roots: [{path: DIR}]",
        "  line 4, roots: this key stands on line 3 already; keep one",
        "  line 5, workers: must be auto or a number from 1 to 256, not '1_000'",
        "  line 6, limits.worker_memory_mb: must be a whole number, not 1.5",
        "  line 6, limits.look_deadline_s: must be a number, not '1_000'; write 1000 without separators or quotes",
        "  line 7, threshold: unknown key; did you mean same_shot.threshold?",
        "  line 8, schedule.reconcile_every: must be a number with a unit: 90s, 15m, 2h or 1d, not 15",
        "  line 8, schedule.nightly: must be a time of day from 00:00 to 23:59, as 04:15, not '24:00'",
        "  line 9, outliers: must be text, not 2024; put it in quotes if it is meant so",
        "  line 10, extensions: must be a list, as [one, two]",
        "  line 11, settle: must hold keys with values, as {key: value}",
        "  line 12, index: must hold keys with values, as {key: value}",
    ]
    assert len(rows) in (16, 17)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("same_shot: {threshold: 1.01}", "same_shot.threshold: must be less than or equal to 1, not 1.01"),
        ("same_shot: {threshold: .nan}", "must be a finite number"),
        ("workers: 0", "workers: must be auto or a number from 1 to 256, not 0"),
        ("workers: true", "workers: must be auto or a number from 1 to 256, not True"),
        ("schedule: {reconcile_every: 1s}", "schedule.reconcile_every: must be from 1m to 7d, not '1s'"),
        ("schedule: {reconcile_every: 99999999999999999d}", "schedule.reconcile_every: must be at most 366 days"),
        ("extensions: []", "extensions: must not be empty"),
        ("extensions: ['*.jpg']", "extensions[0]: must be a file extension, as jpg"),
        ("outliers: ''", "outliers: must not be empty"),
        ("library: 2024", "library: must be a path; put it in quotes"),
        ("layout: ''", "layout: must not be empty"),
        ("settle: {<<: {quiet_s: 1}}", "settle.<<: unknown key"),
        ("action: !!python/name:os.system x", "tags (tag:yaml.org,2002:python/name:os.system) have no meaning here"),
        ("settle: {quiet_s: 1, quiet_s: 2}", "settle.quiet_s: this key stands on line 1 already"),
        ("? [a, b]\n: c", "a key must be a word"),
        ("- a\n- b", "a config is keys with values"),
        ("just words", "a config is keys with values"),
        ("roots:\n\t- path: x", "line 2: this is not YAML: a tab stands where only spaces may"),
        ("action: copy\nsettle: {quiet_s: 1", "this is not YAML"),
        ("layout: {date:%Y}/{group}", "line 1: this is not YAML: a value ends before its line does"),
        ("action: *nowhere", "this is not YAML: found undefined alias"),
        ("a: 1\n---\nb: 2", "a second document begins here"),
        (b"action: copy\n# caf\xe9\n", "line 2: this is not UTF-8 text"),
        (b"action: \0", "holds a character that text cannot have"),
        (b"#" * 1_000_001, "larger than 1 MB"),
        ("- " * 20_000, "nested too deeply"),
        ("a: &a [*a]", "more than a config can hold, each alias unfolded"),
        ("a: &a [x]\n" + "".join(
            f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in itertools.pairwise("abcdefgh")
        ), "more than a config can hold, each alias unfolded"),
    ],
)  # fmt: skip
def test_one_clear_sentence_for_each_bad_file(load, text, expected):
    message = refusal(load, text)
    assert expected in message
    assert "pydantic" not in message
    assert len(message) < 600


def test_a_file_full_of_problems_is_told_in_short(load):
    message = refusal(load, "".join(f"key{number}: 1\n" for number in range(60)))
    assert "has 60 problems" in message
    assert message.endswith("\n  line 50, key49: unknown key\n  and 10 more")


def test_a_named_file_that_is_absent_is_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read: No such file or directory"):
        load_config(tmp_path / "absent.yaml")
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        load_config(tmp_path)


def test_no_value_can_be_changed_afterwards():
    config = Config()
    with pytest.raises(ValueError, match="frozen"):
        config.settle.quiet_s = 3.0
    assert all(issubclass(type(value), Section) or hash(value) is not None for _, value in config)


def test_each_value_reads_as_it_is_written(load, tmp_path):
    for name in leaf_paths():
        text = value_at(Config(), name)
        *above, key = name.split(".")
        written = f"{key}: {text}"
        for section in reversed(above):
            written = f"{section}: {{{written}}}"
        assert load(written) == Config(), name
    for text in ("no way", "null", "010", "a: b", "- a", "true", "x #y", "Anna's", "~", "{a}"):
        config = Config(encoder=text)
        assert load(f"encoder: {value_at(config, 'encoder')}") == config
    assert value_at(Config(encoder="no way"), "encoder") == "no way"
    assert load("schedule:\n  train:\n") == load("schedule:\n") == Config()
    config = load("roots: [{path: in}]\nschedule: {reconcile_every: 90m, nightly: 3:05}")
    assert value_at(config, "roots") == f"[{{path: {tmp_path}/in, recursive: true, remote: ask}}]"
    assert value_at(config, "schedule.reconcile_every") == "90m"
    assert value_at(config, "schedule.nightly") == "03:05"


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.just("\udcff"), min_size=1))
def test_quoted_text_reads_back_as_itself(tmp_path, text):
    file = tmp_path / "c.yaml"
    file.write_text(f"library: {quoted('/' + text)}\n", encoding="utf-8")
    assert read_document(file).value == {"library": "/" + text}


def test_a_folder_whose_name_is_not_utf8_can_be_named(load):
    name = os.fsdecode(b"/photos/caf\xe9")
    assert os.fsencode(load(f"library: {quoted(name)}").library) == b"/photos/caf\xe9"
    assert "holds a character that no path can" in refusal(load, r'library: "/a\ud800"')
    assert "must be text that UTF-8 can hold" in refusal(load, r'encoder: "\ud800"')


def roots_text(*paths: Path, **keys: object) -> str:
    rows = [f"roots: [{', '.join(f'{{path: {path}}}' for path in paths)}]"]
    return "\n".join(rows + [f"{key}: {value}" for key, value in keys.items()])


def problems_of(load, *paths: Path, **keys: object) -> list[str]:
    return [str(problem) for problem in check_roots(load(roots_text(*paths, **keys)))]


def test_roots_and_libraries_that_can_be_used(load, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "deep").mkdir(parents=True)
    two.mkdir()
    assert problems_of(load, one, two, action="move") == []
    assert problems_of(load, one, library=one / "filed", action="move") == []
    assert problems_of(load, one, library="/dev/null/x") == [], "nothing is filed, so no library is needed"
    flat = load(f"roots: [{{path: {one}, recursive: false}}, {{path: {one / 'deep'}}}]")
    assert check_roots(flat) == []
    assert check_roots(Config()) == []


def test_roots_and_libraries_that_cannot(load, tmp_path):
    one, file = tmp_path / "one", tmp_path / "file.jpg"
    (one / "deep").mkdir(parents=True)
    file.touch()
    (tmp_path / "link").symlink_to(one)
    assert problems_of(load, tmp_path / "absent") == [
        f"roots[0].path: {tmp_path}/absent does not exist; make it, mount it, or name another folder"
    ]
    assert "is not a folder" in problems_of(load, file)[0]
    assert problems_of(load, one / "deep", one) == [
        f"roots[0].path: {one}/deep is inside roots[1], which holds it already; remove one of the two"
    ]
    assert "is the same folder as roots[0]" in problems_of(load, one, tmp_path / "link")[0]
    assert "is roots[0]; name a folder of its own" in problems_of(load, one, library=tmp_path / "link")[0]
    assert "holds roots[0]; name a folder of its own" in problems_of(load, one, library=tmp_path)[0]
    assert "is not a folder" in problems_of(load, one, library=file / "x", action="copy")[0]
    assert "name the folder where groups are filed" in str(check_roots(load("action: move"))[0])
    assert [problem.may_heal for problem in check_roots(load(roots_text(tmp_path / "absent", file)))] == [True, False]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_folders_that_another_user_may_not_read(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from sameshot.config_keys import Config; "
        "from sameshot.config_roots import check_roots\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "config = Config.model_validate({'roots': [{'path': p} for p in sys.argv[1:]], 'action': 'copy'})\n"
        "print(*check_roots(config), sep='\\n')"
    )
    closed, above = tmp_path / "closed", tmp_path / "above"
    (above / "inner").mkdir(parents=True)
    closed.mkdir()
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    closed.chmod(0o700)
    above.chmod(0o700)
    command = [sys.executable, "-c", script, str(closed), str(above / "inner")]
    rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert rows == [
        f"roots[0].path: {closed} may not be read by this user; give it permission to, or run as its owner",
        f"roots[1].path: {above} may not be entered by this user; give it permission to, or run as its owner",
        f"library: {tmp_path} may not be written by this user; name another folder as library",
    ]


def test_state_and_cache_follow_the_option_then_systemd_then_xdg(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    assert find_locations(environment={}).state_dir == tmp_path / "s" / "sameshot"
    assert find_locations(environment={}).cache_dir == tmp_path / "c" / "sameshot"
    by_systemd = {"STATE_DIRECTORY": "/var/lib/sameshot", "CACHE_DIRECTORY": "/var/cache/sameshot"}
    assert find_locations(environment=by_systemd).state_dir == Path("/var/lib/sameshot")
    assert find_locations(environment=by_systemd).cache_dir == Path("/var/cache/sameshot")
    named = find_locations(Path("relative"), by_systemd)
    assert named.state_dir == Path.cwd() / "relative"
    assert named.cache_dir == Path.cwd() / "relative" / "cache"
