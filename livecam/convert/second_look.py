"""Searches again, harder, where the tracker saw no face: few frames, so time is no object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.convert.sightings import Sighting
from livecam.convert.views import View
from livecam.core.closing import Closing
from livecam.core.face import Face
from livecam.core.frame import Frame
from livecam.tracking.face_detector import FaceDetector
from livecam.tracking.face_landmarker import FaceLandmarker
from livecam.tracking.face_model import read_face_model
from livecam.tracking.pose import PoseSolver

# At 0.2 one picture of noise in forty shows a face, at 0.1 one in seventy-five shows two.
LOW_CONFIDENCE = 0.2
DETECTOR_CONFIDENCE = 0.5  # alone it sees faces in three noise pictures of four at 0.1
VIEW_SIZES = (2.2, 3.4)  # sides of the square around an expected face, in face widths
TILE_SIDES = (1.0, 0.55)  # of squares over the whole picture, in parts of its shorter side
TURNS_RAD = tuple(np.radians((0.0, 30.0, -30.0)))
NEAR = 0.6  # a hit may lie so far from where it was expected, in face widths
GROWTH = 1.5  # and be so much larger or smaller


class SecondLook(Closing):
    """Looks at single frames at low thresholds; used by the thread that made it."""

    def __init__(self, model: Path, max_faces: int) -> None:
        self._landmarker = FaceLandmarker(
            model, max_faces, LOW_CONFIDENCE, LOW_CONFIDENCE, mode="image"
        )
        self._solver = PoseSolver(read_face_model(model))
        self._detector = FaceDetector(model, DETECTOR_CONFIDENCE)

    def anywhere(self, frame: Frame) -> list[Sighting]:
        """Every face in the picture."""
        found = self._landmarker.track(frame).faces
        return [Sighting.of(frame.index, face, *frame.size) for face in found]

    def smaller(self, frame: Frame) -> list[Sighting]:
        """Faces too small for the whole picture, which is shrunk to 192 pixels to find them."""
        return [
            Sighting.of(frame.index, view.face(face, self._solver, *frame.size), *frame.size)
            for view in _tiles(*frame.size)
            for face in self._landmarker.track(view.cut(frame)).faces
        ]

    def near(self, frame: Frame, expected: NDArray[np.float64], roll_rad: float) -> Sighting | None:
        """The face that must be about there.

        Args:
            frame: the picture.
            expected: centre x, y and size in pixels.
            roll_rad: how far the head was last turned, clockwise in the picture.
        """
        for face in self._looks(frame, expected, roll_rad):
            sighting = Sighting.of(frame.index, face, *frame.size)
            if plausible(sighting, expected):
                return sighting
        return None

    def boxes(self, frame: Frame) -> list[NDArray[np.float64]]:
        """Centre x, y and size of what the detector alone takes for faces, in pixels."""
        return [
            np.array(
                ((d.box.x0 + d.box.x1) / 2, (d.box.y0 + d.box.y1) / 2, max(d.box.width, 1)), float
            )
            for d in self._detector.detect(frame)
        ]

    def close(self) -> None:
        self._landmarker.close()
        self._detector.close()

    def _looks(
        self, frame: Frame, expected: NDArray[np.float64], roll_rad: float
    ) -> Iterator[Face]:
        x, y, size = expected
        for times in VIEW_SIZES:
            for turn in TURNS_RAD:
                view = View(float(x), float(y), float(size * times), roll_rad + turn)
                for face in self._landmarker.track(view.cut(frame)).faces:
                    yield view.face(face, self._solver, *frame.size)


def _tiles(width: int, height: int) -> Iterator[View]:
    """Squares of two sizes that cover the picture and overlap by a fifth or more."""
    for part in TILE_SIDES:
        side = part * min(width, height)
        columns, rows = (int(np.ceil((full / side - 0.2) / 0.8)) for full in (width, height))
        for row in range(rows):
            for column in range(columns):
                x = side / 2 + (width - side) * column / max(columns - 1, 1)
                y = side / 2 + (height - side) * row / max(rows - 1, 1)
                yield View(x, y, side, 0.0)


def plausible(sighting: Sighting, expected: NDArray[np.float64]) -> bool:
    """Whether a face is about where and as large as it must be (centre x, y and size)."""
    x, y, size = expected
    away = np.hypot(sighting.x - x, sighting.y - y) / max(size, sighting.size)
    growth = max(size / sighting.size, sighting.size / size)
    return bool(away < NEAR and growth < GROWTH)
