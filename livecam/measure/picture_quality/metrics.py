"""Image metrics: PSNR, seams, change between frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image
from livecam.measure.leak import BoolMask

GreyImage = NDArray[np.uint8]  # uint8[h, w]
HALF = 128
SEAM_PX = 2  # a seam is a step between two pixels at this distance on either side of a border


def psnr(image: Image, truth: Image, where: BoolMask) -> float:
    """Returns the peak signal-to-noise ratio in decibels over all colours; at most 99."""
    error = image[where, :3].astype(np.float64) - truth[where, :3]
    mean = float((error * error).mean())
    return min(99.0, 10 * float(np.log10(255**2 / max(mean, 1e-9))))


def max_error(image: Image, truth: Image) -> GreyImage:
    """Returns the maximum error of the three colours of each pixel."""
    return np.asarray(cv2.absdiff(image[..., :3], truth[..., :3]).max(axis=2), np.uint8)


def seam_ratio(image: Image, truth: Image, fill: GreyImage, background: BoolMask) -> float | None:
    """Returns the mean step of luma across the border of `fill` over the true step there.

    Only where both sides of the border are background; None below 50 such pixels.
    """
    soft = cv2.GaussianBlur(fill.astype(np.float32), (0, 0), 2)
    along = np.dstack((cv2.Sobel(soft, -1, 1, 0), cv2.Sobel(soft, -1, 0, 1)))
    inside = (fill >= HALF).astype(np.uint8)
    border = (inside > 0) & (cv2.erode(inside, np.ones((3, 3), np.uint8)) == 0)
    rows, columns = np.nonzero(border & (np.hypot(along[..., 0], along[..., 1]) > 1))
    normal = along[rows, columns] / np.linalg.norm(along[rows, columns], axis=1, keepdims=True)
    sides = []
    for offset in (SEAM_PX, -SEAM_PX):
        x = np.rint(columns + offset * normal[:, 0]).astype(np.int64)
        y = np.rint(rows + offset * normal[:, 1]).astype(np.int64)
        sides.append((np.clip(y, 0, fill.shape[0] - 1), np.clip(x, 0, fill.shape[1] - 1)))
    good = background[sides[0]] & background[sides[1]]
    if good.sum() < 50:
        return None
    steps = [float(np.abs(luma[sides[0]] - luma[sides[1]])[good].mean()) for luma in (
        _denoised_luma(image), _denoised_luma(truth)
    )]  # fmt: skip
    return steps[0] / max(steps[1], 0.5)


def _denoised_luma(image: Image) -> NDArray[np.float32]:
    """Returns luma, float32[h, w], smoothed against the noise of the camera."""
    grey = cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.2), np.float32)


def mean_change(before: Image, after: Image, where: BoolMask) -> float | None:
    """Returns the mean absolute difference in `where`, in levels; None below 50 pixels."""
    if where.sum() < 50:
        return None
    difference = cv2.absdiff(before[..., :3], after[..., :3])
    return float(difference[where].mean())
