"""Follows a face from the frame it was measured in into a newer frame, by optical flow.

Tracking takes longer than a frame lasts. A prediction is right while a head keeps its velocity;
when it stops or turns back, the real face would be visible beside the avatar. So points of the face
are found again in the newer frame (vision/optical_flow.py), and the prediction is
corrected by the motion they share.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from livecam.core.face import Face, FacePose, FaceState, convex_outline
from livecam.core.frame import Frame, Rect
from livecam.core.spaces import compose, decompose, pose_after_similarity
from livecam.segmentation.warp import RIGID_LANDMARKS
from livecam.vision.optical_flow import consensus_motion, gray_image, track_points
from livecam.vision.transforms import Affine, Points2, fit_similarity, transformed

# The rigid landmarks, the corners of eyes and mouth, the tip of the nose and the chin.
POINTS = [*RIGID_LANDMARKS, 33, 133, 362, 263, 61, 291, 1, 4, 199]
FACE_PX = 64  # a wider face is reduced to that: a motion of half its width is found, too
MARGIN = 0.4  # of a face's width, around where it was and where it should be
TOLERANCE_PX = 1.5  # of the reduced frame, for points with the same motion
DEAD_ZONE_PX = 1.0  # a smaller error is not corrected: a still head stays still


def followed(
    measured: FaceState, predicted: FaceState, before: Frame, newest: Frame
) -> FaceState | None:
    """Corrects the predicted face by the newest frame; None where it is not found again.

    `measured` is the face in the frame `before`.
    """
    width, height = newest.size
    start, expected = measured.points_px(width, height), predicted.points_px(width, height)
    if start is None or expected is None or before.size != newest.size:
        return None
    found = _found_again(start, expected, before, newest)
    return None if found is None else corrected(predicted, found, newest.size)


def followed_face(face: Face, before: Frame, newest: Frame) -> Face | None:
    """Follows a face as the tracker measured it; None where it is not found again.

    Its weights stay, and its pose moves with the image.
    """
    if before.size != newest.size:
        return None
    start = face.points_px(*before.size)
    found = _found_again(start, start, before, newest)
    if found is None:
        return None
    landmarks = face.landmarks.copy()
    landmarks[:, :2] = found / np.array(newest.size, np.float32)
    motion = fit_similarity(start[POINTS], found[POINTS])
    pose = pose_after_similarity(*decompose(face.camera_from_head), motion, *newest.size)
    return Face(landmarks, face.weights, compose(*pose))


def corrected(predicted: FaceState, found: Points2, size: tuple[int, int]) -> FaceState:
    """Corrects a predicted face by where its landmarks were found, float32[478, 2] pixels."""
    width, height = size
    expected = predicted.points_px(width, height)
    assert expected is not None
    correction = _with_dead_zone(fit_similarity(expected[POINTS], found[POINTS]), expected[POINTS])
    pose, landmarks = predicted.pose, transformed(expected, correction)
    moved = pose_after_similarity(pose.translation, pose.rotation, correction, width, height)
    return replace(
        predicted,
        pose=FacePose(*moved),
        landmarks_px=landmarks,
        # Where the measurements jump, the prediction is wrong in shape: both are hidden.
        outline_px=convex_outline(np.concatenate((landmarks, found))),
    )


def _with_dead_zone(error: Affine, points: Points2) -> Affine:
    """Returns the part of a similarity that moves points farther than DEAD_ZONE_PX."""
    farthest = float(np.abs(transformed(points, error) - points).max())
    share = max(0.0, 1 - DEAD_ZONE_PX / max(farthest, 1e-6))
    centre = points.mean(axis=0).astype(np.float64)
    shift = share * (error[:, :2] @ centre + error[:, 2] - centre)
    scale = float(np.linalg.det(error[:, :2])) ** (share / 2)
    angle = share * math.atan2(error[1, 0], error[0, 0])
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array(((cos, -sin), (sin, cos)))
    return np.column_stack((linear, centre + shift - linear @ centre))


def _found_again(start: Points2, expected: Points2, before: Frame, newest: Frame) -> Points2 | None:
    """Finds the landmarks again in the newest frame, pixels, by the shared motion of POINTS.

    None when too few of them moved together.
    """
    width = float(np.ptp(start[:, 0]))
    both = np.concatenate((start, expected))
    low, high = both.min(axis=0) - MARGIN * width, both.max(axis=0) + MARGIN * width
    box = Rect(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1).clipped(*newest.size)
    if box.width < 16 or box.height < 16:
        return None
    scale = min(1.0, FACE_PX / max(width, 1.0))
    corner = np.array((box.x0, box.y0), np.float32)
    points, guess = ((each[POINTS] - corner) * np.float32(scale) for each in (start, expected))
    old, new = (gray_image(frame.image[box.slices], scale) for frame in (before, newest))
    there, good = track_points(old, new, points, guess)
    motion = consensus_motion(points, there, good, TOLERANCE_PX)
    if motion is None:
        return None
    moved = transformed((start - corner) * np.float32(scale), motion)
    return moved / np.float32(scale) + corner
