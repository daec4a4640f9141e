"""The 52 expressions as displacement fields over the neutral head, with correctives.

A field is evaluated at points. Where a part must move rigidly with the skin under it (a whisker,
a curl, a section of lip), its weights are evaluated at the points' roots on the skin.
Lengths in head units. Left is the head's own left: +x.
"""

from __future__ import annotations

import numpy as np

from livecam.modelling.landmarks import HeadLandmarks, arc_shares, find_landmarks
from livecam.modelling.sdf import bump, ridge, smoothstep
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, Vector, as_tuple, mirrored, on_side, vector

Displacements = dict[str, Array]  # name of a morph -> float32[n, 3]

JAW_DEG = 23.0
_JAW_FORWARD: Vector = (0, -0.01, 0.10)
_JAW_ASIDE: Vector = (0.12, 0, 0)
SIDES = ((1.0, "Left"), (-1.0, "Right"))


class FaceHalf:
    """The roots and jaw weights of points, as one half of a face needs them."""

    def __init__(self, roots: Array, jaw: Array, sign: float, side: str) -> None:
        self.roots, self.jaw, self.sign, self.side = roots, jaw, sign, side

    def share(self, low: float, high: float) -> Array:
        """Weighs points by their distance from the middle: 0 on the other half, 1 on this one."""
        return smoothstep(low, high, self.roots[:, 0] * self.sign)

    def around(self, landmark: Array, size: Vector) -> Array:
        """Weighs points by their distance from a landmark of the left half, mirrored here."""
        return bump(self.roots, as_tuple(on_side(landmark, self.sign)), size)

    def shift(self, weight: Array, x: float, y: float, z: float, scale: float = 1.0) -> Array:
        """Computes displacements away from the middle (x), up and forward."""
        out: Array = weight[:, None] * vector((x * self.sign * scale, y * scale, z * scale))
        return out


