"""A take drawn on a head before a blank card: a film that nobody was filmed for.

The head is where the take saw it, drawn by the renderer that draws it live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import track

from livecam.app.build import compositor_factory
from livecam.app.sheet import checked_tier
from livecam.app.show import checked_size
from livecam.avatar.accessories import worn_avatar
from livecam.avatar.base import Avatar
from livecam.avatar.rig import Rig
from livecam.compose.base import Compositor
from livecam.config.settings import (
    BLANK,
    AvatarSettings,
    PictureSettings,
    RenderSettings,
    Settings,
    SourceSettings,
)
from livecam.core.closing import Closing
from livecam.core.errors import SinkError
from livecam.core.face import FaceState
from livecam.core.frame import Frame
from livecam.core.timing import StageTimer
from livecam.media.writer import VideoWriter
from livecam.motion.base import performed_alone
from livecam.motion.take import Take, players
from livecam.render.context import open_graphics
from livecam.sinks.base import OutputInfo
from livecam.sinks.png import PngSequence
from livecam.sources.blank import card

ALPHA = "alpha"


def render(
    take: Take,
    out: Path,
    *,
    avatar: str = "raccoon",
    wear: Sequence[str] = (),
    background: str = "keep",
    size: str = "1280x720",
    fps: float = 30.0,
    tier: str = "auto",
    force: bool = False,
) -> int:
    """Writes a take from its beginning to its end; returns the number of pictures.

    `out` is a film, or without an ending a folder for numbered pictures.

    Raises:
        AssetError: there is no such avatar or accessory.
        ConfigError: no such colour, picture or film.
        GraphicsError: it cannot be drawn.
        SinkError: the file is there already, cannot be written, or cannot carry alpha.
        UsageError: the size or the tier is none.
    """
    width, height = checked_size(size)
    settings = Settings(
        source=SourceSettings(source=BLANK),
        avatar=AvatarSettings(avatar=avatar, accessories=tuple(wear)),
        picture=PictureSettings(background=background),
        render=RenderSettings(tier=checked_tier(tier)),
    )
    head = worn_avatar(settings.avatar)
    if out.suffix and out.exists() and not force:
        raise SinkError(f"{out} is there already", hint="--force replaces it")
    with (
        _opened(out, (width, height), fps, alpha=background == ALPHA) as write,
        open_graphics() as graphics,
    ):
        make = compositor_factory(settings, graphics, StageTimer(), patient=True)
        with TakeStage(take, head, settings, make, (width, height)) as stage:
            count = int(take.seconds * fps + 1e-6) + 1
            console = Console(stderr=True)
            for index in track(
                range(count), "drawing", console=console, transient=True,
                disable=not console.is_terminal,
            ):  # fmt: skip
                write(stage.picture(index, index / fps))
    return count


class TakeStage(Closing):
    """Draws moments of a take; belongs to the thread of the context.

    Where nobody was seen, the card or the background is all there is: it hides nobody.
    """

    def __init__(
        self,
        take: Take,
        avatar: Avatar,
        settings: Settings,
        make_compositor: Callable[[Avatar, int, int], Compositor],
        size: tuple[int, int],
    ) -> None:
        self._players = players(take, 0.0, loop=False)
        self._rig = Rig(avatar, settings.avatar)
        self._card = card(*size)
        self._compositor = make_compositor(avatar, *size)
        faces = [face for t in take.times[take.seen] if (face := self._face(float(t)))]
        for face in (*faces, faces[0]):  # learns the rest, then goes back without a movement
            self._rig.state(face, *size)

    def picture(self, index: int, t: float) -> Frame:
        """The take after t seconds; moments rise.

        Raises:
            GraphicsError: the driver gave up.
        """
        frame, face = Frame(self._card, index, t), self._face(t)
        shown = () if face is None else (self._rig.state(face, *frame.size, self._card),)
        return self._compositor.compose(frame, shown)

    def close(self) -> None:
        self._compositor.close()

    def _face(self, t: float) -> FaceState | None:
        return performed_alone([p for each in self._players if (p := each.at(t))])


@contextmanager
def _opened(
    out: Path, size: tuple[int, int], fps: float, *, alpha: bool
) -> Iterator[Callable[[Frame], None]]:
    """Takes the pictures; a film that is not finished leaves no file."""
    if out.suffix:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(
                f"{out} cannot be written: {error.strerror}", hint="choose another folder"
            ) from error
        with VideoWriter(out, *size, fps, alpha=alpha) as writer:
            yield writer.write
        return
    pictures = PngSequence(out, alpha)
    pictures.open(OutputInfo(*size, fps))
    yield pictures.send
    pictures.close()
