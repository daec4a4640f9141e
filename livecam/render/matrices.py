"""Camera, view, projection and turntable matrices, built with pyrr: the one home of that library.

pyrr writes transforms for row vectors, ours are for column vectors (see core/spaces.py), so its
projections, views and translations are transposed here. Its rotations about an axis are not: they
already turn column vectors counter-clockwise.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Rect
from livecam.core.spaces import VERTICAL_FOV_RAD, Matrix4, Vector3, focal_px

with warnings.catch_warnings():  # pyrr 0.10.3 has an invalid escape sequence in a docstring
    warnings.simplefilter("ignore")
    from pyrr import matrix33, matrix44

NEAR_M = 0.01
FAR_M = 100.0
SHADOW_MARGIN = 0.05  # around what the shadow map must hold, of its longest side


def clip_from_camera(width: int, height: int, near: float = NEAR_M, far: float = FAR_M) -> Matrix4:
    """Computes the perspective projection of MediaPipe's pinhole onto an image of that size."""
    fov_deg = float(np.degrees(VERTICAL_FOV_RAD))
    return _columns(matrix44.create_perspective_projection(fov_deg, width / height, near, far))


def clip_from_camera_in(
    rect: Rect, width: int, height: int, points: NDArray[np.float64]
) -> Matrix4:
    """Computes the projection of MediaPipe's pinhole, cropped to a rectangle, row 0 at the top.

    The depth range is tight around the points float64[n, 3]. Because rows run downwards, a
    triangle that is counter-clockwise from outside becomes clockwise.
    """
    depth = -points[:, 2]
    near = max(NEAR_M, 0.8 * float(depth.min()))
    far = min(FAR_M, max(1.25 * float(depth.max()), near * 1.1))
    metres = near / focal_px(height)  # of a pixel in the near plane
    left, right = metres * (rect.x0 - width / 2), metres * (rect.x1 - width / 2)
    first, last = metres * (height / 2 - rect.y0), metres * (height / 2 - rect.y1)
    bounds = (left, right, first, last, near, far)
    return _columns(matrix44.create_perspective_projection_from_bounds(*bounds))


def shadow_from_camera(points: NDArray[np.float64], towards_light: tuple[float, ...]) -> Matrix4:
    """Computes the shadow map's orthographic projection from a distant light, around the points.

    `towards_light` is a unit vector in camera space; depth grows away from the light.
    """
    view = _view_from(towards_light)
    in_light = points @ view[:3, :3].T
    low, high = in_light.min(axis=0), in_light.max(axis=0)
    margin = SHADOW_MARGIN * float(np.max(high - low))
    (left, bottom, back), (right, top, front) = (low - margin).tolist(), (high + margin).tolist()
    bounds = (left, right, bottom, top, -front, -back)
    return _columns(matrix44.create_orthogonal_projection(*bounds)) @ view


def rotation_yxz(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Computes the 3x3 rotation by roll about z, pitch about x, then yaw about y, in radians."""
    about_y, about_x = matrix33.create_from_y_rotation(yaw), matrix33.create_from_x_rotation(pitch)
    return np.asarray(about_y @ about_x @ matrix33.create_from_z_rotation(roll))


def turned_about(pivot: Vector3, rotation: NDArray[np.float64], translation: Vector3) -> Matrix4:
    """Returns the transform that rotates about a point and then translates."""
    there = _columns(matrix44.create_from_translation(translation + pivot))
    back = _columns(matrix44.create_from_translation(-pivot))
    return np.asarray(there @ matrix44.create_from_matrix33(rotation) @ back)


@lru_cache(maxsize=4)
def _view_from(towards_light: tuple[float, ...]) -> Matrix4:
    """Returns the light's view; kept, as a light stays where it is for many frames."""
    target = tuple(-part for part in towards_light)
    view = _columns(matrix44.create_look_at((0.0, 0.0, 0.0), target, (0.0, 1.0, 0.0)))
    view.flags.writeable = False
    return view


def _columns(for_rows: Matrix4) -> Matrix4:
    """Transposes pyrr's matrix for row vectors to one for column vectors."""
    return np.asarray(for_rows.T, np.float64)
