"""The second pass over a film: composes every frame as planned and writes it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.base import PreparedFrame
from livecam.compose.framing import Framing
from livecam.config.settings import NO_AVATAR, AvatarSettings
from livecam.convert.film_segmentation import FilmSegmentation
from livecam.convert.output import film_writer
from livecam.convert.plan import ShotPlan, others_at
from livecam.convert.spans import WearerSpan
from livecam.convert.survey import Advance, Survey
from livecam.convert.thumbnails import FilmRecord
from livecam.convert.turns import back, turned, turned_face, turned_rect, turned_size
from livecam.core.end_signals import checkpoint
from livecam.core.errors import SourceError
from livecam.core.face import FaceState
from livecam.core.frame import Frame
from livecam.core.overlap import ahead, behind
from livecam.core.timing import StageTimer
from livecam.media.encodings import Effort
from livecam.media.reader import VideoReader
from livecam.media.streams import FilmStreams
from livecam.motion.base import Listener, Performer
from livecam.pipeline.composition import Composite, Composition, CompositorFactory, with_blurred
from livecam.pipeline.driver import AvatarDriver
from livecam.pipeline.publication import publish
from livecam.pipeline.states import Shown
from livecam.pipeline.stats import StatsLine, StatsWriter
from livecam.segmentation.base import Segmentation


@dataclass(frozen=True, slots=True)
class ConvertedFrame:
    """A finished frame and its line of statistics."""

    frame: Frame
    stats: StatsLine
    source: Frame  # of the film: never to be published


def turned_back(converted: ConvertedFrame, degrees: int) -> ConvertedFrame:
    """Turns a finished frame and its statistics back, as the film shows it."""
    if not degrees:
        return converted
    stats, size, rest = converted.stats, converted.frame.size, back(degrees)
    face = None if stats.face is None else turned_face(stats.face, size, rest)
    box = None if stats.head_box is None else turned_rect(stats.head_box, size, rest)
    stats = replace(stats, face=face, head_box=box)
    return replace(converted, frame=turned(converted.frame, rest), stats=stats)


@dataclass(frozen=True, slots=True)
class PlannedFrame:
    """A frame of a film on its way to be drawn."""

    source: Frame  # of the film: never to be published
    plan: ShotPlan
    frame: Frame  # turned as its shot, the bystanders blurred
    avatars: Sequence[AvatarState] = ()
    segmentation: Segmentation | None = None
    face: FaceState | None = None  # of the main wearer
    tracked: bool = False
    prepared: PreparedFrame | None = None  # where avatars are drawn


class SpanDriver:
    """The avatar driver of one span; its rig has already estimated the neutral face.

    Frames may be left out: the avatar moves as if they had been drawn.
    """

    def __init__(self, span: WearerSpan, driver: AvatarDriver, size: tuple[int, int]) -> None:
        self.span = span
        self.driver = driver
        self._next = span.frames.start
        measured = (self.face(index) for index in span.frames if span.measured_at(index))
        driver.warm_up(measured, self.face(span.frames.start), size)

    def drive(self, face: FaceState, frame: Frame) -> AvatarState:
        """Computes the avatar on that face of a frame."""
        for index in range(self._next, frame.index):
            self.driver.skip(self.face(index), frame)
        self._next = frame.index + 1
        return self.driver.drive(face, frame)

    def face(self, index: int) -> FaceState:
        """Returns the face in one of the film's frames, as its performers move it."""
        face = self.span.at(index)
        return self.driver.performed(face, face.at)


