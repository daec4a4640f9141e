"""Which pixels are a hand's.

A hand in front of the face may be shown, the face behind it may not. So a pixel is the hand's only
where landmarks, colour and the memory of the face agree; where they do not, it stays hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Hand, Mask
from livecam.segmentation.face_memory import Bare, FaceMemory, luma_chroma
from livecam.segmentation.hand_carrier import HASTY
from livecam.segmentation.hand_shape import (
    FINGERS,
    WRIST,
    Points,
    corner_of,
    drawn,
    fill_hull,
    size_of,
)

# How deep inside the edge of the drawn shape, or how far outside it, in parts of the hand's size.
EDGE, CORE, MOUTH, DEEP, BEYOND = 0.01, 0.02, 0.04, 0.12, 0.05
CHANCE = 0.14  # width of what may look like the face by chance
ALIKE = 0.3  # share of the face that has the colour of the hand
PIECE = 0.025  # what is thinner is left out
WORK_SIZE = 128  # larger hands are looked at in a shrunk picture
MATCHES, STRANGE = 9.0, 30.0  # squared deviations: the hand's colour, certainly not
LEAST_DEVIATION = (14.0, 4.0, 4.0)  # of the hand's colour in Y, Cr, Cb
# Of the shape: so much of the remembered face is doubtful, or no hand.
PARTLY_FACE, MOSTLY_FACE = 0.35, 0.5
TATTERED = 0.3  # of the shape: less is not worth showing
INSET = (
    4  # pixels inside what was found: with 3, two pixels of a cheek showed once in 1800 pictures
)
FEWEST_PLACES = 12  # to learn a colour from
CRUMB = 0.05  # of the mask: smaller pieces are left out
LIPS = (61, 291, 0, 17, 37, 267, 84, 314, 40, 270, 91, 321)  # their outline
LIPS_GROWTH = 1.4
FACE_GROWTH = 1.12  # of the face: within that a hand needs a memory
TIGHT = 0.8  # of a hand's thickness, for what is drawn
NO_LIMIT = 1e9
MOUTH_CELLS = 32  # along the longer side of the lips' box


def mouth_hidden(face: Points, hands: Sequence[Hand]) -> float:
    """How much of the lips (of landmarks float32[478, 2]) lies under hands, 0..1."""
    if not hands:
        return 0.0
    lips = face[list(LIPS)]
    low = lips.min(axis=0)
    size = lips.max(axis=0) - low
    scale = np.float32(MOUTH_CELLS / max(float(size.max()), 1.0))
    width, height = (np.ceil(size * scale).astype(int) + 1).tolist()
    mouth = np.zeros((height, width), np.uint8)
    fill_hull(mouth, (lips - low) * scale)
    bare = mouth.copy()
    for hand in hands:
        bare[drawn((hand.points - low) * scale, width, height, 1.0) > 0] = 0
    return 1.0 - float(bare.sum()) / max(float(mouth.sum()), 1.0)


def hand_mask(picture: Image, hand: Hand, box: Rect, face: Points, memory: FaceMemory) -> Mask:
    """How much of each pixel of a box is a hand that may be shown: uint8[h, w], 255 inside.

    `face` are the landmarks float32[478, 2]; the memory has found the face in this picture.
    """
    size, scale = size_of(hand.points), 1.0
    while size * scale > WORK_SIZE:
        scale /= 2
    part = picture[box.slices]
    small = part if scale == 1 else cv2.resize(part, None, fx=scale, fy=scale)
    colour = luma_chroma(np.asarray(small, np.uint8))
    rows, columns = colour.shape[:2]
    into = np.array((columns / box.width, rows / box.height), np.float32)
    points, around = (hand.points - corner_of(box)) * into, (face - corner_of(box)) * into
    bare = memory.bare(colour, box)
    # Without a memory nobody knows what the face looks like: nothing before it may be shown.
    unknown = _filled(around, FACE_GROWTH if bare is None else 0, columns, rows)
    moves = _filled(around[list(LIPS)], LIPS_GROWTH, columns, rows)
    bare = bare or Bare(unknown, unknown, np.zeros((0, 3), np.uint8))
    mask = _pixels_of(colour, points, bare, moves, calm=hand.confidence > HASTY)
    if mask is None:
        return np.zeros((box.height, box.width), np.uint8)
    mask[unknown > 0] = 0
    # The outermost pixels were told by a softened colour; the edge begins inside them.
    inner = cv2.erode(mask, np.ones((2 * INSET + 1, 2 * INSET + 1), np.uint8))
    soft = cv2.min(cv2.blur(inner, (3, 3)), inner)
    if scale < 1:
        soft = cv2.resize(soft, (box.width, box.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft, np.uint8)


def _pixels_of(colour: Image, hand: Points, bare: Bare, moves: Mask, calm: bool) -> Mask | None:
    """The hand's pixels in a small picture: 0 or 255; None where it should not be shown."""
    rows, columns = colour.shape[:2]
    size = size_of(hand)
    shape = drawn(hand, columns, rows, TIGHT)
    like_the_face = _share(bare.same, shape)
    if like_the_face > MOSTLY_FACE:
        return None
    calm = calm and like_the_face < PARTLY_FACE
    look = _Colour.of(colour, _samples(hand, columns, rows))
    if look is None:
        return None
    away = look.deviation(colour)
    # Where the face has the colour of the hand, only the landmarks tell one from the other.
    alike = len(bare.colours) > 0 and look.share_of(bare.colours) > ALIKE
    if alike and not calm:
        return None
    depth = cv2.distanceTransform(shape, cv2.DIST_L2, 3)
    inner = cv2.inRange(depth, CORE * size, NO_LIMIT)
    inner = cv2.bitwise_and(inner, cv2.bitwise_not(bare.same))
    core = cv2.bitwise_and(inner, cv2.inRange(away, -1.0, STRANGE))
    deep = cv2.inRange(depth, DEEP * size, NO_LIMIT)
    if not calm:
        deep = cv2.bitwise_and(deep, cv2.bitwise_not(_large(bare.same, size)))
    mask = cv2.bitwise_or(core, deep)
    reach = cv2.inRange(depth, EDGE * size, NO_LIMIT)
    if calm and not alike:
        outside = cv2.distanceTransform(cv2.bitwise_not(shape), cv2.DIST_L2, 3)
        reach = cv2.inRange(outside, 0.0, BEYOND * size)
    near = cv2.bitwise_and(reach, cv2.inRange(away, -1.0, MATCHES))
    mask = cv2.bitwise_or(mask, cv2.bitwise_and(near, cv2.bitwise_not(bare.doubted)))
    side = 2 * max(1, round(PIECE * size)) + 1
    piece = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    # Creases, nails and rings have another colour, but are not the face.
    closed = cv2.bitwise_and(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, piece), inner)
    mask = cv2.bitwise_or(mask, closed)
    # No memory tells what a mouth looks like now.
    shallow = cv2.inRange(depth, -1, MOUTH * size)
    mask = cv2.bitwise_and(mask, cv2.bitwise_not(cv2.bitwise_and(moves, shallow)))
    opened = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, piece), np.uint8)
    return _whole(opened) if _share(opened, shape) >= TATTERED else None


