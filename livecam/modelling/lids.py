"""Eyelids: shells that rotate about a hinge through the corners of an eye.

A lid has a rim with lashes, a smooth plate, a crease, and above it the fold into which it slides;
plate and fold take the colours of the skin around them, so that a closed eye blends into the face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import CORRECTIVE, Material
from livecam.modelling.expressions import SIDES, Displacements
from livecam.modelling.mesh import grid, orient_outward
from livecam.modelling.parts import MeshPart
from livecam.modelling.sdf import ridge, smoothstep
from livecam.modelling.shape import FOLD, LID_TOE_OUT_DEG, HeadShape
from livecam.modelling.vectors import Array, mix, rotation, tiled, unit, vector

# Along a lid, `t` runs from its edge (0) to its end in the socket (1).
_EDGE = 0.05  # up to here the rim turns in towards the ball
_LASHES = 0.10  # the dark line reaches to here
_CREASE = 0.28
_END_DEG = 125.0
# The lower lid lies outside the upper one: when several expressions close an eye together, the
# upper lid slides behind it and the line of lashes stays where it is.
_UPPER_RADIUS, _LOWER_RADIUS = 1.045, 1.070
_LID_FUR = 0.014  # head units
_MEET_DEG, _LAUGH_MEET_DEG = -19.0, 11.0  # elevation at which the lids meet
_BLINK = "eyeBlink"

# The tear film in the corner between the lower lid's rim and the ball: elevation above the edge
# in degrees, distance from the eye's centre over its radius.
_FILM = ((-0.6, 1.050), (0.9, 1.022), (2.0, 1.008), (3.4, 0.998))
_FILM_SINKS = 0.30  # when the eye shuts, so that the upper lid slides over it

# Maps the elevation of a lid's edge, and how far the eye is shut (0..1), to points.
PlaceLid = Callable[[Array, float], Array]


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
        """Computes the line on which the lids meet at that elevation in the middle."""
        out: Array = degrees * self.arch + self.slant * 0.55
        return out


@dataclass(frozen=True, slots=True)
class _EyeFrame:
    """The position of the lids of one eye, and their parameters, float[columns, rows]."""

    across: Array  # angles from corner to corner, radians
    rotation: Array  # 3x3, turns the opening outwards
    centre: Array
    curves: _LidCurves

    def placed(self, points: Array) -> Array:
        """Converts points about the eye's centre to head space."""
        out: Array = points @ self.rotation.T + self.centre
        return out

    def placed_morphs(self, morphs: Displacements) -> Displacements:
        return {name: deltas @ self.rotation.T for name, deltas in morphs.items()}


def _eye_frame(shape: HeadShape, sign: float, columns: int, rows: int) -> _EyeFrame:
    species = shape.species
    across = np.radians(np.linspace(-88, 88, columns)).astype(np.float32)
    a = np.repeat(across[:, None], rows, axis=1)
    curves = _LidCurves(
        rest=species.lids_deg,
        arch=np.clip(np.cos(a * 90 / 63), 0, None) ** 0.75,
        outer=a * sign / across[-1],
        slant=np.degrees(a) * 0.10 * sign,
    )
    toe_out = rotation((0, 1, 0), LID_TOE_OUT_DEG * sign)
    return _EyeFrame(a, toe_out, vector((species.eye[0] * sign, *species.eye[1:])), curves)


def _on_sphere(across: Array, elevation: Array) -> Array:
    """Computes unit vectors at angles about the hinge, z forward."""
    a, b = across, elevation
    return np.stack((np.sin(a), np.cos(a) * np.sin(b), np.cos(a) * np.cos(b)), axis=-1)


# ---------------------------------------------------------------- lids