class FilmComposer:
    """Composes the frames of a film as planned. Thread of the context.

    `avatars` holds one for each slot, counted round. The `performers` are asked for times of
    the film.
    """

    def __init__(
        self,
        survey: Survey,
        plans: Sequence[ShotPlan],
        avatars: Sequence[Avatar],
        settings: AvatarSettings,
        make_compositor: CompositorFactory,
        timer: StageTimer | None = None,
        segmentation: FilmSegmentation | None = None,
        performers: Sequence[Performer] = (),
    ) -> None:
        self.survey = survey
        self.timer = timer or StageTimer()
        self._settings = settings
        self._segmentation = segmentation
        self._performers = performers
        self._plans = plans
        self._entered: ShotPlan | None = None
        self._spans = list[SpanDriver]()
        bare = settings.avatar == NO_AVATAR
        self._composition = Composition(make_compositor, avatars, self.timer, bare=bare)

    def compose(self, frame: Frame) -> ConvertedFrame:
        """Composes one frame as planned; frames come in order, the same one may come again.

        Frames may be left out: the motion of the avatars is the same without them. Light and
        noise are measured in the frames that come.

        Raises:
            GraphicsError: the driver gave up.
            SourceError: the film is not the one that was surveyed.
        """
        self._fit(self._drawn_size(frame))
        return self._draw(self._prepare(self._drive(frame)))

    def compose_all(self, frames: Iterable[Frame]) -> Generator[ConvertedFrame]:
        """Composes frames like `compose`; meanwhile two other threads prepare the next ones.

        The first of them iterates over the frames too.
        """
        for size, alike in groupby(frames, key=self._drawn_size):
            self._fit(size)
            with (
                ahead(map(self._drive, alike)) as driven,
                ahead(map(self._prepare, driven)) as prepared,
            ):
                yield from map(self._draw, prepared)

    @property
    def tier(self) -> str:
        """The tier in which heads are drawn; empty before the first one."""
        return self._composition.tier

    def close(self) -> None:
        self._composition.close()

    def _plan_of(self, frame: Frame) -> ShotPlan:
        """Returns the plan of a frame, which must be as it was surveyed."""
        times, index = self.survey.times, frame.index
        known = index < len(times) and frame.captured_at == times[index]
        if not known or frame.size != tuple(self.survey.sizes[index]):
            raise SourceError(
                "{path} changed while it was converted",
                hint="convert it again",
                path=self.survey.info.path,
            )
        after = bisect_right(self._plans, index, key=lambda plan: plan.frames.start)
        return self._plans[after - 1]

    def _drawn_size(self, frame: Frame) -> tuple[int, int] | None:
        """Returns the size in which avatars are drawn over a frame; None where none are."""
        plan = self._plan_of(frame)
        return turned_size(frame.size, plan.turn) if plan.state is Shown.AVATAR else None

    def _fit(self, size: tuple[int, int] | None) -> None:
        if size is not None:
            self._composition.fit(size)

    def _enter(self, plan: ShotPlan, size: tuple[int, int]) -> None:
        self._entered = plan
        if self._segmentation is not None:
            self._segmentation.enter(plan)
        size = turned_size(size, plan.turn)
        self._spans = [SpanDriver(span, self._driver(span), size) for span in plan.spans]

    def _driver(self, span: WearerSpan) -> AvatarDriver:
        performers = () if span.slot else self._performers
        avatar = self._composition.avatar(span.slot)
        return AvatarDriver(span.slot, avatar, self._settings, performers=performers)

    def _drive(self, source: Frame) -> PlannedFrame:
        """Drives the avatars, segments the frame and blurs the bystanders."""
        plan = self._plan_of(source)
        if plan is not self._entered:
            self._enter(plan, source.size)
        if plan.state is not Shown.AVATAR:
            return PlannedFrame(source, plan, source)
        frame = turned(source, plan.turn)
        present = [each for each in self._spans if frame.index in each.span.frames]
        faces = [each.face(frame.index) for each in present]
        with self.timer.stage("rig"):
            avatars = [each.drive(face, frame) for each, face in zip(present, faces, strict=True)]
        segmentation = None
        if self._segmentation is not None:
            with self.timer.stage("segment"):
                segmentation = self._segmentation.segment(frame, faces[0])
        hidden = others_at(plan, frame.index, self.survey.times)
        blurred = with_blurred(frame, hidden, self.timer)
        tracked = any(each.span.measured_at(frame.index) for each in present)
        return PlannedFrame(source, plan, blurred, avatars, segmentation, faces[0], tracked)

    def _prepare(self, each: PlannedFrame) -> PlannedFrame:
        """Composites all below the avatars."""
        if each.plan.state is not Shown.AVATAR:
            return each
        prepared = self._composition.prepare(each.frame, each.avatars, each.segmentation)
        return replace(each, prepared=prepared)

    def _draw(self, each: PlannedFrame) -> ConvertedFrame:
        """Draws the avatars over a frame, and returns what its plan permits."""
        if each.prepared is None:
            return self._published(each, None, allow_bare=each.plan.state is Shown.PASSTHROUGH)
        composite = self._composition.draw(each.prepared)
        converted = self._published(each, composite, allow_bare=self._composition.bare)
        return turned_back(converted, each.plan.turn)

    def _published(
        self, each: PlannedFrame, composite: Composite | None, *, allow_bare: bool
    ) -> ConvertedFrame:
        state, frame = each.plan.state, each.frame
        out = publish(state, frame, composite, allow_bare=allow_bare, card=frame.size)
        box = None if composite is None else composite.box
        at, stage_ms = frame.captured_at, self.timer.last_ms()
        line = StatsLine(frame.index, at, at, out.shown, each.tracked, each.face, box, stage_ms)
        return ConvertedFrame(out.frame, line, each.source)


