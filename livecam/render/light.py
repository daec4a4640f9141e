"""The lights of a head: key, fill, rim and ambient, in camera space and linear units."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

Colour = tuple[float, float, float]


def unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Normalises a direction."""
    length = float(np.sqrt(x * x + y * y + z * z))
    return x / length, y / length, z / length


UPPER_LEFT = unit(-0.55, 0.62, 0.75)
RIGHT = unit(0.90, 0.05, 0.60)
BEHIND_RIGHT = unit(0.65, 0.55, -0.75)


@dataclass(frozen=True, slots=True)
class Light:
    """Key, fill and rim light and hemispheric ambient; directions point towards the light."""

    key_direction: Colour = UPPER_LEFT
    key: Colour = (1.38, 1.24, 1.06)  # warm
    fill_direction: Colour = RIGHT
    fill: Colour = (0.16, 0.20, 0.28)  # cool
    rim_direction: Colour = BEHIND_RIGHT
    rim: Colour = (1.40, 1.42, 1.50)
    sky: Colour = (0.28, 0.31, 0.37)
    ground: Colour = (0.17, 0.12, 0.09)
    exposure: float = 0.9

    def uniforms(self) -> dict[str, Colour | float]:
        """Returns the lights by the names in shaders/light.glsl."""
        return {
            "key_direction": self.key_direction,
            "key": self.key,
            "fill_direction": self.fill_direction,
            "fill": self.fill,
            "rim_direction": self.rim_direction,
            "rim": self.rim,
            "sky": self.sky,
            "ground": self.ground,
            "exposure": self.exposure,
        }


STUDIO = Light()


def mixed(a: Light, b: Light, share: float) -> Light:
    """Interpolates from `a` to `b`; exactly `a` at 0 and `b` at 1."""
    if share <= 0 or share >= 1:
        return a if share <= 0 else b
    mix = {
        field.name: _between(getattr(a, field.name), getattr(b, field.name), share)
        for field in fields(Light)
    }
    turned = {
        name: unit(*direction) for name, direction in mix.items() if name.endswith("_direction")
    }
    return Light(**mix | turned)


def _between(a: Any, b: Any, share: float) -> Any:
    """Interpolates numbers or tuples of them."""
    out = np.asarray(a) + share * (np.asarray(b) - np.asarray(a))
    return tuple(out.tolist()) if out.ndim else float(out)
