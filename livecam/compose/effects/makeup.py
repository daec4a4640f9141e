"""Make-up: tints lips and cheeks, and keeps their shading and gloss.

Colours are multiplied in linear light, as by a real dye, and less in highlights.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.compose.effects import geometry
from livecam.compose.effects.geometry import FaceAxes, Plane
from livecam.config.settings import EffectSettings
from livecam.core.frame import Rect
from livecam.core.srgb import LINEAR_OF_BYTE, srgb_from_linear
from livecam.vision.transforms import Points2

LUMINANCE = np.array((0.2126, 0.7152, 0.0722), np.float32)  # of linear sRGB (BT.709)

LIPS_OPACITY = 0.80  # of the tint, at full setting
LIP_ALBEDO = 0.27  # luminance of bare lips in plain light
LIGHT_RANGE = (0.3, 1.15)  # bounds of the tint's brightness over that of plain light
GLOSS_FROM = 1.5  # times the mean brightness of the lips: above are specular highlights
LIPS_FEATHER = 0.035  # eye distances
TEETH_FEATHER = 0.012

BLUSH = np.array((0.98, 0.60, 0.65), np.float32)  # factor of the colour, at full setting
BLUSH_AT = ((50, 205), (280, 425))  # landmarks around the apple of each cheek
BLUSH_SHIFT = (-0.02, 0.02)  # eye distances, outwards and down
BLUSH_SIZE = (0.80, 0.52)  # radii, where it becomes exactly 0
BLUSH_TILT_RAD = 0.5  # up towards the ears

_STEPS = 4096
_ENCODE = np.rint(255 * srgb_from_linear(np.arange(_STEPS) / (_STEPS - 1))).astype(np.uint8)


class Makeup:
    """The stage that tints lips and cheeks; used on one thread, stateless."""

    name = "makeup"

    def __init__(self, settings: EffectSettings) -> None:
        self._lips = settings.lips
        self._blush = settings.blush
        self._color = color_of(settings.lip_color)

    @staticmethod
    def wanted(settings: EffectSettings) -> bool:
        return settings.lips > 0 or settings.blush > 0

    def apply(self, layers: Layers) -> None:
        points = geometry.uncovered_points(layers)
        if points is None:
            return
        axes = geometry.face_axes(points)
        if self._blush > 0:
            _blush(layers, points, axes, self._blush)
        if self._lips > 0:
            _tint_lips(layers, points, axes, self._color, self._lips)

    def reset(self) -> None:
        pass


def color_of(text: str) -> NDArray[np.float32]:
    """Parses a colour such as "#b3263f" to linear light, float32[3], 0..1."""
    return LINEAR_OF_BYTE[np.frombuffer(bytes.fromhex(text.strip().removeprefix("#")), np.uint8)]


def lips_mask(layers: Layers, points: Points2, region: Rect, unit_px: float) -> NDArray[np.float32]:
    """Returns the mask of the lips in a region, float32[h, w, 1]; 0 inside the mouth."""
    origin = (region.x0, region.y0)
    lips = np.zeros((region.height, region.width), np.uint8)
    geometry.fill(lips, points[list(geometry.LIPS_OUTER)], origin, 1, 255)
    geometry.hide_hands(lips, layers, origin, 1, unit_px)
    mouth = np.zeros_like(lips)
    geometry.fill(mouth, points[list(geometry.LIPS_INNER)], origin, 1, 255)
    soft = cv2.GaussianBlur(lips, (0, 0), max(LIPS_FEATHER * unit_px, 0.5)).astype(np.float32)
    closed = cv2.GaussianBlur(mouth, (0, 0), max(TEETH_FEATHER * unit_px, 0.5))
    free = 255 - np.maximum(mouth, closed).astype(np.float32)
    return (soft * free * np.float32(1 / 255**2))[..., None]


def _tint_lips(
    layers: Layers, points: Points2, axes: FaceAxes, color: NDArray[np.float32], amount: float
) -> None:
    height, width = layers.image.shape[:2]
    margin = 3 * LIPS_FEATHER * axes.unit_px + 2
    region = geometry.box_around(points[list(geometry.LIPS_OUTER)], margin, width, height)
    if region.empty:
        return
    part = layers.image[region.slices]
    mask = lips_mask(layers, points, region, axes.unit_px)
    light = LINEAR_OF_BYTE[part[..., :3]]
    tinted = _tinted(light, mask, color)
    light += (tinted - light) * (mask * np.float32(LIPS_OPACITY * amount))
    changed = _ENCODE[(np.clip(light, 0, 1) * (_STEPS - 1) + 0.5).astype(np.uint16)]
    np.copyto(part[..., :3], changed, where=mask > 0)


def _tinted(
    light: NDArray[np.float32], mask: NDArray[np.float32], color: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Recolours lips: linear float32[h, w, 3]."""
    brightness = (light @ LUMINANCE)[..., None]
    own = float((brightness * mask).sum() / max(float(mask.sum()), 1e-6))
    own = max(own, 1e-3)
    shade = brightness / own
    gloss = np.maximum(shade - GLOSS_FROM, 0) * own
    lit = float(np.clip(own / LIP_ALBEDO, *LIGHT_RANGE))
    return np.asarray(color * lit * np.minimum(shade, GLOSS_FROM) + gloss, np.float32)


