"""Let an avatar's ruff rest on the wearer's own body: its rim goes where their torso is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from livecam.avatar.base import AvatarState
from livecam.compose.figure import UNIT_M, Silhouette
from livecam.core.face import Matrix4, Vector3
from livecam.core.spaces import focal_px
from livecam.segmentation.base import Mask, Segmentation

SETTLES_S = 0.25
MOST = 0.45  # head radii that the rim moves sideways
BESIDE = 1.25  # head radii beside the rim in which the torso is looked for: arms do not count
BELOW = (0.0, 0.7)  # head radii below the rim's own height
FEWEST_CELLS = 12
LONGEST_GAP_S = 1.0
STRAIGHTENED = 0.7  # of the lean that a body without a picture would have


class BodyFollower:
    """Moves the body half of an avatar sideways, calmly. One thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._offset = 0.0  # head radii
        self._at: float | None = None
        self._pivot: Vector3 = np.zeros(3)

    def follow(
        self, state: AvatarState, scene: Segmentation, person: Mask, silhouette: Silhouette
    ) -> AvatarState:
        """The state with its body over the torso of the person (a mask on the scene's grid)."""
        height = scene.size[1]
        scale = float(np.cbrt(np.linalg.det(state.camera_from_head[:3, :3])))
        distance = max(0.05, -float(state.camera_from_body[2, 3]))
        unit_px = focal_px(height) * UNIT_M * scale / distance
        wanted = self._wanted(state, scene, person, silhouette, unit_px)
        since_s = None if self._at is None else scene.at - self._at
        self._at = scene.at
        if since_s is None or not 0 <= since_s <= LONGEST_GAP_S:
            self._offset = 0.0 if wanted is None else wanted
        elif wanted is not None:
            self._offset += (wanted - self._offset) * (1 - np.exp(-since_s / SETTLES_S))
        self._pivot = silhouette.neck_pivot
        return self.stay(state)

    def stay(self, state: AvatarState) -> AvatarState:
        """The state with its body where it was last put, seen from the head."""
        scale = float(np.cbrt(np.linalg.det(state.camera_from_head[:3, :3])))
        moved = _upright(state.camera_from_body, self._pivot)
        moved[0, 3] += self._offset * UNIT_M * scale
        return replace(state, camera_from_body=moved)

    def _wanted(
        self,
        state: AvatarState,
        scene: Segmentation,
        person: Mask,
        silhouette: Silhouette,
        unit_px: float,
    ) -> float | None:
        """How far the torso's middle lies beside the rim's, in head radii to the right."""
        upright = _upright(state.camera_from_body, silhouette.neck_pivot)
        body = silhouette.points(replace(state, camera_from_body=upright), *scene.size)
        body = body[silhouette.body]
        rim = body[body[:, 1] > np.percentile(body[:, 1], 65)]
        x, y = (float(v) for v in rim.mean(axis=0))
        rows, columns = person.shape
        top, bottom = (round((y + b * unit_px) / scene.cell) for b in BELOW)
        left, right = (round((x + s * BESIDE * unit_px) / scene.cell) for s in (-1, 1))
        part = person[max(top, 0) : min(bottom, rows), max(left, 0) : min(right, columns)] > 128
        across = part.sum(axis=0)
        if across.sum() < FEWEST_CELLS:
            return None
        middle = (np.arange(len(across)) + max(left, 0) + 0.5) @ across / across.sum()
        return float(np.clip((middle * scene.cell - x) / unit_px, -MOST, MOST))


def _upright(camera_from_body: Matrix4, pivot: Vector3) -> Matrix4:
    """The body leaning less to the side: shoulders stay where they are when a head leans."""
    roll = STRAIGHTENED * float(np.arctan2(camera_from_body[1, 0], camera_from_body[1, 1]))
    cos, sin = np.cos(roll), np.sin(roll)
    out = camera_from_body.copy()
    turn = np.array(((cos, sin, 0), (-sin, cos, 0), (0, 0, 1)))
    out[:3, :3] = turn @ camera_from_body[:3, :3]
    out[:3, 3] += (camera_from_body[:3, :3] - out[:3, :3]) @ pivot
    return out
