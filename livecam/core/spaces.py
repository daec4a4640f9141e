"""Coordinate spaces and the transforms between them.

Names read right to left: `clip_from_head = clip_from_camera @ camera_from_head`. Column
vectors, float64, metres.

head    MediaPipe's canonical face and every avatar: x to the head's own left, y up,
        z out of the face; origin inside the skull
camera  x right in the image, y up, the camera looks down -z
clip    OpenGL clip space
image   pixels, x right, y down, origin at the top left corner of the top left pixel
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix4: TypeAlias = NDArray[np.float64]  # float64[4, 4], column vectors, metres
Vector3: TypeAlias = NDArray[np.float64]  # float64[3]
Quaternion: TypeAlias = NDArray[np.float64]  # float64[4], w x y z, unit length

# MediaPipe's face geometry assumes a pinhole of 63 degrees vertically, whatever the frame's
# shape (face_geometry_from_landmarks: `vertical_fov_degrees: 63`, near 1 cm, far 10 m).
VERTICAL_FOV_RAD = float(np.deg2rad(63.0))


def focal_px(height: int) -> float:
    """Returns the focal length of MediaPipe's pinhole, in pixels of an image of that height."""
    return height / 2 / float(np.tan(VERTICAL_FOV_RAD / 2))


def transformed(points: NDArray[np.float64], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transforms points float64[p, 3] by each matrix float64[n, 4, 4]; float64[n, p, 3]."""
    return np.asarray(points @ matrices[:, :3, :3].transpose(0, 2, 1) + matrices[:, None, :3, 3])


def project(
    camera_from_points: Matrix4, points: NDArray[np.float64], width: int, height: int
) -> NDArray[np.float64]:
    """Projects points float64[n, 3] to pixels float64[n, 2]."""
    camera = points @ camera_from_points[:3, :3].T + camera_from_points[:3, 3]
    depth = np.maximum(-camera[:, 2], 1e-6)
    f = focal_px(height)
    return np.stack(
        (width / 2 + f * camera[:, 0] / depth, height / 2 - f * camera[:, 1] / depth), axis=1
    )


def unproject(
    pixels: NDArray[np.float64], distances: NDArray[np.float64], width: int, height: int
) -> NDArray[np.float64]:
    """Inverts `project`: points float64[n, 3] in camera space at these depths.

    Pixels float64[n, 2]; distances float64[n] from the camera plane, in metres.
    """
    slopes = (pixels - (width / 2, height / 2)) * (1, -1) / focal_px(height)
    return np.column_stack((slopes * distances[:, None], -distances))


def compose(translation: Vector3, rotation: Quaternion) -> Matrix4:
    """Returns the rigid transform of a rotation followed by a translation."""
    out = np.eye(4)
    out[:3, :3] = matrix_from_quaternion(rotation)
    out[:3, 3] = translation
    return out


def decompose(matrix: Matrix4) -> tuple[Vector3, Quaternion]:
    """Splits a transform into translation and unit quaternion; a uniform scale is dropped."""
    (a, b, c), (d, e, f), (g, h, i) = matrix[:3, :3].tolist()
    size = math.cbrt(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))
    return matrix[:3, 3].copy(), quaternion_from_matrix(matrix[:3, :3] / size)


def matrix_from_quaternion(q: Quaternion) -> NDArray[np.float64]:
    """Returns the 3x3 rotation of a unit quaternion (w, x, y, z)."""
    w, x, y, z = q.tolist()
    return np.array(
        (
            (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        )
    )


def quaternion_from_matrix(rotation: NDArray[np.float64]) -> Quaternion:
    """Returns the unit quaternion (w, x, y, z), w >= 0, of a 3x3 rotation (Shepperd 1978)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    # Four times the square of each part; from the largest the others follow without loss.
    parts = (1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz)
    largest = max(parts)
    s = 2 * math.sqrt(largest)
    if largest == parts[0]:
        q = (s / 4, (zy - yz) / s, (xz - zx) / s, (yx - xy) / s)
    elif largest == parts[1]:
        q = ((zy - yz) / s, s / 4, (xy + yx) / s, (xz + zx) / s)
    elif largest == parts[2]:
        q = ((xz - zx) / s, (xy + yx) / s, s / 4, (yz + zy) / s)
    else:
        q = ((yx - xy) / s, (xz + zx) / s, (yz + zy) / s, s / 4)
    length = math.hypot(*q)
    return np.array(q) / (length if q[0] >= 0 else -length)


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Returns the rotation b followed by a."""
    aw, ax, ay, az = a.tolist()
    bw, bx, by, bz = b.tolist()
    return np.array(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        )
    )


def conjugate(q: Quaternion) -> Quaternion:
    """Returns the inverse rotation."""
    w, x, y, z = q.tolist()
    return np.array((w, -x, -y, -z))


def rotation_vector(q: Quaternion) -> Vector3:
    """Returns axis times angle (radians, at largest pi) of a unit quaternion: the log map."""
    w, *xyz = q.tolist() if q[0] >= 0 else (-q).tolist()
    length = math.hypot(*xyz)
    factor = 2.0 if length < 1e-12 else 2 * math.atan2(length, w) / length
    return factor * np.array(xyz)


def quaternion_from_vector(vector: Vector3) -> Quaternion:
    """Returns the unit quaternion of axis times angle: the exponential map."""
    x, y, z = vector.tolist()
    angle = math.hypot(x, y, z)
    factor = 0.5 if angle < 1e-12 else math.sin(angle / 2) / angle
    return np.array((math.cos(angle / 2), factor * x, factor * y, factor * z))


def pose_after_similarity(
    translation: Vector3,
    rotation: Quaternion,
    similarity: NDArray[np.float64],
    width: int,
    height: int,
) -> tuple[Vector3, Quaternion]:
    """Returns the pose whose image is that of `translation` and `rotation`, transformed.

    `similarity` float64[2 or 3, 3] rotates, scales and moves pixels.
    """
    linear, offset = similarity[:2, :2], similarity[:2, 2]
    scale = math.sqrt(float(np.linalg.det(linear)))
    pixel = project(np.eye(4), translation[None], width, height) @ linear.T + offset
    (moved,) = unproject(pixel, -translation[2:] / scale, width, height)
    # Clockwise in the image, where y points down, is about the camera's -z.
    angle = -math.atan2(linear[1, 0], linear[0, 0])
    return moved, multiply(quaternion_from_vector(np.array((0.0, 0.0, angle))), rotation)


def slerp(a: Quaternion, b: Quaternion, t: float) -> Quaternion:
    """Interpolates a rotation by a fraction t from a to b, along the shorter arc."""
    return multiply(a, quaternion_from_vector(t * rotation_vector(multiply(conjugate(a), b))))


def euler_deg(q: Quaternion) -> Vector3:
    """Returns yaw (to the head's left), pitch (down), roll in degrees, applied as Y X Z."""
    m = matrix_from_quaternion(q)
    return np.degrees(
        (
            np.arctan2(m[0, 2], m[2, 2]),
            np.arcsin(np.clip(-m[1, 2], -1, 1)),
            np.arctan2(m[1, 0], m[1, 1]),
        )
    )
