"""The room in which a head stands, as glossy things mirror it: the camera's own picture."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image

SIZE = (16, 8)  # texels: far too few to show anything but where it is bright
BLURS = 2  # levels of half the size: a driver that is software makes them dearly
UPDATE_S = 0.06  # between two looks
VISIBLE = 0.003  # a smaller change is not sent to the driver
ROUGH = 96  # at least so many pixels along a row are looked at
SETTLES_S = 0.7  # a picture that changes at once takes that long to be two thirds there
GAMMA = 2.2  # near enough for a blur
HIGHLIGHT = 1.6  # what is white in the picture was brighter than that


class EnvironmentMap:
    """A small, blurred texture that follows the picture slowly. Used on the context's thread."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self.texture = ctx.texture(SIZE, 4, dtype="f2")
        self.texture.build_mipmaps(0, BLURS)  # makes room for them
        self.texture.filter = moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR
        self.texture.repeat_x = self.texture.repeat_y = False
        self._light = studio()
        self._updated_at: float | None = None
        self._write()

    def update(self, image: Image, at_s: float) -> None:
        """Takes in a picture uint8[h, w, 4], taken at that moment; the first one at once."""
        if self._updated_at is not None and 0 <= at_s - self._updated_at < UPDATE_S:
            return
        light = environment_of(image)
        if self._updated_at is None:
            self._light[..., :3] = light
        else:
            share = np.float32(1 - np.exp(-max(0.0, at_s - self._updated_at) / SETTLES_S))
            self._light[..., :3] += (light - self._light[..., :3]) * share
        self._updated_at = at_s
        if np.abs(self._light - self._written).max() > VISIBLE:
            self._write()

    def _write(self) -> None:
        self._written = light = self._light.copy()
        for level in range(BLURS + 1):
            self.texture.write(light.astype(np.float16).tobytes(), level=level)
            quarters = (light[y::2, x::2] for y in (0, 1) for x in (0, 1))
            light = np.mean(np.stack(tuple(quarters)), axis=0, dtype=np.float32)

    def release(self) -> None:
        self.texture.release()


def environment_of(image: Image) -> NDArray[np.float32]:
    """A picture as blurred linear light, float32[8, 16, 3]."""
    step = max(1, min(image.shape[1] // ROUGH, image.shape[0] // SIZE[1]))
    small = np.ascontiguousarray(image[::step, ::step, :3])
    small = np.asarray(cv2.resize(small, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    light = HIGHLIGHT * (small.astype(np.float32) / 255) ** np.float32(GAMMA)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), 0.8), np.float32)


def studio() -> NDArray[np.float32]:
    """A room for when there is no picture: grey, brighter above, float32[8, 16, 4]."""
    out = np.ones((SIZE[1], SIZE[0], 4), np.float32)
    out[..., :3] = np.linspace(0.45, 0.12, SIZE[1], dtype=np.float32)[:, None, None]
    return out
