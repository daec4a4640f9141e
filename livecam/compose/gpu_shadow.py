"""Renders the shadow of a head on the GPU, from the texture that holds the head."""

from __future__ import annotations

from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.compose.shadow import CAST, CONTACT, ShadowGeometry
from livecam.core.frame import Rect
from livecam.render.head import HeadView
from livecam.render.shaders import Program, Value
from livecam.render.targets import COARSE, CoarseTarget

HEAD_UNIT, DARK_UNIT = 0, 1


@dataclass(frozen=True, slots=True)
class HeadFromRegion:
    """The transform from a region of the image to the texture of a head, 0..1 in both."""

    scale: tuple[float, float]
    offset: tuple[float, float]
    extent: tuple[float, float]  # the part of the texture that is used
    per_pixel: NDArray[np.float64]  # a pixel of the image, in units of the head

    def uniforms(self) -> dict[str, Value]:
        return {
            "head": HEAD_UNIT,
            "head_from_region": (*self.scale, *self.offset),
            "head_extent": self.extent,
        }


def head_from_region(view: HeadView, texture: moderngl.Texture, region: Rect) -> HeadFromRegion:
    """Computes the transform from a region to the texture that holds a view."""
    rect = view.rect
    return HeadFromRegion(
        scale=(region.width / rect.width, region.height / rect.height),
        offset=((region.x0 - rect.x0) / rect.width, (region.y0 - rect.y0) / rect.height),
        extent=(view.size[0] / texture.width, view.size[1] / texture.height),
        per_pixel=np.array((1 / rect.width, 1 / rect.height)),
    )


class GpuShadow:
    """Renders the shadow of a head: cast shadow in red, contact shadow in green."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._silhouette = Program(ctx, "quad.vert", "silhouette.frag")
        self._blur = Program(ctx, "quad.vert", "blur.frag")
        self._quads = [ctx.vertex_array(p.gl, []) for p in self.programs]
        self._targets = (CoarseTarget(ctx), CoarseTarget(ctx))

    @property
    def programs(self) -> list[Program]:
        """All shader programs, for tests."""
        return [self._silhouette, self._blur]

    def render(
        self,
        head: moderngl.Texture,
        mapping: HeadFromRegion,
        geometry: ShadowGeometry,
        region: Rect,
    ) -> moderngl.Texture:
        """Renders both channels, stretched over the region."""
        self._ctx.enable_only(moderngl.NOTHING)
        one, two = self._targets
        head.use(HEAD_UNIT)
        toward = np.array(geometry.towards_key) * geometry.unit_px * mapping.per_pixel
        self._silhouette.set(
            **mapping.uniforms(),
            cast_offset=tuple((toward * CAST.offset).tolist()),
            contact_offset=tuple((toward * CONTACT.offset).tolist()),
        )
        one.begin()
        self._quads[0].render(moderngl.TRIANGLES, vertices=3)
        for source, target, axis, pixels in (
            (one, two, (1.0, 0.0), region.width),
            (two, one, (0.0, 1.0), region.height),
        ):
            cells = geometry.unit_px * COARSE / pixels
            source.texture.use(DARK_UNIT)
            self._blur.set(
                source=DARK_UNIT,
                axis=(axis[0] / COARSE, axis[1] / COARSE),
                sigma=tuple(max(0.4, t.softness * cells) for t in (CAST, CONTACT)),
            )
            target.begin()
            self._quads[1].render(moderngl.TRIANGLES, vertices=3)
        return one.texture

    def release(self) -> None:
        for quad in self._quads:
            quad.release()
        for program in self.programs:
            program.release()
        for target in self._targets:
            target.release()