@dataclass(frozen=True, slots=True)
class _LidShell:
    """The shape of one lid: a shell about the hinge through the corners of its eye."""

    upper: bool
    angle: Array  # float[columns, rows] across, radians
    t: Array  # float[columns, rows]
    outer: Array  # float[columns, rows], -1 inner corner .. 1 outer corner
    radius: float  # of the eye

    def at(self, edge: Array, shut: float = 0.0) -> Array:
        """Computes points about the eye's centre; a shut lid is flatter."""
        end = _END_DEG if self.upper else -_END_DEG
        inner = np.clip(self.t - _EDGE, 0, 1) / (1 - _EDGE)
        p = _on_sphere(self.angle, np.radians(edge + (end - edge) * inner))
        p = p * (self._distance(shut) * self.radius)[..., None]
        p[..., 2] *= 1 - (0.22 if self.upper else 0.17) * shut
        out: Array = p.reshape(-1, 3).astype(np.float32)
        return out

    def _distance(self, shut: float) -> Array:
        """Computes the distance from the eye's centre over its radius."""
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
    """Builds upper and lower lids of both eyes, points[columns * rows] each, rows fastest.

    Row 1 is the visible edge.
    """
    return [
        _lid(shape, sign, side, upper, columns, rows)
        for sign, side in SIDES
        for upper in (True, False)
    ]


def _lid(
    shape: HeadShape, sign: float, side: str, upper: bool, columns: int, rows: int
) -> MeshPart:
    species = shape.species
    frame = _eye_frame(shape, sign, columns, rows)
    curves = frame.curves
    grid_t = np.tile(_row_positions(rows), (columns, 1))
    shell = _LidShell(upper, frame.across, grid_t, curves.outer, species.eye_radius)
    rest = shell.at(curves.upper if upper else curves.lower)
    points = frame.placed(rest)
    outward = unit(shell.at(curves.meet(_MEET_DEG), 1.0) @ frame.rotation.T)
    skin = frame.centre + outward * (FOLD * species.eye_radius)
    t = grid_t.ravel()
    comb = np.asarray(np.gradient(points.reshape(columns, rows, 3), axis=1))
    return MeshPart(
        f"{'upper' if upper else 'lower'}Lid{side}",
        species.skin,
        points,
        orient_outward(points, grid(columns, rows), frame.centre),
        _lid_colors(shape, skin, outward, t, upper),
        frame.placed_morphs(_lid_morphs(shell.at, upper, curves, rest, side)),
        occlusion=_lid_occlusion(t, upper),
        fur=_LID_FUR * smoothstep(_LASHES, 0.26, t) * (species.skin is Material.FUR),
        comb=unit(comb.reshape(-1, 3)),
    )


def _row_positions(rows: int) -> Array:
    """Computes `t` of the rows: dense at the lashes, for a crisp line, and one in the crease."""
    plate = round((rows - 3) * 0.42)
    fold = np.linspace(0, 1, rows - 2 - plate)[1:] ** 1.3 * (1 - _CREASE) + _CREASE
    out: Array = np.r_[0.0, 0.045, _LASHES, np.linspace(_LASHES + 0.02, _CREASE, plate), fold]
    return out.astype(np.float32)


def _lid_colors(shape: HeadShape, skin: Array, normals: Array, t: Array, upper: bool) -> Array:
    """Paints lashes, a plate in the lid's colour, and the skin's own colour above the crease."""
    species = shape.species
    coat = shape.paint(skin, normals).colors
    plate = smoothstep(_CREASE + 0.05, _CREASE - 0.05, t) if upper else smoothstep(0.30, 0.12, t)
    colors = mix(coat, tiled(species.lid, len(t)), plate * (0.75 if upper else 0.5))
    if upper:
        colors = mix(colors, vector(species.liner), ridge(t - _CREASE, 0.045) * 0.30)
    # The lower lashes lie over the upper ones of a shut eye: they must not double the line.
    line = smoothstep(_LASHES + 0.02, _LASHES, t) if upper else smoothstep(0.08, 0.05, t)
    return mix(colors, vector(species.liner), line).astype(np.float32)


def _lid_occlusion(t: Array, upper: bool) -> Array:
    crease = 0.30 * ridge(t - _CREASE, 0.06) if upper else np.zeros_like(t)
    out: Array = (
        0.95
        - crease
        - 0.35 * smoothstep(0.5, 0.9, t)
        - 0.5 * smoothstep(_LASHES + 0.02, _LASHES, t)
    ).astype(np.float32)
    return out


