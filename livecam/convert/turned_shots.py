"""Tracks the shots in which persons lie or hang once more, in frames in which they are upright."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from livecam.convert.frames import frames_at
from livecam.convert.head_search import HeadSearch
from livecam.convert.shots import ShotFinder
from livecam.convert.tracks import FaceSample, FaceTrack, Shot, tracks_of
from livecam.convert.turn_search import turn_of
from livecam.convert.turns import Size, turned, turned_box
from livecam.core.frame import Frame
from livecam.core.observation import FaceBox, Observation
from livecam.core.overlap import ahead
from livecam.media.reader import VideoInfo
from livecam.people.account import is_same_head
from livecam.segmentation.witness import HeadWitness
from livecam.tracking.base import Tracker

MIN_FOUND = 0.9  # of the faces found before; else the turn is wrong, and the shot stays as it was
# Of a witness in frames in which persons lie or hang: their clothes gave false faces of 0.61 and
# 0.68 there, upright faces reach it in most frames.
MIN_OLD_SCORE = 0.8
MAX_ROLL_RAD = float(np.radians(60))  # of a head that is upright then


def tracked(frames: Iterable[Frame], make_tracker: Callable[[], Tracker]) -> Iterator[Observation]:
    """Tracks frames by a tracker that the thread makes which iterates."""
    with closing(make_tracker()) as tracker:
        for frame in frames:
            yield tracker.track(frame)


def faces_in(
    observation: Observation, finder: ShotFinder, heads: HeadSearch | None
) -> list[FaceSample]:
    """Returns the faces tracked in the next frame, and searches its heads when it is time."""
    frame = observation.frame
    finder.add(frame.image)
    samples = [FaceSample.of(frame, face) for face in observation.faces]
    if heads is not None:
        heads.search_when_due(frame, [sample.box for sample in samples], finder.stamp)
    return samples


@dataclass(slots=True)
class TurnedShot:
    """A shot whose persons seem to be upright in turned frames, and what was found in those."""

    shot: Shot
    turn: int  # degrees clockwise
    size: Size  # of the film's frames
    before: dict[int, tuple[HeadWitness, ...]]  # witnesses in frames that were not turned
    finder: ShotFinder = field(default_factory=ShotFinder)
    samples: list[FaceSample] = field(default_factory=list)

    @classmethod
    def of(
        cls, shot: Shot, turns: Mapping[int, int], sizes: Sequence[Size], heads: HeadSearch | None
    ) -> TurnedShot | None:
        """Returns the shot if its persons lie or hang; its witnesses are taken out."""
        turn = turn_of(shot.frames, turns)
        if not turn:
            return None
        before = {} if heads is None else heads.take_out(shot.frames)
        return cls(shot, turn, sizes[shot.frames.start], before)

    def look(self, observation: Observation, heads: HeadSearch | None) -> None:
        """Looks at the next frame of the shot, turned."""
        self.samples += faces_in(observation, self.finder, heads)

    def finish(self, times: NDArray[np.float64], heads: HeadSearch | None) -> None:
        """Turns the shot if its faces were found so; nothing that was found before is lost."""
        if not self._is_right():
            if heads is not None:
                heads.take_out(self.shot.frames)
                heads.put_in(self.before)
            return
        tracks, old = tracks_of(self.samples, times), self.shot.tracks
        self.shot.turn, self.shot.tracks = self.turn, tracks
        self.shot.add_heads(self._unexplained(old, tracks))
        if heads is not None:
            heads.put_in({i: self._turned_heads(found) for i, found in self.before.items()})

    def _is_right(self) -> bool:
        before = sum(len(track.samples) for track in self.shot.tracks)
        if not self.samples or len(self.samples) < MIN_FOUND * before:
            return False
        rolls = [abs(sample.roll_rad) for sample in self.samples]
        return float(np.median(rolls)) < MAX_ROLL_RAD

    def _unexplained(
        self, old: Sequence[FaceTrack], new: Sequence[FaceTrack]
    ) -> dict[int, list[FaceBox]]:
        """Returns the faces found before that no new track explains, by the index of the frame."""
        out: dict[int, list[FaceBox]] = {}
        for sample in (sample for track in old for sample in track.samples):
            box = turned_box(sample.box, self.size, self.turn)
            if not any(is_same_head(box, track.box(sample.index)) for track in new):
                out.setdefault(sample.index, []).append(box)
        return out

    def _turned_heads(self, found: Sequence[HeadWitness]) -> list[HeadWitness]:
        # Bodies that are not upright give false heads.
        return [
            replace(head, box=turned_box(head.box, self.size, self.turn))
            for head in found
            if head.kind == "face" and head.score >= MIN_OLD_SCORE
        ]


def look_again(
    info: VideoInfo,
    shots: Sequence[TurnedShot],
    times: NDArray[np.float64],
    make_tracker: Callable[[], Tracker],
    heads: HeadSearch | None,
) -> None:
    """Tracks shots of a film again, in turned frames; they are turned where that is better."""
    by_frame = {index: each for each in shots for index in each.shot.frames}
    with frames_at(info, by_frame) as frames:
        turning = (turned(frame, by_frame[frame.index].turn) for frame in frames)
        with ahead(tracked(turning, make_tracker)) as observations:
            for observation in observations:
                by_frame[observation.frame.index].look(observation, heads)
    for each in shots:
        each.finish(times, heads)
