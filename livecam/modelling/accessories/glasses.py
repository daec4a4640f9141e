"""Glasses: round ones, aviators and hearts.

Their origin lies between the centres of the eyes, in the plane of the rims.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.accessories.base import AccessoryModel, grid_mesh, make_part, mirror, rod
from livecam.modelling.curves import bezier
from livecam.modelling.mesh import TriangleMesh
from livecam.modelling.parts import MeshPart
from livecam.modelling.sdf import smoothstep
from livecam.modelling.vectors import Array, Vector, mix, rotation, tiled, vector

EYE_X = 0.375  # from the middle to the centre of an eye
_TOE_OUT_DEG = 9.0  # rims follow the curve of the face
_TEMPLE = ((0.735, 0.07, -0.10), (0.86, 0.09, -0.30), (0.98, 0.08, -0.60), (0.99, -0.02, -1.10))
_CLEAR = (0.90, 0.95, 0.96)


@dataclass(frozen=True, slots=True)
class Glasses:
    """One pair of glasses: rims, temples, bridge and lenses."""

    outline: Callable[[Array], Array]  # radius of a lens by angle; 0 is outwards, 90 degrees up
    rim: float  # half its thickness
    material: Material
    color: Vector
    lens_top: Vector  # the colour that the lens transmits
    lens_bottom: Vector
    bridge: float  # height

    def __call__(self, fine: bool) -> list[MeshPart]:
        spokes, sides, rings = (56, 10, 5) if fine else (32, 5, 2)
        left = {
            "rim": self._rim(spokes, sides),
            "temple": self._temple(14 if fine else 6, sides),
        }
        parts = [
            make_part(name + side, self.material, surface, self.color)
            for name, each in left.items()
            for side, surface in (("Left", each), ("Right", mirror(each)))
        ]
        parts.append(make_part("bridge", self.material, self._bridge(sides), self.color))
        lens = self._lens(spokes, rings)
        return [*parts, self._lens_part("Left", lens), self._lens_part("Right", mirror(lens))]

    def rim_line(self, spokes: int) -> Array:
        """Computes the middle line of the left rim, float32[spokes, 3]."""
        angle = 2 * np.pi * np.arange(spokes) / spokes
        radius = self.outline(angle)
        in_plane = (radius * np.cos(angle), radius * np.sin(angle), np.zeros(spokes))
        return self._placed(np.stack(in_plane, axis=1))

    def _placed(self, points: Array) -> Array:
        """Converts points from the plane of the left lens to head space."""
        rotated = points @ rotation((0, 1, 0), _TOE_OUT_DEG).T
        return rotated + vector((EYE_X + 0.008, 0.0, 0.0))

    def _rim(self, spokes: int, sides: int) -> TriangleMesh:
        forward = rotation((0, 1, 0), _TOE_OUT_DEG)[:, 2]
        across = np.tile(forward, (spokes, 1))
        return rod(self.rim_line(spokes), across, (self.rim * 1.15, self.rim), sides, ring=True)

    def _lens(self, spokes: int, rings: int) -> TriangleMesh:
        angle = 2 * np.pi * np.arange(spokes) / spokes
        share = np.linspace(1, 0, rings + 1)
        radius = self.outline(angle) * share[:, None]
        dome = np.broadcast_to(0.075 * (1 - share[:, None] ** 2), radius.shape)
        points = np.stack((radius * np.cos(angle), radius * np.sin(angle), dome), axis=-1)
        surface = grid_mesh(points, wrap_columns=True)
        return TriangleMesh(self._placed(surface.points), surface.triangles)

    def _lens_part(self, side: str, lens: TriangleMesh) -> MeshPart:
        down = smoothstep(0.22, -0.26, lens.points[:, 1])
        colors = mix(tiled(self.lens_top, len(down)), vector(self.lens_bottom), down)
        return make_part("lens" + side, Material.GLASS, lens, colors)

    def _bridge(self, sides: int) -> TriangleMesh:
        inner = np.array(((-float(self.outline(np.array([np.pi]))[0]), self.bridge, 0.0),))
        end = self._placed(inner)[0]
        x, z = float(end[0]) - 0.02, float(end[2])
        ends = (-x - 0.02, self.bridge, z), (x + 0.02, self.bridge, z)
        high = self.bridge + 0.05
        line = bezier((ends[0], (-x / 2, high, z + 0.03), (x / 2, high, z + 0.03), ends[1]),
                      np.linspace(0, 1, 7))  # fmt: skip
        across = np.tile(vector((0, 0, 1)), (len(line), 1))
        return rod(line, across, (self.rim * 1.05, self.rim), sides, ring=False)

    def _temple(self, steps: int, sides: int) -> TriangleMesh:
        line = bezier(_TEMPLE, np.linspace(0, 1, steps))
        across = np.tile(vector((0, 1, 0)), (steps, 1))
        return rod(line, across, (self.rim * 1.3, self.rim * 0.6), sides, ring=False)


# ---------------------------------------------------------------- outlines


def _bell(angle: Array, at_deg: float, width_deg: float) -> Array:
    away = (np.degrees(angle) - at_deg + 180) % 360 - 180
    out: Array = np.exp(-((away / width_deg) ** 2))
    return out


def _round(angle: Array) -> Array:
    # Flattened a little towards the nose: muzzles need the room.
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


# ---------------------------------------------------------------- the models

_PAIRS = {
    "round": Glasses(
        _round, 0.026, Material.HORN, (0.085, 0.030, 0.012), _CLEAR, _CLEAR, 0.04
    ),
    "aviator": Glasses(
        _aviator, 0.021, Material.METAL, (0.95, 0.70, 0.26), (0.03, 0.028, 0.03),
        (0.20, 0.13, 0.09), 0.12,
    ),
    "heart": Glasses(
        _heart, 0.028, Material.HORN, (0.62, 0.02, 0.09), (0.55, 0.10, 0.18),
        (0.80, 0.30, 0.36), 0.05,
    ),
}  # fmt: skip
GLASSES = (
    AccessoryModel("glasses", "Glasses", "圆框眼镜", "glasses", _PAIRS["round"]),
    AccessoryModel("sunglasses", "Sunglasses", "墨镜", "glasses", _PAIRS["aviator"]),
    AccessoryModel("heart-glasses", "Heart glasses", "爱心眼镜", "glasses", _PAIRS["heart"]),
)


def rim_lines() -> Array:
    """Computes the middle lines of all rims, both sides: float32[n, 3]. They must clear a face."""
    left = np.concatenate([pair.rim_line(20) for pair in _PAIRS.values()])
    return np.concatenate((left, left * vector((-1, 1, 1)))).astype(np.float32)