def _blush(layers: Layers, points: Points2, axes: FaceAxes, amount: float) -> None:
    height, width = layers.image.shape[:2]
    for side, names in zip((-1, 1), BLUSH_AT, strict=True):
        # The cheek that turns away narrows and fades.
        facing = float(axes.turn[2] @ (side * 0.6, 0.0, 0.8))
        if facing <= 0.1:
            continue
        step = np.array((side * BLUSH_SHIFT[0], BLUSH_SHIFT[1]))
        center = points[list(names)].mean(axis=0) + axes.plane_px @ step
        reach = BLUSH_SIZE[0] * axes.unit_px
        region = geometry.box_around(center[None], reach, width, height)
        if region.empty:
            continue
        part = layers.image[region.slices]
        weight = _patch(region, center, axes, side) * np.float32(amount * min(1.0, 2 * facing))
        weight *= _on_face(layers, points, region, axes.unit_px)
        # A table of the fully blushed colour; blending it as encoded sRGB is accurate enough.
        dyed = cv2.LUT(part, _BLUSHED)
        part[...] = cv2.blendLinear(dyed, part, weight, 1 - weight)


# uint8[1, 256, 4]: levels of a channel, fully blushed
_BLUSHED = np.stack(
    [
        _ENCODE[np.rint(LINEAR_OF_BYTE * share * (_STEPS - 1)).astype(int)]
        for share in (*BLUSH, 1.0)
    ],
    axis=-1,
)[None]


def _patch(region: Rect, center: Points2, axes: FaceAxes, side: int) -> Plane:
    """Draws a soft tilted ellipse on the cheek, float32[h, w], exactly 0 at its edge."""
    x = np.arange(region.x0, region.x1, dtype=np.float32) - center[0]
    y = (np.arange(region.y0, region.y1, dtype=np.float32) - center[1])[:, None]
    cosine, sine = np.cos(BLUSH_TILT_RAD * -side), np.sin(BLUSH_TILT_RAD * -side)
    ellipse = np.array(((cosine, sine), (-sine, cosine))) / np.array(BLUSH_SIZE)[:, None]
    to_unit = (ellipse @ np.linalg.inv(axes.plane_px)).astype(np.float32)
    along, across = to_unit[0, 0] * x + to_unit[0, 1] * y, to_unit[1, 0] * x + to_unit[1, 1] * y
    return np.asarray(np.maximum(1 - along * along - across * across, 0) ** 3, np.float32)


def _on_face(layers: Layers, points: Points2, region: Rect, unit_px: float) -> Plane:
    """Returns the mask of the face without hands in front of it, float32[h, w]."""
    mask = np.zeros((region.height, region.width), np.uint8)
    origin = (region.x0, region.y0)
    geometry.fill(mask, geometry.oval(points), origin, 1, 255)
    geometry.hide_hands(mask, layers, origin, 1, unit_px)
    soft = cv2.blur(mask, (5, 5)).astype(np.float32) * np.float32(1 / 255)
    return np.asarray(np.minimum(soft, mask * np.float32(1 / 255)), np.float32)
