"""Measures how far the body of a person leans, and turns their masks upright.

Who lies on a sofa or leans on an arm leans as a whole; whose head alone is tilted has an upright
torso. The parts of a person are split on a grid on which the torso is upright.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.segmentation.base import Mask, Segmentation
from livecam.segmentation.warp import CHIN, CROWN

# Radians from which a lean counts, and from which it counts wholly: shoulders slope by less.
IGNORED, WHOLE = np.radians((20.0, 32.0)).tolist()
NEAR, FAR = 0.5, 2.4  # face heights from the neck in which the torso is measured
NECK = 0.2  # of the neck below the chin, face heights
MIN_AHEAD = 0.35  # cosine of the angle between the torso and the axis of the head
MIN_CELLS = 12


def measured_lean(segmentation: Segmentation, person: Mask) -> float | None:
    """Measures the lean of the torso, clockwise in the image, radians; None where none shows.

    It lies between upright and the tilt of the head.
    """
    chin, crown = segmentation.landmarks_px[[CHIN, CROWN]].astype(np.float64)
    height = max(float(np.linalg.norm(chin - crown)), 1.0)
    down = (chin - crown) / height
    rows, columns = np.nonzero(person > 128)
    from_neck = (np.column_stack((columns, rows)) + 0.5) * segmentation.cell
    from_neck -= chin + NECK * height * down
    away = np.linalg.norm(from_neck, axis=1) / height
    torso = (away > NEAR) & (away < FAR) & (from_neck @ down > MIN_AHEAD * away * height)
    if np.count_nonzero(torso) < MIN_CELLS:
        return None
    tilt = lean_of(down)
    found = lean_of(from_neck[torso].mean(axis=0))
    return float(np.clip(found, min(tilt, 0.0), max(tilt, 0.0)))


def lean_of(down: NDArray[np.float64]) -> float:
    """Returns the lean of something that points to there in the image, clockwise, radians."""
    return float(np.arctan2(-down[0], down[1]))


def counted(lean: float) -> float:
    """Returns the lean that counts: none at all for a person who sits upright."""
    share = np.clip((abs(lean) - IGNORED) / (WHOLE - IGNORED), 0.0, 1.0)
    return float(lean * share)


@dataclass(frozen=True, slots=True)
class LeanedGrid:
    """The grid of a segmentation, turned so that a torso is upright in it."""

    shape: tuple[int, int]  # rows and columns of the segmentation
    cell: int
    lean: float  # clockwise, radians

    def masks(self, segmentation: Segmentation) -> Segmentation:
        """Turns the masks, landmarks and hands of a segmentation."""
        side = self._side * self.cell
        return replace(
            segmentation,
            size=(side, side),
            person=self.turned(segmentation.person),
            hair=None if segmentation.hair is None else self.turned(segmentation.hair),
            landmarks_px=self.points(segmentation.landmarks_px),
            hands=tuple(
                replace(hand, points=self.points(hand.points)) for hand in segmentation.hands
            ),
        )

    def turned(self, image: NDArray[np.uint8], border: int = cv2.BORDER_CONSTANT) -> Mask:
        """Turns an image on the grid; beside it there is nothing, or (`border`) its edge."""
        return self._warped(image, (self._side, self._side), cv2.INTER_LINEAR, border)

    def back(self, mask: Mask) -> Mask:
        """Turns a mask back to the grid of the segmentation."""
        rows, columns = self.shape
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return self._warped(mask, (columns, rows), flags, cv2.BORDER_REPLICATE)

    def points(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turns points float32[n, 2], pixels."""
        affine = self._affine()
        # Pixel centres of the grid lie half a cell from its edges, those of warped images at 0.
        out = (points / self.cell - 0.5) @ affine[:, :2].T + affine[:, 2] + 0.5
        return np.asarray(out * self.cell, np.float32)

    def _warped(
        self, image: NDArray[np.uint8], size: tuple[int, int], flags: int, border: int
    ) -> Mask:
        out = cv2.warpAffine(image, self._affine(), size, flags=flags, borderMode=border)
        return np.asarray(out, np.uint8)

    @property
    def _side(self) -> int:
        return int(np.ceil(np.hypot(*self.shape))) + 2

    def _affine(self) -> NDArray[np.float64]:
        """Computes float64[2, 3] from cells of the segmentation to cells of the turned grid."""
        rows, columns = self.shape
        cos, sin = np.cos(self.lean), np.sin(self.lean)
        linear = np.array(((cos, sin), (-sin, cos)))
        before = np.array(((columns - 1) / 2, (rows - 1) / 2))
        return np.column_stack((linear, (self._side - 1) / 2 - linear @ before))
