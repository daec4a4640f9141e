"""The first pass over a film: where the cuts are and which faces are in which frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.app.convert.carry import GapFiller, SmallPicture
from livecam.app.convert.second_look import SecondLook, plausible
from livecam.app.convert.shots import ShotFinder
from livecam.app.convert.sightings import (
    MOST_HASTE,
    MOST_STEPS,
    SLIP_S,
    Sighting,
    Track,
    change,
    link,
    main_tracks,
    without_slips,
)
from livecam.core.frame import Frame
from livecam.core.spaces import euler_deg
from livecam.media.reader import VideoInfo, VideoReader
from livecam.tracking.base import Tracker

# A face seen in fewer frames of its shot may be a mistake of the low thresholds: when there is
# no other in the shot it is hidden rather than worn.
FEWEST_HITS = 3
CLOSE_LOOK_S = 2.0  # so long after a face was seen its place is searched with enlarged views
SMALLER_S = 0.25  # how often small faces are looked for in a shot without any
FOLLOW_S = 0.5  # how long one that was found is looked for where it was

Advance = Callable[[int], None]  # told how many frames were done


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


@dataclass(frozen=True, slots=True)
class Survey:
    """What a film holds, in few numbers a frame."""

    info: VideoInfo
    times: NDArray[np.float64]  # float64[n], seconds, rising
    shots: list[Shot]


def survey(
    path: Path,
    tracker: Tracker,
    make_second_look: Callable[[], SecondLook],
    advance: Advance = lambda frames: None,
    opened: Advance = lambda frames: None,
) -> Survey:
    """Looks through a film, and a second time at the frames in which the face is missing.

    `opened` is told how many frames the file says it has, `advance` of each that was tracked.

    Raises:
        SourceError: the file cannot be read.
        TrackingError: a tracker broke.
    """
    finder, times = ShotFinder(), []
    seen: list[list[Sighting]] = []
    with VideoReader(path) as film:
        info = film.info
        opened(info.frames)
        for frame in film:
            finder.add(frame.image)
            found = tracker.track(frame).faces
            seen.append([Sighting.of(frame.index, face, *frame.size) for face in found])
            times.append(frame.captured_at)
            advance(1)
    at = np.array(times)
    shots = [
        Shot(frames, _tracks([sighting for i in frames for sighting in seen[i]], at))
        for frames in finder.shots()
    ]
    searches = [search for shot in shots if (search := _Search(shot, at)).missing]
    if searches:
        with make_second_look() as look:
            _search_again(path, look, searches)
    return Survey(info, at, shots)


def _tracks(sightings: list[Sighting], times: NDArray[np.float64]) -> list[Track]:
    return [without_slips(track, times) for track in link(sightings, times)]


def _search_again(path: Path, look: SecondLook, searches: list[_Search]) -> None:
    by_frame = {index: search for search in searches for index in search.shot.frames}
    last = max(by_frame)
    with VideoReader(path) as film:
        for frame in film:
            if frame.index in by_frame:
                by_frame[frame.index].look_at(frame, look)
            if frame.index >= last:
                break
    for search in searches:
        search.finish()


@dataclass(slots=True)
class _Search:
    """The second look at one shot; it is shown all frames of the shot in order."""

    shot: Shot
    times: NDArray[np.float64]
    missing: set[int] = field(init=False)
    mains: list[Track] = field(init=False)
    gap: GapFiller = field(init=False)
    strays: list[Sighting] = field(init=False, default_factory=list)
    suspects: list[NDArray[np.float64]] = field(init=False, default_factory=list)
    in_a_row: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.mains = self.shot.mains
        self.gap = GapFiller(self.times)
        known = {sighting.index for track in self.mains for sighting in track.sightings}
        self.missing = set(self.shot.frames) - known

    def look_at(self, frame: Frame, look: SecondLook) -> None:
        if not self.mains:
            self._look_for_any(frame, look)
            return
        track = self._present(frame.index) or self._found(frame, look)
        picture = SmallPicture.of(frame.index, frame.image)
        if track is None:
            self.gap.absent(picture)
        else:
            self.gap.present(track, picture, frame.size)

    def finish(self) -> None:
        self.gap.finish()
        fewest = min(FEWEST_HITS, len(self.shot.frames))
        found = link(self.strays, self.times)
        self.shot.tracks += [track for track in found if len(track.sightings) >= fewest]
        if not self.shot.tracks and found:
            self.shot.suspected = True

    def _present(self, index: int) -> Track | None:
        """The track that has the face in that frame."""
        if index in self.missing:
            return None
        return next(track for track in self.mains if track.nearest(index).index == index)

    def _found(self, frame: Frame, look: SecondLook) -> Track | None:
        """Searches the frame; the track that has the face there now."""
        found = look.anywhere(frame)
        for track in self.mains:
            expected = track.place(frame.index)
            near = [sighting for sighting in found if plausible(sighting, expected)]
            hit = near[0] if near else self._closer(frame, track, look)
            if hit is not None and self._credible(hit, track):
                track.add(hit)
                return track
        self.strays += [sighting for sighting in found if not self._known(sighting)]
        return None

    def _credible(self, hit: Sighting, track: Track) -> bool:
        """Whether the head can have come to that pose since it was seen, or go on from it.

        Soon after a slip the same picture would bring the same slip.
        """
        nearest = track.nearest(hit.index)
        away_s = abs(float(self.times[nearest.index] - self.times[hit.index]))
        return change(nearest, hit) < MOST_HASTE * (1.0 if away_s <= SLIP_S else MOST_STEPS)

    def _look_for_any(self, frame: Frame, look: SecondLook) -> None:
        found = look.anywhere(frame) or self._smaller(frame, look)
        self.strays += found
        if not found:
            self._suspect(look.boxes(frame))

    def _smaller(self, frame: Frame, look: SecondLook) -> list[Sighting]:
        """Follows a small face that was found, else looks for one a few times a second."""
        if self.strays:
            last = self.strays[-1]
            if self.times[frame.index] - self.times[last.index] < FOLLOW_S:
                roll_rad = -np.radians(euler_deg(last.rotation)[2])
                again = look.near(frame, last.place, float(roll_rad))
                return [again] if again is not None else []
        length_s = self.times[self.shot.frames[-1]] - self.times[self.shot.frames[0]]
        every = max(1, round(len(self.shot.frames) * min(SMALLER_S / max(length_s, 1e-9), 0.1)))
        due = (frame.index - self.shot.frames.start) % every == 0
        return look.smaller(frame) if due else []

    def _closer(self, frame: Frame, track: Track, look: SecondLook) -> Sighting | None:
        nearest = track.nearest(frame.index)
        if abs(self.times[nearest.index] - self.times[frame.index]) > CLOSE_LOOK_S:
            return None
        roll_rad = -np.radians(euler_deg(nearest.rotation)[2])
        return look.near(frame, track.place(frame.index), float(roll_rad))

    def _known(self, sighting: Sighting) -> bool:
        """Whether another track passes there at that time."""
        return any(
            track.first <= sighting.index <= track.last
            and plausible(sighting, track.place(sighting.index))
            for track in self.shot.tracks
        )

    def _suspect(self, boxes: list[NDArray[np.float64]]) -> None:
        """Believes the detector alone when it sees about the same in several frames running."""
        stays = any(
            np.hypot(*(box - before)[:2]) < max(box[2], before[2])
            for box in boxes
            for before in self.suspects
        )
        self.in_a_row = (self.in_a_row + 1 if stays else 1) if boxes else 0
        self.suspects = boxes
        if self.in_a_row >= min(FEWEST_HITS, len(self.shot.frames)):
            self.shot.suspected = True
