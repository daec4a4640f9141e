"""The first pass over a film: finds its cuts and tracks its faces.

Parts of a film can be surveyed at once, in any process; what needs the whole film comes after.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from livecam.convert.gap_search import GapSearch, search_again
from livecam.convert.head_following import follow_heads
from livecam.convert.head_search import HeadSearch
from livecam.convert.person_search import PersonSearch
from livecam.convert.retry_detector import RetryDetector
from livecam.convert.shots import FLASH, OVERLAP, ShotFinder
from livecam.convert.tracks import FaceSample, Shot, tracks_of
from livecam.convert.turn_search import TurnSearch
from livecam.convert.turned_shots import TurnedShot, faces_in, look_again, tracked
from livecam.convert.turns import turned_size
from livecam.core.end_signals import checkpoint
from livecam.core.frame import MAX_SOURCE_PIXELS, Frame, check_shows_face, check_size
from livecam.core.overlap import ahead
from livecam.media.reader import VideoInfo, VideoReader
from livecam.media.stills import open_pictures
from livecam.segmentation.witness import HeadWitness
from livecam.tracking.base import Tracker

Found = TypeVar("Found")
Advance = Callable[[int], None]  # receives how many frames were done

WHOLE = range(sys.maxsize)  # all frames of a film, however many
WARM_UP_S = 1.0  # of the film, that is tracked before a part of it


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


@dataclass(frozen=True, slots=True)
class SurveyPart:
    """What was found in successive frames of a film, to be joined with what is before and after."""

    info: VideoInfo
    times: list[float]  # seconds, of each frame
    sizes: list[tuple[int, int]]
    samples: list[list[FaceSample]]
    cuts: ShotFinder
    heads: dict[int, tuple[HeadWitness, ...]]  # by the index of the frame
    turns: dict[int, int]  # degrees, likewise
    end_s: float  # of the film, if these are its last frames
    missing: int  # likewise


def survey_part(
    path: Path,
    frames: range,
    make_tracker: Callable[[], Tracker],
    heads: HeadSearch | None = None,
    turns: TurnSearch | None = None,
    advance: Advance = lambda frames: None,
    opened: Advance = lambda frames: None,
    rotate: int = 0,
) -> SurveyPart:
    """Detects the faces in some frames of a film; one thread decodes them, another one tracks.

    Some frames before them are tracked too, so that the faces are those that one pass over the
    whole film finds. The last part has no end: files do not always know how many frames they hold.

    `heads` finds heads that the tracker misses; None searches by the tracker alone. `rotate` turns
    the film clockwise by so many degrees; `turns` finds frames in which persons lie or hang.
    `opened` receives how many frames the file announces, `advance` each that was tracked.

    Raises:
        SourceError: the file cannot be read, or its frames are too small to show a face.
        TrackingError: a tracker broke.
    """
    finder, times = ShotFinder(), list[float]()
    sizes, samples = list[tuple[int, int]](), list[list[FaceSample]]()
    with open_pictures(path, rotate=rotate) as film:
        info = film.info
        check_shows_face(path.name, info.width, info.height)
        opened(info.frames)
        begin = max(0, frames.start - max(OVERLAP, round(WARM_UP_S * info.rate)))
        read = _read(film, begin, frames.stop + FLASH)
        with ahead(read) as decoded, ahead(tracked(decoded, make_tracker)) as observations:
            for observation in observations:
                frame = observation.frame
                if frame.index >= frames.stop:  # tells whether there is a cut at the end
                    finder.add(frame.image)
                    continue
                samples.append(faces_in(observation, finder, heads))
                if turns is not None:
                    faces = [sample.box for sample in samples[-1]]
                    turns.search_when_due(frame, faces, finder.may_cut)
                times.append(frame.captured_at)
                sizes.append(frame.size)
                advance(int(frame.index >= frames.start))
        end_s, missing = film.end_s, film.missing
    finder.finish()
    before = min(frames.start - begin, len(times))
    return SurveyPart(
        info,
        times[before:],
        sizes[before:],
        samples[before:],
        finder.part(range(before, len(times))),
        _within(frames, {} if heads is None else heads.found),
        _within(frames, {} if turns is None else turns.found),
        end_s,
        missing,
    )


def join_survey(
    parts: Sequence[SurveyPart],
    make_tracker: Callable[[], Tracker],
    make_retry_detector: Callable[[], RetryDetector],
    heads: HeadSearch | None = None,
    persons: PersonSearch | None = None,
) -> Survey:
    """Joins the parts of a film, in order, and searches a second time where a face is missing.

    `heads` searches for heads again, and has no finds of its own; `persons` looks for a person
    where no face was found. Shots in which persons lie or hang are tracked in turned frames.

    Raises:
        SourceError: the file cannot be read any more.
        TrackingError: a tracker broke.
    """
    info, last = parts[0].info, parts[-1]
    at = np.array([time for part in parts for time in part.times])
    sizes = [size for part in parts for size in part.sizes]
    samples = [found for part in parts for found in part.samples]
    shots = [
        Shot(frames, tracks_of([sample for i in frames for sample in samples[i]], at))
        for frames in ShotFinder.joined([part.cuts for part in parts]).shots()
    ]
    if heads is not None:
        heads.found = {index: found for part in parts for index, found in part.heads.items()}
    turns = {index: turn for part in parts for index, turn in part.turns.items()}
    lying = [again for shot in shots if (again := TurnedShot.of(shot, turns, sizes, heads))]
    if lying:
        look_again(info, lying, at, make_tracker, heads)
    searches = [search for shot in shots if (search := GapSearch(shot, at, heads, persons)).missing]
    if searches:
        with make_retry_detector() as detector:
            search_again(info, detector, searches)
    if heads is not None:
        certain = heads.heads()
        for shot in shots:
            shot.add_heads(certain)
        follow_heads(info, shots, at, sizes, heads)
    return Survey(info, at, np.array(sizes), shots, last.end_s, last.missing)


def _read(film: VideoReader, start: int, stop: int) -> Iterator[Frame]:
    """Yields some frames of a film.

    Raises:
        SourceError: one is too large.
    """
    size = (0, 0)
    for frame in film.frames_from(start):
        checkpoint()
        if frame.index >= stop:
            return
        if frame.size != size:
            size = frame.size
            check_size(film.path.name, *size, max_pixels=MAX_SOURCE_PIXELS)
        yield frame


def _within(frames: range, found: Mapping[int, Found]) -> dict[int, Found]:
    """Returns what was found in these frames."""
    return {index: each for index, each in found.items() if index in frames}
