"""A face in one frame of a film, in few numbers, and the tracks that such samples form."""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
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
        return sum(sample.size for sample in self.samples)

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

    def heads(self) -> HeadTrack:
        """Returns the places alone."""
        indices = np.array([sample.index for sample in self.samples])
        return HeadTrack(indices, np.array([sample.box for sample in self.samples]))

    def nearest(self, index: int) -> FaceSample:
        """Returns the sample that is nearest in time."""
        after = bisect_left(self.samples, index, key=_index)
        around = self.samples[max(after - 1, 0) : after + 1]
        return min(around, key=lambda sample: abs(sample.index - index))

    def add(self, sample: FaceSample) -> None:
        """Inserts a sample at its time."""
        insort(self.samples, sample, key=_index)


@dataclass(frozen=True, slots=True, eq=False)
class HeadTrack:
    """The places of one head in one shot, with or without a visible face."""

    indices: NDArray[np.int64]  # int64[n], of the frames in which it was found, rising
    boxes: NDArray[np.float64]  # float64[n, 3]: centre x, y and width of the face, pixels

    @property
    def first(self) -> int:
        return int(self.indices[0])

    @property
    def last(self) -> int:
        return int(self.indices[-1])

    def box(self, index: int) -> FaceBox:
        """Interpolates the box at any frame; constant at the ends."""
        return np.array([np.interp(index, self.indices, column) for column in self.boxes.T])


@dataclass(slots=True)
class Shot:
    """A stretch of film without a cut, and the tracks in it."""

    frames: range
    tracks: list[FaceTrack]
    suspected: bool = False  # detections without a track: a face may be anywhere
    # Where witnesses found heads, and doubtful faces that none of them confirmed; by frame.
    heads: dict[int, tuple[FaceBox, ...]] = field(default_factory=dict)

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
