"""Sparse optical flow by Lucas-Kanade, and the affine motion of its inliers by RANSAC."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image
from livecam.vision.transforms import Affine, Points2, fit_affine, transformed

Gray: TypeAlias = NDArray[np.uint8]  # uint8[h, w]

# Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker", 2001.
FLOW_WINDOW, FLOW_LEVELS = (13, 13), 3
FLOW_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 8, 0.05)
MAX_FORWARD_BACKWARD_PX = 1.0  # forward-backward error of an inlier
MAX_RESIDUAL = 30.0  # mean difference of two windows, of 255, that show the same surface
MIN_INLIERS = 0.35  # share of the points that must agree on a motion
MIN_POINTS = 8
MIN_AREA_SCALE, MAX_AREA_SCALE = 0.7, 1.4  # determinant of a plausible motion


def track_points(
    before: Gray, after: Gray, points: Points2, start: Points2, levels: int = FLOW_LEVELS
) -> tuple[Points2, NDArray[np.bool_]]:
    """Tracks points into the next image; returns their positions and which passed the check.

    `start` is the initial guess in `after`. The check of the forward-backward error is that of
    Kalal, Mikolajczyk and Matas, "Forward-backward error", 2010.
    """
    tracked, found, residual = cv2.calcOpticalFlowPyrLK(
        before, after, points, start.astype(np.float32), winSize=FLOW_WINDOW, maxLevel=levels,
        criteria=FLOW_STOP, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    back, returned, _ = cv2.calcOpticalFlowPyrLK(
        after, before, tracked, points.copy(), winSize=FLOW_WINDOW, maxLevel=0,
        criteria=FLOW_STOP, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    error = np.linalg.norm(back - points, axis=1)
    good = (found[:, 0] > 0) & (returned[:, 0] > 0) & (error < MAX_FORWARD_BACKWARD_PX)
    return np.asarray(tracked, np.float32), good & (residual[:, 0] < MAX_RESIDUAL)


def consensus_motion(
    before: Points2, after: Points2, good: NDArray[np.bool_], tolerance: float
) -> Affine | None:
    """Fits the affine motion of the inliers (RANSAC, least squares); None without a consensus."""
    if good.sum() < MIN_INLIERS * len(good):
        return None
    start, end = before[good], after[good]
    threshold = max(tolerance, 0.5)
    rough, inliers = cv2.estimateAffinePartial2D(
        start, end, ransacReprojThreshold=threshold, maxIters=200
    )
    if not np.any(inliers):
        return None
    transform = np.asarray(rough, np.float64)
    for _ in range(2):
        agree = np.linalg.norm(transformed(start, transform) - end, axis=1) < threshold
        if agree.sum() < MIN_INLIERS * len(good):
            return None
        transform = fit_affine(start[agree], end[agree])
    area_scale = float(np.linalg.det(transform[:, :2]))
    return transform if MIN_AREA_SCALE < area_scale < MAX_AREA_SCALE else None


def gray_image(image: Image, scale: float) -> Gray:
    """Computes the luma of an image, scaled down by a factor up to 1."""
    if scale < 1:
        image = np.asarray(
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8
        )
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGBA2GRAY), np.uint8)
