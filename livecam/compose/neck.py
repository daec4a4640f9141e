"""Give bare skin between head and clothes the colour of the avatar; its shading stays the camera's.

What is skin is told by the colour of the cheeks, and only near the throat: hands and arms stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, Material
from livecam.compose.base import Layers
from livecam.compose.head_removal import bounds, enlarged, lay
from livecam.core.srgb import linear_from_srgb, srgb_from_linear

FOLLOWS = 0.15  # of a new look at the skin's brightness
SURE, SMALLEST = 90, 6  # of 255; cells
SHADE = 0.66  # of the avatar's own colour: what lies under a head is darker
DARKEST, BRIGHTEST = 0.18, 1.9  # of the skin's own brightness

_DECODE = linear_from_srgb(np.arange(256) / 255).astype(np.float32)
_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)


class NeckTint:
    """The stage, for one avatar; used on one thread."""

    name = "neck"

    def __init__(self, avatar: Avatar) -> None:
        self._tints = [throat_colour(avatar)]
        self.reset()

    def set_avatars(self, avatars: Sequence[Avatar]) -> None:
        """Says whose heads there are, as `CompositingStages.wear`."""
        self._tints = [throat_colour(avatar) for avatar in avatars]

    def reset(self) -> None:
        self._bright: float | None = None

    def apply(self, layers: Layers) -> None:
        segmentation, figure = layers.segmentation, layers.parts
        if segmentation is None or figure is None:
            return
        bare = figure.throat
        rect = bounds(bare, segmentation)
        sure = bare > SURE
        if rect.empty or np.count_nonzero(sure) < SMALLEST:
            return
        if layers.coarse_source is not None:
            self._measure(layers.coarse_source[sure])
        if self._bright is None:
            return
        part = layers.image[rect.slices]
        alpha = enlarged(bare, segmentation.cell, rect)
        grey = cv2.cvtColor(part, cv2.COLOR_RGBA2GRAY)
        slot = 0 if layers.primary is None else layers.primary.slot
        shades = self._shades(self._bright, self._tints[slot % len(self._tints)])
        tinted = cv2.LUT(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGBA), shades)
        lay(part, np.asarray(tinted, np.uint8), alpha)
        np.maximum(layers.synthetic[rect.slices], alpha, out=layers.synthetic[rect.slices])

    def _measure(self, skin: NDArray[np.uint8]) -> None:
        """Learns how bright the skin is in which the tint stands for the avatar's own colour."""
        bright = float(np.percentile(_DECODE.take(skin) @ _LUMA, 75))
        known = bright if self._bright is None else self._bright
        self._bright = known + (bright - known) * FOLLOWS

    def _shades(self, bright: float, tint: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The tint for every grey of skin whose brightest parts are that bright.

        uint8[1, 256, 4], opaque.
        """
        shade = np.clip(_DECODE / np.float32(max(bright, 0.01)), DARKEST, BRIGHTEST)
        # A room that is dim makes a dim throat.
        level = np.float32(SHADE * min(1.0, (bright / 0.30) ** 0.6))
        lit = np.clip(shade[:, None] * (tint * level), 0, 1)
        out = np.full((1, 256, 4), 255, np.uint8)
        out[0, :, :3] = np.rint(255 * srgb_from_linear(lit.astype(np.float64)))
        return out


def throat_colour(avatar: Avatar) -> NDArray[np.float32]:
    """The avatar's own colour where its neck ends in front, linear float32[3]."""
    parts = [m for m in avatar.light_meshes if m.material in (Material.FUR, Material.SKIN)]
    points = np.concatenate([m.positions for m in parts])
    colours = np.concatenate([m.colors for m in parts])
    follows = np.concatenate([m.head_weight for m in parts])
    narrow = np.abs(points[:, 0]) < 0.4 * np.abs(points[:, 0]).max()
    front = (follows < 0.6) & (points[:, 2] > np.median(points[:, 2])) & narrow
    if np.count_nonzero(front) < 8:  # no neck of its own: the face's colour
        front = (follows >= 0.6) & (points[:, 2] > np.percentile(points[:, 2], 60))
    return np.asarray(np.median(colours[front], axis=0), np.float32)
