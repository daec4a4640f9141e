"""Remembers what the face looks like without a hand, so that it can be told from one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Mask
from livecam.segmentation.hand_shape import Points, box_around, corner_of, drawn, fill_hull
from livecam.vision.optical_flow import (
    FLOW_WINDOW,
    MIN_POINTS,
    consensus_motion,
    gray_image,
    track_points,
)
from livecam.vision.transforms import Affine, fit_affine, inverse_transformed, transformed

MEMORY_STEP_S, MEMORIES = 0.25, 5  # pictures that are kept while no hand is near
UNTOUCHED_S = 0.55  # so long before it was seen a hand may have been there
MARKS, MARK_DISTANCE = 40, 0.05  # spots of the face that are followed; in face widths, apart
SETTLES_PX = 1.5  # spots that lie farther off do not belong to the face
FACE_SIDE = 160  # width of the face in the picture that it is followed in
SLACK = (9, 5, 5)  # Y, Cr, Cb, of 255: the noise of a camera
DOUBTED_SLACK = (18, 8, 8)  # what differs by more is certainly something else
NEAR_PX, FAR_PX = 2, 4  # nothing lies quite where it lay: skin is soft
HEAD_MARGIN = 0.6  # face widths around the face that are remembered
HIDES = 1.8  # shape of a hand beyond which the face beside it is to be seen
STRIDE = 4  # pixels between samples of its colours
SHADE = 0.75  # a hand's shadow leaves that much of the light on the face


@dataclass(frozen=True, slots=True)
class _Memory:
    picture: Image
    face: Points  # landmarks
    at: float


@dataclass(frozen=True, slots=True)
class _Kept:
    """The head without a hand, while hands are there."""

    head: Image  # uint8[h, w, 4], renewed wherever no hand is
    face: Points  # landmarks in it
    spots: Points  # float32[n, 2], of its surface, to find it again by


@dataclass(frozen=True, slots=True)
class Bare:
    """What the face would look like without a hand, in one rectangle of the picture."""

    same: Mask  # 255 where the picture shows just that
    doubted: Mask  # 255 where it may be that, also in a hand's shadow
    colours: Image  # uint8[k, 3]: some of its colours, Y, Cr, Cb


class FaceMemory:
    """Remembers the face without a hand, and finds it again beside one. One thread."""

    def __init__(self) -> None:
        self._recent: deque[_Memory] = deque(maxlen=MEMORIES)
        self._kept: _Kept | None = None
        self._kept_from: _Memory | None = None
        self._since = np.inf  # when hands came
        self._move: Affine | None = None  # from the kept head to the newest picture

    def remember(self, picture: Image, face: Points, at: float) -> None:
        """A picture in which nobody saw a hand before the face. It is kept, not copied."""
        if self._kept_from is not None:  # what served till now is old enough at once
            self._recent.append(self._kept_from)
            self._kept = self._kept_from = None
        self._since = np.inf
        last = self._recent[-1] if self._recent else None
        if last is not None and (at < last.at or last.picture.shape != picture.shape):
            self._recent.clear()
            last = None
        if last is None or at - last.at >= MEMORY_STEP_S:
            self._recent.append(_Memory(picture, face, at))

    def find(self, picture: Image, face: Points, at: float) -> bool:
        """Finds the remembered face in a picture with hands; whether there is one."""
        self._since = min(self._since, at)
        if self._kept is None:
            self._keep(picture)
        self._move = None if self._kept is None else _found_again(self._kept, picture, face)
        return self._move is not None

    def bare(self, colour: Image, box: Rect) -> Bare | None:
        """Compares a part of that picture with the face as it was; None when nothing is known.

        `colour` is the part as `luma_chroma` gives it, at its size or smaller.
        """
        if self._kept is None or self._move is None:
            return None
        rows, columns = colour.shape[:2]
        shrink = np.diag((columns / box.width, rows / box.height))
        shifted = shrink @ (self._move - np.array(((0, 0, box.x0), (0, 0, box.y0))))
        was = cv2.warpAffine(self._kept.head, shifted, (columns, rows), flags=cv2.INTER_LINEAR)
        was_colour = luma_chroma(np.asarray(was, np.uint8))
        same = _most(_between(colour, *_around(was_colour, NEAR_PX), SLACK))
        low, high = _around(was_colour, FAR_PX)
        low[..., 0] = cv2.convertScaleAbs(low[..., 0].copy(), alpha=SHADE)
        doubted = cv2.bitwise_or(_between(colour, low, high, DOUBTED_SLACK), same)
        some = was_colour[::STRIDE, ::STRIDE].reshape(-1, 3)
        return Bare(same, np.asarray(doubted, np.uint8), some[some[:, 0] > 0])

    def renew(self, picture: Image, hands: Sequence[Points]) -> None:
        """Takes over what is to be seen of the face beside the hands."""
        if self._kept is None or self._move is None:
            return
        head = self._kept.head
        height, width = head.shape[:2]
        back = np.asarray(cv2.invertAffineTransform(self._move), np.float64)
        now = cv2.warpAffine(picture, back, (width, height), flags=cv2.INTER_LINEAR)
        free = np.full((height, width), 255, np.uint8)
        for points in hands:
            free[drawn(transformed(points, back), width, height, HIDES) > 0] = 0
        frame = cv2.convertScaleAbs(now[..., 3])  # 0 beyond the picture
        cv2.copyTo(np.asarray(now, np.uint8), cv2.bitwise_and(free, frame), head)

    def reset(self) -> None:
        self._recent.clear()
        self._since = np.inf
        self._kept = self._kept_from = self._move = None

    def _keep(self, picture: Image) -> None:
        """The newest picture that is old enough, for as long as hands are there."""
        old = [m for m in self._recent if self._since - m.at >= UNTOUCHED_S]
        if not old or old[-1].picture.shape != picture.shape:
            return
        self._recent.clear()
        self._kept_from = old[-1]
        whole, face = old[-1].picture, old[-1].face
        box = box_around(face, whole.shape, HEAD_MARGIN)
        self._kept = _Kept(
            whole[box.slices].copy(), face - corner_of(box), _spots(whole, face) - corner_of(box)
        )


def _found_again(kept: _Kept, picture: Image, face: Points) -> Affine:
    """How the remembered head lies in a picture.

    The landmarks beneath a hand are guesses, so spots of the face's surface are followed, and
    only where too few of them are free do all landmarks decide.
    """
    guess = fit_affine(kept.face, face)
    box = box_around(face, picture.shape)
    scale = min(1.0, FACE_SIDE / max(1.0, float(np.ptp(face[:, 0]))))
    if min(box.width, box.height) * scale < 2 * FLOW_WINDOW[0] or len(kept.spots) < MIN_POINTS:
        return guess
    after = gray_image(picture[box.slices], scale)
    into = (np.vstack((_into(box, scale), (0, 0, 1))) @ np.vstack((guess, (0, 0, 1))))[:2]
    size = (after.shape[1], after.shape[0])
    before = cv2.warpAffine(kept.head, into, size, flags=cv2.INTER_LINEAR)
    start = transformed(kept.spots, into)
    there, good = track_points(
        gray_image(np.asarray(before, np.uint8), 1.0), after, start, start, levels=1
    )
    good &= np.linalg.norm(there - start, axis=1) < FLOW_WINDOW[0]
    if good.sum() < MIN_POINTS:
        return guess
    found = inverse_transformed(there[good], _into(box, scale))
    move = consensus_motion(kept.spots[good], found, np.ones(len(found), np.bool_), SETTLES_PX)
    return guess if move is None else move


def _around(colour: Image, reach: int) -> tuple[Image, Image]:
    """The darkest and brightest of each channel within so many pixels."""
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(cv2.erode(colour, square)), np.asarray(cv2.dilate(colour, square))


def _spots(picture: Image, face: Points) -> Points:
    """Spots of a face that can be found again, float32[n, 2]."""
    box = box_around(face, picture.shape)
    grey = gray_image(picture[box.slices], 1.0)
    inside = np.zeros_like(grey)
    fill_hull(inside, face - corner_of(box))
    apart = max(2.0, MARK_DISTANCE * float(np.ptp(face[:, 0])))
    spots = cv2.goodFeaturesToTrack(grey, MARKS, 0.01, apart, mask=inside)
    found = np.zeros((0, 2)) if spots is None else np.reshape(spots, (-1, 2))
    return (found + corner_of(box)).astype(np.float32)


def _into(box: Rect, scale: float) -> Affine:
    """From the picture to a shrunk copy of a box of it."""
    return np.array(((scale, 0, -box.x0 * scale), (0, scale, -box.y0 * scale)))


def _between(colour: Image, low: Image, high: Image, slack: tuple[int, int, int]) -> Mask:
    more = np.array((*slack, 0), np.float64)
    return np.asarray(cv2.inRange(colour, cv2.subtract(low, more), cv2.add(high, more)), np.uint8)


def _most(mask: Mask) -> Mask:
    """255 where most of the neighbours are: single pixels are chance."""
    return np.asarray(cv2.medianBlur(mask, 5), np.uint8)


def luma_chroma(rgba: Image) -> Image:
    """A picture as Y, Cr, Cb, softened a little: uint8[h, w, 3]."""
    rgb = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
    return np.asarray(cv2.blur(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb), (3, 3)), np.uint8)
