"""Follows heads through the frames in which nothing found them so far.

The tracker and the first search leave gaps: a face in profile, a person who comes in at the edge,
a small head. Each head is searched in every frame near those in which it was found, in squares
around the place where it is expected, and there a weak score is evidence enough. What is found
becomes a sample of its track, or a head of the shot, and is followed in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from livecam.convert.frames import frames_at
from livecam.convert.head_search import HeadSearch
from livecam.convert.propagation import between, moved_to
from livecam.convert.tracks import (
    OTHERS_MARGIN_S,
    FaceTrack,
    HeadTrack,
    Shot,
    inside,
    link_heads,
    wearers,
)
from livecam.convert.turns import turned, turned_size
from livecam.core.frame import Frame
from livecam.core.observation import FaceBox
from livecam.media.reader import VideoInfo
from livecam.people.account import is_same_head
from livecam.people.association import distance, growth
from livecam.segmentation.witness import HeadWitness

MAX_PASSES = 6  # over the film; each follows what the one before has found
# How far from the expected place a head may be found, in face widths: a weak one, and a certain
# one, which may be further away the longer it was not found.
MAX_WEAK_DISTANCE = 0.7
MAX_DISTANCE, DISTANCE_PER_S, MAX_WAIT_S = 0.7, 16.0, 0.1  # who walks does 10 a second
MAX_GROWTH = 0.5  # of its size, logarithm
WEAK_S = 1.0  # so long from a certain one weak ones count
# Of a head, or a part of one, that is that of another track.
MAX_TAKEN_DISTANCE, MAX_TAKEN_GROWTH = 0.5, 1.2
SEARCHED_AGAIN = 1.0  # when it is expected so far from where it was searched, in face widths
BESIDE_S = 0.15  # so near in time to a find a head is where it was found
# A witness of a face in profile lies up to so far from where its landmarks would be; the motion of
# its texture and the frames around it know the place better than that.
SLACK, SIZE_SLACK = 0.2, 0.2


def follow_heads(
    info: VideoInfo,
    shots: Sequence[Shot],
    times: NDArray[np.float64],
    sizes: Sequence[tuple[int, int]],
    heads: HeadSearch,
) -> None:
    """Follows the heads of the shots with a face; their tracks and heads grow.

    `times` and `sizes` are those of all frames of the film; a shot has one size.
    """
    followed = [
        HeadFollower(shot, times, turned_size(sizes[shot.frames.start], shot.turn), heads)
        for shot in shots
        if shot.tracks
    ]
    for _ in range(MAX_PASSES):
        for each in followed:
            each.link()
        by_frame = {index: each for each in followed for index in each.wanted()}
        if not by_frame:
            break
        with frames_at(info, by_frame) as frames:
            for frame in frames:
                by_frame[frame.index].search(frame)
    for each in followed:
        each.link()
    for each in followed:
        each.finish()


@dataclass(slots=True, eq=False)
class HeadPath:
    """One head: where it was found, and the frames through which it may be followed."""

    places: HeadTrack
    limits: range
    times: NDArray[np.float64]
    size: tuple[int, int]
    track: FaceTrack | None = None  # None: no face track explains it
    certain: HeadTrack = field(init=False)  # those of the places that are no weak finds
    searched: dict[int, FaceBox] = field(default_factory=dict)  # where, by the index of the frame

    def __post_init__(self) -> None:
        self.certain = self.places

    def is_missing(self, index: int) -> bool:
        """Whether it was not found in a frame, but near it."""
        away_s = self._away_s(index)
        return index in self.limits and 0 < away_s <= OTHERS_MARGIN_S

    def missing(self) -> list[int]:
        """Returns the frames in which it is missing."""
        known, frames = self.places.indices, np.array(self.limits)
        after = np.searchsorted(known, frames).clip(max=len(known) - 1)
        around = self.times[known[[(after - 1).clip(min=0), after]]]
        away_s = np.abs(around - self.times[frames]).min(axis=0)
        missing: list[int] = frames[(away_s > 0) & (away_s <= OTHERS_MARGIN_S)].tolist()
        return missing

    def wanted(self) -> Iterator[int]:
        """Yields the frames in which it is missing and was not searched, or somewhere else."""
        for index in self.missing():
            before = self.searched.get(index)
            if before is None or distance(before, self.expected(index)) > SEARCHED_AGAIN:
                yield index

    def expected(self, index: int) -> FaceBox:
        return inside(self.places.moved(index, self.times), self.size)

    def explains(self, index: int, box: FaceBox) -> bool:
        """Returns whether a head is this one, which was found in that frame or right beside it."""
        return self._away_s(index) <= BESIDE_S and is_same_head(box, self.places.box(index))

    def take(self, index: int, candidates: Iterable[HeadWitness]) -> None:
        """Takes the candidate that fits best, if one is near enough to where it is expected."""
        expected, certain = self.expected(index), self.certain.box(index)
        weak = _away_s(self.certain, index, self.times) <= WEAK_S
        limit = MAX_DISTANCE + DISTANCE_PER_S * min(self._away_s(index), MAX_WAIT_S)
        fitting = [
            head
            for head in candidates
            if (head.is_certain or weak)
            and distance(head.box, expected) < (limit if head.is_certain else MAX_WEAK_DISTANCE)
            and max(growth(head.box, expected), growth(head.box, certain)) < MAX_GROWTH
        ]
        if fitting:
            best = min(
                fitting, key=lambda head: distance(head.box, expected) + growth(head.box, expected)
            )
            self.places = self.places.with_box(index, best.box)
            if best.is_certain:
                self.certain = self.certain.with_box(index, best.box)

    def _away_s(self, index: int) -> float:
        return _away_s(self.places, index, self.times)


class HeadFollower:
    """Follows the heads of one shot."""

    def __init__(
        self, shot: Shot, times: NDArray[np.float64], size: tuple[int, int], heads: HeadSearch
    ) -> None:
        self._shot, self._times, self._size, self._heads = shot, times, size, heads
        self._mains = shot.mains
        self._candidates: dict[int, list[HeadWitness]] = {}
        self._faces = [
            HeadPath(track.heads(measured=True), limits, times, size, track)
            for chain in wearers(shot.tracks, len(shot.tracks))
            for track, limits in zip(chain, _limits(chain, shot.frames), strict=True)
        ]
        self._others: list[HeadPath] = []
        self._seen: set[HeadWitness] = set()

    def wanted(self) -> set[int]:
        """Returns the frames in which a head is to be searched."""
        return {index for path in (*self._faces, *self._others) for index in path.wanted()}

    def search(self, frame: Frame) -> None:
        """Searches a frame of the film for each head that is missing in it."""
        frame = turned(frame, self._shot.turn)
        index = frame.index
        for path in (*self._faces, *self._others):
            if path.is_missing(index):
                self._search(frame, path)
                self._extend(path, index)

    def link(self) -> None:
        """Extends the heads backwards and forwards, and begins those that nothing explains."""
        for path in (*self._faces, *self._others):
            missing = [index for index in path.missing() if index in self._candidates]
            for index in (*reversed(missing), *missing):
                self._extend(path, index)
        self._begin()

    def finish(self) -> None:
        """Gives the places to the tracks, and those of heads without a track to the shot."""
        for path in self._faces:
            assert path.track is not None
            add_witnessed(path.track, path.places, path.certain, self._size)
        self._shot.followed += [path.places for path in self._others]

    def _search(self, frame: Frame, path: HeadPath) -> None:
        index, expected = frame.index, path.expected(frame.index)
        path.searched[index] = expected
        known = list(self._heads.found.get(index, ()))
        candidates = self._candidates.setdefault(index, known)
        roll_rad = 0.0 if path.track is None else path.track.nearest(index).roll_rad
        candidates += self._heads.near(frame, expected, roll_rad)
        if path.track is None and index not in self._heads.found:
            candidates += self._heads.bodies(frame)

    def _extend(self, path: HeadPath, index: int) -> None:
        if not path.is_missing(index):
            return
        taken = [
            each.places.box(index)
            for each in self._faces
            if each is not path and index in each.places
        ]
        path.take(
            index,
            [
                head
                for head in self._candidates[index]
                # The head of a body is too far off to correct the place of a face.
                if (head.kind == "face" or path.track is None)
                and not any(_is_taken(head.box, box) for box in taken)
            ],
        )

    def _begin(self) -> None:
        """Begins to follow the certain heads that nothing explains."""
        found = {
            index: [head for head in self._heads.found.get(index, ()) if self._is_new(index, head)]
            for index in self._shot.frames
        }
        self._seen.update(head for heads in found.values() for head in heads)
        tracks = link_heads(
            {i: [head.box for head in each] for i, each in found.items()}, self._times
        )
        for track in sorted(tracks, key=lambda each: -len(each.indices)):
            boxes = track.by_frame().items()
            # The other witness may have found the same head.
            if not all(any(path.explains(i, box) for path in self._others) for i, (box,) in boxes):
                self._others.append(HeadPath(track, self._shot.frames, self._times, self._size))

    def _is_new(self, index: int, head: HeadWitness) -> bool:
        if not head.is_certain or head in self._seen:
            return False
        worn = (track.box(index) for track in self._mains)
        return not any(is_same_head(head.box, box) for box in worn) and not any(
            path.explains(index, head.box) for path in (*self._faces, *self._others)
        )


def add_witnessed(
    track: FaceTrack, places: HeadTrack, certain: HeadTrack, size: tuple[int, int]
) -> None:
    """Adds to a track where its head was found, in frames in which it has no measured sample.

    Certain witnesses correct the place of the face, weak ones say where it may be.
    """
    measured = [sample for sample in track.samples if sample.measured]
    known = {sample.index: sample for sample in track.samples}
    for index in places.indices.tolist():
        base = known.get(index) or between(measured, index)
        if base.measured:
            continue
        found = places.box(index)
        track.witnessed[index] = (found, base.box)
        if index in certain:
            track.replace(moved_to(base, index, _corrected(base.box, found), size))


def _away_s(places: HeadTrack, index: int, times: NDArray[np.float64]) -> float:
    return abs(float(times[places.nearest(index)] - times[index]))


def _corrected(base: FaceBox, found: FaceBox) -> FaceBox:
    """Returns a place not further than SLACK from where it was found, and no smaller."""
    away = found[:2] - base[:2]
    excess = max(0.0, 1 - SLACK * float(base[2]) / max(float(np.hypot(*away)), 1e-9))
    grown = max(0.0, float(np.log(found[2] / base[2])) - SIZE_SLACK)
    return np.array((*(base[:2] + excess * away), base[2] * np.exp(grown)))


def _is_taken(box: FaceBox, by: FaceBox) -> bool:
    return distance(box, by) < MAX_TAKEN_DISTANCE and growth(box, by) < MAX_TAKEN_GROWTH


def _limits(chain: Sequence[FaceTrack], frames: range) -> list[range]:
    """Returns the frames of each track of one person: two meet in the middle between them."""
    ends = [(a.last + b.first) // 2 + 1 for a, b in pairwise(chain)]
    return [range(*pair) for pair in pairwise((frames.start, *ends, frames.stop))]
