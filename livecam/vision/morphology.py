"""Structuring elements for the morphology of masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def disc(radius: int) -> NDArray[np.uint8]:
    """Makes a disc-shaped structuring element of a radius in pixels, uint8[2r + 1, 2r + 1]."""
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
