"""Detects faces again, at low thresholds, in frames in which the tracker found none.

There are few of those, so cost matters little.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.convert.crop import Crop
from livecam.convert.tracks import FaceSample
from livecam.core.closing import Closing
from livecam.core.face import Face
from livecam.core.frame import Frame
from livecam.tracking.face_detector import FaceDetector
from livecam.tracking.face_landmarker import FaceLandmarker
from livecam.tracking.face_model import read_face_model
from livecam.tracking.pose import PoseSolver

# At 0.2 one image of noise in forty has a face, at 0.1 one in seventy-five has two.
LOW_CONFIDENCE = 0.2
DETECTOR_CONFIDENCE = 0.5  # at 0.1, boxes alone appear in three of four images of noise
CROP_SIZES = (2.2, 3.4)  # sides of the square around an expected face, in face widths
TILE_SIDES = (1.0, 0.55)  # of squares over the whole frame, in parts of its shorter side
TURNS_RAD = tuple(np.radians((0.0, 30.0, -30.0)))
NEAR = 0.6  # the distance of a detection from the expected place, in face widths
GROWTH = 1.5  # and the ratio of their sizes


class RetryDetector(Closing):
    """Detects faces in single frames at low thresholds; used by the thread that made it."""

    def __init__(self, model: Path, max_faces: int) -> None:
        self._solver = PoseSolver(read_face_model(model))
        self._landmarker = FaceLandmarker(
            model, max_faces, LOW_CONFIDENCE, LOW_CONFIDENCE, mode="image"
        )
        try:
            self._detector = FaceDetector(model, DETECTOR_CONFIDENCE)
        except BaseException:
            self._landmarker.close()
            raise

    def anywhere(self, frame: Frame) -> list[FaceSample]:
        """Detects every face in the frame."""
        found = self._landmarker.track(frame).faces
        return [FaceSample.of(frame, face) for face in found]

    def smaller(self, frame: Frame) -> list[FaceSample]:
        """Detects faces too small for the whole frame, which the detector reduces to 192 pixels."""
        return [
            FaceSample.of(frame, crop.face(face, self._solver, *frame.size))
            for crop in _tiles(*frame.size)
            for face in self._landmarker.track(crop.cut(frame)).faces
        ]

    def near(
        self, frame: Frame, expected: NDArray[np.float64], roll_rad: float
    ) -> FaceSample | None:
        """Detects the face that must be about there.

        Args:
            frame: the frame.
            expected: centre x, y and size in pixels.
            roll_rad: how far the head was last turned, clockwise in the frame.
        """
        for face in self._candidates(frame, expected, roll_rad):
            sample = FaceSample.of(frame, face)
            if plausible(sample, expected):
                return sample
        return None

    def boxes(self, frame: Frame) -> list[NDArray[np.float64]]:
        """Returns centre x, y and size of what the detector alone takes for faces, in pixels."""
        return [
            np.array(
                ((d.box.x0 + d.box.x1) / 2, (d.box.y0 + d.box.y1) / 2, max(d.box.width, 1)), float
            )
            for d in self._detector.detect(frame)
        ]

    def close(self) -> None:
        try:
            self._landmarker.close()
        finally:
            self._detector.close()

    def _candidates(
        self, frame: Frame, expected: NDArray[np.float64], roll_rad: float
    ) -> Iterator[Face]:
        x, y, size = expected
        for times in CROP_SIZES:
            for turn in TURNS_RAD:
                crop = Crop(float(x), float(y), float(size * times), roll_rad + turn)
                for face in self._landmarker.track(crop.cut(frame)).faces:
                    yield crop.face(face, self._solver, *frame.size)


def _tiles(width: int, height: int) -> Iterator[Crop]:
    """Yields squares of two sizes that cover the frame and overlap by a fifth or more."""
    for part in TILE_SIDES:
        side = part * min(width, height)
        columns, rows = (int(np.ceil((full / side - 0.2) / 0.8)) for full in (width, height))
        for row in range(rows):
            for column in range(columns):
                x = side / 2 + (width - side) * column / max(columns - 1, 1)
                y = side / 2 + (height - side) * row / max(rows - 1, 1)
                yield Crop(x, y, side, 0.0)


def plausible(sample: FaceSample, expected: NDArray[np.float64]) -> bool:
    """Returns whether a face is about where and as large as expected (centre x, y and size)."""
    x, y, size = expected
    away = np.hypot(sample.x - x, sample.y - y) / max(size, sample.size)
    growth = max(size / sample.size, sample.size / size)
    return bool(away < NEAR and growth < GROWTH)
