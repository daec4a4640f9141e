"""Tracks hands by optical flow from the frame of their detection to the current one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Hand
from livecam.segmentation.hand_detector import HandDetection
from livecam.segmentation.hand_shape import FINGERS, WRIST, Points, hand_size, top_left
from livecam.vision.optical_flow import (
    FLOW_WINDOW,
    MIN_POINTS,
    consensus_motion,
    gray_image,
    track_points,
)
from livecam.vision.transforms import transformed

MAX_FLOW_PX = 128  # size of a hand in the images that optical flow is measured on
INLIER_DISTANCE = 0.03  # of the hand's size: points within that share its motion
FLOW_MARGIN = 0.5  # hand sizes around a hand that are searched
HISTORY = 16  # frames: half a second
CONFIRM_DISTANCE = 0.10  # of the hand's size, between a detection and the track
# A fast hand is less certain: by the distance of a detection, or the displacement since.
STEADY_DISTANCE, STEADY_DISPLACEMENT, FAST_CONFIDENCE = 0.06, 0.3, 0.5


@dataclass(slots=True)
class _HandTrack:
    """One hand through the last frames."""

    hand: Hand  # in the current frame
    confirmed: bool  # by a second detection
    history: deque[tuple[float, Points]]  # times and landmarks


class HandTracker:
    """Tracks hands from the frame of their detection to the current one. One thread."""

    def __init__(self) -> None:
        self._detections: tuple[Hand, ...] = ()
        self._tracks: list[_HandTrack] = []
        self._images: deque[tuple[float, Image]] = deque(maxlen=HISTORY)

    def track(self, hands: tuple[Hand, ...], image: Image, at: float) -> tuple[Hand, ...]:
        """Returns the hands as they lie in an image uint8[h, w, 4], without those that were lost.

        `hands` are the latest detections, repeated until there are newer ones; call it for frames
        without hands as well. A track counts once a second detection has confirmed it. A plain
        `Hand` is taken to lie in that image already.
        """
        if self._images and at < self._images[-1][0]:
            self.reset()
        before = self._images[-1][1] if self._images else image
        self._images.append((at, image))
        if not hands:
            self._detections, self._tracks = (), []
            return ()
        self._tracks = [track for track in self._tracks if _advance(track, before, image, at)]
        if not _same(hands, self._detections):
            updated = [self._update(hand, image, at) for hand in hands]
            self._tracks = [track for track in updated if track is not None]
            self._detections = hands
        return tuple(track.hand for track in self._tracks if track.confirmed)

    def reset(self) -> None:
        self._detections, self._tracks = (), []
        self._images.clear()

    def _update(self, hand: Hand, image: Image, at: float) -> _HandTrack | None:
        """Updates the track of a detection, the associated one or a new one; None if it is lost."""
        if not isinstance(hand, HandDetection):
            return _HandTrack(hand, True, deque(((at, hand.points),), HISTORY))
        for track in self._tracks:
            then = _interpolated(track.history, hand.at)
            if then is not None and _is_near(then, hand.points):
                self._tracks.remove(track)
                _correct(track, hand, then, image)
                return track
        return self._start(hand)

    def _start(self, hand: HandDetection) -> _HandTrack | None:
        """Starts a track, followed frame by frame: each displacement alone is small."""
        points, before = hand.points, hand.image
        history = deque(((hand.at, points),), HISTORY)
        for at, after in self._images:
            if at > hand.at:
                found = track_hand(points, before, after)
                if found is None:
                    return None
                points, before = found, after
                history.append((at, points))
        return _HandTrack(Hand(points, min(hand.confidence, FAST_CONFIDENCE)), False, history)


def _advance(track: _HandTrack, before: Image, after: Image, at: float) -> bool:
    """Moves a track on by one frame; false when it is lost."""
    points = track_hand(track.hand.points, before, after)
    if points is None:
        return False
    track.hand = replace(track.hand, points=points)
    track.history.append((at, points))
    return True


def _correct(track: _HandTrack, hand: HandDetection, then: Points, image: Image) -> None:
    """Corrects a track by a detection; `then` is where the track was at the detection's time."""
    size, displacement = hand_size(then), np.median(track.hand.points - then, axis=0)
    distance = float(np.linalg.norm(then - hand.points, axis=1).mean()) / size
    track.confirmed = distance < CONFIRM_DISTANCE
    is_slow = float(np.linalg.norm(displacement)) < STEADY_DISPLACEMENT * size
    is_steady = distance < STEADY_DISTANCE and is_slow
    found = track_hand(hand.points, hand.image, image, displacement)
    points = track.hand.points if found is None else found
    confidence = hand.confidence if is_steady else min(hand.confidence, FAST_CONFIDENCE)
    track.hand = Hand(points, confidence)
    track.history[-1] = (track.history[-1][0], points)


