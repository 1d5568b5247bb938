"""One photo's pixels to one unit vector, by ONNX Runtime on one thread.

Comes in: upright uint8 RGB pixels of any size. Goes out: a float32 unit vector. One thread and no spinning, because
photos are looked at side by side in several processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime

from sameshot.errors import StateUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sameshot.embed.encoders import EncoderFile

_SIDE_PX = 224


class Encoder:
    """An encoder loaded for use. Raises StateUnavailable when its file cannot be loaded."""

    def __init__(self, file: EncoderFile) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(file.path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no type
            raise StateUnavailable(f"The encoder {file.path} cannot be loaded", "Remove the file") from error
        self._dimension = file.dimension

    def embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The vector of one upright picture. pixels: uint8 (h, w, 3), RGB. Returns float32 (dimension,), unit norm."""
        square = cv2.resize(pixels, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
        vector: NDArray[np.float32] = self._session.run(None, {"pixels": square[None]})[0][0]
        return vector
