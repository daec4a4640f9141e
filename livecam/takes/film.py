"""Draws a take on a head before a blank card, into a film or numbered images.

The pose of the head is the recorded one, and the compositor of the live pipeline draws it. An
avatar is larger than the face it hides: where its ears would be cut off, the camera is moved back
and aside until the whole head stays in the image.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.accessories import avatar_from_settings
from livecam.avatar.base import Avatar, AvatarState, Profile
from livecam.calibration.profile import load_profile
from livecam.config.settings import (
    BLANK,
    AvatarSettings,
    PictureSettings,
    RenderSettings,
    Settings,
    SourceSettings,
)
from livecam.core.closing import Closing
from livecam.core.end_signals import checkpoint, end_signals
from livecam.core.errors import SinkError, reason_of
from livecam.core.face import FaceState
from livecam.core.frame import Frame
from livecam.core.places import check_place
from livecam.core.spaces import Vector3, focal_px, transformed
from livecam.core.timing import StageTimer
from livecam.media.writer import VideoWriter
from livecam.motion.base import state_from_performances
from livecam.motion.take import Take, players
from livecam.pipeline.build import check_picture_files, compositor_factory
from livecam.pipeline.composition import Composition, CompositorFactory
from livecam.pipeline.driver import AvatarDriver
from livecam.pipeline.publication import publish
from livecam.pipeline.states import Shown
from livecam.render.context import open_graphics
from livecam.sinks.base import OutputInfo
from livecam.sinks.png import PngSequence, numbered
from livecam.sources.blank import card
from livecam.viewer.sheet import checked_tier
from livecam.viewer.turntable import checked_size

ALPHA = "alpha"
MARGIN = 0.04  # between a head and the edges, over the side of the image
MAX_SAMPLES = 200  # vertices and frames that are enough to find where a head goes
MAX_ITERATIONS = 200
MIN_DEPTH_M = 0.02  # of points that are nearly at the lens


def render_take(
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

    `out` is a film, or without a suffix a folder for numbered images. With `whole`, a head that
    would reach out of the image is moved into it. `profile` names that of the person in the take.
    `progress` gets the number of finished frames and of all, after each.

    Raises:
        AssetError: there is no such avatar or accessory.
        ConfigError: there is no such colour, image, film or profile.
        GraphicsError: it cannot be drawn.
        SinkError: the file is there already, cannot be written, or cannot carry alpha.
        UsageError: the size or the tier is wrong.
    """
    width, height = checked_size(size)
    settings = Settings(
        source=SourceSettings(source=BLANK),
        avatar=AvatarSettings(avatar=avatar, accessories=tuple(wear)),
        picture=PictureSettings(background=background),
        render=RenderSettings(tier=checked_tier(tier)),
    )
    check_picture_files(settings)
    head = avatar_from_settings(settings.avatar)
    ranges = load_profile(profile) if profile else None
    check_place(out if out.suffix else out / "a picture")
    if not force and (os.path.lexists(out) if out.suffix else numbered(out)):
        raise SinkError("{path} is there already", hint="--force replaces it", path=out)
    with (
        end_signals() as signals,
        signals.held(),
        _opened(out, (width, height), fps, alpha=settings.picture.background == ALPHA) as write,
        open_graphics() as graphics,
    ):
        make = compositor_factory(settings, graphics, StageTimer(), blocking=True)
        with TakeRenderer(take, head, settings, make, (width, height), whole, ranges) as renderer:
            count = int(take.seconds * fps + 1e-6) + 1
            for index in range(count):
                checkpoint()
                write(renderer.frame(index, index / fps))
                progress(index + 1, count)
    return count


