"""An autoencoder is trained to the same weights however often it is interrupted, and judged before it serves."""

import itertools
import json
import subprocess
import sys
from dataclasses import asdict, replace
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from drawn import burst_frame, exposed, scene
from sameshot.embed.loss_curve import picture
from sameshot.errors import BadInput

torch = pytest.importorskip("torch")

import torchvision  # noqa: E402

from sameshot.embed import autoencoders, training  # noqa: E402
from sameshot.embed.encoders import EncoderFile, prepare  # noqa: E402
from sameshot.embed.judging import average_precisions  # noqa: E402
from sameshot.embed.perceptual import _LiteLoss, lite0_tensors, perceptual_loss  # noqa: E402
from sameshot.embed.serving import Encoder  # noqa: E402
from sameshot.embed.torch_models import places_of  # noqa: E402
from sameshot.embed.training_job import Request, run  # noqa: E402

SMALL = training.Settings(side_px=16, latent=8, channels=4, epochs=4, batch_size=16)


def crops(count: int = 40, side_px: int = 16):
    return np.stack(
        [cv2.resize(scene(seed, 120, 80), (side_px, side_px), interpolation=cv2.INTER_AREA) for seed in range(count)]
    )


@pytest.fixture(scope="module")
def pictures():
    torch.set_num_threads(1)
    return crops()


def clock_of(*, ends_after: int | None = None):
    """A clock that shows the end of the budget after so many questions."""
    count = itertools.count()
    return lambda: float("inf") if ends_after is not None and next(count) >= ends_after else 0.0


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("architecture", autoencoders.ARCHITECTURES)
@pytest.mark.parametrize("side_px", [16, 64])
def test_an_autoencoder_draws_its_picture_through_the_latent_alone(architecture, side_px):
    network = autoencoders.build(architecture, side_px, 12, 4, seed=3).eval()
    pictures = torch.rand(2, 3, side_px, side_px) * 2 - 1
    drawn = network(pictures)
    assert drawn.shape == pictures.shape
    assert drawn.abs().max() <= 1
    assert network.embed(pictures).shape == (2, 12)
    assert torch.equal(network.decoder(network.embed(pictures)), drawn)
    again = autoencoders.build(architecture, side_px, 12, 4, seed=3)
    assert same(network.state_dict(), again.state_dict())
    assert not same(network.state_dict(), autoencoders.build(architecture, side_px, 12, 4, seed=4).state_dict())


@pytest.mark.parametrize("side_px", [0, 8, 48, 100, 1024])
def test_other_sides_than_powers_of_two_are_one_sentence(side_px):
    with pytest.raises(BadInput, match=f"not of {side_px} px"):
        autoencoders.build("plain", side_px, 8, 4, 0)
    with pytest.raises(BadInput, match="plain, residual"):
        autoencoders.build("deep", 64, 8, 4, 0)


