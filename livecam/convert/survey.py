"""The first pass over a film: where the cuts are and which faces are in which frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.convert.search import Search, search_again
from livecam.convert.second_look import SecondLook
from livecam.convert.shots import ShotFinder
from livecam.convert.sightings import Shot, Sighting, Track, link, without_slips
from livecam.media.reader import VideoInfo, VideoReader
from livecam.tracking.base import Tracker

Advance = Callable[[int], None]  # told how many frames were done


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
    searches = [search for shot in shots if (search := Search(shot, at)).missing]
    if searches:
        with make_second_look() as look:
            search_again(path, look, searches)
    return Survey(info, at, shots)


def _tracks(sightings: list[Sighting], times: NDArray[np.float64]) -> list[Track]:
    return [without_slips(track, times) for track in link(sightings, times)]
