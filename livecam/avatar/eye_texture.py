"""Paints a texture of the eye, for programs that do not have livecam's shaders.

`shaders/eye.frag` paints an iris under a cornea that refracts the light. Here it is flat: white,
iris and pupil in frontal view, projected on the front half of the eyeball.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import EyeParameters, Points
from livecam.core.curves import smoothstep
from livecam.core.frame import Image
from livecam.core.srgb import srgb_from_linear

SIZE = 512
FIBRES = 90  # around the iris
WHITE = np.array((0.84, 0.83, 0.82))  # linear
BLACK = np.array((0.002, 0.002, 0.002))
BORDER = 0.995  # just inside the texture, which repeats beyond its edge
RING_FROM, RING = 0.76, 0.07  # radius from which the iris darkens, to this factor at its edge


def eye_texture(parameters: EyeParameters) -> Image:
    """Paints the front half of an eye: uint8[SIZE, SIZE, 3], sRGB, white at the border."""
    y, x = (np.mgrid[:SIZE, :SIZE, :1][:2] + 0.5) * (2 / SIZE) - 1
    r = np.hypot(x, y) / np.sin(parameters.iris_angle_rad)
    fibre = _fibres(np.arctan2(y, x), r)
    inner, outer = np.array(parameters.iris_inner), np.array(parameters.iris_outer)
    iris = inner + (outer - inner) * smoothstep(0.45, 1.0, r)
    iris *= 0.5 + fibre
    iris *= 1.5 + 0.8 * smoothstep(-0.4, 0.6, y)  # light gathers below
    iris *= 1 + (RING - 1) * smoothstep(RING_FROM, 1.0, r)
    iris += (BLACK - iris) * smoothstep(parameters.pupil + 0.035, parameters.pupil - 0.035, r)
    eye = WHITE * (1 - 0.28 * smoothstep(1.22, 1.0, r))
    eye += (iris - eye) * smoothstep(1.04, 0.96, r)
    encoded = srgb_from_linear(np.clip(eye, 0, 1))
    return np.asarray(np.rint(255 * encoded), np.uint8)


def eye_uv(comb: Points) -> NDArray[np.float32]:
    """Computes texture coordinates float32[n, 2], from the top left (glTF 2.0, 3.7.2.1).

    `comb` is the direction from the eye's centre; the back half lies on the white border.
    """
    away = np.hypot(comb[:, :1], comb[:, 1:2])
    border = np.where(away > 1e-6, comb[:, :2] / np.maximum(away, 1e-6), (1, 0))
    across = BORDER * np.where(comb[:, 2:] < 0, border, comb[:, :2])
    return np.asarray(0.5 + 0.5 * across * (1, -1), np.float32)


def _fibres(angle: NDArray[np.float64], r: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draws radial fibres of the iris, 0..1, that fork towards the edge."""
    random = np.random.default_rng(7)
    out = np.zeros_like(angle)
    for n in np.linspace(FIBRES / 6, FIBRES, 6).astype(int):
        phase, bend = random.uniform(0, 2 * np.pi, 2)
        out += np.cos(n * angle + phase + 2 * np.sin(3 * r + bend))
    return np.asarray(np.clip(0.5 + out / 8, 0, 1))
