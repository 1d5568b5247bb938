"""The trusted process: what only the owner's own code can serve, what it costs when that fails, and what it is told."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import drawn
from running import Installation
from sameshot.embed.making import make
from sameshot.embed.own_class import OwnClass, OwnEncoder
from sameshot.embed.spec import parse
from sameshot.embed.trusted import TrustedEncoder, load
from sameshot.errors import BadInput, SameshotError
from sameshot.service.message import BadMessage, Message
from sameshot.service.two_stages import Second, TwoStages
from sameshot.service.workers import Task, TaskFailed, WorkerLimits
from sameshot.wire.embedding import EmbedRequest, embed_request, recipe_of, with_picture, with_vectors

TINY = [sys.executable, str(Path(__file__).with_name("tiny_worker.py"))]
LIMITS = WorkerLimits(address_space_bytes=400 << 20)

OWN = '''
"""An encoder of somebody's own: plain Python and numpy."""
import glob, os, time
import cv2
import numpy as np

class Colors:
    """How much of each colour is in each ninth of the picture."""

    def __init__(self):
        self.weights = np.random.default_rng(7).normal(size=(27, 12)).astype(np.float32)

    def embed(self, pictures):
        assert pictures.dtype == np.float32 and pictures.shape[1] == 3
        count, _, side, _ = pictures.shape
        third = side // 3
        parts = pictures[:, :, : third * 3, : third * 3].reshape(count, 3, 3, third, 3, third).mean((3, 5))
        return np.tanh(parts.reshape(count, 27) @ self.weights)

class Loud(Colors):
    def embed(self, pictures):
        print("what it prints is no answer", flush=True)
        return super().embed(pictures)

class Gone:
    def embed(self, pictures):
        os._exit(0)

class Forward(Colors):
    def forward(self, pictures):
        return Colors.embed(self, pictures)
    embed = None

class Touchy(Colors):
    """Ends its process at a picture that is as good as black, and fails at one that is as good as white."""

    def embed(self, pictures):
        if any(picture.max() < 0.1 for picture in pictures):
            os._exit(5)
        if any(picture.min() > 0.9 for picture in pictures):
            raise ValueError("too bright for me")
        return super().embed(pictures)

class Random(Colors):
    def __init__(self):
        self.weights = np.random.default_rng().normal(size=(27, 12)).astype(np.float32)

class Forgetful(Colors):
    def embed(self, pictures):
        return super().embed(pictures) + np.random.default_rng().normal(size=(len(pictures), 12)).astype(np.float32)

class Sociable(Colors):
    def embed(self, pictures):
        found = super().embed(pictures)
        return found - found.mean(axis=0) / 2

class Flat(Colors):
    def embed(self, pictures):
        return super().embed(pictures)[0]

class Nothing:
    pass

class Files:
    """A dataset as deep clustering programs have them."""

    def __init__(self, root_dir):
        self.root_dir = root_dir
        self.x = sorted(glob.glob(os.path.join(root_dir, "*")), reverse=True)
        self.num_samples = len(self.x)

    def __len__(self):
        return self.num_samples

    def read_image(self, path):
        picture = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
        return (cv2.resize(picture, (30, 30)) / 255.0).transpose(2, 0, 1).astype(np.float32)

    def __getitem__(self, place):
        return self.x[place], self.read_image(self.x[place])

class Halves(Files):
    def __len__(self):
        return self.num_samples // 2

class NoPaths:
    def __init__(self, root_dir):
        self.num_samples = 2

class Renames(Files):
    def __getitem__(self, place):
        return "somewhere", self.read_image(self.x[place])
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a module of one's own, which Python can import under a name of its own."""
    name = f"own_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / f"{name}.py"


def made(text: str, folder: Path) -> TrustedEncoder:
    return load(folder / make(parse(text), folder).file)


# ---------------------------------------------------------------- classes of the owner's own


def test_a_class_of_ones_own_keeps_the_contract_in_any_company(own: Path, tmp_path: Path) -> None:
    pictures = [drawn.scene(number, 90, 70 + number) for number in range(5)]
    ids = set()
    for options in (":Colors", ":Colors?input_size=60&light=as-taken", ":Forward?batch_size=2&embedding_size=8"):
        spec = f"{own.stem}{options}"
        card = make(parse(spec), tmp_path / "models")
        encoder = load(tmp_path / "models" / card.file)
        together = encoder.embed(pictures)
        assert together.shape == (5, card.dimension)
        assert together.dtype == np.float32
        assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
        alone = np.concatenate([encoder.embed([picture]) for picture in reversed(pictures)])[::-1]
        assert np.allclose(together, alone, atol=1e-5)
        again = load(tmp_path / "models" / make(parse(spec), tmp_path / "models").file)
        assert np.array_equal(again.embed(pictures), together)
        ids.add(card.encoder_id)
    assert len(ids) == 3


