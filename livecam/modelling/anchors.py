"""Fits anchors for glasses, hats and headphones to the shape of a head.

Accessories are modelled for a standard head (accessories/). An anchor is the smallest change of
position, size and tilt with which the accessory clears skin, lids, nose, hair and horns; a species
may give its own instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from livecam.avatar.base import Anchor
from livecam.modelling.accessories.glasses import EYE_X, rim_lines
from livecam.modelling.accessories.hats import SKULL
from livecam.modelling.accessories.headphones import BAND_TOP, CUP_X, band_line
from livecam.modelling.parts import MeshPart
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, length, mirrored, rotation, vector

_LID = 1.12  # radius of the lids over that of the eye, with a margin
_RIM_MARGIN = 0.06  # for half a rim, and for cheeks that rise in a smile
_BAND_MARGIN = 0.05
_PART_DEPTH = 0.15  # points deeper than this behind an open sheet count as outside of it
_FUR_SINK = 0.02  # cushions sink into the coat
_CUSHION = 0.13  # thickness
_CROWN_SINK = 0.01
_FAR = 2.2  # outside of any head
_STEPS = 441


class HeadSolid:
    """The approximate distance function of a whole head: skin, lids, nose and extra parts."""

    def __init__(self, shape: HeadShape, extra_parts: Iterable[MeshPart]) -> None:
        species = shape.species
        self._shape = shape
        self._eye, self._lid_radius = vector(species.eye), species.eye_radius * _LID
        self._nose, self._nose_radii = vector(species.nose), vector(species.nose_radii)
        self._leather_nose = species.leather_nose
        parts = list(extra_parts)
        self._normals = np.concatenate([p.normals for p in parts]) if parts else None
        self._tree = cKDTree(np.concatenate([p.points for p in parts])) if parts else None

    def __call__(self, p: Array) -> Array:
        """Estimates the signed distance."""
        flat = p.reshape(-1, 3).astype(np.float32)
        out = np.minimum(self._shape(flat), length(mirrored(flat) - self._eye) - self._lid_radius)
        if self._leather_nose:
            nose = (length((flat - self._nose) / self._nose_radii) - 1) * self._nose_radii.min()
            out = np.minimum(out, nose)
        if self._tree is not None and self._normals is not None:
            far, nearest = self._tree.query(flat)
            off = flat - self._tree.data[nearest].astype(np.float32)
            inside = np.einsum("ij,ij->i", off, self._normals[nearest]) < 0
            out = np.minimum(out, np.where(inside & (far < _PART_DEPTH), -far, far))
        return np.asarray(out.reshape(p.shape[:-1]), np.float32)

    def outermost(self, start: Sequence[float], direction: Sequence[float]) -> float:
        """Finds the farthest point of the surface on a ray, as its distance from the start."""
        reach = np.linspace(_FAR, 0, _STEPS, dtype=np.float32)
        line = np.array(start, np.float32) + reach[:, None] * np.array(direction, np.float32)
        inside = np.flatnonzero(self(line) < 0)
        return float(reach[inside[0]]) if len(inside) else 0.0


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One possible anchor and its cost."""

    anchor: Anchor
    cost: float


def fit_anchors(shape: HeadShape, extra_parts: Iterable[MeshPart]) -> dict[str, Anchor]:
    """Fits an anchor for each kind of accessory, head units; those of the species take priority."""
    solid, given = HeadSolid(shape, extra_parts), shape.species.anchors
    fits = {"glasses": _fit_glasses, "hat": _fit_hat, "headphones": _fit_headphones}
    return {kind: given.get(kind) or fit(shape, solid) for kind, fit in fits.items()}


def _pitched(points: Array, pitch_deg: float) -> Array:
    out: Array = points @ rotation((1, 0, 0), pitch_deg).T
    return out


def _wearer_eye_height(shape: HeadShape) -> float:
    """Returns the height of the wearer's eyes, which are not behind those of a frog."""
    species = shape.species
    return (species.eye_line or species.eye)[1]


