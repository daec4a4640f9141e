"""Composites rendered heads over camera frames."""

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
from livecam.compose.base import Detail, Layers, PreparedFrame, ReadyStages, primary_of
from livecam.compose.covers import OUTLINE_GROWTH, paint_out
from livecam.compose.painter import NOTHING, FullPainter, LightPainter, Painter
from livecam.compose.shadow import ShadowCatcher
from livecam.compose.stages import CompositingStages
from livecam.config.settings import RenderSettings
from livecam.core.errors import GraphicsError
from livecam.core.face import EXPRESSIONS
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import focal_px
from livecam.core.srgb import srgb_from_linear
from livecam.core.timing import StageTimer
from livecam.kernels.loading import begin_loading
from livecam.render.context import Graphics
from livecam.segmentation.base import Segmentation

log = logging.getLogger(__name__)

Tier = Literal["light", "full"]
FULL_BUDGET_S = 0.012  # per frame at 30 a second, so that tracking and sinks keep up
TRIALS = 6
SMALL = 0.05  # part of the height, of a head drawn to see whether that works
FATAL = ("GL_OUT_OF_MEMORY", "GL_INVALID_FRAMEBUFFER_OPERATION", "GL_UNKNOWN_ERROR")
UNDERPAINT_SHADE = 0.5  # brightness of the underpaint over that of the fur


class HeadCompositor:
    """Renders heads, casts their shadow, blends: implements compose/base.Compositor.

    Used and closed on the thread of the context, except for `prepare`. Stage times go to `timer`:
    room, morph, draw, read, shadow, blend, and soften in the light tier. Unless `hurried`, "auto"
    is the full tier wherever it works.

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
        stages: CompositingStages | None = None,
        *,
        hurried: bool = True,
    ) -> None:
        begin_loading()
        self.drawn = NOTHING
        self.detail = Detail()
        self._graphics = graphics
        self._settings = settings
        self._timer = timer or StageTimer()
        self._underpaint = [underpaint_colour(avatar)]
        self.tier: Tier = choose_tier(graphics, settings, avatar, size, hurried=hurried)
        self._painter = make_painter(self.tier, graphics, settings, avatar, self._timer)
        self._stages = stages or CompositingStages(avatar, timer=self._timer)

    def set_avatars(self, avatars: Sequence[Avatar]) -> None:
        """Prepares the heads of all slots.

        Raises:
            GraphicsError: the driver cannot draw one of them.
        """
        try:
            self._painter.set_avatars(avatars)
        except moderngl.Error as error:
            raise GraphicsError("a head cannot be prepared: {error}", error=error) from error
        self._underpaint = [underpaint_colour(avatar) for avatar in avatars]
        self._stages.set_avatars(avatars)

    def adopt(self, settings: RenderSettings, ready: ReadyStages) -> None:
        """Changes to other settings; the tier stays."""
        self._settings = settings
        self._stages.adopt(ready)

    def compose(
        self, frame: Frame, avatars: Sequence[AvatarState], segmentation: Segmentation | None = None
    ) -> Frame:
        """Returns a new frame with every avatar drawn, the farthest first.

        Raises:
            GraphicsError: the driver gave up.
        """
        return self.draw(self.prepare(frame, avatars, segmentation))

    def prepare(
        self, frame: Frame, avatars: Sequence[AvatarState], segmentation: Segmentation | None = None
    ) -> PreparedFrame:
        """Composites all below the heads; needs no OpenGL."""
        stages = self._stages
        primary = primary_of(avatars, segmentation)
        stages.light_period_s = self.detail.light_period_s
        bare = self._without_faces(frame, [each for each in avatars if each is not primary])
        layers = stages.begin(bare, avatars, segmentation)
        stages.before(layers)
        changed = self._paint_faces_out(layers)
        return PreparedFrame(frame, layers, stages.light(layers), changed)

    def draw(self, prepared: PreparedFrame) -> Frame:
        """Draws the heads and all above them.

        Raises:
            GraphicsError: the driver gave up.
        """
        stages, layers = self._stages, prepared.layers
        self.drawn = prepared.changed
        try:
            self._painter.scale = self.detail.scale
            self._painter.light = prepared.light
            self._painter.begin(layers.image, prepared.frame.captured_at)
            for state in sorted(layers.avatars, key=lambda s: float(s.camera_from_head[2, 3])):
                touched = self._painter.add(
                    state,
                    self._settings.shadow,
                    shadow_catcher(layers, state),
                    layers.coverage if stages.needs_coverage else None,
                    stages.blur(layers, state),
                )
                self.drawn = self.drawn.union(touched)
                layers.head_rect = layers.head_rect.union(touched)
            layers.image = self._painter.finish()
        except moderngl.Error as error:
            raise GraphicsError("the head cannot be drawn: {error}", error=error) from error
        # moderngl does not raise when the driver lost memory or device: the pixels are invalid.
        if (error_name := self._graphics.ctx.error) in FATAL:
            raise GraphicsError("the driver gave up: {error}", error=error_name)
        self.drawn = self.drawn.union(stages.after(layers))
        return replace(prepared.frame, image=layers.image)

    def _without_faces(self, frame: Frame, states: Sequence[AvatarState]) -> Frame:
        """Paints out the faces of all but the primary avatar, so that stages find one face."""
        if not any(state.face_px is not None for state in states):
            return frame
        image = frame.image.copy()
        for state in states:
            if state.face_px is not None:
                paint_out(image, state.face_px, self._underpaint_of(state))
        return replace(frame, image=image)

    def _underpaint_of(self, state: AvatarState) -> tuple[int, int, int]:
        return self._underpaint[state.slot % len(self._underpaint)]

    def _paint_faces_out(self, layers: Layers) -> Rect:
        """Paints the real faces out, so that gaps of a head do not show them; returns where."""
        height, width = layers.image.shape[:2]
        changed = NOTHING
        for state in layers.avatars:
            if state.face_px is None:
                continue
            paint_out(layers.image, state.face_px, self._underpaint_of(state))
            changed = changed.union(underpaint_rect(state.face_px).clipped(width, height))
        return changed

    def planes(self) -> Image | None:
        """Returns the last composite as I420; None in the light tier or after CPU stages."""
        return None if self._stages.draws_after_head else self._painter.planes()

    def close(self) -> None:
        self._stages.close()
        self._painter.release()


def shadow_catcher(layers: Layers, state: AvatarState) -> ShadowCatcher | None:
    """Returns the mask that a head's shadow may darken; None without segmentation."""
    if layers.parts is None or layers.segmentation is None:
        return None
    if state is not layers.primary:  # only the primary's body is separated from its head
        return ShadowCatcher(layers.segmentation.person, layers.segmentation.cell)
    return ShadowCatcher(layers.parts.body, layers.segmentation.cell)