@pytest.mark.parametrize("loss", ["mse", "mae", "perceptual"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_loss_goes_down(pictures, tmp_path, loss, optimizer):
    rate = 2e-3 if optimizer == "sgd" else 5e-3
    settings = replace(SMALL, loss=loss, optimizer=optimizer, scheduler="step", learning_rate=rate)
    _, progress = training.train(settings, pictures, tmp_path / "checkpoint.pt", clock=clock_of())
    assert progress.ended == "all epochs are done"
    assert len(progress.curve) == 4
    assert progress.curve[-1][0] < progress.curve[0][0]


def test_interrupted_and_resumed_ends_in_the_same_weights(pictures, tmp_path):
    """The time is over at every possible moment: within an epoch and after one."""
    _, straight = training.train(SMALL, pictures, tmp_path / "straight.pt", clock=clock_of())
    for ends_after in (1, 3, 5, 9):
        place = tmp_path / f"{ends_after}.pt"
        _, first = training.train(SMALL, pictures, place, clock=clock_of(ends_after=ends_after))
        assert first.ended == "its time was over"
        assert len(first.curve) < 4
        _, resumed = training.train(SMALL, pictures, place, clock=clock_of())
        assert resumed.curve == straight.curve
        assert same(resumed.best, straight.best)


def test_what_is_trained_is_not_trained_again_unless_forced(pictures, tmp_path):
    place = tmp_path / "checkpoint.pt"
    told = []
    training.train(SMALL, pictures, place, clock=clock_of(), tell=lambda progress: told.append(len(progress.curve)))
    assert told == [1, 2, 3, 4]
    network, progress = training.train(SMALL, pictures, place, clock=clock_of(), tell=lambda _: told.append(0))
    assert told == [1, 2, 3, 4]
    assert same(network.state_dict(), progress.best)
    training.train(SMALL, pictures, place, clock=clock_of(), force=True, tell=lambda _: told.append(0))
    assert told == [1, 2, 3, 4, 0, 0, 0, 0]


def test_a_checkpoint_of_others_or_of_none_is_not_gone_on_from(pictures, tmp_path):
    place = tmp_path / "checkpoint.pt"
    training.train(SMALL, pictures, place, clock=clock_of())
    signature = SMALL.signature(pictures)
    assert training.read_checkpoint(place, signature) is not None
    changed = pictures.copy()
    changed[0, 0, 0, 0] ^= 1
    others = [replace(SMALL, seed=1).signature(pictures), replace(SMALL, latent=9).signature(pictures)]
    for other in (*others, SMALL.signature(changed)):
        assert training.read_checkpoint(place, other) is None
    assert replace(SMALL, budget_s=1.0).signature(pictures) == signature
    whole = place.read_bytes()
    for broken in (b"", whole[:500], whole[: len(whole) // 2], b"no checkpoint"):
        place.write_bytes(broken)
        assert training.read_checkpoint(place, signature) is None
    torch.save({"signature": print}, place)
    assert training.read_checkpoint(place, signature) is None


def test_it_ends_early_where_nothing_gets_better(pictures, tmp_path):
    settings = replace(SMALL, epochs=50, patience=2, learning_rate=0.0)
    _, progress = training.train(settings, pictures, tmp_path / "checkpoint.pt", clock=clock_of())
    assert progress.ended == "no better for 2 epochs"
    assert len(progress.curve) < 50


def test_a_learning_rate_that_is_far_too_high_ends_with_the_best_so_far(pictures, tmp_path):
    settings = replace(SMALL, optimizer="sgd", learning_rate=1e30)
    network, progress = training.train(settings, pictures, tmp_path / "checkpoint.pt", clock=clock_of())
    assert "learning rate is too high" in progress.ended
    assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())


def test_what_cannot_be_trained_with_is_one_sentence(pictures, tmp_path):
    place = tmp_path / "checkpoint.pt"
    for settings, given, sentence in (
        (SMALL, pictures[:31], "31 pictures are too few"),
        (replace(SMALL, side_px=32), pictures, "of at least 32 px"),
        (SMALL, pictures[:, :8], "Square ones"),
        (replace(SMALL, device="tpu"), pictures, "no device 'tpu'"),
        *([] if torch.cuda.is_available() else [(replace(SMALL, device="cuda"), pictures, "no device 'cuda'")]),
    ):
        with pytest.raises(BadInput, match=sentence):
            training.train(settings, given, place, clock=clock_of())
    assert not place.exists()


OTHERWISE = {
    "architecture": "residual", "latent": 9, "channels": 6, "loss": "mae", "batch_size": 8, "learning_rate": 1e-3,
    "optimizer": "sgd", "scheduler": "constant", "seed": 1, "side_px": 32, "epochs": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def as_usual(tmp_path_factory):
    place = tmp_path_factory.mktemp("usual") / "checkpoint.pt"
    return training.train(replace(SMALL, epochs=3), crops(side_px=32), place, clock=clock_of())


@pytest.mark.parametrize("setting", OTHERWISE)
def test_every_setting_decides_what_is_trained(as_usual, tmp_path, setting):
    """The same photos and seed, one setting otherwise: other weights, another signature, other losses."""
    usual = replace(SMALL, epochs=3)
    settings = replace(usual, **{setting: OTHERWISE[setting]})
    network, progress = training.train(settings, crops(side_px=32), tmp_path / "checkpoint.pt", clock=clock_of())
    assert not same(network.state_dict(), as_usual[0].state_dict())
    assert progress.signature != as_usual[1].signature
    assert progress.curve != as_usual[1].curve


def test_the_same_settings_train_the_same_weights(as_usual, tmp_path):
    settings = replace(SMALL, epochs=3)
    network, progress = training.train(settings, crops(side_px=32), tmp_path / "checkpoint.pt", clock=clock_of())
    assert same(network.state_dict(), as_usual[0].state_dict())
    assert progress.curve == as_usual[1].curve


def test_the_rate_falls_as_the_scheduler_says():
    rates = {name: [falls(step / 9) for step in range(10)] for name, falls in training._SCHEDULES.items()}
    assert set(rates["constant"]) == {1.0}
    for name in ("cosine", "step"):
        assert rates[name][0] == 1.0
        assert rates[name] == sorted(rates[name], reverse=True)
        assert rates[name][-1] < 0.1


class OwnFeatures(torch.nn.Module):
    """A network of the owner's own, for `test_training:OwnFeatures`."""

    def forward(self, pictures):
        return torch.nn.functional.avg_pool2d(pictures, 4)


class NotATensor(torch.nn.Module):
    def forward(self, pictures):
        return [pictures]


def test_the_perceptual_loss_may_follow_a_given_network(pictures, tmp_path):
    torch.manual_seed(0)
    weights = tmp_path / "own weights.pth"
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), weights)
    curves = {}
    for model in ("test_training:OwnFeatures?input_size=16", f"torchvision:squeezenet1_1?weights={weights}&depth=8"):
        settings = replace(SMALL, loss="perceptual", perceptual_model=model, epochs=2)
        _, progress = training.train(settings, pictures, tmp_path / "checkpoint.pt", clock=clock_of())
        assert progress.features_of == model
        assert progress.curve[-1][0] < progress.curve[0][0]
        curves[model] = progress.curve
    assert len({str(curve) for curve in curves.values()}) == 2
    for wrong, sentence in (
        ("onnx:/some.onnx", "nothing that torch can follow"),
        ("test_training:NotATensor", "gives list"),
        ("torchvision:squeezenet1_1?weights=/nowhere.pth", "there is no such file"),
        ("test_training:NoSuchClass", "cannot be made"),
    ):
        with pytest.raises(BadInput, match=sentence):
            training.train(
                replace(SMALL, loss="perceptual", perceptual_model=wrong),
                pictures,
                tmp_path / "other",
                clock=clock_of(),
            )


@pytest.mark.slow  # its weights are half a gigabyte
def test_vgg19_is_followed_where_its_weights_were_fetched(tmp_path, monkeypatch):
    """On random weights: its own cannot be had without a download."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing here"))
    torch.manual_seed(0)
    place = places_of(torchvision.models.VGG19_Weights.IMAGENET1K_V1, tmp_path)[0]
    place.parent.mkdir()
    torch.save(torchvision.models.vgg19(weights=None).state_dict(), place)
    loss, features_of = perceptual_loss("cpu", tmp_path)
    assert features_of == "vgg19"
    one, other = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    assert float(loss(one, one)) == 0
    assert float(loss(one, other)) > float(loss(one, one + 0.1 * (other - one))) > 0


def test_the_perceptual_loss_sees_what_the_encoder_sees(tmp_path, monkeypatch):
    """Lite0 in torch against its published file's graph: the maps after its stem, by ONNX Runtime."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    loss, features_of = perceptual_loss("cpu", tmp_path)
    assert features_of == "lite0"
    one, other = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 2 - 1
    assert float(loss(one, one)) == 0
    assert float(loss(one, other)) > float(loss(one, one + 0.1 * (other - one))) > 0
    model = onnx.load(prepare("lite0", tmp_path).path)
    sums = [node.output[0] for node in model.graph.node if node.op_type == "Add"]
    model.graph.output.append(onnx.ValueInfoProto(name=sums[0]))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    expected = session.run([sums[0]], {"pixels": pixels})[0][:1]  # the second is of the picture mirrored
    given = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127) / 128
    found = _LiteLoss(lite0_tensors(), "cpu").features(given)
    assert any(one.shape == expected.shape and np.allclose(one, expected, atol=1e-4) for one in found)


@pytest.fixture(scope="module")
def library():
    """Crops of 70 scenes: 40 to train with, 30 held out, each of these in two frames more."""
    drawn, shots, held = [], [], []
    for seed in range(70):
        frames = [scene(seed, 160, 120)]
        if seed >= 40:
            frames += [burst_frame(frames[0], 2 * seed), burst_frame(frames[0], 2 * seed + 1)]
        drawn += [cv2.resize(frame, (32, 32), interpolation=cv2.INTER_AREA) for frame in frames]
        shots += [seed] * len(frames)
        held += [seed >= 40] * len(frames)
    return np.stack(drawn), shots, held


def test_a_job_returns_a_candidate_with_its_judgement_and_touches_nothing_else(library, tmp_path):
    drawn, shots, held = library
    np.save(tmp_path / "crops.npy", drawn)
    (tmp_path / "job").mkdir()
    settings = {"side_px": 32, "latent": 16, "channels": 4, "epochs": 2, "batch_size": 16}
    request = Request(str(tmp_path / "job"), str(tmp_path / "crops.npy"), shots, held, settings)
    (tmp_path / "request.json").write_text(json.dumps(asdict(request)))
    command = [sys.executable, "-P", "-m", "sameshot.embed.training_job", str(tmp_path / "request.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["epoch"] for line in done.stdout.splitlines()] == [1, 2]
    report = json.loads((tmp_path / "job" / "report.json").read_text())
    assert report["accepted"] == report["against_untrained"]["wins"]
    assert report["against_champion"] is None
    assert report["trained_on"] == 40
    assert report["against_untrained"]["shots"] == 30
    assert report["why"].startswith("taken: " if report["accepted"] else "dropped: ")
    encoder = Encoder(EncoderFile(report["encoder_id"], tmp_path / "job" / "candidate.onnx", report["dimension"]))
    vector = encoder.embed(scene(1))
    assert vector.shape == (16,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    ET.parse(tmp_path / "job" / "loss.svg")
    assert {path.name for path in tmp_path.iterdir()} == {"crops.npy", "job", "request.json"}


def taken_from_afar(frame, seed):
    """The same scene turned, moved, enlarged, in other light and in noise: an untrained network hardly knows it."""
    rng = np.random.default_rng(seed)
    height, width = frame.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-12, 12), rng.uniform(1.1, 1.5))
    turn[:, 2] += rng.uniform(-0.12, 0.12, 2) * (width, height)
    moved = exposed(cv2.warpAffine(frame, turn, (width, height), borderMode=cv2.BORDER_REFLECT), rng.uniform(-2, 2))
    return np.clip(moved + rng.normal(0, 12, moved.shape), 0, 255).astype(np.uint8)


SPOILT = {
    "noise": lambda pictures: np.random.default_rng(0).integers(0, 256, pictures.shape, np.uint8),
    "blur": lambda pictures: np.stack([cv2.GaussianBlur(picture, (0, 0), 8) for picture in pictures]),
    "one picture": lambda pictures: np.repeat(pictures[:1], len(pictures), axis=0),
}


class Nights:
    """A library of 90 scenes to train with and 40 to judge by, and trainings on it as it is or spoilt."""

    def __init__(self, folder, epochs):
        self.folder = folder
        self.settings = {"side_px": 32, "latent": 32, "channels": 8, "epochs": epochs, "batch_size": 16}
        drawn, self.shots, self.held = [], [], []
        for seed in range(130):
            first = scene(seed, 120, 90)
            frames = [first, *(taken_from_afar(first, 2 * seed + one) for one in range(2 if seed >= 90 else 0))]
            drawn += [cv2.resize(frame, (32, 32), interpolation=cv2.INTER_AREA) for frame in frames]
            self.shots += [seed] * len(frames)
            self.held += [seed >= 90] * len(frames)
        self.pixels = np.stack(drawn)

    def train(self, name, spoil=None, champion=None, shots=None):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        given, seen = self.pixels.copy(), ~np.array(self.held)
        if spoil is not None:
            given[seen] = spoil(given[seen])
        np.save(folder / "crops.npy", given)
        crops_file = str(folder / "crops.npy")
        return run(Request(str(folder), crops_file, shots or self.shots, self.held, self.settings, champion))


def test_no_night_of_noise_or_with_wrong_labels_wins(tmp_path):
    """The champion was trained on good photos; the challenger is trained as long on noise, or judged by wrong shots."""
    nights = Nights(tmp_path, epochs=6)
    good = nights.train("good")
    assert good.accepted, good.why
    champion = (str(tmp_path / "good" / "candidate.onnx"), good.dimension)
    spoilt = nights.train("noise", SPOILT["noise"], champion)
    assert not spoilt.accepted
    assert spoilt.why.startswith("dropped: against the one that serves")
    assert json.loads((tmp_path / "noise" / "report.json").read_text())["accepted"] is False
    by_chance = np.random.default_rng(0).permutation(nights.shots).tolist()
    untrained = (str(tmp_path / "good" / "untrained.onnx"), good.dimension)
    assert not nights.train("good", champion=untrained, shots=by_chance).accepted


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOILT)
def test_no_spoilt_night_wins_against_what_was_trained_to_the_end(tmp_path, name):
    nights = Nights(tmp_path, epochs=30)
    good = nights.train("good")
    assert good.accepted, good.why
    spoilt = nights.train(name, SPOILT[name], (str(tmp_path / "good" / "candidate.onnx"), good.dimension))
    assert not spoilt.accepted, spoilt.why


def test_the_report_compares_by_parts(library, tmp_path):
    drawn, shots, held = library
    np.save(tmp_path / "crops.npy", drawn)
    settings = {"side_px": 32, "latent": 16, "channels": 4, "epochs": 1, "batch_size": 16}
    first = [index == 0 or shots[index] != shots[index - 1] for index in range(len(shots))]
    kinds = {"the first of each": first, "those from shot 60 on": [shot >= 60 for shot in shots]}
    report = run(Request(str(tmp_path), str(tmp_path / "crops.npy"), shots, held, settings, kinds=kinds))
    whole, firsts, late = report.table
    assert (whole.of, whole.shots, whole.pictures) == ("all", 30, 90)
    assert (whole.untrained, whole.trained) == pytest.approx(
        (
            average_precision_of(tmp_path / "untrained.onnx", library),
            average_precision_of(tmp_path / "candidate.onnx", library),
        ),
        abs=1e-3,
    )
    assert (firsts.shots, firsts.pictures, firsts.trained) == (0, 0, 0.0)  # no two are of one shot
    assert (late.shots, late.pictures) == (10, 30)
    assert len(report.curve) == 1


def average_precision_of(file, library):
    drawn, shots, held = (np.array(values) for values in library)
    encoder = Encoder(EncoderFile("", file, 16))
    vectors = np.stack([encoder.embed(crop) for crop in drawn[held]])
    return average_precisions(vectors, shots[held]).mean()


def test_too_few_held_out_shots_never_win(library, tmp_path):
    drawn, shots, held = library
    np.save(tmp_path / "crops.npy", drawn[:-50])
    settings = {"side_px": 32, "latent": 16, "channels": 4, "epochs": 1}
    report = run(Request(str(tmp_path), str(tmp_path / "crops.npy"), shots[:-50], held[:-50], settings))
    assert not report.accepted
    assert "are needed" in report.why


@pytest.mark.parametrize("curve", [[], [(0.5, 0.6)], [(0.5, 0.6), (0.0, 0.0), (0.1, 0.3)]])
def test_a_loss_curve_is_a_picture(curve):
    lines = ET.fromstring(picture(curve)).findall("{*}polyline")
    assert [len(line.get("points").split()) for line in lines] == [len(curve)] * 2
    kept = [text.text for text in ET.fromstring(picture(curve)).findall("{*}text") if text.text.startswith("kept")]
    assert kept == {0: [], 1: ["kept: epoch 1, 0.6"], 3: ["kept: epoch 2, 0"]}[len(curve)]
