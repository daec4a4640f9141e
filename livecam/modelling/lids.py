"""Eyelids: visors that turn about a hinge through the corners of an eye.

A lid has a rim with lashes, a smooth plate, a crease, and above it the fold in which it vanishes;
plate and fold take the colours of the coat around them, so that a closed eye is part of the face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import CORRECTIVE, Material
from livecam.modelling.mesh import grid
from livecam.modelling.morphs import SIDES, Displacements
from livecam.modelling.parts import MeshPart, flat, outward, rotation
from livecam.modelling.sdf import Array, mix, ridge, smoothstep, unit, vector
from livecam.modelling.shape import FOLD, LID_TOE_OUT_DEG, HeadShape

# Along a lid, `t` goes from its edge (0) to where it vanishes in the socket (1).
_EDGE = 0.05  # up to here the rim turns in towards the ball
_LASHES = 0.10  # the dark line reaches to here
_CREASE = 0.28
_ENDS_DEG = 125.0
# The lower lid lies outside the upper one: when several expressions close an eye together, the
# upper lid slides behind it and the line of lashes stays where it is.
_UPPER_RADIUS, _LOWER_RADIUS = 1.045, 1.070
_LID_FUR = 0.014  # head units
_MEET_DEG, _HAPPY_DEG = -19.0, 11.0  # where the lids meet: asleep, and laughing
_BLINK = "eyeBlink"

# The tear film stands in the corner between the lower lid's rim and the ball: elevation above the
# edge in degrees, distance from the eye's centre over its radius.
_FILM = ((-0.6, 1.050), (0.9, 1.022), (2.0, 1.008), (3.4, 0.998))
_FILM_SINKS = 0.30  # when the eye shuts, so that the upper lid slides over it


@dataclass(frozen=True, slots=True)
class _LidCurves:
    """Elevations about the hinge through both corners of an eye, in degrees."""

    rest: tuple[float, float]  # upper and lower lid in the middle of an open eye
    arch: Array  # 0 at the corners, 1 in the middle
    outer: Array  # -1 inner corner .. 1 outer corner
    slant: Array

    @property
    def upper(self) -> Array:
        return self.rest[0] * self.arch + self.slant * 0.55 + 3

    @property
    def lower(self) -> Array:
        return self.rest[1] * self.arch + self.slant * 0.55

    def meet(self, degrees: float) -> Array:
        out: Array = degrees * self.arch + self.slant * 0.55
        return out


@dataclass(frozen=True, slots=True)
class _Visor:
    """The form of one lid: a shell about the hinge through the corners of its eye."""

    upper: bool
    angle: Array  # float[columns, rows] across, radians
    t: Array  # float[columns, rows]
    outer: Array  # float[columns, rows], -1 inner corner .. 1 outer corner
    radius: float  # of the eye

    def at(self, edge: Array, shut: float = 0.0) -> Array:
        """Points about the eye's centre, the edge at that elevation; `shut` lays them flatter."""
        end = _ENDS_DEG if self.upper else -_ENDS_DEG
        inner = np.clip(self.t - _EDGE, 0, 1) / (1 - _EDGE)
        a, b = self.angle, np.radians(edge + (end - edge) * inner)
        p = np.stack((np.sin(a), np.cos(a) * np.sin(b), np.cos(a) * np.cos(b)), axis=-1)
        p = p * (self._thickness(shut) * self.radius)[..., None]
        p[..., 2] *= 1 - (0.22 if self.upper else 0.17) * shut
        out: Array = p.reshape(-1, 3).astype(np.float32)
        return out

    def _thickness(self, shut: float) -> Array:
        """Distance from the eye's centre over its radius."""
        t = self.t
        rim = np.exp(-(((t - 0.085) / 0.05) ** 2))
        radius = _UPPER_RADIUS if self.upper else _LOWER_RADIUS
        # The rim of the upper lid is a shelf of lashes, longest at the outer corner.
        shelf = 0.028 + 0.020 * smoothstep(0.0, 0.7, self.outer) if self.upper else 0.016
        out: Array = np.where(t < _EDGE * 0.6, 0.98, radius + shelf * rim)
        # Deep under the fold the lid shrinks, so that no expression pushes it through the skin.
        deep = smoothstep(0.52, 0.80, t) if self.upper else smoothstep(0.20, 0.45, t)
        out = out - 0.15 * deep
        if self.upper:
            crease = np.exp(-(((t - _CREASE) / 0.065) ** 2))
            fold = np.exp(-(((t - _CREASE - 0.15) / 0.10) ** 2))
            out = out - crease * (0.025 + 0.025 * shut) + fold * (0.02 + 0.03 * shut)
        return out