def _fit_glasses(shape: HeadShape, solid: HeadSolid) -> Anchor:
    """Fits rims before the lids and over the muzzle: close, large, low and upright if possible."""
    x, y, _ = shape.species.eye
    rims = rim_lines()
    depths = np.arange(0.5, 1.7, 0.02, dtype=np.float32)
    candidates = []
    for scale in (1.0, 0.93, 0.86, 0.80):
        size = scale * x / EYE_X
        for lift in (0.0, 0.04, 0.08, 0.12):
            for pitch in (-12.0, -6.0, 0.0, 6.0):
                points = _pitched(rims * np.float32(size), pitch) + vector((0, y + lift, 0))
                swept = points[None] + depths[:, None, None] * vector((0, 0, 1))
                free = np.asarray((solid(swept) > _RIM_MARGIN).all(axis=1))
                if free.all() or not free[-1]:
                    continue
                z = float(depths[len(free) - np.argmin(free[::-1])])
                cost = z + 1.2 * (1 - scale) + 1.0 * lift + 0.006 * abs(pitch)
                candidates.append(_Candidate(Anchor((0.0, y + lift, z), (size,) * 3, pitch), cost))
    return min(candidates, key=lambda each: each.cost).anchor


def _fit_hat(shape: HeadShape, solid: HeadSolid) -> Anchor:
    """Fits a hat on the crown, as wide and as deep as the skull under it."""
    middle = _wearer_eye_height(shape) + 0.32
    front = solid.outermost((0, middle, 0), (0, 0, 1))
    back = solid.outermost((0, middle, 0), (0, 0, -1))
    z = (front - back) / 2
    top = solid.outermost((0, 0, z), (0, 1, 0))
    # Ears stand at the sides, so the width is measured in front of them.
    widths = [solid.outermost((0, middle, each), (1, 0, 0)) for each in (z + 0.1, z + 0.25)]
    # The section of the standard skull at that height under its crown.
    share = float(np.sqrt(max(0.05, 1 - ((SKULL[1] - (top - middle)) / SKULL[1]) ** 2)))
    wide, deep = min(widths) / (SKULL[0] * share), (front + back) / 2 / (SKULL[2] * share)
    wide, deep = (float(np.clip(each, 0.75, 1.3)) for each in (wide, deep))
    return Anchor((0.0, top - _CROWN_SINK, z), (wide, (wide + deep) / 2, deep))


def _fit_headphones(shape: HeadShape, solid: HeadSolid) -> Anchor:
    """Fits the cushions to the sides, and the band before or behind the ears."""
    y, z = _wearer_eye_height(shape) + 0.05, 0.0
    disk = [(y + 0.2 * np.sin(a), z + 0.2 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 9)[:-1]]
    reach = np.sort([solid.outermost((0, *each), (1, 0, 0)) for each in disk])
    wide = float(reach[-3]) - _FUR_SINK  # the thickest fur yields
    across = (wide + _CUSHION) / CUP_X
    line = band_line(41)
    line = line[line[:, 1] > 0.45 * BAND_TOP]
    heights = np.arange(0.70, 1.9, 0.02, dtype=np.float32)
    candidates = []
    for pitch in np.arange(-45.0, 46.0, 3.0):
        size = np.stack((np.full_like(heights, across), heights, np.ones_like(heights)), axis=1)
        points = _pitched(line * size[:, None], pitch) + vector((0, y, z))
        free = np.flatnonzero((solid(points) > _BAND_MARGIN).all(axis=1))
        if len(free):
            height = float(heights[free[0]])
            anchor = Anchor((0.0, y, z), (across, height, 1.0), float(pitch))
            candidates.append(_Candidate(anchor, height + 0.009 * abs(pitch - 6.0)))
    return min(candidates, key=lambda each: each.cost).anchor
