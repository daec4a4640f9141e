"""The first pass over a film: finds its cuts and tracks its faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.convert.gap_search import GapSearch, search_again
from livecam.convert.head_following import follow_heads
from livecam.convert.head_search import HeadSearch
from livecam.convert.retry_detector import RetryDetector
from livecam.convert.shots import ShotFinder
from livecam.convert.tracks import FaceSample, FaceTrack, Shot, link_samples, without_outliers
from livecam.core.end_signals import checkpoint
from livecam.core.frame import MAX_SOURCE_PIXELS, check_shows_face, check_size
from livecam.media.reader import VideoInfo, VideoReader
from livecam.tracking.base import Tracker

Advance = Callable[[int], None]  # receives how many frames were done


@dataclass(frozen=True, slots=True)
class Survey:
    """The result of the first pass: shots and tracks, in few numbers a frame."""

    info: VideoInfo
    times: NDArray[np.float64]  # float64[n], seconds, rising
    shots: list[Shot]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames, pixels."""
        return self.info.width, self.info.height


def survey(
    path: Path,
    tracker: Tracker,
    make_retry_detector: Callable[[], RetryDetector],
    heads: HeadSearch | None = None,
    advance: Advance = lambda frames: None,
    opened: Advance = lambda frames: None,
) -> Survey:
    """Detects the faces of a film, and searches a second time where a face is missing.

    `heads` finds heads that the tracker misses; None searches by the tracker alone.
    `opened` receives how many frames the file announces, `advance` each that was tracked.

    Raises:
        SourceError: the file cannot be read, or its frames are too small to show a face.
        TrackingError: a tracker broke.
    """
    finder, times = ShotFinder(), []
    samples: list[list[FaceSample]] = []
    with VideoReader(path) as film:
        info = film.info
        check_shows_face(path.name, info.width, info.height)
        check_size(path.name, info.width, info.height, max_pixels=MAX_SOURCE_PIXELS)
        opened(info.frames)
        for frame in film:
            checkpoint()
            finder.add(frame.image)
            found = tracker.track(frame).faces
            samples.append([FaceSample.of(frame, face) for face in found])
            if heads is not None:
                faces = [sample.box for sample in samples[-1]]
                heads.search_when_due(frame, faces, finder.stamp)
            times.append(frame.captured_at)
            advance(1)
    at = np.array(times)
    shots = [
        Shot(frames, _tracks([sample for i in frames for sample in samples[i]], at))
        for frames in finder.shots()
    ]
    searches = [search for shot in shots if (search := GapSearch(shot, at, heads)).missing]
    if searches:
        with make_retry_detector() as detector:
            search_again(path, detector, searches)
    if heads is not None:
        certain = heads.heads()
        for shot in shots:
            shot.add_heads(certain)
        follow_heads(path, shots, at, (info.width, info.height), heads)
    return Survey(info, at, shots)


def _tracks(samples: list[FaceSample], times: NDArray[np.float64]) -> list[FaceTrack]:
    return [without_outliers(track, times) for track in link_samples(samples, times)]