# ---------------------------------------------------------------- the tear film


def wet_lines(shape: HeadShape, columns: int) -> list[MeshPart]:
    """Builds the tear film along both lower lids: the bright line between a lid and its eye."""
    return [_wet_line(shape, sign, side, columns) for sign, side in SIDES]


def _wet_line(shape: HeadShape, sign: float, side: str, columns: int) -> MeshPart:
    frame = _eye_frame(shape, sign, columns, len(_FILM))
    raised, radius = np.tile(np.array(_FILM, np.float32).T[:, None], (1, columns, 1))

    def at(edge: Array, shut: float = 0.0) -> Array:
        p = _on_sphere(frame.across, np.radians(edge + raised * frame.curves.arch))
        p = p * (radius * shape.species.eye_radius)[..., None]
        p[..., 2] *= 1 - _FILM_SINKS * shut
        out: Array = p.reshape(-1, 3).astype(np.float32)
        return out

    rest = at(frame.curves.lower)
    points = frame.placed(rest)
    return MeshPart(
        f"wetLine{side}",
        Material.EYE,
        points,
        orient_outward(points, grid(columns, len(_FILM)), frame.centre),
        tiled((0.8, 0.8, 0.8), len(points)),
        frame.placed_morphs(_lid_morphs(at, False, frame.curves, rest, side)),
        comb=tiled((0.0, 0.0, -1.0), len(points)),  # on the white: the iris faces +z
    )


# ---------------------------------------------------------------- morphs


def _lid_morphs(
    at: PlaceLid, upper: bool, curves: _LidCurves, rest: Array, side: str
) -> Displacements:
    """Computes the expressions of a lid, and the correctives that keep a shut lid shut."""
    targets = _upper_targets(curves, side) if upper else _lower_targets(curves, side)
    out: Displacements = {
        name: at(edge, float(name.startswith(_BLINK))) - rest for name, edge in targets.items()
    }
    blink = _BLINK + side
    for name in [each for each in out if each != blink]:
        out[blink + CORRECTIVE + name] = -out[name]
    # Eyes that laugh shut in an arch.
    smile = blink + CORRECTIVE + "mouthSmile" + side
    laughing = curves.meet(_LAUGH_MEET_DEG) - (3 if upper else 1)
    out[smile] += at(laughing, 1.0) - rest - out[blink]
    return out


def _upper_targets(c: _LidCurves, side: str) -> dict[str, Array]:
    """Computes the elevation of the upper lid's edge under each expression."""
    inward = np.clip(-c.outer + 0.3, 0, 1.2)
    return {
        _BLINK + side: c.meet(_MEET_DEG) - 3,
        "eyeWide" + side: c.upper + 18 * c.arch,
        "eyeSquint" + side: c.upper - 12 * c.arch,
        "eyeLookDown" + side: c.upper - 11 * c.arch,
        "eyeLookUp" + side: c.upper + 9 * c.arch,
        "browDown" + side: c.upper - 6 * c.arch - 22 * c.arch * inward,
        "browOuterUp" + side: c.upper + 6 * c.arch * np.clip(c.outer + 0.3, 0, 1.2),
        "browInnerUp": c.upper + 9 * c.arch * inward - 13 * c.arch * np.clip(c.outer + 0.2, 0, 1),
        "mouthSmile" + side: c.upper - 4 * c.arch,
    }


def _lower_targets(c: _LidCurves, side: str) -> dict[str, Array]:
    """Computes the elevation of the lower lid's edge under each expression."""
    return {
        _BLINK + side: c.meet(_MEET_DEG) - 1,
        "eyeSquint" + side: c.lower + 24 * c.arch,
        "cheekSquint" + side: c.lower + 14 * c.arch,
        "mouthSmile" + side: c.lower + 11 * c.arch,
        "noseSneer" + side: c.lower + 8 * c.arch,
        "eyeWide" + side: c.lower - 6 * c.arch,
        "eyeLookDown" + side: c.lower - 8 * c.arch,
        "eyeLookUp" + side: c.lower + 4 * c.arch,
    }
