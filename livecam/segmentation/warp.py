"""Warps the masks of one frame to another by the motion of the head.

Masks arrive some ten times a second with latency; in between the head moves. Above the chin a mask
follows the similarity transform of rigid face landmarks, below it the motion decays: shoulders
follow a head by about a third of its displacement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.kernels.masks import inverse_map
from livecam.segmentation.base import Mask, Segmentation
from livecam.vision.transforms import Affine, fit_similarity

# Landmarks that expressions hardly move: forehead, temples, bridge of the nose, cheekbones.
RIGID_LANDMARKS = (
    10, 338, 297, 109, 67, 127, 356, 234, 454, 168, 6, 197, 195, 9, 8, 50, 280, 116, 345
)  # fmt: skip
CHIN, CROWN = 152, 10  # MediaPipe's landmarks
SHOULDER_MOTION = 0.35  # of the head's displacement
DECAY_LENGTH = 0.9  # face heights below the chin over which the motion decays to that
UNCERTAINTY = 0.3  # of the displacement of a mask
MIN_DISPLACEMENT_PX = 0.6  # a smaller motion moves no cell of a grid


def warped(
    segmentation: Segmentation, landmarks_px: NDArray[np.float32], at: float
) -> Segmentation:
    """Warps a segmentation to another time, when the face's landmarks float32[478, 2] lie there."""
    if at == segmentation.at:
        return segmentation
    computed_at = segmentation.at if segmentation.computed_at is None else segmentation.computed_at
    moved = replace(segmentation, at=at, computed_at=computed_at, landmarks_px=landmarks_px)
    warp = MaskWarp.between(
        segmentation.landmarks_px, landmarks_px, segmentation.person.shape, segmentation.cell
    )
    if warp is None:
        return moved
    return replace(
        moved,
        uncertainty_px=UNCERTAINTY * warp.max_displacement_px,
        person=warp.warp(segmentation.person),
        hair=None if segmentation.hair is None else warp.warp(segmentation.hair),
    )


@dataclass(frozen=True, slots=True)
class MaskWarp:
    """The inverse map that warps masks on a grid with a moving head."""

    max_displacement_px: float  # of a landmark
    columns: NDArray[np.float32]  # source column of each target cell
    rows: NDArray[np.float32]  # source row of each target cell

    @classmethod
    def between(
        cls,
        before: NDArray[np.float32],
        after: NDArray[np.float32],
        shape: tuple[int, ...],
        cell: int,
    ) -> MaskWarp | None:
        """Fits the warp between landmarks (float32[478, 2] pixels); None when nothing moved."""
        points = list(RIGID_LANDMARKS)
        motion = fit_similarity(before[points], after[points])
        displacement = before[points] @ motion[:, :2].T + motion[:, 2] - before[points]
        largest = float(np.abs(displacement).max())
        if largest < MIN_DISPLACEMENT_PX:
            return None
        return cls(largest, *_inverse_map(shape, cell, motion, after))

    def warp(self, mask: Mask) -> Mask:
        """Warps a mask by the motion."""
        return np.asarray(
            cv2.remap(
                mask,
                self.columns,
                self.rows,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.uint8,
        )


def _inverse_map(
    shape: tuple[int, ...], cell: int, motion: Affine, landmarks_px: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Computes source column and row of each target cell."""
    chin = landmarks_px[CHIN, :2].astype(np.float32)
    back = cv2.invertAffineTransform(motion).astype(np.float32)
    face_height = max(float(np.linalg.norm(chin - landmarks_px[CROWN, :2])), 1.0)
    # Below the chin nothing rotates about the head: it only translates with the chin.
    chin_back = back[:, :2] @ chin + back[:, 2] - chin
    columns, rows = np.empty((2, *shape[:2]), np.float32)
    inverse_map(
        columns, rows, cell, back, chin, chin_back, DECAY_LENGTH * face_height, SHOULDER_MOTION
    )
    return columns, rows