def test_the_id_changes_with_the_code_and_the_weights_and_another_class_under_the_same_name_is_refused(
    own: Path, tmp_path: Path
) -> None:
    text = f"{own.stem}:Colors"
    first = make(parse(text), tmp_path / "models")
    own.write_text(OWN.replace("default_rng(7)", "default_rng(8)"))
    del sys.modules[own.stem]
    with pytest.raises(BadInput, match=r"not what it was when it was made: its code.*sameshot models make"):
        load(tmp_path / "models" / first.file)
    second = make(parse(text), tmp_path / "models")
    assert second.encoder_id != first.encoder_id
    load(tmp_path / "models" / second.file)
    recipe = tmp_path / "models" / second.file
    known = json.loads(recipe.read_text())
    recipe.write_text(json.dumps(known | {"probe": [[1.0] + [0.0] * 11] * 2}))
    with pytest.raises(BadInput, match="it gives other vectors"):
        load(recipe)


def test_a_dataset_of_ones_own_reads_the_batch_and_nothing_of_it_stays(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    pictures = [drawn.scene(number, 90, 70) for number in range(3)]
    read = made(f"{own.stem}:Colors?dataset={own.stem}:Files&batch_size=3", tmp_path / "models").embed(pictures)
    mine = made(f"{own.stem}:Colors?input_size=30&light=as-taken", tmp_path / "models").embed(pictures)
    assert ((read * mine).sum(axis=1) > 0.99).all()  # each has its own, though the dataset turns their order round
    assert (read[0] * mine[1]).sum() < (read[0] * mine[0]).sum()
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (":Random", "has other weights each time it is made"),
        (":Forgetful", "gives a picture another vector every time"),
        (":Sociable", "gives a picture another vector beside others than alone"),
        (":Flat", r"gave float32 \(12,\) for 2 pictures"),
        (":Nothing", "has neither `embed` nor `forward`"),
        (":Colors?embedding_size=13", "12 dimensions, fewer than embedding_size 13"),
        (":Colors?device=cuda", "is no torch.nn.Module. Leave device away"),
        (":Colors?dataset=nowhere_at_all:Files", "nowhere_at_all:Files cannot be had: ModuleNotFoundError"),
        (":Colors?dataset={}:Halves", "Halves has 1 .num_samples: 2. pictures of 2"),
        (":Colors?dataset={}:NoPaths", "NoPaths has no root_dir and no x and no __len__ and no read_image"),
        (":Colors?dataset={}:Renames", "gives other paths than it found"),
        (":Missing", "cannot be made: AttributeError"),
    ],
)
def test_what_is_no_encoder_is_one_sentence(own: Path, tmp_path: Path, options: str, sentence: str) -> None:
    with pytest.raises(SameshotError, match=sentence) as told:
        make(parse(f"{own.stem}{options.format(own.stem)}"), tmp_path / "models")
    assert "\n" not in str(told.value)
    assert not list(tmp_path.glob("models/*"))


def test_code_that_fails_is_one_sentence(own: Path) -> None:
    middle = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
    encoder = OwnEncoder(OwnClass(f"{own.stem}:Touchy", None, 30, *middle, "as-taken", None, "cpu"))
    with pytest.raises(SameshotError, match="Touchy failed: ValueError: too bright for me"):
        encoder.embed([np.full((30, 30, 3), 255, np.uint8)])


# ---------------------------------------------------------------- the pool with a second process


