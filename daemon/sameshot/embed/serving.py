"""One photo's pixels to one unit vector, by ONNX Runtime on one thread.

Comes in: upright uint8 RGB pixels of any size. Goes out: a float32 unit vector. One thread and no spinning, because
photos are looked at side by side in several processes. The side to which a picture is stretched, and whether its light
is evened out first, stand in the metadata of the encoder's file and are part of its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime

from sameshot.errors import StateUnavailable

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

    from sameshot.embed.encoders import EncoderFile

_SIDE_PX, _LIGHT = "224", "evened"
"""Of files that do not say."""
_MIDDLE = 0.45
_NARROWEST_RANGE = 8.0
_STRONGEST_GAMMA = 3.0


class Encoder:
    """An encoder loaded for use. Raises StateUnavailable when its file cannot be loaded."""

    def __init__(self, file: EncoderFile) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(file.path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no type
            raise StateUnavailable(
                f"The encoder {file.path} cannot be loaded",
                "Remove it if it is there; what sameshot brings along is made again when it starts",
            ) from error
        told = self._session.get_modelmeta().custom_metadata_map
        self._side_px = int(told.get("sameshot.side_px", _SIDE_PX))
        self._evens_light = told.get("sameshot.light", _LIGHT) == _LIGHT

    def embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The vector of one upright picture. pixels: uint8 (h, w, 3), RGB. Returns float32 (dimension,), unit norm."""
        square = cv2.resize(pixels, (self._side_px, self._side_px), interpolation=cv2.INTER_AREA)
        if self._evens_light:
            square = evenly_lit(square)
        vector: NDArray[np.float32] = self._session.run(None, {"pixels": square[None]})[0][0]
        return vector


def evenly_lit(pixels: MatLike) -> MatLike:
    """The picture with its range stretched and its median at middle grey: two exposures of one scene come closer.

    One curve for all channels, so colours keep their order; nearly empty pictures are not blown up to noise.
    """
    luma = pixels.mean(axis=2)
    dark, light = np.percentile(luma, (1, 99))
    dark, light = float(dark), max(float(light), float(dark) + _NARROWEST_RANGE)
    median = np.clip((float(np.median(luma)) - dark) / (light - dark), 0.02, 0.98)
    gamma = np.clip(np.log(_MIDDLE) / np.log(median), 1 / _STRONGEST_GAMMA, _STRONGEST_GAMMA)
    curve = np.clip((np.arange(256) - dark) / (light - dark), 0, 1) ** gamma
    return cv2.LUT(pixels, (curve * 255).round().astype(np.uint8))
