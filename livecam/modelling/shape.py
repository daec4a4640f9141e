"""The form of a head: one distance function for all species, and the curves that part it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livecam.modelling.sdf import (
    Array,
    cone,
    ellipsoid,
    gradient,
    length,
    mirrored,
    ridge,
    smooth_max,
    smooth_min,
    smoothstep,
    unit,
    vector,
)

if TYPE_CHECKING:
    from livecam.modelling.species.base import Species

LOW, HIGH = (-1.75, -2.05, -1.55), (1.75, 1.75, 1.5)  # the box that holds every head
RUFF_AXIS_Z = -0.18  # the neck stands here
# Around an eye, over its radius: the hollow, the fold of skin, the opening in the fold.
SOCKET, FOLD, OPEN_X, OPEN_Y = 0.965, 1.11, 0.93, 0.74
LID_TOE_OUT_DEG = 8.0  # the openings follow the curve of the face


class HeadShape:
    """The surface of one species."""

    low, high = LOW, HIGH

    def __init__(self, species: Species) -> None:
        self.species = species
        turn = np.radians(LID_TOE_OUT_DEG)
        self._eye_turn = np.array(
            ((np.cos(turn), 0, np.sin(turn)), (0, 1, 0), (-np.sin(turn), 0, np.cos(turn))),
            np.float32,
        )  # rows: from the head's axes to those of the left eye's opening
        ear = vector(species.ear_to) - vector(species.ear_from)
        self._ear_length = float(length(ear))
        along = unit(ear)
        face = vector(species.ear_face)
        face = unit(face - (face @ along) * along)
        # rows: across the left ear, along it, out of its hollow
        self._ear_axes = np.stack((np.cross(along, face), along, face))

    # ------------------------------------------------------------ the lip line

    def lip_height(self, p: Array) -> Array:
        """Height of the lip line above each (x, z); it parts upper from lower lip."""
        x, z = np.abs(p[..., 0]), p[..., 2]
        row = self.species
        notch = row.mouth_notch * smoothstep(0.11 + 0.6 * (row.mouth_notch - 0.035), 0.0, x)
        curl = row.mouth_curl * x * x - 0.16 * np.maximum(x - 0.22, 0)
        out: Array = self.species.mouth_y + curl + notch - 0.03 * (z - 1.0)
        return out

    def above_lips(self, p: Array) -> Array:
        """Signed height over the lip line."""
        out: Array = p[..., 1] - self.lip_height(p)
        return out

    def inside_mouth(self, p: Array) -> Array:
        """Greater than 0 between the corners of the mouth; about the distance to a corner."""
        x, z = np.abs(p[..., 0]), p[..., 2]
        corner_x, corner_z = self.species.mouth_corner
        # The corner lies where the muzzle meets the cheek: a slanting border finds it there.
        out: Array = ((z - corner_z) + (corner_x - x)) * 0.7
        return out

    # ------------------------------------------------------------ the surface

    def __call__(self, p: Array) -> Array:
        """Signed distance to the skin, mouth shut and eyes taken out."""
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
        row = self.species
        reach, x, y = row.cheek_tuft, row.cheek_at[0] - 0.48, row.cheek_at[1] + 0.24
        d = ellipsoid(p, (0, 0.16, -0.10), row.skull_radii)
        d = smooth_min(d, ellipsoid(q, row.cheek_at, row.cheek_radii), 0.30)
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
        row = self.species
        tip = row.muzzle_to
        d = cone(p, row.muzzle_from, tip, *row.muzzle_radii, (0.92, 1.0, 1.0))
        puff = ellipsoid(q, (row.pad_x, tip[1] - 0.045, tip[2] - 0.06), row.pad_radii)
        return smooth_min(d, puff, 0.10)

    def _jaw(self, p: Array) -> Array:
        tip = self.species.muzzle_to
        return cone(p, (0, -0.50, 0.25), (0, -0.485, tip[2] - 0.17), *self.species.jaw_radii)

    def _neck(self, p: Array) -> Array:
        neck = cone(p, (0, -0.45, -0.18), (0, -1.05, -0.20), 0.58, 0.68)
        return smooth_min(neck, self._ruff(p), 0.20)

    def _ruff(self, p: Array) -> Array:
        """A cape of fur round the neck: wide enough to hide a collar, lobed at its hem."""
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
        """Hollows for the eyes under a fold of skin, out of which the lids slide."""
        row = self.species
        r = row.eye_radius
        local = (q - vector(row.eye)) @ self._eye_turn
        x, y, z = local[..., 0], local[..., 1] - 0.05 * r, local[..., 2]
        d = smooth_min(d, length(local) - FOLD * r, 0.14)
        oval = (np.hypot(x / (OPEN_X * r), y / (OPEN_Y * r)) - 1) * (OPEN_Y * r)
        d = smooth_max(d, -smooth_max(oval, -z, 0.05), 0.04)
        return smooth_max(d, -(length(local) - SOCKET * r), 0.02)

    def _with_ears(self, d: Array, q: Array) -> Array:
        row = self.species
        r0, r1 = row.ear_radii
        local = self._on_ear(q)
        top, half = (0, self._ear_length, 0), (0.5 + row.ear_swell) * (r0 + r1)
        middle = (0, 0.5 * self._ear_length, 0)
        ear = np.minimum(
            cone(local, (0, 0, 0), middle, r0, half, (1, 1, row.ear_thin)),
            cone(local, middle, top, half, r1, (1, 1, row.ear_thin)),
        )
        return smooth_min(d, smooth_max(ear, -self._cup(local), 0.09), row.ear_fillet)

    def _on_ear(self, q: Array) -> Array:
        """Points of the left half in the ear's own axes: across it, along it, out of its hollow."""
        out: Array = (q - vector(self.species.ear_from)) @ self._ear_axes.T
        return out

    def _cup(self, local: Array) -> Array:
        """Distance to what is taken out of an ear."""
        row = self.species
        (r0, r1), thin, tall = row.ear_radii, row.ear_thin, self._ear_length
        start, end = (0, 0.22 * tall, 0.92 * r0 / thin), (0, 0.90 * tall, 0.97 * r1 / thin)
        wide = (0.64 + row.ear_swell) * r0, (0.55 + row.ear_swell) * r1
        return cone(local, start, end, *wide, (1, 1, 1.3 * thin / 1.55))

    # ------------------------------------------------------------ where things are

    def in_socket(self, p: Array) -> NDArray[np.bool_]:
        """True in the hollow behind the eyes."""
        row = self.species
        inside: NDArray[np.bool_] = length(mirrored(p) - vector(row.eye)) < row.eye_radius * 1.02
        return inside

    def ear(self, p: Array, normals: Array) -> tuple[Array, Array, Array]:
        """How much a point belongs to an ear, to its hollow side, and how far up it lies."""
        row, local = self.species, self._on_ear(mirrored(p))
        r0 = row.ear_radii[0]
        height: Array = local[:, 1] / self._ear_length
        ear = smoothstep(0.12, 0.32, height) * smoothstep(
            r0 * 1.6, r0 * 1.2, np.hypot(local[:, 0], 0.8 * local[:, 2])
        )
        ear = ear * smoothstep(0.35, 0.55, p[:, 1])
        hollow = smoothstep(0.045, 0.012, self._cup(local)) * smoothstep(-0.1, 0.2, normals[:, 2])
        return ear, ear * hollow, height

    def head_weight(self, p: Array) -> Array:
        """1 turns with the head, 0 rests on the shoulders."""
        return smoothstep(-1.18, -0.70, p[:, 1])

    def swayed(self, p: Array) -> tuple[NDArray[np.uint8], Array]:
        """Which bone each point follows, 0 for none, and by what share."""
        shares = np.stack(
            [np.zeros(len(p), np.float32), *(swing.share(p) for swing in self.species.swings)]
        )
        most = shares.argmax(axis=0)
        return most.astype(np.uint8), shares.max(axis=0).astype(np.float32)

    def comb(self, p: Array, normals: Array) -> Array:
        """The unit direction in which fur lies: away from the nose, down the ruff, up the ears."""
        row = self.species
        x, y = p[:, 0], p[:, 1]
        ear, _, _ = self.ear(p, normals)
        out = unit(p - vector((0, 0, 1.35)))
        out[:, 1] -= 1.3 * smoothstep(-0.1, -0.9, y)
        out[:, 0] += np.sign(x) * 0.6 * smoothstep(0.5, 0.9, np.abs(x)) * smoothstep(-0.9, -0.5, y)
        up = vector(row.ear_to) - vector(row.ear_from)
        out += (2.5 * ear)[:, None] * np.stack(
            (np.sign(x) * up[0], np.full_like(x, up[1]), np.zeros_like(x)), axis=1
        )
        out -= (out * normals).sum(axis=1, keepdims=True) * normals
        return unit(out)

    def occlusion(self, p: Array, normals: Array, directions: int = 20) -> Array:
        """How much of the sky each point sees, 0..1, by marching short rays."""
        random = np.random.default_rng(1)
        rays = random.normal(size=(directions, 3)).astype(np.float32)
        rays /= length(rays)[:, None]
        seen, total = np.zeros(len(p), np.float32), np.zeros(len(p), np.float32)
        for ray in rays:
            facing = normals @ ray
            ahead = np.where(facing[:, None] < 0, -ray, ray).astype(np.float32)
            weight = np.abs(facing)
            free = np.ones(len(p), np.float32)
            for distance in (0.06, 0.15, 0.32, 0.7):
                d = self(p + normals * 0.02 + ahead * distance)
                free = np.minimum(free, np.clip(0.5 + 1.6 * d / distance, 0, 1))
            seen += free * weight
            total += weight
        out: Array = np.clip(seen / total * 1.12, 0, 1)
        return out
