"""Turn pictures into I420 on the GPU, and fetch them without waiting."""

from __future__ import annotations

from collections import deque

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.render.shaders import Program

PICTURE_UNIT = 0


class GpuI420:
    """RGBA to I420, BT.709 limited range, with rotating read-back buffers.

    With a delay of n, `convert` returns the picture given n calls earlier, which the GPU has
    finished by then; 0 waits. Worth its while on a GPU only. Used on the context's thread.
    """

    def __init__(self, ctx: moderngl.Context, width: int, height: int, delay: int = 1) -> None:
        if width % 2 or height % 2:
            raise ValueError(f"I420 needs even sizes, not {width}x{height}")
        self._ctx = ctx
        self._shape = (height * 3 // 2, width)
        self._program = Program(ctx, "quad.vert", "i420.frag")
        self._program.set(picture_srgb=PICTURE_UNIT, size=(float(width), float(height)))
        self._quad = ctx.vertex_array(self._program.gl, [])
        self._source = ctx.texture((width, height), 4)
        self._source.repeat_x = self._source.repeat_y = False
        self._planes = ctx.texture((width, height * 3 // 2), 1)
        self._frame = ctx.framebuffer([self._planes])
        self._waiting: deque[moderngl.Buffer] = deque()
        self._free = deque(ctx.buffer(reserve=width * height * 3 // 2) for _ in range(delay + 1))

    @property
    def programs(self) -> list[Program]:
        """Every program, for the tests."""
        return [self._program]

    def convert(self, image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """The I420 picture uint8[h * 3 // 2, w] of `delay` calls ago; None while there is none.

        `image` is uint8[h, w, 4].
        """
        self._source.write(image)
        self._draw()
        buffer = self._free.popleft()
        self._frame.read_into(buffer, components=1)
        self._waiting.append(buffer)
        return self._oldest() if not self._free else None

    def flush(self) -> list[NDArray[np.uint8]]:
        """Everything still under way, oldest first."""
        return [self._oldest() for _ in range(len(self._waiting))]

    def _draw(self) -> None:
        self._ctx.enable_only(moderngl.NOTHING)
        self._frame.use()
        self._source.use(PICTURE_UNIT)
        self._quad.render(moderngl.TRIANGLES, vertices=3)

    def _oldest(self) -> NDArray[np.uint8]:
        buffer = self._waiting.popleft()
        out = np.empty(self._shape, np.uint8)
        buffer.read_into(out)
        self._free.append(buffer)
        return out

    def release(self) -> None:
        for buffer in (*self._waiting, *self._free):
            buffer.release()
        self._frame.release()
        self._planes.release()
        self._source.release()
        self._quad.release()
        self._program.release()
