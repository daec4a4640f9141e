"""MediaPipe's Hand Landmarker: 21 landmarks of every hand in an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.errors import TrackingError
from livecam.core.frame import Image
from livecam.core.library_log import first_line
from livecam.tracking.mediapipe_tasks import BaseOptions, close_task, mp, vision

MIN_TRACKING_CONFIDENCE = 0.2  # overlap (IoU) of a hand with its track
STEP_MS = 33  # MediaPipe requires rising timestamps, but does not use them


class HandResult(NamedTuple):
    """One hand as MediaPipe returns it."""

    points: NDArray[np.float32]  # float32[21, 2], image-normalised; the wrist first
    score: float  # of the handedness (left or right), 0..1


class HandLandmarker(Closing):
    """Detects hands in RGBA images of about the same view. One thread at a time.

    A detected hand is tracked into the next image, also where the palm detector alone would miss
    it, as it often does before a face.

    Raises:
        TrackingError: the model file is missing or broken, MediaPipe failed, or it was closed.
    """

    def __init__(
        self,
        model_path: Path,
        max_hands: int = 2,
        detection_confidence: float = 0.25,
        presence_confidence: float = 0.3,
    ) -> None:
        self._last_ms = -1
        options = vision.HandLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model_path)),
            running_mode=vision.RunningMode.VIDEO,
            num_hands=max_hands,
            min_hand_detection_confidence=detection_confidence,
            min_hand_presence_confidence=presence_confidence,
            min_tracking_confidence=MIN_TRACKING_CONFIDENCE,
        )
        self._landmarker: Any = None
        try:
            self._landmarker = vision.HandLandmarker.create_from_options(options)
        except (ValueError, RuntimeError, OSError) as error:
            raise TrackingError(
                "the hand model {path} cannot be used: {reason}",
                hint="run `livecam assets verify`, then `livecam assets fetch`",
                path=model_path,
                reason=first_line(error),
            ) from error

    def detect(self, image: Image) -> tuple[HandResult, ...]:
        """Detects the hands in an image uint8[h, w, 4], in no particular order."""
        if self._landmarker is None:
            raise TrackingError("the hand tracker was closed")
        # MediaPipe ignores strides, and does not keep the array alive: hold a contiguous one.
        pixels = np.ascontiguousarray(image)
        self._last_ms += STEP_MS
        try:
            found = self._landmarker.detect_for_video(
                mp.Image(image_format=mp.ImageFormat.SRGBA, data=pixels), self._last_ms
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise TrackingError(
                "the hand tracker failed: {reason}", reason=first_line(error)
            ) from error
        return tuple(
            HandResult(np.array([(p.x, p.y) for p in points], np.float32), float(sides[0].score))
            for points, sides in zip(found.hand_landmarks, found.handedness, strict=True)
        )

    def close(self) -> None:
        landmarker, self._landmarker = self._landmarker, None
        if landmarker is not None:
            close_task(landmarker)
