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
from livecam.compose.base import Layers, primary_of
from livecam.compose.covers import OUTLINE_GROWTH, paint_out
from livecam.compose.painter import NOTHING, FullPainter, LightPainter, Painter
from livecam.compose.shadow import Body
from livecam.compose.stages import PictureStages
from livecam.config.settings import RenderSettings
from livecam.core.errors import GraphicsError
from livecam.core.face import EXPRESSIONS
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import focal_px
from livecam.core.srgb import srgb_from_linear
from livecam.core.timing import StageTimer
from livecam.render.context import Graphics
from livecam.segmentation.base import Segmentation

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
        stages: PictureStages | None = None,
    ) -> None:
        self.drawn = NOTHING
        self._graphics = graphics
        self._settings = settings
        self._timer = timer or StageTimer()
        self._below = [below(avatar)]
        self.tier: Tier = choose_tier(graphics, settings, avatar, size)
        self._painter = make_painter(self.tier, graphics, settings, avatar, self._timer)
        self._stages = stages or PictureStages(avatar, timer=self._timer)

    def wear(self, avatars: Sequence[Avatar]) -> None:
        """Readies the heads of several people.

        Raises:
            GraphicsError: the driver cannot draw one of them.
        """
        try:
            self._painter.wear(avatars)
        except moderngl.Error as error:
            raise GraphicsError(f"a head cannot be prepared: {error}") from error
        self._below = [below(avatar) for avatar in avatars]
        self._stages.wear(avatars)

    def compose(
        self, frame: Frame, avatars: Sequence[AvatarState], scene: Segmentation | None = None
    ) -> Frame:
        """A new frame with every avatar drawn, the farthest first.

        Raises:
            GraphicsError: the driver gave up.
        """
        self.drawn = NOTHING
        stages = self._stages
        primary = primary_of(avatars, scene)
        frame = self._without_faces(frame, [each for each in avatars if each is not primary])
        layers = stages.begin(frame, avatars, scene)
        stages.before(layers)
        self._paint_faces_out(layers)
        try:
            self._painter.light = stages.light(layers)
            self._painter.begin(layers.image, frame.captured_at)
            for state in sorted(layers.avatars, key=lambda s: float(s.camera_from_head[2, 3])):
                touched = self._painter.add(
                    state,
                    self._settings.shadow,
                    body_of(layers, state),
                    layers.coverage if stages.needs_coverage else None,
                    stages.softness(state),
                )
                self.drawn = self.drawn.union(touched)
                layers.head = layers.head.union(touched)
            layers.image = self._painter.finish()
        except moderngl.Error as error:
            raise GraphicsError(f"the head cannot be drawn: {error}") from error
        # Nothing raises when the driver lost its memory or its device: what was read is not a head.
        if (error_name := self._graphics.ctx.error) in FATAL:
            raise GraphicsError(f"the driver gave up: {error_name}")
        stages.after(layers)
        self.drawn = self.drawn.union(stages.changed(layers))
        return replace(frame, image=layers.image)

    def _without_faces(self, frame: Frame, states: Sequence[AvatarState]) -> Frame:
        """The picture as the stages may see it: they know of one face, and no other is there."""
        if not any(state.face_px is not None for state in states):
            return frame
        image = frame.image.copy()
        for state in states:
            if state.face_px is not None:
                paint_out(image, state.face_px, self._below_of(state))
        return replace(frame, image=image)

    def _below_of(self, state: AvatarState) -> tuple[int, int, int]:
        return self._below[state.slot % len(self._below)]

    def _paint_faces_out(self, layers: Layers) -> None:
        """Paints the real faces out, for heads with gaps."""
        height, width = layers.image.shape[:2]
        for state in layers.avatars:
            if state.face_px is None:
                continue
            paint_out(layers.image, state.face_px, self._below_of(state))
            box = painted_box(state.face_px).clipped(width, height)
            self.drawn = self.drawn.union(box)

    def planes(self) -> Image | None:
        """The last composed picture as I420, when the GPU makes it; None in the light tier, and
        when the processor had the last word."""
        return None if self._stages.work_after else self._painter.planes()

    def close(self) -> None:
        self._stages.close()
        self._painter.release()


def body_of(layers: Layers, state: AvatarState) -> Body | None:
    """What a head's shadow may fall on; None when nobody knows."""
    if layers.figure is None or layers.scene is None:
        return None
    if state is not layers.primary:  # only one body is known from its head
        return Body(layers.scene.person, layers.scene.cell)
    return Body(layers.figure.body, layers.scene.cell)


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
