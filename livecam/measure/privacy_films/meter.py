"""Measures the visible share of real faces in a published frame, and its needless cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Face
from livecam.core.frame import Frame, Image, Rect
from livecam.measure.leak import BoolMask, visible
from livecam.measure.privacy_films.rendering import TrueFace, TrueFrame
from livecam.pipeline.states import Shown

SLIGHT, PLAIN = 0.01, 0.1  # share of a face that shows
COVERS = (Shown.HOLD, Shown.BLUR, Shown.CURTAIN)
SAMENESS = 3  # side of the square of pixels that must be equal to the source
# A face of which less is visible need not be found: at the edge, behind a hand, in profile.
FINDABLE = 0.25
NEAR_FACE = 1.6  # of its width, to every side: hair, neck and the soft edge of a blur
BLURRED = 0.5  # of the deviation of the source: less is blurred
TEXTURED = 3.0  # deviation of the source below which a blur changes nothing, levels


@dataclass(frozen=True, slots=True)
class FrameResult:
    """The measurements of one published frame."""

    index: int  # of the film's frame that it was made of
    bare: float  # the largest share of a living person's face that shows
    state: Shown
    needless: bool  # everything is covered although every face was found
    blurred: float  # share of the frame that is blurred away from any face


def measure(
    truth: TrueFrame,
    published: Frame,
    state: Shown,
    needs_none: bool,
    drawn: Rect | None,
) -> FrameResult:
    """Compares a published frame with its source.

    `truth` holds the source as the product read it; `needs_none`: covering the whole frame is
    needless; `drawn`: where avatars are.
    """
    source = truth.frame.image
    shares = [
        shown_share(source, published.image, truth.labels == face.label, face)
        for face in truth.faces
        if not face.is_poster
    ]
    covered = state in COVERS
    return FrameResult(
        published.index,
        max(shares, default=0.0),
        state,
        covered and needs_none,
        0.0 if covered else _needless_blur(truth, published.image, drawn),
    )


def shown_share(source: Image, published: Image, mask: BoolMask, face: TrueFace) -> float:
    """Returns the share of a whole face that is visible.

    Of a face of which little is in view, like one at the edge, a quarter counts as the whole.
    """
    shows = shown_pixels(source, published, mask)
    return float(shows.sum()) / max(face.visible_px, FINDABLE * face.whole_px)


def shown_pixels(source: Image, published: Image, mask: BoolMask) -> BoolMask:
    """Returns the pixels of a face that are unchanged, or have the detail of the source."""
    equal = (source[..., :3] == published[..., :3]).all(axis=2) & mask
    square = np.ones((SAMENESS, SAMENESS), np.uint8)
    same = cv2.morphologyEx(equal.astype(np.uint8), cv2.MORPH_OPEN, square).astype(bool)
    certain, _ = visible(source, published, mask)
    shows: BoolMask = same | certain
    return shows


def all_found(truth: TrueFrame, faces: Sequence[Face], least: float = FINDABLE) -> bool:
    """Returns whether every face was found of which more than `least` of the whole is visible."""
    height, width = truth.labels.shape
    boxes = [face.box(width, height) for face in faces]
    return all(
        any(_overlaps(box, truth.labels == face.label) for box in boxes)
        for face in truth.faces
        if face.visible_px >= least * face.whole_px
    )


def _overlaps(box: Rect, mask: BoolMask) -> bool:
    inside = box.clipped(mask.shape[1], mask.shape[0])
    return bool(mask[inside.slices].sum() > 0.5 * mask.sum())


def _needless_blur(truth: TrueFrame, published: Image, drawn: Rect | None) -> float:
    """Returns the share of the frame that lost its detail, away from faces and avatars."""
    height, width = truth.labels.shape
    away = np.ones((height, width), bool)
    boxes = [] if drawn is None else [drawn]
    for face in truth.faces:
        rows, columns = np.nonzero(truth.labels == face.label)
        box = Rect(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        boxes.append(box.grown(round(NEAR_FACE * np.sqrt(face.whole_px))))
    for box in boxes:
        away[box.clipped(width, height).slices] = False
    before, after = (_deviation(image) for image in (truth.frame.image, published))
    lost = (before > TEXTURED) & (after < BLURRED * before) & away
    return float(lost.mean())


def _deviation(image: Image) -> NDArray[np.float32]:
    """Returns the standard deviation of the luma around each pixel, float32[h, w]."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGBA2GRAY).astype(np.float32)
    mean, squares = (cv2.boxFilter(each, -1, (7, 7)) for each in (luma, luma * luma))
    return np.asarray(np.sqrt(np.maximum(squares - mean * mean, 0)), np.float32)
