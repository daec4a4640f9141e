"""Reads colour tables in the .cube format (Adobe, Cube LUT Specification 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import ConfigError
from livecam.core.language import to_translate, tr
from livecam.core.text_files import read_bytes, shown

MIN_SIZE, MAX_SIZE = 2, 129  # programs write 17 to 65; the format's 256 would take 15 s and 2 GB
MAX_FILE_BYTES = 80 << 20  # 129^3 lines of 39 characters


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
    hint = to_translate("give the path of a .cube file of a 3D LUT")
    data = read_bytes(path, MAX_FILE_BYTES, hint=hint)
    return _CubeReader(path).read(data.decode("utf-8-sig", errors="replace"))


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
        numbers: list[int] = []
        for number, line in enumerate(lines, 1):
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            if stripped[0].isalpha() and not stripped.lower().startswith(("nan", "inf")):
                if data:
                    raise self._refused(number, tr("a keyword stands below the table"))
                self._keyword(number, stripped)
            else:
                data.append(stripped)
                numbers.append(number)
        return self._cube(data, numbers)

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
                "{path} is a one-dimensional table",
                hint="export the look as a 3D LUT, e.g. with 33 points",
                path=self._path,
            )
        # The specification asks readers to skip keywords they do not know.

    def _size_of(self, number: int, text: str) -> int:
        if not text.isascii() or not text.isdigit():
            raise self._refused(number, tr('LUT_3D_SIZE is "{value}"', value=shown(text)))
        if len(text) > 4 or not MIN_SIZE <= int(text) <= MAX_SIZE:
            raise ConfigError(
                "{path}, line {number}: LUT_3D_SIZE {value} is not in {min_size}..{max_size}",
                hint="export the look with 33 or 65 points",
                path=self._path, number=number, value=shown(text), min_size=MIN_SIZE,
                max_size=MAX_SIZE,
            )  # fmt: skip
        size = int(text)
        return size

    def _triple(self, number: int, text: str) -> tuple[float, float, float]:
        red, green, blue = self._numbers(number, text, 3)
        return red, green, blue

    def _numbers(self, number: int, text: str, count: int) -> tuple[float, ...]:
        try:
            values = tuple(float(word) for word in text.split())
        except ValueError as err:
            raise self._no_numbers(number, text, count) from err
        if len(values) != count or not np.isfinite(values).all():
            raise self._no_numbers(number, text, count)
        return values

    def _cube(self, data: list[str], numbers: list[int]) -> ColourTable:
        if not self._size:
            raise ConfigError(
                "{path} names no LUT_3D_SIZE",
                hint="is it a .cube file of a 3D LUT?",
                path=self._path,
            )
        wanted = self._size**3
        if len(data) != wanted:
            raise ConfigError(
                "{path} has {count} colours, {wanted} belong into a table of {size}^3",
                hint="it may be cut off: export or copy it again",
                path=self._path, count=len(data), wanted=wanted, size=self._size,
            )  # fmt: skip
        low, high = self._bounds["DOMAIN_MIN"], self._bounds["DOMAIN_MAX"]
        if not all(lowest < highest for lowest, highest in zip(low, high, strict=True)):
            raise ConfigError(
                "{path}: DOMAIN_MIN {low} is not below DOMAIN_MAX {high}",
                hint="mend the file, or leave both lines out",
                path=self._path, low=low, high=high,
            )  # fmt: skip
        return ColourTable(self._title, low, high, self._table(data, numbers))

    def _table(self, data: list[str], numbers: list[int]) -> NDArray[np.float32]:
        size = self._size
        try:
            flat = np.loadtxt(data, np.float32, comments=None, ndmin=2)
        except ValueError:
            flat = np.empty((0, 0), np.float32)
        if flat.shape != (size**3, 3) or not np.isfinite(flat).all():
            self._refuse_first(data, numbers)
        return flat.reshape(size, size, size, 3)

    def _refuse_first(self, data: list[str], numbers: list[int]) -> NoReturn:
        """Raises ConfigError for the first line of the table that is not three numbers."""
        for number, line in zip(numbers, data, strict=True):
            red, green, blue = self._triple(number, line)
            if max(abs(red), abs(green), abs(blue)) > float(np.finfo(np.float32).max):
                raise self._refused(number, tr('"{value}" is too large', value=shown(line)))
        raise ConfigError(
            "{path} has a table that cannot be read", hint="export the look again", path=self._path
        )

    def _no_numbers(self, number: int, text: str, count: int) -> ConfigError:
        what = tr('"{value}" is not {count} numbers', value=shown(text), count=count)
        return self._refused(number, what)

    def _refused(self, number: int, what: str) -> ConfigError:
        return ConfigError(
            "{path}, line {number}: {what}",
            hint="export the look again",
            path=self._path, number=number, what=what,
        )  # fmt: skip
