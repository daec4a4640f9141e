"""Follows hands from the picture they were seen in to the one at hand."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Hand
from livecam.segmentation.hand_detector import HandDetection
from livecam.segmentation.hand_shape import FINGERS, WRIST, Points, corner_of, size_of
from livecam.vision.optical_flow import (
    FLOW_WINDOW,
    MIN_POINTS,
    consensus_motion,
    gray_image,
    track_points,
)
from livecam.vision.transforms import transformed

FLOW_SIZE = 128  # of a hand in the picture that motion is measured in, at most, in pixels
AGREE = 0.03  # of the hand's size: its points move together within that
FLOW_MARGIN = 0.5  # hand sizes around a hand, in which it is looked for
TRAIL = 16  # pictures: half a second
LOOKS_AGREE = 0.10  # of the hand's size: what a look and the motion since the last may differ
# The points of a hand in haste are less sure: what looks differ, and how far it went since one.
CALM_AGREE, CALM_WAY, HASTY = 0.06, 0.3, 0.5


@dataclass(slots=True)
class _Followed:
    """A hand on its way."""

    hand: Hand  # as it lies in the newest picture
    sure: bool  # two looks agreed
    trail: deque[tuple[float, Points]]  # moments, and where it was


class HandCarrier:
    """Follows hands from the picture they were seen in to the one at hand. One thread."""

    def __init__(self) -> None:
        self._seen: tuple[Hand, ...] = ()
        self._followed: list[_Followed] = []
        self._pictures: deque[tuple[float, Image]] = deque(maxlen=TRAIL)

    def carry(self, hands: tuple[Hand, ...], picture: Image, at: float) -> tuple[Hand, ...]:
        """The hands as they lie in a picture uint8[h, w, 4]; those that were lost are left out.

        A sighted hand counts when a second look found it where the first had it go. `hands` are the
        newest sightings, the same again until there are newer ones; call it for pictures without
        hands as well. A plain `Hand` is taken to lie in that picture already.
        """
        if self._pictures and at < self._pictures[-1][0]:
            self.reset()
        before = self._pictures[-1][1] if self._pictures else picture
        self._pictures.append((at, picture))
        if not hands:
            self._seen, self._followed = (), []
            return ()
        self._followed = [f for f in self._followed if _goes_on(f, before, picture, at)]
        if not _same(hands, self._seen):
            arrived = [self._arrived(hand, picture, at) for hand in hands]
            self._followed = [each for each in arrived if each is not None]
            self._seen = hands
        return tuple(each.hand for each in self._followed if each.sure)

    def reset(self) -> None:
        self._seen, self._followed = (), []
        self._pictures.clear()

    def _arrived(self, hand: Hand, picture: Image, at: float) -> _Followed | None:
        """A newly seen hand in the newest picture; the one followed till now if it is lost."""
        if not isinstance(hand, HandDetection):
            return _Followed(hand, True, deque(((at, hand.points),), TRAIL))
        for known in self._followed:
            then = _where(known.trail, hand.at)
            if then is not None and _beside(then, hand.points):
                self._followed.remove(known)
                _corrected(known, hand, then, picture)
                return known
        return self._chained(hand)

    def _chained(self, hand: HandDetection) -> _Followed | None:
        """A hand seen for the first time, from picture to picture: each motion alone is small."""
        points, before = hand.points, hand.picture
        trail = deque(((hand.at, points),), TRAIL)
        for moment, after in self._pictures:
            if moment > hand.at:
                found = moved_on(points, before, after)
                if found is None:
                    return None
                points, before = found, after
                trail.append((moment, points))
        return _Followed(Hand(points, min(hand.confidence, HASTY)), False, trail)


def _goes_on(followed: _Followed, before: Image, after: Image, at: float) -> bool:
    points = moved_on(followed.hand.points, before, after)
    if points is None:
        return False
    followed.hand = replace(followed.hand, points=points)
    followed.trail.append((at, points))
    return True


def _corrected(known: _Followed, hand: HandDetection, then: Points, picture: Image) -> None:
    """Takes over what a new look saw of a hand that lay `then` at its moment, and is followed."""
    size, way = size_of(then), np.median(known.hand.points - then, axis=0)
    apart = float(np.linalg.norm(then - hand.points, axis=1).mean()) / size
    known.sure = apart < LOOKS_AGREE
    calm = apart < CALM_AGREE and float(np.linalg.norm(way)) < CALM_WAY * size
    found = moved_on(hand.points, hand.picture, picture, way)
    points = known.hand.points if found is None else found
    known.hand = Hand(points, hand.confidence if calm else min(hand.confidence, HASTY))
    known.trail[-1] = (known.trail[-1][0], points)


def _where(trail: deque[tuple[float, Points]], at: float) -> Points | None:
    """Where a hand was at a moment of its trail; None before and after."""
    for (start, here), (end, there) in pairwise(trail):
        if start <= at <= end:
            share = np.float32((at - start) / max(end - start, 1e-6))
            return np.asarray(here + (there - here) * share, np.float32)
    return None


def moved_on(
    points: Points, before: Image, after: Image, way: Points | None = None
) -> Points | None:
    """Where a hand's points went between two pictures; None when its motion cannot be told.

    `way`, float32[2] pixels, is where to look first.
    """
    if after is before:
        return points
    if before.shape != after.shape:
        return None
    height, width = before.shape[:2]
    size = size_of(points)
    way = np.zeros(2, np.float32) if way is None else way
    low = np.minimum(points.min(axis=0), points.min(axis=0) + way)
    high = np.maximum(points.max(axis=0), points.max(axis=0) + way)
    box = Rect(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)
    box = box.grown(round(FLOW_MARGIN * size)).clipped(width, height)
    # By halves only: those are averaged without a shift.
    scale = 1.0
    while scale * size > FLOW_SIZE:
        scale /= 2
    if min(box.width, box.height) * scale < 2 * FLOW_WINDOW[0]:
        return None
    origin = corner_of(box)
    greys = [gray_image(picture[box.slices], scale) for picture in (before, after)]
    marks = ((_marks(points) - origin) * scale).astype(np.float32)
    inside = (marks >= 0) & (marks < (greys[0].shape[1], greys[0].shape[0]))
    marks = marks[inside.all(axis=1)]
    if len(marks) < MIN_POINTS:
        return None
    there, good = track_points(greys[0], greys[1], marks, marks + way * scale)
    move = consensus_motion(marks, there, good, AGREE * size * scale)
    if move is None:
        return None
    result: Points = transformed((points - origin) * scale, move) / np.float32(scale) + origin
    return result.astype(np.float32)


def _same(some: tuple[Hand, ...], others: tuple[Hand, ...]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _beside(one: Points, other: Points) -> bool:
    return bool(np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) < size_of(other))


def _marks(points: Points) -> Points:
    """What is followed: the points, middles between them, and the palm, float32[54, 2]."""
    roots = points[[5, 9, 13, 17]]
    palm = [points[WRIST] + (roots - points[WRIST]) * np.float32(k) for k in (0.3, 0.55, 0.8)]
    return np.concatenate((points, (points[_FIRST] + points[_SECOND]) / 2, *palm))


_BETWEEN = [(finger[i], finger[i + 1]) for finger in FINGERS for i in range(3)]
_BETWEEN += [(1, 5), (5, 9), (9, 13), (13, 17), (1, 9), (1, 13)]
_FIRST, _SECOND = (list(ends) for ends in zip(*_BETWEEN, strict=True))
