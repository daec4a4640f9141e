"""Styled hair as solid shapes: locks swept along splines over a layer on the scalp.

A lock is a tube, broad and bevelled on its outer side, flat underneath. Its painted strands run
along it, and `comb` holds their direction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.curves import smooth, spline
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.mesh import closed_tube_grid, compact, orient_outward
from livecam.modelling.parts import MeshPart
from livecam.modelling.remesh import small_isosurface
from livecam.modelling.sdf import ScalarField, gradient, smoothstep
from livecam.modelling.vectors import Array, Vector, mix, tiled, unit, vector

# Across a lock's outer side, from edge to edge: position over the half width, height over the
# thickness. The dents separate its strands.
_ACROSS = (-1.0, -0.86, -0.62, -0.40, -0.30, -0.08, 0.22, 0.36, 0.48, 0.72, 0.90, 1.0)
_HEIGHT = (0.0, 0.42, 0.78, 0.90, 0.84, 1.0, 0.99, 0.88, 0.90, 0.66, 0.36, 0.0)
_ACROSS_LIGHT = (-1.0, -0.55, 0.0, 0.55, 1.0)
_HEIGHT_LIGHT = (0.0, 0.80, 1.0, 0.74, 0.0)
_UNDERSIDE = -0.30  # its height, over the thickness
_CAP_BOX: tuple[Vector, Vector] = ((-1.3, -1.2, -1.35), (1.3, 1.45, 1.1))


@dataclass(frozen=True, slots=True)
class HairLock:
    """One lock of hair, in head units."""

    path: tuple[Vector, ...]  # a spline's points from root to tip
    width: float  # at its broadest
    thick: float
    lift: float = 0.05  # of its middle line over the scalp
    free: float = 1.0  # share of its length from which on it leaves the scalp
    wave: tuple[float, float, float] = (0.0, 0.0, 0.0)  # sideways: amplitude, periods, phase
    root: float = 0.55  # width at the root, over the broadest
    blunt: float = 0.7  # share of its length from which on it tapers to its tip
    bone: int = 0  # 1 + index in the species' bones, 0 for none
    sway_from: float = 0.4  # share of its length from which on it follows the bone
    tone: float = 1.0  # brightness


@dataclass(frozen=True, slots=True)
class HairTones:
    """The colours of hair, linear."""

    dark: Vector  # at roots and between locks
    base: Vector
    light: Vector  # of single strands

    def colors(self, shade: Array) -> Array:
        """Maps shades 0 dark .. 1 light to colours."""
        dark = mix(tiled(self.dark, len(shade)), vector(self.base), smoothstep(0.0, 0.5, shade))
        return mix(dark, vector(self.light), smoothstep(0.5, 1.0, shade))


def mirror_lock(lock: HairLock) -> HairLock:
    """Copies a lock to the other side of the head."""
    return replace(lock, path=tuple((-x, y, z) for x, y, z in lock.path))


# ---------------------------------------------------------------- locks


def locks(
    scalp: ScalarField,
    hair_locks: Sequence[HairLock],
    tones: HairTones,
    detail: LevelOfDetail,
    seed: int,
) -> list[MeshPart]:
    """Builds locks that lie on the zero set of `scalp`."""
    random = np.random.default_rng(seed)
    return [_lock(scalp, lock, tones, detail.fine, random) for lock in hair_locks]


def _lock(
    scalp: ScalarField, lock: HairLock, tones: HairTones, fine: bool, random: np.random.Generator
) -> MeshPart:
    t = np.linspace(0, 1, _ring_count(lock, fine)).astype(np.float32)
    across = np.r_[np.array(_ACROSS if fine else _ACROSS_LIGHT, np.float32), 0.0]
    height = np.r_[np.array(_HEIGHT if fine else _HEIGHT_LIGHT, np.float32), _UNDERSIDE]
    sides = len(across)
    line, along, side, up = _frames(scalp, lock, t)
    width = lock.width * _taper(t, lock.root, lock.blunt)
    thick = lock.thick * _taper(t, 0.75, lock.blunt)
    points = (
        line[:, None]
        + (width[:, None] * across)[..., None] * side[:, None]
        + (thick[:, None] * height)[..., None] * up[:, None]
    )
    points = points.reshape(-1, 3).astype(np.float32)
    share = np.repeat(t, sides)
    sway = smoothstep(lock.sway_from, 1.0, share) if lock.bone else np.zeros_like(share)
    shade = _strand_shade(across, share, len(t), random)
    centres = np.repeat(line, sides, axis=0)
    return MeshPart(
        "lock",
        Material.HAIR,
        points,
        orient_outward(points, closed_tube_grid(len(t), sides), centres),
        np.clip(tones.colors(shade) * lock.tone, 0, 1).astype(np.float32),
        {},
        occlusion=_lock_occlusion(height, t),
        comb=np.repeat(along, sides, axis=0),
        bone=np.full(len(points), lock.bone, np.uint8),
        sway=sway.astype(np.float32),
    )


def _ring_count(lock: HairLock, fine: bool) -> int:
    reach = np.linalg.norm(np.diff(np.array(lock.path), axis=0), axis=1).sum()
    low, high, per_unit = (6, 24, 11) if fine else (4, 11, 5.5)
    return int(np.clip(reach * per_unit, low, high))


def _frames(scalp: ScalarField, lock: HairLock, t: Array) -> tuple[Array, Array, Array, Array]:
    """Computes the middle line, its unit tangents, and unit vectors sideways and outwards."""
    line = _laid_on_scalp(scalp, lock, t)
    along = unit(np.gradient(line, axis=0).astype(np.float32))
    up = unit(smooth(gradient(scalp, line, 0.08)))
    side = unit(np.cross(along, up).astype(np.float32))
    amplitude, periods, phase = lock.wave
    if amplitude:
        shift = amplitude * t * np.sin(2 * np.pi * (periods * t + phase))
        line = line + side * shift[:, None]
        along = unit(np.gradient(line, axis=0).astype(np.float32))
        side = unit(np.cross(along, up).astype(np.float32))
    return line, along, side, np.cross(side, along)


def _laid_on_scalp(scalp: ScalarField, lock: HairLock, t: Array) -> Array:
    """Computes the middle line: on the scalp up to `free`, along its path from there on."""
    line = spline(lock.path, len(t))
    # The root begins under the scalp, so that no cut end shows.
    lift = lock.lift - (lock.lift + 1.1 * lock.thick) * smoothstep(0.14, 0.0, t)
    stays = smoothstep(lock.free + 0.02, lock.free - 0.25, t)[:, None] if lock.free < 1 else 1.0
    for _ in range(3):
        off = scalp(line)
        pulled = line + (lift - off)[:, None] * gradient(scalp, line, 0.02)
        # Even a free lock stays out of the head.
        outside = line + np.clip(lift * 0.6 - off, 0, None)[:, None] * gradient(scalp, line, 0.02)
        line = (stays * pulled + (1 - stays) * outside).astype(np.float32)
    return line


def _taper(t: Array, root: float, blunt: float) -> Array:
    swell = root + (1 - root) * smoothstep(0.0, 0.35, t)
    tip = np.sqrt(np.clip(1 - np.clip((t - blunt) / (1 - blunt), 0, 1) ** 1.6, 0.0, 1))
    out: Array = swell * np.maximum(tip, 0.015)
    return out


def _strand_shade(across: Array, t: Array, rings: int, random: np.random.Generator) -> Array:
    """Computes shades 0 dark .. 1 light: random per strand, darker at root and edges."""
    strand = random.uniform(-0.22, 0.22, len(across)).astype(np.float32)
    edge = np.tile(smoothstep(0.80, 1.0, np.abs(across)).astype(np.float64), rings)
    tone = 0.42 + np.tile(strand, rings) - 0.38 * edge
    out: Array = np.clip(
        tone + 0.25 * smoothstep(0.05, 0.6, t) - 0.25 * smoothstep(0.25, 0.0, t), 0, 1
    )
    return out


def _lock_occlusion(height: Array, t: Array) -> Array:
    """Darkens the borders of a lock, where it dips under its neighbours."""
    openness = 0.15 + 0.85 * smoothstep(-0.1, 0.85, height)
    root = 0.80 + 0.20 * smoothstep(0.0, 0.25, t)
    out: Array = (root[:, None] * openness[None]).ravel().astype(np.float32)
    return out


# ---------------------------------------------------------------- the cap


def hair_cap(
    scalp: ScalarField,
    hairline: Callable[[Array], Array],
    thick: float,
    tones: HairTones,
    flow: Callable[[Array], Array],
    detail: LevelOfDetail,
) -> MeshPart:
    """Builds the layer under the locks, over the scalp where `hairline` is negative.

    `flow` maps points to the directions in which hair is combed.
    """

    def sdf(p: Array) -> Array:
        # It thins out towards the hairline instead of ending in a step.
        inside = hairline(p)
        swell = thick * smoothstep(0.02, -0.22, inside) - 0.03 * smoothstep(-0.02, 0.03, inside)
        out: Array = scalp(p) - swell
        return out

    points, triangles = small_isosurface(sdf, *_CAP_BOX, 0.03, 3500 if detail.fine else 800)
    grown = (hairline(points) < 0.02)[triangles].any(axis=1)
    points, triangles = compact(points, triangles[grown])
    normals = gradient(sdf, points, 0.012)
    direction = flow(points)
    direction = unit(direction - (direction * normals).sum(axis=1, keepdims=True) * normals)
    wave = 0.10 * np.sin(points @ vector((31, 3, 17)))
    shade = 0.35 + wave * np.sin(points @ vector((11, 5, -23)))
    return MeshPart(
        "hairCap",
        Material.HAIR,
        points,
        triangles,
        tones.colors(shade.astype(np.float32)).astype(np.float32),
        {},
        normals=normals,
        occlusion=np.full(len(points), 0.8, np.float32),
        comb=direction,
    )
