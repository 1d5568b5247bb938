"""The encoder: made from plain weights, the same vector for the same pixels, near for the same scene."""

import hashlib
import io
import pickle
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn import cropped, exposed, scene
from sameshot.embed import encoders
from sameshot.embed.serving import Encoder
from sameshot.embed.weights import read_tensors
from sameshot.errors import BadInput, StateUnavailable


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return encoders.prepare("lite0", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def encoder(prepared):
    return Encoder(prepared)


def test_a_vector_is_unit_repeatable_and_of_the_promised_length(encoder, prepared):
    vector = encoder.embed(scene(1))
    assert vector.dtype == np.float32
    assert vector.shape == (prepared.dimension,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(vector, encoder.embed(scene(1)))


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 900, 3), (700, 3, 3)])
def test_pictures_of_any_shape_and_without_content_have_a_finite_vector(encoder, shape):
    for value in (0, 128, 255):
        vector = encoder.embed(np.full(shape, value, np.uint8))
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


def test_one_scene_is_nearer_to_itself_than_to_others(encoder):
    here, there = scene(1), scene(2)
    strange = encoder.embed(here) @ encoder.embed(there)
    for changed in (cropped(here, 0.2), exposed(here, -3), exposed(here, 2), here[:, ::-1]):
        assert encoder.embed(here) @ encoder.embed(np.ascontiguousarray(changed)) > strange


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_copy_stays_near(encoder, quarters, mirrored):
    here = scene(1)
    copy = np.ascontiguousarray(np.rot90(here[:, ::-1] if mirrored else here, quarters))
    assert encoder.embed(here) @ encoder.embed(copy) > 0.8


def test_a_gray_copy_stays_near(encoder):
    for seed in range(1, 4):
        gray = cv2.cvtColor(cv2.cvtColor(scene(seed), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        assert encoder.embed(scene(seed)) @ encoder.embed(gray) > 0.7


def test_it_is_built_once_and_appears_whole_and_always_the_same(prepared, tmp_path):
    first = encoders.prepare("lite0", tmp_path / "new")
    assert first.path.read_bytes() == prepared.path.read_bytes()
    written = first.path.stat()
    assert encoders.prepare("lite0", tmp_path / "new") == first
    assert first.path.stat() == written
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"{first.encoder_id}.onnx"]


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(BadInput, match="lite0"):
        encoders.prepare("resnet", tmp_path)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(StateUnavailable, match="cannot be written"):
        encoders.prepare("lite0", tmp_path / "models")


def test_a_damaged_encoder_file_is_refused_with_a_remedy(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not an encoder")
    with pytest.raises(StateUnavailable, match="Remove it if it is there"):
        Encoder(encoders.EncoderFile("broken", path, 256))


def test_preparing_and_serving_do_not_load_torch(tmp_path):
    program = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from sameshot.embed.encoders import prepare; from sameshot.embed.serving import Encoder\n"
        "Encoder(prepare('lite0', Path(sys.argv[1]))).embed(np.zeros((9, 9, 3), np.uint8))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, tmp_path], check=False).returncode == 0


class Harmful:
    def __reduce__(self):
        return (print, ("harm",))


def checkpoint(state: object) -> bytes:
    stream = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, state, []):
        pickle.dump(part, stream, protocol=2)
    return stream.getvalue()


@pytest.mark.parametrize("state", [Harmful(), {"weight": Harmful()}, {"path": Path("/")}, "text", 7])
def test_a_checkpoint_with_more_than_tensors_is_refused_even_with_the_right_digest(tmp_path, capsys, state):
    path = tmp_path / "weights.pth"
    path.write_bytes(checkpoint(state))
    with pytest.raises(StateUnavailable, match="not a checkpoint of tensors"):
        read_tensors(path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert capsys.readouterr().out == ""


def test_other_weights_than_the_pinned_ones_are_refused(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(checkpoint({}))
    with pytest.raises(StateUnavailable, match="not the weights file"):
        read_tensors(path, "0" * 64)
    with pytest.raises(StateUnavailable, match="cannot be read"):
        read_tensors(tmp_path / "missing.pth", "0" * 64)