@dataclass(frozen=True, slots=True)
class WrittenFilm:
    """A film that was written."""

    stored_size: tuple[int, int]  # width and height of its pictures
    streams: FilmStreams  # what became of all else


def write_film(
    composer: FilmComposer,
    output: Path,
    streams: FilmStreams | None = None,
    stats: StatsWriter | None = None,
    advance: Advance = lambda frames: None,
    *,
    alpha: bool = False,
    effort: Effort = "good",
    listeners: Sequence[Listener] = (),
    record: FilmRecord | None = None,
    frames: range | None = None,
    before: Collection[int] = (),
) -> WrittenFilm:
    """Writes the film, with the streams of the source beside its pictures.

    Frames of another size than most are fitted into theirs. The listeners receive the face of the
    main wearer in each frame, `record` keeps small pictures of some. Given `frames`, these alone
    are written, with times from 0 on; `before` are composed before them, and not written.

    The file appears under its name when it is complete, and not at all otherwise.
    """
    survey = composer.survey
    whole = range(len(survey.times))
    frames = frames or whole
    info, framing = survey.info, Framing(*survey.size, mode="fit", bars_alpha=0 if alpha else 255)
    begins_s = float(survey.times[frames.start])
    with (
        info.open() as film,
        film_writer(info, survey.size, output, streams, alpha=alpha, effort=effort) as writer,
    ):

        def write(converted: ConvertedFrame) -> None:
            with composer.timer.stage("write"):
                source, framed = converted.source, framing.apply(converted.frame)
                at_s = source.captured_at - begins_s
                writer.write(replace(framed, captured_at=at_s), survey.duration_at(source.index))
            if record is not None:
                record.take(source.index, source.captured_at, source.image, framed.image)

        with (
            ahead(_wanted(film, frames, before, whole.stop)) as wanted,
            behind(write) as hand_over,
            closing(composer.compose_all(wanted)) as composed,
        ):
            for converted in composed:
                checkpoint()
                source = converted.source
                if source.index < frames.start:
                    continue
                hand_over(converted)
                if stats is not None:
                    stats.write(converted.stats)
                for listener in listeners:
                    listener.observe(converted.stats.face, source.captured_at)
                advance(1)
        if writer.frames != len(frames):
            raise SourceError(
                "{path} ended early while it was converted", hint="convert it again", path=info.path
            )
    if record is not None:
        record.tier, record.quality = composer.tier, effort
    return WrittenFilm(writer.stored_size, writer.carried or streams or FilmStreams(info.path))


def _wanted(
    film: VideoReader, frames: range, before: Collection[int], count: int
) -> Iterator[Frame]:
    """Yields the frames of a film of so many that are composed: some before, and `frames`."""
    for frame in film.frames_from(min(before, default=frames.start)):
        checkpoint()
        if frame.index == frames.stop < count:
            return
        if frame.index >= frames.start or frame.index in before:
            yield frame
