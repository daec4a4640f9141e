"""Computes the bounding rectangle of a head in the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import AvatarState, Points
from livecam.core.frame import Rect
from livecam.core.spaces import Vector3, focal_px
from livecam.render.matrices import NEAR_M
from livecam.render.mesh import MergedMesh

DIRECTIONS = 120
PARTS = 3  # by head weight: body, neck, head
MARGIN = 0.03  # of the box: the sum of several morphs reaches farther than each alone


class HeadBounds:
    """The extreme points of an avatar, morphs included: they bound it in any view."""

    def __init__(self, mesh: MergedMesh) -> None:
        grown = mesh.positions + mesh.normals * mesh.fur[:, None]
        reach, rows = [grown], [np.arange(len(grown))]
        for moved, deltas in mesh.morphs.values():
            reach.append(grown[moved] + deltas)
            rows.append(moved)
        points, row = np.concatenate(reach), np.concatenate(rows)
        # Head and body turn independently, so each has its own extreme points.
        part = np.rint(mesh.head_weight[row] * (PARTS - 1)) + PARTS * mesh.bone[row]
        extreme = np.concatenate([_extreme_rows(points, part == p) for p in np.unique(part)])
        self._points = np.ones((len(extreme), 4))
        self._points[:, :3] = points[extreme]
        self._head_weight = mesh.head_weight[row[extreme]].astype(np.float64)[:, None]
        self._bone = mesh.bone[row[extreme]].astype(np.int64) - 1
        self._sway = mesh.sway[row[extreme]].astype(np.float64)[:, None]
        head = mesh.positions[mesh.head_weight > 0.9]
        center = (head.min(axis=0) + head.max(axis=0)) / 2 if len(head) else np.zeros(3)
        self.center: Vector3 = center.astype(np.float64)

    def camera_points(self, state: AvatarState) -> NDArray[np.float64]:
        """Returns the extreme points float64[k, 3] in camera space."""
        points = self._points
        if state.bones is not None and len(state.bones):
            skinned = (state.bones[self._bone] @ points[:, :, None])[:, :, 0]
            points = points + (skinned - points) * self._sway
        head = points @ state.camera_from_head[:3].T
        body = points @ state.camera_from_body[:3].T
        return np.asarray(body + (head - body) * self._head_weight)

    def rectangle(self, points: NDArray[np.float64], width: int, height: int) -> Rect:
        """Returns the bounding rectangle of points, grown and clipped; it may be empty."""
        depth = -points[:, 2]
        if depth.max() <= NEAR_M or not np.isfinite(points).all():
            return Rect(0, 0, 0, 0)
        if depth.min() <= NEAR_M:
            return Rect(0, 0, width, height)  # partly behind the camera: unbounded
        focal = focal_px(height)
        x = width / 2 + focal * points[:, 0] / depth
        y = height / 2 - focal * points[:, 1] / depth
        # Far outside, pixels no longer fit an integer.
        x, y = np.clip(x, -1e6, 1e6), np.clip(y, -1e6, 1e6)
        margin = 2 + MARGIN * max(np.ptp(x), np.ptp(y))
        box = Rect(
            int(np.floor(x.min() - margin)), int(np.floor(y.min() - margin)),
            int(np.ceil(x.max() + margin)), int(np.ceil(y.max() + margin)),
        )  # fmt: skip
        return box.clipped(width, height)


def _extreme_rows(points: Points, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns the rows of the chosen points that are farthest in one of many directions."""
    rows = np.flatnonzero(chosen)
    some = points[rows]
    directions = _sphere(DIRECTIONS if len(rows) else 0).astype(np.float32)
    return rows[sorted({int(np.argmax(some @ d)) for d in directions})]


def _sphere(count: int) -> NDArray[np.float64]:
    """Returns evenly spread unit vectors (Fibonacci lattice)."""
    i = np.arange(count) + 0.5
    z = 1 - 2 * i / count
    turn = np.pi * (1 + np.sqrt(5)) * i
    r = np.sqrt(1 - z * z)
    return np.stack((r * np.cos(turn), r * np.sin(turn), z), axis=1)
