"""Detects hands near the face: at which rate, and in which part of the frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.frame import Frame, Image, Rect
from livecam.core.timing import is_due
from livecam.segmentation.base import Hand
from livecam.segmentation.hand_shape import Points, hand_size, top_left

# Detects hands in an image: landmarks float32[21, 2], image-normalised, and a confidence.
LandmarkHands: TypeAlias = Callable[[Image], Sequence[tuple[NDArray[np.float32], float]]]

IDLE_INTERVAL_S = 0.5  # between two detections while no hand is near
ACTIVE_INTERVAL_S = 0.1  # while one is
ACTIVE_FOR_S = 1.0  # a hand that was near so long ago may come back
MAX_MISSED = 1  # detections that may miss a hand before it is dropped
NEAR = 1.0  # face widths from the oval
CROP = 4.4  # side of the square that is searched, in face widths
CROP_HYSTERESIS = 0.08  # of that side: while the head moves less, the crop stays
NO_CROP = Rect(0, 0, 0, 0)
CROP_PX = 384  # that side for the network
MIN_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class HandDetection(Hand):
    """A hand and the frame it was detected in."""

    image: Image  # uint8[h, w, 4]; not written to
    at: float  # the time of that frame, seconds


class HandDetector(Closing):
    """Detects hands near a face at a limited rate. One thread.

    Between two runs of the network the last detections stand: `HandTracker` tracks them from
    their frame to the current one. `close_landmarker` releases what `landmark` runs on.
    """

    def __init__(
        self, landmark: LandmarkHands, close_landmarker: Callable[[], None] = lambda: None
    ) -> None:
        self._landmark = landmark
        self._close_landmarker = close_landmarker
        self._detections: tuple[HandDetection, ...] = ()
        self._detected_at, self._near_at = -np.inf, -np.inf
        self._missed = 0
        self._crop = NO_CROP

    def detect(self, frame: Frame, face_landmarks: Points, now: float) -> tuple[HandDetection, ...]:
        """Detects the hands near a face (landmarks float32[478, 2], pixels of the frame)."""
        if now < self._detected_at:  # the film started again
            self.reset()
        interval_s = ACTIVE_INTERVAL_S if now - self._near_at <= ACTIVE_FOR_S else IDLE_INTERVAL_S
        if not is_due(interval_s, self._detected_at, now):
            return self._detections
        self._detected_at = now
        found = self._run(frame, face_landmarks)
        if found:
            self._detections, self._missed, self._near_at = found, 0, now
        else:
            self._missed += 1
            if self._missed > MAX_MISSED:
                self._detections = ()
        return self._detections

    def reset(self) -> None:
        """Drops all detections, as at a cut."""
        self._detections, self._missed, self._crop = (), 0, NO_CROP
        self._detected_at = self._near_at = -np.inf

    def close(self) -> None:
        self._close_landmarker()

    def _run(self, frame: Frame, face: Points) -> tuple[HandDetection, ...]:
        crop = self._crop = steady_crop(self._crop, face, *frame.size)
        hands = []
        for points, confidence in self._landmark(_resized(frame.image, crop)):
            in_frame = points * np.float32(crop.width) + top_left(crop)
            if confidence >= MIN_CONFIDENCE and is_near(in_frame, face):
                hands.append(HandDetection(in_frame, confidence, frame.image, frame.captured_at))
        return tuple(hands)


def _resized(image: Image, crop: Rect) -> Image:
    """Resizes a square crop for the network, zero-padded: MediaPipe is exact only in squares."""
    side = min(CROP_PX, crop.width)
    scale = side / crop.width
    inside = crop.clipped(image.shape[1], image.shape[0])
    square = np.zeros((side, side, 4), np.uint8)
    if inside.empty:
        return square
    x, y = round((inside.x0 - crop.x0) * scale), round((inside.y0 - crop.y0) * scale)
    width = max(1, min(side - x, round(inside.width * scale)))
    height = max(1, min(side - y, round(inside.height * scale)))
    cv2.resize(
        image[inside.slices], (width, height), square[y : y + height, x : x + width],
        interpolation=cv2.INTER_AREA,
    )  # fmt: skip
    return square


def steady_crop(before: Rect, face: Points, width: int, height: int) -> Rect:
    """Returns the crop with hysteresis: the landmarker tracks hands from crop to crop."""
    crop = crop_around(face, width, height)
    corners = ((c.x0, c.y0, c.x1, c.y1) for c in (before, crop))
    shift = max(abs(a - b) for a, b in zip(*corners, strict=True))
    return before if shift < CROP_HYSTERESIS * max(crop.width, crop.height) else crop


def crop_around(face: Points, width: int, height: int) -> Rect:
    """Returns the square of head and shoulders, as far as possible inside a frame of that size."""
    low, high = face.min(axis=0), face.max(axis=0)
    side = max(8, min(round(CROP * float(high[0] - low[0])), max(width, height)))
    x, y = (
        (length - side) // 2 if side >= length else min(max(round(c - side / 2), 0), length - side)
        for c, length in zip(((low + high) / 2).tolist(), (width, height), strict=True)
    )
    return Rect(x, y, x + side, y + side)


def is_near(hand: Points, face: Points) -> bool:
    """Returns whether a hand's bounding box comes within a face width of the face."""
    low, high = face.min(axis=0), face.max(axis=0)
    reach = NEAR * (high[0] - low[0])
    return bool((hand.max(axis=0) > low - reach).all() and (hand.min(axis=0) < high + reach).all())


def covers(hand: Points, face: Points) -> bool:
    """Returns whether a hand's bounding box, with a margin, overlaps the face's."""
    margin = 0.4 * hand_size(hand)
    low, high = hand.min(axis=0) - margin, hand.max(axis=0) + margin
    return bool((high > face.min(axis=0)).all() and (low < face.max(axis=0)).all())
