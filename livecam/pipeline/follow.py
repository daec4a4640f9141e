"""Where a face went since it was tracked, seen in the newest picture itself.

Tracking takes longer than a picture lasts. A prediction is right while a head goes on as it went;
when it stops or turns back, the real face would show beside the avatar. Spots of the face are
found again in the newest picture (vision/optical_flow.py), and the prediction is set right by
what they did together.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import FacePose, FaceState, convex_outline
from livecam.core.frame import Frame, Rect
from livecam.core.spaces import pose_after_similarity
from livecam.segmentation.warp import RIGID_LANDMARKS
from livecam.vision.optical_flow import consensus_motion, gray_image, track_points
from livecam.vision.transforms import fit_similarity, transformed

# Besides what expressions hardly move: the corners of eyes and mouth, tip of the nose, chin.
SPOTS = [*RIGID_LANDMARKS, 33, 133, 362, 263, 61, 291, 1, 4, 199]
FACE_PX = 64  # a wider face is shrunk to that: also one that moved by half its width is found
MARGIN = 0.4  # of a face's width, around where it was and where it should be
TOLERANCE_PX = 1.5  # of the shrunk picture, for spots that move together
STILL_PX = 1.0  # so far the prediction may be wrong: a still head stays still


def followed(
    seen: FaceState, predicted: FaceState, before: Frame, newest: Frame
) -> FaceState | None:
    """The predicted face set right by the newest picture; None where it is not found again.

    `seen` is the face as it was in the picture `before`.
    """
    width, height = newest.size
    was, will = seen.points_px(width, height), predicted.points_px(width, height)
    if was is None or will is None or before.size != newest.size:
        return None
    now = _found_again(was, will, before, newest)
    if now is None:
        return None
    spots = will[SPOTS]
    wrong = fit_similarity(spots, now)
    far = float(np.abs(transformed(spots, wrong) - spots).max())
    share = max(0.0, 1 - STILL_PX / max(far, 1e-6))
    middle = spots.mean(axis=0).astype(np.float64)
    shift = share * (wrong[:, :2] @ middle + wrong[:, 2] - middle)
    growth = float(np.linalg.det(wrong[:, :2])) ** (share / 2)
    turn = share * math.atan2(wrong[1, 0], wrong[0, 0])
    cos, sin = growth * math.cos(turn), growth * math.sin(turn)
    linear = np.array(((cos, -sin), (sin, cos)))
    right = np.column_stack((linear, middle + shift - linear @ middle))
    pose, landmarks = predicted.pose, transformed(will, right)
    moved = pose_after_similarity(pose.translation, pose.rotation, right, width, height)
    return replace(
        predicted,
        pose=FacePose(*moved),
        landmarks_px=landmarks,
        outline_px=convex_outline(landmarks),
    )


def _found_again(
    was: NDArray[np.float32], will: NDArray[np.float32], before: Frame, newest: Frame
) -> NDArray[np.float32] | None:
    """Where the spots are in the newest picture, if enough of them went together; pixels."""
    width = float(np.ptp(was[:, 0]))
    both = np.concatenate((was, will))
    low, high = both.min(axis=0) - MARGIN * width, both.max(axis=0) + MARGIN * width
    box = Rect(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1).clipped(*newest.size)
    if box.width < 16 or box.height < 16:
        return None
    scale = min(1.0, FACE_PX / max(width, 1.0))
    corner = np.array((box.x0, box.y0), np.float32)
    marks, start = ((each[SPOTS] - corner) * np.float32(scale) for each in (was, will))
    there, good = track_points(
        gray_image(before.image[box.slices], scale), gray_image(newest.image[box.slices], scale),
        marks, start,
    )  # fmt: skip
    move = consensus_motion(marks, there, good, TOLERANCE_PX)
    if move is None:
        return None
    return transformed(marks, move) / np.float32(scale) + corner
