"""A face in one frame of a film, in few numbers, and the chains that such sightings form."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Face, Quaternion, Vector3, Weights
from livecam.core.spaces import conjugate, decompose, multiply, rotation_vector
from livecam.filtering.width import WidthEstimate

# How far a face may have gone since it was last seen, in face widths, and how much it may have
# grown. After LONGEST_S without a sight waiting longer makes nothing more likely.
REACH, REACH_PER_S = 0.6, 8.0
GROWTH, GROWTH_PER_S = 1.4, 3.0
LONGEST_S = 0.25
# What is quick within STEP_S: a turn, a change of size (logarithm), a way in face widths. On the
# eight clips the sum of the three stays below 1.7; a hand before a face brings 2.4 to 4.
STEP_S = 0.04
QUICK_TURN_RAD, QUICK_GROWTH, QUICK_MOVE = float(np.radians(25)), 0.2, 0.25
MOST_HASTE = 2.0
MOST_STEPS = 2.5  # after a longer time a face may be anyhow
SLIP_S = 0.25  # what lasts longer is meant

SAME_FACE = 0.35  # two faces in one frame nearer than this, in face widths, are one


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
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
    measured: bool = True  # False: carried here from another frame

    @classmethod
    def of(cls, index: int, face: Face, width: int, height: int) -> Sighting:
        low = face.landmarks[:, :2].min(axis=0) * (width, height)
        high = face.landmarks[:, :2].max(axis=0) * (width, height)
        x, y = (low + high) / 2
        # The height of a turned face stays while its width shrinks.
        size = max(float(high[0] - low[0]), 0.75 * float(high[1] - low[1]), 1.0)
        translation, rotation = decompose(face.camera_from_head)
        ratio = WidthEstimate().step(face, width, height, 0.0)
        outline = face.outline_px(width, height)
        weights = face.weights
        points = face.points_px(width, height)
        return cls(
            index, float(x), float(y), size, translation, rotation, weights, ratio, outline, points
        )

    @property
    def place(self) -> NDArray[np.float64]:
        return np.array((self.x, self.y, self.size))


@dataclass(slots=True, eq=False)
class Track:
    """The sightings of one face in one shot, in the order of the frames."""

    sightings: list[Sighting] = field(default_factory=list)

    @property
    def first(self) -> int:
        return self.sightings[0].index

    @property
    def last(self) -> int:
        return self.sightings[-1].index

    @property
    def prominence(self) -> float:
        """Seen long and large."""
        return sum(sighting.size for sighting in self.sightings)

    @property
    def width_ratio(self) -> float:
        return float(np.median([sighting.width_ratio for sighting in self.sightings]))

    def overlaps(self, other: Track) -> bool:
        return self.first <= other.last and other.first <= self.last

    def place(self, index: int) -> NDArray[np.float64]:
        """Centre x, y and size at any frame, pixels: a straight line through gaps, held at the
        ends."""
        after = bisect_left(self.sightings, index, key=_index)
        left = self.sightings[max(after - 1, 0)]
        right = self.sightings[min(after, len(self.sightings) - 1)]
        span = right.index - left.index
        part = min(max((index - left.index) / span, 0.0), 1.0) if span else 0.0
        return left.place + part * (right.place - left.place)

    def nearest(self, index: int) -> Sighting:
        """The sighting that is nearest in time."""
        after = bisect_left(self.sightings, index, key=_index)
        around = self.sightings[max(after - 1, 0) : after + 1]
        return min(around, key=lambda sighting: abs(sighting.index - index))

    def add(self, sighting: Sighting) -> None:
        """Takes a sighting into its place in time."""
        insort(self.sightings, sighting, key=_index)


@dataclass(slots=True)
class Shot:
    """A stretch of film without a cut, and the faces in it."""

    frames: range
    tracks: list[Track]
    suspected: bool = False  # something looks like a face, but where it is from frame to frame

    @property
    def mains(self) -> list[Track]:
        """The face that wears the avatar, in the order of time."""
        return main_tracks(self.tracks)

    @property
    def empty(self) -> bool:
        return not self.tracks and not self.suspected


def main_tracks(tracks: Iterable[Track]) -> list[Track]:
    """The one who wears the avatar: the face seen longest and largest.

    Other faces that come before or after it are taken as the same person, lost for a while;
    a face beside it in the same span of frames is somebody else.
    """
    chosen: list[Track] = []
    for track in sorted(tracks, key=lambda each: -each.prominence):
        if not any(track.overlaps(other) for other in chosen):
            chosen.append(track)
    return sorted(chosen, key=lambda each: each.first)


def casts(tracks: Iterable[Track], people: int) -> list[list[Track]]:
    """The tracks of everybody who wears an avatar, the main one's first, each in order of time."""
    left, chosen = list(tracks), list[list[Track]]()
    while left and len(chosen) < people:
        chosen.append(main_tracks(left))
        left = [track for track in left if track not in chosen[-1]]
    return chosen