def _filled(face: Points, growth: float, width: int, height: int) -> Mask:
    """A part of the face and a little around it: 0 or 255."""
    mask = np.zeros((height, width), np.uint8)
    middle = face.mean(axis=0)
    if growth > 0:
        fill_hull(mask, middle + (face - middle) * np.float32(growth))
    return mask


def _samples(at: Points, width: int, height: int) -> NDArray[np.intp]:
    """Places along the bones and over the palm, intp[n, 2] as row and column, inside a picture."""
    steps = np.linspace(0, 1, 4, endpoint=False, dtype=np.float32)[:, None]
    lines = [at[f[i]] + (at[f[i + 1]] - at[f[i]]) * steps for f in FINGERS for i in range(3)]
    inner = [at[WRIST] + (at[root] - at[WRIST]) * (0.2 + 0.8 * steps) for root in (5, 9, 13, 17)]
    places = np.rint(np.concatenate(lines + inner)).astype(np.intp)[:, ::-1]
    inside = (places >= 0).all(axis=1) & (places < (height, width)).all(axis=1)
    return np.asarray(places[inside], np.intp)


@dataclass(frozen=True, slots=True)
class _Colour:
    """The colour of a hand: its mean and spread in Y, Cr, Cb, as a map to deviations."""

    whiten: NDArray[np.float32]  # float32[3, 4]

    @staticmethod
    def of(colour: Image, places: NDArray[np.intp]) -> _Colour | None:
        """Learned from some places of a picture; None when there are too few."""
        if len(places) < FEWEST_PLACES:
            return None
        some = colour[places[:, 0], places[:, 1]].astype(np.float64)
        least = np.diag(np.square(LEAST_DEVIATION))
        for _ in range(2):  # rings, nails and gaps between fingers are left out
            mean = np.median(some, axis=0)
            inverse = np.linalg.inv(np.cov((some - mean).T) + least / 4)
            squared = np.einsum("ij,jk,ik->i", some - mean, inverse, some - mean)
            some = some[squared <= np.quantile(squared, 0.85)]
        inverse = np.linalg.inv(np.cov((some - mean).T) + least)
        root = np.linalg.cholesky(inverse).T
        return _Colour(np.column_stack((root, -root @ mean)).astype(np.float32))

    def deviation(self, colour: Image) -> NDArray[np.float32]:
        """Squared deviations of a picture's pixels: float32[h, w]."""
        white = cv2.transform(colour.astype(np.float32), self.whiten)
        return np.asarray(cv2.transform(cv2.multiply(white, white), _SUM), np.float32)

    def share_of(self, colours: Image) -> float:
        """How many of some colours uint8[k, 3] match, 0..1."""
        return float((self.deviation(colours[None]) < MATCHES).mean())


_SUM = np.ones((1, 3), np.float32)


def _large(mask: Mask, size: float) -> Mask:
    """Without what may be chance."""
    side = max(3, round(CHANCE * size)) | 1
    return np.asarray(
        cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)), np.uint8
    )


def _share(part: Mask, whole: Mask) -> float:
    return cv2.countNonZero(cv2.bitwise_and(part, whole)) / max(1, cv2.countNonZero(whole))


def _whole(mask: Mask) -> Mask:
    """A mask without its crumbs."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA]
    keep = areas >= CRUMB * areas[1:].sum()
    keep[0] = False
    return np.asarray(np.where(keep, 255, 0).astype(np.uint8)[labels], np.uint8)
