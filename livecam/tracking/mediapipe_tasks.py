"""Imports MediaPipe without what livecam does not use, and returns its results as arrays.

`mediapipe.tasks.python` imports pyplot for one function that shows landmarks in a window: three
quarters of its start-up (1.8 s of 2.4 s, measured), before the first avatar. It imports sounddevice
for one class that records sound, which starts PortAudio and opens every sound system.

Its own methods turn each of 478 landmarks into a Python object: 1.3 ms a face with the GIL held.
`landmarks_for_video` and `landmarks_in_image` make the same calls and copy arrays. They rely on
private names of the release that pyproject.toml pins; a test compares their results.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

UNUSED = ("matplotlib", "matplotlib.pyplot", "sounddevice")


@contextmanager
def _without_unused() -> Iterator[None]:
    """Replaces the libraries that are not used by empty modules, unless they are imported."""
    empty = {name: ModuleType(name) for name in UNUSED if name.split(".")[0] not in sys.modules}
    sys.modules.update(empty)
    try:
        yield
    finally:
        for name in empty:
            del sys.modules[name]


with _without_unused():
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision
    from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarkerResultC

__all__ = [
    "BaseOptions", "FaceResult", "close_task", "landmarks_for_video", "landmarks_in_image", "mp",
    "vision",
]  # fmt: skip

log = logging.getLogger(__name__)


class FaceResult(NamedTuple):
    """One face as MediaPipe returns it."""

    landmarks: NDArray[np.float32]  # float32[478, 3], image-normalised
    scores: NDArray[np.float32]  # float32[52], "_neutral" first
    matrix: NDArray[np.float32]  # float32[4, 4], centimetres
    names: list[str]  # of the scores


def close_task(task: Any) -> None:
    """Closes a task, also one whose graph failed.

    Its own `close` then raises and keeps the handle. The garbage collector would close it again,
    and wait forever for a thread of the task's that has ended.
    """
    try:
        task.close()
    except (ValueError, RuntimeError, OSError) as error:
        log.debug("a task of MediaPipe did not close cleanly: %s", error)
        task._handle = None
        task._lib.close()


def landmarks_for_video(landmarker: Any, image: Any, timestamp_ms: int) -> list[FaceResult]:
    """Calls `FaceLandmarker.detect_for_video`; raises the same exceptions."""
    call = landmarker._lib.MpFaceLandmarkerDetectForVideo
    return _detected(landmarker, call, image, timestamp_ms)


def landmarks_in_image(landmarker: Any, image: Any) -> list[FaceResult]:
    """Calls `FaceLandmarker.detect`; raises the same exceptions."""
    return _detected(landmarker, landmarker._lib.MpFaceLandmarkerDetectImage, image)


def _detected(landmarker: Any, call: Any, image: Any, *timestamp_ms: int) -> list[FaceResult]:
    found = FaceLandmarkerResultC()
    call(landmarker._handle, image._image_ptr, None, *timestamp_ms, ctypes.byref(found))
    try:
        return [_face(found, i) for i in range(found.face_landmarks_count)]
    finally:
        landmarker._lib.MpFaceLandmarkerCloseResult(ctypes.byref(found))


def _face(found: Any, index: int) -> FaceResult:
    points, scores = found.face_landmarks[index], found.face_blendshapes[index]
    return FaceResult(
        _words(points.landmarks, points.landmarks_count)[:, :3].copy(),  # x, y, z come first
        _words(scores.categories, scores.categories_count)[:, 1].copy(),  # index, score
        found.facial_transformation_matrixes[index].to_numpy(),
        [scores.categories[i].category_name.decode() for i in range(scores.categories_count)],
    )


def _words(structs: Any, count: int) -> NDArray[np.float32]:
    """Views an array of C structures as float32[count, words per structure]."""
    words = ctypes.sizeof(structs._type_) // ctypes.sizeof(ctypes.c_float)
    return np.ctypeslib.as_array(
        ctypes.cast(structs, ctypes.POINTER(ctypes.c_float)), shape=(count, words)
    )
