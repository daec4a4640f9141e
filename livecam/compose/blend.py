"""Blends a rendered head over an image on the CPU: linear light, premultiplied alpha.

For software renderers: a full-screen pass there costs more than everything here. Only the soft
edge is computed per pixel; the inside is copied, the outside stays.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image
from livecam.core.srgb import LINEAR_OF_BYTE, srgb_from_linear

ENCODE_STEPS = 65536
# Blur of a webcam's edges, and the anti-aliasing that the software renderer lacks: 3x3 kernel,
# deviation in pixels for a head at image resolution, at twice of it, and below it.
KERNEL = (3, 3)
BLUR_PX, BLUR_OF_SHRUNK_PX, BLUR_OF_STRETCHED_PX = 0.80, 0.45, 0.60
FULL = np.array([[255]], np.float64)
NEARLY_FULL = 254


ENCODE = np.rint(255 * srgb_from_linear(np.arange(ENCODE_STEPS) / (ENCODE_STEPS - 1))).astype(
    np.uint8
)

# uint8[256, 256]: straight colour by coverage and premultiplied colour
_STRAIGHT = np.minimum(
    (np.arange(256)[None, :] * 255 + 127) // np.maximum(np.arange(256), 1)[:, None], 255
).astype(np.uint8)


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


def blend(image: Image, head: Image) -> None:
    """Blends a softened head over a part of an image, in place; both uint8[h, w, 4].

    Where coverage is 0 the image keeps its bytes, where it is full it takes the head's.
    """
    coverage = cv2.extractChannel(head, 3)
    cv2.copyTo(head, cv2.inRange(coverage, FULL, FULL), image)
    # uint8 wraps: only 1..254 stay below 254.
    edge = np.flatnonzero((coverage - np.uint8(1)) < NEARLY_FULL)
    if not len(edge):
        return
    rows, columns = np.divmod(edge, head.shape[1])
    over = _pixels(head)[edge].view(np.uint8).reshape(-1, 4)
    under = image[rows, columns]
    # Encoded colours were averaged premultiplied: unpremultiplied before decoding.
    straight = _STRAIGHT.take((over[:, 3:].astype(np.uint16) << 8) | over[:, :3])
    light = LINEAR_OF_BYTE.take(under[:, :3])
    light += (LINEAR_OF_BYTE.take(straight) - light) * (over[:, 3:] * np.float32(1 / 255))
    light *= ENCODE_STEPS - 1
    under[:, :3] = ENCODE.take(light.astype(np.uint16))
    image[rows, columns] = under


def _pixels(image: Image) -> NDArray[np.uint32]:
    """Views a contiguous image as uint32[h * w]: gathering whole pixels is four times as fast."""
    return image.view(np.uint32).reshape(-1)
