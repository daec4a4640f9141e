"""Reads colour tables in the .cube format (Adobe, Cube LUT Specification 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import ConfigError

MIN_SIZE, MAX_SIZE = 2, 256
MAX_FILE_BYTES = 600 << 20  # 256^3 lines of text


@dataclass(frozen=True, slots=True)
class ColourTable:
    """A three-dimensional lookup table as it is in its file."""

    title: str
    low: tuple[float, float, float]  # input colour of the first entry
    high: tuple[float, float, float]
    table: NDArray[np.float32]  # float32[n, n, n, 3] by blue, green, red; mostly 0..1


def read_cube(path: Path) -> ColourTable:
    """Reads the three-dimensional table of a .cube file.

    Raises:
        ConfigError: it cannot be read, or is not such a file.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path} is too large for a colour table", hint="use a smaller one")
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError as err:
        raise ConfigError(
            f"{path} cannot be read: {err.strerror or err}", hint="check the path and its rights"
        ) from err
    return _CubeReader(path).read(text)


class _CubeReader:
    """Reads one .cube file; errors name the file and the line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._title = path.stem
        self._size = 0
        self._bounds = {"DOMAIN_MIN": (0.0, 0.0, 0.0), "DOMAIN_MAX": (1.0, 1.0, 1.0)}

    def read(self, text: str) -> ColourTable:
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
        if not MIN_SIZE <= size <= MAX_SIZE:
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

    def _cube(self, data: list[str]) -> ColourTable:
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
        if not all(lowest < highest for lowest, highest in zip(low, high, strict=True)):
            raise ConfigError(
                f"{self._path}: DOMAIN_MIN {low} is not below DOMAIN_MAX {high}",
                hint="mend the file, or leave both lines out",
            )
        return ColourTable(self._title, low, high, self._table(data))

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
