"""What any head can wear: glasses, hats, headphones. One maker and a few words for each.

Numbers are in head units, made to measure for the raccoon; the anchors of a head (anchors.py)
say how it is moved and stretched for others. The origin of glasses lies between the eyes' centres
in the plane of the rims, of hats on the crown, of headphones between the cups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livecam.avatar.accessories import Press
from livecam.avatar.base import Bone, Material
from livecam.modelling.extras import bezier
from livecam.modelling.mesh import Triangles
from livecam.modelling.parts import MeshPart, flat, rotation, smooth_normals
from livecam.modelling.sdf import Array, Vector, length, mix, smoothstep, unit, vector

EYE_X = 0.375  # from the middle to an eye's centre
SKULL: Vector = (0.95, 0.87, 0.85)  # radii; the crown is its top


@dataclass(frozen=True, slots=True)
class AccessoryModel:
    """Everything that makes one accessory differ from the next."""

    name: str
    title: str
    title_zh: str
    kind: str  # one of ACCESSORY_KINDS
    make: Callable[[bool], list[MeshPart]]  # at full detail or coarser
    bones: tuple[Bone, ...] = ()  # head units
    press: Press | None = None  # head units


# ---------------------------------------------------------------- surfaces


@dataclass(frozen=True, slots=True)
class TriangleMesh:
    """A grid of points, closed round both ways where asked."""

    points: Array  # float32[rows * columns, 3]
    triangles: Triangles


def sheet(points: Array, round_rows: bool = False, round_columns: bool = False) -> TriangleMesh:
    """A surface through points[rows, columns, 3], seen from outside."""
    rows, columns = points.shape[:2]
    i, j = np.meshgrid(
        np.arange(rows - (not round_rows)), np.arange(columns - (not round_columns)), indexing="ij"
    )
    down, right = (i + 1) % rows, (j + 1) % columns
    a, b, c, d = i * columns + j, i * columns + right, down * columns + j, down * columns + right
    corners = (np.stack((a, b, c), axis=-1), np.stack((b, d, c), axis=-1))
    triangles = np.concatenate([each.reshape(-1, 3) for each in corners]).astype(np.int64)
    every = points.reshape(-1, 3).astype(np.float32)
    p, q, r = (every[triangles[:, k]] - every.mean(axis=0) for k in range(3))
    faces = np.cross(q - p, r - p)
    whole = length(faces) > 1e-9  # not at a pole
    inside_out = (p * faces).sum() < 0  # by the volume that it encloses
    triangles = triangles[whole]
    return TriangleMesh(every, triangles[:, ::-1].copy() if inside_out else triangles)


def lathe(profile: Array, sides: int, squash: float = 1.0) -> Array:
    """Points[rows, sides, 3] of (radius, height) pairs from top to bottom turned about y."""
    turn = 2 * np.pi * np.arange(sides) / sides
    ring = np.stack((np.sin(turn), np.zeros(sides), np.cos(turn) * squash), axis=1)
    out: Array = profile[:, :1, None] * ring + profile[:, 1:, None] * vector((0, 1, 0))
    return out.astype(np.float32)


def curve(corners: list[tuple[float, float]], count: int) -> Array:
    """A polygon with its corners rounded a little: float32[count, 2]."""
    points = np.array(corners, np.float64)
    for _ in range(2):  # Chaikin 1974
        a, b = points[:-1], points[1:]
        inner = np.stack((0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b), axis=1).reshape(-1, 2)
        points = np.concatenate((points[:1], inner[1:-1], points[-1:]))
    gone = np.r_[0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    at = np.linspace(0, gone[-1], count)
    return np.stack([np.interp(at, gone, points[:, k]) for k in range(2)], axis=1)


def rod(
    line: Array, across: Array, half: tuple[float, float], sides: int, ring: bool
) -> TriangleMesh:
    """A rod along a line: half its size along `across`, and perpendicular to it and the line."""
    if ring:
        along = unit(np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0))
    else:
        along = unit(np.gradient(line, axis=0))
    other = unit(np.cross(along, across))
    turn = 2 * np.pi * np.arange(sides) / sides
    # A superellipse: flatter than a tube.
    c, s = (np.sign(f(turn)) * np.abs(f(turn)) ** 0.8 for f in (np.cos, np.sin))
    points = (
        line[:, None]
        + half[0] * c[None, :, None] * across[:, None]
        + half[1] * s[None, :, None] * other[:, None]
    )
    return sheet(points, round_rows=ring, round_columns=True)


def part(
    name: str,
    material: Material,
    surface: TriangleMesh,
    colors: Vector | Array,
    *,
    bone: int = 0,
    fur: float = 0.0,
    occlusion: Array | None = None,
) -> MeshPart:
    """A surface of one material, stiff or hung on a bone."""
    count = len(surface.points)
    painted = flat(colors, count) if isinstance(colors, tuple) else colors.astype(np.float32)
    normals = smooth_normals(surface.points, surface.triangles)
    return MeshPart(
        name,
        material,
        surface.points,
        surface.triangles,
        painted,
        {},
        normals=normals,
        occlusion=np.ones(count, np.float32) if occlusion is None else occlusion,
        fur=np.full(count, fur, np.float32),
        comb=normals,
        bone=np.full(count, bone, np.uint8),
        sway=np.full(count, float(bone > 0), np.float32),
    )


def moved(surface: TriangleMesh, turn: Array, by: Vector = (0, 0, 0)) -> TriangleMesh:
    """Turned about the origin, then shifted."""
    return TriangleMesh(
        (surface.points @ turn.T + vector(by)).astype(np.float32), surface.triangles
    )


def flipped(surface: TriangleMesh) -> TriangleMesh:
    """The same on the other side of the head."""
    return TriangleMesh(surface.points * vector((-1, 1, 1)), surface.triangles[:, ::-1].copy())


# ---------------------------------------------------------------- glasses

TOE_OUT_DEG = 9.0  # frames follow the curve of the face
TEMPLE = ((0.735, 0.07, -0.10), (0.86, 0.09, -0.30), (0.98, 0.08, -0.60), (0.99, -0.02, -1.10))


@dataclass(frozen=True, slots=True)
class Glasses:
    """How one pair of glasses looks."""

    outline: Callable[[Array], Array]  # radius of a lens by angle; 0 is outwards, 90 degrees up
    rim: float  # half its thickness
    material: Material
    color: Vector
    lens_top: Vector  # what the glass lets through
    lens_bottom: Vector
    bridge: float  # height

    def __call__(self, fine: bool) -> list[MeshPart]:
        spokes, sides, rings = (56, 10, 5) if fine else (32, 5, 2)
        lens = self._lens(spokes, rings)
        pieces = {
            "rim": self._rim(spokes, sides),
            "temple": self._temple(14 if fine else 6, sides),
        }
        out = [
            part(name + side, self.material, each if side == "Left" else flipped(each), self.color)
            for name, each in pieces.items()
            for side in ("Left", "Right")
        ]
        out.append(part("bridge", self.material, self._bridge(sides), self.color))
        for side, each in (("Left", lens), ("Right", flipped(lens))):
            down = smoothstep(0.22, -0.26, each.points[:, 1])
            color = mix(flat(self.lens_top, len(down)), vector(self.lens_bottom), down)
            out.append(part("lens" + side, Material.GLASS, each, color))
        return out

    def _placed(self, points: Array) -> Array:
        """From a left lens's own plane to the head."""
        turned = points @ rotation((0, 1, 0), TOE_OUT_DEG).T
        return turned + vector((EYE_X + 0.008, 0.0, 0.0))

    def middle(self, spokes: int) -> Array:
        """The line in the middle of the left rim, float32[spokes, 3]."""
        angle = 2 * np.pi * np.arange(spokes) / spokes
        radius = self.outline(angle)
        flat_line = (radius * np.cos(angle), radius * np.sin(angle), np.zeros(spokes))
        return self._placed(np.stack(flat_line, axis=1))

    def _rim(self, spokes: int, sides: int) -> TriangleMesh:
        ahead = rotation((0, 1, 0), TOE_OUT_DEG)[:, 2]
        across = np.tile(ahead, (spokes, 1))
        return rod(self.middle(spokes), across, (self.rim * 1.15, self.rim), sides, ring=True)

    def _lens(self, spokes: int, rings: int) -> TriangleMesh:
        angle = 2 * np.pi * np.arange(spokes) / spokes
        share = np.linspace(1, 0, rings + 1)
        radius = self.outline(angle) * share[:, None]
        dome = np.broadcast_to(0.075 * (1 - share[:, None] ** 2), radius.shape)
        points = np.stack((radius * np.cos(angle), radius * np.sin(angle), dome), axis=-1)
        surface = sheet(points, round_columns=True)
        return TriangleMesh(self._placed(surface.points), surface.triangles)

    def _bridge(self, sides: int) -> TriangleMesh:
        inner = self._placed(
            np.array(((-float(self.outline(np.array([np.pi]))[0]), self.bridge, 0.0),))
        )[0]
        x, z = float(inner[0]) - 0.02, float(inner[2])
        ends = (-x - 0.02, self.bridge, z), (x + 0.02, self.bridge, z)
        high = self.bridge + 0.05
        line = bezier((ends[0], (-x / 2, high, z + 0.03), (x / 2, high, z + 0.03), ends[1]),
                      np.linspace(0, 1, 7))  # fmt: skip
        across = np.tile(vector((0, 0, 1)), (len(line), 1))
        return rod(line, across, (self.rim * 1.05, self.rim), sides, ring=False)

    def _temple(self, steps: int, sides: int) -> TriangleMesh:
        line = bezier(TEMPLE, np.linspace(0, 1, steps))
        across = np.tile(vector((0, 1, 0)), (steps, 1))
        return rod(line, across, (self.rim * 1.3, self.rim * 0.6), sides, ring=False)


