"""Decodes the output of MediaPipe's single-shot detectors: anchors, boxes, suppression.

Every anchor has one row of numbers: centre x, y, width and height of a box, then x, y of key
points, all relative to the centre of the anchor, in pixels of the network's input. See Liu et al.,
"SSD: Single Shot MultiBox Detector", 2016, and Bazarevsky et al., "BlazeFace", 2019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Rect

MAX_IOU = 0.3  # boxes that overlap more are one thing; as in MediaPipe's graphs

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DecodedBoxes:
    """Boxes and key points of the anchors that passed, in descending order of score."""

    centres: NDArray[np.float64]  # float64[n, 2]
    sizes: NDArray[np.float64]  # float64[n, 2]: width, height
    points: NDArray[np.float64]  # float64[n, k, 2]
    scores: NDArray[np.float64]  # float64[n], 0..1


def anchor_centres(size: int, strides: Sequence[int], per_cell: int) -> Rows:
    """Returns the centres float32[n, 2] of the anchors, in pixels of the network's input.

    Layers of the same stride share their cells; each of them has `per_cell` anchors there.
    """
    layers = []
    for stride in sorted(set(strides)):
        count = size // stride
        at = (np.arange(count) + 0.5) * (size / count)
        cells = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
        layers.append(np.repeat(cells, per_cell * list(strides).count(stride), axis=0))
    return np.concatenate(layers).astype(np.float32)


def decode(rows: Rows, logits: Rows, anchors: Rows, min_score: float) -> DecodedBoxes:
    """Decodes the rows whose score is at least `min_score`; pixels of the network's input."""
    passed = np.flatnonzero(logits >= math.log(min_score / (1 - min_score)))
    passed = passed[np.argsort(-logits[passed], kind="stable")]
    chosen = rows[passed].astype(np.float64)
    at = anchors[passed].astype(np.float64)
    points = chosen[:, 4:].reshape(len(chosen), rows.shape[1] // 2 - 2, 2) + at[:, None]
    scores = 1 / (1 + np.exp(-np.clip(logits[passed].astype(np.float64), -100, 100)))
    return DecodedBoxes(chosen[:, :2] + at, np.maximum(chosen[:, 2:4], 0), points, scores)


def suppressed(boxes: DecodedBoxes, max_iou: float = MAX_IOU) -> DecodedBoxes:
    """Merges overlapping boxes to their mean, weighted by score; the best score remains."""
    overlaps = intersection_over_union(boxes.centres, boxes.sizes) > max_iou
    left = np.ones(len(boxes.scores), bool)
    kept, weights = [], []
    for k in range(len(left)):
        if left[k]:
            group = left & overlaps[k]
            group[k] = True
            left &= ~group
            kept.append(k)
            weights.append(group * boxes.scores / boxes.scores[group].sum())
    mean = np.array(weights).reshape(len(kept), len(left))
    return DecodedBoxes(
        mean @ boxes.centres,
        mean @ boxes.sizes,
        np.tensordot(mean, boxes.points, 1),
        boxes.scores[kept],
    )


def intersection_over_union(
    centres: NDArray[np.float64], sizes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns the overlap of every box with every other, float64[n, n], 0..1."""
    low, high = centres - sizes / 2, centres + sizes / 2
    common = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])
    shared = np.prod(np.maximum(common, 0), axis=-1)
    areas = np.prod(sizes, axis=-1)
    return np.asarray(shared / np.maximum(areas[:, None] + areas[None] - shared, 1e-9))


class Letterbox:
    """Scales parts of images into a square, centred, with black bars. One thread."""

    def __init__(self, size: int) -> None:
        self._square = np.zeros((size, size, 4), np.uint8)
        self._filled: tuple[int, int] | None = None  # columns, rows
        self._halves: dict[tuple[int, int], NDArray[np.uint8]] = {}  # buffers by columns, rows

    def scaled(self, image: NDArray[np.uint8], rect: Rect) -> NDArray[np.uint8]:
        """Returns the square uint8[size, size, 4]; valid until the next call."""
        (x, y), (columns, rows), _ = self._place(rect)
        if self._filled != (columns, rows):
            self._square[:] = 0
            self._halves.clear()
            self._filled = columns, rows
        part = self._halved(image[rect.slices], columns, rows)
        target = self._square[y : y + rows, x : x + columns]
        cv2.resize(part, (columns, rows), dst=target, interpolation=cv2.INTER_LINEAR)
        return self._square

    def _halved(self, part: NDArray[np.uint8], columns: int, rows: int) -> NDArray[np.uint8]:
        """Halves a part until it is less than twice as large as columns and rows.

        Halving by area and a linear step cost an eighth of one step by area: 0.3 ms of 2.3 at
        1280 x 720. An odd last row or column is left out: its share is less than a pixel here.
        """
        while part.shape[1] >= 2 * columns and part.shape[0] >= 2 * rows:
            half = part.shape[1] // 2, part.shape[0] // 2
            buffer = self._halves.setdefault(half, np.empty((half[1], half[0], 4), np.uint8))
            even = part[: 2 * half[1], : 2 * half[0]]
            part = np.asarray(cv2.resize(even, half, dst=buffer, interpolation=cv2.INTER_AREA))
        return part

    def original(self, boxes: DecodedBoxes, rect: Rect) -> DecodedBoxes:
        """Returns boxes of the square in pixels of the image."""
        offset, _, scale = self._place(rect)
        corner = np.array((rect.x0, rect.y0))
        return DecodedBoxes(
            (boxes.centres - offset) / scale + corner,
            boxes.sizes / scale,
            (boxes.points - offset) / scale + corner,
            boxes.scores,
        )

    def _place(self, rect: Rect) -> tuple[tuple[int, int], tuple[int, int], NDArray[np.float64]]:
        """Returns the offset, the columns and rows of a part in the square, and its scale."""
        size = self._square.shape[0]
        scale = size / max(rect.width, rect.height)
        columns, rows = (max(1, round(n * scale)) for n in (rect.width, rect.height))
        offset = (size - columns) // 2, (size - rows) // 2
        return offset, (columns, rows), np.array((columns / rect.width, rows / rect.height))
