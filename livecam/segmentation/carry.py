"""Carry what was seen in one picture to the moment of another, by the motion of the head.

Masks come some ten times a second and a little late; in between the head moves on. Above the chin
a mask goes with the head - moved, turned and grown as its landmarks were -, below it less and less:
shoulders follow a head by about a third of its way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.segmentation.base import Mask, Scene
from livecam.vision.transforms import fit_similarity

# Landmarks that expressions hardly move: forehead, temples, bridge of the nose, cheekbones.
STEADY = (10, 338, 297, 109, 67, 127, 356, 234, 454, 168, 6, 197, 195, 9, 8, 50, 280, 116, 345)
CHIN, CROWN = 152, 10
BODY_FOLLOWS = 0.35  # of the head's way, for shoulders
FALL = 0.9  # face heights below the chin over which that fades in
UNSURE = 0.3  # of the way that a mask was carried
STILL_PX = 0.6  # a smaller motion moves no cell of a grid


def carried(scene: Scene, face: NDArray[np.float32], at: float) -> Scene:
    """The scene as it is when the face's landmarks (float32[478, 2] pixels) lie there."""
    if at == scene.at:
        return scene
    seen_at = scene.at if scene.seen_at is None else scene.seen_at
    way = Way.between(scene.face, face, scene.person.shape, scene.cell)
    if way is None:
        return replace(scene, at=at, seen_at=seen_at, face=face)
    return replace(
        scene,
        at=at,
        seen_at=seen_at,
        face=face,
        unsure_px=UNSURE * way.longest_px,
        person=way.moved(scene.person),
        hair=None if scene.hair is None else way.moved(scene.hair),
    )


@dataclass(frozen=True, slots=True)
class Way:
    """How masks on a grid go with a head from one place to another."""

    longest_px: float  # that a landmark moved
    columns: NDArray[np.float32]  # where in the old grid each cell of the new one lies
    rows: NDArray[np.float32]

    @classmethod
    def between(
        cls,
        before: NDArray[np.float32],
        after: NDArray[np.float32],
        shape: tuple[int, ...],
        cell: int,
    ) -> Way | None:
        """From landmarks to landmarks (float32[478, 2] pixels); None when nothing moved."""
        points = list(STEADY)
        move = fit_similarity(before[points], after[points])
        moved = before[points] @ move[:, :2].T + move[:, 2] - before[points]
        longest = float(np.abs(moved).max())
        return None if longest < STILL_PX else cls(longest, *_maps(shape, cell, move, after))

    def moved(self, mask: Mask) -> Mask:
        """The mask at the new place."""
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


def _maps(
    shape: tuple[int, ...], cells: int, move: NDArray[np.float64], face: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where in the old grid each cell of the new one lies."""
    rows, columns = shape[:2]
    x = ((np.arange(columns, dtype=np.float32) + 0.5) * cells)[None]
    y = ((np.arange(rows, dtype=np.float32) + 0.5) * cells)[:, None]
    back = cv2.invertAffineTransform(move).astype(np.float32)
    height = max(float(np.linalg.norm(face[CHIN] - face[CROWN])), 1.0)
    below = np.clip((y - face[CHIN, 1]) / (FALL * height), 0, 1)
    share = 1 - (1 - BODY_FOLLOWS) * below  # of the head's motion
    chin_back = back[:, :2] @ face[CHIN] + back[:, 2] - face[CHIN]
    head_x = back[0, 0] * x + back[0, 1] * y + back[0, 2] - x
    head_y = back[1, 0] * x + back[1, 1] * y + back[1, 2] - y
    # Below the chin nothing turns about the head: it is only taken along.
    move_x = x + share * (head_x * (1 - below) + chin_back[0] * below)
    move_y = y + share * (head_y * (1 - below) + chin_back[1] * below)
    cell = np.float32(cells)
    return (move_x / cell - np.float32(0.5)).astype(np.float32), (
        move_y / cell - np.float32(0.5)
    ).astype(np.float32)