def _interpolated(history: deque[tuple[float, Points]], at: float) -> Points | None:
    """Interpolates the landmarks at a time within the history; None before and after."""
    for (start, here), (end, there) in pairwise(history):
        if start <= at <= end:
            share = np.float32((at - start) / max(end - start, 1e-6))
            return np.asarray(here + (there - here) * share, np.float32)
    return None


def track_hand(
    points: Points, before: Image, after: Image, displacement: Points | None = None
) -> Points | None:
    """Tracks a hand's landmarks into the next image, by optical flow; None without a consensus.

    `displacement`, float32[2] pixels, is the initial guess.
    """
    if after is before:
        return points
    if before.shape != after.shape:
        return None
    guess = np.zeros(2, np.float32) if displacement is None else displacement
    size = hand_size(points)
    box = _swept_box(points, guess, size, before.shape)
    # By halves only: averaging them does not shift the image.
    scale = 1.0
    while scale * size > MAX_FLOW_PX:
        scale /= 2
    if min(box.width, box.height) * scale < 2 * FLOW_WINDOW[0]:
        return None
    origin = top_left(box)
    greys = [gray_image(image[box.slices], scale) for image in (before, after)]
    features = ((_features(points) - origin) * scale).astype(np.float32)
    inside = (features >= 0) & (features < (greys[0].shape[1], greys[0].shape[0]))
    features = features[inside.all(axis=1)]
    if len(features) < MIN_POINTS:
        return None
    found, good = track_points(greys[0], greys[1], features, features + guess * scale)
    motion = consensus_motion(features, found, good, INLIER_DISTANCE * size * scale)
    if motion is None:
        return None
    result: Points = transformed((points - origin) * scale, motion) / np.float32(scale) + origin
    return result.astype(np.float32)


def _swept_box(points: Points, displacement: Points, size: float, shape: tuple[int, ...]) -> Rect:
    """Returns the box that a hand sweeps over between two images of that shape, with a margin."""
    low = np.minimum(points.min(axis=0), points.min(axis=0) + displacement)
    high = np.maximum(points.max(axis=0), points.max(axis=0) + displacement)
    box = Rect(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)
    return box.grown(round(FLOW_MARGIN * size)).clipped(shape[1], shape[0])


def _same(some: tuple[Hand, ...], others: tuple[Hand, ...]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _is_near(one: Points, other: Points) -> bool:
    return bool(np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) < hand_size(other))


def _features(points: Points) -> Points:
    """Returns points to track: landmarks, midpoints between them, the palm, float32[54, 2]."""
    roots = points[[5, 9, 13, 17]]
    palm = [points[WRIST] + (roots - points[WRIST]) * np.float32(k) for k in (0.3, 0.55, 0.8)]
    return np.concatenate((points, (points[_FIRST] + points[_SECOND]) / 2, *palm))


_SEGMENTS = [(finger[i], finger[i + 1]) for finger in FINGERS for i in range(3)]
_SEGMENTS += [(1, 5), (5, 9), (9, 13), (13, 17), (1, 9), (1, 13)]
_FIRST, _SECOND = (list(ends) for ends in zip(*_SEGMENTS, strict=True))
