"""Plans what every frame of a film will show, before the first is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livecam.compose.covers import region_at
from livecam.convert.head_cover import BesideHeads, doubtful_places, heads_beneath
from livecam.convert.spans import WearerSpan, presence, spans_of
from livecam.convert.survey import Survey
from livecam.convert.tracks import FaceTrack, HeadTrack, Shot, wearers
from livecam.core.frame import Rect
from livecam.core.observation import FaceBox
from livecam.people.slots import SlotOrder
from livecam.pipeline.states import Shown

BENEATH_MARGIN = 0.3  # of what is blurred below an avatar: as little as hides a face
# More of a head that witnesses found: that of a body is a little small. In face widths.
ROUGH_MARGIN = 0.3


@dataclass(frozen=True, slots=True)
class ShotPlan:
    """The plan of one shot: its state and the avatars in it."""

    frames: range
    state: Shown  # of all its frames
    spans: tuple[WearerSpan, ...] = ()  # those of the main face first
    others: tuple[HeadTrack, ...] = ()  # those that are blurred
    unexplained: tuple[HeadTrack, ...] = ()  # the part of them that no face track explains
    seen_once: tuple[HeadTrack, ...] = ()  # nothing beside them confirmed these: they may show
    # Heads that witnesses found where a wearer was not measured, by the index of the frame: the
    # avatar covers them, as far as its place is right.
    beneath: Mapping[int, Sequence[FaceBox]] = field(default_factory=dict)
    turn: int = 0  # degrees by which its frames are turned clockwise; all places are in those


def plan(
    survey: Survey,
    *,
    hide_others: bool,
    strict: bool,
    pass_unsure: bool = False,
    people: int = 1,
    people_by: SlotOrder = "order",
) -> list[ShotPlan]:
    """Plans each shot of a film, in order; together they hold every frame once.

    Up to `people` wear an avatar at once: in each shot the first to appear gets the first slot,
    or (`place`) the leftmost.

    A shot without any trace of a face passes through, with `strict` it gets the curtain. When
    there seems to be a person whose face cannot be localised, the whole shot is blurred; with
    `pass_unsure` it passes through too.
    """
    faceless = _states_without_avatar(strict, pass_unsure)
    return [
        _shot_plan(shot, survey, hide_others, faceless, people, people_by) for shot in survey.shots
    ]


def _states_without_avatar(strict: bool, pass_unsure: bool) -> tuple[Shown, Shown]:
    """Returns the states of a shot without any trace of a face, and of one without a clear face."""
    if strict:
        return Shown.CURTAIN, Shown.CURTAIN
    return Shown.PASSTHROUGH, Shown.PASSTHROUGH if pass_unsure else Shown.BLUR


def _shot_plan(
    shot: Shot,
    survey: Survey,
    hide_others: bool,
    faceless: tuple[Shown, Shown],
    people: int,
    by: SlotOrder,
) -> ShotPlan:
    tracks_of = wearers(shot.tracks, people)
    if not tracks_of:
        return ShotPlan(shot.frames, faceless[0] if shot.empty else faceless[1])
    slots = _slots(tracks_of, by)
    spans = spans_of(shot.frames, tracks_of[0], survey, slots[0])
    for tracks, slot in zip(tracks_of[1:], slots[1:], strict=True):
        spans += spans_of(presence(tracks, shot.frames, survey), tracks, survey, slot)
    worn = [track for tracks in tracks_of for track in tracks]
    unworn = [track for track in shot.tracks if track not in worn and hide_others]
    others = (
        *(track.heads() for track in unworn),
        *(head for track in unworn for head in track.witnessed_heads()),
    )
    heads = BesideHeads.of(shot, spans, others, survey.times, hide_others=hide_others)
    blurred = [*others, *heads.blurred]
    for head in (*others, *heads.blurred):
        blurred += doubtful_places(head, shot.frames, survey)
    beneath = heads_beneath(shot, spans, worn, survey.times)
    return ShotPlan(
        shot.frames, Shown.AVATAR, tuple(spans), tuple(blurred), heads.unexplained,
        heads.seen_once, beneath, shot.turn,
    )  # fmt: skip


def _slots(tracks_of: Sequence[Sequence[FaceTrack]], by: SlotOrder) -> list[int]:
    """Assigns a slot to each person."""
    first = [tracks[0].samples[0] for tracks in tracks_of]
    order = sorted(
        range(len(first)),
        key=lambda i: first[i].x if by == "place" else (first[i].index, -first[i].size),
    )
    return [order.index(i) for i in range(len(first))]


def others_at(shot_plan: ShotPlan, index: int, times: NDArray[np.float64]) -> list[Rect]:
    """Returns the regions that must be blurred in one frame: other heads, and those of wearers."""
    others = [_region(track, index) for track in shot_plan.others if track.is_covered(index, times)]
    beneath = shot_plan.beneath.get(index, ())
    return others + [region_at(x, y, width, BENEATH_MARGIN) for x, y, width in beneath]


def _region(track: HeadTrack, index: int) -> Rect:
    x, y, width = track.box(index).tolist()
    return region_at(x, y, width).grown(round(ROUGH_MARGIN * width) if track.is_rough else 0)
