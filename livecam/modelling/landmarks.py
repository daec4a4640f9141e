"""Landmarks of a head: the places that expressions move.

They are computed from the numbers of a species and projected onto its surface, so that brows and
cheeks of a frog lie where a frog has them. Left half, head units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livecam.modelling.sdf import project_to_surface
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, length, vector

_EYE_RADIUS, _CORNER_X = 0.335, 0.44  # of the raccoon, for which the fields were designed
_STEPS = 33  # of the lip line, from its middle to a corner


@dataclass(frozen=True, slots=True)
class HeadLandmarks:
    """Points float32[3] on the left half of a head, and units for sizes near them."""

    eye: Array  # its centre
    eye_unit: float  # 1 for an eye as large as the raccoon's
    brow_inner: Array
    brow_middle: Array
    brow_outer: Array
    cheek: Array  # a smile lifts it
    puff: Array  # a puffed cheek
    jowl: Array
    beside_nose: Array
    lips: Array  # float32[k, 3], the line between the lips from its middle to the corner
    mouth_unit: float  # 1 for a mouth as wide as the raccoon's

    @property
    def corner(self) -> Array:
        last: Array = self.lips[-1]
        return last

    @property
    def mouth_depth(self) -> float:
        """The distance of the corner behind the middle."""
        return max(float(self.lips[0, 2] - self.lips[-1, 2]), 0.2 * self.mouth_unit)


def find_landmarks(shape: HeadShape) -> HeadLandmarks:
    """Computes the landmarks of a head."""
    species = shape.species
    eye, r = vector(species.eye), species.eye_radius
    lips = _lip_line(shape)
    corner = lips[-1]
    m = float(np.clip(species.mouth_corner[0] / _CORNER_X, 0.6, 1.5))
    cheek_y = 0.5 * (eye[1] - r + corner[1]) + 0.10 * m
    guesses = np.stack(
        (
            eye + r * vector((-0.46, 1.21, 0.43)),
            eye + r * vector((0.0, 1.30, 0.27)),
            eye + r * vector((0.55, 1.33, -0.10)),
            vector((0.5 * (eye[0] + corner[0]) + 0.16 * m, cheek_y, corner[2] - 0.18 * m)),
            corner + m * vector((-0.02, -0.17, -0.20)),
            vector(species.nose) + vector((species.nose_radii[0] + 0.03, 0.0, -0.16)),
        )
    ).astype(np.float32)
    on_skin = project_to_surface(shape, guesses, 6)
    cheek, jowl = on_skin[3:5]
    return HeadLandmarks(
        eye=eye,
        eye_unit=r / _EYE_RADIUS,
        brow_inner=on_skin[0],
        brow_middle=on_skin[1],
        brow_outer=on_skin[2],
        cheek=cheek,
        puff=(0.35 * cheek + 0.25 * jowl + 0.40 * corner).astype(np.float32),
        jowl=jowl,
        beside_nose=on_skin[5],
        lips=lips,
        mouth_unit=m,
    )


def _lip_line(shape: HeadShape) -> Array:
    """Intersects the lip line with the front of the surface, float32[k, 3]."""
    x = np.linspace(0, shape.species.mouth_corner[0], _STEPS, dtype=np.float32)
    z = np.arange(1.6, -0.4, -0.01, dtype=np.float32)
    p: Array = np.zeros((len(x), len(z), 3), np.float32)
    p[..., 0], p[..., 2] = x[:, None], z
    p[..., 1] = shape.lip_height(p)
    inside = (shape(p.reshape(-1, 3)) < 0).reshape(p.shape[:2])
    first = np.where(inside.any(axis=1), inside.argmax(axis=1), len(z) // 2)
    line: Array = p[np.arange(len(x)), first]
    return line


def arc_shares(line: Array) -> Array:
    """Computes arc lengths along a line, over its whole length: 0..1."""
    steps = np.r_[0, np.cumsum(length(np.diff(line, axis=0)))]
    out: Array = (steps / steps[-1]).astype(np.float32)
    return out
