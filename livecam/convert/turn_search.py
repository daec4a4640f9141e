"""Finds the quarter turn in which the persons of a shot are upright.

The networks of the tracker know upright faces. Upside down they find some of them, and give
upright landmarks for them, which are wrong; what is worn below the head, and the removal of the
real one, take down for the lower edge of the frame. The face detector's score tells how a face
is turned: it is highest for upright ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from livecam.convert.crop import Crop
from livecam.core.closing import Closing
from livecam.core.frame import Frame
from livecam.core.observation import FaceBox
from livecam.core.timing import is_due
from livecam.segmentation.witness import square_tiles
from livecam.tracking.face_detector import FaceDetector

PERIOD_S = 1.0
TURNS = (90, 180, 270)
SIDES = (2.2, 3.4)  # of the squares around a face, in face widths; the mean of their scores counts
# In eight clips faces scored 0.84 to 0.97 upright, and 0.68 to 0.95 at the best other turn, at
# most 0.01 more than upright (a head tilted by 43 degrees); turned upside down, they gained 0.09
# to 0.34 by the turn back, 0.2 in the mean. A face that scores UPRIGHT needs no comparison.
UPRIGHT = 0.88
MIN_SCORE, MIN_GAIN = 0.8, 0.08
MIN_AGREEMENT = 0.75  # share of the searches of a shot that found the same turn


class TurnSearch(Closing):
    """Searches a frame a second for the turn of its largest face. One thread.

    Owns its detector, which has a low minimum score.
    """

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self._searched_s = -np.inf
        self.found: dict[int, int] = {}  # degrees by the index of the frame

    def search_when_due(self, frame: Frame, faces: Sequence[FaceBox], may_cut: bool) -> None:
        """Searches the frame when it is time, or when it may be the first of a shot.

        `faces` was tracked in it; frames come in order.
        """
        if not may_cut and not is_due(PERIOD_S, self._searched_s, frame.captured_at):
            return
        self._searched_s = frame.captured_at
        turn = self._turn(frame, _squares(frame, faces))
        if turn is not None:
            self.found[frame.index] = turn

    def close(self) -> None:
        self._detector.close()

    def _turn(self, frame: Frame, squares: Sequence[Sequence[Crop]]) -> int | None:
        """Returns the turn in which a face scores best; None where there seems to be none."""
        upright = self._score(frame, squares, 0)
        if upright >= UPRIGHT:
            return 0
        scores = {turn: self._score(frame, squares, turn) for turn in TURNS}
        best = max(TURNS, key=lambda turn: scores[turn])
        if max(upright, scores[best]) < MIN_SCORE:
            return None
        return best if scores[best] >= upright + MIN_GAIN else 0

    def _score(self, frame: Frame, squares: Sequence[Sequence[Crop]], degrees: int) -> float:
        """Returns the best mean score of the squares of one place, in a frame turned so."""
        return max(
            float(np.mean([self._best(frame, square, degrees) for square in place]))
            for place in squares
        )

    def _best(self, frame: Frame, square: Crop, degrees: int) -> float:
        turned = Crop(square.x, square.y, square.side, -float(np.radians(degrees)))
        found = self._detector.detect(turned.cut(frame))
        return found[0].score if found else 0.0


def turn_of(frames: range, found: Mapping[int, int]) -> int:
    """Returns by how many degrees a shot must be turned clockwise; 0 where in doubt.

    `found` are the turns that `TurnSearch` found, by the index of the frame.
    """
    turns = [found[index] for index in frames if index in found]
    best = max(TURNS, key=turns.count)
    return best if turns and turns.count(best) >= MIN_AGREEMENT * len(turns) else 0


def _squares(frame: Frame, faces: Sequence[FaceBox]) -> list[list[Crop]]:
    """Returns the squares around the largest face, or those that cover the frame."""
    if faces:
        x, y, width = max(faces, key=lambda box: float(box[2])).tolist()
        return [[Crop(x, y, side * width, 0.0) for side in SIDES]]
    return [
        [Crop((tile.x0 + tile.x1) / 2, (tile.y0 + tile.y1) / 2, float(tile.width), 0.0)]
        for tile in square_tiles(*frame.size)
    ]
