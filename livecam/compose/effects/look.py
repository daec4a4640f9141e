"""Colour looks: Adobe's .cube tables, applied to the whole picture.

A table of a few thousand colours is spread once to all 16.7 million by trilinear interpolation;
a picture then only looks its colours up. That is exact, and faster than interpolating for each
pixel (about 5 ms instead of 400 ms in numpy for 1280x720, on one core). The spread table takes
64 MiB and 0.2 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.config.paths import shipped_folder
from livecam.config.settings import EffectSettings
from livecam.core.errors import ConfigError
from livecam.core.frame import Image
from livecam.core.registry import did_you_mean

SUFFIX = ".cube"
SMALLEST_SIZE, LARGEST_SIZE = 2, 256  # Cube LUT Specification 1.0
LARGEST_FILE = 600 << 20  # 256^3 lines of text
LEVELS = 256
BAND = 48  # rows that are looked up together: what is written down meanwhile stays in the cache
NO_MAP = np.empty(0, np.uint16)  # whole pixels need no fractions
SIDE = 4096  # the spread table as a square picture: 24 bits of colour are 12 across, 12 down


@dataclass(frozen=True, slots=True)
class Cube:
    """A colour table as it stands in its file."""

    title: str
    low: tuple[float, float, float]  # the input that the first entry stands for
    high: tuple[float, float, float]
    table: NDArray[np.float32]  # float32[n, n, n, 3] by blue, green, red; mostly 0..1


class Look:
    """Gives the whole picture the colours of a table; used on one thread, remembers nothing.

    Raises:
        ConfigError: the look is unknown, or its file is broken.
    """

    name = "look"

    def __init__(self, settings: EffectSettings) -> None:
        self._strength = settings.lut_strength
        path = look_path(settings.lut)
        self._colors = spread_of(path, _changed_at(path))
        self._places = np.empty((0, 0), np.uint32)
        self._spare = np.empty((0, 0), np.uint32)
        self._looked: Image = np.empty((0, 0, 4), np.uint8)

    @staticmethod
    def wanted(settings: EffectSettings) -> bool:
        return bool(settings.lut) and settings.lut_strength > 0

    def apply(self, layers: Layers) -> None:
        image = layers.image
        self._prepare(image.shape[1])
        for top in range(0, image.shape[0], BAND):
            band = image[top : top + BAND]
            looked = self._looked_up(band)
            cv2.mixChannels([band], [looked], [3, 3])  # keeps what is clear
            if self._strength < 1:
                cv2.addWeighted(looked, self._strength, band, 1 - self._strength, 0, dst=looked)
            band[...] = looked

    def reset(self) -> None:
        pass

    def _prepare(self, width: int) -> None:
        if self._looked.shape[1] != width:
            self._places = np.empty((BAND, width), np.uint32)
            self._spare = np.empty((BAND, width), np.uint32)
            self._looked = np.empty((BAND, width, 4), np.uint8)

    def _looked_up(self, band: Image) -> Image:
        """Each colour's entry, gathered by OpenCV: numpy's indexing takes twice the time."""
        colors = np.ascontiguousarray(band).view("<u4")[..., 0]
        count = len(colors)
        spare, places, looked = self._spare[:count], self._places[:count], self._looked[:count]
        # x: the lowest 12 bits of the colour, y: the next 12, each in 16 bits of its own.
        np.bitwise_and(colors, 0xFFF000, out=spare)
        np.left_shift(spare, 4, out=spare)
        np.bitwise_and(colors, 0xFFF, out=places)
        np.bitwise_or(places, spare, out=places)
        pairs = np.asarray(places.view("<i2"), np.int16).reshape(*colors.shape, 2)
        cv2.remap(self._colors, pairs, NO_MAP, cv2.INTER_NEAREST, dst=looked)
        return looked


def look_folder() -> Path:
    """Where the built-in looks lie."""
    return shipped_folder("presets") / "looks"


def list_looks() -> tuple[str, ...]:
    """The names of the built-in looks, sorted."""
    return tuple(sorted(path.stem for path in look_folder().glob(f"*{SUFFIX}")))


def look_path(name: str) -> Path:
    """The file of the built-in look of that name, or that .cube file.

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
        f'no look is called "{name}"{did_you_mean(name, list(known))}',
        hint=f"there are: {', '.join(known) or 'none'}; or give the path of a {SUFFIX} file",
    )


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime if path.is_file() else 0.0


@lru_cache(maxsize=2)
def spread_of(path: Path, changed_at: float) -> Image:
    """The colours of a file, spread; kept, so that another strength costs nothing.

    `changed_at` lets a file that was written again be read again.
    """
    return spread(read_cube(path))


def spread(cube: Cube) -> Image:
    """Every colour's entry: uint8[4096, 4096, 4]; red + 256 green + 65536 blue counts them."""
    red, green, blue = (
        _weights(len(cube.table), low, high) for low, high in zip(cube.low, cube.high, strict=True)
    )
    n = len(cube.table)
    across: NDArray[np.float32] = red @ cube.table.transpose(2, 0, 1, 3).reshape(
        n, -1
    )  # [256, n * n * 3]
    rows = across.reshape(LEVELS, n, n, 3).transpose(2, 1, 0, 3).reshape(n, -1)  # by green
    plane = (green @ rows).reshape(LEVELS, n, LEVELS * 3)
    planes = np.ascontiguousarray(plane.transpose(1, 0, 2)).reshape(n, -1)  # by blue
    out = np.full((LEVELS, LEVELS, LEVELS, 4), 255, np.uint8)
    for level in range(LEVELS):
        # Two rows of the table take part in each; a whole product would need 200 MiB.
        first = int(np.flatnonzero(blue[level])[0])
        shares = blue[level, first : first + 2]
        colors = shares @ planes[first : first + 2]
        np.clip(colors * 255 + 0.5, 0, 255, out=colors)
        out[level, ..., :3] = colors.reshape(LEVELS, LEVELS, 3)
    square: Image = out.reshape(SIDE, SIDE, 4)
    square.flags.writeable = False
    return square


