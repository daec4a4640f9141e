"""Draws surfaces in camera space: where a vertex lands is exact to a few thousandths of a pixel.

Textures are mipmapped and edges multisampled, so that moving by a part of a pixel shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.face import Matrix4
from livecam.core.frame import Image
from livecam.measure.truth.head import Surface
from livecam.render.context import Graphics
from livecam.render.matrices import clip_from_camera
from livecam.render.shaders import Program

SAMPLES = 4
PICTURE_UNIT = 0


class SurfaceRenderer(Closing):
    """Draws a body and a head before a background; on the thread of its graphics."""

    def __init__(self, graphics: Graphics, width: int, height: int) -> None:
        self._ctx = ctx = graphics.ctx
        self._size = (width, height)
        self._program = Program(ctx, "surface.vert", "surface.frag", folder=Path(__file__).parent)
        # A picture's first row is the top one, OpenGL's the bottom one: everything stands on its
        # head, and is read back the right way round.
        upside_down = np.diag((1.0, -1.0, 1.0, 1.0))
        matrix = upside_down @ clip_from_camera(width, height)
        self._program.set(clip_from_camera=matrix, picture=PICTURE_UNIT)
        samples = min(SAMPLES, ctx.max_samples)
        self._color = ctx.renderbuffer(self._size, 4, samples=samples)
        self._depth = ctx.depth_renderbuffer(self._size, samples=samples)
        self._frame = ctx.framebuffer([self._color], self._depth)
        self._plain = ctx.renderbuffer(self._size, 4)
        self._resolved = ctx.framebuffer([self._plain])
        self._painted: dict[int, _SurfaceBuffers] = {}

    def draw(
        self, background: Surface, body: Surface, head: Surface, poses: tuple[Matrix4, Matrix4]
    ) -> NDArray[np.uint8]:
        """The picture, uint8[h, w, 3]; `poses` are camera_from_head of body and head."""
        ctx = self._ctx
        self._frame.use()
        self._frame.clear(depth=1.0)
        ctx.enable_only(ctx.NOTHING)
        self._paint(background, np.eye(4), pixel_by_pixel=True)
        ctx.enable_only(ctx.BLEND)
        ctx.blend_func = ctx.SRC_ALPHA, ctx.ONE_MINUS_SRC_ALPHA
        self._paint(body, poses[0])
        ctx.enable_only(ctx.DEPTH_TEST)
        self._paint(head, poses[1])
        ctx.enable_only(ctx.NOTHING)
        ctx.copy_framebuffer(self._resolved, self._frame)
        data = self._resolved.read(components=3, alignment=1)
        return np.frombuffer(data, np.uint8).reshape(self._size[1], self._size[0], 3)

    def _paint(self, surface: Surface, pose: Matrix4, pixel_by_pixel: bool = False) -> None:
        # A texture is made once: the surfaces of one head share it.
        painted = self._painted.get(id(surface.texture))
        if painted is None:
            painted = _SurfaceBuffers(self._program, self._ctx, surface, pixel_by_pixel)
            self._painted[id(surface.texture)] = painted
        painted.draw(surface.points @ pose[:3, :3].T + pose[:3, 3])

    def close(self) -> None:
        for painted in self._painted.values():
            painted.release()
        self._painted = {}
        for thing in (self._frame, self._resolved, self._color, self._depth, self._plain):
            thing.release()
        self._program.release()


class _SurfaceBuffers:
    """A surface's picture, triangles and vertices on the GPU."""

    def __init__(self, program: Program, ctx: Any, surface: Surface, pixel_by_pixel: bool) -> None:
        self._image = surface.texture  # kept: its identity is the key
        height, width = surface.texture.shape[:2]
        self._texture = ctx.texture((width, height), 4, np.ascontiguousarray(surface.texture))
        if pixel_by_pixel:
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
        self._texture.use(PICTURE_UNIT)
        self._vertices.render()

    def release(self) -> None:
        for thing in (self._vertices, self._index, self._uv, self._positions, self._texture):
            thing.release()


def backdrop(image: Image, width: int, height: int) -> Surface:
    """A picture that fills the view, as a surface far behind everything."""
    far = 50.0
    up = far / clip_from_camera(width, height)[1, 1]
    right = far / clip_from_camera(width, height)[0, 0]
    points = np.array(
        ((-right, up, -far), (right, up, -far), (-right, -up, -far), (right, -up, -far))
    )
    uv = np.array(((0, 0), (1, 0), (0, 1), (1, 1)), np.float32)
    rgba = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), np.uint8)
    return Surface(points, uv, np.array(((0, 1, 2), (1, 3, 2)), np.int32), rgba)
