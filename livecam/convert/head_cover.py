"""The heads that are blurred beside and below the avatars of a shot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from livecam.compose.covers import FACE_HEIGHT
from livecam.convert.spans import WearerSpan
from livecam.convert.survey import Survey
from livecam.convert.tracks import (
    OTHERS_MARGIN_S,
    FaceTrack,
    HeadTrack,
    Shot,
    box_between,
    inside,
    link_heads,
)
from livecam.core.face import FaceState
from livecam.core.observation import FaceBox
from livecam.people.account import is_same_head
from livecam.people.association import distance

MIN_FINDS = 2  # of a head that no face track explains; it is searched in every frame around it
# A head may have moved on from where it was found last, by so many face widths or more, and in a
# longer gap it may have stayed for a while, at either end.
MIN_DRIFT, MAX_BLIND_S = 0.3, 0.5


@dataclass(frozen=True, slots=True)
class BesideHeads:
    """The heads of a shot that witnesses found beside the faces that are covered."""

    blurred: tuple[HeadTrack, ...]
    unexplained: tuple[HeadTrack, ...]  # the part of them that no face track explains
    seen_once: tuple[HeadTrack, ...]  # nothing beside them confirmed these: they may show

    @classmethod
    def of(
        cls,
        shot: Shot,
        spans: Sequence[WearerSpan],
        others: Sequence[HeadTrack],
        times: NDArray[np.float64],
        *,
        hide_others: bool,
    ) -> BesideHeads:
        """Links the heads that no avatar and no blur covers.

        Where others may show, those while a wearer is not measured: they may be the wearer's.
        """
        covered = _Covered(spans, others, times, hide_others)
        followed = [part for head in shot.followed if (part := covered.left_of(head)) is not None]
        covered = replace(covered, others=(*others, *followed))
        heads = {
            index: left
            for index, boxes in shot.heads.items()
            if (left := [box for box in boxes if covered.leaves(index, box)])
        }
        minimum = min(MIN_FINDS, len(shot.heads))
        found = [*followed, *link_heads(heads, times)]
        found = [replace(head, is_rough=True) for head in found]
        known = [head for head in found if _is_one_of(head, others, times)]
        lasting = [head for head in found if len(head.indices) >= minimum and head not in known]
        once = [head for head in found if head not in known and head not in lasting]
        return cls((*lasting, *known), tuple(lasting), tuple(once))


@dataclass(frozen=True, slots=True)
class _Covered:
    """What avatars and blurred heads cover."""

    spans: Sequence[WearerSpan]
    others: Sequence[HeadTrack]
    times: NDArray[np.float64]
    hide_others: bool

    def leaves(self, index: int, box: FaceBox) -> bool:
        """Returns whether a head must be blurred, as nothing else covers it."""
        present = [span for span in self.spans if index in span.frames]
        if not self.hide_others and all(span.measured_at(index) for span in present):
            return False
        blurred = [each.box(index) for each in self.others if each.is_covered(index, self.times)]
        return not any(is_same_head(box, _box(span.at(index))) for span in present) and not any(
            _hides(known, box) for known in blurred
        )

    def left_of(self, head: HeadTrack) -> HeadTrack | None:
        """Returns the part of a head's track that nothing else covers."""
        left = [self.leaves(index, box) for index, (box,) in head.by_frame().items()]
        return HeadTrack(head.indices[left], head.boxes[left]) if any(left) else None


def _is_one_of(head: HeadTrack, others: Sequence[HeadTrack], times: NDArray[np.float64]) -> bool:
    """Returns whether a head is always where another one is, as another witness sees it."""
    return all(
        any(is_same_head(box, each.box(i)) for each in others if each.is_covered(i, times))
        for i, (box,) in head.by_frame().items()
    )


def doubtful_places(head: HeadTrack, frames: range, survey: Survey) -> Iterator[HeadTrack]:
    """Yields where else a head may be while it is not found.

    Before and after it was found it may have moved on, to the edge of the frame at most, where
    half of it is visible; in a gap it may have stayed at either end.
    """
    times, size = survey.times, survey.size_at(frames.start)
    first, last = times[head.first] - head.margin_s, times[head.last] + head.margin_s
    begin, end = np.searchsorted(times, (first, last)).tolist()
    for indices in (
        np.arange(max(begin, frames.start), head.first),
        np.arange(head.last + 1, min(end, frames.stop)),
    ):
        if not len(indices):
            continue
        still = np.array([head.box(i) for i in indices])
        moved = np.array([inside(head.moved(i, times), size) for i in indices])
        if max(map(distance, still, moved)) > MIN_DRIFT:
            for places in (moved, (still + moved) / 2):
                yield HeadTrack(indices, places, 0.0, head.is_rough)
    for a, b in pairwise(head.indices.tolist()):
        blind = times[b] - times[a] > MAX_BLIND_S
        if blind and distance(head.box(a), head.box(b)) > MIN_DRIFT:
            for stay in (a, b):
                near = np.abs(times[a : b + 1] - times[stay]) <= OTHERS_MARGIN_S
                indices = a + np.flatnonzero(near)
                boxes = np.tile(head.box(stay), (len(indices), 1))
                yield HeadTrack(indices, boxes, 0.0, head.is_rough)


def heads_beneath(
    shot: Shot,
    spans: Sequence[WearerSpan],
    worn: Sequence[FaceTrack],
    times: NDArray[np.float64],
) -> dict[int, list[FaceBox]]:
    """Returns where the heads of wearers may be in the frames in which these were not measured.

    The avatar covers the likeliest place; that of another evidence is blurred below it, and
    so is a place that is a guess.
    """
    out: dict[int, list[FaceBox]] = {}
    by_id: dict[int | None, FaceTrack] = {track.id: track for track in worn}
    for span in spans:
        track, guesses = by_id[span.states[0].track_id], set(span.guesses())
        for index in (i for i in span.frames if not span.measured_at(i)):
            place = _box(span.at(index))
            heads = [box for box in shot.heads.get(index, ()) if is_same_head(box, place)]
            heads += _witnessed(track, index, times)
            if index in guesses:
                heads.append(place)
            if heads:
                out.setdefault(index, []).extend(heads)
    return out


def _witnessed(track: FaceTrack, index: int, times: NDArray[np.float64]) -> Sequence[FaceBox]:
    """Returns where the head of a wearer was found in a frame, else where shortly around it."""
    if index in track.witnessed:
        return track.witnessed[index]
    before = max((i for i in track.witnessed if i < index), default=index)
    after = min((i for i in track.witnessed if i > index), default=index)
    return [
        track.witnessed[i][0]
        for i in (before, after)
        if i in track.witnessed and abs(times[i] - times[index]) <= MAX_BLIND_S
    ]


def _hides(blurred: FaceBox, box: FaceBox) -> bool:
    """Returns whether the blur of one head hides another one."""
    away = float(np.hypot(*(box[:2] - blurred[:2])))
    return away + FACE_HEIGHT / 2 * float(box[2]) < float(blurred[2])


def _box(face: FaceState) -> FaceBox:
    """Returns centre x, y and width of a face in pixels, as `FaceSample` measures them."""
    assert face.outline_px is not None
    return box_between(face.outline_px.min(axis=0), face.outline_px.max(axis=0))
