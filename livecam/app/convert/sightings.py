"""A face in one frame of a film, in few numbers, and the chains that such sightings form."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Face, Quaternion, Vector3, Weights
from livecam.core.spaces import decompose
from livecam.filtering.width import WidthEstimate

# How far a face may have gone since it was last seen, in face widths, and how much it may have
# grown. After LONGEST_S without a sight waiting longer makes nothing more likely.
REACH, REACH_PER_S = 0.6, 8.0
GROWTH, GROWTH_PER_S = 1.4, 3.0
LONGEST_S = 0.25
SAME_FACE = 0.35  # two faces in one frame nearer than this, in face widths, are one


@dataclass(frozen=True, slots=True)
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
        return cls(index, float(x), float(y), size, translation, rotation, weights, ratio, outline)

    @property
    def place(self) -> NDArray[np.float64]:
        return np.array((self.x, self.y, self.size))


@dataclass(slots=True)
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
        left, right, part = self._between(index)
        return left.place + part * (right.place - left.place)

    def outline(self, index: int) -> NDArray[np.float32]:
        """The outline at any frame, likewise."""
        left, right, part = self._between(index)
        return left.outline + np.float32(part) * (right.outline - left.outline)

    def _between(self, index: int) -> tuple[Sighting, Sighting, float]:
        """The sightings before and after a frame, and how far it is from one to the other."""
        after = bisect_left(self.sightings, index, key=_index)
        left = self.sightings[max(after - 1, 0)]
        right = self.sightings[min(after, len(self.sightings) - 1)]
        span = right.index - left.index
        return left, right, min(max((index - left.index) / span, 0.0), 1.0) if span else 0.0

    def nearest(self, index: int) -> Sighting:
        """The sighting that is nearest in time."""
        after = bisect_left(self.sightings, index, key=_index)
        around = self.sightings[max(after - 1, 0) : after + 1]
        return min(around, key=lambda sighting: abs(sighting.index - index))

    def add(self, sighting: Sighting) -> None:
        """Takes a sighting into its place in time."""
        insort(self.sightings, sighting, key=_index)


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
