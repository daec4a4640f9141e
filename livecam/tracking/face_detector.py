"""MediaPipe's face detector alone: bounding boxes, also of faces without landmarks."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from livecam.core.closing import Closing
from livecam.core.errors import TrackingError
from livecam.core.frame import Frame, Rect, can_show_face
from livecam.core.library_log import first_line
from livecam.tracking.mediapipe_tasks import BaseOptions, close_task, mp, vision

MODEL = "face_detector.tflite"  # inside the Face Landmarker's bundle, which is a stored zip


@dataclass(frozen=True, slots=True)
class FaceDetection:
    """A bounding box that may hold a face."""

    box: Rect  # pixels; from the forehead to the chin, may extend beyond the frame
    score: float  # 0..1


class FaceDetector(Closing):
    """Detects faces in single frames, without landmarks; used by the thread that made it.

    `bundle` is the Face Landmarker's model file. At `confidence` 0.5 about one frame in ten
    without a face gives a false positive: require several frames to agree.

    Raises:
        TrackingError: the bundle is missing or broken, or MediaPipe failed.
    """

    def __init__(self, bundle: Path, confidence: float = 0.5) -> None:
        try:
            with zipfile.ZipFile(bundle) as archive:
                model = archive.read(MODEL)
            options = vision.FaceDetectorOptions(
                base_options=BaseOptions(model_asset_buffer=model),
                min_detection_confidence=confidence,
            )
            self._detector: Any = vision.FaceDetector.create_from_options(options)
        except (OSError, KeyError, zipfile.BadZipFile, ValueError, RuntimeError) as error:
            raise TrackingError(
                "the face model {path} cannot be used: {reason}",
                hint="run `livecam assets verify`, then `livecam assets fetch`",
                path=bundle,
                reason=first_line(error),
            ) from error

    def detect(self, frame: Frame) -> tuple[FaceDetection, ...]:
        """Detects the faces in an RGBA frame, in descending order of score."""
        if not can_show_face(*frame.size):
            return ()
        image = np.ascontiguousarray(frame.image)
        try:
            result = self._detector.detect(mp.Image(image_format=mp.ImageFormat.SRGBA, data=image))
        except (ValueError, RuntimeError) as error:
            raise TrackingError(
                "the face detector failed: {reason}", reason=first_line(error)
            ) from error
        found = [_detection(raw) for raw in result.detections]
        return tuple(sorted(found, key=lambda detection: -detection.score))

    def close(self) -> None:
        close_task(self._detector)


def _detection(raw: Any) -> FaceDetection:
    box = raw.bounding_box
    x, y = box.origin_x, box.origin_y
    return FaceDetection(Rect(x, y, x + box.width, y + box.height), float(raw.categories[0].score))
