"""Draw avatars over the picture they were measured from."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Literal

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState, Material
from livecam.compose.blend import srgb_from_linear
from livecam.compose.covers import OUTLINE_GROWTH, paint_out
from livecam.compose.painter import NOTHING, FullPainter, LightPainter, Painter
from livecam.config.settings import RenderSettings
from livecam.core.errors import GraphicsError
from livecam.core.face import EXPRESSIONS
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import focal_px
from livecam.core.timing import StageTimer
from livecam.render.context import Graphics

log = logging.getLogger(__name__)

Tier = Literal["light", "full"]
FULL_BUDGET_S = 0.012  # of a frame at 30 a second, so that tracking and sinks keep up
TRIALS = 6
FATAL = ("GL_OUT_OF_MEMORY", "GL_INVALID_FRAMEBUFFER_OPERATION", "GL_UNKNOWN_ERROR")
BELOW_SHADE = 0.5  # the light behind the fur


class HeadCompositor:
    """Draws heads, throws their shadow, blends: implements compose/base.Compositor.

    Used and closed on the thread of the context. Stage times go to `timer`: room, morph, draw,
    read, shadow, blend, and soften in the light tier.

    Raises:
        GraphicsError: the driver cannot draw the head.
    """

    def __init__(
        self,
        graphics: Graphics,
        avatar: Avatar,
        settings: RenderSettings,
        size: tuple[int, int],
        timer: StageTimer | None = None,
    ) -> None:
        self.drawn = NOTHING
        self._graphics = graphics
        self._settings = settings
        self._timer = timer or StageTimer()
        self._below = below(avatar)
        self.tier: Tier = choose_tier(graphics, settings, avatar, size)
        self._painter = make_painter(self.tier, graphics, settings, avatar, self._timer)

    def set_avatar(self, avatar: Avatar) -> None:
        """Draws another avatar from the next picture on."""
        painter = make_painter(self.tier, self._graphics, self._settings, avatar, self._timer)
        self._painter.release()
        self._painter = painter
        self._below = below(avatar)

    def set_settings(self, settings: RenderSettings) -> None:
        """Takes the live settings; the others wait for the next start."""
        self._settings = settings

    def compose(self, frame: Frame, avatars: Sequence[AvatarState]) -> Frame:
        """A new frame with every avatar drawn, the farthest first.

        Raises:
            GraphicsError: the driver gave up.
        """
        self.drawn = NOTHING
        try:
            self._painter.begin(self._without_faces(frame, avatars), frame.captured_at)
            for state in sorted(avatars, key=lambda s: float(s.camera_from_head[2, 3])):
                touched = self._painter.add(state, self._settings.shadow)
                self.drawn = self.drawn.union(touched)
            image = self._painter.finish()
        except moderngl.Error as error:
            raise GraphicsError(f"the head cannot be drawn: {error}") from error
        # Nothing raises when the driver lost its memory or its device: what was read is not a head.
        if (error_name := self._graphics.ctx.error) in FATAL:
            raise GraphicsError(f"the driver gave up: {error_name}")
        return replace(frame, image=image)

    def _without_faces(self, frame: Frame, avatars: Sequence[AvatarState]) -> Image:
        """A copy of the picture with the real faces painted out, for heads with gaps."""
        image = frame.image.copy()
        for outline in (state.face_px for state in avatars if state.face_px is not None):
            paint_out(image, outline, self._below)
            box = painted_box(outline).clipped(frame.width, frame.height)
            self.drawn = self.drawn.union(box)
        return image

    def planes(self) -> Image | None:
        """The last composed picture as I420, when the GPU makes it; None in the light tier."""
        return self._painter.planes()

    def close(self) -> None:
        self._painter.release()


def painted_box(outline: NDArray[np.float32]) -> Rect:
    """The pixels that `paint_out` may touch for an outline float32[k, 2]."""
    middle = outline.mean(axis=0)
    grown = middle + (outline - middle) * OUTLINE_GROWTH
    low, high = np.floor(grown.min(axis=0)), np.ceil(grown.max(axis=0))
    return Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1])).grown(1)


def below(avatar: Avatar) -> tuple[int, int, int]:
    """The colour behind gaps in an avatar: its fur in shade, sRGB."""
    furs = [m.colors for m in avatar.light_meshes if m.material is Material.FUR]
    light = np.mean(np.concatenate(furs), axis=0) if furs else np.full(3, 0.1)
    red, green, blue = np.rint(255 * srgb_from_linear(BELOW_SHADE * light.astype(np.float64)))
    return int(red), int(green), int(blue)


def make_painter(
    tier: Tier, graphics: Graphics, settings: RenderSettings, avatar: Avatar, timer: StageTimer
) -> Painter:
    """The painter of a tier.

    Raises:
        GraphicsError: the driver cannot draw the head.
    """
    try:
        if tier == "full":
            return FullPainter(graphics, avatar, settings, timer)
        return LightPainter(graphics, avatar, timer)
    except moderngl.Error as error:
        raise GraphicsError(f"the head cannot be prepared: {error}") from error


def choose_tier(
    graphics: Graphics, settings: RenderSettings, avatar: Avatar, size: tuple[int, int]
) -> Tier:
    """The tier that was asked for, or the best one that a measurement allows."""
    if settings.tier != "auto":
        return settings.tier
    if graphics.software:
        return "light"
    try:
        took_s = full_frame_s(graphics, settings, avatar, size)
    except GraphicsError as error:
        log.warning("the full tier does not work here: %s", error)
        return "light"
    return "full" if took_s <= FULL_BUDGET_S else "light"


def full_frame_s(
    graphics: Graphics, settings: RenderSettings, avatar: Avatar, size: tuple[int, int]
) -> float:
    """How long the full tier takes for a head of half the picture's height, in seconds.

    Raises:
        GraphicsError: the driver cannot do it.
    """
    width, height = size
    painter = make_painter("full", graphics, settings, avatar, StageTimer())
    try:
        place = np.eye(4)
        head_m = 2.5 * avatar.fit.skull_half_width
        place[2, 3] = -focal_px(height) * head_m / (height / 2)
        state = AvatarState(place, place, np.full(len(EXPRESSIONS), 0.2, np.float32))
        image = np.full((height, width, 4), 128, np.uint8)
        times = []
        for _ in range(TRIALS):
            start = perf_counter()
            painter.begin(image)
            painter.add(state, settings.shadow)
            painter.finish()
            times.append(perf_counter() - start)
        return float(np.median(times[1:]))  # the first one compiles and allocates
    except moderngl.Error as error:
        raise GraphicsError(f"the full tier failed: {error}") from error
    finally:
        painter.release()
