"""A face in one frame of a film, in few numbers, and the tracks that such samples form."""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Face, Weights
from livecam.core.frame import Frame
from livecam.core.observation import Appearance, FaceBox
from livecam.core.spaces import (
    Quaternion,
    Vector3,
    conjugate,
    decompose,
    euler_deg,
    multiply,
    rotation_vector,
)
from livecam.filtering.width import WidthEstimate
from livecam.people.association import appearance_of
from livecam.people.offline import FrameDetections, link

# What is fast within STEP_S: a turn, a change of size (logarithm), a motion in face widths. On
# eight clips the sum of the three stays below 1.7; a hand before a face brings 2.4 to 4.
STEP_S = 0.04
QUICK_TURN_RAD, QUICK_GROWTH, QUICK_MOVE = float(np.radians(25)), 0.2, 0.25
MAX_RATE = 2.0
MAX_STEPS = 2.5  # after a longer time any pose is possible
MAX_OUTLIER_S = 0.25  # what lasts longer is real
OTHERS_MARGIN_S = 1.0  # other heads stay blurred so long before and after they were found
VELOCITY_S = 0.2  # over which the velocity of a head is measured
MAX_VELOCITY_S = 0.6  # and over which where it was found less often


@dataclass(frozen=True, slots=True, eq=False)
class FaceSample:
    """One face in one frame."""

    index: int  # of the frame
    x: float  # centre of the landmarks, pixels
    y: float
    size: float  # width of the face, or 3/4 of its height where that is more; pixels
    translation: Vector3
    rotation: Quaternion
    weights: Weights
    width_ratio: float
    outline: NDArray[np.float32]  # float32[36, 2], convex, around the landmarks; pixels
    landmarks: NDArray[np.float32]  # float32[478, 2], pixels
    measured: bool = True  # False: propagated from another frame
    appearance: Appearance | None = None

    @classmethod
    def of(cls, frame: Frame, face: Face) -> FaceSample:
        width, height = frame.size
        low = face.landmarks[:, :2].min(axis=0) * (width, height)
        high = face.landmarks[:, :2].max(axis=0) * (width, height)
        box = box_between(low, high)
        x, y, size = box.tolist()
        translation, rotation = decompose(face.camera_from_head)
        ratio = WidthEstimate().step(face, width, height, 0.0)
        outline = face.outline_px(width, height)
        weights = face.weights
        points = face.points_px(width, height)
        appearance = appearance_of(frame, box)
        return cls(
            frame.index, x, y, size, translation, rotation, weights, ratio, outline,
            points, True, appearance,
        )  # fmt: skip

    @property
    def box(self) -> FaceBox:
        return np.array((self.x, self.y, self.size), np.float64)

    @property
    def roll_rad(self) -> float:
        """How far the head is tilted, clockwise in the frame."""
        return -float(np.radians(euler_deg(self.rotation)[2]))


def box_between(low: NDArray[np.floating], high: NDArray[np.floating]) -> FaceBox:
    """Returns centre x, y and width of a face between two corners in pixels."""
    # The height of a turned face stays while its width shrinks.
    width = max(float(high[0] - low[0]), 0.75 * float(high[1] - low[1]), 1.0)
    return np.array((*(low + high) / 2, width), np.float64)


@dataclass(slots=True, eq=False)
class FaceTrack:
    """The samples of one face in one shot, in the order of the frames."""

    samples: list[FaceSample] = field(default_factory=list)
    # Where witnesses found its head in frames without a measured sample, and where the face should
    # have been; by the index of the frame.
    witnessed: dict[int, tuple[FaceBox, FaceBox]] = field(default_factory=dict)
    id: int = field(default_factory=itertools.count(1).__next__)

    @property
    def first(self) -> int:
        return self.samples[0].index

    @property
    def last(self) -> int:
        return self.samples[-1].index

    @property
    def prominence(self) -> float:
        """The product of time and size over which it was visible."""
        return sum(sample.size for sample in self.samples if sample.measured)

    @property
    def width_ratio(self) -> float:
        return float(np.median([sample.width_ratio for sample in self.samples]))

    def overlaps(self, other: FaceTrack) -> bool:
        return self.first <= other.last and other.first <= self.last

    def box(self, index: int) -> FaceBox:
        """Interpolates centre x, y and size at any frame, pixels; constant at the ends."""
        after = bisect_left(self.samples, index, key=_index)
        left = self.samples[max(after - 1, 0)]
        right = self.samples[min(after, len(self.samples) - 1)]
        span = right.index - left.index
        part = min(max((index - left.index) / span, 0.0), 1.0) if span else 0.0
        return left.box + part * (right.box - left.box)

    def heads(self, *, measured: bool = False) -> HeadTrack:
        """Returns the places alone: all, or where the face was measured."""
        samples = [sample for sample in self.samples if sample.measured or not measured]
        indices = np.array([sample.index for sample in samples])
        return HeadTrack(indices, np.array([sample.box for sample in samples]))

    def witnessed_heads(self) -> Iterator[HeadTrack]:
        """Yields where witnesses found the head, each stretch of frames for itself.

        Those at the ends of the track stay covered as long as any head.
        """
        measured = self.heads(measured=True)
        indices = np.array(sorted(self.witnessed), np.int64)
        for run in np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1):
            if not len(run):
                continue
            inner = measured.first < run[0] and run[-1] < measured.last
            boxes = np.array([self.witnessed[index][0] for index in run.tolist()])
            yield HeadTrack(run, boxes, 0.0 if inner else OTHERS_MARGIN_S, is_rough=True)

    def nearest(self, index: int) -> FaceSample:
        """Returns the sample that is nearest in time."""
        after = bisect_left(self.samples, index, key=_index)
        around = self.samples[max(after - 1, 0) : after + 1]
        return min(around, key=lambda sample: abs(sample.index - index))

    def add(self, sample: FaceSample) -> None:
        """Inserts a sample at its time."""
        insort(self.samples, sample, key=_index)

    def replace(self, sample: FaceSample) -> None:
        """Inserts a sample at its time, in place of the one that is there."""
        self.samples = [each for each in self.samples if each.index != sample.index]
        self.add(sample)


