"""Blend a drawn head into the picture on the processor: linear light, premultiplied.

For software renderers: a full-screen pass there costs more than everything here. Only the soft
edge is computed pixel by pixel; the inside is copied, the rest stays as it is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image
from livecam.core.srgb import linear_from_srgb, srgb_from_linear

ENCODE_STEPS = 65536
# The softness of a webcam's edge, and the anti-aliasing that a software renderer lacks: 3x3, in
# pixels, for a head drawn at the picture's size, for one drawn twice as large and shrunk, and for
# one drawn smaller.
KERNEL = (3, 3)
SOFTNESS, SOFTNESS_OF_SHRUNK, SOFTNESS_OF_STRETCHED = 0.80, 0.45, 0.60
FULL = np.array([[255]], np.float64)
NEARLY_FULL = 254


_DECODE = linear_from_srgb(np.arange(256) / 255).astype(np.float32)
_ENCODE = np.rint(255 * srgb_from_linear(np.arange(ENCODE_STEPS) / (ENCODE_STEPS - 1))).astype(
    np.uint8
)

# straight colour of (coverage, premultiplied colour)
_STRAIGHT = np.minimum(
    (np.arange(256)[None, :] * 255 + 127) // np.maximum(np.arange(256), 1)[:, None], 255
).astype(np.uint8)


def soften(pixels: Image, width: int, height: int) -> Image:
    """A drawn head at the picture's size with soft edges: uint8[height, width, 4].

    `pixels` are premultiplied sRGB with coverage 0 or 255, drawn at any size up to twice this.
    """
    finer = pixels.shape[1] / width
    if finer < 1:  # stretching softens a little by itself
        pixels = np.asarray(cv2.GaussianBlur(pixels, KERNEL, SOFTNESS_OF_STRETCHED), np.uint8)
    if finer != 1:
        # Bilinear shrinking by up to two looks at every pixel; INTER_AREA costs ten times more.
        pixels = np.asarray(
            cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    if finer < 1:
        return pixels
    sigma = SOFTNESS + (SOFTNESS_OF_SHRUNK - SOFTNESS) * (finer - 1)
    return np.asarray(cv2.GaussianBlur(pixels, KERNEL, sigma), np.uint8)


def blend(picture: Image, head: Image) -> None:
    """Lays a softened head over a part of the picture, in place; both uint8[h, w, 4].

    Where coverage is 0 the picture keeps its bytes, where it is full it takes the head's.
    """
    coverage = cv2.extractChannel(head, 3)
    cv2.copyTo(head, cv2.inRange(coverage, FULL, FULL), picture)
    # Bytes wrap: only 1..254 stay below 254.
    edge = np.flatnonzero((coverage - np.uint8(1)) < NEARLY_FULL)
    if not len(edge):
        return
    rows, columns = np.divmod(edge, head.shape[1])
    over = _pixels(head)[edge].view(np.uint8).reshape(-1, 4)
    under = picture[rows, columns]
    # Encoded colours were averaged over the covered part only: undo that before decoding.
    straight = _STRAIGHT.take((over[:, 3:].astype(np.uint16) << 8) | over[:, :3])
    light = _DECODE.take(under[:, :3])
    light += (_DECODE.take(straight) - light) * (over[:, 3:] * np.float32(1 / 255))
    light *= ENCODE_STEPS - 1
    under[:, :3] = _ENCODE.take(light.astype(np.uint16))
    picture[rows, columns] = under


def _pixels(image: Image) -> NDArray[np.uint32]:
    """Whole pixels uint32[h * w] of a contiguous picture: gathered four times as fast."""
    return image.view(np.uint32).reshape(-1)
