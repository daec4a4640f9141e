"""Searches a film for heads by other detectors than the tracker: the witnesses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livecam.convert.crop import SIDE_PX, Crop
from livecam.convert.tracks import FaceSample
from livecam.core.closing import Closing
from livecam.core.frame import Frame
from livecam.core.observation import FaceBox
from livecam.core.spaces import euler_deg
from livecam.people.account import is_same_head
from livecam.segmentation.witness import WitnessDetector, square_tiles

# Intervals of searches while the tracker explains the heads that were found, and while not.
CALM_SEARCH_S, BUSY_SEARCH_S = 0.5, 0.1
SURROUNDINGS = 4.0  # side of the square in which a doubtful face is confirmed, in face widths


class HeadSearch(Closing):
    """Searches frames for heads, with or without a visible face. One thread.

    Owns its detector, which has the minimum scores of an expected head.
    """

    def __init__(self, detector: WitnessDetector) -> None:
        self._detector = detector
        self._next_s = -np.inf
        self.heads: dict[int, tuple[FaceBox, ...]] = {}  # by the index of the frame

    def search(self, frame: Frame) -> None:
        """Searches the frame, unless it was searched already."""
        if frame.index in self.heads:
            return
        found = [
            head
            for tile in square_tiles(*frame.size)
            for head in self._detector.detect_faces(frame, tile)
        ]
        # A square that cuts off the head of a body would give a false head.
        found += self._detector.detect_poses(frame)
        self.heads[frame.index] = tuple(head.box for head in found if head.is_certain)

    def search_when_due(self, frame: Frame, faces: Sequence[FaceBox]) -> None:
        """Searches the frame when it is time; frames come in order, `faces` was tracked in it."""
        if frame.captured_at < self._next_s:
            return
        self.search(frame)
        explained = faces and all(
            any(is_same_head(box, face) for face in faces) for box in self.heads[frame.index]
        )
        self._next_s = frame.captured_at + (CALM_SEARCH_S if explained else BUSY_SEARCH_S)

    def confirms(self, frame: Frame, sample: FaceSample) -> bool:
        """Returns whether a witness finds a head where a doubtful face was detected."""
        roll_rad = -float(np.radians(euler_deg(sample.rotation)[2]))
        crop = Crop(sample.x, sample.y, SURROUNDINGS * sample.size, roll_rad)
        middle = np.array((SIDE_PX / 2, SIDE_PX / 2, SIDE_PX / SURROUNDINGS))
        faces = self._detector.detect_faces(crop.cut(frame))
        # In eight clips faces score .77 or more there; collars, chests and shoulders .32 or less.
        return any(head.is_certain and is_same_head(head.box, middle) for head in faces) or any(
            is_same_head(head.box, sample.box) for head in self._detector.detect_poses(frame)
        )

    def close(self) -> None:
        self._detector.close()
