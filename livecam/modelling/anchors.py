"""Where glasses, hats and headphones sit on a head, found from its form alone.

The accessories are made to measure for a standard head (accessories.py). Each anchor is the
smallest change of place, size and tilt with which the accessory clears skin, lids, nose, hair
and horns; a row may still say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from livecam.avatar.base import Anchor
from livecam.modelling.accessories import BAND_TOP, CUP_X, EYE_X, SKULL, band_line, rim_lines
from livecam.modelling.parts import MeshPart, rotation
from livecam.modelling.sdf import Array, length, mirrored, vector
from livecam.modelling.shape import HeadShape

LID = 1.12  # radius of the lids over that of the eye, with a little air
RIM_AIR = 0.06  # for half a rim, and for cheeks that rise in a smile
BAND_AIR = 0.05
FUR_SINK = 0.02  # cushions sink into the coat
CROWN_SINK = 0.01
_FAR = 2.2  # outside of any head
_STEPS = 441


class HeadSolid:
    """A head as one solid: its skin, its lids over the balls, and its further parts."""

    def __init__(self, shape: HeadShape, further: Iterable[MeshPart]) -> None:
        row = shape.species
        self._shape = shape
        self._eye, self._lid_radius = vector(row.eye), row.eye_radius * LID
        self._nose, self._nose_radii = vector(row.nose), vector(row.nose_radii)
        self._leather = row.leather_nose
        parts = list(further)
        self._normals = np.concatenate([p.normals for p in parts]) if parts else None
        self._tree = cKDTree(np.concatenate([p.points for p in parts])) if parts else None

    def __call__(self, p: Array) -> Array:
        """About the signed distance to it."""
        flat = p.reshape(-1, 3).astype(np.float32)
        out = np.minimum(self._shape(flat), length(mirrored(flat) - self._eye) - self._lid_radius)
        if self._leather:
            nose = (length((flat - self._nose) / self._nose_radii) - 1) * self._nose_radii.min()
            out = np.minimum(out, nose)
        if self._tree is not None and self._normals is not None:
            far, nearest = self._tree.query(flat)
            off = flat - self._tree.data[nearest].astype(np.float32)
            inside = np.einsum("ij,ij->i", off, self._normals[nearest]) < 0
            # Deep inside is as good as outside of an open sheet: only its skin counts.
            out = np.minimum(out, np.where(inside & (far < 0.15), -far, far))
        return np.asarray(out.reshape(p.shape[:-1]), np.float32)

    def outermost(self, start: Sequence[float], towards: Sequence[float]) -> float:
        """How far from a point the surface is met, coming in from far outside."""
        reach = np.linspace(_FAR, 0, _STEPS, dtype=np.float32)
        line = np.array(start, np.float32) + reach[:, None] * np.array(towards, np.float32)
        inside = np.flatnonzero(self(line) < 0)
        return float(reach[inside[0]]) if len(inside) else 0.0


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One way to put an accessory, and what it costs in beauty."""

    anchor: Anchor
    cost: float


def anchors(shape: HeadShape, further: Iterable[MeshPart]) -> dict[str, Anchor]:
    """Places for all kinds of accessories, head units; those of the row win."""
    solid, row = HeadSolid(shape, further), shape.species
    find = {"glasses": _glasses, "hat": _hat, "headphones": _headphones}
    return {kind: row.anchors.get(kind) or place(shape, solid) for kind, place in find.items()}


def _at(points: Array, size: float, pitch_deg: float) -> Array:
    out: Array = (points * np.float32(size)) @ rotation((1, 0, 0), pitch_deg).T
    return out


def _eye_height(shape: HeadShape) -> float:
    """Where the wearer's eyes are: a frog has its own on top."""
    row = shape.species
    return (row.eye_line or row.eye)[1]


def _glasses(shape: HeadShape, solid: HeadSolid) -> Anchor:
    """Before the lids and over the muzzle: small, low and upright as far as that goes."""
    x, y, _ = shape.species.eye
    rims = rim_lines()
    depths = np.arange(0.5, 1.7, 0.02, dtype=np.float32)
    tries = []
    for scale in (1.0, 0.93, 0.86, 0.80):
        size = scale * x / EYE_X
        for lift in (0.0, 0.04, 0.08, 0.12):
            for pitch in (-12.0, -6.0, 0.0, 6.0):
                points = _at(rims, size, pitch) + vector((0, y + lift, 0))
                grid = points[None] + depths[:, None, None] * vector((0, 0, 1))
                free = np.asarray((solid(grid) > RIM_AIR).all(axis=1))
                if free.all() or not free[-1]:
                    continue
                z = float(depths[len(free) - np.argmin(free[::-1])])
                cost = z + 1.2 * (1 - scale) + 1.0 * lift + 0.006 * abs(pitch)
                tries.append(_Candidate(Anchor((0.0, y + lift, z), (size,) * 3, pitch), cost))
    return min(tries, key=lambda each: each.cost).anchor


def _hat(shape: HeadShape, solid: HeadSolid) -> Anchor:
    """On the crown, as wide and as deep as the skull under it."""
    middle = _eye_height(shape) + 0.32
    front = solid.outermost((0, middle, 0), (0, 0, 1))
    back = solid.outermost((0, middle, 0), (0, 0, -1))
    z = (front - back) / 2
    top = solid.outermost((0, 0, z), (0, 1, 0))
    # Ears stand at the sides: the widest place before them.
    widths = [solid.outermost((0, middle, each), (1, 0, 0)) for each in (z + 0.1, z + 0.25)]
    # What the standard skull measures at that height under its crown.
    share = float(np.sqrt(max(0.05, 1 - ((SKULL[1] - (top - middle)) / SKULL[1]) ** 2)))
    wide, deep = min(widths) / (SKULL[0] * share), (front + back) / 2 / (SKULL[2] * share)
    wide, deep = (float(np.clip(each, 0.75, 1.3)) for each in (wide, deep))
    return Anchor((0.0, top - CROWN_SINK, z), (wide, (wide + deep) / 2, deep))


def _headphones(shape: HeadShape, solid: HeadSolid) -> Anchor:
    """Cushions on the sides, the band before or behind the ears."""
    y, z = _eye_height(shape) + 0.05, 0.0
    disk = [(y + 0.2 * np.sin(a), z + 0.2 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 9)[:-1]]
    reach = np.sort([solid.outermost((0, *each), (1, 0, 0)) for each in disk])
    wide = float(reach[-3]) - FUR_SINK  # the thickest fur gives way
    across = (wide + 0.13) / CUP_X  # its cushions are so thick
    line = band_line(41)
    line = line[line[:, 1] > 0.45 * BAND_TOP]
    heights = np.arange(0.70, 1.9, 0.02, dtype=np.float32)
    tries = []
    for pitch in np.arange(-45.0, 46.0, 3.0):
        size = np.stack((np.full_like(heights, across), heights, np.ones_like(heights)), axis=1)
        points = (line * size[:, None]) @ rotation((1, 0, 0), pitch).T + vector((0, y, z))
        free = np.flatnonzero((solid(points) > BAND_AIR).all(axis=1))
        if len(free):
            height = float(heights[free[0]])
            anchor = Anchor((0.0, y, z), (across, height, 1.0), float(pitch))
            tries.append(_Candidate(anchor, height + 0.009 * abs(pitch - 6.0)))
    return min(tries, key=lambda each: each.cost).anchor