class TakeRenderer(Closing):
    """Composes the frames of a take over a blank card; belongs to the thread of the context.

    While the take has no face, only the card or the background is drawn.
    """

    def __init__(
        self,
        take: Take,
        avatar: Avatar,
        settings: Settings,
        make_compositor: CompositorFactory,
        size: tuple[int, int],
        whole: bool = True,
        profile: Profile | None = None,
    ) -> None:
        self._players = players(take, 0.0, loop=False)
        self._shift = np.zeros(3)
        self._card = card(*size)
        self._composition = Composition(make_compositor, (avatar,), StageTimer())
        self._driver = AvatarDriver(0, avatar, settings.avatar, profile)
        faces = [face for t in take.times[take.visible] if (face := self._face(float(t)))]
        heads = self._driver.warm_up(faces, faces[0], size)
        if whole:
            every = len(faces) // MAX_SAMPLES + 1
            points = _head_points(avatar)
            self._shift = shift_into_image(np.array(heads[::every]), points, *size)

    def frame(self, index: int, t: float) -> Frame:
        """Draws the take after t seconds; times rise.

        Raises:
            GraphicsError: the driver failed.
        """
        frame, face = Frame(self._card, index, t), self._face(t)
        avatars: tuple[AvatarState, ...] = ()
        if face is not None:
            # The rig gets the recorded pose, so that its estimate of the posture stays valid.
            avatars = (self._driver.drive(face, frame).translated(self._shift),)
        composite = self._composition.compose(frame, avatars)
        shown = Shown.AVATAR if avatars else Shown.PASSTHROUGH
        return publish(shown, composite.frame, composite, allow_bare=True, card=frame.size).frame

    def close(self) -> None:
        self._composition.close()

    def _face(self, t: float) -> FaceState | None:
        return state_from_performances([p for each in self._players if (p := each.at(t))])


def shift_into_image(
    heads: NDArray[np.float64], points: NDArray[np.float64], width: int, height: int
) -> Vector3:
    """Returns the shift that keeps points of heads in the image, metres in camera space.

    `heads` are camera_from_head float64[n, 4, 4], points float64[k, 3]. Heads that are too large
    are moved back first, then across and up, no farther than needed.
    """
    room = np.array((width, height)) * (0.5 - MARGIN)
    focal = focal_px(height)
    camera = transformed(points, heads)
    shift = np.zeros(3)
    for _ in range(MAX_ITERATIONS):
        x, y, z = (camera + shift).reshape(-1, 3).T
        depth = np.maximum(-z, MIN_DEPTH_M)
        pixels = focal * np.stack((x, y)) / depth
        low, high = pixels.min(axis=1), pixels.max(axis=1)
        outside = np.maximum(-room - low, 0) - np.maximum(high - room, 0)
        larger = float(((high - low) / (2 * room)).max())
        if larger < 1 and np.abs(outside).max() < 1:
            break
        # By the nearest point, which moves farthest: no step goes too far, the next one adds to it.
        nearest = float(depth.min())
        if larger > 1:
            shift[2] -= nearest * (larger - 0.999)
        else:
            shift[:2] += outside * nearest / focal
    return shift


def _head_points(avatar: Avatar) -> NDArray[np.float64]:
    """Returns vertices that turn with the head, at rest: a ruff may be cut off."""
    points = np.concatenate(
        [mesh.positions[mesh.head_weight > 0.5] for mesh in avatar.light_meshes]
    )
    extremes = np.concatenate((points.argmin(axis=0), points.argmax(axis=0)))
    sampled = points[:: len(points) // MAX_SAMPLES + 1]
    return np.concatenate((sampled, points[extremes])).astype(float)


@contextmanager
def _opened(
    out: Path, size: tuple[int, int], fps: float, *, alpha: bool
) -> Iterator[Callable[[Frame], None]]:
    """Opens what the frames are written to; an unfinished film leaves no file."""
    if out.suffix:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(
                "{path} cannot be written: {reason}",
                hint="choose another folder",
                path=out,
                reason=reason_of(error),
            ) from error
        with VideoWriter(out, *size, fps, alpha=alpha) as writer:
            yield writer.write
        return
    for image in numbered(out):
        image.unlink(missing_ok=True)
    sink = PngSequence(out, alpha)
    sink.open(OutputInfo(*size, fps))
    yield sink.send
    sink.close()
