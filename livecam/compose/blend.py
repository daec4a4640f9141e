"""Blend a drawn head into the picture on the processor: linear light, premultiplied.

For software renderers: a full-screen pass there costs more than everything here. Only the soft
edge is computed pixel by pixel; the inside is copied, the rest stays as it is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image

ENCODE_STEPS = 65536
# 3x3 tent: the softness of a webcam's edge, and the anti-aliasing that a software renderer lacks
TENT = np.array((1, 2, 1), np.float32) / 4
NEARLY_NONE, NEARLY_FULL, FULL = (np.array([[c]], np.float64) for c in (1, 254, 255))
HALF_TENT = np.array((1, 6, 1), np.float32) / 8  # when the head was drawn larger and shrunk


def linear_from_srgb(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """0..1 (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """0..1 (IEC 61966-2-1)."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


_DECODE = linear_from_srgb(np.arange(256) / 255).astype(np.float32)
_ENCODE = np.rint(255 * srgb_from_linear(np.arange(ENCODE_STEPS) / (ENCODE_STEPS - 1))).astype(
    np.uint8
)


def soften(pixels: Image, width: int, height: int) -> Image:
    """A drawn head at the picture's size with soft edges: uint8[height, width, 4].

    `pixels` are premultiplied sRGB with coverage 0 or 255, maybe drawn larger.
    """
    if pixels.shape[1] == width:
        return np.asarray(cv2.sepFilter2D(pixels, -1, TENT, TENT), np.uint8)
    smaller = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.sepFilter2D(smaller, -1, HALF_TENT, HALF_TENT), np.uint8)


def blend(picture: Image, head: Image) -> None:
    """Lays a softened head over a part of the picture, in place; both uint8[h, w, 4].

    Where coverage is 0 the picture keeps its bytes, where it is full it takes the head's.
    """
    coverage = head[..., 3]
    cv2.copyTo(head, cv2.inRange(coverage, FULL, FULL), picture)
    rows, columns = np.nonzero(cv2.inRange(coverage, NEARLY_NONE, NEARLY_FULL))
    edge = head[rows, columns].astype(np.float32)
    alpha = edge[:, 3:] / 255
    # Encoded colours were averaged over the covered part only: undo that before decoding.
    straight = np.minimum(edge[:, :3] / alpha + 0.5, 255).astype(np.uint8)
    light = _DECODE[straight] * alpha
    light += _DECODE[picture[rows, columns, :3]] * (1 - alpha)
    light *= ENCODE_STEPS - 1
    picture[rows, columns, :3] = _ENCODE[light.astype(np.uint16)]
