"""Eyelashes of humans: clusters of tapering hooks on the edges of the upper lids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import CORRECTIVE, Material
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import Displacements
from livecam.modelling.humans import HumanShape
from livecam.modelling.lids import lids
from livecam.modelling.mesh import closed_tube_grid, orient_outward
from livecam.modelling.parts import MeshPart
from livecam.modelling.vectors import Array, Vector, tiled, unit, vector

_RINGS, _SIDES = 4, 4
_BLINK_DEG = -62.0  # lashes of a shut eye turn down


@dataclass(frozen=True, slots=True)
class Lashes:
    """Clusters of lashes along the upper lids."""

    clusters: tuple[tuple[float, float], ...]  # -1 inner .. 1 outer corner, length in head units
    thick: float
    curl_deg: float
    aside: float  # how far they fan out
    color: Vector


def lashes(shape: HumanShape, style: Lashes, detail: LevelOfDetail) -> list[MeshPart]:
    """Builds the lashes; they move with the edge of the lid."""
    columns, rows = detail.lid
    uppers = (part for part in lids(shape, columns, rows) if part.name.startswith("upper"))
    return [_Fringe(shape, style, lid, columns, rows).part() for lid in uppers]


class _Fringe:
    """Places the lashes of one eye on the edge of its lid."""

    def __init__(
        self, shape: HumanShape, style: Lashes, lid: MeshPart, columns: int, rows: int
    ) -> None:
        eye, sign = shape.species.eye, 1.0 if lid.name.endswith("Left") else -1.0
        self._style, self._lid = style, lid
        self._centre = vector((eye[0] * sign, *eye[1:]))
        self._edge = np.arange(columns) * rows + 1  # the row at the outer side of the rim
        outer = (lid.points[self._edge, 0] - self._centre[0]) * sign / shape.species.eye_radius
        order = np.argsort(outer)
        self._edge, self._outer = self._edge[order], outer[order]  # -1 .. 1
        self._at, self._reach = np.array(style.clusters, np.float32).T
        self._aside = self._at * sign * style.aside

    def part(self) -> MeshPart:
        roots = self._at_roots(self._lid.points)
        rest = self._hooks(roots, self._style.curl_deg)
        each = _RINGS * _SIDES
        grid = closed_tube_grid(_RINGS, _SIDES)
        triangles = np.concatenate([grid + k * each for k in range(len(self._at))])
        centres = np.repeat(rest.reshape(-1, _SIDES, 3).mean(axis=1), _SIDES, axis=0)
        return MeshPart(
            "lashes" + self._lid.name[-5:],
            Material.HAIR,
            rest,
            orient_outward(rest, triangles, centres),
            tiled(self._style.color, len(rest)),
            self._morphs(roots, rest),
        )

    def _at_roots(self, values: Array) -> Array:
        """Interpolates values[n, 3] of the lid at the roots of the lashes."""
        columns = [np.interp(self._at, self._outer, values[self._edge, k]) for k in range(3)]
        out: Array = np.stack(columns, axis=1).astype(np.float32)
        return out

    def _morphs(self, roots: Array, rest: Array) -> Displacements:
        out: Displacements = {}
        for name, deltas in self._lid.morphs.items():
            shift = self._at_roots(deltas)
            if CORRECTIVE in name:  # it adds to what its expressions do already
                out[name] = np.repeat(shift, _RINGS * _SIDES, axis=0)
            else:
                turn = _BLINK_DEG if name.startswith("eyeBlink") else 0.0
                out[name] = self._hooks(roots + shift, self._style.curl_deg + turn) - rest
        return out

    def _hooks(self, roots: Array, curl_deg: float) -> Array:
        """Sweeps tapering hooks away from the eye's centre and curled up."""
        style = self._style
        radial = unit(roots - self._centre)
        radial[:, 0] += self._aside
        radial = unit(radial)
        up = unit(vector((0, 1, 0)) - radial * radial[:, 1:2])
        across = np.cross(up, radial)
        a = np.radians(curl_deg)
        t = np.linspace(0, 1, _RINGS).astype(np.float32)[:, None, None]
        along = np.cos(a * t * 1.5) * radial + np.sin(a * t * 1.5) * up
        line = roots - 0.012 * radial + along * (self._reach[:, None] * t)  # [ring, lash, 3]
        size = style.thick * np.sqrt(1 - 0.98 * t)
        broad = (1 - t) * 2.6 + 0.2  # they join at their roots
        corners = [line + size * across * broad, line + size * up, line - size * across * broad,
                   line - size * up * 0.6]  # fmt: skip
        points: Array = np.stack(corners, axis=2).transpose(1, 0, 2, 3)  # [lash, ring, side, 3]
        return points.reshape(-1, 3).astype(np.float32)
