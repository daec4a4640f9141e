"""Keeps a reference image of the unoccluded face and registers it to frames with hands.

A pixel that matches the registered reference shows the face, not a hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Mask
from livecam.segmentation.hand_shape import Points, bounding_box, draw_hand, fill_hull, top_left
from livecam.vision.optical_flow import (
    FLOW_WINDOW,
    MIN_POINTS,
    consensus_motion,
    gray_image,
    track_points,
)
from livecam.vision.transforms import Affine, fit_affine, inverse_transformed, transformed

KEYFRAME_INTERVAL_S, MAX_KEYFRAMES = 0.25, 5  # kept while no hand is near
UNOCCLUDED_S = 0.55  # so long before its first detection a hand may already have been there
MAX_FEATURES, FEATURE_DISTANCE = 40, 0.05  # feature points of the face; in face widths, apart
INLIER_PX = 1.5  # feature points that lie farther off do not belong to the face
MAX_FACE_PX = 160  # width of the face in the images that it is registered in
TOLERANCE = (9, 5, 5)  # Y, Cr, Cb, of 255: the noise of a camera
WIDE_TOLERANCE = (18, 8, 8)  # what differs by more is certainly something else
NEAR_PX, FAR_PX = 2, 4  # residual displacement: skin deforms
HEAD_MARGIN = 0.6  # face widths around the face that are kept
OCCLUSION_GROWTH = 1.8  # thickness of a drawn hand beyond which the face beside it is visible
STRIDE = 4  # pixels between samples of its colours
SHADOW = 0.75  # share of the light that a hand's shadow leaves on the face


@dataclass(frozen=True, slots=True)
class _Keyframe:
    image: Image
    landmarks: Points
    at: float


@dataclass(frozen=True, slots=True)
class _Reference:
    """The head without a hand, used while hands are there."""

    image: Image  # uint8[h, w, 4], updated wherever no hand is
    landmarks: Points  # in it
    features: Points  # float32[n, 2], of its surface, for registration


@dataclass(frozen=True, slots=True)
class FaceMatch:
    """The match of a rectangle of a frame with the unoccluded face."""

    certain: Mask  # 255 where the frame shows the face
    possible: Mask  # 255 where it may show the face, also in a hand's shadow
    colours: Image  # uint8[k, 3]: samples of the face's colours, Y, Cr, Cb


class FaceReference:
    """Keeps the face without a hand and registers it to frames with one. One thread."""

    def __init__(self) -> None:
        self._keyframes: deque[_Keyframe] = deque(maxlen=MAX_KEYFRAMES)
        self._reference: _Reference | None = None
        self._source: _Keyframe | None = None  # of the reference
        self._occluded_since = np.inf
        self._frame_from_reference: Affine | None = None

    def observe(self, image: Image, landmarks: Points, at: float) -> None:
        """Adds a frame without a hand before the face. The image is kept, not copied."""
        if self._source is not None:  # it is old enough to be used again at once
            self._keyframes.append(self._source)
            self._reference = self._source = None
        self._occluded_since = np.inf
        last = self._keyframes[-1] if self._keyframes else None
        if last is not None and (at < last.at or last.image.shape != image.shape):
            self._keyframes.clear()
            last = None
        if last is None or at - last.at >= KEYFRAME_INTERVAL_S:
            self._keyframes.append(_Keyframe(image, landmarks, at))

    def register(self, image: Image, landmarks: Points, at: float) -> bool:
        """Registers the reference to a frame with hands; false when there is none."""
        self._occluded_since = min(self._occluded_since, at)
        if self._reference is None:
            self._choose_reference(image)
        self._frame_from_reference = (
            None if self._reference is None else _registered(self._reference, image, landmarks)
        )
        return self._frame_from_reference is not None

    def match(self, colour: Image, box: Rect) -> FaceMatch | None:
        """Compares a box of that frame with the reference; None without one.

        `colour` is the box as `luma_chroma` gives it, at its size or smaller.
        """
        if self._reference is None or self._frame_from_reference is None:
            return None
        rows, columns = colour.shape[:2]
        shrink = np.diag((columns / box.width, rows / box.height))
        offset = np.array(((0, 0, box.x0), (0, 0, box.y0)))
        into_box = shrink @ (self._frame_from_reference - offset)
        head = cv2.warpAffine(
            self._reference.image, into_box, (columns, rows), flags=cv2.INTER_LINEAR
        )
        expected = luma_chroma(np.asarray(head, np.uint8))
        certain = _denoised(_in_range(colour, *_local_range(expected, NEAR_PX), TOLERANCE))
        low, high = _local_range(expected, FAR_PX)
        low[..., 0] = cv2.convertScaleAbs(low[..., 0].copy(), alpha=SHADOW)
        possible = cv2.bitwise_or(_in_range(colour, low, high, WIDE_TOLERANCE), certain)
        samples = expected[::STRIDE, ::STRIDE].reshape(-1, 3)
        return FaceMatch(certain, np.asarray(possible, np.uint8), samples[samples[:, 0] > 0])

    def update(self, image: Image, hands: Sequence[Points]) -> None:
        """Updates the reference with what is visible of the face beside the hands."""
        if self._reference is None or self._frame_from_reference is None:
            return
        reference = self._reference.image
        height, width = reference.shape[:2]
        back = np.asarray(cv2.invertAffineTransform(self._frame_from_reference), np.float64)
        now = cv2.warpAffine(image, back, (width, height), flags=cv2.INTER_LINEAR)
        free = np.full((height, width), 255, np.uint8)
        for points in hands:
            free[draw_hand(transformed(points, back), width, height, OCCLUSION_GROWTH) > 0] = 0
        inside = cv2.convertScaleAbs(now[..., 3])  # 0 beyond the frame
        cv2.copyTo(np.asarray(now, np.uint8), cv2.bitwise_and(free, inside), reference)

    def reset(self) -> None:
        self._keyframes.clear()
        self._occluded_since = np.inf
        self._reference = self._source = self._frame_from_reference = None

    def _choose_reference(self, image: Image) -> None:
        """Takes the newest keyframe that is old enough, for as long as hands are there."""
        old = [k for k in self._keyframes if self._occluded_since - k.at >= UNOCCLUDED_S]
        if not old or old[-1].image.shape != image.shape:
            return
        self._keyframes.clear()
        self._source = old[-1]
        keyframe, landmarks = old[-1].image, old[-1].landmarks
        box = bounding_box(landmarks, keyframe.shape, HEAD_MARGIN)
        origin = top_left(box)
        self._reference = _Reference(
            keyframe[box.slices].copy(), landmarks - origin, _features(keyframe, landmarks) - origin
        )


def _registered(reference: _Reference, image: Image, landmarks: Points) -> Affine:
    """Estimates the affine transform that registers the reference to an image.

    The landmarks under a hand are guesses, so feature points of the face's surface are tracked;
    only where too few of them are visible the landmarks decide.
    """
    guess = fit_affine(reference.landmarks, landmarks)
    box = bounding_box(landmarks, image.shape)
    scale = min(1.0, MAX_FACE_PX / max(1.0, float(np.ptp(landmarks[:, 0]))))
    too_small = min(box.width, box.height) * scale < 2 * FLOW_WINDOW[0]
    if too_small or len(reference.features) < MIN_POINTS:
        return guess
    after = gray_image(image[box.slices], scale)
    into_box = _homogeneous(_into(box, scale)) @ _homogeneous(guess)
    size = (after.shape[1], after.shape[0])
    before = cv2.warpAffine(reference.image, into_box[:2], size, flags=cv2.INTER_LINEAR)
    start = transformed(reference.features, into_box[:2])
    found, good = track_points(
        gray_image(np.asarray(before, np.uint8), 1.0), after, start, start, levels=1
    )
    good &= np.linalg.norm(found - start, axis=1) < FLOW_WINDOW[0]
    if good.sum() < MIN_POINTS:
        return guess
    in_image = inverse_transformed(found[good], _into(box, scale))
    inliers = np.ones(len(in_image), np.bool_)
    motion = consensus_motion(reference.features[good], in_image, inliers, INLIER_PX)
    return guess if motion is None else motion


def _local_range(colour: Image, radius: int) -> tuple[Image, Image]:
    """Computes minimum and maximum of each channel within a radius: erosion and dilation."""
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return np.asarray(cv2.erode(colour, square)), np.asarray(cv2.dilate(colour, square))


def _features(image: Image, landmarks: Points) -> Points:
    """Corners on a face that optical flow can track, float32[n, 2]."""
    box = bounding_box(landmarks, image.shape)
    grey = gray_image(image[box.slices], 1.0)
    inside = np.zeros_like(grey)
    fill_hull(inside, landmarks - top_left(box))
    apart = max(2.0, FEATURE_DISTANCE * float(np.ptp(landmarks[:, 0])))
    corners = cv2.goodFeaturesToTrack(grey, MAX_FEATURES, 0.01, apart, mask=inside)
    found = np.zeros((0, 2)) if corners is None else np.reshape(corners, (-1, 2))
    return (found + top_left(box)).astype(np.float32)


def _into(box: Rect, scale: float) -> Affine:
    """Returns the transform from the frame to a scaled copy of a box of it."""
    return np.array(((scale, 0, -box.x0 * scale), (0, scale, -box.y0 * scale)))


def _homogeneous(transform: Affine) -> Affine:
    """Returns float64[3, 3] of an affine transform."""
    return np.vstack((transform, (0, 0, 1)))


def _in_range(colour: Image, low: Image, high: Image, tolerance: tuple[int, int, int]) -> Mask:
    more = np.array((*tolerance, 0), np.float64)
    return np.asarray(cv2.inRange(colour, cv2.subtract(low, more), cv2.add(high, more)), np.uint8)


def _denoised(mask: Mask) -> Mask:
    """Removes single pixels from a mask by a median filter."""
    return np.asarray(cv2.medianBlur(mask, 5), np.uint8)


def luma_chroma(rgba: Image) -> Image:
    """Converts an image to Y, Cr, Cb, box-filtered by 3 pixels: uint8[h, w, 3]."""
    rgb = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
    return np.asarray(cv2.blur(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb), (3, 3)), np.uint8)
