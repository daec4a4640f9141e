"""MediaPipe's Face Landmarker: the one home of that library.

Results are raw. In VIDEO mode with one face MediaPipe smooths the landmarks itself (2.3 px of
lag at 8 px a frame); with two or more it does not, so at least two are requested.

Other Python threads keep running while a frame is tracked: the C++ call releases the GIL.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from livecam.config.assets import asset_path
from livecam.config.settings import TrackingSettings
from livecam.core.closing import Closing
from livecam.core.errors import TrackingError
from livecam.core.face import EXPRESSIONS, Face
from livecam.core.frame import Frame, Image, PixelFormat, can_show_face
from livecam.core.library_log import first_line
from livecam.core.observation import Observation
from livecam.tracking.face_model import read_face_model
from livecam.tracking.mediapipe_tasks import (
    BaseOptions,
    FaceResult,
    close_task,
    landmarks_for_video,
    landmarks_in_image,
    mp,
    vision,
)
from livecam.tracking.pose import PoseSolver
from livecam.tracking.search import MAX_STEPS, search_windows

MIN_FACES = 2  # with one, MediaPipe smooths
CENTIMETRE = 0.01
# MediaPipe names 52 categories: "_neutral", then the first 51 of EXPRESSIONS.
MEASURED = len(EXPRESSIONS) - 1


class FaceLandmarker(Closing):
    """Detects 478 landmarks, 52 blendshape weights and the pose of every face in a frame.

    Used by the thread that made it. `mode` "video" tracks faces from frame to frame and, while
    there is none, searches a window of each frame for a small one; "image" detects in each
    frame anew.

    Raises:
        TrackingError: the model file is missing or broken, MediaPipe failed, or the tracker
            was closed.
    """

    assets: ClassVar[Sequence[str]] = ("face-landmarker",)

    def __init__(
        self,
        model_path: Path,
        max_faces: int = 4,
        detection_confidence: float = 0.5,
        presence_confidence: float = 0.5,
        mode: Literal["video", "image"] = "video",
    ) -> None:
        self._max_faces = max_faces
        self._video = mode == "video"
        self._solver = PoseSolver(read_face_model(model_path))
        self._windows = search_windows()
        self._last_ms = -1
        self._names_checked = False
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model_path)),
            running_mode=vision.RunningMode.VIDEO if self._video else vision.RunningMode.IMAGE,
            num_faces=max(max_faces, MIN_FACES),
            min_face_detection_confidence=detection_confidence,
            min_face_presence_confidence=presence_confidence,
            min_tracking_confidence=presence_confidence,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        self._landmarker: Any = None
        try:
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
        except (ValueError, RuntimeError, OSError) as error:
            raise TrackingError(
                "the face model {path} cannot be used: {reason}",
                hint="run `livecam assets verify`, then `livecam assets fetch`",
                path=model_path,
                reason=first_line(error),
            ) from error

    @classmethod
    def from_settings(cls, settings: TrackingSettings) -> Self:
        return cls(
            asset_path("face-landmarker"),
            settings.max_faces,
            settings.detection_confidence,
            settings.presence_confidence,
        )

    def track(self, frame: Frame) -> Observation:
        """Detects the faces in an RGBA frame, in no particular order."""
        if self._landmarker is None:
            # MediaPipe itself would answer "no face" without an error.
            raise TrackingError("the face tracker was closed")
        if frame.format is not PixelFormat.RGBA:
            raise TrackingError(
                "the face tracker takes RGBA frames, not {format}", format=frame.format.value
            )
        if not can_show_face(*frame.size):
            return Observation(frame, ())
        faces = self._landmarks(frame.image, frame.captured_at)
        if not faces and self._video:
            faces = self._search(frame)
        return Observation(frame, faces[: self._max_faces])

    def close(self) -> None:
        landmarker, self._landmarker = self._landmarker, None
        if landmarker is not None:
            close_task(landmarker)

    def _search(self, frame: Frame) -> tuple[Face, ...]:
        """Searches one window of a frame; leads the tracker from there to the whole frame."""
        window = next(self._windows)
        for _ in range(MAX_STEPS):
            rect = window.rect(*frame.size)
            faces = self._landmarks(frame.image[rect.slices], frame.captured_at)
            if not faces:
                return ()
            box = max((face.box(rect.width, rect.height) for face in faces), key=lambda b: b.width)
            x, y = (box.x0 + box.x1) / 2 / rect.width, (box.y0 + box.y1) / 2 / rect.height
            window = window.enlarged(x, y, box.width / rect.width)
            if window.zoom == 1:
                return self._landmarks(frame.image, frame.captured_at)
        return ()

    def _landmarks(self, image: Image, captured_at: float) -> tuple[Face, ...]:
        # MediaPipe ignores strides, and does not keep the array alive: hold a contiguous one.
        pixels = np.ascontiguousarray(image)
        try:
            found = self._detect(
                mp.Image(image_format=mp.ImageFormat.SRGBA, data=pixels), captured_at
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise TrackingError(
                "the face tracker failed: {reason}", reason=first_line(error)
            ) from error
        height, width = image.shape[:2]
        return tuple(self._face(result, width, height) for result in found)

    def _detect(self, image: Any, captured_at: float) -> list[FaceResult]:
        if not self._video:
            return landmarks_in_image(self._landmarker, image)
        # MediaPipe refuses equal or falling timestamps; two frames may share one, and a looped
        # file starts again.
        self._last_ms = max(self._last_ms + 1, round(captured_at * 1000))
        return landmarks_for_video(self._landmarker, image, self._last_ms)

    def _face(self, result: FaceResult, width: int, height: int) -> Face:
        self._check_names(result)
        weights = np.zeros(len(EXPRESSIONS), np.float32)
        weights[:MEASURED] = result.scores[1:]
        rough = result.matrix.astype(np.float64)
        rough[:3, 3] *= CENTIMETRE
        camera_from_head = self._solver.solve(result.landmarks, rough, width, height)
        for array in (result.landmarks, weights, camera_from_head):
            array.setflags(write=False)
        return Face(result.landmarks, weights, camera_from_head)

    def _check_names(self, result: FaceResult) -> None:
        if self._names_checked:
            return
        if tuple(result.names[1:]) != EXPRESSIONS[:MEASURED]:
            raise TrackingError(
                "the face model has other blendshapes than expected",
                hint="use a Face Landmarker bundle with blendshapes",
            )
        self._names_checked = True
