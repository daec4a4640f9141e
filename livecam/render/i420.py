"""Converts an image on the GPU to I420, so that fewer bytes are read back."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.render.shaders import Program

IMAGE_UNIT = 0


class GpuI420:
    """RGBA textures to I420, BT.709 limited range. Used on the context's thread."""

    def __init__(self, ctx: moderngl.Context, width: int, height: int) -> None:
        if width % 2 or height % 2:
            raise ValueError(f"I420 needs even sizes, not {width}x{height}")
        self.size = (width, height)
        self._ctx = ctx
        self._shape = (height * 3 // 2, width)
        self._program = Program(ctx, "quad.vert", "i420.frag")
        self._program.set(image=IMAGE_UNIT, size=(float(width), float(height)))
        self._quad = ctx.vertex_array(self._program.gl, [])
        self._planes = ctx.texture((width, height * 3 // 2), 1)
        self._frame = ctx.framebuffer([self._planes])

    def convert(self, image: moderngl.Texture) -> NDArray[np.uint8]:
        """Converts an sRGB texture, which the sampler decodes to linear: uint8[h * 3 // 2, w]."""
        self._ctx.enable_only(moderngl.NOTHING)
        self._frame.use()
        image.use(IMAGE_UNIT)
        self._quad.render(moderngl.TRIANGLES, vertices=3)
        data = self._frame.read(components=1, alignment=1)
        return np.frombuffer(data, np.uint8).reshape(self._shape)

    def release(self) -> None:
        self._frame.release()
        self._planes.release()
        self._quad.release()
        self._program.release()
