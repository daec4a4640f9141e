"""Draws frames, and each of them again with another image, to measure what is visible of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.base import Layers
from livecam.compose.compositor import HeadCompositor
from livecam.compose.stages import CompositingStages
from livecam.config.settings import Settings
from livecam.core.closing import Closing
from livecam.core.frame import Frame, Image, Rect
from livecam.core.timing import StageTimer
from livecam.measure.leak import BoolMask
from livecam.measure.picture_quality.playback import CompositionInput
from livecam.pipeline.composition import Composite, Composition
from livecam.render.context import Graphics
from livecam.render.light import STUDIO, Light
from livecam.segmentation.base import Segmentation


class Redrawer(Protocol):
    """Draws frames in their order, and the last one again with another image."""

    @property
    def layers(self) -> Layers: ...

    @property
    def drawn(self) -> Rect: ...

    def draw(self, inputs: CompositionInput) -> Image:
        """Returns the composite."""
        ...

    def redraw(self, inputs: CompositionInput, image: Image) -> Image:
        """Returns the composite of the last frame with another image.

        The state of earlier frames, the light and the grain are the same, and stay so.
        """
        ...


class CompositorRedrawer(Closing):
    """Redraws with the compositor of the pipeline. Thread of the context."""

    def __init__(self, graphics: Graphics, avatar: Avatar, settings: Settings) -> None:
        timer = StageTimer()
        self._stages = _InspectedStages(avatar, settings.picture, settings.effects, timer)

        def make(avatar: Avatar, width: int, height: int) -> HeadCompositor:
            return HeadCompositor(
                graphics, avatar, settings.render, (width, height), timer, self._stages
            )

        self._composition = Composition(make, (avatar,), timer)
        self._before: dict[str, object] = {}  # state of the stages before the last frame
        self.drawn = Rect(0, 0, 0, 0)

    @property
    def layers(self) -> Layers:
        return self._stages.layers

    def draw(self, inputs: CompositionInput) -> Image:
        self._before = self._stages.saved_state()
        composite = self._composed(inputs, inputs.frame)
        self.drawn = composite.box
        return composite.frame.image

    def redraw(self, inputs: CompositionInput, image: Image) -> Image:
        stages, layers = self._stages, self._stages.layers
        now, stages.fixed_light = stages.saved_state(), stages.last_light
        stages.restore(self._before)
        drawn = self._composed(inputs, replace(inputs.frame, image=image)).frame.image
        stages.restore(now)
        stages.layers, stages.fixed_light = layers, None
        return drawn

    def close(self) -> None:
        self._composition.close()

    def _composed(self, inputs: CompositionInput, frame: Frame) -> Composite:
        return self._composition.compose(frame, (inputs.state,), inputs.segmentation)


class _InspectedStages(CompositingStages):
    """The stages of the pipeline, with access to their layers and their state."""

    layers: Layers
    last_light: Light = STUDIO
    fixed_light: Light | None = None
    _own = ("layers", "last_light", "fixed_light")

    @property
    def needs_coverage(self) -> bool:
        return True

    def begin(
        self, frame: Frame, avatars: Sequence[AvatarState], segmentation: Segmentation | None
    ) -> Layers:
        self.layers = super().begin(frame, avatars, segmentation)
        return self.layers

    def light(self, layers: Layers) -> Light:
        estimated = super().light(layers)
        if self.fixed_light is not None:
            return self.fixed_light
        self.last_light = estimated
        return estimated

    def saved_state(self) -> dict[str, object]:
        """Returns a copy of the state that is kept from frame to frame."""
        parts = {name: part for name, part in vars(self).items() if name not in self._own}
        fixed = (self._timer, self._projections, self._picture)
        return copy.deepcopy(parts, {id(part): part for part in fixed})

    def restore(self, state: dict[str, object]) -> None:
        """Restores a state; the given one is not changed."""
        fixed = (self._timer, self._projections, self._picture)
        vars(self).update(copy.deepcopy(state, {id(part): part for part in fixed}))


def visible_background(
    redrawer: Redrawer, inputs: CompositionInput, where: BoolMask
) -> NDArray[np.uint8]:
    """Returns the contribution of the background to the composite, 0..255; 0 outside of `where`."""
    noise = balanced_noise(*where.shape)
    composites = []
    for colours in (noise, 255 - noise):
        image = inputs.frame.image.copy()
        image[where, :3] = colours[where]
        composites.append(redrawer.redraw(inputs, image)[..., :3])
    difference = cv2.absdiff(*composites).max(axis=2)
    return np.asarray(np.where(where, difference, 0), np.uint8)


@lru_cache(maxsize=2)
def balanced_noise(height: int, width: int) -> NDArray[np.uint8]:
    """Returns noise of 0 and 255, uint8[h, w, 3], read-only; each 2 x 2 block holds two of each.

    Its mean over a region is grey, like that of its inverse: estimates from colours of regions are
    the same for both.
    """
    blocks = np.random.default_rng(0).random(((height + 1) // 2, (width + 1) // 2, 3, 4))
    bright = blocks.argsort(axis=-1) < 2
    rows, columns = bright.shape[:2]
    pixels = bright.reshape(rows, columns, 3, 2, 2).transpose(0, 3, 1, 4, 2)
    noise = np.where(pixels, np.uint8(255), np.uint8(0)).reshape(2 * rows, 2 * columns, 3)
    noise = np.ascontiguousarray(noise[:height, :width])
    noise.flags.writeable = False
    return noise
