"""What every frame of a film will show, decided before the first is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livecam.compose.covers import region_at
from livecam.convert.sightings import Shot, Sighting, Track, casts
from livecam.convert.survey import Survey
from livecam.core.face import EXPRESSIONS, FacePose, FaceState
from livecam.core.frame import Rect
from livecam.core.spaces import euler_deg, project
from livecam.filtering.zero_lag import Motion, smooth_motion
from livecam.people.people import SeatsBy
from livecam.pipeline.stats import Shown

OTHERS_MARGIN_S = 1.0  # other faces stay blurred so long before and after they were seen
GUESS_GROWTH = 1.12  # of the outline in frames in which the face was not measured


@dataclass(frozen=True, slots=True)
class Role:
    """One face that wears the avatar, in the frames in which it does."""

    frames: range
    states: tuple[FaceState, ...]  # one for every frame
    seen: NDArray[np.bool_]  # measured in that frame; elsewhere carried, bridged or held
    who: int = 0  # which of the avatars

    def at(self, index: int) -> FaceState:
        return self.states[index - self.frames.start]

    def seen_at(self, index: int) -> bool:
        return bool(self.seen[index - self.frames.start])


@dataclass(frozen=True, slots=True)
class Scene:
    """What one shot will show."""

    frames: range
    state: Shown  # of all its frames
    roles: tuple[Role, ...] = ()  # those of the main face first
    others: tuple[Track, ...] = ()


def plan(
    survey: Survey,
    *,
    hide_others: bool,
    strict: bool,
    people: int = 1,
    people_by: SeatsBy = "order",
) -> list[Scene]:
    """The scenes of a film, in order; together they hold every frame once.

    So many `people` wear an avatar at once: in each shot the one who came first the first
    avatar, or (`place`) the one who stands leftmost.

    A shot without any trace of a face passes through, with `strict` it gets the curtain. When
    there seems to be a face but nobody can tell where, the whole shot is blurred.
    """
    return [_scene(shot, survey, hide_others, strict, people, people_by) for shot in survey.shots]


def _scene(
    shot: Shot, survey: Survey, hide_others: bool, strict: bool, people: int, by: SeatsBy
) -> Scene:
    if shot.empty:
        return Scene(shot.frames, Shown.CURTAIN if strict else Shown.PASSTHROUGH)
    everybody = casts(shot.tracks, people)
    if not everybody:
        return Scene(shot.frames, Shown.CURTAIN if strict else Shown.BLUR)
    seats = _seats(everybody, by)
    roles = _roles(shot.frames, everybody[0], survey, seats[0])
    for tracks, who in zip(everybody[1:], seats[1:], strict=True):
        roles += _roles(_presence(tracks, shot.frames, survey), tracks, survey, who)
    worn = [track for tracks in everybody for track in tracks]
    others = tuple(track for track in shot.tracks if track not in worn) if hide_others else ()
    return Scene(shot.frames, Shown.AVATAR, tuple(roles), others)


def _seats(everybody: Sequence[Sequence[Track]], by: SeatsBy) -> list[int]:
    """Which avatar each of them wears."""
    first = [tracks[0].sightings[0] for tracks in everybody]
    order = sorted(
        range(len(first)),
        key=lambda i: first[i].x if by == "place" else (first[i].index, -first[i].size),
    )
    return [order.index(i) for i in range(len(first))]


def _presence(tracks: Sequence[Track], frames: range, survey: Survey) -> range:
    """The frames in which somebody beside the main one may be: as long as others are blurred."""
    times = survey.times[frames.start : frames.stop]
    first, last = survey.times[tracks[0].first], survey.times[tracks[-1].last]
    begin, end = np.searchsorted(times, (first - OTHERS_MARGIN_S, last + OTHERS_MARGIN_S))
    return frames[int(begin) : int(end)]


def _roles(frames: range, mains: Sequence[Track], survey: Survey, who: int) -> list[Role]:
    """Each face from the end of the one before to the beginning of the next.

    So between two of them both places are covered: nobody knows when one became the other.
    """
    begins = [frames.start, *(track.last + 1 for track in mains[:-1])]
    ends = [*(track.first for track in mains[1:]), frames.stop]
    return [
        _role(range(begin, end), track, survey, who)
        for begin, end, track in zip(begins, ends, mains, strict=True)
    ]


def _role(frames: range, track: Track, survey: Survey, who: int) -> Role:
    count = len(frames)
    known, seen = np.zeros(count, bool), np.zeros(count, bool)
    raw = Motion(np.zeros((count, 3)), np.zeros((count, 4)), np.zeros((count, len(EXPRESSIONS))))
    for sighting in track.sightings:
        row = sighting.index - frames.start
        known[row], seen[row] = True, sighting.measured
        raw.translations[row] = sighting.translation
        raw.rotations[row] = sighting.rotation
        raw.weights[row] = sighting.weights
    at = survey.times[frames.start : frames.stop]
    calm = smooth_motion(at, known, raw)
    ratio = track.width_ratio
    size = (survey.info.width, survey.info.height)
    states = []
    for row, index in enumerate(frames):
        pose = FacePose(calm.translations[row], calm.rotations[row])
        outline, landmarks = _points(track.nearest(index), index, pose, size)
        weights = calm.weights[row].astype(np.float32)
        states.append(FaceState(pose, weights, ratio, float(at[row]), None, outline, landmarks))
    return Role(frames, tuple(states), seen, who)


def _points(
    sighting: Sighting, index: int, pose: FacePose, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What of the picture is hidden at least, and the landmarks: where the face was measured,
    else moved with the head, the outline wider."""
    if sighting.index == index and sighting.measured:
        return sighting.outline, sighting.landmarks
    before, after = (
        project(np.eye(4), place[None], *size)[0]
        for place in (sighting.translation, pose.translation)
    )
    # Roll is counter-clockwise, the picture's y points down.
    turn = np.radians(euler_deg(sighting.rotation)[2] - euler_deg(pose.rotation)[2])
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array(((cos, -sin), (sin, cos))) * sighting.translation[2] / pose.translation[2]
    middle = sighting.outline.mean(axis=0)
    middle_after = after + linear @ (middle - before)

    def moved(points: NDArray[np.float32], grown: float) -> NDArray[np.float32]:
        out: NDArray[np.float64] = middle_after + grown * (points - middle) @ linear.T
        return out.astype(np.float32)

    return moved(sighting.outline, GUESS_GROWTH), moved(sighting.landmarks, 1.0)


def others_at(scene: Scene, index: int, times: NDArray[np.float64]) -> list[Rect]:
    """The regions in which other faces must be blurred in one frame."""
    return [
        _region(track, index)
        for track in scene.others
        if times[track.first] - OTHERS_MARGIN_S
        <= times[index]
        <= times[track.last] + OTHERS_MARGIN_S
    ]


def _region(track: Track, index: int) -> Rect:
    return region_at(*track.place(index))
