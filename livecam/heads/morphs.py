"""The 52 expressions as displacement fields over the head at rest.

A field is asked for displacements at points; where a part must move as one piece with the
skin under it (a whisker, a tuft, a slice of lip), it is asked at the points' anchors.
Lengths in head units. Left is the head's own left: +x.
"""

from __future__ import annotations

import numpy as np

from livecam.core.face import EXPRESSIONS
from livecam.heads.sdf import Array, Vector, bump, mirrored, ridge, smoothstep, vector
from livecam.heads.shape import Shape

Displacements = dict[str, Array]  # expression name -> float32[n, 3]

JAW_DEG = 23.0
JAW_HINGE: Vector = (0, -0.22, 0.10)
SIDES = ((1.0, "Left"), (-1.0, "Right"))


def turned_by_jaw(p: Array, weight: Array, degrees: float = JAW_DEG) -> Array:
    """Displacements of points that swing about the jaw's hinge."""
    a = np.radians(degrees)
    r = p - vector(JAW_HINGE)
    swung = np.stack(
        (
            r[:, 0],
            r[:, 1] * np.cos(a) - r[:, 2] * np.sin(a),
            r[:, 1] * np.sin(a) + r[:, 2] * np.cos(a),
        ),
        axis=1,
    )
    out: Array = ((swung - r) * weight[:, None]).astype(np.float32)
    return out


def jaw_weight(shape: Shape, p: Array, side: Array) -> Array:
    """1 for what belongs to the lower jaw, 0 for the skull; `side` decides at the lips."""
    inside = shape.inside_mouth(p)
    above = shape.above_lips(p)
    side = np.where(side == 0, np.sign(above), side)
    below = -above - side * 0.03 * smoothstep(0.0, 0.07, inside)
    soft = 0.02 + 0.5 * smoothstep(0.02, -0.45, inside)
    weight = smoothstep(-soft, soft, below)
    weight = weight * smoothstep(-0.15, 0.45, p[:, 2]) * smoothstep(-1.0, -0.70, p[:, 1])
    return weight * smoothstep(0.78, 0.30, np.abs(p[:, 0]))


