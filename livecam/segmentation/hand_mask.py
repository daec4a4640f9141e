"""Segments the pixels of a hand in front of the face.

A hand may be shown, the face behind it may not. So a pixel belongs to the hand only where
landmarks, a colour model and the reference of the unoccluded face agree; elsewhere the head stays
on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Hand, Mask
from livecam.segmentation.face_reference import FaceMatch, FaceReference, luma_chroma
from livecam.segmentation.hand_shape import (
    FINGERS,
    WRIST,
    Points,
    draw_hand,
    fill_hull,
    hand_size,
    top_left,
)
from livecam.segmentation.hand_tracker import FAST_CONFIDENCE
from livecam.vision.morphology import disc

# Distances from the edge of the drawn shape, inside (the last one outside), in hand sizes.
EDGE, CORE, MOUTH, DEEP, BEYOND = 0.01, 0.02, 0.04, 0.12, 0.05
CHANCE = 0.14  # width of a region that may match the face by chance
AMBIGUOUS = 0.3  # share of the face that has the colour of the hand
PIECE = 0.025  # thinner structures are removed
MAX_HAND_PX = 128  # larger hands are segmented at a lower resolution
SAME_COLOUR, OTHER_COLOUR = 9.0, 30.0  # squared Mahalanobis distances from the hand's colour
MIN_DEVIATION = (14.0, 4.0, 4.0)  # standard deviations of the hand's colour in Y, Cr, Cb
# Shares of the shape that match the face: from here on uncertain, or no hand.
PARTLY_FACE, MOSTLY_FACE = 0.35, 0.5
MIN_VISIBLE = 0.3  # of the shape: less is not worth showing
INSET_PX = 4  # erosion of the result: with 3, two pixels of a cheek leaked once in 1800 frames
MIN_SAMPLES = 12  # to fit a colour model
MIN_COMPONENT = 0.05  # of the mask: smaller components are removed
LIPS = (61, 291, 0, 17, 37, 267, 84, 314, 40, 270, 91, 321)  # their outline
LIPS_GROWTH = 1.4
FACE_GROWTH = 1.12  # of the face: within that a hand needs a reference
THICKNESS = 0.8  # of the drawn shape: thinner than a hand
NO_LIMIT = 1e9
MOUTH_CELLS = 32  # along the longer side of the lips' box


def mouth_occlusion(landmarks: Points, hands: Sequence[Hand]) -> float:
    """Computes the share of the lips (of landmarks float32[478, 2]) that hands occlude, 0..1."""
    if not hands:
        return 0.0
    lips = landmarks[list(LIPS)]
    low = lips.min(axis=0)
    size = lips.max(axis=0) - low
    scale = np.float32(MOUTH_CELLS / max(float(size.max()), 1.0))
    width, height = (np.ceil(size * scale).astype(int) + 1).tolist()
    mouth = np.zeros((height, width), np.uint8)
    fill_hull(mouth, (lips - low) * scale)
    visible = mouth.copy()
    for hand in hands:
        visible[draw_hand((hand.points - low) * scale, width, height, 1.0) > 0] = 0
    return 1.0 - float(visible.sum()) / max(float(mouth.sum()), 1.0)


def hand_mask(
    image: Image, hand: Hand, box: Rect, landmarks: Points, reference: FaceReference
) -> Mask:
    """Segments a hand that may be shown: a soft mask uint8[h, w] of a box of the frame.

    `landmarks` float32[478, 2] are the face's; the reference is registered to this frame.
    """
    size, scale = hand_size(hand.points), 1.0
    while size * scale > MAX_HAND_PX:
        scale /= 2
    part = image[box.slices]
    small = part if scale == 1 else cv2.resize(part, None, fx=scale, fy=scale)
    colour = luma_chroma(np.asarray(small, np.uint8))
    rows, columns = colour.shape[:2]
    into_box = np.array((columns / box.width, rows / box.height), np.float32)
    points = (hand.points - top_left(box)) * into_box
    face = (landmarks - top_left(box)) * into_box
    match = reference.match(colour, box)
    # Without a reference the face's appearance is unknown: nothing before it may be shown.
    unknown = _scaled_hull(face, FACE_GROWTH if match is None else 0, columns, rows)
    lips = _scaled_hull(face[list(LIPS)], LIPS_GROWTH, columns, rows)
    match = match or FaceMatch(unknown, unknown, np.zeros((0, 3), np.uint8))
    mask = _segmented(colour, points, match, lips, hand.confidence > FAST_CONFIDENCE)
    if mask is None:
        return np.zeros((box.height, box.width), np.uint8)
    mask[unknown > 0] = 0
    return _soft(mask, box)


def _soft(mask: Mask, box: Rect) -> Mask:
    """Returns a binary mask with a soft edge inside it, at the size of the box."""
    # The outermost pixels were classified by a blurred colour; the edge begins inside them.
    inner = cv2.erode(mask, np.ones((2 * INSET_PX + 1, 2 * INSET_PX + 1), np.uint8))
    soft = cv2.min(cv2.blur(inner, (3, 3)), inner)
    if soft.shape != (box.height, box.width):
        soft = cv2.resize(soft, (box.width, box.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft, np.uint8)


def _segmented(
    colour: Image, points: Points, match: FaceMatch, lips: Mask, reliable: bool
) -> Mask | None:
    """Segments the hand in a reduced image: 0 or 255; None where it should not be shown."""
    rows, columns = colour.shape[:2]
    drawn = draw_hand(points, columns, rows, THICKNESS)
    face_share = _share(match.certain, drawn)
    if face_share > MOSTLY_FACE:
        return None
    reliable = reliable and face_share < PARTLY_FACE
    model = _ColourModel.fit(colour, _samples(points, columns, rows))
    if model is None:
        return None
    # Where the face has the colour of the hand, only the landmarks separate them.
    ambiguous = len(match.colours) > 0 and model.share_of(match.colours) > AMBIGUOUS
    if ambiguous and not reliable:
        return None
    depth = np.asarray(cv2.distanceTransform(drawn, cv2.DIST_L2, 3), np.float32)
    shape = _Shape(drawn, hand_size(points), depth)
    mask = _classified(shape, model.distance(colour), match, reliable, ambiguous)
    opened = _opened(shape, mask, match, lips)
    return _large_components(opened) if _share(opened, drawn) >= MIN_VISIBLE else None


@dataclass(frozen=True, slots=True)
class _Shape:
    """A hand's shape drawn from its landmarks."""

    mask: Mask
    size: float  # of the hand, pixels
    depth: NDArray[np.float32]  # distance from the edge, 0 outside

    def deeper(self, depth: float) -> Mask:
        """Pixels at least so many hand sizes inside the edge."""
        return _mask_between(self.depth, depth * self.size, NO_LIMIT)

    def shallower(self, depth: float) -> Mask:
        """Pixels at most so many hand sizes inside the edge, and all outside."""
        return _mask_between(self.depth, -1, depth * self.size)

    def dilated(self, distance: float) -> Mask:
        """Pixels at most so many hand sizes outside the edge, and all inside."""
        outside = cv2.distanceTransform(cv2.bitwise_not(self.mask), cv2.DIST_L2, 3)
        return _mask_between(np.asarray(outside, np.float32), 0.0, distance * self.size)


