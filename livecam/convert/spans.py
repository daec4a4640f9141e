"""The spans of a shot in which a track wears an avatar, with its face in every frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livecam.convert.survey import Survey
from livecam.convert.tracks import OTHERS_MARGIN_S, FaceSample, FaceTrack
from livecam.core.face import EXPRESSIONS, FacePose, FaceState
from livecam.core.spaces import euler_deg, project
from livecam.filtering.zero_lag import Motion, smooth_motion

UNMEASURED_GROWTH = 1.12  # of the outline in frames in which the face was not measured


@dataclass(frozen=True, slots=True)
class WearerSpan:
    """One track with its slot, in the frames in which it wears the avatar."""

    frames: range
    states: tuple[FaceState, ...]  # one for every frame
    measured: NDArray[np.bool_]  # detected there; elsewhere found by other means, or a guess
    guessed: NDArray[np.bool_]  # nothing was found there: interpolated or held
    slot: int = 0  # index of the avatar

    def at(self, index: int) -> FaceState:
        return self.states[index - self.frames.start]

    def measured_at(self, index: int) -> bool:
        return bool(self.measured[index - self.frames.start])

    def guesses(self) -> Iterator[int]:
        """Yields the frames in which nothing but those before and after tell its place."""
        yield from (self.frames.start + int(row) for row in np.flatnonzero(self.guessed))


def spans_of(
    frames: range, mains: Sequence[FaceTrack], survey: Survey, slot: int
) -> list[WearerSpan]:
    """Makes a span of each face, from the end of the one before to the beginning of the next.

    Between two of them both places are covered, as the time of the change is not known.
    """
    begins = [frames.start, *(track.last + 1 for track in mains[:-1])]
    ends = [*(track.first for track in mains[1:]), frames.stop]
    return [
        _span(range(begin, end), track, survey, slot)
        for begin, end, track in zip(begins, ends, mains, strict=True)
    ]


def presence(tracks: Sequence[FaceTrack], frames: range, survey: Survey) -> range:
    """Returns the frames in which a second person may be: as long as others are blurred."""
    times = survey.times[frames.start : frames.stop]
    first, last = survey.times[tracks[0].first], survey.times[tracks[-1].last]
    begin, end = np.searchsorted(times, (first - OTHERS_MARGIN_S, last + OTHERS_MARGIN_S))
    return frames[int(begin) : int(end)]


def _span(frames: range, track: FaceTrack, survey: Survey, slot: int) -> WearerSpan:
    count = len(frames)
    known, measured = np.zeros(count, bool), np.zeros(count, bool)
    raw = Motion(np.zeros((count, 3)), np.zeros((count, 4)), np.zeros((count, len(EXPRESSIONS))))
    for sample in track.samples:
        row = sample.index - frames.start
        known[row], measured[row] = True, sample.measured
        raw.translations[row] = sample.translation
        raw.rotations[row] = sample.rotation
        raw.weights[row] = sample.weights
    at = survey.times[frames.start : frames.stop]
    calm = smooth_motion(at, known, raw)
    ratio = track.width_ratio
    size = survey.size_at(frames.start)
    states = []
    for row, index in enumerate(frames):
        pose = FacePose(calm.translations[row], calm.rotations[row])
        outline, landmarks = _points(track.nearest(index), index, pose, size)
        weights = calm.weights[row].astype(np.float32)
        states.append(
            FaceState(
                pose, weights, ratio, float(at[row]), None, outline, landmarks, track_id=track.id
            )
        )
    return WearerSpan(frames, tuple(states), measured, ~known, slot)


def _points(
    sample: FaceSample, index: int, pose: FacePose, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the outline that must be hidden, and the landmarks.

    Where the face was not measured both move with the head, and the outline is wider.
    """
    if sample.index == index and sample.measured:
        return sample.outline, sample.landmarks
    before, after = (
        project(np.eye(4), place[None], *size)[0]
        for place in (sample.translation, pose.translation)
    )
    # Roll is counter-clockwise, y points down in images.
    turn = np.radians(euler_deg(sample.rotation)[2] - euler_deg(pose.rotation)[2])
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array(((cos, -sin), (sin, cos))) * sample.translation[2] / pose.translation[2]
    middle = sample.outline.mean(axis=0)
    middle_after = after + linear @ (middle - before)

    def moved(points: NDArray[np.float32], grown: float) -> NDArray[np.float32]:
        out: NDArray[np.float64] = middle_after + grown * (points - middle) @ linear.T
        return out.astype(np.float32)

    return moved(sample.outline, UNMEASURED_GROWTH), moved(sample.landmarks, 1.0)
