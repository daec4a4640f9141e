"""The second pass over a film: every frame is drawn and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from livecam.app.convert.plan import Role, Scene, others_at
from livecam.app.convert.survey import Advance, Survey
from livecam.app.stats import Shown, StatsLine, StatsWriter
from livecam.avatar.base import Avatar
from livecam.avatar.rig import Rig
from livecam.compose import covers
from livecam.compose.base import Compositor
from livecam.config.settings import AvatarSettings
from livecam.core.errors import SourceError
from livecam.core.frame import Frame, Image, Rect
from livecam.core.timing import StageTimer
from livecam.media.reader import VideoReader
from livecam.media.writer import VideoWriter

CompositorFactory = Callable[[Avatar, int, int], Compositor]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished frame and what it shows."""

    picture: Frame
    line: StatsLine


class Wearer:
    """One role with the rig that has already learned how its wearer looks at rest."""

    def __init__(
        self, role: Role, avatar: Avatar, settings: AvatarSettings, size: tuple[int, int]
    ) -> None:
        self.role = role
        self.rig = Rig(avatar, settings)
        for state, seen in zip(role.states, role.seen, strict=True):
            if seen:
                self.rig.state(state, *size)
        self.rig.state(role.states[0], *size)  # else the way back would look like a movement


class Artist:
    """Draws the frames of a film as planned. Used on the thread that owns the GL context."""

    def __init__(
        self,
        avatar: Avatar,
        settings: AvatarSettings,
        make_compositor: CompositorFactory,
        size: tuple[int, int],
        timer: StageTimer,
    ) -> None:
        self._avatar, self._settings, self._timer = avatar, settings, timer
        self._width, self._height = size
        self._compositor = make_compositor(avatar, *size)

    def draw(self, frames: Iterable[Frame], survey: Survey, scenes: list[Scene]) -> Iterator[Drawn]:
        """Every frame as planned.

        Raises:
            GraphicsError: the driver gave up; nothing is yielded for that frame.
            SourceError: the film is not the one that was surveyed.
        """
        times = survey.times
        todo = iter(scenes)
        scene, wearers = Scene(range(0), Shown.CURTAIN), list[Wearer]()
        for frame in frames:
            if frame.index >= len(times) or frame.captured_at != times[frame.index]:
                raise SourceError(
                    f"{survey.info.path} changed while it was converted", hint="convert it again"
                )
            if frame.index not in scene.frames:
                scene = next(todo)
                wearers = [
                    Wearer(role, self._avatar, self._settings, (self._width, self._height))
                    for role in scene.roles
                ]
            others = others_at(scene, frame.index, times, self._width, self._height)
            yield self._drawn(frame, scene, wearers, others)

    def close(self) -> None:
        self._compositor.close()

    def _drawn(
        self, frame: Frame, scene: Scene, wearers: list[Wearer], others: list[Rect]
    ) -> Drawn:
        if scene.state is not Shown.AVATAR:
            picture = Frame(_covered(frame.image, scene.state), frame.index, frame.captured_at)
            return Drawn(picture, self._line(frame, scene.state))
        present = [wearer for wearer in wearers if frame.index in wearer.role.frames]
        with self._timer.stage("rig"):
            faces = [wearer.role.at(frame.index) for wearer in present]
            avatars = [
                wearer.rig.state(face, self._width, self._height)
                for wearer, face in zip(present, faces, strict=True)
            ]
        with self._timer.stage("compose"):
            picture = self._compositor.compose(_without_others(frame, others), avatars)
        tracked = any(
            wearer.role.seen[frame.index - wearer.role.frames.start] for wearer in present
        )
        line = self._line(frame, scene.state)
        return Drawn(
            picture,
            StatsLine(
                line.frame, line.captured_at, line.published_at, line.state,
                tracked, faces[0], self._compositor.drawn, line.stage_ms,
            ),
        )  # fmt: skip

    def _line(self, frame: Frame, state: Shown) -> StatsLine:
        at = frame.captured_at
        return StatsLine(frame.index, at, at, state, False, None, None, self._timer.last_ms())


def _covered(image: Image, state: Shown) -> Image:
    """A whole picture without an avatar; the bare one only where the plan says passthrough."""
    if state is Shown.PASSTHROUGH:
        return image
    if state is Shown.BLUR:
        return covers.blur_whole(image)
    return covers.curtain(image.shape[1], image.shape[0])


def _without_others(frame: Frame, regions: list[Rect]) -> Frame:
    if not regions:
        return frame
    image = frame.image.copy()
    for region in regions:
        covers.blur_region(image, region)
    return Frame(image, frame.index, frame.captured_at)


def write_film(
    survey: Survey,
    scenes: list[Scene],
    artist: Artist,
    output: Path,
    timer: StageTimer,
    stats: StatsWriter | None = None,
    advance: Advance = lambda frames: None,
) -> str:
    """Writes the film beside the source's sound; says what became of the sound.

    The file appears under its name when it is complete, and not at all otherwise.
    """
    info = survey.info
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
        ) as writer,
    ):
        for drawn in artist.draw(film, survey, scenes):
            with timer.stage("write"):
                writer.write(drawn.picture)
            if stats is not None:
                stats.write(drawn.line)
            advance(1)
        if writer.frames != len(survey.times):
            raise SourceError(
                f"{info.path} ended early while it was converted", hint="convert it again"
            )
    return writer.sound
