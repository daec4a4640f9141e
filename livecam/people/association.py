"""Matches the detections of one frame to known tracks.

Place, size and colours are compared, and all pairs are assigned at once: greedy choice swaps
people where they cross. See Bewley et al., "Simple online and realtime tracking", 2016, for
the family of methods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import FACE_OVAL, Face
from livecam.core.frame import Frame, PixelFormat
from livecam.core.observation import Appearance, FaceBox, TrackMotion

MAX_GROWTH = 0.5  # logarithm of the ratio of sizes: 1.65 times
DUPLICATE = 0.35  # two detections nearer than this are one face that was found twice
UNASSIGNED = 2.0  # the cost of a track without a detection; any match costs less
APPEARANCE_COST = 2.0  # of completely different colours

APPEARANCE_CELLS = 6  # samples of a face's colours, across and down
# Where they lie from its centre, in its widths: float64[2, cells].
SAMPLE_AT = ((np.arange(APPEARANCE_CELLS) + 0.5) / APPEARANCE_CELLS - 0.5) * np.array(
    ((1.0,), (1.2,))
)
_OUTLINE = np.array(FACE_OVAL)


def associate(
    tracks: Sequence[TrackMotion],
    visible: Sequence[bool],
    boxes: Sequence[FaceBox],
    appearances: Sequence[Appearance | None],
    now: float,
) -> list[tuple[int, int]]:
    """Pairs tracks with detections, each at most once: (track, detection).

    `visible` tells which tracks were detected in the frame before.
    """
    if not tracks or not len(boxes):
        return []
    costs = np.array([_costs(track, boxes, appearances, now) for track in tracks])
    # The detection that fits a visible track best belongs to no track that was missing.
    here = np.array(visible)
    for k in np.flatnonzero(here):
        best = int(costs[k].argmin())
        costs[~here & (costs[:, best] >= costs[k, best]), best] = np.inf
    gates = np.array([[track.gate(now)] for track in tracks])
    pairs = assigned(costs / (gates + MAX_GROWTH))
    return [(k, i) for k, i in pairs if i is not None]


def assigned(costs: NDArray[np.float64]) -> list[tuple[int, int | None]]:
    """Assigns a column or None to every row, each column once, so that the sum is smallest.

    Infinite costs are never paid; a row without a column costs UNASSIGNED. Exact, for the few
    faces of a frame: dynamic programming over the sets of taken columns (Held and Karp, 1962).
    """
    rows, columns = costs.shape
    table = costs.tolist()

    @cache
    def best(row: int, taken: int) -> tuple[float, tuple[int | None, ...]]:
        if row == rows:
            return 0.0, ()
        total, rest = best(row + 1, taken)
        cheapest: tuple[float, tuple[int | None, ...]] = (total + UNASSIGNED, (None, *rest))
        for column in range(columns):
            cost = table[row][column]
            if cost == np.inf or taken & 1 << column:
                continue
            total, rest = best(row + 1, taken | 1 << column)
            if total + cost < cheapest[0]:
                cheapest = (total + cost, (column, *rest))
        return cheapest

    return list(enumerate(best(0, 0)[1]))


def distinct(boxes: Sequence[FaceBox], taken: set[int]) -> list[int]:
    """Returns the detections that are neither taken nor a second find of another one."""
    kept, out = set(taken), []
    for i, box in enumerate(boxes):
        if i in kept or any(distance(box, boxes[k]) + growth(box, boxes[k]) < DUPLICATE
                            for k in kept):  # fmt: skip
            continue
        kept.add(i)
        out.append(i)
    return out


def face_box(face: Face, width: int, height: int) -> FaceBox:
    """Returns the centre and the width of a face in a frame of that size, pixels."""
    outline = face.landmarks.take(_OUTLINE, axis=0)
    (left, top, _), (right, bottom, _) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
    # The height of a turned face stays while its width shrinks.
    size = max((right - left) * width, 0.75 * (bottom - top) * height, 1.0)
    return np.array(((left + right) / 2 * width, (top + bottom) / 2 * height, size))


def appearance_of(frame: Frame, box: FaceBox) -> Appearance | None:
    """Samples the colours of a face, float32[cells, cells, 3], 0..1; None for other than RGBA."""
    if frame.format is not PixelFormat.RGBA:
        return None
    last = np.array(frame.size)[:, None] - 1
    at = (box[:2, None] + SAMPLE_AT * box[2]).astype(int)
    columns, rows = np.minimum(np.maximum(at, 0), last)
    colours = frame.image[rows[:, None], columns[None], :3]
    return np.asarray(colours, np.float32) * np.float32(1 / 255)


def distance(a: FaceBox, b: FaceBox) -> float:
    """Returns the distance between two centres, in widths of the larger face."""
    (x, y, width), (other_x, other_y, other_width) = a.tolist(), b.tolist()
    return math.hypot(x - other_x, y - other_y) / max(float(width), float(other_width))


def growth(a: FaceBox, b: FaceBox) -> float:
    """Returns the logarithm of the ratio of two sizes, without its sign."""
    return abs(math.log(float(a[2] / b[2])))


def _costs(
    track: TrackMotion,
    boxes: Sequence[FaceBox],
    appearances: Sequence[Appearance | None],
    now: float,
) -> list[float]:
    """Computes the cost of each detection for a track; infinite where it cannot be its own."""
    expected, gate = track.predicted(now), track.gate(now)
    out = []
    for box, appearance in zip(boxes, appearances, strict=True):
        away, grown = distance(box, expected), growth(box, track.box)
        possible = away < gate and grown < MAX_GROWTH
        out.append(away + grown + _recoloured(track.appearance, appearance) if possible else np.inf)
    return out


def _recoloured(before: Appearance | None, now: Appearance | None) -> float:
    if before is None or now is None:
        return 0.0
    return APPEARANCE_COST / before.size * float(np.abs(before - now).sum())
