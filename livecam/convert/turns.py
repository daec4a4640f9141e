"""Turns frames, and what was found in them, clockwise by 0, 90, 180 or 270 degrees.

The shot in which a person lies or hangs is searched and composed in frames turned so that the
person is upright. What comes out is turned back by the rest of a full turn.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import FacePose, FaceState
from livecam.core.frame import Frame, Rect
from livecam.core.observation import FaceBox
from livecam.core.spaces import matrix_from_quaternion, multiply, quaternion_from_vector
from livecam.media.shape import TURNS, rotated

Size = tuple[int, int]  # width and height, pixels


def back(degrees: int) -> int:
    """Returns the turn that undoes another one."""
    return -degrees % 360


def turned(frame: Frame, degrees: int) -> Frame:
    """Turns an RGBA frame; by 0 degrees it is the same one."""
    if not degrees:
        return frame
    image = rotated(frame.image, degrees)
    image.flags.writeable = False
    return replace(frame, image=image)


def turned_size(size: Size, degrees: int) -> Size:
    """Returns the size of a turned frame."""
    return (size[1], size[0]) if degrees % 180 else size


def turned_points(points: NDArray[np.floating], size: Size, degrees: int) -> NDArray[np.float64]:
    """Turns points float[n, 2] with a frame of that size, in pixels."""
    middle, after = np.array(size) / 2, np.array(turned_size(size, degrees)) / 2
    return np.asarray((points - middle) @ np.array(TURNS[degrees], float).T + after, np.float64)


def turned_box(box: FaceBox, size: Size, degrees: int) -> FaceBox:
    """Turns the place of a face with a frame of that size."""
    return np.array((*turned_points(box[None, :2], size, degrees)[0], box[2]))


def turned_rect(rect: Rect, size: Size, degrees: int) -> Rect:
    """Turns a rectangle with a frame of that size."""
    corners = np.array(((rect.x0, rect.y0), (rect.x1, rect.y1)), float)
    points = turned_points(corners, size, degrees)
    low, high = points.min(axis=0), points.max(axis=0)
    return Rect(*(round(float(value)) for value in (*low, *high)))


def turned_face(face: FaceState, size: Size, degrees: int) -> FaceState:
    """Turns a face without a source with a frame of that size; it keeps its true size."""

    def moved(points: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        return None if points is None else turned_points(points, size, degrees).astype(np.float32)

    # The y axis of camera space points up: clockwise is negative there.
    roll = quaternion_from_vector(np.array((0.0, 0.0, -np.radians(degrees))))
    translation = matrix_from_quaternion(roll) @ face.pose.translation
    # The focal length is a share of the frame's height, and the depth follows from it.
    translation[2] *= turned_size(size, degrees)[1] / size[1]
    pose = FacePose(translation, multiply(roll, face.pose.rotation))
    return replace(
        face, pose=pose, outline_px=moved(face.outline_px), landmarks_px=moved(face.landmarks_px)
    )
