"""The networks of segmentation and of the witnesses: the one home of LiteRT.

The files have no MediaPipe task metadata (the hair model) or cost less without it (the person
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
from livecam.core.library_log import first_line
from livecam.core.system_libraries import missing_library
from livecam.segmentation.base import Mask


class Network:
    """Runs an image-to-image network on rectangles of uint8 images. One thread.

    Raises:
        TrackingError: LiteRT is not installed, or the file is no such network.
    """

    def __init__(self, path: Path) -> None:
        self._net = _interpreter(path)
        (inputs, *_), (outputs, *_) = self._net.get_input_details(), self._net.get_output_details()
        self._input_index, self._output_index = inputs["index"], outputs["index"]
        _, rows, columns, _ = (int(n) for n in inputs["shape"])
        self.size = (columns, rows)

    def run(self, image: Image, rect: Rect) -> NDArray[np.float32]:
        """Returns the output float32[rows, columns, k] for a part of an image uint8[h, w, 4]."""
        part = np.ascontiguousarray(image[rect.slices])
        shrinks = part.shape[1] > self.size[0]
        resized = cv2.resize(
            part, self.size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
        _write(np.asarray(resized, np.uint8), 0, self._net, self._input_index)
        self._net.invoke()
        return np.asarray(self._net.get_tensor(self._output_index)[0], np.float32)


class PersonNetwork:
    """MediaPipe's selfie segmentation: the probability that a pixel is person."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path)
        self.aspect = self._network.size[0] / self._network.size[1]

    def segment(self, image: Image, rect: Rect) -> Mask:
        """Returns the person mask uint8[rows, columns] of a rectangle."""
        probability = self._network.run(image, rect)[..., 0]
        return np.rint(np.clip(probability, 0, 1) * 255).astype(np.uint8)


class HairNetwork:
    """MediaPipe's hair segmentation; its fourth input, the previous mask, stays zero."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path)

    def segment(self, image: Image, rect: Rect) -> Mask:
        """Returns the hair mask uint8[512, 512] of a rectangle."""
        logits = self._network.run(image, rect)
        # Two classes: their softmax is the logistic function of the difference.
        log_odds = np.clip(logits[..., 1] - logits[..., 0], -30, 30)
        return np.asarray(np.rint(255 / (1 + np.exp(-log_odds))), np.uint8)


class DetectorNetwork:
    """Runs a single-shot detector on letterboxed images: one row of numbers for each anchor.

    One thread.

    Raises:
        TrackingError: LiteRT is not installed, or the file is no such network.
    """

    def __init__(self, path: Path) -> None:
        self._net = _interpreter(path)
        (inputs,), outputs = self._net.get_input_details(), self._net.get_output_details()
        by_width = {int(each["shape"][-1]): each["index"] for each in outputs}
        self._input_index, self._logit_index = inputs["index"], by_width.pop(1)
        (self._row_index,) = by_width.values()
        self.size = int(inputs["shape"][1])

    def run(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns rows float32[n, k] and logits float32[n] for an image uint8[size, size, 4]."""
        _write(image, -1, self._net, self._input_index)
        self._net.invoke()
        rows, logits = (self._net.get_tensor(i) for i in (self._row_index, self._logit_index))
        return rows[0], logits[0, :, 0]


def _interpreter(path: Path) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        hint = "pip install ai-edge-litert"
        unusable = TrackingError("LiteRT cannot be loaded: {error}", hint, error=error)
        raise missing_library(error) or unusable from error
    try:
        net = Interpreter(str(path), num_threads=1)
        net.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise TrackingError(
            "the network {path} cannot be used: {reason}",
            hint="run `livecam assets verify`, then `livecam assets fetch`",
            path=path,
            reason=first_line(error),
        ) from error
    return net


def _write(image: Image, black: int, net: Any, index: int) -> None:
    """Writes an image to the input of a network, scaled to black..1; a fourth channel is zero.

    In place: an array of our own would be as large again. No view of it may outlive this call.
    """
    (pixels,) = net.tensor(index)()
    np.multiply(image[..., :3], np.float32((1 - black) / 255), out=pixels[..., :3])
    if black:
        pixels[..., :3] += np.float32(black)
    pixels[..., 3:] = 0
