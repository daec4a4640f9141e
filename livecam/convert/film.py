"""The second pass over a film: composes every frame as planned and writes it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from livecam.avatar.base import Avatar, AvatarState
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
from livecam.core.timing import StageTimer
from livecam.media.encodings import Effort
from livecam.media.streams import FilmStreams
from livecam.motion.base import Listener, Performer
from livecam.pipeline.composition import Composite, Composition, CompositorFactory, with_blurred
from livecam.pipeline.driver import AvatarDriver
from livecam.pipeline.publication import publish
from livecam.pipeline.states import Shown
from livecam.pipeline.stats import StatsLine, StatsWriter


@dataclass(frozen=True, slots=True)
class ConvertedFrame:
    """A finished frame and its line of statistics."""

    frame: Frame
    stats: StatsLine


def turned_back(converted: ConvertedFrame, degrees: int) -> ConvertedFrame:
    """Turns a finished frame and its statistics back, as the film shows it."""
    if not degrees:
        return converted
    stats, size, rest = converted.stats, converted.frame.size, back(degrees)
    face = None if stats.face is None else turned_face(stats.face, size, rest)
    box = None if stats.head_box is None else turned_rect(stats.head_box, size, rest)
    return ConvertedFrame(turned(converted.frame, rest), replace(stats, face=face, head_box=box))


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
    """Composes the frames of a film as planned. Used on the thread that owns the GL context.

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
        self._todo = iter(plans)
        self._plan, self._spans = ShotPlan(range(0), Shown.CURTAIN), list[SpanDriver]()
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
        times, index = self.survey.times, frame.index
        known = index < len(times) and frame.captured_at == times[index]
        if not known or frame.size != tuple(self.survey.sizes[index]):
            raise SourceError(
                "{path} changed while it was converted",
                hint="convert it again",
                path=self.survey.info.path,
            )
        if index not in self._plan.frames:
            self._enter(next(plan for plan in self._todo if index in plan.frames), frame.size)
        if self._plan.state is not Shown.AVATAR:
            allow_bare = self._plan.state is Shown.PASSTHROUGH
            return self._published(frame, None, allow_bare=allow_bare)
        turn = self._plan.turn
        return turned_back(self._composed(turned(frame, turn)), turn)

    @property
    def tier(self) -> str:
        """The tier in which heads are drawn; empty before the first one."""
        return self._composition.tier

    def close(self) -> None:
        self._composition.close()

    def _enter(self, plan: ShotPlan, size: tuple[int, int]) -> None:
        self._plan = plan
        if self._segmentation is not None:
            self._segmentation.enter(plan)
        size = turned_size(size, plan.turn)
        self._spans = [SpanDriver(span, self._driver(span), size) for span in plan.spans]

    def _driver(self, span: WearerSpan) -> AvatarDriver:
        performers = () if span.slot else self._performers
        avatar = self._composition.avatar(span.slot)
        return AvatarDriver(span.slot, avatar, self._settings, performers=performers)

    def _composed(self, frame: Frame) -> ConvertedFrame:
        present = [each for each in self._spans if frame.index in each.span.frames]
        faces = [each.face(frame.index) for each in present]
        with self.timer.stage("rig"):
            avatars = [each.drive(face, frame) for each, face in zip(present, faces, strict=True)]
        segmentation = None
        if self._segmentation is not None:
            with self.timer.stage("segment"):
                segmentation = self._segmentation.segment(frame, faces[0])
        hidden = others_at(self._plan, frame.index, self.survey.times)
        blurred = with_blurred(frame, hidden, self.timer)
        composite = self._composition.compose(blurred, avatars, segmentation)
        tracked = any(each.span.measured_at(frame.index) for each in present)
        bare = self._composition.bare
        return self._published(blurred, composite, faces[0], tracked=tracked, allow_bare=bare)

    def _published(
        self,
        frame: Frame,
        composite: Composite | None,
        face: FaceState | None = None,
        *,
        tracked: bool = False,
        allow_bare: bool,
    ) -> ConvertedFrame:
        out = publish(self._plan.state, frame, composite, allow_bare=allow_bare, card=frame.size)
        box = None if composite is None else composite.box
        at, stage_ms = frame.captured_at, self.timer.last_ms()
        line = StatsLine(frame.index, at, at, out.shown, tracked, face, box, stage_ms)
        return ConvertedFrame(out.frame, line)


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
    with (
        info.open() as film,
        film_writer(info, survey.size, output, streams, alpha=alpha, effort=effort) as writer,
    ):
        for frame in film.frames_from(min(before, default=frames.start)):
            checkpoint()
            if frame.index < frames.start:
                if frame.index in before:
                    composer.compose(frame)
                continue
            if frame.index == frames.stop < whole.stop:
                break
            converted = composer.compose(frame)
            with composer.timer.stage("write"):
                duration_s = survey.duration_at(frame.index)
                framed = framing.apply(converted.frame)
                at_s = framed.captured_at - float(survey.times[frames.start])
                writer.write(replace(framed, captured_at=at_s), duration_s)
            if record is not None:
                record.take(frame.index, frame.captured_at, frame.image, framed.image)
            if stats is not None:
                stats.write(converted.stats)
            for listener in listeners:
                listener.observe(converted.stats.face, frame.captured_at)
            advance(1)
        if writer.frames != len(frames):
            raise SourceError(
                "{path} ended early while it was converted", hint="convert it again", path=info.path
            )
    if record is not None:
        record.tier, record.quality = composer.tier, effort
    return WrittenFilm(writer.stored_size, writer.carried or streams or FilmStreams(info.path))
