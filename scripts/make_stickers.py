#!/usr/bin/env python3
"""Draws the built-in stickers, presets/stickers/NAME/*.png.

    scripts/make_stickers.py [FOLDER]

Shapes are drawn four times as large and shrunk, so their edges are smooth. The descriptions
beside the pictures (sticker.toml) are written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float32]  # float32[h, w], 0..1
Points = NDArray[np.float64]  # float64[k, 2], 0..1 of the width, x right, y down
Color = tuple[int, int, int]

FINER = 4
FOLDER = Path(__file__).resolve().parents[1] / "presets" / "stickers"


class Canvas:
    """A picture that is painted on; places are in shares of its width."""

    def __init__(self, width: int, height: int, seed: int = 1) -> None:
        self.width, self.height = width * FINER, height * FINER
        self.light = np.zeros((self.height, self.width, 3), np.float32)  # premultiplied
        self.alpha = np.zeros((self.height, self.width, 1), np.float32)
        self.random = np.random.default_rng(seed)

    def shape(self, points: Points) -> Mask:
        mask = np.zeros((self.height, self.width), np.uint8)
        placed = np.rint(points * self.width * 16).astype(np.int32)
        cv2.fillPoly(mask, [placed], (255,), cv2.LINE_AA, 4)
        return mask.astype(np.float32) / 255

    def stroke(self, points: Points, start: float, end: float) -> Mask:
        """A line that swells from `start` to its middle's width and tapers to `end`."""
        tangent = np.gradient(points, axis=0)
        normal = np.stack((-tangent[:, 1], tangent[:, 0]), axis=1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        half = np.linspace(start, end, len(points))[:, None] / 2
        return self.shape(np.concatenate((points + normal * half, (points - normal * half)[::-1])))

    def blurred(self, mask: Mask, share: float) -> Mask:
        return cv2.GaussianBlur(mask, (0, 0), max(share * self.width, 0.3))

    def moved(self, mask: Mask, x: float, y: float) -> Mask:
        matrix = np.float32([[1, 0, x * self.width], [0, 1, y * self.width]])
        return cv2.warpAffine(mask, matrix, (self.width, self.height))

    def down(self, top: float, bottom: float) -> Mask:
        """0 above `top` .. 1 below `bottom`, in shares of the width."""
        y = (np.arange(self.height, dtype=np.float32) + 0.5) / self.width
        column = np.clip((y - top) / (bottom - top), 0, 1)[:, None]
        return np.repeat(column, self.width, axis=1)

    def around(self, x: float, y: float, radius: float, squeeze: float = 1.0) -> Mask:
        """1 in the middle of a soft round spot, 0 at its rim."""
        across = (np.arange(self.width, dtype=np.float32) + 0.5) / self.width - x
        along = ((np.arange(self.height, dtype=np.float32) + 0.5) / self.width - y) / squeeze
        return np.clip(1 - np.hypot(across, along[:, None]) / radius, 0, 1)

    def paint(self, mask: Mask, color: Color, strength: float = 1.0) -> None:
        part = _touched(mask)
        light, alpha = self.light[part], self.alpha[part]
        share = (mask[part] * strength)[..., None]
        light += (np.float32(color) - light) * share
        alpha += (1 - alpha) * share

    def tint(self, mask: Mask, color: Color, strength: float = 1.0) -> None:
        """Paints only on what is there."""
        part = _touched(mask)
        light = self.light[part]
        light += (np.float32(color) * self.alpha[part] - light) * (mask[part] * strength)[..., None]

    def shadow(self, mask: Mask, drop: float, softness: float, strength: float) -> None:
        """Under everything: a dark, soft copy of a shape."""
        soft = (self.blurred(self.moved(mask, 0, drop), softness) * strength)[..., None]
        self.alpha += (1 - self.alpha) * soft

    def save(self, path: Path) -> None:
        size = (self.width // FINER, self.height // FINER)
        alpha = cv2.resize(self.alpha, size, interpolation=cv2.INTER_AREA)
        light = cv2.resize(self.light, size, interpolation=cv2.INTER_AREA)
        color = np.where(alpha[..., None] > 0, light / np.maximum(alpha[..., None], 1e-4), 0)
        pixels = np.dstack((np.clip(color[..., ::-1], 0, 255), alpha * 255))
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.rint(pixels).astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        print(path)


def _touched(mask: Mask) -> tuple[slice, slice]:
    """The rows and columns that a mask reaches."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def smooth(points: list[tuple[float, float]], closed: bool = True, steps: int = 24) -> Points:
    """A Catmull-Rom curve through points."""
    known = np.array(points, float)
    known = (
        np.concatenate((known[-1:], known, known[:2]))
        if closed
        else np.concatenate((2 * known[:1] - known[1:2], known, 2 * known[-1:] - known[-2:-1]))
    )
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t**2
            + (3 * b - a - 3 * c + d) * t**3
        )
        for a, b, c, d in zip(known, known[1:], known[2:], known[3:], strict=False)
    ]
    return np.concatenate(pieces)


def bezier(a: Points, b: Points, c: Points, steps: int = 16) -> Points:
    t = np.linspace(0, 1, steps)[:, None]
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c


def ellipse(x: float, y: float, rx: float, ry: float, lean: float = 0.0) -> Points:
    t = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    across, along = rx * np.cos(t), ry * np.sin(t)
    return np.stack(
        (
            x + across * np.cos(lean) - along * np.sin(lean),
            y + across * np.sin(lean) + along * np.cos(lean),
        ),
        axis=1,
    )


def mix(a: Color, b: Color, share: float) -> Color:
    return tuple(round(p + (q - p) * share) for p, q in zip(a, b, strict=True))


# --- cat -----------------------------------------------------------------------------------------

FUR, FUR_LIGHT, FUR_DARK = (66, 58, 66), (122, 108, 116), (34, 29, 36)
INNER, INNER_DEEP = (246, 178, 184), (204, 112, 128)


def hairs(
    canvas: Canvas, roots: Points, along: Points, length: float, width: float,
    colors: list[Color], spread: float = 0.35,
) -> None:  # fmt: skip
    """A hair at each root, leaning a little by chance."""
    for root, direction in zip(roots, along, strict=True):
        angle = canvas.random.normal(0, spread)
        cosine, sine = np.cos(angle), np.sin(angle)
        turned = np.array(
            (direction[0] * cosine - direction[1] * sine,
             direction[0] * sine + direction[1] * cosine)
        )  # fmt: skip
        reach = length * canvas.random.uniform(0.6, 1.2)
        bend = np.array((-turned[1], turned[0])) * reach * canvas.random.normal(0, 0.15)
        tip = root + turned * reach
        curve = bezier(root, root + turned * reach * 0.5 + bend, tip, 6)
        color = colors[canvas.random.integers(len(colors))]
        one_hair(canvas, curve, width, color)


def one_hair(canvas: Canvas, curve: Points, width: float, color: Color) -> None:
    """A tapering hair, painted only where it lies: thousands of them are drawn."""
    pad = width + 2 / canvas.width
    low = np.floor((curve.min(axis=0) - pad) * canvas.width).astype(int)
    high = np.ceil((curve.max(axis=0) + pad) * canvas.width).astype(int)
    low = np.maximum(low, 0)
    high = np.minimum(high, (canvas.width, canvas.height))
    if (high <= low).any():
        return
    tangent = np.gradient(curve, axis=0)
    normal = np.stack((-tangent[:, 1], tangent[:, 0]), axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    half = np.linspace(width, width * 0.15, len(curve))[:, None] / 2
    outline = np.concatenate((curve + normal * half, (curve - normal * half)[::-1]))
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    placed = np.rint((outline * canvas.width - low) * 16).astype(np.int32)
    cv2.fillPoly(mask, [placed], (255,), cv2.LINE_AA, 4)
    share = (mask.astype(np.float32) / 255)[..., None]
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    canvas.light[rows, columns] += (np.float32(color) - canvas.light[rows, columns]) * share
    canvas.alpha[rows, columns] += (1 - canvas.alpha[rows, columns]) * share


def inside(canvas: Canvas, mask: Mask, count: int) -> Points:
    """Random places in a shape, from top to bottom."""
    rows, columns = np.nonzero(mask > 0.5)
    chosen = canvas.random.integers(len(rows), size=count)
    places = np.stack((columns[chosen], rows[chosen]), axis=1) / canvas.width
    return places[np.argsort(places[:, 1])]


def melting(canvas: Canvas, top: float, bottom: float) -> Mask:
    """1 above, 0 below; between, strands of uneven length."""
    strands = canvas.random.normal(0, 1, (1, canvas.width)).astype(np.float32)
    strands = cv2.GaussianBlur(strands, (0, 0), canvas.width * 0.008)
    strands *= 0.30 / max(float(strands.std()), 1e-6)
    share = np.clip(canvas.down(top, bottom) * 1.5 - 0.25 + strands * 0.7, 0, 1)
    edge = canvas.down(bottom - 0.06, bottom)
    return ((1 - share * share * (3 - 2 * share)) * (1 - edge)).astype(np.float32)


def cat_ear(folder: Path) -> None:
    """The ear on the left of the picture; its tip leans outwards."""
    canvas = Canvas(300, 330)
    outer = smooth(
        [(0.10, 0.98), (0.115, 0.62), (0.20, 0.20), (0.25, 0.105), (0.325, 0.12), (0.58, 0.36),
         (0.80, 0.65), (0.90, 0.98), (0.50, 1.02)]
    )  # fmt: skip
    shape = canvas.shape(outer)
    canvas.shadow(shape, 0.01, 0.02, 0.25)
    canvas.paint(shape, FUR)
    canvas.tint(canvas.down(0.55, 1.05), FUR_DARK, 0.55)
    toward = np.array((0.30, 0.02))
    places = inside(canvas, shape, 2600)
    away = toward - places
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    hairs(canvas, places, away, 0.060, 0.007, [FUR, FUR_LIGHT, FUR_DARK, mix(FUR, FUR_LIGHT, 0.4)])
    hole = smooth(
        [(0.25, 0.99), (0.235, 0.62), (0.285, 0.27), (0.33, 0.235), (0.52, 0.47), (0.68, 0.74),
         (0.72, 0.99), (0.5, 1.0)]
    )  # fmt: skip
    mask = canvas.blurred(canvas.shape(hole), 0.010)
    canvas.tint(mask, INNER)
    deep = canvas.around(0.50, 0.86, 0.42, 1.3)
    canvas.tint(mask * deep, INNER_DEEP, 0.85)
    rim = np.clip(mask - canvas.moved(canvas.blurred(mask, 0.03), 0.025, 0.015), 0, 1)
    canvas.tint(rim, INNER_DEEP, 0.6)
    # Long pale hairs across the opening, from its inner side.
    t = canvas.random.uniform(0, 1, 130)[:, None]
    roots = np.array((0.70, 0.98)) * t + np.array((0.40, 0.34)) * (1 - t)
    roots += canvas.random.normal(0, 0.012, roots.shape)
    lean = np.array((-0.72, -0.55)) + canvas.random.normal(0, 0.1, roots.shape)
    hairs(canvas, roots, lean, 0.22, 0.0075, [(250, 240, 238), (232, 214, 214), (255, 250, 248)])
    t = canvas.random.uniform(0, 1, 70)[:, None]
    roots = np.array((0.24, 0.99)) * t + np.array((0.25, 0.55)) * (1 - t)
    hairs(canvas, roots, np.tile((0.55, -0.75), (70, 1)), 0.13, 0.0075,
          [(240, 226, 226), (214, 194, 198)])  # fmt: skip
    # The foot melts into the hair it stands in, in tufts.
    foot = melting(canvas, 0.74, 1.0)
    canvas.light *= foot[..., None]
    canvas.alpha *= foot[..., None]
    canvas.save(folder / "ear.png")


def cat_nose(folder: Path) -> None:
    canvas = Canvas(160, 130)
    outline = smooth(
        [(0.10, 0.22), (0.28, 0.135), (0.50, 0.125), (0.72, 0.135), (0.90, 0.22), (0.80, 0.40),
         (0.60, 0.57), (0.50, 0.61), (0.40, 0.57), (0.20, 0.40)]
    )  # fmt: skip
    shape = canvas.shape(outline)
    canvas.shadow(shape, 0.035, 0.03, 0.40)
    canvas.paint(shape, (236, 128, 146))
    canvas.tint(shape * canvas.down(0.25, 0.68), (186, 70, 96), 0.8)
    edge = shape - canvas.blurred(shape, 0.05) * shape
    canvas.tint(np.clip(edge * 1.6, 0, 1), (160, 56, 84), 0.55)
    for x in (0.33, 0.67):
        canvas.tint(
            canvas.blurred(
                canvas.shape(ellipse(x, 0.50, 0.06, 0.035, 0.7 if x < 0.5 else -0.7)), 0.015
            )
            * shape,
            (120, 34, 60),
            0.7,
        )
    gloss = canvas.blurred(canvas.shape(ellipse(0.40, 0.235, 0.13, 0.035, -0.12)), 0.012)
    canvas.tint(gloss * shape, (255, 244, 246), 0.9)
    small = canvas.blurred(canvas.shape(ellipse(0.65, 0.25, 0.035, 0.022)), 0.010)
    canvas.tint(small * shape, (255, 244, 246), 0.75)
    canvas.save(folder / "nose.png")


def cat_whiskers(folder: Path) -> None:
    """Those on the left of the picture: they grow from its right edge."""
    canvas = Canvas(300, 170)
    for x, y, end_x, end_y, sag in (
        (0.93, 0.17, 0.03, 0.06, -0.05),
        (0.96, 0.27, 0.02, 0.30, -0.035),
        (0.93, 0.37, 0.08, 0.52, -0.02),
    ):
        a, c = np.array((x, y)), np.array((end_x, end_y))
        curve = bezier(a, (a + c) / 2 + (0, sag), c, 40)
        mask = canvas.stroke(curve, 0.026, 0.005)
        canvas.shadow(mask, 0.012, 0.010, 0.45)
        canvas.paint(mask, (255, 252, 248))
        dot = canvas.blurred(canvas.shape(ellipse(x + 0.005, y, 0.017, 0.017)), 0.004)
        canvas.paint(dot, (84, 58, 60), 0.85)
    canvas.save(folder / "whiskers.png")


# --- sunglasses ----------------------------------------------------------------------------------


def sunglasses(folder: Path) -> None:
    canvas = Canvas(560, 200)
    half = smooth(
        [(0.035, 0.075), (0.12, 0.045), (0.26, 0.045), (0.40, 0.060), (0.455, 0.085),
         (0.448, 0.155), (0.405, 0.255), (0.32, 0.305), (0.20, 0.305), (0.105, 0.265),
         (0.055, 0.175), (0.020, 0.115)]
    )  # fmt: skip
    glass = smooth(
        [(0.085, 0.095), (0.16, 0.078), (0.28, 0.080), (0.385, 0.094), (0.416, 0.118),
         (0.405, 0.170), (0.372, 0.238), (0.305, 0.276), (0.205, 0.277), (0.128, 0.243),
         (0.090, 0.175), (0.078, 0.125)]
    )  # fmt: skip
    mirror = np.array((-1, 1)), np.array((1, 0))
    frames = [canvas.shape(half), canvas.shape(half * mirror[0] + mirror[1])]
    lenses = [canvas.shape(glass), canvas.shape(glass * mirror[0] + mirror[1])]
    bridge = canvas.shape(
        smooth([(0.43, 0.085), (0.5, 0.070), (0.57, 0.085), (0.565, 0.150), (0.5, 0.118),
                (0.435, 0.150)])
    )  # fmt: skip
    frame = np.maximum(np.maximum(*frames), bridge)
    lens = np.maximum(*lenses)
    canvas.shadow(frame, 0.018, 0.014, 0.42)
    rim = np.clip(frame - lens, 0, 1)
    # Lenses: dark above, letting the eyes through below.
    canvas.light *= 1 - lens[..., None]
    canvas.alpha *= 1 - lens[..., None]
    cover = 0.93 - 0.26 * canvas.down(0.10, 0.29)
    canvas.paint(lens * cover, (24, 20, 30))
    canvas.tint(lens * canvas.down(0.13, 0.29), (96, 58, 74), 0.55)
    x = np.linspace(0, 1, canvas.width, dtype=np.float32)[None]
    y = (np.arange(canvas.height, dtype=np.float32) / canvas.width)[:, None]
    for start, wide, strength in ((0.245, 0.055, 0.20), (0.325, 0.018, 0.14)):
        for shift in (0.0, 0.505):
            place = x - shift + (y - 0.08) * 0.62
            band = np.clip(1 - np.abs(place - start) / wide * 2, 0, 1) > 0
            sheen = canvas.blurred(band.astype(np.float32), 0.003) * (1 - canvas.down(0.10, 0.26))
            canvas.paint(lens * sheen, (235, 240, 255), strength)
    inner = np.clip(canvas.blurred(rim, 0.012) - 0.15, 0, 1) * lens
    canvas.paint(inner, (8, 6, 10), 0.5)
    # Frame: black acetate with a light from above.
    canvas.paint(rim, (22, 20, 24))
    lit = np.clip(rim - canvas.moved(canvas.blurred(rim, 0.004), 0, 0.008), 0, 1)
    canvas.tint(lit * rim, (168, 168, 182), 0.75)
    low = np.clip(rim - canvas.moved(canvas.blurred(rim, 0.004), 0, -0.007), 0, 1)
    canvas.tint(low * rim, (2, 2, 4), 0.7)
    for x0 in (0.062, 0.938):
        for dy in (0.0, 0.020):
            stud = canvas.shape(ellipse(x0, 0.098 + dy, 0.008, 0.0065))
            canvas.tint(stud * rim, (214, 206, 190), 0.95)
    canvas.save(folder / "front.png")
    canvas = Canvas(260, 60)
    arm = canvas.shape(
        smooth([(0.0, 0.05), (0.25, 0.055), (0.6, 0.065), (0.97, 0.075), (0.98, 0.115),
                (0.6, 0.115), (0.25, 0.135), (0.0, 0.145)])
    )  # fmt: skip
    canvas.shadow(arm, 0.03, 0.02, 0.35)
    canvas.paint(arm, (22, 20, 24))
    lit = np.clip(arm - canvas.moved(canvas.blurred(arm, 0.006), 0, 0.012), 0, 1)
    canvas.tint(lit * arm, (150, 150, 164), 0.6)
    canvas.save(folder / "arm.png")


# --- flower crown --------------------------------------------------------------------------------

PETALS: list[tuple[Color, Color, Color]] = [
    ((255, 226, 232), (240, 130, 160), (250, 200, 80)),  # rim, heart, middle
    ((255, 255, 252), (238, 226, 214), (250, 196, 60)),
    ((255, 214, 160), (244, 140, 92), (150, 70, 40)),
    ((226, 206, 250), (158, 118, 214), (252, 220, 120)),
    ((255, 190, 190), (220, 70, 92), (120, 30, 50)),
]
# Distance from the middle of the strip, radius, kind; the outermost first, so they lie below.
FLOWERS = (
    (0.465, 0.034, 1), (0.415, 0.038, 4), (0.360, 0.036, 3), (0.302, 0.040, 0), (0.245, 0.040, 1),
    (0.185, 0.044, 2), (0.125, 0.050, 3), (0.064, 0.046, 1), (0.0, 0.065, 0),
)  # fmt: skip
LEAF, LEAF_LIGHT = (74, 118, 66), (136, 176, 98)


def leaf(canvas: Canvas, x: float, y: float, length: float, angle: float) -> None:
    tangent = np.array((np.cos(angle), np.sin(angle)))
    aside = np.array((-tangent[1], tangent[0]))
    root, tip = np.array((x, y)), np.array((x, y)) + tangent * length
    upper = bezier(root, root + tangent * length * 0.5 + aside * length * 0.42, tip)
    lower = bezier(tip, root + tangent * length * 0.5 - aside * length * 0.42, root)
    mask = canvas.shape(np.concatenate((upper, lower)))
    canvas.shadow(mask, 0.004, 0.004, 0.3)
    tone = canvas.random.uniform(0, 0.7)
    canvas.paint(mask, mix(LEAF, LEAF_LIGHT, tone))
    half = canvas.shape(np.concatenate((upper, bezier(tip, root + tangent * length * 0.5, root))))
    canvas.paint(half * mask, mix(LEAF, LEAF_LIGHT, min(tone + 0.35, 1)), 0.8)
    vein = canvas.stroke(bezier(root, (root + tip) / 2, tip), 0.0022, 0.0006)
    canvas.paint(vein * mask, mix(LEAF_LIGHT, (220, 235, 190), 0.5), 0.8)


def flower(
    canvas: Canvas, x: float, y: float, radius: float, colors: tuple[Color, Color, Color],
    petals: int, turn: float,
) -> None:  # fmt: skip
    rim, heart, middle = colors
    for ring, (reach, count) in enumerate(((1.0, petals), (0.66, petals))):
        for i in range(count):
            angle = turn + (i + 0.5 * ring) * 2 * np.pi / count
            tangent = np.array((np.cos(angle), np.sin(angle)))
            center = np.array((x, y)) + tangent * radius * 0.52 * reach
            mask = canvas.shape(
                ellipse(center[0], center[1], radius * 0.50 * reach,
                        radius * 2.0 * reach / count, angle)
            )  # fmt: skip
            canvas.paint(canvas.blurred(mask, 0.0035) * 0.5, mix(heart, (60, 20, 40), 0.45), 0.5)
            canvas.paint(mask, rim)
            glow = canvas.around(x, y, radius * 0.95)
            canvas.paint(mask * glow**0.8, heart, 0.75)
            light = canvas.around(x, y - radius, radius * 1.2)
            canvas.paint(mask * light, (255, 255, 255), 0.28)
    core = canvas.shape(ellipse(x, y, radius * 0.24, radius * 0.24))
    canvas.paint(canvas.blurred(core, 0.003), mix(middle, (40, 20, 10), 0.5), 0.6)
    canvas.paint(core, middle)
    for _ in range(26):
        angle, far = canvas.random.uniform(0, 2 * np.pi), canvas.random.uniform(0, 0.2) * radius
        dot = ellipse(
            x + far * np.cos(angle), y + far * np.sin(angle), radius * 0.032, radius * 0.032
        )
        shade = (
            mix(middle, (255, 245, 200), 0.7)
            if canvas.random.random() < 0.6
            else mix(middle, (80, 40, 10), 0.5)
        )
        canvas.paint(canvas.shape(dot), shade, 0.9)


def flower_crown(folder: Path) -> None:
    """Draws a strip that is bent around the head, as far as its sides are visible."""
    canvas = Canvas(1440, 300, seed=11)
    line = 0.107
    along = np.linspace(0.005, 0.995, 120)
    twig = np.stack((along, line + 0.0065 * np.sin(along * 34)), axis=1)
    canvas.paint(canvas.stroke(twig, 0.0065, 0.0065), (98, 82, 56))
    for x in np.linspace(0.02, 0.98, 66):
        angle = canvas.random.choice((-1, 1)) * canvas.random.uniform(0.5, 1.3)
        angle += 0 if canvas.random.random() < 0.5 else np.pi
        length = canvas.random.uniform(0.050, 0.077)
        leaf(canvas, x, line + canvas.random.normal(0, 0.005), length, angle)
    for place, (away, radius, kind) in enumerate(FLOWERS):
        for x in sorted({0.5 - away, 0.5 + away}):
            kind_here = (kind + (x > 0.5)) % len(PETALS) if away else kind
            y = line + canvas.random.normal(0, 0.006)
            turn = canvas.random.uniform(0, 2)
            flower(canvas, x, y, radius, PETALS[kind_here], 6 + (place + kind) % 3, turn)
    for _ in range(30):  # buds
        x, y = canvas.random.uniform(0.02, 0.98), line + canvas.random.normal(0, 0.034)
        bud = canvas.shape(ellipse(x, y, 0.0052, 0.0052))
        canvas.paint(bud, (255, 244, 240))
        canvas.paint(bud * canvas.around(x - 0.0013, y - 0.002, 0.004), (255, 255, 255), 0.8)
    canvas.save(folder / "crown.png")


# --- hearts --------------------------------------------------------------------------------------


def heart(folder: Path) -> None:
    canvas = Canvas(160, 150)
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    outline = np.stack((0.5 + x / 40, 0.44 + y / 40), axis=1)
    shape = canvas.shape(outline)
    canvas.shadow(shape, 0.025, 0.03, 0.30)
    canvas.paint(shape, (255, 92, 128))
    canvas.tint(shape * canvas.down(0.30, 0.86), (214, 32, 86), 0.8)
    edge = shape * (1 - canvas.blurred(shape, 0.035))
    canvas.tint(np.clip(edge * 1.8, 0, 1), (255, 190, 206), 0.55)
    gloss = canvas.blurred(canvas.shape(ellipse(0.30, 0.27, 0.105, 0.055, -0.55)), 0.012)
    canvas.tint(gloss * shape, (255, 255, 255), 0.85)
    small = canvas.blurred(canvas.shape(ellipse(0.655, 0.235, 0.05, 0.028, 0.5)), 0.012)
    canvas.tint(small * shape, (255, 255, 255), 0.6)
    canvas.save(folder / "heart.png")


# --- moustache -----------------------------------------------------------------------------------


def moustache(folder: Path) -> None:
    canvas = Canvas(420, 170, seed=5)
    half = smooth(
        [(0.505, 0.085), (0.42, 0.055), (0.32, 0.080), (0.22, 0.150), (0.13, 0.180), (0.06, 0.150),
         (0.035, 0.085), (0.055, 0.060), (0.018, 0.095), (0.030, 0.180), (0.10, 0.245),
         (0.22, 0.262), (0.34, 0.250), (0.44, 0.215), (0.505, 0.165)]
    )  # fmt: skip
    left = canvas.shape(half)
    right = canvas.shape(half * (-1, 1) + (1, 0))
    shape = np.maximum(left, right)
    canvas.shadow(shape, 0.012, 0.014, 0.40)
    canvas.paint(shape, (52, 34, 24))
    canvas.tint(canvas.down(0.12, 0.27), (28, 18, 14), 0.7)
    # Hair flows from the middle along each half to its tip.
    spine = smooth(
        [(0.49, 0.12), (0.40, 0.145), (0.30, 0.175), (0.20, 0.21), (0.11, 0.215), (0.05, 0.165),
         (0.030, 0.090)], closed=False,
    )  # fmt: skip
    tangent = np.gradient(spine, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    tones: list[Color] = [(70, 46, 32), (96, 66, 46), (40, 26, 19), (120, 86, 60), (58, 38, 27)]
    for mask, sign in ((left, 1), (right, -1)):
        places = inside(canvas, mask, 1500)
        own = places if sign == 1 else places * (-1, 1) + (1, 0)
        nearest = ((own[:, None] - spine[None, ::6]) ** 2).sum(axis=2).argmin(axis=1)
        along = tangent[::6][nearest] * (sign, 1)
        hairs(canvas, places, along, 0.050, 0.0042, tones, spread=0.16)
    specular = canvas.blurred(np.maximum(
        canvas.stroke(smooth([(0.45, 0.095), (0.34, 0.115), (0.22, 0.175), (0.13, 0.20)], False),
                      0.012, 0.006),
        canvas.stroke(smooth([(0.55, 0.095), (0.66, 0.115), (0.78, 0.175), (0.87, 0.20)], False),
                      0.012, 0.006)), 0.010)  # fmt: skip
    canvas.tint(specular, (176, 136, 100), 0.55)
    canvas.save(folder / "moustache.png")


# --- bunny ---------------------------------------------------------------------------------------


def bunny_ear(folder: Path) -> None:
    """The ear on the left of the picture."""
    canvas = Canvas(200, 420, seed=3)
    outer = smooth(
        [(0.30, 2.06), (0.20, 1.55), (0.13, 0.95), (0.18, 0.42), (0.36, 0.10), (0.50, 0.07),
         (0.66, 0.20), (0.83, 0.60), (0.88, 1.10), (0.80, 1.62), (0.70, 2.06), (0.5, 2.08)]
    )  # fmt: skip
    shape = canvas.shape(outer)
    canvas.shadow(shape, 0.01, 0.03, 0.28)
    white, shade = (250, 246, 242), (214, 204, 202)
    canvas.paint(shape, (240, 234, 230))
    edge = shape * (1 - canvas.blurred(shape, 0.10))
    canvas.tint(np.clip(edge * 1.4, 0, 1), (196, 184, 184), 0.6)
    places = inside(canvas, shape, 2600)
    up = np.tile((0.05, -1.0), (len(places), 1)) + np.stack(
        ((places[:, 0] - 0.5) * 0.5, np.zeros(len(places))), axis=1
    )
    hairs(canvas, places, up, 0.085, 0.011, [white, shade, (240, 232, 228), (255, 254, 252)], 0.3)
    hole = smooth(
        [(0.40, 1.90), (0.32, 1.50), (0.285, 0.95), (0.33, 0.50), (0.46, 0.26), (0.55, 0.28),
         (0.68, 0.62), (0.72, 1.08), (0.66, 1.55), (0.60, 1.90), (0.5, 1.96)]
    )  # fmt: skip
    mask = canvas.blurred(canvas.shape(hole), 0.035)
    canvas.tint(mask, (250, 192, 200))
    canvas.tint(mask * canvas.around(0.5, 1.35, 0.42, 2.2), (230, 138, 156), 0.75)
    foot = melting(canvas, 1.62, 2.05)
    canvas.light *= foot[..., None]
    canvas.alpha *= foot[..., None]
    canvas.save(folder / "ear.png")


STICKERS: dict[str, tuple[Callable[[Path], None], ...]] = {
    "cat": (cat_ear, cat_nose, cat_whiskers),
    "bunny": (bunny_ear, cat_nose),
    "sunglasses": (sunglasses,),
    "flower-crown": (flower_crown,),
    "hearts": (heart,),
    "moustache": (moustache,),
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, makers in STICKERS.items():
        for make in makers:
            make(folder / name)


if __name__ == "__main__":
    main()
