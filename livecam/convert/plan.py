"""Plans what every frame of a film will show, before the first is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livecam.compose.covers import region_at
from livecam.convert.survey import Survey
from livecam.convert.tracks import (
    FaceSample,
    FaceTrack,
    HeadTrack,
    Shot,
    box_between,
    link_heads,
    wearers,
)
from livecam.core.face import EXPRESSIONS, FacePose, FaceState
from livecam.core.frame import Rect
from livecam.core.observation import FaceBox
from livecam.core.spaces import euler_deg, project
from livecam.filtering.zero_lag import Motion, smooth_motion
from livecam.people.account import is_same_head
from livecam.people.slots import SlotOrder
from livecam.pipeline.states import Shown

OTHERS_MARGIN_S = 1.0  # other faces stay blurred so long before and after they were visible
MIN_FINDS = 2  # of a head that no face track explains; it is soon searched again
UNMEASURED_GROWTH = 1.12  # of the outline in frames in which the face was not measured


@dataclass(frozen=True, slots=True)
class WearerSpan:
    """One track with its slot, in the frames in which it wears the avatar."""

    frames: range
    states: tuple[FaceState, ...]  # one for every frame
    measured: NDArray[np.bool_]  # detected there; elsewhere propagated, interpolated or held
    slot: int = 0  # index of the avatar

    def at(self, index: int) -> FaceState:
        return self.states[index - self.frames.start]

    def measured_at(self, index: int) -> bool:
        return bool(self.measured[index - self.frames.start])


@dataclass(frozen=True, slots=True)
class ShotPlan:
    """The plan of one shot: its state and the avatars in it."""

    frames: range
    state: Shown  # of all its frames
    spans: tuple[WearerSpan, ...] = ()  # those of the main face first
    others: tuple[HeadTrack, ...] = ()  # those that are blurred
    unexplained: tuple[HeadTrack, ...] = ()  # the part of them that no face track explains


def plan(
    survey: Survey,
    *,
    hide_others: bool,
    strict: bool,
    people: int = 1,
    people_by: SlotOrder = "order",
) -> list[ShotPlan]:
    """Plans each shot of a film, in order; together they hold every frame once.

    Up to `people` wear an avatar at once: in each shot the first to appear gets the first slot,
    or (`place`) the leftmost.

    A shot without any trace of a face passes through, with `strict` it gets the curtain. When
    there seems to be a face that cannot be localised, the whole shot is blurred.
    """
    return [
        _shot_plan(shot, survey, hide_others, strict, people, people_by) for shot in survey.shots
    ]


def _shot_plan(
    shot: Shot, survey: Survey, hide_others: bool, strict: bool, people: int, by: SlotOrder
) -> ShotPlan:
    if shot.empty:
        return ShotPlan(shot.frames, Shown.CURTAIN if strict else Shown.PASSTHROUGH)
    tracks_of = wearers(shot.tracks, people)
    if not tracks_of:
        return ShotPlan(shot.frames, Shown.CURTAIN if strict else Shown.BLUR)
    slots = _slots(tracks_of, by)
    spans = _spans(shot.frames, tracks_of[0], survey, slots[0])
    for tracks, slot in zip(tracks_of[1:], slots[1:], strict=True):
        spans += _spans(_presence(tracks, shot.frames, survey), tracks, survey, slot)
    worn = [track for tracks in tracks_of for track in tracks]
    others = tuple(track.heads() for track in shot.tracks if track not in worn and hide_others)
    heads = _unexplained(shot, spans, others, survey.times, hide_others)
    return ShotPlan(shot.frames, Shown.AVATAR, tuple(spans), others + heads, heads)


def _unexplained(
    shot: Shot,
    spans: Sequence[WearerSpan],
    others: Sequence[HeadTrack],
    times: NDArray[np.float64],
    hide_others: bool,
) -> tuple[HeadTrack, ...]:
    """Returns the heads of a shot that no avatar and no blur covers.

    Where others may show, those while a wearer is not measured: they may be the wearer's.
    """
    heads = {}
    for index, boxes in shot.heads.items():
        present = [span for span in spans if index in span.frames]
        if not hide_others and all(span.measured_at(index) for span in present):
            continue
        covered = [_box(span.at(index)) for span in present]
        covered += [track.box(index) for track in others if _is_blurred(track, index, times)]
        heads[index] = [
            box for box in boxes if not any(is_same_head(box, known) for known in covered)
        ]
    minimum = min(MIN_FINDS, len(heads))
    return tuple(head for head in link_heads(heads, times) if len(head.indices) >= minimum)


def _box(face: FaceState) -> FaceBox:
    """Returns centre x, y and width of a face in pixels, as `FaceSample` measures them."""
    assert face.outline_px is not None
    return box_between(face.outline_px.min(axis=0), face.outline_px.max(axis=0))


def _slots(tracks_of: Sequence[Sequence[FaceTrack]], by: SlotOrder) -> list[int]:
    """Assigns a slot to each person."""
    first = [tracks[0].samples[0] for tracks in tracks_of]
    order = sorted(
        range(len(first)),
        key=lambda i: first[i].x if by == "place" else (first[i].index, -first[i].size),
    )
    return [order.index(i) for i in range(len(first))]


def _presence(tracks: Sequence[FaceTrack], frames: range, survey: Survey) -> range:
    """Returns the frames in which a second person may be: as long as others are blurred."""
    times = survey.times[frames.start : frames.stop]
    first, last = survey.times[tracks[0].first], survey.times[tracks[-1].last]
    begin, end = np.searchsorted(times, (first - OTHERS_MARGIN_S, last + OTHERS_MARGIN_S))
    return frames[int(begin) : int(end)]


def _spans(
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
    size = (survey.info.width, survey.info.height)
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
    return WearerSpan(frames, tuple(states), measured, slot)


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


def others_at(shot_plan: ShotPlan, index: int, times: NDArray[np.float64]) -> list[Rect]:
    """Returns the regions in which other faces must be blurred in one frame."""
    return [
        region_at(*track.box(index))
        for track in shot_plan.others
        if _is_blurred(track, index, times)
    ]


def _is_blurred(track: HeadTrack, index: int, times: NDArray[np.float64]) -> bool:
    first, last = times[track.first] - OTHERS_MARGIN_S, times[track.last] + OTHERS_MARGIN_S
    return bool(first <= times[index] <= last)
