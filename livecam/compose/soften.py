"""Softens the edges of a head that was rendered without multisampling, at image resolution."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.core.frame import Image

# Blur of a webcam's edges, and the anti-aliasing that the software renderer lacks: 3x3 kernel,
# deviation in pixels for a head at image resolution, at twice of it, and below it.
KERNEL = (3, 3)
BLUR_PX, BLUR_OF_SHRUNK_PX, BLUR_OF_STRETCHED_PX = 0.80, 0.45, 0.60


def soften(pixels: Image, width: int, height: int) -> Image:
    """Resizes a rendered head to image resolution with soft edges: uint8[height, width, 4].

    `pixels` are premultiplied sRGB with coverage 0 or 255, at any scale up to 2.
    """
    scale = pixels.shape[1] / width
    if scale < 1:  # enlarging blurs a little by itself
        pixels = np.asarray(cv2.GaussianBlur(pixels, KERNEL, BLUR_OF_STRETCHED_PX), np.uint8)
    if scale != 1:
        # Bilinear shrinking by up to two reads every pixel; INTER_AREA costs ten times more.
        pixels = np.asarray(
            cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    if scale < 1:
        return pixels
    sigma = BLUR_PX + (BLUR_OF_SHRUNK_PX - BLUR_PX) * (scale - 1)
    return np.asarray(cv2.GaussianBlur(pixels, KERNEL, sigma), np.uint8)
