"""Reads colour tables in the .cube format.

The format is that of Adobe (Cube LUT Specification 1.0), with one table of one or of three
dimensions, and that of DaVinci Resolve (LUT documentation, P. Chamberlain 2015), with input
ranges, where a one-dimensional table, the shaper, may stand before the three-dimensional one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import ConfigError
from livecam.core.language import to_translate, tr
from livecam.core.text_files import encoding_of, read_bytes, shown

MIN_SIZE = 2
MAX_SIZE = 129  # programs write 17 to 65; the format's 256 would take 15 s and 2 GB
MAX_CURVE_SIZE = 65536
MAX_FILE_BYTES = 80 << 20  # 129^3 lines of 39 characters
HINT = to_translate("export the look again")

Triple = tuple[float, float, float]
Range = tuple[Triple, Triple]  # from the lowest to the highest colour
BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
IDENTITY: NDArray[np.float32] = np.moveaxis(  # of two points along each edge
    np.indices((2, 2, 2), np.float32)[::-1], 0, -1
)


@dataclass(frozen=True, slots=True)
class Curves:
    """A one-dimensional lookup table for each channel."""

    low: Triple  # input of the first entry
    high: Triple
    table: NDArray[np.float32]  # float32[n, 3] by red, green, blue

    def at(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolates inputs, float64[n], of all three channels: float64[n, 3]."""
        entries = (
            np.linspace(low, high, len(self.table))
            for low, high in zip(self.low, self.high, strict=True)
        )
        columns = zip(entries, self.table.T, strict=True)
        return np.stack([np.interp(levels, at, column) for at, column in columns], axis=1)


@dataclass(frozen=True, slots=True)
class ColourTable:
    """A lookup table as it is in its file; of one that has curves alone, the cube changes nothing.

    The curves are applied before the cube, which has three dimensions.
    """

    title: str
    low: Triple  # input colour of the first entry
    high: Triple
    table: NDArray[np.float32]  # float32[n, n, n, 3] by blue, green, red; mostly 0..1
    curves: Curves | None = None


def read_cube(path: Path) -> ColourTable:
    """Reads the tables of a .cube file.

    Raises:
        ConfigError: it cannot be read, or is not such a file.
    """
    hint = to_translate("give the path of a .cube file")
    data = read_bytes(path, MAX_FILE_BYTES, hint=hint)
    return _CubeReader(path).read(data.decode(encoding_of(data), errors="replace"))


