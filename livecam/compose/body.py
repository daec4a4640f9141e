"""Aligns the ruff of an avatar with the torso of its wearer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from livecam.avatar.base import AvatarState
from livecam.compose.lean import LeanedGrid, counted, measured_lean
from livecam.compose.person_parts import UNIT_M, AvatarProjection
from livecam.core.spaces import Matrix4, Vector3, focal_px
from livecam.segmentation.base import Mask, Segmentation

SETTLES_S = 0.25
MAX_OFFSET = 0.45  # head radii that the rim moves sideways
BESIDE = 1.25  # head radii beside the rim in which the torso is measured: arms do not count
BELOW = (0.0, 0.7)  # head radii below the rim
MIN_CELLS = 12
MAX_GAP_S = 1.0
UPRIGHT_SHARE = 0.7  # of the roll of the body beside the torso's lean that is removed


class BodyAlignment:
    """Moves the body of an avatar sideways over the torso, and leans it, smoothly. One thread."""

    def __init__(self) -> None:
        self.reset()

    @property
    def lean(self) -> float:
        """How far the torso leans, clockwise in the image, radians; 0 for who sits upright."""
        return counted(self._lean)

    def reset(self) -> None:
        self._offset = 0.0  # head radii
        self._lean = 0.0
        self._at: float | None = None
        self._pivot: Vector3 = np.zeros(3)

    def update(
        self,
        state: AvatarState,
        segmentation: Segmentation,
        person: Mask,
        projection: AvatarProjection,
    ) -> AvatarState:
        """Measures the torso in the mask of the person; returns the aligned state."""
        height = segmentation.size[1]
        scale = float(np.cbrt(np.linalg.det(state.camera_from_head[:3, :3])))
        distance = max(0.05, -float(state.camera_from_body[2, 3]))
        unit_px = focal_px(height) * UNIT_M * scale / distance
        since_s = None if self._at is None else segmentation.at - self._at
        self._at = segmentation.at
        goes_on = since_s is not None and 0 <= since_s <= MAX_GAP_S
        share = 1 - float(np.exp(-since_s / SETTLES_S)) if goes_on and since_s is not None else 1.0
        if not goes_on:
            self._offset = self._lean = 0.0
        lean = measured_lean(segmentation, person)
        if lean is not None:
            self._lean += (lean - self._lean) * share
        offset = self._measured(state, segmentation, person, projection, unit_px)
        if offset is not None:
            self._offset += (offset - self._offset) * share
        self._pivot = projection.neck_pivot
        return self.aligned(state)

    def aligned(self, state: AvatarState) -> AvatarState:
        """Returns the state with its body at the last measured offset from the head."""
        scale = float(np.cbrt(np.linalg.det(state.camera_from_head[:3, :3])))
        moved = _upright(state.camera_from_body, self._pivot, self.lean)
        # The y axis of camera space points up.
        sideways = np.array((np.cos(self.lean), -np.sin(self.lean)))
        moved[:2, 3] += self._offset * UNIT_M * scale * sideways
        return replace(state, camera_from_body=moved)

    def _measured(
        self,
        state: AvatarState,
        segmentation: Segmentation,
        person: Mask,
        projection: AvatarProjection,
        unit_px: float,
    ) -> float | None:
        """Measures the offset of the torso from the rim, in head radii to its right."""
        upright = _upright(state.camera_from_body, projection.neck_pivot, self.lean)
        body = projection.project(replace(state, camera_from_body=upright), *segmentation.size)
        body = body[projection.body]
        if self.lean:
            grid = LeanedGrid(person.shape[:2], segmentation.cell, self.lean)
            body, person = grid.points(body), grid.turned(person)
        rim = body[body[:, 1] > np.percentile(body[:, 1], 65)]
        x, y = (float(v) for v in rim.mean(axis=0))
        rows, columns = person.shape
        top, bottom = (round((y + b * unit_px) / segmentation.cell) for b in BELOW)
        left, right = (round((x + s * BESIDE * unit_px) / segmentation.cell) for s in (-1, 1))
        part = person[max(top, 0) : min(bottom, rows), max(left, 0) : min(right, columns)] > 128
        across = part.sum(axis=0)
        if across.sum() < MIN_CELLS:
            return None
        middle = (np.arange(len(across)) + max(left, 0) + 0.5) @ across / across.sum()
        return float(np.clip((middle * segmentation.cell - x) / unit_px, -MAX_OFFSET, MAX_OFFSET))


def _upright(camera_from_body: Matrix4, pivot: Vector3, lean: float) -> Matrix4:
    """Reduces the roll of the body towards the torso's: shoulders do not lean with the head."""
    # Roll is counter-clockwise.
    roll = float(np.arctan2(camera_from_body[1, 0], camera_from_body[1, 1])) + lean
    roll *= UPRIGHT_SHARE
    cos, sin = np.cos(roll), np.sin(roll)
    out = camera_from_body.copy()
    turn = np.array(((cos, sin, 0), (-sin, cos, 0), (0, 0, 1)))
    out[:3, :3] = turn @ camera_from_body[:3, :3]
    out[:3, 3] += (camera_from_body[:3, :3] - out[:3, :3]) @ pivot
    return out
