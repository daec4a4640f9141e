"""Give bare skin between head and clothes the colour of the avatar; its shading stays the camera's.

What is skin is told by the colour of the cheeks, and only near the throat: hands and arms stay.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, Material
from livecam.compose.base import Layers
from livecam.compose.blend import linear_from_srgb, srgb_from_linear
from livecam.compose.figure import Figure
from livecam.compose.head_removal import bounds, enlarged, lay
from livecam.segmentation.base import Mask, Scene

WIDTH, DEPTH = 0.55, 0.85  # of the throat round a point below the chin, face heights; fading out
BELOW_CHIN = 0.25  # that point, in face heights
SAME_AS_CLOTH = 90  # of 255: mean likeness of the chest to skin
ONE_PIECE = 60  # of 255: skin from which it counts as joined to the throat
FOLLOWS = 0.15  # of a new look at the skin's brightness
SMALLEST = 6  # cells
SHADE = 0.92  # of the avatar's own colour: what lies under a head is darker
DARKEST, BRIGHTEST = 0.18, 1.9  # of the skin's own brightness

_DECODE = linear_from_srgb(np.arange(256) / 255).astype(np.float32)
_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)


class NeckTint:
    """The stage, for one avatar; used on one thread."""

    name = "neck"

    def __init__(self, avatar: Avatar) -> None:
        self._tint = throat_colour(avatar)
        self.reset()

    def reset(self) -> None:
        self._bright: float | None = None

    def apply(self, layers: Layers) -> None:
        scene, figure = layers.scene, layers.figure
        if scene is None or figure is None or layers.small is None:
            return
        bare = _bare(scene, figure)
        rect = bounds(bare, scene)
        if rect.empty or np.count_nonzero(bare > 90) < SMALLEST:
            return
        light = _DECODE.take(layers.small[bare > 90]) @ _LUMA
        bright = float(np.percentile(light, 75))
        self._bright = bright if self._bright is None else (
            self._bright + (bright - self._bright) * FOLLOWS
        )  # fmt: skip
        part = layers.image[rect.slices]
        alpha = enlarged(bare, scene.cell, rect)
        grey = cv2.cvtColor(part, cv2.COLOR_RGBA2GRAY)
        tinted = cv2.LUT(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGBA), self._shades(self._bright))
        lay(part, np.asarray(tinted, np.uint8), alpha)
        np.maximum(layers.made[rect.slices], alpha, out=layers.made[rect.slices])

    def _shades(self, bright: float) -> NDArray[np.uint8]:
        """The tint for every grey of skin whose brightest parts are that bright.

        uint8[1, 256, 4], opaque.
        """
        shade = np.clip(_DECODE / np.float32(max(bright, 0.01)), DARKEST, BRIGHTEST)
        # A room that is dim makes a dim throat.
        level = np.float32(SHADE * min(1.0, (bright / 0.30) ** 0.6))
        lit = np.clip(shade[:, None] * (self._tint * level), 0, 1)
        out = np.full((1, 256, 4), 255, np.uint8)
        out[0, :, :3] = np.rint(255 * srgb_from_linear(lit.astype(np.float64)))
        return out


def _bare(scene: Scene, figure: Figure) -> Mask:
    """Bare skin near the throat, on the grid."""
    rows, columns = scene.person.shape
    x = (np.arange(columns, dtype=np.float32)[None] + 0.5) * scene.cell - figure.chin[0]
    y = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * scene.cell - figure.chin[1]
    height = figure.face_height
    away = np.hypot(x / WIDTH, (y - BELOW_CHIN * height) / DEPTH) / height
    near = np.clip(2.4 - 2.2 * away, 0, 1) * (y > -0.2 * height)
    closed = cv2.morphologyEx(figure.skin, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    some = (closed * near).astype(np.uint8)
    chest = (np.abs(x) < 0.5 * height) & (y > 0.6 * height) & (y < 1.1 * height)
    if chest.any() and float(figure.skin[chest].mean()) > SAME_AS_CLOTH:
        return np.zeros_like(some)  # clothes of the colour of skin: nobody can tell them apart
    # Only what is one piece with the throat: a beige jumper is none.
    count, labels = cv2.connectedComponents((some > ONE_PIECE).astype(np.uint8), connectivity=4)
    throat = (np.abs(x) < 0.25 * height) & (y > -0.2 * height) & (y < 0.15 * height)
    joined = np.bincount(labels[throat], minlength=count) > 0
    joined[0] = False
    mine = cv2.dilate(joined[labels].astype(np.uint8) * np.uint8(255), np.ones((3, 3), np.uint8))
    some = np.asarray(cv2.min(some, mine), np.uint8)
    for hand in scene.hands:  # a hand at the throat is no throat
        hull = cv2.convexHull(hand.points / scene.cell)
        cv2.fillConvexPoly(some, np.rint(hull).astype(np.int32), 0)
    return np.asarray(cv2.blur(some, (3, 3)), np.uint8)


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