class _CubeReader:
    """Reads one .cube file; errors name the file and the line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._title = path.stem
        self._sizes = {"LUT_1D_SIZE": 0, "LUT_3D_SIZE": 0}
        self._bounds = {"DOMAIN_MIN": BLACK, "DOMAIN_MAX": WHITE}  # Adobe's, of the only table
        self._ranges: dict[str, Range] = {}  # Resolve's, of either table

    def read(self, text: str) -> ColourTable:
        data: list[str] = []
        numbers: list[int] = []
        for number, line in enumerate(text.splitlines(), 1):
            stripped = line.strip()
            if "#" in stripped and not stripped.startswith("TITLE"):
                stripped = stripped.partition("#")[0].rstrip()
            if not stripped:
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
        word, *words = line.split(maxsplit=1)
        rest = words[0] if words else ""
        if word == "TITLE":
            self._title = _title_of(rest) or self._title
        elif word == "LUT_3D_SIZE":
            self._sizes[word] = self._size_of(number, word, rest, MAX_SIZE)
        elif word == "LUT_1D_SIZE":
            self._sizes[word] = self._size_of(number, word, rest, MAX_CURVE_SIZE)
        elif word in self._bounds:
            self._bounds[word] = self._triple(number, rest)
        elif word in ("LUT_1D_INPUT_RANGE", "LUT_3D_INPUT_RANGE"):
            low, high = self._numbers(number, rest, 2)
            self._ranges[word] = (low, low, low), (high, high, high)
        # The specification asks readers to skip keywords they do not know.

    def _size_of(self, number: int, word: str, text: str, most: int) -> int:
        if not text.isascii() or not text.isdigit():
            what = tr('{word} is "{value}"', word=word, value=shown(text))
            raise self._refused(number, what)
        if len(text) > len(str(most)) + 1 or not MIN_SIZE <= int(text) <= most:
            raise ConfigError(
                "{path}, line {number}: {word} {value} is not in {min_size}..{max_size}",
                hint="export the look with 33 or 65 points",
                path=self._path, number=number, word=word, value=shown(text),
                min_size=MIN_SIZE, max_size=most,
            )  # fmt: skip
        return int(text)

    def _triple(self, number: int, text: str) -> Triple:
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
        points, size = self._sizes["LUT_1D_SIZE"], self._sizes["LUT_3D_SIZE"]
        if not points and not size:
            raise ConfigError(
                "{path} names neither LUT_3D_SIZE nor LUT_1D_SIZE",
                hint="is it a .cube file?",
                path=self._path,
            )
        if len(data) != points + size**3:
            raise ConfigError(
                "{path} has {count} colours, {wanted} belong into its tables",
                hint="it may be cut off: export or copy it again",
                path=self._path, count=len(data), wanted=points + size**3,
            )  # fmt: skip
        of_curves, of_cube = self._input_ranges()
        colours = self._colours(data, numbers)
        curves = Curves(*of_curves, colours[:points]) if points else None
        if not size:
            return ColourTable(self._title, BLACK, WHITE, IDENTITY, curves)
        table = colours[points:].reshape(size, size, size, 3)
        return ColourTable(self._title, *of_cube, table, curves)

    def _input_ranges(self) -> tuple[Range, Range]:
        """Returns the input ranges of the curves and of the cube.

        Adobe's domain is that of the whole file: with curves before the cube, theirs.
        """
        domain = self._bounds["DOMAIN_MIN"], self._bounds["DOMAIN_MAX"]
        second = (BLACK, WHITE) if self._sizes["LUT_1D_SIZE"] else domain
        ranges = (
            self._ranges.get("LUT_1D_INPUT_RANGE", domain),
            self._ranges.get("LUT_3D_INPUT_RANGE", second),
        )
        for low, high in ranges:
            if not all(lowest < highest for lowest, highest in zip(low, high, strict=True)):
                raise ConfigError(
                    "{path}: its input begins at {low}, which is not below its end at {high}",
                    hint="mend DOMAIN_MIN and DOMAIN_MAX or INPUT_RANGE, or leave them out",
                    path=self._path, low=_spaced(low), high=_spaced(high),
                )  # fmt: skip
        return ranges

    def _colours(self, data: list[str], numbers: list[int]) -> NDArray[np.float32]:
        try:
            flat = np.loadtxt(data, np.float32, comments=None, ndmin=2)
        except ValueError:
            flat = np.empty((0, 0), np.float32)
        if flat.shape != (len(data), 3) or not np.isfinite(flat).all():
            self._refuse_first(data, numbers)
        return flat

    def _refuse_first(self, data: list[str], numbers: list[int]) -> NoReturn:
        """Raises ConfigError for the first line of the table that is not three numbers."""
        for number, line in zip(numbers, data, strict=True):
            red, green, blue = self._triple(number, line)
            if max(abs(red), abs(green), abs(blue)) > float(np.finfo(np.float32).max):
                raise self._refused(number, tr('"{value}" is too large', value=shown(line)))
        raise ConfigError("{path} has a table that cannot be read", HINT, path=self._path)

    def _no_numbers(self, number: int, text: str, count: int) -> ConfigError:
        what = tr('"{value}" is not {count} numbers', value=shown(text), count=count)
        return self._refused(number, what)

    def _refused(self, number: int, what: str) -> ConfigError:
        return ConfigError(
            "{path}, line {number}: {what}", HINT, path=self._path, number=number, what=what
        )


def _title_of(text: str) -> str:
    """Returns a title from between its quotes, or as it stands without them."""
    quoted = re.match(r'"([^"]*)"', text)
    return quoted[1] if quoted else text.partition("#")[0].strip().strip('"')


def _spaced(triple: Triple) -> str:
    return " ".join(f"{value:g}" for value in triple)
