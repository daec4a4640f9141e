"""Searches a film for heads by other detectors than the tracker: the witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from livecam.convert.crop import Crop
from livecam.convert.tracks import FaceSample
from livecam.core.closing import Closing
from livecam.core.frame import Frame
from livecam.core.observation import FaceBox
from livecam.people.account import is_same_head
from livecam.people.association import distance, growth
from livecam.segmentation.witness import HeadWitness, WitnessDetector, square_tiles

# Intervals of searches while the tracker explains the heads that were found, and while not.
CALM_SEARCH_S, BUSY_SEARCH_S = 0.5, 0.1
CONFIRMED_WITHIN = 4.0  # side of the square in which a doubtful face is confirmed, in face widths
# Sides of the squares in which a head is searched where it is expected: a face of which half is
# outside of the frame is found in the larger one, a small face in the smaller one.
SURROUNDINGS = (4.0, 6.0)
# Of a witness from a doubtful face, in face widths, and the logarithm of the ratio of sizes. In
# eight clips the face detector was at most 0.20 and 0.27 off where faces were tracked, in films
# of turning heads 0.32 and 0.25; it was 0.38 or more off what was no face. The body detector, which
# takes a head in profile for a child, was 0.46 or more off in size there, and 0.28 elsewhere.
MAX_CONFIRMED_DISTANCE, MAX_CONFIRMED_GROWTH = 0.35, 0.35


class HeadSearch(Closing):
    """Searches frames for heads, with or without a visible face. One thread.

    Owns its detector, which has the minimum scores of an expected head.
    """

    def __init__(self, detector: WitnessDetector) -> None:
        self._detector = detector
        self._next_s = -np.inf
        self._bodies: tuple[int, tuple[HeadWitness, ...]] = (-1, ())  # of the last frame
        self.found: dict[int, tuple[HeadWitness, ...]] = {}  # by the index of the frame

    def heads(self) -> dict[int, tuple[FaceBox, ...]]:
        """Returns the certain heads by the index of the frame, also where there are none."""
        return {
            index: tuple(head.box for head in found if head.is_certain)
            for index, found in self.found.items()
        }

    def search(self, frame: Frame) -> None:
        """Searches the frame, unless it was searched already."""
        if frame.index in self.found:
            return
        found = [
            head
            for tile in square_tiles(*frame.size)
            for head in self._detector.detect_faces(frame, tile)
        ]
        self.found[frame.index] = (*found, *self.bodies(frame))

    def search_when_due(self, frame: Frame, faces: Sequence[FaceBox]) -> None:
        """Searches the frame when it is time; frames come in order, `faces` was tracked in it."""
        if frame.captured_at < self._next_s:
            return
        self.search(frame)
        explained = faces and all(
            any(is_same_head(head.box, face) for face in faces)
            for head in self.found[frame.index]
            if head.is_certain
        )
        self._next_s = frame.captured_at + (CALM_SEARCH_S if explained else BUSY_SEARCH_S)

    def near(self, frame: Frame, expected: FaceBox, roll_rad: float) -> tuple[HeadWitness, ...]:
        """Returns the faces around the place of a head that is tilted so far, also weak ones."""
        x, y, width = expected.tolist()
        crops = [Crop(x, y, side * width, roll_rad) for side in SURROUNDINGS]
        return tuple(
            replace(head, box=crop.box(head.box))
            for crop in crops
            for head in self._detector.detect_faces(crop.cut(frame))
        )

    def bodies(self, frame: Frame) -> tuple[HeadWitness, ...]:
        """Returns the heads of bodies, also weak ones.

        Of the whole frame: a part that cuts off the head of a body would give a false head.
        """
        if self._bodies[0] != frame.index:
            self._bodies = frame.index, self._detector.detect_poses(frame)
        return self._bodies[1]

    def confirms(self, frame: Frame, sample: FaceSample) -> bool:
        """Returns whether a witness finds a head where a doubtful face was detected."""
        crop = Crop(sample.x, sample.y, CONFIRMED_WITHIN * sample.size, sample.roll_rad)
        faces = (
            replace(head, box=crop.box(head.box))
            for head in self._detector.detect_faces(crop.cut(frame))
        )
        return any(_confirms(head, sample) for head in faces) or any(
            _confirms(head, sample) for head in self.bodies(frame)
        )

    def close(self) -> None:
        self._detector.close()


def _confirms(head: HeadWitness, sample: FaceSample) -> bool:
    return (
        head.is_certain
        and distance(head.box, sample.box) < MAX_CONFIRMED_DISTANCE
        and growth(head.box, sample.box) < MAX_CONFIRMED_GROWTH
    )
