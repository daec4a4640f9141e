"""Colour looks: applies .cube tables to the whole image.

A table of a few thousand colours is expanded once to all 16.7 million by trilinear interpolation;
for an image it is only indexed. That is exact, and faster than interpolating each
pixel (about 5 ms instead of 400 ms in numpy for 1280x720, on one core). The expanded table takes
64 MiB and 0.2 s.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.compose.effects.cube_file import ColourTable, read_cube
from livecam.config.paths import shipped_folder
from livecam.config.settings import EffectSettings
from livecam.core.errors import ConfigError
from livecam.core.frame import Image
from livecam.core.language import tr
from livecam.core.registry import did_you_mean

SUFFIX = ".cube"
LEVELS = 256
BAND = 48  # rows that are mapped together: their buffers stay in the cache
NO_MAP = np.empty(0, np.uint16)  # integer coordinates need no fractions
SIDE = 4096  # the expanded table as a square image: 24 bits of colour are 12 across, 12 down


class Look:
    """The stage that maps all colours by a table; used on one thread, stateless.

    Raises:
        ConfigError: the look is unknown, or its file is broken.
    """

    name = "look"

    def __init__(self, settings: EffectSettings) -> None:
        self._strength = settings.lut_strength
        path = look_path(settings.lut)
        self._colors = expanded_file(path, _changed_at(path))
        self._places = np.empty((0, 0), np.uint32)
        self._spare = np.empty((0, 0), np.uint32)
        self._mapped: Image = np.empty((0, 0, 4), np.uint8)

    @staticmethod
    def wanted(settings: EffectSettings) -> bool:
        return bool(settings.lut) and settings.lut_strength > 0

    def apply(self, layers: Layers) -> None:
        image = layers.image
        self._prepare(image.shape[1])
        for top in range(0, image.shape[0], BAND):
            band = image[top : top + BAND]
            mapped = self._lookup(band)
            cv2.mixChannels([band], [mapped], [3, 3])  # keeps alpha
            if self._strength < 1:
                cv2.addWeighted(mapped, self._strength, band, 1 - self._strength, 0, dst=mapped)
            band[...] = mapped

    def reset(self) -> None:
        pass

    def _prepare(self, width: int) -> None:
        if self._mapped.shape[1] != width:
            self._places = np.empty((BAND, width), np.uint32)
            self._spare = np.empty((BAND, width), np.uint32)
            self._mapped = np.empty((BAND, width, 4), np.uint8)

    def _lookup(self, band: Image) -> Image:
        """Looks up each colour with OpenCV: numpy's indexing takes twice the time."""
        colors = np.ascontiguousarray(band).view("<u4")[..., 0]
        count = len(colors)
        spare, places, mapped = self._spare[:count], self._places[:count], self._mapped[:count]
        # x: the lowest 12 bits of the colour, y: the next 12, each in 16 bits of its own.
        np.bitwise_and(colors, 0xFFF000, out=spare)
        np.left_shift(spare, 4, out=spare)
        np.bitwise_and(colors, 0xFFF, out=places)
        np.bitwise_or(places, spare, out=places)
        pairs = np.asarray(places.view("<i2"), np.int16).reshape(*colors.shape, 2)
        cv2.remap(self._colors, pairs, NO_MAP, cv2.INTER_NEAREST, dst=mapped)
        return mapped


def look_folder() -> Path:
    """Returns the folder of the built-in looks."""
    return shipped_folder("presets") / "looks"


def list_looks() -> tuple[str, ...]:
    """Lists the names of the built-in looks, sorted."""
    return tuple(sorted(path.stem for path in look_folder().glob(f"*{SUFFIX}")))


def look_path(name: str) -> Path:
    """Returns the file of the built-in look of that name, or that .cube file.

    Raises:
        ConfigError: there is none.
    """
    known = list_looks()
    if name in known:
        return look_folder() / f"{name}{SUFFIX}"
    path = Path(name).expanduser()
    if path.suffix.lower() == SUFFIX and path.is_file():
        return path
    raise ConfigError(
        'no look is called "{name}"{guess}',
        hint="there are: {names}; or give the path of a {suffix} file",
        name=name, guess=did_you_mean(name, known), names=", ".join(known) or tr("none"),
        suffix=SUFFIX,
    )  # fmt: skip


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime if path.is_file() else 0.0


@lru_cache(maxsize=2)
def expanded_file(path: Path, changed_at: float) -> Image:
    """Reads and expands a file; cached, so that another strength costs nothing.

    `changed_at` makes a changed file be read again.
    """
    return expanded(read_cube(path))


def expanded(table: ColourTable) -> Image:
    """Expands a table to all colours: uint8[4096, 4096, 4].

    The index of a colour is red + 256 green + 65536 blue.
    """
    levels = np.arange(LEVELS) / (LEVELS - 1)
    colours = np.stack([levels] * 3, axis=1) if table.curves is None else table.curves.at(levels)
    red, green, blue = (
        _weights(len(table.table), channel, low, high)
        for channel, low, high in zip(colours.T, table.low, table.high, strict=True)
    )
    n = len(table.table)
    across: NDArray[np.float32] = red @ table.table.transpose(2, 0, 1, 3).reshape(
        n, -1
    )  # [256, n * n * 3]
    rows = across.reshape(LEVELS, n, n, 3).transpose(2, 1, 0, 3).reshape(n, -1)  # by green
    plane = (green @ rows).reshape(LEVELS, n, LEVELS * 3)
    planes = np.ascontiguousarray(plane.transpose(1, 0, 2)).reshape(n, -1)  # by blue
    out = np.full((LEVELS, LEVELS, LEVELS, 4), 255, np.uint8)
    for level in range(LEVELS):
        # Two rows of the table contribute to each; a whole product would need 200 MiB.
        first = int(np.flatnonzero(blue[level])[0])
        shares = blue[level, first : first + 2]
        colors = shares @ planes[first : first + 2]
        np.clip(colors * 255 + 0.5, 0, 255, out=colors)
        out[level, ..., :3] = colors.reshape(LEVELS, LEVELS, 3)
    square: Image = out.reshape(SIDE, SIDE, 4)
    square.flags.writeable = False
    return square


def _weights(
    size: int, values: NDArray[np.float64], low: float, high: float
) -> NDArray[np.float32]:
    """Returns the weights of the entries for each of 256 values, float32[256, size]."""
    place = np.clip((values - low) / (high - low), 0, 1) * (size - 1)
    away = np.abs(place[:, None] - np.arange(size))
    weights: NDArray[np.float32] = np.maximum(1 - away, 0).astype(np.float32)
    return weights
