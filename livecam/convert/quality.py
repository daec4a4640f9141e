"""The quality of a conversion: how much effort is spent on drawing a frame.

The other half of a quality, the effort of the encoder, is in `media/encodings.py`. What is hidden
never depends on it: faces and heads are searched for in the same way.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from livecam.avatar.base import Avatar
from livecam.compose.base import Compositor
from livecam.config.settings import NO_AVATAR, RenderSettings, Settings
from livecam.core.timing import StageTimer
from livecam.pipeline.build import compositor_factory
from livecam.pipeline.composition import CompositorFactory
from livecam.render.context import Graphics

BEST: dict[str, Any] = {"shells": 36, "samples": 8}  # or as many as the driver offers
# A software renderer shades every sample of a pixel that strands of fur cross. A head at twice its
# size, without multisampling, looks as good in half the time; more shells keep long strands whole.
UNSAMPLED: dict[str, Any] = {"shells": 24, "samples": 0}
HD = 1280 * 736  # pixels; in larger frames heads are too large to be drawn at twice their size


def film_compositors(
    settings: Settings, graphics: Graphics, timer: StageTimer
) -> CompositorFactory:
    """Makes the compositors for the frames of films and photos, in one context."""
    quick = settings.film.quality == "draft" or settings.avatar.avatar == NO_AVATAR
    hurried = quick or "tier" in settings.render.model_fields_set  # --tier auto measures

    @cache
    def factory(render: RenderSettings) -> CompositorFactory:
        drawn = settings.model_copy(update={"render": render})
        return compositor_factory(drawn, graphics, timer, blocking=True, hurried=hurried)

    def make(avatar: Avatar, width: int, height: int) -> Compositor:
        render = render_settings(settings, (width, height), software=graphics.software)
        return factory(render)(avatar, width, height)

    return make


def render_settings(settings: Settings, size: tuple[int, int], *, software: bool) -> RenderSettings:
    """Returns how heads are drawn into frames of that size: as set, and else by the quality."""
    is_small = size[0] * size[1] <= HD
    effort: dict[str, Any] = {}
    if settings.film.quality == "best":
        effort = BEST
    elif settings.film.quality == "good" and software and is_small:
        effort = UNSAMPLED
    chosen = settings.render.model_fields_set
    wanted = {name: value for name, value in effort.items() if name not in chosen}
    return settings.render.model_copy(update=wanted)
