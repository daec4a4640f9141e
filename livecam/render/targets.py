"""Where a head is drawn before it is blended: textures that grow with it."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

STEP = 64  # sizes are rounded up to this, so that a moving head does not allocate every frame


def _rounded(size: int) -> int:
    return -(-size // STEP) * STEP


class EncodedTarget:
    """8-bit sRGB colour and depth in ordinary memory: for software renderers."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._color: moderngl.Renderbuffer | None = None
        self._size = (0, 0)
        self._pixels = np.empty(0, np.uint8)
        self.size = (0, 0)  # of what is drawn, at most that of the buffers

    def begin(self, width: int, height: int) -> None:
        """Binds and clears a drawing of that size."""
        self.size = (width, height)
        if not self._fits(width, height):
            self._allocate(_rounded(width), _rounded(height))
        self._frame.use()
        self._frame.viewport = (0, 0, width, height)
        self._frame.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)

    def _fits(self, width: int, height: int) -> bool:
        have_w, have_h = self._size
        # Clearing costs by the buffer's size: one that became far too large is replaced.
        waste = have_w * have_h > 2 * _rounded(width) * _rounded(height)
        return width <= have_w and height <= have_h and not waste

    def _allocate(self, width: int, height: int) -> None:
        self.release()
        self._size = (width, height)
        self._color = self._ctx.renderbuffer((width, height), 4)
        self._depth = self._ctx.depth_renderbuffer((width, height))
        self._frame = self._ctx.framebuffer([self._color], self._depth)

    def read(self) -> NDArray[np.uint8]:
        """The drawing, uint8[h, w, 4], premultiplied; valid until the next call."""
        width, height = self.size
        if self._pixels.size < width * height * 4:
            self._pixels = np.empty(_rounded(width) * _rounded(height) * 4, np.uint8)
        pixels = self._pixels[: width * height * 4]
        self._frame.read_into(pixels, (0, 0, width, height), components=4)
        return pixels.reshape(height, width, 4)

    def release(self) -> None:
        if self._color is not None:
            for thing in (self._frame, self._color, self._depth):
                thing.release()
            self._color = None
