"""Follows the faces of a tracked frame into the next one, which the networks then need not track.

Only in a calm frame: all who are known are visible in their slots, nothing is new since the last
search, and nothing beside the faces changed since the last frame, so that nobody can have come.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Frame
from livecam.core.observation import Observation, Track
from livecam.filtering.smoother import MAX_PREDICTION_S
from livecam.people.changes import (
    MIN_CELLS,
    MIN_CHANGE,
    new_regions,
    person_zones,
    stamp_of,
)
from livecam.pipeline.follow import followed_face


class FaceFollowing:
    """Gives every second frame its faces by optical flow, where that is sure. One thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Drops the last observation: the next frame is tracked by the networks."""
        self._last: Observation | None = None
        self._is_steady = False  # its slots are those of the one before

    def note(self, observation: Observation) -> None:
        """Notes the newest observation, with its tracks."""
        self._is_steady = self._last is not None and self._last.slots == observation.slots
        self._last = observation

    def follow(self, frame: Frame) -> Observation | None:
        """Returns an observation of the next frame; None where the networks have to track it."""
        last = self._last
        if last is None or not self._is_steady or not _is_calm(last, frame):
            return None
        faces = [followed_face(face, last.frame, frame) for face in last.faces]
        found = tuple(face for face in faces if face is not None)
        return Observation(frame, found, is_followed=True) if len(found) == len(faces) else None


def _is_calm(last: Observation, frame: Frame) -> bool:
    """Returns whether the next frame shows those of the last observation, and no one else."""
    step_s = frame.captured_at - last.frame.captured_at
    stamp = stamp_of(frame.image)
    return (
        not last.is_followed
        and 0 < step_s <= MAX_PREDICTION_S
        and frame.size == last.frame.size
        and last.is_searched
        and bool(last.faces)
        and not last.unexplained
        and all(_is_sure(track, frame) for track in last.tracks)
        and not new_regions(stamp, last.scene, last)
        and _is_unchanged(stamp, last)
    )


def _is_unchanged(stamp: NDArray[np.uint8], last: Observation) -> bool:
    """Returns whether the frame of a stamp is as that of the last observation beside its faces."""
    free = ~person_zones(last, stamp, True)
    changes = cv2.absdiff(stamp, stamp_of(last.frame.image)).max(axis=2)
    return bool(np.count_nonzero(changes[free] > MIN_CHANGE) < MIN_CELLS)


def _is_sure(track: Track, frame: Frame) -> bool:
    """Returns whether a track is where it was seen, or certainly gone."""
    return not track.may_be_there and track.doubtful_until <= frame.captured_at