def link(sightings: Iterable[Sighting], times: NDArray[np.float64]) -> list[Track]:
    """Chains the sightings of one shot into tracks, nearest first.

    `sightings` come in the order of their frames; `times` are the seconds of all frames.
    """
    tracks: list[Track] = []
    by_frame: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        by_frame.setdefault(sighting.index, []).append(sighting)
    for together in by_frame.values():
        together = _distinct(together)
        pairs = sorted(
            (distance(track.sightings[-1], sighting), t, s)
            for t, track in enumerate(tracks)
            for s, sighting in enumerate(together)
            if reachable(track.sightings[-1], sighting, times)
        )
        taken: set[int] = set()
        grown: set[int] = set()
        for _, t, s in pairs:
            if t not in grown and s not in taken:
                tracks[t].sightings.append(together[s])
                grown.add(t)
                taken.add(s)
        tracks += [Track([sighting]) for s, sighting in enumerate(together) if s not in taken]
    return tracks


def without_slips(track: Track, times: NDArray[np.float64]) -> Track:
    """The track without short stretches that no head could have joined to the rest.

    When something passes before a face, its landmarks are squeezed into the part that still
    shows: for some frames the head seems to turn and shrink, faster than heads do.
    """
    stretches: list[list[Sighting]] = [[]]
    jumpy = [False]
    for before, after in pairwise((track.sightings[0], *track.sightings)):
        jump = haste(before, after, times) > MOST_HASTE
        if jump or after.index - before.index > 1:
            jumpy[-1] |= jump
            stretches.append([])
            jumpy.append(jump)
        stretches[-1].append(after)
    longest = max(stretches, key=len)
    kept = [
        sighting
        for stretch, jumps in zip(stretches, jumpy, strict=True)
        if stretch is longest
        or not jumps
        or times[stretch[-1].index] - times[stretch[0].index] > SLIP_S
        for sighting in stretch
    ]
    return Track(kept)


def haste(a: Sighting, b: Sighting, times: NDArray[np.float64]) -> float:
    """How quickly a face would have had to turn, grow and move from a to b; 1 is quick."""
    steps = abs(float(times[b.index] - times[a.index])) / STEP_S
    return change(a, b) / min(max(steps, 1.0), MOST_STEPS)


def change(a: Sighting, b: Sighting) -> float:
    """How differently a face is turned, how much larger and how far away; 1 is much at once."""
    turned = rotation_vector(multiply(conjugate(a.rotation), b.rotation))
    away = float(np.hypot(a.x - b.x, a.y - b.y)) / max(a.size, b.size)
    growth = abs(float(np.log(a.size / b.size)))
    return (
        float(np.linalg.norm(turned)) / QUICK_TURN_RAD + growth / QUICK_GROWTH + away / QUICK_MOVE
    )


def distance(a: Sighting, b: Sighting) -> float:
    """In widths of the larger face; another size counts too."""
    away = float(np.hypot(a.x - b.x, a.y - b.y)) / max(a.size, b.size)
    return away + abs(float(np.log(a.size / b.size)))


def reachable(a: Sighting, b: Sighting, times: NDArray[np.float64]) -> bool:
    """Whether one face can have moved from a to b."""
    gap_s = min(abs(float(times[b.index] - times[a.index])), LONGEST_S)
    away = float(np.hypot(a.x - b.x, a.y - b.y)) / max(a.size, b.size)
    growth = max(a.size / b.size, b.size / a.size)
    return away < REACH + REACH_PER_S * gap_s and growth < GROWTH + GROWTH_PER_S * gap_s


def _index(sighting: Sighting) -> int:
    return sighting.index


def _distinct(together: list[Sighting]) -> list[Sighting]:
    """One sighting a face: MediaPipe sometimes finds the same one twice."""
    out: list[Sighting] = []
    for sighting in sorted(together, key=lambda each: -each.size):
        if all(distance(sighting, other) > SAME_FACE for other in out):
            out.append(sighting)
    return out