@dataclass(frozen=True, slots=True, eq=False)
class HeadTrack:
    """The places of one head in one shot, with or without a visible face."""

    indices: NDArray[np.int64]  # int64[n], of the frames in which it was found, rising
    boxes: NDArray[np.float64]  # float64[n, 3]: centre x, y and width of the face, pixels
    margin_s: float = OTHERS_MARGIN_S  # it stays covered so long before and after it was found
    is_rough: bool = False  # found by witnesses alone

    @property
    def first(self) -> int:
        return int(self.indices[0])

    @property
    def last(self) -> int:
        return int(self.indices[-1])

    def box(self, index: int) -> FaceBox:
        """Interpolates the box at any frame; constant at the ends."""
        return np.array([np.interp(index, self.indices, column) for column in self.boxes.T])

    def is_covered(self, index: int, times: NDArray[np.float64]) -> bool:
        """Whether it is covered in a frame."""
        first, last = times[self.first] - self.margin_s, times[self.last] + self.margin_s
        return bool(first <= times[index] <= last)

    def moved(self, index: int, times: NDArray[np.float64]) -> FaceBox:
        """Returns the box at any frame; at the ends it goes on as it moved before."""
        box = self.box(index)
        if not self.first <= index <= self.last:
            end, step = (0, 1) if index < self.first else (len(self.indices) - 1, -1)
            away_s = float(times[index] - times[self.indices[end]])
            box[:2] += away_s * self._velocity(end, step, times)
        return box

    def nearest(self, index: int) -> int:
        """Returns the frame that is nearest in time of those in which it was found."""
        after = int(np.searchsorted(self.indices, index))
        around = self.indices[max(after - 1, 0) : after + 1].tolist()
        return int(min(around, key=lambda known: abs(known - index)))

    def __contains__(self, index: int) -> bool:
        return self.nearest(index) == index

    def with_box(self, index: int, box: FaceBox) -> HeadTrack:
        """Returns the track with the place in one more frame."""
        at = int(np.searchsorted(self.indices, index))
        return HeadTrack(np.insert(self.indices, at, index), np.insert(self.boxes, at, box, axis=0))

    def by_frame(self) -> dict[int, tuple[FaceBox]]:
        return {i: (box,) for i, box in zip(self.indices.tolist(), self.boxes, strict=True)}

    def _velocity(self, end: int, step: int, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Measures the velocity at one of the finds, from those beside it in direction `step`."""
        at = times[self.indices]
        for window_s in (VELOCITY_S, MAX_VELOCITY_S):
            used = [end]
            while 0 <= (k := used[-1] + step) < len(at) and abs(at[k] - at[end]) <= window_s:
                used.append(k)
            if len(used) > 1:
                line = np.polynomial.polynomial.polyfit(at[used], self.boxes[used, :2], 1)
                return np.asarray(line[1], np.float64)
        return np.zeros(2)


@dataclass(slots=True)
class Shot:
    """A stretch of film without a cut, and the tracks in it."""

    frames: range
    tracks: list[FaceTrack]
    suspected: bool = False  # detections without a track: a face may be anywhere
    # Where witnesses found heads, and doubtful faces that none of them confirmed; by frame.
    heads: dict[int, tuple[FaceBox, ...]] = field(default_factory=dict)
    followed: list[HeadTrack] = field(default_factory=list)  # heads that no face track explains
    turn: int = 0  # degrees by which its frames are turned clockwise; all places are in those

    @property
    def mains(self) -> list[FaceTrack]:
        """The tracks of the main wearer, in the order of time."""
        return main_tracks(self.tracks)

    @property
    def empty(self) -> bool:
        return not self.tracks and not self.suspected and not self.heads

    def add_heads(self, found: Mapping[int, Sequence[FaceBox]]) -> None:
        """Notes those of its frames, given the heads of a whole film by the index of the frame."""
        for index in self.frames:
            if boxes := found.get(index):
                self.heads[index] = (*self.heads.get(index, ()), *boxes)


def inside(box: FaceBox, size: tuple[int, int]) -> FaceBox:
    """Returns a box with its centre in a frame of that size: half of a head is visible there."""
    return np.array((*np.clip(box[:2], 0, np.array(size) - 1.0), box[2]))


def main_tracks(tracks: Iterable[FaceTrack]) -> list[FaceTrack]:
    """Returns the tracks of the main wearer: those of the longest and largest face.

    Tracks before or after it are taken for the same person, lost for a while; a track that
    overlaps it in time is another person.
    """
    chosen: list[FaceTrack] = []
    for track in sorted(tracks, key=lambda each: -each.prominence):
        if not any(track.overlaps(other) for other in chosen):
            chosen.append(track)
    return sorted(chosen, key=lambda each: each.first)


def wearers(tracks: Iterable[FaceTrack], people: int) -> list[list[FaceTrack]]:
    """Returns the tracks of each wearer in order of time, the main wearer's first."""
    left, chosen = list(tracks), list[list[FaceTrack]]()
    while left and len(chosen) < people:
        chosen.append(main_tracks(left))
        left = [track for track in left if track not in chosen[-1]]
    return chosen


def link_samples(samples: Iterable[FaceSample], times: NDArray[np.float64]) -> list[FaceTrack]:
    """Links the samples of one shot to tracks, by the association that is used live.

    `samples` come in the order of their frames; `times` are the seconds of all frames.
    """
    by_frame: dict[int, list[FaceSample]] = {}
    for sample in samples:
        by_frame.setdefault(sample.index, []).append(sample)
    frames = (
        FrameDetections(
            index, float(times[index]), [s.box for s in found], [s.appearance for s in found]
        )
        for index, found in by_frame.items()
    )
    return [FaceTrack([by_frame[index][i] for index, i in track]) for track in link(frames)]


def tracks_of(samples: Iterable[FaceSample], times: NDArray[np.float64]) -> list[FaceTrack]:
    """Links the samples of one shot to tracks without outliers."""
    return [without_outliers(track, times) for track in link_samples(samples, times)]


def link_heads(
    heads: Mapping[int, Sequence[FaceBox]], times: NDArray[np.float64]
) -> list[HeadTrack]:
    """Links the heads of one shot, by the index of their frame, by the same association."""
    frames = (
        FrameDetections(index, float(times[index]), heads[index], [None] * len(heads[index]))
        for index in sorted(heads)
        if heads[index]
    )
    return [
        HeadTrack(np.array([i for i, _ in track]), np.array([heads[i][k] for i, k in track]))
        for track in link(frames)
    ]


def without_outliers(track: FaceTrack, times: NDArray[np.float64]) -> FaceTrack:
    """Removes short stretches that no head motion joins to the rest of the track.

    When something occludes a face, its landmarks are squeezed into the part that is still
    visible: for some frames the head seems to turn and shrink, faster than heads do.
    """
    stretches: list[list[FaceSample]] = [[]]
    jumpy = [False]
    for before, after in pairwise((track.samples[0], *track.samples)):
        jump = rate_of_change(before, after, times) > MAX_RATE
        if jump or after.index - before.index > 1:
            jumpy[-1] |= jump
            stretches.append([])
            jumpy.append(jump)
        stretches[-1].append(after)
    longest = max(stretches, key=len)
    kept = [
        sample
        for stretch, jumps in zip(stretches, jumpy, strict=True)
        if stretch is longest
        or not jumps
        or times[stretch[-1].index] - times[stretch[0].index] > MAX_OUTLIER_S
        for sample in stretch
    ]
    return FaceTrack(kept)


def rate_of_change(a: FaceSample, b: FaceSample, times: NDArray[np.float64]) -> float:
    """Computes how fast a face would have turned, grown and moved from a to b; 1 is fast."""
    steps = abs(float(times[b.index] - times[a.index])) / STEP_S
    return change(a, b) / min(max(steps, 1.0), MAX_STEPS)


def change(a: FaceSample, b: FaceSample) -> float:
    """Computes the difference of two poses, sizes and places; 1 is much for one step."""
    turned = rotation_vector(multiply(conjugate(a.rotation), b.rotation))
    away = float(np.hypot(a.x - b.x, a.y - b.y)) / max(a.size, b.size)
    growth = abs(float(np.log(a.size / b.size)))
    return (
        float(np.linalg.norm(turned)) / QUICK_TURN_RAD + growth / QUICK_GROWTH + away / QUICK_MOVE
    )


def _index(sample: FaceSample) -> int:
    return sample.index
