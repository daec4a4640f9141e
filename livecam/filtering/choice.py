"""Whose face it is: one person is followed through pictures with several."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import FACE_OVAL, Face, Observation

_OUTLINE = np.array(FACE_OVAL)


class FaceChoice:
    """Decides which of the faces in a picture is the one that wears the avatar.

    The largest at first; then the same person for as long as they are there. A face that was
    already known as somebody else's never takes over while the first is merely out of sight
    for a moment.
    """

    PATIENCE_S = 0.5  # how long a vanished face keeps its place
    REACH, REACH_PER_S = 0.6, 8.0  # how far a face may move, in face widths
    LONGEST_REACH_S = 0.25
    MOST_GROWTH = 0.5  # logarithm of the ratio of sizes: 1.65 times

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.changed = False  # the last choice is not the person of the one before
        self._place: NDArray[np.float64] | None = None  # centre x, y and width, pixels
        self._seen_at = 0.0
        self._others = np.zeros((0, 3))

    def choose(self, observation: Observation) -> Face | None:
        faces, frame = observation.faces, observation.frame
        places = np.array([_place(f, frame.width, frame.height) for f in faces]).reshape(-1, 3)
        chosen = self._same(places, frame.captured_at)
        self.changed = False
        if chosen is None and self._is_free(places, frame.captured_at):
            chosen = int(np.argmax(places[:, 2]))
            self.changed = True
        if chosen is None:
            if len(places):
                self._others = places
            return None
        self._place, self._seen_at = places[chosen], frame.captured_at
        self._others = np.delete(places, chosen, axis=0)
        return faces[chosen]

    def _same(self, places: NDArray[np.float64], now: float) -> int | None:
        """The face that is most likely the one of last time."""
        if self._place is None or not len(places):
            return None
        gap_s = min(max(now - self._seen_at, 0.0), self.LONGEST_REACH_S)
        away, growth = _differences(places, self._place)
        plausible = (away < self.REACH + self.REACH_PER_S * gap_s) & (growth < self.MOST_GROWTH)
        cost = away + growth
        for other in self._others:
            plausible &= cost <= np.add(*_differences(places, other))
        return int(np.argmin(np.where(plausible, cost, np.inf))) if plausible.any() else None

    def _is_free(self, places: NDArray[np.float64], now: float) -> bool:
        """Whether somebody else may take the place."""
        if not len(places):
            return False
        if self._place is None or now - self._seen_at > self.PATIENCE_S:
            return True
        # Alone before and alone now: the same person after a cut.
        return len(places) == 1 and not len(self._others)


def _place(face: Face, width: int, height: int) -> NDArray[np.float64]:
    outline = face.landmarks[_OUTLINE, :2]
    low, high = outline.min(axis=0) * (width, height), outline.max(axis=0) * (width, height)
    # The height of a turned face stays while its width shrinks.
    size = max(float(high[0] - low[0]), 0.75 * float(high[1] - low[1]), 1.0)
    return np.array((*((low + high) / 2), size))


def _differences(
    places: NDArray[np.float64], place: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each place is from one, in widths of the larger face, and how unlike in size."""
    away = np.hypot(places[:, 0] - place[0], places[:, 1] - place[1])
    return away / np.maximum(places[:, 2], place[2]), np.abs(np.log(places[:, 2] / place[2]))