class Desk:
    """A pool of two stages made of tiny workers. The second one does what the pictures of a batch say, worst first."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.answers: dict[str, Message | TaskFailed] = {}
        second = Second(TINY, LIMITS, self.key_of, self.request, self.whole, loading_s=0.0)
        self.pool = TwoStages(TINY, 2, LIMITS, second)

    @staticmethod
    def key_of(request: Message) -> str | None:
        return request.header.get("key")

    def request(self, key: str, replies):
        words = [reply.header["echo"]["word"] for reply in replies]
        self.batches.append(words)
        if "garbled" in words:
            raise BadMessage("no picture")
        task = next((task for task in ("segfault", "hang", "fail") if task in words), "echo")
        return Message({"task": task, "key": key}, tuple(word.encode() for word in words))

    @staticmethod
    def whole(replies, answer):
        return [Message({"finished": buffer.decode()}) for buffer in answer.buffers[: len(replies)]]

    def ask(self, word: str, key: str | None = "one", first: bool = False) -> None:
        def done(outcome):
            assert word not in self.answers, "answered twice"
            self.answers[word] = outcome

        self.pool.submit(Task(Message({"task": "echo", "word": word, "key": key}), 2.0, done), first)

    def finish(self) -> None:
        until_s = time.monotonic() + 60
        while self.pool.pending:
            assert time.monotonic() < until_s
            self.pool.pump(1.0)


def test_who_waits_goes_together_and_the_guilty_one_alone_pays() -> None:
    desk = Desk()
    try:
        for word in ("a", "b", "segfault", "c", "hang", "fail", "d"):
            desk.ask(word)
        desk.ask("other", key="two")
        desk.ask("ordinary", key=None)
        desk.finish()
        assert desk.answers["ordinary"].header["echo"]["word"] == "ordinary"
        for word in ("a", "b", "c", "d", "other"):
            assert desk.answers[word].header == {"finished": word}
        crashed, hung, failed = (desk.answers[word] for word in ("segfault", "hang", "fail"))
        assert (crashed.kind, hung.kind, failed.kind) == ("crash", "deadline", "error")
        assert crashed.reason == "the encoder failed: the worker crashed on it (SIGSEGV)"
        assert hung.reason == "the encoder failed: it took longer than 2 s"
        assert "ZeroDivisionError" in failed.reason
        assert any(len(batch) > 1 for batch in desk.batches)
        assert ["other"] in desk.batches  # never together with those of another key
        assert len(desk.pool.pids) == 3
        desk.ask("garbled")
        desk.finish()
        assert desk.answers["garbled"].kind == "crash"
    finally:
        pids = desk.pool.pids
        desk.pool.close()
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()


def test_no_second_process_runs_before_it_is_needed() -> None:
    desk = Desk()
    try:
        desk.ask("ordinary", key=None)
        desk.finish()
        assert len(desk.pool.pids) == 1
    finally:
        desk.pool.close()


# ---------------------------------------------------------------- what is on the wire


def test_pictures_of_a_worker_that_lies_are_refused() -> None:
    pixels = drawn.scene(1, 12, 8)
    reply = with_picture(Message({"format": "JPEG"}, (b"", b"descriptor")), pixels)
    request = embed_request("/models/own.json", [reply, reply])
    read = EmbedRequest.of(request)
    assert read.recipe == Path("/models/own.json")
    assert all(np.array_equal(picture, pixels) for picture in read.pictures)
    whole = with_vectors([reply], Message({}, (b"vector",)))
    assert whole == [Message({"format": "JPEG"}, (b"vector", b"descriptor"))]
    with pytest.raises(BadMessage):
        with_vectors([reply, reply], Message({}, (b"vector",)))
    for header, buffers in (
        ({}, reply.buffers),
        ({"picture": [8, 13]}, reply.buffers),
        ({"picture": [8.0, 12]}, reply.buffers),
        ({"picture": [0, 12]}, (b"",)),
        ({"picture": [-8, -12]}, reply.buffers),
        ({"picture": [8, 12]}, ()),
    ):
        with pytest.raises(BadMessage):
            embed_request("/models/own.json", [replace(reply, header=header, buffers=buffers)])
    assert recipe_of(Message({"task": "look", "encoder": {"path": "/m/own.onnx"}})) is None
    assert recipe_of(Message({"task": "prepare", "encoder": "own:Class"})) is None


# ---------------------------------------------------------------- the whole


def test_photos_are_grouped_by_a_class_of_ones_own_and_one_that_crashes_it_costs_that_photo(
    tmp_path: Path, models: Path
) -> None:
    installation = Installation(tmp_path / "installation", models)
    (tmp_path / "own_colors.py").write_text(OWN)
    before = installation.environment.get("PYTHONPATH", "")
    installation.environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(tmp_path), before)))
    for number in range(4):
        base = drawn.scene(number, 480, 320)
        for frame in range(2):
            drawn.save(drawn.burst_frame(base, frame), installation.photos / f"{number}-{frame}.jpg")
    drawn.save(np.zeros((320, 480, 3), np.uint8), installation.photos / "black.png")
    drawn.save(np.full((320, 480, 3), 255, np.uint8), installation.photos / "white.png")
    gone = installation.run("models", "make", "own_colors:Gone?input_size=48")
    assert (gone.code, gone.err) == (1, "sameshot: Making own_colors:Gone?input_size=48 failed\n")
    assert installation.run("models", "make", "own_colors:Loud?input_size=48").code == 0
    spec = "own_colors:Touchy?input_size=48&light=as-taken&batch_size=4"
    installation.configure(encoder=spec, workers=2)
    installation.run("models", "make", spec)
    listed = {row["name"]: row for row in installation.json("models")["models"]}
    assert listed[spec]["serves"]
    assert "served by the trusted process: it is no torch.nn.Module" in listed[spec]["about"]
    scanned = installation.run("scan")
    assert scanned.code == 1, scanned.err
    for name, why in (("black", "the encoder failed: the worker ended on it"), ("white", "too bright for me")):
        rule = installation.ask("why", file=installation.photos / f"{name}.png")["rule"][0]
        assert why in rule, rule
    assert installation.partition() == {frozenset({f"{number}-0.jpg", f"{number}-1.jpg"}) for number in range(4)}
    (tmp_path / "own_colors.py").write_text(OWN + "\n")
    drawn.save(drawn.scene(9, 480, 320), installation.photos / "late.jpg")
    assert installation.run("scan").code == 1
    told = installation.ask("why", file=installation.photos / "late.jpg")["rule"][0]
    assert "is not what it was when it was made" in told
