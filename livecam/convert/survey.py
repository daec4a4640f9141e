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
from livecam.convert.person_search import PersonSearch
from livecam.convert.retry_detector import RetryDetector
from livecam.convert.shots import ShotFinder
from livecam.convert.tracks import FaceSample, Shot, tracks_of
from livecam.convert.turn_search import TurnSearch
from livecam.convert.turned_shots import TurnedShot, faces_in, look_again
from livecam.convert.turns import turned_size
from livecam.core.end_signals import checkpoint
from livecam.core.frame import MAX_SOURCE_PIXELS, check_shows_face, check_size
from livecam.media.reader import VideoInfo
from livecam.media.stills import open_pictures
from livecam.tracking.base import Tracker

Advance = Callable[[int], None]  # receives how many frames were done


@dataclass(frozen=True, slots=True)
class Survey:
    """The result of the first pass: shots and tracks, in few numbers a frame."""

    info: VideoInfo
    times: NDArray[np.float64]  # float64[n], seconds, rising, the first is 0
    sizes: NDArray[np.int64]  # int64[n, 2], width and height of each frame; one in a shot
    shots: list[Shot]
    end_s: float = 0.0  # when the last frame is over
    missing: int = 0  # frames that the file announces and that could not be read

    def size_at(self, index: int) -> tuple[int, int]:
        """Returns width and height of a frame, turned as its shot, in pixels."""
        turn = next((shot.turn for shot in self.shots if index in shot.frames), 0)
        width, height = self.sizes[index].tolist()
        return turned_size((width, height), turn)

    def duration_at(self, index: int) -> float:
        """Returns how long a frame is shown, in seconds."""
        ends = self.times[index + 1] if index + 1 < len(self.times) else self.end_s
        return max(0.0, float(ends - self.times[index]))

    @property
    def size(self) -> tuple[int, int]:
        """The size that frames have for most of the time."""
        shown: dict[tuple[int, int], float] = {}
        for index, (width, height) in enumerate(self.sizes.tolist()):
            size = (width, height)
            shown[size] = shown.get(size, 0.0) + self.duration_at(index)
        return max(shown, key=lambda size: shown[size])


def survey(
    path: Path,
    tracker: Tracker,
    make_retry_detector: Callable[[], RetryDetector],
    heads: HeadSearch | None = None,
    persons: PersonSearch | None = None,
    advance: Advance = lambda frames: None,
    opened: Advance = lambda frames: None,
    rotate: int = 0,
    turns: TurnSearch | None = None,
) -> Survey:
    """Detects the faces of a film, and searches a second time where a face is missing.

    `heads` finds heads that the tracker misses, `persons` looks for a person where no face was
    found; None searches by the tracker alone.
    `opened` receives how many frames the file announces, `advance` each that was tracked.
    `rotate` turns the film clockwise by so many degrees; `turns` finds shots in which persons lie
    or hang, which are then tracked in turned frames.

    Raises:
        SourceError: the file cannot be read, or its frames are too small to show a face.
        TrackingError: a tracker broke.
    """
    finder, times = ShotFinder(), []
    sizes: list[tuple[int, int]] = []
    samples: list[list[FaceSample]] = []
    with open_pictures(path, rotate=rotate) as film:
        info = film.info
        check_shows_face(path.name, info.width, info.height)
        opened(info.frames)
        for frame in film:
            checkpoint()
            if not sizes or frame.size != sizes[-1]:
                check_size(path.name, *frame.size, max_pixels=MAX_SOURCE_PIXELS)
            samples.append(faces_in(frame, tracker, finder, heads))
            if turns is not None:
                faces = [sample.box for sample in samples[-1]]
                turns.search_when_due(frame, faces, finder.may_cut)
            times.append(frame.captured_at)
            sizes.append(frame.size)
            advance(1)
        end_s, missing = film.end_s, film.missing
    at = np.array(times)
    shots = [
        Shot(frames, tracks_of([sample for i in frames for sample in samples[i]], at))
        for frames in finder.shots()
    ]
    if turns is not None:
        lying = [again for shot in shots if (again := TurnedShot.of(shot, turns, sizes, heads))]
        look_again(info, lying, at, tracker, heads)
    searches = [search for shot in shots if (search := GapSearch(shot, at, heads, persons)).missing]
    if searches:
        with make_retry_detector() as detector:
            search_again(info, detector, searches)
    if heads is not None:
        certain = heads.heads()
        for shot in shots:
            shot.add_heads(certain)
        follow_heads(info, shots, at, sizes, heads)
    return Survey(info, at, np.array(sizes), shots, end_s, missing)
