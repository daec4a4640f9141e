"""Makes the environment map that glossy surfaces reflect, from the camera image."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image

SIZE = (16, 8)  # texels: far too few to show anything but the distribution of light
LEVELS = 2  # mipmaps, computed here: a software renderer is slow at it
UPDATE_S = 0.06  # interval of updates
VISIBLE = 0.003  # a smaller change is not uploaded
MIN_SAMPLES = 96  # pixels along a row
SETTLES_S = 0.7  # time constant
GAMMA = 2.2  # accurate enough for a blur
HIGHLIGHT = 1.6  # gain: white in the image is clipped light


class EnvironmentMap:
    """A small, blurred texture that follows the camera image slowly. On the context's thread."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self.texture = ctx.texture(SIZE, 4, dtype="f2")
        self.texture.build_mipmaps(0, LEVELS)  # allocates them
        self.texture.filter = moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR
        self.texture.repeat_x = self.texture.repeat_y = False
        self._light = studio()
        self._updated_at: float | None = None
        self._write()

    def update(self, image: Image, at_s: float) -> None:
        """Blends in an image uint8[h, w, 4] of that capture time; the first replaces the map."""
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
        for level in range(LEVELS + 1):
            self.texture.write(light.astype(np.float16).tobytes(), level=level)
            quarters = (light[y::2, x::2] for y in (0, 1) for x in (0, 1))
            light = np.mean(np.stack(tuple(quarters)), axis=0, dtype=np.float32)

    def release(self) -> None:
        self.texture.release()


def environment_of(image: Image) -> NDArray[np.float32]:
    """Downscales an image to blurred linear light, float32[8, 16, 3]."""
    step = max(1, min(image.shape[1] // MIN_SAMPLES, image.shape[0] // SIZE[1]))
    small = np.ascontiguousarray(image[::step, ::step, :3])
    small = np.asarray(cv2.resize(small, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    light = HIGHLIGHT * (small.astype(np.float32) / 255) ** np.float32(GAMMA)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), 0.8), np.float32)


def studio() -> NDArray[np.float32]:
    """Makes the map before the first image: grey, brighter above, float32[8, 16, 4]."""
    out = np.ones((SIZE[1], SIZE[0], 4), np.float32)
    out[..., :3] = np.linspace(0.45, 0.12, SIZE[1], dtype=np.float32)[:, None, None]
    return out
