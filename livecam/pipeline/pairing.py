"""Pairs a frame with the newest segmentation: its masks are warped to the face at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from livecam.core.face import FaceState
from livecam.core.frame import Frame
from livecam.core.timing import StageTimer
from livecam.segmentation.base import RECENT_S, Segmentation
from livecam.segmentation.warp import warped

# An older segmentation is not warped to a frame. On a busy machine they take a second, and without
# them the hair beside the head would be visible.
MAX_AGE_S = 2.0
MAX_WAIT_S = 1.0  # for the first segmentation of a wearer who appears

# The newest segmentation; of any time and size, or None.
Segmentations = Callable[[], Segmentation | None]


def no_segmentation() -> Segmentation | None:
    """Returns None: a pipeline without segmentation."""
    return None


def never() -> bool:
    """Returns False: no segmentation is waited for."""
    return False


class SegmentationPairing:
    """Takes the newest segmentation for each frame. One thread.

    `is_expected` says whether segmentations come at all.
    """

    def __init__(
        self, newest: Segmentations, timer: StageTimer, is_expected: Callable[[], bool] = never
    ) -> None:
        self._newest = newest
        self._is_expected = is_expected
        self._timer = timer
        self._shown: dict[int, float] = {}  # when wearers were shown last, by track id
        self._waits_since: float | None = None

    def is_ready(self, frame: Frame, track_ids: Sequence[int], may_wait: bool = True) -> bool:
        """Returns whether the visible wearers may be shown; call it for every frame in order.

        Wearers who appear, at the start, after a cut or an absence, wait for their first
        segmentation, as their hair would be visible; but not beside one who is shown already.
        """
        now = frame.captured_at
        self._shown = {
            track_id: at
            for track_id, at in self._shown.items()
            if track_id in track_ids or 0 <= now - at <= RECENT_S
        }
        since = now if self._waits_since is None else self._waits_since
        if may_wait and self._awaits(frame, track_ids, since) and 0 <= now - since <= MAX_WAIT_S:
            self._waits_since = since
            return False
        self._waits_since = None
        self._shown |= dict.fromkeys(track_ids, now)
        return True

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

    def _awaits(self, frame: Frame, track_ids: Sequence[int], since: float) -> bool:
        """Returns whether all of them appear, and none was segmented since."""
        if not track_ids or not self._is_expected() or self._shown.keys() & set(track_ids):
            return False
        found = self._newest()
        if found is None or found.size != frame.size or found.track_id not in track_ids:
            return True
        return found.at < since - RECENT_S
