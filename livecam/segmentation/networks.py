"""The segmentation networks: the one home of LiteRT.

The files carry no MediaPipe task metadata (the hair model) or cost less without it (the person
models: 1.8 CPU ms against 3 to 4), so they run through LiteRT itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import TrackingError
from livecam.core.frame import Image, Rect
from livecam.core.library_log import first_line, library_log_silenced
from livecam.segmentation.base import Mask


class Network:
    """One image network: uint8 pictures in, a mask of the same rectangle out. One thread.

    Raises:
        TrackingError: LiteRT is not there, or the file is no network of that kind.
    """

    def __init__(self, path: Path) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise TrackingError(
                f"LiteRT cannot be loaded: {error}", hint="pip install ai-edge-litert"
            ) from error
        try:
            with library_log_silenced():
                self._net: Any = Interpreter(str(path), num_threads=1)
                self._net.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise TrackingError(
                f"the network {path} cannot be used: {first_line(error)}",
                hint="run `livecam assets verify`, then `livecam assets fetch`",
            ) from error
        taken, given = self._net.get_input_details()[0], self._net.get_output_details()[0]
        self._taken, self._given = taken["index"], given["index"]
        _, rows, columns, self._channels = (int(n) for n in taken["shape"])
        self.size = (columns, rows)
        self._input = np.zeros((1, rows, columns, self._channels), np.float32)

    def run(self, image: Image, rect: Rect) -> NDArray[np.float32]:
        """The raw answer float32[rows, columns, k] for a rectangle of a picture uint8[h, w, 4]."""
        part = np.ascontiguousarray(image[rect.slices])
        smaller = part.shape[1] > self.size[0]
        small = cv2.resize(
            part, self.size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        )
        np.multiply(small[..., :3], np.float32(1 / 255), out=self._input[0, ..., :3])
        self._net.set_tensor(self._taken, self._input)
        self._net.invoke()
        return np.asarray(self._net.get_tensor(self._given)[0], np.float32)


class PersonNetwork:
    """MediaPipe's selfie segmentation: how likely a pixel is person."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path)
        self.aspect = self._network.size[0] / self._network.size[1]

    def segment(self, image: Image, rect: Rect) -> Mask:
        """uint8[rows, columns] over that rectangle."""
        found = self._network.run(image, rect)[..., 0]
        return np.rint(np.clip(found, 0, 1) * 255).astype(np.uint8)


class HairNetwork:
    """MediaPipe's hair segmentation; its fourth channel, the mask before, is left empty."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path)

    def segment(self, image: Image, rect: Rect) -> Mask:
        """uint8[512, 512] over that rectangle."""
        found = self._network.run(image, rect)
        # Two classes: their softmax is the logistic function of the difference.
        odds = np.clip(found[..., 1] - found[..., 0], -30, 30)
        return np.asarray(np.rint(255 / (1 + np.exp(-odds))), np.uint8)
