"""The description of a species: its numbers, a paint function and extra parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.proportions import HeadProportions
from livecam.modelling.sdf import bump, smoothstep
from livecam.modelling.shape import HeadShape, SkinPainter
from livecam.modelling.vectors import Array, length, mirrored, vector

if TYPE_CHECKING:
    from livecam.modelling.detail import LevelOfDetail
    from livecam.modelling.parts import MeshPart


# Builds parts that only some heads have: horns, a nose ring, hair.
PartBuilder: TypeAlias = "Callable[[HeadShape, ExpressionFields, LevelOfDetail], list[MeshPart]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Species(HeadProportions):
    """The numbers, paint and extra parts of one head."""

    paint: SkinPainter
    shape_type: type[HeadShape] = HeadShape
    fields_type: type[ExpressionFields] = ExpressionFields
    extra_parts: tuple[PartBuilder, ...] = ()

    def shape(self) -> HeadShape:
        """Builds the surface of this head."""
        return self.shape_type(self, self.paint)

    def build_extra_parts(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        """Builds the parts that only this species has."""
        return [part for build in self.extra_parts for part in build(shape, fields, detail)]


def fur_length(shape: HeadShape, p: Array, ear: Array) -> Array:
    """Computes the default fur length: short on the face, long on cheeks and ruff, none on lips."""
    species, q = shape.species, mirrored(p)
    y, z = p[:, 1], p[:, 2]
    out = 0.085 * species.fur * (1 - 0.55 * smoothstep(0.55, 0.85, z) * smoothstep(-1.0, -0.6, y))
    eye = length(q - vector(species.eye))
    out = out * (0.15 + 0.85 * smoothstep(species.eye_radius * 1.05, species.eye_radius * 1.7, eye))
    out = out * (1 - 0.45 * ear)
    out = out * (1 + 0.75 * smoothstep(-0.75, -1.1, y)) * (1 + 0.8 * bump(q, (1.0, -0.4, 0.0), 0.4))
    leather = length((p - vector(species.nose)) / (vector(species.nose_radii) * np.float32(1.25)))
    out = out * smoothstep(1.0, 1.5, leather)
    lip = np.abs(shape.above_lips(p))
    out = out * np.where(
        shape.inside_mouth(p) > -0.08, 0.08 + 0.92 * smoothstep(0.05, 0.17, lip), 1
    )
    result: Array = np.where(shape.in_socket(p), 0, out).astype(np.float32)
    return result