def _bell(angle: Array, at_deg: float, width_deg: float) -> Array:
    away = (np.degrees(angle) - at_deg + 180) % 360 - 180
    out: Array = np.exp(-((away / width_deg) ** 2))
    return out


def _round(angle: Array) -> Array:
    # A little is cut off towards the nose: muzzles need the room.
    out: Array = 0.335 * (1 - 0.10 * _bell(angle, 228, 42))
    return out


def _aviator(angle: Array) -> Array:
    drop = 0.10 * _bell(angle, 300, 45) + 0.05 * _bell(angle, 25, 40)
    out: Array = 0.325 * (1 + drop - 0.20 * _bell(angle, 222, 38) - 0.10 * _bell(angle, 90, 50))
    return out


def _heart(angle: Array) -> Array:
    notch = 0.34 * _bell(angle, 90, 20)
    lobes = 0.10 * (_bell(angle, 50, 28) + _bell(angle, 130, 28))
    point = 0.16 * _bell(angle, 275, 16)
    cut = 0.16 * _bell(angle, 220, 34) + 0.06 * _bell(angle, 325, 30)
    out: Array = 0.315 * (1 - notch + lobes + point - cut)
    return out


def rim_lines() -> Array:
    """The middles of every kind of rim, both sides, float32[n, 3]: what must clear a face."""
    frames = [item.make for item in ITEMS.values() if isinstance(item.make, Glasses)]
    left = np.concatenate([frame.middle(20) for frame in frames])
    return np.concatenate((left, left * vector((-1, 1, 1)))).astype(np.float32)


