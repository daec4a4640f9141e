"""Follows the faces of a tracked frame into the next one, which the networks then need not track.

Only where nothing can be missed: all who are known are visible, nothing in the frame is new, and
every face is found again. Whoever else the networks would have found is covered as what is new.
"""

from __future__ import annotations

from livecam.core.frame import Frame
from livecam.core.observation import Observation, Track
from livecam.filtering.smoother import MAX_PREDICTION_S
from livecam.people.changes import new_regions, stamp_of
from livecam.pipeline.follow import followed_face


class FaceFollowing:
    """Gives every second frame its faces by optical flow, where that is sure. One thread."""

    def __init__(self) -> None:
        self._last: Observation | None = None

    def note(self, observation: Observation) -> None:
        """Notes the newest observation, with its tracks."""
        self._last = observation

    def follow(self, frame: Frame) -> Observation | None:
        """Returns an observation of the next frame; None where the networks have to track it."""
        last = self._last
        if last is None or not _is_calm(last, frame):
            return None
        faces = [followed_face(face, last.frame, frame) for face in last.faces]
        found = tuple(face for face in faces if face is not None)
        return Observation(frame, found, is_followed=True) if len(found) == len(faces) else None


def _is_calm(last: Observation, frame: Frame) -> bool:
    """Returns whether the next frame shows those of the last observation, and no one else."""
    step_s = frame.captured_at - last.frame.captured_at
    return (
        not last.is_followed
        and 0 < step_s <= MAX_PREDICTION_S
        and frame.size == last.frame.size
        and last.is_searched
        and bool(last.faces)
        and not last.unexplained
        and all(_is_sure(track, frame) for track in last.tracks)
        and not new_regions(stamp_of(frame.image), last.scene, last)
    )


def _is_sure(track: Track, frame: Frame) -> bool:
    """Returns whether a track is where it was seen, or certainly gone."""
    return not track.may_be_there and track.doubtful_until <= frame.captured_at
