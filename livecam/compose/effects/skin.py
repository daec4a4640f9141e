"""Smooths the skin of a face: blotches go, pores and edges stay.

The image is split into two bands: what is finer than a reduced copy (pores, hair, the camera's
grain) is mostly kept, the copy itself is smoothed by a guided filter (He, Sun and Tang 2010), which
keeps shading and edges. Only skin is changed: eyes, brows, lips and nostrils are masked, and
what differs in colour from the cheeks, such as a strand of hair or the rim of glasses.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.compose.effects import geometry
from livecam.compose.effects.geometry import Plane
from livecam.config.settings import EffectSettings
from livecam.core.face import FACE_OVAL
from livecam.core.frame import Image, Rect
from livecam.vision.transforms import Points2

UNIT_CELLS = 44  # distance between the eyes in the reduced copy, pixels
RADIUS = 4  # of the filter, in its pixels: a tenth of the eyes' distance, a large pimple
EDGE = 0.05  # contrast (0..1, sRGB) that counts as an edge
FINE_LOSS = 0.40  # of the finest detail, at full setting
SKIN_SPREAD = 11.0  # levels of Cr and Cb that skin may differ from its median
CHEEKS = (50, 280, 205, 425, 151, 36, 266)  # landmarks on bare skin
OVAL_SHRINK, HOLE_GROWTH = 0.97, 1.22
EYE_GROWTH = 1.45  # lashes and lids too
BROW_GROWTH = 1.12
FEATHER = 1.6  # pixels of the reduced copy


class SmoothSkin:
    """The stage that smooths skin; used on one thread, stateless."""

    name = "smooth-skin"

    def __init__(self, settings: EffectSettings) -> None:
        self._amount = settings.smooth_skin

    @staticmethod
    def wanted(settings: EffectSettings) -> bool:
        return settings.smooth_skin > 0

    def apply(self, layers: Layers) -> None:
        points = geometry.uncovered_points(layers)
        if points is None:
            return
        unit_px = geometry.face_axes(points).unit_px
        height, width = layers.image.shape[:2]
        region = geometry.box_around(geometry.oval(points), 2, width, height)
        if region.width < 4 or region.height < 4:
            return
        part = layers.image[region.slices]
        scale = min(1.0, UNIT_CELLS / unit_px)
        small = _reduced(part, scale)
        mask = skin_mask(layers, points, region, small, unit_px)
        part[...] = _smoothed(part, small, mask, self._amount)

    def reset(self) -> None:
        pass


def _reduced(part: Image, scale: float) -> Image:
    if scale == 1:
        return part
    size = (max(2, round(part.shape[1] * scale)), max(2, round(part.shape[0] * scale)))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def skin_mask(layers: Layers, points: Points2, region: Rect, small: Image, unit_px: float) -> Plane:
    """Returns the mask of skin over the reduced region, float32[rows, columns], 0..1."""
    origin, scale = (region.x0, region.y0), small.shape[1] / region.width
    mask = np.zeros(small.shape[:2], np.uint8)
    outline = geometry.contour(points, FACE_OVAL, OVAL_SHRINK)
    geometry.fill(mask, outline, origin, scale, 255)
    for names, growth in (
        (geometry.EYE_LEFT, EYE_GROWTH),
        (geometry.EYE_RIGHT, EYE_GROWTH),
        (geometry.BROW_LEFT, BROW_GROWTH),
        (geometry.BROW_RIGHT, BROW_GROWTH),
        (geometry.LIPS_OUTER, BROW_GROWTH),
        (geometry.NOSTRIL_LEFT, HOLE_GROWTH),
        (geometry.NOSTRIL_RIGHT, HOLE_GROWTH),
    ):
        geometry.fill(mask, geometry.contour(points, names, growth), origin, scale, 0)
    geometry.hide_hands(mask, layers, origin, scale, unit_px)
    soft = cv2.GaussianBlur(np.minimum(mask, _skin_colored(small, mask)), (0, 0), FEATHER)
    # Feathered inwards only: beyond the outline nothing changes.
    return np.asarray(np.minimum(soft, mask), np.float32) * np.float32(1 / 255)


def _skin_colored(small: Image, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the similarity of each pixel's chroma to the face's skin, uint8[rows, columns]."""
    chroma = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(np.float32)
    inside = chroma[mask == 255]
    if not len(inside):
        return mask
    away = (chroma - np.median(inside[::4], axis=0)) * np.float32(1 / SKIN_SPREAD)
    squares = np.maximum((away * away).sum(axis=2) - 1, 0)
    return np.asarray(255 / (1 + squares * squares), np.uint8)


def _smoothed(part: Image, small: Image, mask: Plane, amount: float) -> Image:
    """Returns the part with smoother skin, uint8[h, w, 4]."""
    base = small.astype(np.float32)
    smooth = edge_preserving(base, RADIUS, EDGE * 255)
    weight = mask * np.float32(amount)
    loss = weight * np.float32(FINE_LOSS)
    # image + weight * (smooth - base) - loss * (image - base), the low-resolution terms enlarged
    added = (smooth - base) * weight[..., None]
    added += base * loss[..., None]
    size = (part.shape[1], part.shape[0])
    kept = 1 - np.asarray(cv2.resize(loss, size, interpolation=cv2.INTER_LINEAR), np.float32)
    enlarged = cv2.resize(added, size, interpolation=cv2.INTER_LINEAR)
    kept_image = cv2.multiply(part, cv2.merge([kept] * 4), dtype=cv2.CV_32F)
    out = cv2.add(kept_image, enlarged, dtype=cv2.CV_8U)
    return np.asarray(out, np.uint8)


def edge_preserving(image: NDArray[np.float32], radius: int, edge: float) -> NDArray[np.float32]:
    """Applies a guided filter, each channel its own guide: float32[h, w, c], 0..255."""
    size = (2 * radius + 1, 2 * radius + 1)
    mean = cv2.blur(image, size)
    variance = cv2.blur(image * image, size) - mean * mean
    slope = variance / (variance + np.float32(edge * edge))
    offset = cv2.blur(mean - slope * mean, size)
    return np.asarray(cv2.blur(slope, size) * image + offset, np.float32)
