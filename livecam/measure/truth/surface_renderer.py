"""Renders textured surfaces; a vertex is exact to a few thousandths of a pixel.

Textures are mipmapped and edges multisampled, so that a motion by a part of a pixel is visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.frame import Image
from livecam.core.spaces import Matrix4
from livecam.measure.truth.head import Surface
from livecam.render.context import Graphics
from livecam.render.matrices import clip_from_camera
from livecam.render.shaders import Program

SAMPLES = 4
TEXTURE_UNIT = 0


class SurfaceRenderer(Closing):
    """Draws a body and a head before a background. Thread of the context."""

    def __init__(self, graphics: Graphics, width: int, height: int) -> None:
        self._ctx = ctx = graphics.ctx
        self._size = (width, height)
        self._program = Program(ctx, "surface.vert", "surface.frag", folder=Path(__file__).parent)
        # An image begins with its top row, OpenGL with the bottom one: drawn upside down, the
        # image is read back upright.
        upside_down = np.diag((1.0, -1.0, 1.0, 1.0))
        matrix = upside_down @ clip_from_camera(width, height)
        self._program.set(clip_from_camera=matrix, surface=TEXTURE_UNIT)
        samples = min(SAMPLES, ctx.max_samples)
        self._color = ctx.renderbuffer(self._size, 4, samples=samples)
        self._depth = ctx.depth_renderbuffer(self._size, samples=samples)
        self._frame = ctx.framebuffer([self._color], self._depth)
        self._plain = ctx.renderbuffer(self._size, 4)
        self._resolved = ctx.framebuffer([self._plain])
        self._buffers: dict[int, _SurfaceBuffers] = {}

    def draw(
        self, background: Surface, body: Surface, head: Surface, poses: tuple[Matrix4, Matrix4]
    ) -> NDArray[np.uint8]:
        """Returns the image, uint8[h, w, 3]; `poses` are camera_from_head of body and head."""
        return self.draw_several(background, [(body, head, poses)])

    def draw_several(
        self,
        background: Surface,
        people: Sequence[tuple[Surface, Surface, tuple[Matrix4, Matrix4]]],
    ) -> NDArray[np.uint8]:
        """Returns the image, uint8[h, w, 3], of people in the order from far to near.

        Each is a body, a head and their camera_from_head.
        """
        ctx = self._ctx
        self._frame.use()
        self._frame.clear(depth=1.0)
        ctx.enable_only(ctx.NOTHING)
        self._draw_surface(background, np.eye(4), nearest=True)
        ctx.blend_func = ctx.SRC_ALPHA, ctx.ONE_MINUS_SRC_ALPHA
        for body, head, poses in people:
            ctx.enable_only(ctx.BLEND)
            self._draw_surface(body, poses[0])
            ctx.enable_only(ctx.DEPTH_TEST)
            self._draw_surface(head, poses[1])
        ctx.enable_only(ctx.NOTHING)
        ctx.copy_framebuffer(self._resolved, self._frame)
        data = self._resolved.read(components=3, alignment=1)
        return np.frombuffer(data, np.uint8).reshape(self._size[1], self._size[0], 3)

    def _draw_surface(self, surface: Surface, pose: Matrix4, nearest: bool = False) -> None:
        # The surfaces of one head share their texture, which is uploaded once.
        buffers = self._buffers.get(id(surface.texture))
        if buffers is None:
            buffers = _SurfaceBuffers(self._program, self._ctx, surface, nearest)
            self._buffers[id(surface.texture)] = buffers
        buffers.draw(surface.points @ pose[:3, :3].T + pose[:3, 3])

    def close(self) -> None:
        for buffers in self._buffers.values():
            buffers.release()
        self._buffers = {}
        for resource in (self._frame, self._resolved, self._color, self._depth, self._plain):
            resource.release()
        self._program.release()


class _SurfaceBuffers:
    """Texture, triangles and vertices of a surface on the GPU."""

    def __init__(self, program: Program, ctx: Any, surface: Surface, nearest: bool) -> None:
        self._image = surface.texture  # a reference, so that its id stays valid as the key
        height, width = surface.texture.shape[:2]
        self._texture = ctx.texture((width, height), 4, np.ascontiguousarray(surface.texture))
        if nearest:
            self._texture.filter = ctx.NEAREST, ctx.NEAREST  # twice as quick
        else:
            self._texture.build_mipmaps()
            self._texture.filter = ctx.LINEAR_MIPMAP_LINEAR, ctx.LINEAR
        self._texture.repeat_x = self._texture.repeat_y = False
        self._positions = ctx.buffer(reserve=12 * len(surface.points), dynamic=True)
        self._uv = ctx.buffer(np.ascontiguousarray(surface.uv, np.float32))
        self._index = ctx.buffer(np.ascontiguousarray(surface.triangles, np.int32))
        content = [(self._positions, "3f", "in_position"), (self._uv, "2f", "in_uv")]
        self._vertices = ctx.vertex_array(program.gl, content, self._index)

    def draw(self, points: NDArray[np.float64]) -> None:
        self._positions.write(np.ascontiguousarray(points, np.float32))
        self._texture.use(TEXTURE_UNIT)
        self._vertices.render()

    def release(self) -> None:
        for resource in (self._vertices, self._index, self._uv, self._positions, self._texture):
            resource.release()


def backdrop(image: Image, width: int, height: int) -> Surface:
    """Returns an image that fills the view, as a surface far behind everything."""
    far = 50.0
    up = far / clip_from_camera(width, height)[1, 1]
    right = far / clip_from_camera(width, height)[0, 0]
    points = np.array(
        ((-right, up, -far), (right, up, -far), (-right, -up, -far), (right, -up, -far))
    )
    uv = np.array(((0, 0), (1, 0), (0, 1), (1, 1)), np.float32)
    rgba = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), np.uint8)
    return Surface(points, uv, np.array(((0, 1, 2), (1, 3, 2)), np.int32), rgba)
