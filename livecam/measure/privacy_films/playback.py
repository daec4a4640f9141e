"""Plays a film as `livecam run` and `livecam convert` would, in one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from livecam.config.settings import Settings
from livecam.convert.build import Surveyor, plan_film
from livecam.convert.film import ConvertedFrame, FilmComposer
from livecam.convert.film_segmentation import FilmSegmentation
from livecam.convert.plan import ShotPlan
from livecam.convert.survey import Survey
from livecam.core.face import Face
from livecam.core.frame import Frame
from livecam.core.observation import HeadEvidence, Observation
from livecam.core.timing import StageTimer
from livecam.live.governor import Governor
from livecam.live.witness_search import WitnessSearch
from livecam.measure.late_results import LateResults
from livecam.people.account import known_heads
from livecam.people.tracker import primary_track
from livecam.pipeline.build import (
    avatars_of,
    compositor_factory,
    output_info,
    people_tracker,
    segmenter_factory,
    tracker_factory,
    witness_factory,
)
from livecam.pipeline.face_following import FaceFollowing
from livecam.pipeline.pipeline import Inputs, Pipeline, Published
from livecam.pipeline.states import Shown
from livecam.render.context import Graphics
from livecam.segmentation.base import PersonMask, Segmentation
from livecam.segmentation.segmenter import Segmenter
from livecam.segmentation.witness import WitnessDetector
from livecam.sources.base import SourceInfo

Alignment = Literal["aligned", "newest"]
ALIGNMENTS: tuple[Alignment, ...] = ("aligned", "newest")


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """What was published after one frame was tracked."""

    index: int  # of the tracked frame
    faces: tuple[Face, ...]
    published: dict[Alignment, Published]


class SegmentationSchedule:
    """Segments periodically; each result arrives late, as that of the worker does."""

    def __init__(self, segmenter: Segmenter, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._segmenter = segmenter
        self._results = LateResults[Segmentation]()
        self._newest: Segmentation | None = None

    def newest(self) -> Segmentation | None:
        return self._newest

    def observe(self, observation: Observation) -> None:
        at = observation.frame.captured_at
        if self._results.is_due(at):
            self._results.put(at, self._segment(observation), 1 / self.rate_hz)
        self._newest = self._results.newest(at)

    def _segment(self, observation: Observation) -> Segmentation | None:
        frame, track = observation.frame, primary_track(observation)
        heads = known_heads(observation)
        if track is None or track.face is None:
            return self._segmenter.segment(frame, None, None, heads)
        return self._segmenter.segment(frame, track.face.points_px(*frame.size), track.id, heads)


class WitnessSchedule:
    """Searches for heads as the worker does; each result arrives late, as its does."""

    def __init__(self, detector: WitnessDetector, person: Callable[[], PersonMask | None]) -> None:
        self._search, self._person = WitnessSearch(detector), person
        self._results = LateResults[HeadEvidence]()

    def newest(self, now: float) -> HeadEvidence | None:
        return self._results.newest(now)

    def observe(self, observation: Observation) -> None:
        evidence = self._search.search_when_due(observation, self._person())
        if evidence is not None:
            self._results.put(evidence.at, evidence, 0.0)


def play_live(
    frames: Sequence[Frame], fps: float, settings: Settings, graphics: Graphics
) -> Iterator[LiveFrame]:
    """Publishes every frame once, in each alignment; with a low live quality on the last rung.

    The tracker keeps up, with one frame of latency: it has tracked a frame when the next one
    comes. Tracking and segmentation do not depend on the alignment and are done once.
    """
    people, following = people_tracker(settings), FaceFollowing()
    rung = Governor(settings.live.quality).rung
    with ExitStack() as stack:
        tracker = stack.enter_context(closing(tracker_factory(settings)()))
        make = segmenter_factory(settings, hurried=True)
        assert make is not None  # by default there are stages that need segmentations
        segmenter = stack.enter_context(closing(make()))
        make_witnesses = witness_factory(settings)
        assert make_witnesses is not None
        detector = stack.enter_context(make_witnesses())
        witnesses = WitnessSchedule(detector, lambda: segmenter.newest_person)
        rate_hz = settings.picture.looks_per_s * rung.looks
        schedule = SegmentationSchedule(segmenter, rate_hz)
        pipelines = {
            alignment: _pipeline(alignment, settings, graphics, frames[0].size, fps, schedule)
            for alignment in ALIGNMENTS
        }
        for pipeline in pipelines.values():
            pipeline.composition.detail = rung.detail
            stack.callback(pipeline.close)
        for frame, newest in zip(frames, (*frames[1:], frames[-1]), strict=True):
            evidence = witnesses.newest(frame.captured_at)
            followed = following.follow(frame) if rung.follows else None
            observation = people.update(followed or tracker.track(frame), evidence)
            following.note(observation)
            schedule.observe(observation)
            witnesses.observe(observation)
            now = frame.captured_at + 1 / fps
            # The worker publishes nothing either until the witnesses searched the shot.
            shown = observation if observation.is_searched else None
            published = {
                alignment: pipeline.show(shown, now, newest)
                for alignment, pipeline in pipelines.items()
            }
            yield LiveFrame(frame.index, observation.faces, published)


def _pipeline(
    alignment: Alignment,
    settings: Settings,
    graphics: Graphics,
    size: tuple[int, int],
    fps: float,
    schedule: SegmentationSchedule,
) -> Pipeline:
    smoothing = settings.smoothing.model_copy(update={"alignment": alignment})
    settings = settings.model_copy(update={"smoothing": smoothing})
    timer = StageTimer()
    return Pipeline(
        settings,
        avatars_of(settings.avatar),
        compositor_factory(settings, graphics, timer),
        output_info(settings, SourceInfo("film", *size, fps)),
        timer,
        Inputs(segmentations=schedule.newest, is_segmented=lambda: True),
    )


@dataclass(frozen=True, slots=True)
class PlannedFilm:
    """A film as `livecam convert` understood it."""

    survey: Survey
    plans: list[ShotPlan]
    strict: list[ShotPlan]  # those of `--strict`

    @classmethod
    def of(cls, path: Path, settings: Settings) -> PlannedFilm:
        """Surveys a film and plans it, with and without `--strict`."""
        found = Surveyor(settings).survey(path)
        plans, strict = (plan_film(found, settings, strict=each) for each in (False, True))
        return cls(found, plans, strict)

    def is_reported(self, index: int) -> bool:
        """Whether `convert` reports that a face may show in the frame."""
        plan = self._plan(self.plans, index)
        return (
            plan.state is Shown.PASSTHROUGH
            or any(index in head for head in plan.seen_once)
            or any(index in span.guesses() for span in plan.spans if index in span.frames)
        )

    def is_different(self, index: int) -> bool:
        """Whether `--strict` shows something else in a frame."""
        return self._plan(self.plans, index).state is not self._plan(self.strict, index).state

    @staticmethod
    def _plan(plans: Sequence[ShotPlan], index: int) -> ShotPlan:
        return next(each for each in plans if index in each.frames)


def play_converted(
    frames: Sequence[Frame],
    film: PlannedFilm,
    settings: Settings,
    graphics: Graphics,
) -> Iterator[ConvertedFrame]:
    """Composes every frame as planned without `--strict`."""
    timer = StageTimer()
    make = segmenter_factory(settings, hurried=False)
    assert make is not None  # by default there are stages that need segmentations
    with FilmSegmentation(make) as segmentation:
        segmentation.learn(film.survey.info, film.plans)
        composer = FilmComposer(
            film.survey, film.plans, avatars_of(settings.avatar), settings.avatar,
            compositor_factory(settings, graphics, timer, blocking=True), timer, segmentation,
        )  # fmt: skip
        with closing(composer):
            for frame in frames:
                yield composer.compose(frame)