def _classified(
    shape: _Shape,
    distance: NDArray[np.float32],
    match: FaceMatch,
    reliable: bool,
    ambiguous: bool,
) -> Mask:
    """Pixels that shape, colour distance and face match assign to the hand."""
    core = _without(shape.deeper(CORE), match.certain)
    core = _both(core, _mask_between(distance, -1.0, OTHER_COLOUR))
    deep = shape.deeper(DEEP)
    if not reliable:
        deep = _without(deep, _large_regions(match.certain, shape.size))
    reach = shape.dilated(BEYOND) if reliable and not ambiguous else shape.deeper(EDGE)
    near = _both(reach, _mask_between(distance, -1.0, SAME_COLOUR))
    return _either(_either(core, deep), _without(near, match.possible))


def _opened(shape: _Shape, mask: Mask, match: FaceMatch, lips: Mask) -> Mask:
    """Closes holes of a mask, and removes the lips' surroundings and thin structures."""
    kernel = disc(max(1, round(PIECE * shape.size)))
    # Creases, nails and rings have another colour, but are not the face.
    closed = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel), np.uint8)
    inner = _without(shape.deeper(CORE), match.certain)
    mask = _either(mask, _both(closed, inner))
    # The reference does not show the current shape of the mouth.
    mask = _without(mask, _both(lips, shape.shallower(MOUTH)))
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.uint8)


