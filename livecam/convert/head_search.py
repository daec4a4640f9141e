"""Searches a film for heads by other detectors than the tracker: the witnesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from livecam.convert.crop import Crop
from livecam.convert.shots import Stamp
from livecam.convert.tracks import FaceSample
from livecam.core.closing import Closing
from livecam.core.frame import Frame
from livecam.core.observation import FaceBox
from livecam.core.timing import is_due
from livecam.people.account import BODY_WIDTHS, HEAD_WIDTHS, is_same_head
from livecam.people.association import distance, growth
from livecam.segmentation.witness import HeadWitness, WitnessDetector, square_tiles

# Periods of searches while the tracker explains the heads that were found, and while not.
CALM_SEARCH_S, BUSY_SEARCH_S = 0.5, 0.1
# While something moves beside the faces and the bodies below them, of which nothing is known yet.
MOVING_SEARCH_S = 0.2
MOVED, MIN_MOVED = 16, 3  # of 255, that a cell of the stamp changed; so many cells did
CONFIRMED_WITHIN = 4.0  # side of the square in which a doubtful face is confirmed, in face widths
# Sides of the squares in which a head is searched where it is expected, in face widths. Each finds
# some that the others miss: a face at the edge of the frame, one further away than expected.
SURROUNDINGS = (2.5, 4.0, 6.0)
# Of a witness from a doubtful face, in face widths, and the logarithm of the ratio of sizes. In
# eight clips the face detector was at most 0.20 and 0.27 off where faces were tracked, in films
# of turning heads 0.32 and 0.25; it was 0.38 or more off what was no face.
MAX_CONFIRMED_DISTANCE, MAX_CONFIRMED_GROWTH = 0.35, 0.35
# Tracked faces score .67 or more there, rolled by 90 degrees .42; collars, chests and shoulders .32
# or less, the hair of a nodding head .56.
MIN_CONFIRMED_SCORE = 0.6


class HeadSearch(Closing):
    """Searches frames for heads, with or without a visible face. One thread.

    Owns its detector, which has the minimum scores of an expected head.
    """

    def __init__(self, detector: WitnessDetector) -> None:
        self._detector = detector
        self._searched_s, self._interval_s = -np.inf, BUSY_SEARCH_S
        self._stamp: Stamp | None = None  # of the last frame that was searched
        self._bodies: tuple[int, tuple[HeadWitness, ...]] = (-1, ())  # of the last frame
        self.found: dict[int, tuple[HeadWitness, ...]] = {}  # by the index of the frame

    def take_out(self, frames: range) -> dict[int, tuple[HeadWitness, ...]]:
        """Forgets what was found in some frames, and returns it; they may be searched again."""
        self._searched_s, self._stamp, self._bodies = -np.inf, None, (-1, ())
        return {index: self.found.pop(index) for index in frames if index in self.found}

    def put_in(self, found: Mapping[int, Sequence[HeadWitness]]) -> None:
        """Adds what was found in some frames."""
        for index, heads in found.items():
            self.found[index] = (*self.found.get(index, ()), *heads)

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
        self.found[frame.index] = (*self._faces(frame), *self.bodies(frame))

    def seen(self, view: Frame) -> tuple[HeadWitness, ...]:
        """Returns the heads in a frame that was changed, also weak ones; they are not noted."""
        return (*self._faces(view), *self._detector.detect_poses(view))

    def search_when_due(self, frame: Frame, faces: Sequence[FaceBox], stamp: Stamp) -> None:
        """Searches the frame when it is time; frames come in order.

        `faces` was tracked in it, `stamp` is what `ShotFinder` made of it. Every CALM_SEARCH_S a
        frame is searched in any case, so that it does not matter for long where one began.
        """
        due = is_due(self._interval_s, self._searched_s, frame.captured_at)
        if not due and not self._moves(frame, faces, stamp):
            return
        self._searched_s, self._stamp = frame.captured_at, stamp
        self.search(frame)
        explained = faces and all(
            any(is_same_head(head.box, face) for face in faces)
            for head in self.found[frame.index]
            if head.is_certain
        )
        self._interval_s = CALM_SEARCH_S if explained else BUSY_SEARCH_S

    def _faces(self, frame: Frame) -> list[HeadWitness]:
        return [
            head
            for tile in square_tiles(*frame.size)
            for head in self._detector.detect_faces(frame, tile)
        ]

    def _moves(self, frame: Frame, faces: Sequence[FaceBox], stamp: Stamp) -> bool:
        """Returns whether the frame changed since the last search, away from the known persons."""
        if not is_due(MOVING_SEARCH_S, self._searched_s, frame.captured_at):
            return False
        assert self._stamp is not None  # that of the last search
        moved = np.abs(stamp - self._stamp).max(axis=2) > MOVED
        rows, columns = moved.shape
        across, down = columns / frame.width, rows / frame.height
        for x, y, width in faces:
            left, right = ((x + side * BODY_WIDTHS * width) * across for side in (-1, 1))
            top = (y - HEAD_WIDTHS * width) * down
            moved[max(0, int(top)) :, max(0, int(left)) : max(0, int(right) + 1)] = False
        return int(moved.sum()) >= MIN_MOVED

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
        # Not by a body: a nodding head has one, and a false face in its hair would be worn.
        return any(
            head.score >= MIN_CONFIRMED_SCORE
            and distance(head.box, sample.box) < MAX_CONFIRMED_DISTANCE
            and growth(head.box, sample.box) < MAX_CONFIRMED_GROWTH
            for head in faces
        )

    def close(self) -> None:
        self._detector.close()