def _weights(size: int, low: float, high: float) -> NDArray[np.float32]:
    """float32[256, size]: how much of each entry a level takes."""
    place = np.clip((np.arange(LEVELS) / (LEVELS - 1) - low) / (high - low), 0, 1) * (size - 1)
    away = np.abs(place[:, None] - np.arange(size))
    weights: NDArray[np.float32] = np.maximum(1 - away, 0).astype(np.float32)
    return weights


def read_cube(path: Path) -> Cube:
    """The three-dimensional table in a .cube file (Adobe, Cube LUT Specification 1.0).

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigError(f"{path} is too large for a colour table", hint="use a smaller one")
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError as err:
        raise ConfigError(
            f"{path} cannot be read: {err.strerror or err}", hint="check the path and its rights"
        ) from err
    return _Reader(path).read(text)


class _Reader:
    """Reads one .cube file; what it refuses, it names with file and line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._title = path.stem
        self._size = 0
        self._bounds = {"DOMAIN_MIN": (0.0, 0.0, 0.0), "DOMAIN_MAX": (1.0, 1.0, 1.0)}

    def read(self, text: str) -> Cube:
        lines = text.splitlines()
        data: list[str] = []
        for number, line in enumerate(lines, 1):
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            if stripped[0].isalpha() and not stripped.lower().startswith(("nan", "inf")):
                if data:
                    raise self._refused(number, "a keyword stands below the table")
                self._keyword(number, stripped)
            else:
                data.append(stripped)
        return self._cube(data)

    def _keyword(self, number: int, line: str) -> None:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word == "TITLE":
            self._title = rest.strip('"') or self._title
        elif word == "LUT_3D_SIZE":
            self._size = self._size_of(number, rest)
        elif word in self._bounds:
            self._bounds[word] = self._triple(number, rest)
        elif word == "LUT_3D_INPUT_RANGE":  # DaVinci Resolve's word for the domain
            low, high = self._numbers(number, rest, 2)
            self._bounds = {"DOMAIN_MIN": (low,) * 3, "DOMAIN_MAX": (high,) * 3}
        elif word == "LUT_1D_SIZE":
            raise ConfigError(
                f"{self._path} is a one-dimensional table",
                hint="export the look as a 3D LUT, e.g. with 33 points",
            )
        # The specification asks readers to skip keywords they do not know.

    def _size_of(self, number: int, text: str) -> int:
        if not text.isascii() or not text.isdigit():
            raise self._refused(number, f'LUT_3D_SIZE is "{text}"')
        size = int(text)
        if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
            raise self._refused(number, f"LUT_3D_SIZE {size} is not in 2..256")
        return size

    def _triple(self, number: int, text: str) -> tuple[float, float, float]:
        red, green, blue = self._numbers(number, text, 3)
        return red, green, blue

    def _numbers(self, number: int, text: str, count: int) -> tuple[float, ...]:
        try:
            values = tuple(float(word) for word in text.split())
        except ValueError as err:
            raise self._refused(number, f'"{text}" is not {count} numbers') from err
        if len(values) != count or not np.isfinite(values).all():
            raise self._refused(number, f'"{text}" is not {count} numbers')
        return values

    def _cube(self, data: list[str]) -> Cube:
        if not self._size:
            raise ConfigError(
                f"{self._path} names no LUT_3D_SIZE", hint="is it a .cube file of a 3D LUT?"
            )
        wanted = self._size**3
        if len(data) != wanted:
            raise ConfigError(
                f"{self._path} has {len(data)} colours, {wanted} belong into a table of "
                f"{self._size}^3",
                hint="it may be cut off: export or copy it again",
            )
        low, high = self._bounds["DOMAIN_MIN"], self._bounds["DOMAIN_MAX"]
        if not all(least < most for least, most in zip(low, high, strict=True)):
            raise ConfigError(
                f"{self._path}: DOMAIN_MIN {low} is not below DOMAIN_MAX {high}",
                hint="mend the file, or leave both lines out",
            )
        return Cube(self._title, low, high, self._table(data))

    def _table(self, data: list[str]) -> NDArray[np.float32]:
        size = self._size
        try:
            flat = np.array([line.split() for line in data], np.float32)
        except ValueError as err:
            raise ConfigError(
                f"{self._path} has a line in its table that is not three numbers",
                hint="export or copy it again",
            ) from err
        if flat.shape != (len(data), 3) or not np.isfinite(flat).all():
            raise ConfigError(
                f"{self._path} has a line in its table that is not three numbers",
                hint="export or copy it again",
            )
        return flat.reshape(size, size, size, 3)

    def _refused(self, number: int, what: str) -> ConfigError:
        return ConfigError(f"{self._path}, line {number}: {what}", hint="export the look again")
