"""The shape of a head: a signed distance function, the lip line, masks and skin weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from livecam.modelling.proportions import HeadProportions
from livecam.modelling.sdf import (
    cone,
    ellipsoid,
    gradient,
    ridge,
    smooth_max,
    smooth_min,
    smoothstep,
)
from livecam.modelling.vectors import Array, length, mirrored, unit, vector

LOW, HIGH = (-1.75, -2.05, -1.55), (1.75, 1.75, 1.5)  # the bounding box of a head
RUFF_AXIS_Z = -0.18  # of the neck
# Over the radius of an eye: the socket, the fold of skin, the opening in the fold.
SOCKET, FOLD, OPEN_X, OPEN_Y = 0.965, 1.11, 0.93, 0.74
_RAY_STEPS = (0.06, 0.15, 0.32, 0.7)  # of ambient occlusion
LID_TOE_OUT_DEG = 8.0  # the openings follow the curve of the face


class EarMask(NamedTuple):
    """The masks of an ear at points, float[n] each."""

    ear: Array  # 1 on an ear
    hollow: Array  # 1 on its hollow side
    height: Array  # 0 root .. 1 tip


@dataclass(frozen=True, slots=True)
class SkinPaint:
    """Colour and fur at each point of the skin."""

    colors: Array  # float32[n, 3], linear
    fur: Array  # float32[n], fur length in head units


# Paints points of a head's skin, given its shape, the points and their normals.
SkinPainter: TypeAlias = "Callable[[HeadShape, Array, Array], SkinPaint]"


class HeadShape:
    """The surface of a head, computed from the numbers of its species."""

    low, high = LOW, HIGH

    def __init__(self, species: HeadProportions, painter: SkinPainter) -> None:
        self.species = species
        self._painter = painter
        turn = np.radians(LID_TOE_OUT_DEG)
        self._eye_turn = np.array(
            ((np.cos(turn), 0, np.sin(turn)), (0, 1, 0), (-np.sin(turn), 0, np.cos(turn))),
            np.float32,
        )  # rows: from head space to the axes of the left eye's opening
        ear = vector(species.ear_to) - vector(species.ear_from)
        self._ear_length = float(length(ear))
        along = unit(ear)
        face = vector(species.ear_face)
        face = unit(face - (face @ along) * along)
        # rows: across the left ear, along it, out of its hollow
        self._ear_axes = np.stack((np.cross(along, face), along, face))

    def paint(self, p: Array, normals: Array) -> SkinPaint:
        """Computes colour and fur at points of the skin."""
        return self._painter(self, p, normals)

    # ------------------------------------------------------------ the lip line

    def lip_height(self, p: Array) -> Array:
        """Computes the height of the lip line at each (x, z)."""
        x, z = np.abs(p[..., 0]), p[..., 2]
        species = self.species
        notch = species.mouth_notch * smoothstep(0.11 + 0.6 * (species.mouth_notch - 0.035), 0.0, x)
        curl = species.mouth_curl * x * x - 0.16 * np.maximum(x - 0.22, 0)
        out: Array = self.species.mouth_y + curl + notch - 0.03 * (z - 1.0)
        return out

    def above_lips(self, p: Array) -> Array:
        """Computes the signed height over the lip line."""
        out: Array = p[..., 1] - self.lip_height(p)
        return out

    def inside_mouth(self, p: Array) -> Array:
        """Computes the approximate distance to a corner, positive between the corners."""
        x, z = np.abs(p[..., 0]), p[..., 2]
        corner_x, corner_z = self.species.mouth_corner
        # The corner lies where the muzzle meets the cheek, on a slanting border.
        out: Array = ((z - corner_z) + (corner_x - x)) * 0.7
        return out

    # ------------------------------------------------------------ the surface

    def __call__(self, p: Array) -> Array:
        """Computes the signed distance to the skin, with the mouth shut and empty eye sockets."""
        q = mirrored(p)
        d = self._skull(p, q)
        d = smooth_min(d, self._muzzle(p, q), 0.24)
        d = smooth_min(d, ellipsoid(q, self.species.brow_at, self.species.brow_radii), 0.20)
        d = smooth_min(d, self._jaw(p), 0.13)
        d = smooth_min(d, self._neck(p), 0.22)
        d = self._with_ears(d, q)
        d = self._with_sockets(d, q)
        # The lips turn in towards each other: a soft groove along the line.
        groove = ridge(self.above_lips(p), 0.045) * smoothstep(-0.06, 0.08, self.inside_mouth(p))
        out: Array = d + 0.030 * groove * smoothstep(0.3, 0.5, p[..., 2])
        return out

    def normals(self, p: Array, step: float = 0.012) -> Array:
        return gradient(self, p, step)

    def _skull(self, p: Array, q: Array) -> Array:
        species = self.species
        reach, x, y = species.cheek_tuft, species.cheek_at[0] - 0.48, species.cheek_at[1] + 0.24
        d = ellipsoid(p, (0, 0.16, -0.10), species.skull_radii)
        d = smooth_min(d, ellipsoid(q, species.cheek_at, species.cheek_radii), 0.30)
        low = cone(
            q,
            (0.62 + x, -0.28 + y, 0.10),
            (1.0 + x + reach * 0.35, -0.48 + y, -0.02),
            0.26,
            0.03,
            (1, 1, 0.8),
        )
        high = cone(
            q,
            (0.58 + x, -0.05 + y, 0.02),
            (0.98 + x + reach * 0.3, -0.19 + y, -0.05),
            0.22,
            0.03,
            (1, 1, 0.8),
        )
        return smooth_min(smooth_min(d, low, 0.22), high, 0.20)

    def _muzzle(self, p: Array, q: Array) -> Array:
        species = self.species
        tip = species.muzzle_to
        d = cone(p, species.muzzle_from, tip, *species.muzzle_radii, (0.92, 1.0, 1.0))
        puff = ellipsoid(q, (species.pad_x, tip[1] - 0.045, tip[2] - 0.06), species.pad_radii)
        return smooth_min(d, puff, 0.10)

    def _jaw(self, p: Array) -> Array:
        tip = self.species.muzzle_to
        return cone(p, (0, -0.50, 0.25), (0, -0.485, tip[2] - 0.17), *self.species.jaw_radii)

    def _neck(self, p: Array) -> Array:
        neck = cone(p, (0, -0.45, -0.18), (0, -1.05, -0.20), 0.58, 0.68)
        return smooth_min(neck, self._ruff(p), 0.20)

    def _ruff(self, p: Array) -> Array:
        """Computes a cape of fur round the neck: wide enough to hide a collar, lobed at its hem."""
        x, y, z = p[..., 0] * 0.90, p[..., 1], p[..., 2] - RUFF_AXIS_Z
        angle, radius = np.arctan2(x, z), np.hypot(x, z)
        front = np.exp(-((angle / 0.62) ** 2))
        lobes = np.cos(angle * 9)
        spread = 0.66 + 0.46 * self.species.ruff * smoothstep(-0.62, -1.42, y) + 0.10 * front
        spread += 0.035 * lobes * smoothstep(-0.8, -1.4, y)
        hem = -1.34 - 0.06 * lobes - 0.20 * front
        d = smooth_max((radius - spread) * 0.8, hem - y, 0.10)
        return smooth_max(d, y + 0.62, 0.15)

    def _with_sockets(self, d: Array, q: Array) -> Array:
        """Subtracts the eye sockets under a fold of skin, out of which the lids slide."""
        species = self.species
        r = species.eye_radius
        local = (q - vector(species.eye)) @ self._eye_turn
        x, y, z = local[..., 0], local[..., 1] - 0.05 * r, local[..., 2]
        d = smooth_min(d, length(local) - FOLD * r, 0.14)
        oval = (np.hypot(x / (OPEN_X * r), y / (OPEN_Y * r)) - 1) * (OPEN_Y * r)
        d = smooth_max(d, -smooth_max(oval, -z, 0.05), 0.04)
        return smooth_max(d, -(length(local) - SOCKET * r), 0.02)

    def _with_ears(self, d: Array, q: Array) -> Array:
        species = self.species
        r0, r1 = species.ear_radii
        local = self._to_ear_axes(q)
        top, half = (0, self._ear_length, 0), (0.5 + species.ear_swell) * (r0 + r1)
        middle = (0, 0.5 * self._ear_length, 0)
        ear = np.minimum(
            cone(local, (0, 0, 0), middle, r0, half, (1, 1, species.ear_thin)),
            cone(local, middle, top, half, r1, (1, 1, species.ear_thin)),
        )
        return smooth_min(d, smooth_max(ear, -self._hollow(local), 0.09), species.ear_fillet)

    def _to_ear_axes(self, q: Array) -> Array:
        """Converts points of the left half to the ear's axes: across, along, out of its hollow."""
        out: Array = (q - vector(self.species.ear_from)) @ self._ear_axes.T
        return out

    def _hollow(self, local: Array) -> Array:
        """Computes the distance to the hollow that is subtracted from an ear."""
        species = self.species
        (r0, r1), thin, tall = species.ear_radii, species.ear_thin, self._ear_length
        start, end = (0, 0.22 * tall, 0.92 * r0 / thin), (0, 0.90 * tall, 0.97 * r1 / thin)
        wide = (0.64 + species.ear_swell) * r0, (0.55 + species.ear_swell) * r1
        return cone(local, start, end, *wide, (1, 1, 1.3 * thin / 1.55))

    # ------------------------------------------------------------ masks and skin weights

    def in_socket(self, p: Array) -> NDArray[np.bool_]:
        """Finds the points that lie in an eye socket."""
        species = self.species
        inside: NDArray[np.bool_] = (
            length(mirrored(p) - vector(species.eye)) < species.eye_radius * 1.02
        )
        return inside

    def ear_mask(self, p: Array, normals: Array) -> EarMask:
        """Computes the masks of the ears at points."""
        species, local = self.species, self._to_ear_axes(mirrored(p))
        r0 = species.ear_radii[0]
        height: Array = local[:, 1] / self._ear_length
        ear = smoothstep(0.12, 0.32, height) * smoothstep(
            r0 * 1.6, r0 * 1.2, np.hypot(local[:, 0], 0.8 * local[:, 2])
        )
        ear = ear * smoothstep(0.35, 0.55, p[:, 1])
        hollow = smoothstep(0.045, 0.012, self._hollow(local)) * smoothstep(
            -0.1, 0.2, normals[:, 2]
        )
        return EarMask(ear, ear * hollow, height)

    def head_weight(self, p: Array) -> Array:
        """Computes skin weights of the head, 0..1; the rest follows the body."""
        return smoothstep(-1.18, -0.70, p[:, 1])

    def bone_weights(self, p: Array) -> tuple[NDArray[np.uint8], Array]:
        """Computes the bone that moves each point (1 + its index, 0 for none) and its weight."""
        weights = np.stack(
            [np.zeros(len(p), np.float32), *(bone.weight(p) for bone in self.species.bones)]
        )
        return weights.argmax(axis=0).astype(np.uint8), weights.max(axis=0).astype(np.float32)

    def comb(self, p: Array, normals: Array) -> Array:
        """Computes unit directions of fur: away from the nose, down the ruff, up the ears."""
        species = self.species
        x, y = p[:, 0], p[:, 1]
        ear = self.ear_mask(p, normals).ear
        out = unit(p - vector((0, 0, 1.35)))
        out[:, 1] -= 1.3 * smoothstep(-0.1, -0.9, y)
        out[:, 0] += np.sign(x) * 0.6 * smoothstep(0.5, 0.9, np.abs(x)) * smoothstep(-0.9, -0.5, y)
        up = vector(species.ear_to) - vector(species.ear_from)
        out += (2.5 * ear)[:, None] * np.stack(
            (np.sign(x) * up[0], np.full_like(x, up[1]), np.zeros_like(x)), axis=1
        )
        out -= (out * normals).sum(axis=1, keepdims=True) * normals
        return unit(out)

    def occlusion(self, p: Array, normals: Array, directions: int = 20) -> Array:
        """Estimates ambient occlusion, 0 dark .. 1 open, by marching short rays."""
        random = np.random.default_rng(1)
        rays = random.normal(size=(directions, 3)).astype(np.float32)
        rays /= length(rays)[:, None]
        visible, total = np.zeros(len(p), np.float32), np.zeros(len(p), np.float32)
        for ray in rays:
            cosine = normals @ ray
            outwards = np.where(cosine[:, None] < 0, -ray, ray).astype(np.float32)
            weight = np.abs(cosine)
            free = np.ones(len(p), np.float32)
            for distance in _RAY_STEPS:
                d = self(p + normals * 0.02 + outwards * distance)
                free = np.minimum(free, np.clip(0.5 + 1.6 * d / distance, 0, 1))
            visible += free * weight
            total += weight
        out: Array = np.clip(visible / total * 1.12, 0, 1)
        return out
