"""Witnesses of heads: detectors that need no landmarks, for faces that the tracker misses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from livecam.core.closing import Closing
from livecam.core.frame import Frame, Rect
from livecam.core.observation import FaceBox
from livecam.segmentation.box_decoding import (
    DecodedBoxes,
    Letterbox,
    anchor_centres,
    decode,
    suppressed,
)
from livecam.segmentation.networks import DetectorNetwork

WitnessKind = Literal["face", "pose"]

# Scores of a certain witness (D081). The highest false ones in rooms and in the backgrounds of
# clips were 0.34 for faces and 0.46 for bodies; cats, noise and some textures reach 0.8.
MIN_FACE_SCORE, MIN_POSE_SCORE = 0.5, 0.5
# Of a witness where a head was a moment ago: nine tenths of the heads from behind have one, instead
# of two thirds, but one room in three has a false one somewhere else.
MIN_EXPECTED_SCORE = 0.3
FACE_STRIDES, FACE_ANCHORS = (4,), 1
POSE_STRIDES, POSE_ANCHORS = (8, 16, 32, 32, 32), 2

# Widths and places of faces, fitted to MediaPipe's landmarks in eight clips of seven people and in
# the portrait. The box of the face detector is 1.05 to 1.35 times as wide as the face's outline.
FACE_WIDTH = 0.86
# The body detector's own box has always the same size. From its point between the shoulders to
# the point that encodes the size of the upper body, a face lies at 0.26 to 0.35 of the distance,
# and is 0.24 to 0.29 of it wide.
SHOULDERS, UPPER_BODY = 2, 3
HEAD_AT, HEAD_WIDTH = 0.32, 0.27


@dataclass(frozen=True, slots=True, eq=False)
class HeadWitness:
    """A head that a detector found in a frame, with or without a visible face."""

    box: FaceBox  # of the head's face, whether it is visible or not
    score: float  # 0..1
    kind: WitnessKind

    @property
    def is_certain(self) -> bool:
        """Whether the score is evidence enough where no head was expected."""
        return self.score >= (MIN_FACE_SCORE if self.kind == "face" else MIN_POSE_SCORE)


class WitnessDetector(Closing):
    """Detects heads by their faces and by the bodies below them. One thread.

    Where a head is known to have been, a lower score than the default is evidence enough.

    Raises:
        TrackingError: a model is missing or broken.
    """

    def __init__(
        self,
        face_model: Path,
        pose_model: Path,
        min_face_score: float = MIN_FACE_SCORE,
        min_pose_score: float = MIN_POSE_SCORE,
    ) -> None:
        self._faces = _Detector(
            "face", face_model, FACE_STRIDES, FACE_ANCHORS, min_face_score, heads_of_faces
        )
        self._poses = _Detector(
            "pose", pose_model, POSE_STRIDES, POSE_ANCHORS, min_pose_score, heads_of_bodies
        )

    def detect(self, frame: Frame, part: Rect | None = None) -> tuple[HeadWitness, ...]:
        """Returns the heads in a part of an RGBA frame, or in all of it.

        A head may have a witness of each kind.
        """
        return self.detect_faces(frame, part) + self.detect_poses(frame, part)

    def detect_faces(self, frame: Frame, part: Rect | None = None) -> tuple[HeadWitness, ...]:
        """Returns the heads whose face is visible at least from the side."""
        return self._faces.detect(frame, part)

    def detect_poses(self, frame: Frame, part: Rect | None = None) -> tuple[HeadWitness, ...]:
        """Returns the heads of bodies, also those that are turned away."""
        return self._poses.detect(frame, part)

    def close(self) -> None:
        """Releases the networks; the detector cannot be used afterwards."""
        del self._faces, self._poses


class _Detector:
    """A network with its anchors; `heads` makes boxes of faces of what it decodes."""

    def __init__(
        self,
        kind: WitnessKind,
        model: Path,
        strides: Sequence[int],
        per_cell: int,
        min_score: float,
        heads: Callable[[DecodedBoxes], DecodedBoxes],
    ) -> None:
        self._network = DetectorNetwork(model)
        self._anchors = anchor_centres(self._network.size, strides, per_cell)
        self._letterbox = Letterbox(self._network.size)
        self._kind, self._min_score, self._heads = kind, min_score, heads

    def detect(self, frame: Frame, part: Rect | None) -> tuple[HeadWitness, ...]:
        rect = (part or Rect(0, 0, *frame.size)).clipped(*frame.size)
        if rect.empty:
            return ()
        rows, logits = self._network.run(self._letterbox.scaled(frame.image, rect))
        boxes = self._heads(decode(rows, logits, self._anchors, self._min_score))
        return _witnesses(self._letterbox.original(suppressed(boxes), rect), self._kind)


def square_tiles(width: int, height: int) -> tuple[Rect, ...]:
    """Returns the fewest squares that cover a frame; the networks resolve more in each."""
    side = min(width, height)
    count = -(-max(width, height) // side)
    starts = [round(k * (max(width, height) - side) / max(count - 1, 1)) for k in range(count)]
    if width >= height:
        return tuple(Rect(at, 0, at + side, side) for at in starts)
    return tuple(Rect(0, at, side, at + side) for at in starts)


def heads_of_faces(boxes: DecodedBoxes) -> DecodedBoxes:
    """Returns the boxes narrowed to the outline of the face."""
    return replace(boxes, sizes=boxes.sizes * FACE_WIDTH)


def heads_of_bodies(boxes: DecodedBoxes) -> DecodedBoxes:
    """Returns the boxes of the faces above the shoulders of detected bodies."""
    shoulders = boxes.points[:, SHOULDERS]
    upper = boxes.points[:, UPPER_BODY] - shoulders
    widths = HEAD_WIDTH * np.linalg.norm(upper, axis=1, keepdims=True)
    return replace(boxes, centres=shoulders + HEAD_AT * upper, sizes=np.tile(widths, 2))


def _witnesses(boxes: DecodedBoxes, kind: WitnessKind) -> tuple[HeadWitness, ...]:
    found = zip(boxes.centres, boxes.sizes[:, 0], boxes.scores, strict=True)
    return tuple(
        HeadWitness(np.array((*centre, width)), float(score), kind)
        for centre, width, score in found
    )
