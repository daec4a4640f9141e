#!/usr/bin/env python3
"""Writes the built-in colour looks, presets/looks/NAME.cube.

    scripts/make_looks.py [FOLDER]

Each look is a function of display-encoded colours; 17 points a side hold curves this smooth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Colors = NDArray[np.float64]  # float64[..., 3], sRGB-encoded, 0..1

SIZE = 17
LUMA = np.array((0.2126, 0.7152, 0.0722))
FOLDER = Path(__file__).resolve().parents[1] / "presets" / "looks"


def luma(colors: Colors) -> Colors:
    return (colors @ LUMA)[..., None]


def contrast(colors: Colors, amount: float) -> Colors:
    """An S around the middle; black and white stay."""
    return colors + amount * (colors - 0.5) * 4 * colors * (1 - colors)


def saturate(colors: Colors, amount: float) -> Colors:
    """1 leaves colours alone; the most vivid ones gain least, so that skin and neon hold."""
    grey = luma(colors)
    vivid = np.ptp(colors, axis=-1, keepdims=True)
    return grey + (colors - grey) * (1 + (amount - 1) * (1 - 0.6 * vivid))


def split(colors: Colors, shadows: Colors, lights: Colors) -> Colors:
    """Adds one tint to the shadows and another to the lights."""
    bright = np.clip(luma(colors), 0, 1)
    return colors + shadows * (1 - bright) ** 2 * 4 * (bright + 0.08) + lights * bright**1.5


def lifted(colors: Colors, black: float, white: float) -> Colors:
    """Faded film: no deepest black, no brightest white."""
    return black + colors * (white - black)


def tint(*values: float) -> Colors:
    return np.array(values)


def warm_film(colors: Colors) -> Colors:
    colors = contrast(saturate(colors, 0.94), 0.22)
    colors = split(colors, tint(-0.006, 0.006, 0.022), tint(0.055, 0.014, -0.085))
    return lifted(colors, 0.045, 0.985)


def cool_teal(colors: Colors) -> Colors:
    colors = contrast(saturate(colors, 0.96), 0.18)
    return split(colors, tint(-0.060, 0.020, 0.060), tint(-0.055, 0.005, 0.030))


def black_and_white(colors: Colors) -> Colors:
    # Red weighs more than to the eye: skin gets light and calm, as on orthopanchromatic film.
    grey = (colors @ (0.36, 0.54, 0.10))[..., None]
    return lifted(contrast(np.repeat(grey, 3, axis=-1), 0.30), 0.012, 0.995)


def vivid(colors: Colors) -> Colors:
    return contrast(saturate(colors, 1.38), 0.16)


def soft_rose(colors: Colors) -> Colors:
    colors = saturate(colors, 0.92)
    colors = colors + 0.26 * colors * (1 - colors)  # brighter middle
    return lifted(split(colors, tint(0.012, -0.004, 0.010), tint(0.030, -0.014, 0.006)), 0.04, 1.0)


def night_neon(colors: Colors) -> Colors:
    colors = contrast(saturate(colors, 1.20), 0.26)
    return split(colors, tint(0.020, -0.030, 0.075), tint(0.012, -0.022, 0.018))


LOOKS: dict[str, tuple[str, Callable[[Colors], Colors]]] = {
    "warm-film": ("Warm film", warm_film),
    "cool-teal": ("Cool teal", cool_teal),
    "black-and-white": ("Black and white", black_and_white),
    "vivid": ("Vivid", vivid),
    "soft-rose": ("Soft rose", soft_rose),
    "night-neon": ("Night neon", night_neon),
}


def cube_text(title: str, look: Callable[[Colors], Colors]) -> str:
    """A .cube file; red changes fastest (Adobe, Cube LUT Specification 1.0)."""
    steps = np.linspace(0, 1, SIZE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colors = np.clip(look(np.stack((red, green, blue), axis=-1).reshape(-1, 3)), 0, 1)
    lines = [f"{r:.4f} {g:.4f} {b:.4f}" for r, g, b in colors]
    return "\n".join((f'TITLE "{title}"', f"LUT_3D_SIZE {SIZE}", *lines, ""))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, (title, look) in LOOKS.items():
        path = folder / f"{name}.cube"
        path.write_text(cube_text(title, look), "utf-8")
        print(path)


if __name__ == "__main__":
    main()