def _scaled_hull(points: Points, growth: float, width: int, height: int) -> Mask:
    """Draws the convex hull of points, scaled about their mean: 0 or 255."""
    mask = np.zeros((height, width), np.uint8)
    mean = points.mean(axis=0)
    if growth > 0:
        fill_hull(mask, mean + (points - mean) * np.float32(growth))
    return mask


def _samples(points: Points, width: int, height: int) -> NDArray[np.intp]:
    """Pixels along the bones and over the palm, intp[n, 2] as row and column, inside an image."""
    steps = np.linspace(0, 1, 4, endpoint=False, dtype=np.float32)[:, None]
    bones = [(f[i], f[i + 1]) for f in FINGERS for i in range(3)]
    lines = [points[a] + (points[b] - points[a]) * steps for a, b in bones]
    wrist = points[WRIST]
    palm = [wrist + (points[root] - wrist) * (0.2 + 0.8 * steps) for root in (5, 9, 13, 17)]
    pixels = np.rint(np.concatenate(lines + palm)).astype(np.intp)[:, ::-1]
    inside = (pixels >= 0).all(axis=1) & (pixels < (height, width)).all(axis=1)
    return np.asarray(pixels[inside], np.intp)


@dataclass(frozen=True, slots=True)
class _ColourModel:
    """A Gaussian model of a hand's colour in Y, Cr, Cb, as a whitening transform."""

    whiten: NDArray[np.float32]  # float32[3, 4]

    @staticmethod
    def fit(colour: Image, pixels: NDArray[np.intp]) -> _ColourModel | None:
        """Fits a model to some pixels of an image; None when there are too few."""
        if len(pixels) < MIN_SAMPLES:
            return None
        samples = colour[pixels[:, 0], pixels[:, 1]].astype(np.float64)
        prior = np.diag(np.square(MIN_DEVIATION))
        for _ in range(2):  # rings, nails and gaps between fingers are outliers
            mean = np.median(samples, axis=0)
            inverse = np.linalg.inv(np.cov((samples - mean).T) + prior / 4)
            squared = np.einsum("ij,jk,ik->i", samples - mean, inverse, samples - mean)
            samples = samples[squared <= np.quantile(squared, 0.85)]
        inverse = np.linalg.inv(np.cov((samples - mean).T) + prior)
        root = np.linalg.cholesky(inverse).T
        return _ColourModel(np.column_stack((root, -root @ mean)).astype(np.float32))

    def distance(self, colour: Image) -> NDArray[np.float32]:
        """Computes squared Mahalanobis distances of an image's pixels: float32[h, w]."""
        white = cv2.transform(colour.astype(np.float32), self.whiten)
        return np.asarray(cv2.transform(cv2.multiply(white, white), _SUM), np.float32)

    def share_of(self, colours: Image) -> float:
        """Computes the share of colours uint8[k, 3] that match, 0..1."""
        return float((self.distance(colours[None]) < SAME_COLOUR).mean())


_SUM = np.ones((1, 3), np.float32)


def _mask_between(values: NDArray[np.float32], low: float, high: float) -> Mask:
    return np.asarray(cv2.inRange(values, low, high), np.uint8)


def _both(one: Mask, other: Mask) -> Mask:
    return np.asarray(cv2.bitwise_and(one, other), np.uint8)


def _either(one: Mask, other: Mask) -> Mask:
    return np.asarray(cv2.bitwise_or(one, other), np.uint8)


def _without(mask: Mask, removed: Mask) -> Mask:
    return np.asarray(cv2.bitwise_and(mask, cv2.bitwise_not(removed)), np.uint8)


def _large_regions(mask: Mask, size: float) -> Mask:
    """Removes regions that may match by chance, by morphological opening."""
    side = max(3, round(CHANCE * size)) | 1
    return np.asarray(
        cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)), np.uint8
    )


def _share(part: Mask, whole: Mask) -> float:
    return cv2.countNonZero(cv2.bitwise_and(part, whole)) / max(1, cv2.countNonZero(whole))


def _large_components(mask: Mask) -> Mask:
    """Removes the small connected components of a mask."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA]
    keep = areas >= MIN_COMPONENT * areas[1:].sum()
    keep[0] = False
    return np.asarray(np.where(keep, 255, 0).astype(np.uint8)[labels], np.uint8)