def lids(shape: HeadShape, columns: int, rows: int) -> list[MeshPart]:
    """Upper and lower lid of both eyes, each points[columns * rows], rows running fastest.

    Row 1 is the edge that is seen.
    """
    return [
        _lid(shape, sign, name, upper, columns, rows)
        for sign, name in SIDES
        for upper in (True, False)
    ]


def wet_lines(shape: HeadShape, columns: int) -> list[MeshPart]:
    """The tear film along both lower lids: the bright line between a lid and its eye."""
    return [_wet_line(shape, sign, name, columns) for sign, name in SIDES]


def _wet_line(shape: HeadShape, sign: float, name: str, columns: int) -> MeshPart:
    row = shape.species
    across, toe, centre, curves = _placed(shape, sign, columns, len(_FILM))
    raised, radius = np.tile(np.array(_FILM, np.float32).T[:, None], (1, columns, 1))

    def at(edge: Array, shut: float = 0.0) -> Array:
        b = np.radians(edge + raised * curves.arch)
        p = np.stack(
            (np.sin(across), np.cos(across) * np.sin(b), np.cos(across) * np.cos(b)), axis=-1
        )
        p = p * (radius * row.eye_radius)[..., None]
        p[..., 2] *= 1 - _FILM_SINKS * shut
        out: Array = p.reshape(-1, 3).astype(np.float32)
        return out

    rest = at(curves.lower)
    points = rest @ toe.T + centre
    return MeshPart(
        f"wetLine{name}",
        Material.EYE,
        points,
        outward(points, grid(columns, len(_FILM)), centre),
        flat((0.8, 0.8, 0.8), len(points)),
        {key: moved @ toe.T for key, moved in _lid_morphs(at, False, curves, rest, name).items()},
        comb=flat((0.0, 0.0, -1.0), len(points)),  # on the white: the iris looks along z
    )


def _placed(
    shape: HeadShape, sign: float, columns: int, rows: int
) -> tuple[Array, Array, Array, _LidCurves]:
    """Angles across an eye float[columns, rows], its turn outwards, its centre, and its curves."""
    row = shape.species
    across = np.radians(np.linspace(-88, 88, columns)).astype(np.float32)
    a = np.repeat(across[:, None], rows, axis=1)
    curves = _LidCurves(
        rest=row.lids_deg,
        arch=np.clip(np.cos(a * 90 / 63), 0, None) ** 0.75,
        outer=a * sign / across[-1],
        slant=np.degrees(a) * 0.10 * sign,
    )
    toe = rotation((0, 1, 0), LID_TOE_OUT_DEG * sign)
    return a, toe, vector((row.eye[0] * sign, *row.eye[1:])), curves


def _lid(
    shape: HeadShape, sign: float, name: str, upper: bool, columns: int, rows: int
) -> MeshPart:
    row = shape.species
    a, toe, centre, curves = _placed(shape, sign, columns, rows)
    t = np.tile(_spread(rows), (columns, 1))
    visor = _Visor(upper, a, t, curves.outer, row.eye_radius)
    rest = visor.at(curves.upper if upper else curves.lower)
    morphs = _lid_morphs(visor.at, upper, curves, rest, name)
    points = rest @ toe.T + centre
    shut = visor.at(curves.meet(_MEET_DEG), 1.0) @ toe.T
    where = t.ravel()
    return MeshPart(
        f"{'upper' if upper else 'lower'}Lid{name}",
        row.skin,
        points,
        outward(points, grid(columns, rows), centre),
        _lid_colors(shape, centre + unit(shut) * (FOLD * row.eye_radius), unit(shut), where, upper),
        {key: moved @ toe.T for key, moved in morphs.items()},
        occlusion=_lid_occlusion(where, upper),
        fur=_LID_FUR * smoothstep(_LASHES, 0.26, where) * (row.skin is Material.FUR),
        comb=unit(np.asarray(np.gradient(points.reshape(columns, rows, 3), axis=1)).reshape(-1, 3)),
    )


