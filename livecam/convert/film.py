"""The second pass over a film: every frame is drawn and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from livecam.avatar.base import Avatar
from livecam.avatar.rig import Rig
from livecam.compose import covers
from livecam.compose.base import Compositor
from livecam.config.settings import NO_AVATAR, AvatarSettings
from livecam.convert.backdrop import Backdrop
from livecam.convert.plan import Role, Scene, others_at
from livecam.convert.survey import Advance, Survey
from livecam.core.errors import SourceError
from livecam.core.face import FaceState
from livecam.core.frame import Frame, Image, Rect
from livecam.core.timing import StageTimer
from livecam.media.reader import VideoReader
from livecam.media.writer import VideoWriter
from livecam.motion.base import Listener, Performer, with_performances
from livecam.pipeline.stats import Shown, StatsLine, StatsWriter

CompositorFactory = Callable[[Avatar, int, int], Compositor]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished frame and what it shows."""

    picture: Frame
    line: StatsLine


class Wearer:
    """One role with the rig that has already learned how its wearer looks at rest.

    What the first one's face does, the performers may tell; where it is stays the film's to say.
    """

    def __init__(
        self,
        role: Role,
        avatar: Avatar,
        settings: AvatarSettings,
        size: tuple[int, int],
        performers: Sequence[Performer] = (),
    ) -> None:
        self.role = role
        self.rig = Rig(avatar, settings)
        self._performers = performers if role.who == 0 else ()
        for index in role.frames:
            if role.seen_at(index):
                self.rig.state(self.at(index), *size)
        # Else the way back would look like a movement.
        self.rig.state(self.at(role.frames.start), *size)

    def at(self, index: int) -> FaceState:
        """The face in one of the film's frames, doing what it is told."""
        face = self.role.at(index)
        return with_performances(face, [p for each in self._performers if (p := each.at(face.at))])


class Artist:
    """Draws the frames of a film as planned. Used on the thread that owns the GL context.

    `avatars` are everybody's, where several people wear one; else all wear `avatar`. The
    `performers` are asked for moments of the film.
    """

    def __init__(
        self,
        survey: Survey,
        scenes: list[Scene],
        avatar: Avatar,
        settings: AvatarSettings,
        make_compositor: CompositorFactory,
        timer: StageTimer | None = None,
        backdrop: Backdrop | None = None,
        avatars: Sequence[Avatar] = (),
        performers: Sequence[Performer] = (),
    ) -> None:
        self._backdrop = backdrop
        self._performers = performers
        self.survey = survey
        self.timer = timer or StageTimer()
        self._avatars, self._settings = tuple(avatars) or (avatar,), settings
        self._size = (survey.info.width, survey.info.height)
        self._todo = iter(scenes)
        self._scene, self._wearers = Scene(range(0), Shown.CURTAIN), list[Wearer]()
        self._compositor = make_compositor(self._avatars[0], *self._size)
        if len(self._avatars) > 1:
            self._compositor.set_avatars(self._avatars)

    def draw(self, frame: Frame) -> Drawn:
        """One frame as planned; frames come in order, the same one may come again.

        Raises:
            GraphicsError: the driver gave up.
            SourceError: the film is not the one that was surveyed.
        """
        times, index = self.survey.times, frame.index
        if index >= len(times) or frame.captured_at != times[index] or frame.size != self._size:
            raise SourceError(
                f"{self.survey.info.path} changed while it was converted", hint="convert it again"
            )
        while index not in self._scene.frames:
            self._scene = next(self._todo)
            if self._backdrop is not None:
                self._backdrop.enter(self._scene)
            self._wearers = [
                Wearer(role, self._avatar_of(role), self._settings, self._size, self._performers)
                for role in self._scene.roles
            ]
        if self._scene.state is not Shown.AVATAR:
            image = _covered(frame.image, self._scene.state)
            return Drawn(replace(frame, image=image), self._line(frame))
        return self._dressed(frame)

    def close(self) -> None:
        self._compositor.close()

    def _avatar_of(self, role: Role) -> Avatar:
        return self._avatars[role.who % len(self._avatars)]

    def _dressed(self, frame: Frame) -> Drawn:
        present = [wearer for wearer in self._wearers if frame.index in wearer.role.frames]
        faces = [wearer.at(frame.index) for wearer in present]
        with self.timer.stage("rig"):
            avatars = [
                replace(wearer.rig.state(face, *self._size, frame.image), slot=wearer.role.who)
                for wearer, face in zip(present, faces, strict=True)
            ]
        scene = None
        if self._backdrop is not None:
            with self.timer.stage("segment"):
                scene = self._backdrop.read(frame, faces[0])
        hidden = others_at(self._scene, frame.index, self.survey.times)
        with self.timer.stage("compose"):
            shown = () if self._settings.avatar == NO_AVATAR else avatars
            picture = self._compositor.compose(_without(frame, hidden), shown, scene)
        tracked = any(wearer.role.seen_at(frame.index) for wearer in present)
        line = self._line(frame, tracked, faces[0], self._compositor.drawn)
        return Drawn(picture, line)

    def _line(
        self,
        frame: Frame,
        tracked: bool = False,
        face: FaceState | None = None,
        box: Rect | None = None,
    ) -> StatsLine:
        at, state = frame.captured_at, self._scene.state
        return StatsLine(frame.index, at, at, state, tracked, face, box, self.timer.last_ms())


def _covered(image: Image, state: Shown) -> Image:
    """A whole picture without an avatar; the bare one only where the plan says passthrough."""
    if state is Shown.PASSTHROUGH:
        return image
    if state is Shown.BLUR:
        return covers.blur_whole(image)
    return covers.curtain(image.shape[1], image.shape[0])


def _without(frame: Frame, regions: list[Rect]) -> Frame:
    if not regions:
        return frame
    image = frame.image.copy()
    for region in regions:
        covers.blur_region(image, region)
    return Frame(image, frame.index, frame.captured_at)


def write_film(
    artist: Artist,
    output: Path,
    stats: StatsWriter | None = None,
    advance: Advance = lambda frames: None,
    *,
    alpha: bool = False,
    listeners: Sequence[Listener] = (),
) -> str:
    """Writes the film beside the source's sound; says what became of the sound.

    The listeners are told what the first face does in each frame.

    The file appears under its name when it is complete, and not at all otherwise.
    """
    info = artist.survey.info
    with (
        VideoReader(info.path) as film,
        VideoWriter(
            output,
            info.width,
            info.height,
            info.rate,
            time_base=info.time_base,
            sound_from=info.path if info.has_audio else None,
            pixel_aspect=info.pixel_aspect,
            alpha=alpha,
        ) as writer,
    ):
        for frame in film:
            drawn = artist.draw(frame)
            with artist.timer.stage("write"):
                writer.write(drawn.picture)
            if stats is not None:
                stats.write(drawn.line)
            for listener in listeners:
                listener.observe(drawn.line.face, frame.captured_at)
            advance(1)
        if writer.frames != len(artist.survey.times):
            raise SourceError(
                f"{info.path} ended early while it was converted", hint="convert it again"
            )
    return writer.sound
