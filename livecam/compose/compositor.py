"""Draw avatars over the picture they were measured from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import moderngl
import numpy as np

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.blend import blend, soften
from livecam.compose.shadow import ShadowPlace, cast
from livecam.config.settings import RenderSettings
from livecam.core.errors import GraphicsError
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import project
from livecam.core.timing import StageTimer
from livecam.render.context import Graphics
from livecam.render.head import LightHeadRenderer

NOTHING = Rect(0, 0, 0, 0)


class HeadCompositor:
    """Draws heads, throws their shadow, blends: implements compose/base.Compositor.

    Used and closed on the thread of the context. Stage times go to `timer`: morph, draw, read,
    soften, shadow, blend.
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
        self.tier = "light"
        self._graphics = graphics
        self._settings = settings
        self._size = size
        self._timer = timer or StageTimer()
        self._avatar = avatar
        self._renderer = LightHeadRenderer(graphics, avatar)

    def set_avatar(self, avatar: Avatar) -> None:
        """Draws another avatar from the next picture on."""
        renderer = LightHeadRenderer(self._graphics, avatar)
        self._renderer.release()
        self._renderer, self._avatar = renderer, avatar

    def set_settings(self, settings: RenderSettings) -> None:
        """Takes the live settings; the others wait for the next start."""
        self._settings = settings

    def compose(self, frame: Frame, avatars: Sequence[AvatarState]) -> Frame:
        """A new frame with every avatar drawn, the farthest first.

        Raises:
            GraphicsError: the driver gave up.
        """
        image = frame.image.copy()
        self.drawn = NOTHING
        try:
            for state in sorted(avatars, key=lambda s: float(s.camera_from_head[2, 3])):
                self.drawn = self.drawn.union(self._add(image, state))
        except moderngl.Error as error:
            raise GraphicsError(f"the head cannot be drawn: {error}") from error
        return replace(frame, image=image)

    def _add(self, image: Image, state: AvatarState) -> Rect:
        height, width = image.shape[:2]
        head = self._renderer.draw(state, width, height, self._timer)
        if head is None:
            return NOTHING
        with self._timer.stage("soften"):
            soft = soften(head.pixels, head.rect.width, head.rect.height)
        with self._timer.stage("shadow"):
            place = self._shadow_place(state, width, height)
            shaded = cast(image, soft[..., 3], head.rect, place, self._settings.shadow)
        with self._timer.stage("blend"):
            blend(image[head.rect.slices], soft)
        return head.rect.union(shaded)

    def _shadow_place(self, state: AvatarState, width: int, height: int) -> ShadowPlace:
        fit = self._avatar.fit
        neck = np.array([fit.neck_pivot, fit.neck_pivot], np.float64)
        neck[1, 1] += fit.skull_half_width
        pixels = project(state.camera_from_body, neck, width, height)
        key = self._renderer.light.key_direction
        return ShadowPlace(
            unit_px=float(np.clip(np.hypot(*(pixels[1] - pixels[0])), 1, height)),
            neck_y_px=float(np.clip(pixels[0, 1], -1e6, 1e6)),
            towards_key=(key[0], -key[1]),
        )

    def close(self) -> None:
        self._renderer.release()
