"""The 52 expressions as displacement fields over the head at rest, and what corrects them.

A field is asked for displacements at points; where a part must move as one piece with the
skin under it (a whisker, a tuft, a slice of lip), it is asked at the points' anchors.
Lengths in head units. Left is the head's own left: +x.
"""

from __future__ import annotations

import numpy as np

from livecam.modelling.landmarks import HeadLandmarks, along_lips, landmarks
from livecam.modelling.sdf import Array, Vector, bump, mirrored, ridge, smoothstep, vector
from livecam.modelling.shape import HeadShape

Displacements = dict[str, Array]  # name of a morph -> float32[n, 3]

JAW_DEG = 23.0
JAW_FORWARD: Vector = (0, -0.01, 0.10)
JAW_ASIDE: Vector = (0.12, 0, 0)
SIDES = ((1.0, "Left"), (-1.0, "Right"))


class ExpressionFields:
    """Every expression's displacement of the skin."""

    def __init__(self, shape: HeadShape) -> None:
        self.shape = shape
        self.marks: HeadLandmarks = landmarks(shape)
        self._along = along_lips(self.marks.lips)
        corner, m = self.marks.corner, self.marks.mouth_unit
        self.jaw_hinge = vector((0, float(corner[1]) + 0.14, float(corner[2]) - 0.60))
        # The middle of the lips, a little under the skin: fields reach both of them.
        self._middle = self.marks.lips[0] - vector((0, 0.03, 0.40 * self.marks.mouth_depth))
        self._lip_size: Vector = (
            0.55 * m,
            0.26 * m,
            max(0.34 * m, 1.22 * self.marks.mouth_depth),
        )

        self._lip_corrections = {
            "mouthFunnel*jawOpen": self._ring(("mouthFunnel", "jawOpen"), 0.30),
            "mouthPucker*jawOpen": self._ring(("mouthPucker", "jawOpen"), 0.22),
        }
        self._laugh = self._bowl(("mouthSmileLeft", "mouthSmileRight", "jawOpen"))

    def __call__(
        self, p: Array, anchors: Array | None = None, side: Array | None = None
    ) -> Displacements:
        """Displacements of p: weights are taken at the anchors, `side` tells lip from lip."""
        at = p if anchors is None else anchors
        side = np.zeros(len(p), np.float32) if side is None else side
        jaw = self.jaw_weight(at, side)
        out = self._alone(p, at, jaw)
        self._correct(out, at, jaw)
        return {name: np.asarray(moved, np.float32) for name, moved in out.items()}

    def _alone(self, p: Array, at: Array, jaw: Array) -> Displacements:
        out: Displacements = {}
        self._jaw(out, p, at, jaw)
        self._lips(out, at, jaw)
        self._rounded(out, at, jaw)
        for sign, name in SIDES:
            self._mouth_half(out, at, jaw, sign, name)
            self._nose_half(out, at, jaw, sign, name)
            self._upper_face_half(out, at, sign, name)
        self._both_halves(out, at)
        lift = np.float32(self.shape.species.brow_lift)
        return {
            name: moved * lift if name.startswith(("brow", "eyeWide")) else moved
            for name, moved in out.items()
        }

    # ------------------------------------------------------------ jaw

    def turned_by_jaw(self, p: Array, weight: Array, degrees: float = JAW_DEG) -> Array:
        """Displacements of points that swing about the jaw's hinge."""
        a = np.radians(degrees)
        r = p - self.jaw_hinge
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

    def jaw_weight(self, p: Array, side: Array) -> Array:
        """1 for what belongs to the lower jaw, 0 for the skull; `side` decides at the lips."""
        m, corner = self.marks.mouth_unit, self.marks.corner
        inside = self.shape.inside_mouth(p)
        above = self.shape.above_lips(p)
        side = np.where(side == 0, np.sign(above), side)
        below = -above - side * 0.03 * smoothstep(0.0, 0.07, inside)
        soft = 0.02 + 0.5 * smoothstep(0.02, -0.45, inside)
        weight = smoothstep(-soft, soft, below)
        weight = weight * smoothstep(-0.85 * m, -0.25 * m, p[:, 2] - corner[2])
        # The throat gives way over a length that grows with the mouth, or it would fold.
        chin = float(self.marks.lips[0, 1]) - 0.30
        weight = weight * smoothstep(chin - 0.40 * m, chin, p[:, 1])
        x = max(float(corner[0]), 0.42)
        return weight * smoothstep(x + 0.34, x - 0.14, np.abs(p[:, 0]))

    def on_jaw(self, p: Array) -> Displacements:
        """Displacements of what is joined to the lower jaw's bone."""
        one = np.ones(len(p), np.float32)
        return {"jawOpen": self.turned_by_jaw(p, one)} | _jaw_slides(one)

    def _jaw(self, out: Displacements, p: Array, at: Array, jaw: Array) -> None:
        m, corner = self.marks.mouth_unit, self.marks.corner
        swing = self.turned_by_jaw(p, jaw)
        for sign, _ in SIDES:  # the corners are drawn in and down a little
            pull = _bell(at, _mirror(corner, sign), (0.2 * m,) * 3)
            swing = swing + pull[:, None] * vector((-0.05 * sign * m, -0.05 * m, 0))
        out["jawOpen"] = swing
        out |= _jaw_slides(jaw)
        reach = smoothstep(-0.25, 0.05, self.shape.inside_mouth(at)) * ridge(
            self.shape.above_lips(at), 0.20 * m
        )
        # Alone it only presses the lips together; it is an open jaw that needs closing.
        out["mouthClose"] = -0.30 * swing * reach[:, None]
        out["mouthClose*jawOpen"] = -0.62 * swing * reach[:, None]

    # ------------------------------------------------------------ lips

    def _front(self, at: Array) -> Array:
        return smoothstep(-0.44, -0.09, at[:, 2] - self.marks.corner[2])

    def _lips(self, out: Displacements, at: Array, jaw: Array) -> None:
        m, upper = self.marks.mouth_unit, 1 - jaw
        g = _bell(at, self._middle, self._lip_size) * self._front(at)
        line = g * ridge(self.shape.above_lips(at), 0.10 * m)
        out["mouthRollUpper"] = (line * upper)[:, None] * vector((0, -0.04 * m, -0.085 * m))
        out["mouthRollLower"] = (line * jaw)[:, None] * vector((0, 0.04 * m, -0.085 * m))
        out["mouthShrugUpper"] = (g * upper)[:, None] * vector((0, 0.075 * m, 0.04 * m))
        out["mouthShrugLower"] = (g * jaw)[:, None] * vector((0, 0.07 * m, 0.07 * m))
        under_tongue = line * jaw * smoothstep(0.34, 0.08, np.abs(at[:, 0]))
        out["tongueOut"] = under_tongue[:, None] * vector((0, -0.07, 0.0))
        for sign, name in SIDES:
            out["mouth" + name] = g[:, None] * vector((0.17 * sign * m, 0.01, 0.0))

    def _rounded(self, out: Displacements, at: Array, jaw: Array) -> None:
        """Pucker and funnel: lips that come forward, corners that come in."""
        m, x = self.marks.mouth_unit, at[:, 0]
        upper, corner = 1 - jaw, self.marks.corner
        g = _bell(at, self._middle, self._lip_size) * self._front(at)
        mouth = self._narrows(at)
        corners = mouth * smoothstep(0.3 * corner[0], 0.95 * corner[0], np.abs(x))
        forward = 0.35 * self.marks.mouth_depth * corners
        zero = np.zeros_like(g)
        out["mouthPucker"] = np.stack(
            (-0.42 * x * mouth, 0.02 * m * g * (jaw - upper), 0.15 * m * g + 0.5 * forward), axis=1
        )
        # An O: the lips come forward over the teeth and part; the corners sink between them.
        part = m * g * (0.055 * upper - 0.065 * jaw) * smoothstep(0.8, 0.2, np.abs(x) / corner[0])
        sink = -0.03 * m * corners
        out["mouthFunnel"] = np.stack(
            (-0.34 * x * mouth, part + sink, 0.11 * m * g + 0.6 * forward + zero), axis=1
        )
        out["mouthFunnel*mouthPucker"] = -0.6 * out["mouthPucker"]

    def _narrows(self, at: Array) -> Array:
        """All of the mouth narrows alike, corners too: else an open one would end in a V."""
        m, corner = self.marks.mouth_unit, self.marks.corner
        out: Array = ridge(self.shape.above_lips(at), 0.24 * m)
        out = out * smoothstep(-0.38, -0.03, at[:, 2] - corner[2])
        return out * smoothstep(1.93 * corner[0], 1.02 * corner[0], np.abs(at[:, 0]))

    def _mouth_half(
        self, out: Displacements, at: Array, jaw: Array, sign: float, name: str
    ) -> None:
        marks, m = self.marks, self.marks.mouth_unit
        half = smoothstep(-0.12 * m, 0.12 * m, at[:, 0] * sign)
        near = marks.corner + m * vector((-0.02, 0.0, 0.05))
        corner = half * _bell(at, _mirror(near, sign), (0.26 * m, 0.22 * m, 0.30 * m))
        cheek = half * _bell(at, _mirror(marks.cheek, sign), (0.28 * m, 0.21 * m, 0.35 * m))
        jowl = half * _bell(at, _mirror(marks.jowl, sign), (0.25 * m, 0.16 * m, 0.35 * m))
        deep = self._lip_size[2]
        middle = half * _bell(at, self._middle, (0.20 * m, 0.14 * m, deep))
        line = half * ridge(self.shape.above_lips(at), 0.09 * m) * self._front(at)
        line = line * smoothstep(-0.12 * m, 0.05 * m, self.shape.inside_mouth(at))

        def shift(weight: Array, x: float, y: float, z: float) -> Array:
            moved: Array = weight[:, None] * vector((x * sign * m, y * m, z * m))
            return moved

        out["mouthSmile" + name] = (
            shift(corner, 0.17, 0.21, -0.05)
            + shift(cheek, 0.06, 0.06, 0.09)
            + shift(jowl, 0.02, 0.06, 0.0)
            + shift(middle, 0, -0.02, -0.01)
        )
        out["mouthFrown" + name] = (
            shift(corner, 0.02, -0.21, -0.02)
            + shift(jowl, 0.02, -0.05, 0.03)
            + shift(cheek, 0, -0.03, 0)
            + shift(middle, 0, 0.05, 0.02)
        )
        out["mouthStretch" + name] = shift(corner, 0.20, -0.07, -0.05) + shift(jowl, 0.05, -0.06, 0)
        out["mouthDimple" + name] = shift(corner, 0.10, 0.05, -0.12)
        out["mouthPress" + name] = (
            shift(corner, -0.03, 0.01, -0.05)
            + shift(line * (1 - jaw), 0, -0.025, -0.035)
            + shift(line * jaw, 0, 0.025, -0.035)
            + shift(cheek, 0, 0.02, 0.03)
        )
        away = np.abs(at[:, 0]) / marks.corner[0]
        lip = ridge(away - 0.45, 0.42) * half * self._front(at)
        lip = lip * smoothstep(-0.08 * m, 0.10 * m, self.shape.inside_mouth(at))
        above = self.shape.above_lips(at)
        raised = lip * (1 - jaw) * ridge(above - 0.02 * m, 0.17 * m)
        lowered = lip * jaw * ridge(above, 0.17 * m)
        out["mouthUpperUp" + name] = shift(raised, 0.0, 0.09, 0.03)
        out["mouthLowerDown" + name] = shift(lowered, 0.0, -0.12, 0.0)
        out["cheekSquint" + name] = shift(cheek, 0, 0.08, 0.08)
        # A smile lifts the cheek already.
        out[f"cheekSquint{name}*mouthSmile{name}"] = -0.6 * out["cheekSquint" + name]

    def _nose_half(self, out: Displacements, at: Array, jaw: Array, sign: float, name: str) -> None:
        """A sneer: the nose wrinkles, and takes lip, cheek and inner brow along."""
        marks, m, e = self.marks, self.marks.mouth_unit, self.marks.eye_unit
        half = smoothstep(-0.05, 0.10, at[:, 0] * sign)
        beside = half * _bell(at, _mirror(marks.beside_nose, sign), (0.17, 0.15, 0.24))
        over = _mirror(marks.beside_nose, sign) + vector((0.0, 0.17, -0.08))
        wrinkle = half * _bell(at, over, (0.13, 0.08, 0.22))
        inner = half * _bell(at, _mirror(marks.brow_inner, sign), (0.20 * e, 0.27 * e, 0.30))
        lip = ridge(np.abs(at[:, 0]) / marks.corner[0] - 0.55, 0.34) * half * self._front(at)
        lip = lip * (1 - jaw) * ridge(self.shape.above_lips(at) - 0.05 * m, 0.16 * m)
        cheek = half * _bell(at, _mirror(marks.cheek, sign), (0.26 * m, 0.19 * m, 0.35 * m))
        out["noseSneer" + name] = (
            beside[:, None] * vector((-0.005 * sign, 0.10, 0.0))
            + wrinkle[:, None] * vector((0, 0.01, 0.055))
            + inner[:, None] * vector((-0.02 * sign, -0.05 * e, 0.03))
            + lip[:, None] * vector((0, 0.055 * m, 0.02))
            + cheek[:, None] * vector((0, 0.05, 0.05))
        )
        # Disgust: the corners go down, and the lower lip is pushed up in its middle.
        near = marks.corner + m * vector((-0.04, 0.0, 0.04))
        corner = half * _bell(at, _mirror(near, sign), (0.22 * m, 0.20 * m, 0.28 * m))
        under = half * jaw * _bell(at, self._middle, (0.24 * m, 0.24 * m, self._lip_size[2]))
        out[f"mouthUpperUp{name}*noseSneer{name}"] = corner[:, None] * vector(
            (0.03 * sign * m, -0.13 * m, 0)
        ) + under[:, None] * vector((0, 0.07 * m, 0.02 * m))

    # ------------------------------------------------------------ eyes, brows, cheeks

    def _upper_face_half(self, out: Displacements, at: Array, sign: float, name: str) -> None:
        marks, e = self.marks, self.marks.eye_unit
        half = smoothstep(-0.05, 0.10, at[:, 0] * sign)
        inner = half * _bell(at, _mirror(marks.brow_inner, sign), (0.21 * e, 0.27 * e, 0.30))
        middle = half * _bell(at, _mirror(marks.brow_middle, sign), (0.28 * e, 0.23 * e, 0.30))
        outer = half * _bell(at, _mirror(marks.brow_outer, sign), (0.25 * e, 0.24 * e, 0.34))
        r = 0.335 * e
        over = _mirror(marks.eye, sign) + vector((0, 1.12 * r, 0.36 * r))
        under = _mirror(marks.eye, sign) + vector((0, -1.2 * r, 0.30 * r))
        hood = half * _bell(at, over, (0.30 * e, 0.14 * e, 0.30))
        bag = half * _bell(at, under, (0.30 * e, 0.18 * e, 0.30))

        def shift(weight: Array, x: float, y: float, z: float) -> Array:
            moved: Array = weight[:, None] * vector((x * sign * e, y * e, z * e))
            return moved

        out["browDown" + name] = (
            shift(inner, -0.06, -0.17, 0.08)
            + shift(middle, -0.02, -0.08, 0.04)
            + shift(outer, 0, 0.03, 0)
        )
        out["browOuterUp" + name] = shift(outer, -0.01, 0.14, -0.05) + shift(middle, 0, 0.06, 0.0)
        # Skin and fold follow the lid: a closed eye is no ball under a cap.
        out["eyeBlink" + name] = shift(hood, 0, -0.075, 0.01) + shift(bag, 0, 0.035, 0.01)
        out["eyeWide" + name] = shift(hood, 0, 0.06, 0.01) + shift(bag, 0, -0.02, 0)
        out["eyeSquint" + name] = shift(hood, 0, -0.035, 0.01) + shift(bag, 0, 0.07, 0.03)
        out[f"eyeSquint{name}*mouthSmile{name}"] = shift(bag, 0, -0.05, -0.01)
        out[f"eyeBlink{name}*mouthSmile{name}"] = shift(bag, 0, -0.03, 0)
        out[f"browDown{name}*noseSneer{name}"] = shift(inner, 0.02, 0.05, -0.03)
        out["eyeLookUp" + name] = shift(hood, 0, 0.02, 0.0)
        out["eyeLookDown" + name] = shift(hood, 0, -0.025, 0.0)

    def _both_halves(self, out: Displacements, at: Array) -> None:
        marks, e, m = self.marks, self.marks.eye_unit, self.marks.mouth_unit
        q = mirrored(at)
        inner = _bell(q, marks.brow_inner + vector((-0.05, 0.02, 0)), (0.22 * e, 0.25 * e, 0.32))
        out["browInnerUp"] = inner[:, None] * vector((0, 0.15 * e, -0.04 * e))
        puff = _bell(q, marks.puff, (0.30 * m, 0.24 * m, 0.36 * m))
        side = np.sign(at[:, 0])
        zero = np.zeros_like(puff)
        away = self.shape.normals(at, 0.08)  # broad, so that both lips go one way
        out["cheekPuff"] = (puff * m)[:, None] * (
            away * 0.17 + np.stack((side * 0.07, zero, zero + 0.08), axis=1)
        )
        # Lips that hold the breath are small.
        small = -0.22 * at[:, 0] * self._narrows(at) * smoothstep(0.6, 0.0, puff)
        out["cheekPuff"] = out["cheekPuff"] + np.stack((small, zero, zero), axis=1)

    # ------------------------------------------------------------ what corrects combinations

    def _correct(self, out: Displacements, at: Array, jaw: Array) -> None:
        """Open mouths that keep their form: shapes that the lips take under two weights."""
        near = self._near_lips(at)

        def towards(upper: Array, lower: Array) -> Array:
            """The displacement that gives the lip line these, float32[k, 3] on its left half."""
            s = np.abs(at[:, 0]) / self.marks.corner[0]
            place = self.marks.lips[:, 0] / self.marks.corner[0]
            moved = [
                np.interp(s, place, upper[:, i]) * (1 - jaw)
                + np.interp(s, place, lower[:, i]) * jaw
                for i in range(3)
            ]
            mirror = np.sign(at[:, 0])
            weighted: Array = np.stack((moved[0] * mirror, *moved[1:]), axis=1) * near[:, None]
            return weighted

        for name, shifts in self._lip_corrections.items():
            out[name] = towards(*shifts)
        # One ring is enough.
        out["mouthFunnel*mouthPucker*jawOpen"] = -out["mouthPucker*jawOpen"]
        for sign, name in SIDES:
            half = smoothstep(-0.10, 0.10, at[:, 0] * sign)[:, None]
            out[f"mouthSmile{name}*jawOpen"] = towards(*self._laugh) * half

    def _lips_under(self, names: tuple[str, ...]) -> tuple[Array, Array]:
        """Upper and lower lip line at weight 1 of each, without what corrects them."""
        lips = self.marks.lips
        out = []
        for side in (1.0, -1.0):
            jaw = self.jaw_weight(lips, np.full(len(lips), side, np.float32))
            moved = self._alone(lips, lips, jaw)
            out.append(lips + sum(moved[name] for name in names))
        return out[0], out[1]

    def _ring(self, names: tuple[str, ...], half_width: float) -> tuple[Array, Array]:
        """What makes a round opening of the one that the expressions give."""
        upper, lower = self._lips_under(names)
        m = self.marks.mouth_unit
        turn = np.pi / 2 * (1 - self._along)
        middle, tall = (upper[0, 1] + lower[0, 1]) / 2, (upper[0, 1] - lower[0, 1]) / 2
        corner_z = (upper[0, 2] + lower[0, 2]) / 2 - 0.16 * m
        out = []
        for line, sign in ((upper, 1.0), (lower, -1.0)):
            z = line[0, 2] + (corner_z - line[0, 2]) * (1 - np.sin(turn))
            wanted = np.stack(
                (half_width * m * np.cos(turn), middle + sign * tall * np.sin(turn), z), axis=1
            )
            out.append(0.65 * (wanted - line))
        return out[0], out[1]

    def _bowl(self, names: tuple[str, ...]) -> tuple[Array, Array]:
        """What makes a laugh of a smile and an open jaw: teeth above, a deep round bowl below."""
        _, lower = self._lips_under(names)
        m, s = self.marks.mouth_unit, self._along
        zero = np.zeros_like(s)
        show = np.stack((zero, 0.045 * m * (1 - s * s), 0.01 * (1 - s)), axis=1)
        corner, middle = lower[-1, 1], lower[0, 1]
        wanted = corner - (corner - middle) * np.sqrt(np.clip(1 - s**3, 0, 1))
        deepen = np.stack((zero, 0.8 * (wanted - lower[:, 1]), zero), axis=1)
        return show, deepen

    def _near_lips(self, at: Array) -> Array:
        m = self.marks.mouth_unit
        out: Array = ridge(self.shape.above_lips(at), 0.34 * m) * self._front(at)
        return out * smoothstep(-0.60 * m, -0.02, self.shape.inside_mouth(at))


def _jaw_slides(jaw: Array) -> Displacements:
    aside = vector(JAW_ASIDE)
    return {
        "jawForward": jaw[:, None] * vector(JAW_FORWARD),
        "jawLeft": jaw[:, None] * aside,
        "jawRight": jaw[:, None] * -aside,
    }


def _mirror(point: Array, sign: float) -> Array:
    """A point of the left half, on the half that `sign` tells."""
    out: Array = point * vector((sign, 1, 1))
    return out


def _tuple(point: Array) -> Vector:
    return (float(point[0]), float(point[1]), float(point[2]))


def _bell(p: Array, centre: Array, size: Vector) -> Array:
    return bump(p, _tuple(centre), size)
