"""Render targets: framebuffers that grow with what is drawn into them.

Row 0 of every target is the top row of the image.
"""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import GraphicsError
from livecam.core.frame import Rect

STEP = 64  # sizes are rounded up to this, so that a moving head does not allocate every frame


def _rounded(size: int) -> int:
    return -(-size // STEP) * STEP


SHADOW_MAP_SIZE = 1024
COARSE = 256  # cells along an edge of a coarse target
SRGB8_ALPHA8 = 0x8C43
FRAMEBUFFER_SRGB = 0x8DB9


def _fits(have: tuple[int, int], width: int, height: int) -> bool:
    # Clearing costs by the size of the buffer: one that is far too large is replaced.
    waste = have[0] * have[1] > 2 * _rounded(width) * _rounded(height)
    return width <= have[0] and height <= have[1] and not waste


class EncodedTarget:
    """8-bit sRGB colour and depth, read back to main memory: for software renderers."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._color: moderngl.Renderbuffer | None = None
        self._size = (0, 0)
        self._pixels = np.empty(0, np.uint8)
        self.size = (0, 0)  # of the render, at most that of the buffers

    def begin(self, width: int, height: int) -> None:
        """Binds and clears a render of that size."""
        self.size = (width, height)
        if not _fits(self._size, width, height):
            self._allocate(_rounded(width), _rounded(height))
        self._frame.use()
        self._frame.viewport = (0, 0, width, height)
        self._frame.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)

    def _allocate(self, width: int, height: int) -> None:
        self.release()
        self._size = (width, height)
        self._color = self._ctx.renderbuffer((width, height), 4)
        self._depth = self._ctx.depth_renderbuffer((width, height))
        self._frame = self._ctx.framebuffer([self._color], self._depth)

    def read(self) -> NDArray[np.uint8]:
        """Reads back uint8[h, w, 4], premultiplied; valid until the next call."""
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


class MultisampledTarget:
    """Linear half floats and depth, multisampled, and the texture they resolve into."""

    def __init__(self, ctx: moderngl.Context, samples: int) -> None:
        self._ctx = ctx
        self._samples = min(samples, ctx.max_samples)
        self.multisampled = self._samples > 1
        self._size = (0, 0)
        self._things: list[moderngl.Renderbuffer | moderngl.Framebuffer | moderngl.Texture] = []

    def begin(self, width: int, height: int) -> None:
        """Binds and clears a render of that size."""
        if not _fits(self._size, width, height):
            self._allocate(_rounded(width), _rounded(height))
        self._frame.use()
        self._frame.viewport = (0, 0, width, height)
        self._frame.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)

    @property
    def size(self) -> tuple[int, int]:
        """The size of the textures; the render may be smaller."""
        return self._size

    def _allocate(self, width: int, height: int) -> None:
        self.release()
        self._size = size = (width, height)
        color = self._ctx.renderbuffer(size, 4, samples=self._samples, dtype="f2")
        depth = self._ctx.depth_renderbuffer(size, samples=self._samples)
        self._frame = self._ctx.framebuffer([color], depth)
        self._texture = self._ctx.texture(size, 4, dtype="f2")
        self._texture.repeat_x = self._texture.repeat_y = False
        self._resolved = self._ctx.framebuffer([self._texture])
        self._things = [self._frame, self._resolved, color, depth, self._texture]

    def resolve(self) -> moderngl.Texture:
        """Resolves the samples; the texture is valid until the next `begin`."""
        self._ctx.copy_framebuffer(self._resolved, self._frame)
        return self._texture

    def release(self) -> None:
        for thing in self._things:
            thing.release()
        self._things = []


class ShadowMap:
    """Depth from the key light."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self.texture = ctx.depth_texture((SHADOW_MAP_SIZE, SHADOW_MAP_SIZE))
        self.texture.compare_func = "<="
        self.texture.repeat_x = self.texture.repeat_y = False
        self._frame = ctx.framebuffer(depth_attachment=self.texture)

    def begin(self) -> None:
        """Binds and clears it."""
        self._frame.use()
        self._frame.clear(depth=1.0)

    def release(self) -> None:
        self._frame.release()
        self.texture.release()


class CoarseTarget:
    """Two channels of 8 bits at low resolution, stretched over a region: for soft shadows."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self.texture = ctx.texture((COARSE, COARSE), 2)
        self.texture.repeat_x = self.texture.repeat_y = False
        self._frame = ctx.framebuffer([self.texture])

    def begin(self) -> None:
        """Binds it without clearing: every pixel will be drawn."""
        self._frame.use()

    def release(self) -> None:
        self._frame.release()
        self.texture.release()


class ImageTarget:
    """The image on the GPU: sRGB bytes go in and out, blending is in linear light."""

    def __init__(self, ctx: moderngl.Context, size: tuple[int, int]) -> None:
        """Raises GraphicsError for a size that the graphics card cannot hold."""
        max_side = int(ctx.info["GL_MAX_TEXTURE_SIZE"])
        if max(size) > max_side:
            raise GraphicsError(
                "{width}x{height} pixels are more than this graphics card can draw",
                hint="use a source of at most {max_side} pixels along a side, or --tier light",
                width=size[0], height=size[1], max_side=max_side,
            )  # fmt: skip
        self._ctx = ctx
        self.size = size
        self.texture = ctx.texture(size, 4, internal_format=SRGB8_ALPHA8)
        self._frame = ctx.framebuffer([self.texture])

    def upload(self, image: NDArray[np.uint8]) -> None:
        """Uploads an image uint8[h, w, 4] of this size."""
        self.texture.write(image)

    def begin(self, rect: Rect) -> None:
        """Binds a rectangle for blending with premultiplied linear colour and coverage."""
        self._frame.use()
        self._frame.viewport = (rect.x0, rect.y0, rect.width, rect.height)
        self._ctx.enable_only(moderngl.BLEND)
        self._ctx.enable_direct(FRAMEBUFFER_SRGB)
        self._ctx.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA

    def end(self) -> None:
        """Restores the state of the context."""
        self._ctx.disable_direct(FRAMEBUFFER_SRGB)
        self._ctx.enable_only(moderngl.NOTHING)

    def read(self, rect: Rect) -> NDArray[np.uint8]:
        """Reads back a rectangle, uint8[h, w, 4]."""
        viewport = (rect.x0, rect.y0, rect.width, rect.height)
        data = self._frame.read(viewport, components=4)
        return np.frombuffer(data, np.uint8).reshape(rect.height, rect.width, 4)

    def release(self) -> None:
        self._frame.release()
        self.texture.release()
