"""A take drawn on a head before a blank card: a film that nobody was filmed for.

The head is where the take saw it, drawn by the renderer that draws it live. An avatar is larger
than the face it hides: where the take was filmed from so near that its ears would be cut off, the
camera is moved until the whole head stays in the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.accessories import avatar_from_settings
from livecam.avatar.base import Avatar, Profile
from livecam.avatar.rig import Rig
from livecam.calibration.profile import load_profile
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
from livecam.core.face import FaceState, Vector3
from livecam.core.frame import Frame
from livecam.core.spaces import focal_px
from livecam.core.timing import StageTimer
from livecam.media.writer import VideoWriter
from livecam.motion.base import performed_alone
from livecam.motion.take import Take, players
from livecam.pipeline.build import compositor_factory
from livecam.render.context import open_graphics
from livecam.sinks.base import OutputInfo
from livecam.sinks.png import PngSequence, numbered
from livecam.sources.blank import card
from livecam.viewer.sheet import checked_tier
from livecam.viewer.turntable import checked_size

ALPHA = "alpha"
EDGE = 0.04  # of the picture, that a head keeps off its edges
MOST_SEEN = 200  # vertices and moments are enough to know where a head goes


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
    whole: bool = True,
    profile: str = "",
    force: bool = False,
    progress: Callable[[int, int], None] = lambda done, frames: None,
) -> int:
    """Writes a take from its beginning to its end; returns the number of frames.

    `out` is a film, or without an ending a folder for numbered pictures. With `whole` a head that
    would reach out of the picture is moved into it. `profile` names how the one in the take is
    measured. `progress` gets the number of frames that are done and of all, after each.

    Raises:
        AssetError: there is no such avatar or accessory.
        ConfigError: no such colour, picture, film or profile.
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
    head = avatar_from_settings(settings.avatar)
    usual = load_profile(profile) if profile else None
    if not force and (out.exists() if out.suffix else numbered(out)):
        raise SinkError(f"{out} is there already", hint="--force replaces it")
    with (
        _opened(out, (width, height), fps, alpha=background == ALPHA) as write,
        open_graphics() as graphics,
    ):
        make = compositor_factory(settings, graphics, StageTimer(), blocking=True)
        with TakeStage(take, head, settings, make, (width, height), whole, usual) as stage:
            count = int(take.seconds * fps + 1e-6) + 1
            for index in range(count):
                write(stage.picture(index, index / fps))
                progress(index + 1, count)
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
        whole: bool = True,
        profile: Profile | None = None,
    ) -> None:
        self._players = players(take, 0.0, loop=False)
        self._shift = np.zeros(3)
        self._rig = Rig(avatar, settings.avatar, profile)
        self._card = card(*size)
        self._compositor = make_compositor(avatar, *size)
        faces = [face for t in take.times[take.seen] if (face := self._face(float(t)))]
        heads, every = [], len(faces) // MOST_SEEN + 1
        for i, face in enumerate(faces):  # learns the rest
            state = self._rig.state(face, *size)
            if i % every == 0:
                heads.append(state.camera_from_head)
        if whole:
            self._shift = shift_into_picture(np.array(heads), _head_points(avatar), *size)
        self._rig.state(faces[0], *size)  # goes back without a movement

    def picture(self, index: int, t: float) -> Frame:
        """The take after t seconds; moments rise.

        Raises:
            GraphicsError: the driver gave up.
        """
        frame, face = Frame(self._card, index, t), self._face(t)
        if face is None:
            return self._compositor.compose(frame, ())
        state = self._rig.state(face, *frame.size, self._card)
        # The rig has seen the head where it was filmed: what it knows of its posture stays true.
        return self._compositor.compose(frame, (state.translated(self._shift),))

    def close(self) -> None:
        self._compositor.close()

    def _face(self, t: float) -> FaceState | None:
        return performed_alone([p for each in self._players if (p := each.at(t))])


def shift_into_picture(
    heads: NDArray[np.float64], points: NDArray[np.float64], width: int, height: int
) -> Vector3:
    """How far heads must be moved, metres in camera space, until their points are always seen.

    `heads` are camera_from_head float64[n, 4, 4], points float64[k, 3]. The way is back at first,
    if they are too large; then across and up, no farther than needed.
    """
    room = np.array((width, height)) * (0.5 - EDGE)
    focal = focal_px(height)
    camera = points @ heads[:, :3, :3].transpose(0, 2, 1) + heads[:, None, :3, 3]
    shift = np.zeros(3)
    for _ in range(MOST_STEPS):
        x, y, z = (camera + shift).reshape(-1, 3).T
        depth = np.maximum(-z, NEAREST_M)
        seen = focal * np.stack((x, y)) / depth
        low, high = seen.min(axis=1), seen.max(axis=1)
        outside = np.maximum(-room - low, 0) - np.maximum(high - room, 0)
        larger = float(((high - low) / (2 * room)).max())
        if larger < 1 and np.abs(outside).max() < 1:
            break
        # What is nearest moves most: nothing goes too far, and the rest is done the next time.
        nearest = float(depth.min())
        if larger > 1:
            shift[2] -= nearest * (larger - 0.999)
        else:
            shift[:2] += outside * nearest / focal
    return shift


MOST_STEPS = 200
NEAREST_M = 0.02  # of a head that is nearly at the lens


def _head_points(avatar: Avatar) -> NDArray[np.float64]:
    """Vertices that turn with the head, at rest: a ruff may be cut."""
    points = np.concatenate(
        [mesh.positions[mesh.head_weight > 0.5] for mesh in avatar.light_meshes]
    )
    extremes = np.concatenate((points.argmin(axis=0), points.argmax(axis=0)))
    return np.concatenate((points[:: len(points) // MOST_SEEN + 1], points[extremes])).astype(float)


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
    for picture in numbered(out):
        picture.unlink(missing_ok=True)
    pictures = PngSequence(out, alpha)
    pictures.open(OutputInfo(*size, fps))
    yield pictures.send
    pictures.close()