def _spread(rows: int) -> Array:
    """Where the rows lie: close together at the lashes, for a crisp line, and one in the crease."""
    plate = round((rows - 3) * 0.42)
    fold = np.linspace(0, 1, rows - 2 - plate)[1:] ** 1.3 * (1 - _CREASE) + _CREASE
    out: Array = np.r_[0.0, 0.045, _LASHES, np.linspace(_LASHES + 0.02, _CREASE, plate), fold]
    return out.astype(np.float32)


def _lid_morphs(
    at: Callable[[Array, float], Array], upper: bool, curves: _LidCurves, rest: Array, name: str
) -> Displacements:
    """What each expression does to a lid, and what keeps a shut one shut under others.

    `at` places the lid with its edge at an elevation, how far shut.
    """
    targets = _upper_targets(curves, name) if upper else _lower_targets(curves, name)
    out: Displacements = {
        key: at(edge, float(key.startswith(_BLINK))) - rest for key, edge in targets.items()
    }
    blink = _BLINK + name
    for key in set(out) - {blink}:
        out[blink + CORRECTIVE + key] = -out[key]
    # Eyes that laugh shut in an arch.
    smile = blink + CORRECTIVE + "mouthSmile" + name
    happy = curves.meet(_HAPPY_DEG) - (3 if upper else 1)
    out[smile] += at(happy, 1.0) - rest - out[blink]
    return out


def _upper_targets(c: _LidCurves, name: str) -> dict[str, Array]:
    inward = np.clip(-c.outer + 0.3, 0, 1.2)
    return {
        _BLINK + name: c.meet(_MEET_DEG) - 3,
        "eyeWide" + name: c.upper + 18 * c.arch,
        "eyeSquint" + name: c.upper - 12 * c.arch,
        "eyeLookDown" + name: c.upper - 11 * c.arch,
        "eyeLookUp" + name: c.upper + 9 * c.arch,
        "browDown" + name: c.upper - 6 * c.arch - 22 * c.arch * inward,
        "browOuterUp" + name: c.upper + 6 * c.arch * np.clip(c.outer + 0.3, 0, 1.2),
        "browInnerUp": c.upper + 9 * c.arch * inward - 13 * c.arch * np.clip(c.outer + 0.2, 0, 1),
        "mouthSmile" + name: c.upper - 4 * c.arch,
    }


def _lower_targets(c: _LidCurves, name: str) -> dict[str, Array]:
    return {
        _BLINK + name: c.meet(_MEET_DEG) - 1,
        "eyeSquint" + name: c.lower + 24 * c.arch,
        "cheekSquint" + name: c.lower + 14 * c.arch,
        "mouthSmile" + name: c.lower + 11 * c.arch,
        "noseSneer" + name: c.lower + 8 * c.arch,
        "eyeWide" + name: c.lower - 6 * c.arch,
        "eyeLookDown" + name: c.lower - 8 * c.arch,
        "eyeLookUp" + name: c.lower + 4 * c.arch,
    }


def _lid_colors(shape: HeadShape, skin: Array, normals: Array, t: Array, upper: bool) -> Array:
    """Lashes, a plate in the lid's colour, and the coat beside the eye above its crease."""
    row = shape.species
    coat = row.paint(shape, skin, normals).colors
    plate = smoothstep(_CREASE + 0.05, _CREASE - 0.05, t) if upper else smoothstep(0.30, 0.12, t)
    colors = mix(coat, flat(row.lid, len(t)), plate * (0.75 if upper else 0.5))
    if upper:
        colors = mix(colors, vector(row.liner), ridge(t - _CREASE, 0.045) * 0.30)
    # The lower lashes lie over the upper ones of a shut eye: they must not double the line.
    line = smoothstep(_LASHES + 0.02, _LASHES, t) if upper else smoothstep(0.08, 0.05, t)
    return mix(colors, vector(row.liner), line).astype(np.float32)


def _lid_occlusion(t: Array, upper: bool) -> Array:
    crease = 0.30 * ridge(t - _CREASE, 0.06) if upper else np.zeros_like(t)
    out: Array = (
        0.95
        - crease
        - 0.35 * smoothstep(0.5, 0.9, t)
        - 0.5 * smoothstep(_LASHES + 0.02, _LASHES, t)
    ).astype(np.float32)
    return out