class ExpressionFields:
    """The displacement field of every expression, fitted to the landmarks of a head."""

    def __init__(self, shape: HeadShape) -> None:
        self.shape = shape
        self.landmarks: HeadLandmarks = find_landmarks(shape)
        self._along = arc_shares(self.landmarks.lips)
        corner, m = self.landmarks.corner, self.landmarks.mouth_unit
        depth = self.landmarks.mouth_depth
        self.jaw_hinge = vector((0, float(corner[1]) + 0.14, float(corner[2]) - 0.60))
        # The middle of the lips, a little under the skin, so that weights reach both of them.
        self._middle = self.landmarks.lips[0] - vector((0, 0.03, 0.40 * depth))
        self._lip_size: Vector = (0.55 * m, 0.26 * m, max(0.34 * m, 1.22 * depth))

        self._lip_corrections = {
            "mouthFunnel*jawOpen": self._round_opening(("mouthFunnel", "jawOpen"), 0.30),
            "mouthPucker*jawOpen": self._round_opening(("mouthPucker", "jawOpen"), 0.22),
        }
        self._laugh_correction = self._laugh_opening(
            ("mouthSmileLeft", "mouthSmileRight", "jawOpen")
        )

    def __call__(
        self, p: Array, roots: Array | None = None, side: Array | None = None
    ) -> Displacements:
        """Computes the displacements of p; `side` is +1 for the upper lip and -1 for the lower."""
        roots = p if roots is None else roots
        side = np.zeros(len(p), np.float32) if side is None else side
        jaw = self.jaw_weight(roots, side)
        out = self._uncorrected(p, roots, jaw)
        self._add_correctives(out, roots, jaw)
        return {name: np.asarray(deltas, np.float32) for name, deltas in out.items()}

    def _uncorrected(self, p: Array, roots: Array, jaw: Array) -> Displacements:
        out: Displacements = {}
        self._jaw(out, p, roots, jaw)
        self._lips(out, roots, jaw)
        self._rounded_lips(out, roots, jaw)
        for sign, side in SIDES:
            half = FaceHalf(roots, jaw, sign, side)
            self._mouth_half(out, half)
            self._nose_half(out, half)
            self._upper_half(out, half)
        self._symmetric(out, roots)
        lift = np.float32(self.shape.species.brow_lift)
        return {
            name: deltas * lift if name.startswith(("brow", "eyeWide")) else deltas
            for name, deltas in out.items()
        }

    # ------------------------------------------------------------ jaw

    def jaw_rotation(self, p: Array, weight: Array, degrees: float = JAW_DEG) -> Array:
        """Computes displacements of points that rotate about the hinge of the jaw."""
        a = np.radians(degrees)
        r = p - self.jaw_hinge
        rotated = np.stack(
            (
                r[:, 0],
                r[:, 1] * np.cos(a) - r[:, 2] * np.sin(a),
                r[:, 1] * np.sin(a) + r[:, 2] * np.cos(a),
            ),
            axis=1,
        )
        out: Array = ((rotated - r) * weight[:, None]).astype(np.float32)
        return out

    def jaw_weight(self, p: Array, side: Array) -> Array:
        """Computes skin weights of the lower jaw, 0..1; `side` decides at the lips."""
        m, corner = self.landmarks.mouth_unit, self.landmarks.corner
        inside = self.shape.inside_mouth(p)
        above = self.shape.above_lips(p)
        side = np.where(side == 0, np.sign(above), side)
        below = -above - side * 0.03 * smoothstep(0.0, 0.07, inside)
        soft = 0.02 + 0.5 * smoothstep(0.02, -0.45, inside)
        weight = smoothstep(-soft, soft, below)
        weight = weight * smoothstep(-0.85 * m, -0.25 * m, p[:, 2] - corner[2])
        # The throat yields over a length that grows with the mouth, or it would fold.
        chin = float(self.landmarks.lips[0, 1]) - 0.30
        weight = weight * smoothstep(chin - 0.40 * m, chin, p[:, 1])
        x = max(float(corner[0]), 0.42)
        return weight * smoothstep(x + 0.34, x - 0.14, np.abs(p[:, 0]))

    def on_jaw(self, p: Array) -> Displacements:
        """Computes displacements of points that are rigid with the lower jaw."""
        one = np.ones(len(p), np.float32)
        return {"jawOpen": self.jaw_rotation(p, one)} | _jaw_slides(one)

    def _jaw(self, out: Displacements, p: Array, roots: Array, jaw: Array) -> None:
        m, corner = self.landmarks.mouth_unit, self.landmarks.corner
        opened = self.jaw_rotation(p, jaw)
        for sign, side in SIDES:  # the corners move in and down a little
            half = FaceHalf(roots, jaw, sign, side)
            opened = opened + half.shift(half.around(corner, (0.2 * m,) * 3), -0.05, -0.05, 0, m)
        out["jawOpen"] = opened
        out |= _jaw_slides(jaw)
        reach = smoothstep(-0.25, 0.05, self.shape.inside_mouth(roots)) * ridge(
            self.shape.above_lips(roots), 0.20 * m
        )
        # Alone it only presses the lips together; an open jaw needs closing.
        out["mouthClose"] = -0.30 * opened * reach[:, None]
        out["mouthClose*jawOpen"] = -0.62 * opened * reach[:, None]

    # ------------------------------------------------------------ lips

    def _front_weight(self, roots: Array) -> Array:
        return smoothstep(-0.44, -0.09, roots[:, 2] - self.landmarks.corner[2])

    def _lips(self, out: Displacements, roots: Array, jaw: Array) -> None:
        m, upper = self.landmarks.mouth_unit, 1 - jaw
        g = bump(roots, as_tuple(self._middle), self._lip_size) * self._front_weight(roots)
        line = g * ridge(self.shape.above_lips(roots), 0.10 * m)
        out["mouthRollUpper"] = (line * upper)[:, None] * vector((0, -0.04 * m, -0.085 * m))
        out["mouthRollLower"] = (line * jaw)[:, None] * vector((0, 0.04 * m, -0.085 * m))
        out["mouthShrugUpper"] = (g * upper)[:, None] * vector((0, 0.075 * m, 0.04 * m))
        out["mouthShrugLower"] = (g * jaw)[:, None] * vector((0, 0.07 * m, 0.07 * m))
        under_tongue = line * jaw * smoothstep(0.34, 0.08, np.abs(roots[:, 0]))
        out["tongueOut"] = under_tongue[:, None] * vector((0, -0.07, 0.0))
        for sign, side in SIDES:
            out["mouth" + side] = g[:, None] * vector((0.17 * sign * m, 0.01, 0.0))

    def _rounded_lips(self, out: Displacements, roots: Array, jaw: Array) -> None:
        """Adds pucker and funnel: lips move forward, corners move in."""
        m, x = self.landmarks.mouth_unit, roots[:, 0]
        upper, corner = 1 - jaw, self.landmarks.corner
        g = bump(roots, as_tuple(self._middle), self._lip_size) * self._front_weight(roots)
        mouth = self._narrowing_weight(roots)
        corners = mouth * smoothstep(0.3 * corner[0], 0.95 * corner[0], np.abs(x))
        forward = 0.35 * self.landmarks.mouth_depth * corners
        zero = np.zeros_like(g)
        out["mouthPucker"] = np.stack(
            (-0.42 * x * mouth, 0.02 * m * g * (jaw - upper), 0.15 * m * g + 0.5 * forward), axis=1
        )
        # An O: the lips move forward over the teeth and part; the corners sink between them.
        part = m * g * (0.055 * upper - 0.065 * jaw) * smoothstep(0.8, 0.2, np.abs(x) / corner[0])
        sink = -0.03 * m * corners
        out["mouthFunnel"] = np.stack(
            (-0.34 * x * mouth, part + sink, 0.11 * m * g + 0.6 * forward + zero), axis=1
        )
        out["mouthFunnel*mouthPucker"] = -0.6 * out["mouthPucker"]

    def _narrowing_weight(self, roots: Array) -> Array:
        """Weighs the whole mouth alike, corners too: else an open one would end in a V."""
        m, corner = self.landmarks.mouth_unit, self.landmarks.corner
        out: Array = ridge(self.shape.above_lips(roots), 0.24 * m)
        out = out * smoothstep(-0.38, -0.03, roots[:, 2] - corner[2])
        return out * smoothstep(1.93 * corner[0], 1.02 * corner[0], np.abs(roots[:, 0]))

    def _mouth_half(self, out: Displacements, half: FaceHalf) -> None:
        landmarks, m = self.landmarks, self.landmarks.mouth_unit
        share = half.share(-0.12 * m, 0.12 * m)
        near = landmarks.corner + m * vector((-0.02, 0.0, 0.05))
        corner = share * half.around(near, (0.26 * m, 0.22 * m, 0.30 * m))
        cheek = share * half.around(landmarks.cheek, (0.28 * m, 0.21 * m, 0.35 * m))
        jowl = share * half.around(landmarks.jowl, (0.25 * m, 0.16 * m, 0.35 * m))
        self._mouth_corner(out, half, corner, cheek, jowl)
        self._bared_teeth(out, half)
        side = half.side
        out["cheekSquint" + side] = half.shift(cheek, 0, 0.08, 0.08, m)
        # A smile lifts the cheek already.
        out[f"cheekSquint{side}*mouthSmile{side}"] = -0.6 * out["cheekSquint" + side]

    def _mouth_corner(
        self, out: Displacements, half: FaceHalf, corner: Array, cheek: Array, jowl: Array
    ) -> None:
        """Adds the expressions that move a corner, by weights around corner, cheek and jowl."""
        m, side = self.landmarks.mouth_unit, half.side
        share = half.share(-0.12 * m, 0.12 * m)
        middle_size = (0.20 * m, 0.14 * m, self._lip_size[2])
        middle = share * bump(half.roots, as_tuple(self._middle), middle_size)
        line = share * ridge(self.shape.above_lips(half.roots), 0.09 * m)
        line = line * self._front_weight(half.roots)
        line = line * smoothstep(-0.12 * m, 0.05 * m, self.shape.inside_mouth(half.roots))

        def shift(weight: Array, x: float, y: float, z: float) -> Array:
            return half.shift(weight, x, y, z, m)

        out["mouthSmile" + side] = (
            shift(corner, 0.17, 0.21, -0.05)
            + shift(cheek, 0.06, 0.06, 0.09)
            + shift(jowl, 0.02, 0.06, 0.0)
            + shift(middle, 0, -0.02, -0.01)
        )
        out["mouthFrown" + side] = (
            shift(corner, 0.02, -0.21, -0.02)
            + shift(jowl, 0.02, -0.05, 0.03)
            + shift(cheek, 0, -0.03, 0)
            + shift(middle, 0, 0.05, 0.02)
        )
        out["mouthStretch" + side] = shift(corner, 0.20, -0.07, -0.05) + shift(jowl, 0.05, -0.06, 0)
        out["mouthDimple" + side] = shift(corner, 0.10, 0.05, -0.12)
        out["mouthPress" + side] = (
            shift(corner, -0.03, 0.01, -0.05)
            + shift(line * (1 - half.jaw), 0, -0.025, -0.035)
            + shift(line * half.jaw, 0, 0.025, -0.035)
            + shift(cheek, 0, 0.02, 0.03)
        )

    def _bared_teeth(self, out: Displacements, half: FaceHalf) -> None:
        """Adds a raised upper and a lowered lower lip, between middle and corner."""
        m, roots = self.landmarks.mouth_unit, half.roots
        away = np.abs(roots[:, 0]) / self.landmarks.corner[0]
        share = half.share(-0.12 * m, 0.12 * m)
        lip = ridge(away - 0.45, 0.42) * share * self._front_weight(roots)
        lip = lip * smoothstep(-0.08 * m, 0.10 * m, self.shape.inside_mouth(roots))
        above = self.shape.above_lips(roots)
        raised = lip * (1 - half.jaw) * ridge(above - 0.02 * m, 0.17 * m)
        lowered = lip * half.jaw * ridge(above, 0.17 * m)
        out["mouthUpperUp" + half.side] = half.shift(raised, 0.0, 0.09, 0.03, m)
        out["mouthLowerDown" + half.side] = half.shift(lowered, 0.0, -0.12, 0.0, m)

    # ------------------------------------------------------------ nose

    def _nose_half(self, out: Displacements, half: FaceHalf) -> None:
        """Adds a sneer: the nose wrinkles, and moves lip, cheek and inner brow."""
        landmarks, e = self.landmarks, self.landmarks.eye_unit
        m, side, roots = landmarks.mouth_unit, half.side, half.roots
        share = half.share(-0.05, 0.10)
        beside = share * half.around(landmarks.beside_nose, (0.17, 0.15, 0.24))
        over = landmarks.beside_nose + vector((0.0, 0.17, -0.08))
        wrinkle = share * half.around(over, (0.13, 0.08, 0.22))
        inner = share * half.around(landmarks.brow_inner, (0.20 * e, 0.27 * e, 0.30))
        away = np.abs(roots[:, 0]) / landmarks.corner[0]
        lip = ridge(away - 0.55, 0.34) * share * self._front_weight(roots)
        lip = lip * (1 - half.jaw) * ridge(self.shape.above_lips(roots) - 0.05 * m, 0.16 * m)
        cheek = share * half.around(landmarks.cheek, (0.26 * m, 0.19 * m, 0.35 * m))
        out["noseSneer" + side] = (
            half.shift(beside, -0.005, 0.10, 0.0)
            + half.shift(wrinkle, 0, 0.01, 0.055)
            + half.shift(inner, -0.02, -0.05 * e, 0.03)
            + half.shift(lip, 0, 0.055 * m, 0.02)
            + half.shift(cheek, 0, 0.05, 0.05)
        )
        # Disgust: the corners move down, and the middle of the lower lip moves up.
        near = landmarks.corner + m * vector((-0.04, 0.0, 0.04))
        corner = share * half.around(near, (0.22 * m, 0.20 * m, 0.28 * m))
        lower_size = (0.24 * m, 0.24 * m, self._lip_size[2])
        lower = share * half.jaw * bump(roots, as_tuple(self._middle), lower_size)
        out[f"mouthUpperUp{side}*noseSneer{side}"] = half.shift(
            corner, 0.03, -0.13, 0, m
        ) + half.shift(lower, 0, 0.07, 0.02, m)

    # ------------------------------------------------------------ eyes, brows, cheeks

    def _upper_half(self, out: Displacements, half: FaceHalf) -> None:
        landmarks, e, side = self.landmarks, self.landmarks.eye_unit, half.side
        share = half.share(-0.05, 0.10)
        inner = share * half.around(landmarks.brow_inner, (0.21 * e, 0.27 * e, 0.30))
        middle = share * half.around(landmarks.brow_middle, (0.28 * e, 0.23 * e, 0.30))
        outer = share * half.around(landmarks.brow_outer, (0.25 * e, 0.24 * e, 0.34))
        r = 0.335 * e
        over = landmarks.eye + vector((0, 1.12 * r, 0.36 * r))
        under = landmarks.eye + vector((0, -1.2 * r, 0.30 * r))
        hood = share * half.around(over, (0.30 * e, 0.14 * e, 0.30))
        bag = share * half.around(under, (0.30 * e, 0.18 * e, 0.30))

        def shift(weight: Array, x: float, y: float, z: float) -> Array:
            return half.shift(weight, x, y, z, e)

        out["browDown" + side] = (
            shift(inner, -0.06, -0.17, 0.08)
            + shift(middle, -0.02, -0.08, 0.04)
            + shift(outer, 0, 0.03, 0)
        )
        out["browOuterUp" + side] = shift(outer, -0.01, 0.14, -0.05) + shift(middle, 0, 0.06, 0.0)
        # Skin and fold follow the lid, or a closed eye would be a ball under a cap.
        out["eyeBlink" + side] = shift(hood, 0, -0.075, 0.01) + shift(bag, 0, 0.035, 0.01)
        out["eyeWide" + side] = shift(hood, 0, 0.06, 0.01) + shift(bag, 0, -0.02, 0)
        out["eyeSquint" + side] = shift(hood, 0, -0.035, 0.01) + shift(bag, 0, 0.07, 0.03)
        out[f"eyeSquint{side}*mouthSmile{side}"] = shift(bag, 0, -0.05, -0.01)
        out[f"eyeBlink{side}*mouthSmile{side}"] = shift(bag, 0, -0.03, 0)
        out[f"browDown{side}*noseSneer{side}"] = shift(inner, 0.02, 0.05, -0.03)
        out["eyeLookUp" + side] = shift(hood, 0, 0.02, 0.0)
        out["eyeLookDown" + side] = shift(hood, 0, -0.025, 0.0)

    def _symmetric(self, out: Displacements, roots: Array) -> None:
        """Adds the expressions that move both halves alike."""
        landmarks, e, m = self.landmarks, self.landmarks.eye_unit, self.landmarks.mouth_unit
        q = mirrored(roots)
        centre = as_tuple(landmarks.brow_inner + vector((-0.05, 0.02, 0)))
        inner = bump(q, centre, (0.22 * e, 0.25 * e, 0.32))
        out["browInnerUp"] = inner[:, None] * vector((0, 0.15 * e, -0.04 * e))
        puff = bump(q, as_tuple(landmarks.puff), (0.30 * m, 0.24 * m, 0.36 * m))
        side = np.sign(roots[:, 0])
        zero = np.zeros_like(puff)
        away = self.shape.normals(roots, 0.08)  # a broad step, so that both lips move alike
        out["cheekPuff"] = (puff * m)[:, None] * (
            away * 0.17 + np.stack((side * 0.07, zero, zero + 0.08), axis=1)
        )
        # Puffed cheeks narrow the lips.
        narrow = -0.22 * roots[:, 0] * self._narrowing_weight(roots) * smoothstep(0.6, 0.0, puff)
        out["cheekPuff"] = out["cheekPuff"] + np.stack((narrow, zero, zero), axis=1)

    # ------------------------------------------------------------ correctives

    def _add_correctives(self, out: Displacements, roots: Array, jaw: Array) -> None:
        """Adds the correctives of open mouths: lip shapes under two expressions at once."""
        near = self._lip_weight(roots)

        def spread(upper: Array, lower: Array) -> Array:
            """Extends displacements float32[k, 3] of the left half of the lip line to all roots."""
            s = np.abs(roots[:, 0]) / self.landmarks.corner[0]
            at = self.landmarks.lips[:, 0] / self.landmarks.corner[0]
            moved = [
                np.interp(s, at, upper[:, i]) * (1 - jaw) + np.interp(s, at, lower[:, i]) * jaw
                for i in range(3)
            ]
            mirror = np.sign(roots[:, 0])
            weighted: Array = np.stack((moved[0] * mirror, *moved[1:]), axis=1) * near[:, None]
            return weighted

        for name, lip_shifts in self._lip_corrections.items():
            out[name] = spread(*lip_shifts)
        # Under funnel and pucker together, only one of both corrections remains.
        out["mouthFunnel*mouthPucker*jawOpen"] = -out["mouthPucker*jawOpen"]
        for sign, side in SIDES:
            share = smoothstep(-0.10, 0.10, roots[:, 0] * sign)[:, None]
            out[f"mouthSmile{side}*jawOpen"] = spread(*self._laugh_correction) * share

    def _lip_weight(self, roots: Array) -> Array:
        m = self.landmarks.mouth_unit
        out: Array = ridge(self.shape.above_lips(roots), 0.34 * m) * self._front_weight(roots)
        return out * smoothstep(-0.60 * m, -0.02, self.shape.inside_mouth(roots))

    def _lip_lines_under(self, expressions: tuple[str, ...]) -> tuple[Array, Array]:
        """Computes upper and lower lip line at weight 1 of each expression, without correctives."""
        lips = self.landmarks.lips
        out = []
        for side in (1.0, -1.0):
            jaw = self.jaw_weight(lips, np.full(len(lips), side, np.float32))
            moved = self._uncorrected(lips, lips, jaw)
            out.append(lips + sum(moved[name] for name in expressions))
        return out[0], out[1]

    def _round_opening(
        self, expressions: tuple[str, ...], half_width: float
    ) -> tuple[Array, Array]:
        """Computes shifts of both lip lines that make the opening of these expressions round."""
        upper, lower = self._lip_lines_under(expressions)
        m = self.landmarks.mouth_unit
        turn = np.pi / 2 * (1 - self._along)
        middle, tall = (upper[0, 1] + lower[0, 1]) / 2, (upper[0, 1] - lower[0, 1]) / 2
        corner_z = (upper[0, 2] + lower[0, 2]) / 2 - 0.16 * m
        out = []
        for line, sign in ((upper, 1.0), (lower, -1.0)):
            z = line[0, 2] + (corner_z - line[0, 2]) * (1 - np.sin(turn))
            target = np.stack(
                (half_width * m * np.cos(turn), middle + sign * tall * np.sin(turn), z), axis=1
            )
            out.append(0.65 * (target - line))
        return out[0], out[1]

    def _laugh_opening(self, expressions: tuple[str, ...]) -> tuple[Array, Array]:
        """Computes shifts that turn smile and open jaw into a laugh: straight above, a deep U."""
        _, lower = self._lip_lines_under(expressions)
        m, s = self.landmarks.mouth_unit, self._along
        zero = np.zeros_like(s)
        raised = np.stack((zero, 0.045 * m * (1 - s * s), 0.01 * (1 - s)), axis=1)
        corner, middle = lower[-1, 1], lower[0, 1]
        target = corner - (corner - middle) * np.sqrt(np.clip(1 - s**3, 0, 1))
        deepened = np.stack((zero, 0.8 * (target - lower[:, 1]), zero), axis=1)
        return raised, deepened


def _jaw_slides(jaw: Array) -> Displacements:
    aside = vector(_JAW_ASIDE)
    return {
        "jawForward": jaw[:, None] * vector(_JAW_FORWARD),
        "jawLeft": jaw[:, None] * aside,
        "jawRight": jaw[:, None] * -aside,
    }
