"""Spaces and the transforms between them.

Names read right to left: `clip_from_head = clip_from_camera @ camera_from_head`. Column
vectors, float64, metres.

head    MediaPipe's canonical face and every avatar: x to the head's own left, y up,
        z out of the face; origin inside the skull
camera  x right in the picture, y up, the camera looks down -z
clip    OpenGL clip space
picture pixels, x right, y down, origin at the top left corner of the top left pixel
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Matrix4, Quaternion, Vector3

# MediaPipe's face geometry assumes a pinhole of 63 degrees vertically, whatever the frame's
# shape (face_geometry_from_landmarks: `vertical_fov_degrees: 63`, near 1 cm, far 10 m).
VERTICAL_FOV_RAD = float(np.deg2rad(63.0))
NEAR_M = 0.01
FAR_M = 100.0


def focal_px(height: int) -> float:
    """The focal length of MediaPipe's pinhole for a picture of that height, in pixels."""
    return height / 2 / float(np.tan(VERTICAL_FOV_RAD / 2))


def clip_from_camera(width: int, height: int, near: float = NEAR_M, far: float = FAR_M) -> Matrix4:
    """The perspective projection of MediaPipe's pinhole onto a picture of that size."""
    f = 1 / np.tan(VERTICAL_FOV_RAD / 2)
    out = np.zeros((4, 4))
    out[0, 0] = f * height / width
    out[1, 1] = f
    out[2, 2] = (far + near) / (near - far)
    out[2, 3] = 2 * far * near / (near - far)
    out[3, 2] = -1
    return out


def project(
    camera_from_points: Matrix4, points: NDArray[np.float64], width: int, height: int
) -> NDArray[np.float64]:
    """Pixels float64[n, 2] of points float64[n, 3]."""
    camera = points @ camera_from_points[:3, :3].T + camera_from_points[:3, 3]
    depth = np.maximum(-camera[:, 2], 1e-6)
    f = focal_px(height)
    return np.stack(
        (width / 2 + f * camera[:, 0] / depth, height / 2 - f * camera[:, 1] / depth), axis=1
    )


def compose(translation: Vector3, rotation: Quaternion) -> Matrix4:
    """The rigid 4x4 transform of a rotation followed by a translation."""
    out = np.eye(4)
    out[:3, :3] = matrix_from_quaternion(rotation)
    out[:3, 3] = translation
    return out


def decompose(matrix: Matrix4) -> tuple[Vector3, Quaternion]:
    """Translation and unit quaternion of a transform; a uniform scale is dropped."""
    rotation = matrix[:3, :3] / np.cbrt(np.linalg.det(matrix[:3, :3]))
    return matrix[:3, 3].copy(), quaternion_from_matrix(rotation)


def matrix_from_quaternion(q: Quaternion) -> NDArray[np.float64]:
    """The 3x3 rotation of a unit quaternion (w, x, y, z)."""
    w, x, y, z = (float(c) for c in q)
    return np.array(
        (
            (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        )
    )


def quaternion_from_matrix(rotation: NDArray[np.float64]) -> Quaternion:
    """The unit quaternion (w, x, y, z), w >= 0, of a 3x3 rotation (Shepperd 1978)."""
    m = rotation
    candidates = np.array(
        (
            1 + m[0, 0] + m[1, 1] + m[2, 2],
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
        )
    )
    best = int(np.argmax(candidates))
    s = 2 * np.sqrt(candidates[best])
    if best == 0:
        q = (s / 4, (m[2, 1] - m[1, 2]) / s, (m[0, 2] - m[2, 0]) / s, (m[1, 0] - m[0, 1]) / s)
    elif best == 1:
        q = ((m[2, 1] - m[1, 2]) / s, s / 4, (m[0, 1] + m[1, 0]) / s, (m[0, 2] + m[2, 0]) / s)
    elif best == 2:
        q = ((m[0, 2] - m[2, 0]) / s, (m[0, 1] + m[1, 0]) / s, s / 4, (m[1, 2] + m[2, 1]) / s)
    else:
        q = ((m[1, 0] - m[0, 1]) / s, (m[0, 2] + m[2, 0]) / s, (m[1, 2] + m[2, 1]) / s, s / 4)
    out = np.array(q)
    out /= np.linalg.norm(out) if out[0] >= 0 else -np.linalg.norm(out)
    return out


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """The rotation b followed by a."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return np.array(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        )
    )


def conjugate(q: Quaternion) -> Quaternion:
    """The opposite rotation."""
    return np.array((q[0], -q[1], -q[2], -q[3]))


def rotation_vector(q: Quaternion) -> Vector3:
    """Axis times angle (radians, at most pi) of a unit quaternion: the log map."""
    q = q if q[0] >= 0 else -q
    length = float(np.linalg.norm(q[1:]))
    if length < 1e-12:
        return np.asarray(2 * q[1:])
    vector: Vector3 = q[1:] * (2 * float(np.arctan2(length, q[0])) / length)
    return vector


def quaternion_from_vector(vector: Vector3) -> Quaternion:
    """The unit quaternion of axis times angle: the exponential map."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.array((1.0, *(vector / 2)))
    return np.array((np.cos(angle / 2), *(vector * (np.sin(angle / 2) / angle))))


def slerp(a: Quaternion, b: Quaternion, t: float) -> Quaternion:
    """The rotation a fraction t of the way from a to b, along the shorter arc."""
    return multiply(a, quaternion_from_vector(t * rotation_vector(multiply(conjugate(a), b))))


def euler_deg(q: Quaternion) -> Vector3:
    """Yaw (to the head's left), pitch (down) and roll in degrees, applied in the order Y X Z."""
    m = matrix_from_quaternion(q)
    return np.degrees(
        (
            np.arctan2(m[0, 2], m[2, 2]),
            np.arcsin(np.clip(-m[1, 2], -1, 1)),
            np.arctan2(m[1, 0], m[1, 1]),
        )
    )