# ---------------------------------------------------------------- hats


def _dome(rows: Array, sides: int, radii: Vector, bulge: Array | float = 0.0) -> Array:
    """Points[rows, sides, 3] on an ellipsoid under the crown; rows from 0 on top to 1 at the cuff.

    The cuff is high in front, above the brows, and low at the back.
    """
    turn = 2 * np.pi * np.arange(sides) / sides  # 0 is in front
    front = 0.5 + 0.5 * np.cos(turn)
    lowest = np.radians(84 - 26 * front)  # from the top
    polar = rows[:, None] * lowest
    rx, ry, rz = (r + bulge for r in radii)
    points = np.stack(
        (rx * np.sin(polar) * np.sin(turn), ry * np.cos(polar) + 0 * turn,
         rz * np.sin(polar) * np.cos(turn)), axis=-1,
    )  # fmt: skip
    return np.asarray(points - vector((0, SKULL[1], 0)), np.float32)


def _beanie(fine: bool) -> list[MeshPart]:
    """A knitted cap with stripes, a turned-up cuff and a bobble that swings."""
    ribs, per_rib, rows = (40, 4, 20) if fine else (40, 1, 13)
    sides = ribs * per_rib
    radii = (SKULL[0] + 0.08, SKULL[1] + 0.20, SKULL[2] + 0.10)
    share = np.linspace(0, 0.95, rows)
    turn = 2 * np.pi * np.arange(sides) / sides
    knit = 0.5 + 0.5 * np.cos(ribs * turn)
    bulge = 0.016 * knit * smoothstep(0.05, 0.3, share)[:, None] if fine else 0.0
    cap = sheet(_dome(share, sides, radii, bulge), round_columns=True)
    red, cream, navy = (
        vector((0.52, 0.035, 0.035)),
        vector((0.80, 0.74, 0.62)),
        vector((0.02, 0.05, 0.13)),
    )
    height = np.repeat(share, sides)
    shade = (
        0.62 + 0.38 * np.tile(knit, rows)
        if fine
        else 0.82 + 0.18 * np.cos(np.pi * np.arange(rows * sides))
    )
    colors = np.tile(red, (len(height), 1))
    for low, high, stripe in ((0.36, 0.45, cream), (0.45, 0.54, navy), (0.54, 0.63, cream)):
        colors[(height > low) & (height < high)] = stripe
    stitch = 1.0 + 0.10 * np.sin(height * 95) if fine else 1.0
    cuff = _cuff(sides, radii, fine, knit)
    cuff_colors = np.tile(cream, (len(cuff.points), 1))
    tone = np.tile(shade[:sides] if fine else shade[-sides:], len(cuff.points) // sides)
    return [
        part("cap", Material.CLOTH, cap, colors * (shade * stitch)[:, None]),
        part("cuff", Material.CLOTH, cuff, cuff_colors * tone[:, None]),
        _bobble((0.0, 0.34, 0.0), 0.19, (0.82, 0.76, 0.64), fine),
    ]


def _cuff(sides: int, radii: Vector, fine: bool, knit: Array) -> TriangleMesh:
    """A rounded band over the rim of the cap."""
    steps = 10 if fine else 6
    around = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    share = 0.925 + 0.095 * np.sin(around)
    swell = (0.045 + 0.055 * np.cos(around))[:, None] + (0.012 * knit if fine else 0.0)
    points = _dome(share, sides, radii, swell)
    return sheet(points[::-1], round_rows=True, round_columns=True)


def _bobble(centre: Vector, radius: float, color: Vector, fine: bool) -> MeshPart:
    """A fluffy ball on bone 1."""
    rows, sides = (18, 26) if fine else (8, 11)
    polar = np.linspace(0, np.pi, rows)
    profile = np.stack((np.sin(polar), np.cos(polar)), axis=1) * radius
    ball = sheet(lathe(profile, sides), round_columns=True)
    random = np.random.default_rng(5)
    tone = random.uniform(0.82, 1.12, len(ball.points)).astype(np.float32)
    lumps = 1 + (0.05 if fine else 0.10) * random.uniform(-1, 1, len(ball.points))
    ball = TriangleMesh(
        (ball.points * lumps[:, None] + vector(centre)).astype(np.float32), ball.triangles
    )
    out = part(
        "bobble", Material.FUR, ball, flat(color, len(tone)) * tone[:, None], bone=1, fur=0.06
    )
    down = smoothstep(-0.9, 0.4, out.normals[:, 1])
    out.occlusion = (0.55 + 0.45 * down).astype(np.float32)
    return out


def _straw(fine: bool) -> list[MeshPart]:
    """A farmer's hat with a red ribbon; ears find their way through the brim."""
    rows, sides = (60, 72) if fine else (21, 30)
    profile = curve(
        [(0, 0.22), (0.42, 0.21), (0.66, 0.10), (0.76, -0.16), (0.80, -0.30), (1.02, -0.34),
         (1.30, -0.33), (1.34, -0.345), (1.30, -0.365), (1.02, -0.375), (0.80, -0.36),
         (0.765, -0.30), (0.73, -0.14), (0.60, 0.04), (0.40, 0.13), (0, 0.14)], rows
    )  # fmt: skip
    points = lathe(profile, sides, squash=0.94)
    turn = 2 * np.pi * np.arange(sides) / sides
    far = smoothstep(0.8, 1.3, profile[:, 0])[:, None]
    points[..., 1] += far * (0.035 * np.sin(3 * turn + 0.7) + 0.05 * np.sin(turn) ** 2)
    hat = sheet(points, round_columns=True)
    gone = np.r_[0, np.cumsum(np.hypot(*np.diff(profile, axis=0).T))]
    coil = np.repeat(gone, sides) * 22  # straw is sewn in a spiral
    weave = np.cos(2 * np.pi * coil) * 0.11 + 0.07 * np.sin(np.tile(turn, rows) * 60 + coil * 9)
    ragged = np.random.default_rng(3).uniform(-0.10, 0.10, len(weave))
    straw = flat((0.66, 0.44, 0.14), len(weave)) * (1 + weave + ragged)[:, None]
    below = np.repeat(np.arange(rows) > int(profile[:, 0].argmax()), sides)
    straw = np.where(below[:, None], straw * 0.55, straw)
    band = lathe(
        curve([(0.765, -0.12), (0.785, -0.17), (0.812, -0.25), (0.805, -0.28)], 7), sides, 0.94
    )
    tilt = rotation((1, 0, 0), -13.0)
    return [
        part("straw", Material.CLOTH, moved(hat, tilt), np.clip(straw, 0, 1)),
        part(
            "ribbon",
            Material.CLOTH,
            moved(sheet(band, round_columns=True), tilt),
            (0.50, 0.03, 0.03),
        ),
    ]


def _party(fine: bool) -> list[MeshPart]:
    """A paper cone in a spiral of colours, with a tassel that swings."""
    rows, sides = (34, 48) if fine else (19, 22)
    high = np.linspace(1, 0, rows)
    profile = np.stack((0.34 * (1 - high) + 0.004, 0.86 * high - 0.14), axis=1)
    points = lathe(profile, sides)
    cone = sheet(points, round_columns=True)
    turn = np.tile(2 * np.pi * np.arange(sides) / sides, rows)
    height = np.repeat(high, sides)
    wave = np.sin(turn + height * 17.0)
    blue, yellow = vector((0.03, 0.22, 0.62)), vector((0.90, 0.58, 0.05))
    colors = mix(np.tile(blue, (len(turn), 1)), yellow, smoothstep(-0.18, 0.18, wave))
    hem = lathe(curve([(0.335, -0.09), (0.375, -0.11), (0.38, -0.15), (0.35, -0.17)], 6), sides)
    return [
        part("cone", Material.CLOTH, cone, colors),
        part("hem", Material.CLOTH, sheet(hem, round_columns=True), (0.75, 0.04, 0.22)),
        _bobble((0.0, 0.78, 0.0), 0.11, (0.75, 0.04, 0.22), fine),
    ]


def _top(fine: bool) -> list[MeshPart]:
    """A small silk hat, worn at an angle."""
    rows, sides = (40, 64) if fine else (16, 24)
    profile = curve(
        [(0, 0.50), (0.20, 0.50), (0.335, 0.50), (0.345, 0.47), (0.31, 0.20), (0.305, -0.02),
         (0.315, -0.06), (0.48, -0.07), (0.555, -0.03), (0.57, -0.045), (0.50, -0.10),
         (0.30, -0.10)], rows,
    )  # fmt: skip
    points = lathe(profile, sides)
    turn = 2 * np.pi * np.arange(sides) / sides
    points[..., 1] += smoothstep(0.33, 0.55, profile[:, 0])[:, None] * 0.06 * np.sin(turn) ** 2
    band = curve([(0.318, 0.11), (0.330, 0.09), (0.325, -0.01), (0.318, -0.045)], 6)
    tilt = rotation((0, 0, 1), -7.0)
    silk = moved(sheet(points, round_columns=True), tilt)
    ribbon = moved(sheet(lathe(band, sides), round_columns=True), tilt)
    return [
        part("silk", Material.CLOTH, silk, (0.022, 0.020, 0.028)),
        part("ribbon", Material.CLOTH, ribbon, (0.42, 0.02, 0.06)),
    ]


# ---------------------------------------------------------------- headphones

CUP_X = 1.0  # the outer side of the cushions lies here
BAND_TOP = 1.02  # above the cups
_SILVER, _TEAL, _CREAM = (0.62, 0.63, 0.66), (0.015, 0.26, 0.29), (0.78, 0.72, 0.62)


def band_line(count: int, end_deg: float = 8.0) -> Array:
    """The middle of the band, float32[count, 3]: from the left cup over the head to the right."""
    turn = np.radians(np.linspace(end_deg, 180 - end_deg, count))
    c, s = np.cos(turn), np.sin(turn)
    x = np.sign(c) * np.abs(c) ** 0.85 * (CUP_X + 0.08)
    return np.stack((x, s**0.95 * BAND_TOP, 0 * s), axis=1).astype(np.float32)


def _headphones(fine: bool) -> list[MeshPart]:
    """Closed headphones with soft cushions, and a microphone on a thin arm."""
    steps, sides = (49, 12) if fine else (19, 6)
    ahead = np.tile(vector((0, 0, 1)), (steps, 1))
    band = rod(band_line(steps), ahead, (0.085, 0.022), sides, ring=False)
    soft = band_line(steps, 48.0) * vector((0.965, 0.955, 1))
    pad = rod(soft, ahead, (0.115, 0.045), sides, ring=False)
    out = [
        part("band", Material.METAL, band, _SILVER),
        part("bandPad", Material.CLOTH, pad, _CREAM),
    ]
    for side in ("Left", "Right"):
        for name, material, color, surface in _cup(fine):
            here = surface if side == "Left" else flipped(surface)
            out.append(part(name + side, material, here, color))
    return [*out, *_microphone(fine)]


def _cup(fine: bool) -> list[tuple[str, Material, Vector, TriangleMesh]]:
    """The left cup: cushion, shell, a ring that shines and the fork that holds it."""
    sides, rows = (44, 14) if fine else (18, 7)
    outwards = rotation((0, 0, 1), -90.0)  # y to x

    def turned(corners: list[tuple[float, float]], count: int) -> TriangleMesh:
        points = lathe(curve(corners, count), sides) * vector((0.92, 1, 1.08))
        return moved(sheet(points, round_columns=True), outwards, (CUP_X, 0, 0))

    cushion = turned(
        [(0.16, 0.03), (0.27, 0.04), (0.335, -0.01), (0.335, -0.09), (0.25, -0.13), (0.15, -0.10)],
        rows,
    )
    shell = turned(
        [(0, 0.17), (0.12, 0.17), (0.20, 0.15), (0.28, 0.09), (0.30, 0.02), (0.29, 0.0)], rows
    )
    shine = turned([(0.185, 0.155), (0.195, 0.178), (0.225, 0.165), (0.23, 0.13)], 5)
    line = bezier(
        ((0.05, 0.0, 0.0), (0.14, 0.10, 0.0), (0.13, 0.30, 0.0), (0.055, 0.42, 0.0)),
        np.linspace(0, 1, 9),
    ) + vector((CUP_X, 0, 0))
    ahead = np.tile(vector((0, 0, 1)), (len(line), 1))
    fork = rod(line, ahead, (0.05, 0.022), 10 if fine else 5, ring=False)
    return [
        ("cushion", Material.CLOTH, (0.030, 0.026, 0.034), cushion),
        ("shell", Material.HORN, _TEAL, shell),
        ("shine", Material.METAL, _SILVER, shine),
        ("fork", Material.METAL, _SILVER, fork),
    ]


def _microphone(fine: bool) -> list[MeshPart]:
    line = bezier(
        ((1.08, -0.22, 0.10), (1.12, -0.50, 0.42), (1.02, -0.60, 0.80), (0.78, -0.58, 1.00)),
        np.linspace(0, 1, 17 if fine else 8),
    )
    up = np.tile(vector((0, 1, 0)), (len(line), 1))
    arm = rod(line, up, (0.018, 0.018), 8 if fine else 4, ring=False)
    rows, sides = (10, 16) if fine else (5, 8)
    polar = np.linspace(0, np.pi, rows)
    profile = np.stack((np.sin(polar) * 0.055, np.cos(polar) * 0.085), axis=1)
    foam = moved(
        sheet(lathe(profile, sides), round_columns=True),
        rotation((0, 0, 1), 80.0),
        tuple(line[-1].tolist()),
    )
    return [
        part("arm", Material.METAL, arm, (0.10, 0.10, 0.11)),
        part("foam", Material.CLOTH, foam, (0.020, 0.020, 0.022)),
    ]


# ---------------------------------------------------------------- the row of each

_CLEAR = (0.90, 0.95, 0.96)
_UNDER_CAP = Press((0.0, -0.87, 0.0), (0.99, 0.94, 0.92), -0.46, 0.24, 1.5)
_UNDER_STRAW = Press((0.0, -0.87, 0.0), (0.90, 0.94, 0.86), -0.33, 0.23, 1.5)


def _under(reach: float) -> Press:
    """Hair gives way under a small hat."""
    return Press((0.0, -0.87, 0.0), (0.95, 0.85, 0.85), -0.30, 0.0, reach)


ITEMS: dict[str, AccessoryModel] = {
    item.name: item
    for item in (
        AccessoryModel(
            "glasses", "Glasses", "圆框眼镜", "glasses",
            Glasses(_round, 0.026, Material.HORN, (0.085, 0.030, 0.012), _CLEAR, _CLEAR, 0.04),
        ),
        AccessoryModel(
            "sunglasses", "Sunglasses", "墨镜", "glasses",
            Glasses(_aviator, 0.021, Material.METAL, (0.95, 0.70, 0.26), (0.03, 0.028, 0.03),
                  (0.20, 0.13, 0.09), 0.12),
        ),
        AccessoryModel(
            "heart-glasses", "Heart glasses", "爱心眼镜", "glasses",
            Glasses(_heart, 0.028, Material.HORN, (0.62, 0.02, 0.09), (0.55, 0.10, 0.18),
                  (0.80, 0.30, 0.36), 0.05),
        ),
        AccessoryModel(
            "beanie", "Beanie", "毛线帽", "hat", _beanie,
            (Bone("bobble", "head", (0.0, 0.19, 0.0), (0.0, 0.34, 0.0), 4.5, 0.22, 28.0),),
            _UNDER_CAP,
        ),
        AccessoryModel("straw-hat", "Straw hat", "草帽", "hat", _straw, (), _UNDER_STRAW),
        AccessoryModel(
            "party-hat", "Party hat", "派对帽", "hat", _party,
            (Bone("tassel", "head", (0.0, 0.70, 0.0), (0.0, 0.79, 0.0), 6.0, 0.20, 25.0),),
            _under(0.33),
        ),
        AccessoryModel("top-hat", "Top hat", "礼帽", "hat", _top, (), _under(0.42)),
        AccessoryModel("headphones", "Headphones", "耳机", "headphones", _headphones),
    )
}  # fmt: skip
