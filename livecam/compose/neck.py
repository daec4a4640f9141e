"""Tints the bare skin between head and clothes like the avatar; its shading stays the camera's.

Skin is what has the colour of the cheeks near the throat: hands and arms stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, Material
from livecam.compose.base import Layers
from livecam.compose.grid import pixel_rect
from livecam.core.srgb import LINEAR_OF_BYTE, srgb_from_linear
from livecam.kernels.pixels import lay_over

BLEND = 0.15  # weight of a new measurement of the skin's brightness
SURE, MIN_CELLS = 90, 6  # of 255; cells
SHADE = 0.66  # of the avatar's colour: the neck is in the shadow of the head
MIN_SHADE, MAX_SHADE = 0.18, 1.9  # of the skin's own brightness

_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)


class NeckTint:
    """The stage that tints the neck; used on one thread."""

    name = "neck"

    def __init__(self, avatar: Avatar) -> None:
        self._tints = [neck_colour(avatar)]
        self.reset()

    def set_avatars(self, avatars: Sequence[Avatar]) -> None:
        """Sets the avatar of each slot."""
        self._tints = [neck_colour(avatar) for avatar in avatars]

    def reset(self) -> None:
        self._bright: float | None = None

    def apply(self, layers: Layers) -> None:
        segmentation, parts = layers.segmentation, layers.parts
        if segmentation is None or parts is None:
            return
        bare = parts.throat
        rect = pixel_rect(bare, segmentation)
        sure = bare > SURE
        if rect.empty or np.count_nonzero(sure) < MIN_CELLS:
            return
        if layers.coarse_source is not None:
            self._measure(layers.coarse_source[sure])
        if self._bright is None:
            return
        part = layers.image[rect.slices]
        grey = cv2.cvtColor(part, cv2.COLOR_RGBA2GRAY)
        slot = 0 if layers.primary is None else layers.primary.slot
        shades = self._shades(self._bright, self._tints[slot % len(self._tints)])
        tinted = cv2.LUT(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGBA), shades)
        synthetic = layers.synthetic
        lay_over(
            layers.image, np.asarray(tinted, np.uint8), rect, bare, segmentation.cell, rect,
            synthetic, synthetic,
        )  # fmt: skip

    def _measure(self, skin: NDArray[np.uint8]) -> None:
        """Updates the brightness of skin that is mapped to the avatar's own colour."""
        bright = float(np.percentile(LINEAR_OF_BYTE.take(skin) @ _LUMA, 75))
        known = bright if self._bright is None else self._bright
        self._bright = known + (bright - known) * BLEND

    def _shades(self, bright: float, tint: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Makes the table from the grey of skin to tinted colours, uint8[1, 256, 4], opaque.

        `bright` is the linear luminance of the brightest skin.
        """
        shade = np.clip(LINEAR_OF_BYTE / np.float32(max(bright, 0.01)), MIN_SHADE, MAX_SHADE)
        # A dim room dims the neck.
        level = np.float32(SHADE * min(1.0, (bright / 0.30) ** 0.6))
        lit = np.clip(shade[:, None] * (tint * level), 0, 1)
        out = np.full((1, 256, 4), 255, np.uint8)
        out[0, :, :3] = np.rint(255 * srgb_from_linear(lit.astype(np.float64)))
        return out


def neck_colour(avatar: Avatar) -> NDArray[np.float32]:
    """Returns the colour of the avatar at the front of its neck, linear float32[3]."""
    parts = [m for m in avatar.light_meshes if m.material in (Material.FUR, Material.SKIN)]
    points = np.concatenate([m.positions for m in parts])
    colours = np.concatenate([m.colors for m in parts])
    head_weight = np.concatenate([m.head_weight for m in parts])
    narrow = np.abs(points[:, 0]) < 0.4 * np.abs(points[:, 0]).max()
    front = (head_weight < 0.6) & (points[:, 2] > np.median(points[:, 2])) & narrow
    if np.count_nonzero(front) < 8:  # without a neck: the colour of the face
        front = (head_weight >= 0.6) & (points[:, 2] > np.percentile(points[:, 2], 60))
    return np.asarray(np.median(colours[front], axis=0), np.float32)
