"""2-D similarity and affine transforms between point sets, by least squares."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Points2: TypeAlias = NDArray[np.float32]  # float32[n, 2], pixels
Affine: TypeAlias = NDArray[np.float64]  # float64[2, 3], pixels to pixels


def fit_similarity(before: Points2, after: Points2) -> Affine:
    """Fits translation, rotation and scale that map points onto points, float64[2, 3].

    Least squares (Umeyama, "Least-squares estimation of transformation parameters between two
    point patterns", 1991, in the plane).
    """
    a, b = before.astype(np.float64), after.astype(np.float64)
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    a, b = a - mean_a, b - mean_b
    size = max(float((a * a).sum()), 1e-9)
    cos = float((a * b).sum()) / size
    sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / size
    linear = np.array(((cos, -sin), (sin, cos)))
    return np.column_stack((linear, mean_b - linear @ mean_a))


def fit_affine(before: Points2, after: Points2) -> Affine:
    """Fits the affine transform that maps points onto points, by least squares."""
    ones = np.ones((len(before), 3))
    ones[:, :2] = before
    transform = np.linalg.lstsq(ones, after.astype(np.float64), rcond=None)[0].T
    return np.asarray(transform, np.float64)


def transformed(points: Points2, transform: Affine) -> Points2:
    """Applies an affine transform to points."""
    result: Points2 = (points @ transform[:, :2].T + transform[:, 2]).astype(np.float32)
    return result


def inverse_transformed(points: Points2, transform: Affine) -> Points2:
    """Applies the inverse of an affine transform to points."""
    return transformed(points, np.asarray(cv2.invertAffineTransform(transform), np.float64))