class SkinFields:
    """Every expression's displacement of the skin."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        row = shape.species
        self.corner_x, self.corner_z = row.mouth_corner
        corner = np.array([[self.corner_x, 0, self.corner_z]], np.float32)
        self.corner_y = float(shape.lip_height(corner)[0])
        self.front_z = row.muzzle_to[2]
        self.lip_y = row.mouth_y

    def __call__(
        self, p: Array, anchors: Array | None = None, side: Array | None = None
    ) -> Displacements:
        """Displacements of p: weights are taken at the anchors, `side` tells lip from lip."""
        at = p if anchors is None else anchors
        side = np.zeros(len(p), np.float32) if side is None else side
        jaw = jaw_weight(self.shape, at, side)
        out: Displacements = {}
        self._jaw(out, p, at, jaw)
        self._lips(out, at, jaw)
        for sign, name in SIDES:
            self._mouth_half(out, at, jaw, sign, name)
            self._upper_face_half(out, at, sign, name)
        self._both_halves(out, at)
        return {name: np.asarray(out[name], np.float32) for name in EXPRESSIONS if name in out}

    # ------------------------------------------------------------ jaw and lips

    def _jaw(self, out: Displacements, p: Array, at: Array, jaw: Array) -> None:
        out["jawOpen"] = turned_by_jaw(p, jaw)
        for sign, _ in SIDES:  # the corners are drawn in and down a little
            pull = bump(at, (sign * self.corner_x, self.corner_y, self.corner_z), 0.2)
            out["jawOpen"] = out["jawOpen"] + pull[:, None] * vector((-0.05 * sign, -0.05, 0))
        out["jawForward"] = jaw[:, None] * vector((0, -0.01, 0.10))
        out["jawLeft"] = jaw[:, None] * vector((0.12, 0, 0))
        out["jawRight"] = jaw[:, None] * vector((-0.12, 0, 0))
        reach = smoothstep(-0.25, 0.05, self.shape.inside_mouth(at)) * ridge(
            self.shape.above_lips(at), 0.14
        )
        out["mouthClose"] = -0.92 * out["jawOpen"] * reach[:, None]

    def _lips(self, out: Displacements, at: Array, jaw: Array) -> None:
        upper = 1 - jaw
        x = at[:, 0]
        front = smoothstep(0.25, 0.6, at[:, 2])
        g = bump(at, (0, self.lip_y, self.front_z), (0.55, 0.26, 0.50)) * front
        zero = np.zeros_like(g)
        # All of the mouth narrows alike, corners too: else an open one would end in a V.
        mouth = ridge(at[:, 1] - self.lip_y, 0.24) * smoothstep(0.42, 0.66, at[:, 2])
        mouth = mouth * smoothstep(0.85, 0.45, np.abs(x))
        out["mouthPucker"] = np.stack(
            (-0.40 * x * mouth, 0.02 * g * (jaw - upper), 0.17 * g), axis=1
        )
        # An O: the lips come forward over the teeth, and the corners sink.
        sink = -0.11 * smoothstep(0.12, 0.42, np.abs(x)) * mouth * (0.4 + 0.6 * upper)
        rise = g * (0.02 * upper - 0.02 * jaw)
        out["mouthFunnel"] = np.stack((-0.33 * x * mouth, rise + sink, 0.13 * g), axis=1)
        line = g * ridge(self.shape.above_lips(at), 0.10)
        out["mouthRollUpper"] = (line * upper)[:, None] * vector((0, -0.03, -0.06))
        out["mouthRollLower"] = (line * jaw)[:, None] * vector((0, 0.03, -0.06))
        out["mouthShrugUpper"] = (g * upper)[:, None] * vector((0, 0.06, 0.03))
        out["mouthShrugLower"] = (g * jaw)[:, None] * vector((0, 0.055, 0.05))
        out["tongueOut"] = (g * jaw)[:, None] * vector((0, -0.03, 0.0))
        for sign, name in SIDES:
            wide = bump(at, (0, self.lip_y, self.front_z - 0.05), (0.45, 0.28, 0.5)) * front
            out["mouth" + name] = np.stack((0.15 * sign * wide, zero, zero), axis=1)

    def _mouth_half(
        self, out: Displacements, at: Array, jaw: Array, sign: float, name: str
    ) -> None:
        half = smoothstep(-0.12, 0.12, at[:, 0] * sign)
        corner = (
            bump(
                at,
                (sign * (self.corner_x - 0.02), self.corner_y, self.corner_z + 0.05),
                (0.26, 0.22, 0.30),
            )
            * half
        )
        cheek = bump(at, (sign * 0.57, -0.20, 0.48), (0.28, 0.20, 0.35)) * half
        middle = bump(at, (0, self.lip_y, self.front_z), (0.20, 0.14, 0.35)) * half
        below = bump(at, (sign * 0.42, -0.52, 0.45), (0.25, 0.16, 0.35)) * half

        def shift(weight: Array, x: float, y: float, z: float) -> Array:
            moved: Array = weight[:, None] * vector((x * sign, y, z))
            return moved

        out["mouthSmile" + name] = (
            shift(corner, 0.19, 0.19, -0.06)
            + shift(cheek, 0.06, 0.07, 0.10)
            + shift(below, 0.02, 0.05, 0.0)
        )
        out["mouthFrown" + name] = (
            shift(corner, 0.03, -0.20, -0.02)
            + shift(cheek, 0, -0.03, 0)
            + shift(middle, 0, 0.035, 0.01)
        )
        out["mouthStretch" + name] = shift(corner, 0.18, -0.05, -0.05)
        out["mouthDimple" + name] = shift(corner, 0.08, 0.05, -0.11)
        out["mouthPress" + name] = shift(corner, -0.03, 0.01, -0.05) + shift(cheek, 0, 0.02, 0.02)
        above = bump(at, (sign * 0.17, self.lip_y + 0.07, self.front_z), (0.18, 0.16, 0.34))
        under = bump(at, (sign * 0.15, self.lip_y - 0.05, self.front_z - 0.08), (0.18, 0.16, 0.34))
        out["mouthUpperUp" + name] = shift(above * (1 - jaw), 0.02, 0.10, 0.0)
        out["mouthLowerDown" + name] = shift(under * jaw, 0.0, -0.09, 0.0)
        nose = self.shape.species.nose
        beside = bump(at, (sign * 0.16, nose[1] - 0.02, nose[2] - 0.16), (0.15, 0.17, 0.22)) * half
        out["noseSneer" + name] = shift(beside, -0.01, 0.10, -0.02)
        out["cheekSquint" + name] = shift(cheek, 0, 0.08, 0.07)

    # ------------------------------------------------------------ eyes, brows, cheeks

    def _upper_face_half(self, out: Displacements, at: Array, sign: float, name: str) -> None:
        half = smoothstep(-0.05, 0.10, at[:, 0] * sign)
        inner = bump(at, (sign * 0.22, 0.50, 0.68), (0.21, 0.19, 0.30)) * half
        middle = bump(at, (sign * 0.38, 0.52, 0.62), (0.28, 0.16, 0.30)) * half
        outer = bump(at, (sign * 0.56, 0.54, 0.50), (0.24, 0.24, 0.32)) * half
        ex, ey, ez = self.shape.species.eye
        radius = self.shape.species.eye_radius
        over = bump(at, (sign * ex, ey + radius * 1.15, ez + 0.12), (0.30, 0.13, 0.30)) * half
        under = bump(at, (sign * ex, ey - radius * 1.2, ez + 0.10), (0.30, 0.13, 0.30)) * half

        def shift(weight: Array, x: float, y: float, z: float) -> Array:
            moved: Array = weight[:, None] * vector((x * sign, y, z))
            return moved

        out["browDown" + name] = shift(inner, -0.05, -0.15, 0.07) + shift(
            middle, -0.02, -0.07, 0.03
        )
        out["browOuterUp" + name] = shift(outer, -0.01, 0.095, -0.05) + shift(middle, 0, 0.04, 0.0)
        out["eyeBlink" + name] = shift(over, 0, -0.035, 0.0) + shift(under, 0, 0.02, 0.0)
        out["eyeWide" + name] = shift(over, 0, 0.05, 0.01)
        out["eyeSquint" + name] = shift(over, 0, -0.03, 0.0) + shift(under, 0, 0.06, 0.02)
        out["eyeLookUp" + name] = shift(over, 0, 0.015, 0.0)
        out["eyeLookDown" + name] = shift(over, 0, -0.02, 0.0)

    def _both_halves(self, out: Displacements, at: Array) -> None:
        q = mirrored(at)
        inner = bump(q, (0.17, 0.54, 0.68), (0.22, 0.25, 0.32))
        out["browInnerUp"] = inner[:, None] * vector((0, 0.11, -0.04))
        puff = bump(q, (0.60, -0.30, 0.45), (0.34, 0.27, 0.38))
        side = np.sign(at[:, 0])
        zero = np.zeros_like(puff)
        away = self.shape.normals(at, 0.08)  # broad, so that both lips go one way
        out["cheekPuff"] = puff[:, None] * (
            away * 0.27 + np.stack((side * 0.09, zero, zero + 0.05), axis=1)
        )