def underpaint_rect(outline: NDArray[np.float32]) -> Rect:
    """Returns the rectangle that `paint_out` may change for an outline float32[k, 2]."""
    middle = outline.mean(axis=0)
    grown = middle + (outline - middle) * OUTLINE_GROWTH
    low, high = np.floor(grown.min(axis=0)), np.ceil(grown.max(axis=0))
    return Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1])).grown(1)


def underpaint_colour(avatar: Avatar) -> tuple[int, int, int]:
    """Returns the colour under an avatar, visible through its gaps: its fur in shade, sRGB."""
    furs = [m.colors for m in avatar.light_meshes if m.material is Material.FUR]
    light = np.mean(np.concatenate(furs), axis=0) if furs else np.full(3, 0.1)
    red, green, blue = np.rint(255 * srgb_from_linear(UNDERPAINT_SHADE * light.astype(np.float64)))
    return int(red), int(green), int(blue)


def make_painter(
    tier: Tier, graphics: Graphics, settings: RenderSettings, avatar: Avatar, timer: StageTimer
) -> Painter:
    """Makes the painter of a tier.

    Raises:
        GraphicsError: the driver cannot draw the head.
    """
    try:
        if tier == "full":
            return FullPainter(graphics, avatar, settings, timer)
        return LightPainter(graphics, avatar, timer)
    except moderngl.Error as error:
        raise GraphicsError("the head cannot be prepared: {error}", error=error) from error


def choose_tier(
    graphics: Graphics,
    settings: RenderSettings,
    avatar: Avatar,
    size: tuple[int, int],
    *,
    hurried: bool = True,
) -> Tier:
    """Returns the tier of the settings; for "auto" the best that works, and is fast enough."""
    if settings.tier != "auto":
        return settings.tier
    if graphics.software and hurried:
        return "light"
    try:
        if hurried:
            took_s = full_frame_s(graphics, settings, avatar, size)
        else:
            took_s = full_frame_s(graphics, settings, avatar, size, part=SMALL, trials=1)
    except GraphicsError as error:
        graphics.release_unfinished(error)
        log.warning("the full tier does not work here: %s", error, exc_info=True)
        return "light"
    return "light" if hurried and took_s > FULL_BUDGET_S else "full"


def full_frame_s(
    graphics: Graphics,
    settings: RenderSettings,
    avatar: Avatar,
    size: tuple[int, int],
    part: float = 0.5,
    trials: int = TRIALS,
) -> float:
    """Measures how long the full tier takes for a head of that part of the height, in seconds.

    Raises:
        GraphicsError: the driver cannot draw it.
    """
    width, height = size
    painter = make_painter("full", graphics, settings, avatar, StageTimer())
    try:
        camera_from_head = np.eye(4)
        head_m = 2.5 * avatar.fit.skull_half_width
        camera_from_head[2, 3] = -focal_px(height) * head_m / (height * part)
        weights = np.full(len(EXPRESSIONS), 0.2, np.float32)
        state = AvatarState(camera_from_head, camera_from_head, weights)
        image = np.full((height, width, 4), 128, np.uint8)
        times = []
        for _ in range(trials):
            start = perf_counter()
            painter.begin(image)
            painter.add(state, settings.shadow)
            painter.finish()
            times.append(perf_counter() - start)
        return float(np.median(times[1:] or times))  # the first compiles and allocates
    except moderngl.Error as error:
        raise GraphicsError("the full tier failed: {error}", error=error) from error
    finally:
        painter.release()
