"""Where spots of one picture lie in another, and the motion that they share."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image
from livecam.segmentation.base import Mask
from livecam.segmentation.hand_shape import Points

Affine: TypeAlias = NDArray[np.float64]  # float64[2, 3], pixels to pixels

# Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker", 2001.
FLOW_WINDOW, FLOW_LEVELS = (13, 13), 3
FLOW_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 8, 0.05)
BACK_AND_FORTH_PX = 1.0  # in that picture: a point must find its way back
CHANGED = 30.0  # mean difference of a window, of 255, from which it shows something else
MOST_AGREE = 0.35  # share of the spots that must move together
FEWEST_SPOTS = 8
LEAST_AREA, LARGEST_AREA = 0.7, 1.4  # how much a hand may grow between two pictures


def flow(
    before: Mask, after: Mask, marks: Points, start: Points, levels: int = FLOW_LEVELS
) -> tuple[Points, NDArray[np.bool_]]:
    """Where marks went (pyramidal Lucas-Kanade), and which of them found their way back."""
    there, found, error = cv2.calcOpticalFlowPyrLK(
        before, after, marks, start.astype(np.float32), winSize=FLOW_WINDOW, maxLevel=levels,
        criteria=FLOW_STOP, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    back, returned, _ = cv2.calcOpticalFlowPyrLK(
        after, before, there, marks.copy(), winSize=FLOW_WINDOW, maxLevel=0,
        criteria=FLOW_STOP, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    astray = np.linalg.norm(back - marks, axis=1)
    good = (found[:, 0] > 0) & (returned[:, 0] > 0) & (astray < BACK_AND_FORTH_PX)
    return np.asarray(there, np.float32), good & (error[:, 0] < CHANGED)


def together(
    before: Points, after: Points, good: NDArray[np.bool_], tolerance: float
) -> Affine | None:
    """The affine motion that most marks share; None when there is none."""
    if good.sum() < MOST_AGREE * len(good):
        return None
    start, end = before[good], after[good]
    near = max(tolerance, 0.5)
    rough, agreed = cv2.estimateAffinePartial2D(
        start, end, ransacReprojThreshold=near, maxIters=200
    )
    if not np.any(agreed):
        return None
    move = np.asarray(rough, np.float64)
    for _ in range(2):
        agree = np.linalg.norm(mapped(move, start) - end, axis=1) < near
        if agree.sum() < MOST_AGREE * len(good):
            return None
        move = fit(start[agree], end[agree])
    return move if LEAST_AREA < float(np.linalg.det(move[:, :2])) < LARGEST_AREA else None


def fit(before: Points, after: Points) -> Affine:
    """The affine motion from landmarks to landmarks, by least squares."""
    ones = np.ones((len(before), 3))
    ones[:, :2] = before
    move = np.linalg.lstsq(ones, after.astype(np.float64), rcond=None)[0].T
    return np.asarray(move, np.float64)


def mapped(move: Affine, points: Points) -> Points:
    """Points after a motion."""
    result: Points = (points @ move[:, :2].T + move[:, 2]).astype(np.float32)
    return result


def unmapped(move: Affine, points: Points) -> Points:
    """Points before a motion."""
    return mapped(np.asarray(cv2.invertAffineTransform(move), np.float64), points)


def grey_of(part: Image, scale: float) -> Mask:
    """A part of a picture in grey, shrunk by a scale up to 1."""
    if scale < 1:
        part = np.asarray(
            cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8
        )
    return np.asarray(cv2.cvtColor(part, cv2.COLOR_RGBA2GRAY), np.uint8)
