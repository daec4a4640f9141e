"""Pairs a frame with the newest segmentation: its masks are warped to the face at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from livecam.core.face import FaceState
from livecam.core.frame import Frame
from livecam.core.timing import StageTimer
from livecam.segmentation.base import Segmentation
from livecam.segmentation.warp import warped

# An older segmentation is not warped to a frame. On a busy machine they take a second, and without
# them the hair beside the head would be visible.
MAX_AGE_S = 2.0

# The newest segmentation; of any time and size, or None.
Segmentations = Callable[[], Segmentation | None]


def no_segmentation() -> Segmentation | None:
    """Returns None: a pipeline without segmentation."""
    return None


class SegmentationPairing:
    """Takes the newest segmentation for each frame. One thread."""

    def __init__(self, newest: Segmentations, timer: StageTimer) -> None:
        self._newest = newest
        self._timer = timer

    def pair(self, frame: Frame, faces: Sequence[FaceState]) -> Segmentation | None:
        """Warps the newest segmentation to this frame; None when there is none that fits.

        It fits when the person it was computed for is among the `faces`.
        """
        found = self._newest()
        if found is None or found.size != frame.size:
            return None
        if abs(frame.captured_at - found.at) > MAX_AGE_S:
            return None
        face = next((face for face in faces if face.track_id == found.track_id), None)
        points = None if face is None else face.points_px(*frame.size)
        if points is None:
            return None
        with self._timer.stage("carry"):
            return warped(found, points, frame.captured_at)
