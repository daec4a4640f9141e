"""Functions in two forms that give equal bits: plain numpy, and loops that are compiled.

The plain form runs until the compiled one is ready, and where it cannot be made. Compiled loops
release the GIL and allocate nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ctypes import CFUNCTYPE, c_double, c_int, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any, Final, Generic, ParamSpec, TypeAlias, cast

import numpy as np

P = ParamSpec("P")

KERNELS: Final[list[Kernel[...]]] = []


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """A C-contiguous array that a kernel takes, by its number type and dimensions."""

    dtype: str
    dimensions: int
    written: bool = False


# Where machine code writes that it has no result and no exception.
_NOTHING: Final = np.zeros(16, np.int64)

# The parameters of a kernel: arrays, `int` and `float` for 64 bits each.
Parameters: TypeAlias = tuple[ArrayOf | type, ...]


class Kernel(Generic[P]):
    """A function that writes to arrays it is given; any thread may call it.

    Args:
        plain: whole arrays, numpy and OpenCV.
        loops: the same in loops over elements, in what Numba compiles without its run-time:
            nothing is allocated, nothing raised.
        parameters: of both.
    """

    def __init__(
        self, plain: Callable[P, None], loops: Callable[P, None], *parameters: ArrayOf | type
    ) -> None:
        self.plain, self.loops = plain, loops
        self.parameters: Parameters = parameters
        self._run = plain
        KERNELS.append(self)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> None:
        self._run(*arguments, **named)

    @property
    def name(self) -> str:
        """The name under which it is kept in the cache."""
        return f"{self.loops.__module__}.{self.loops.__qualname__}"

    @property
    def is_compiled(self) -> bool:
        """Whether the compiled loops run."""
        return self._run is not self.plain

    def use(self, address: int) -> None:
        """Runs the machine code at an address, which must stay, instead of the plain form."""
        function = CFUNCTYPE(c_int, c_void_p, c_void_p, *self._native_types())(address)
        spare = _NOTHING.ctypes.data
        arrays = [
            (each, np.dtype(each.dtype)) if isinstance(each, ArrayOf) else None
            for each in self.parameters
        ]

        def run(*arguments: Any) -> None:
            values: list[Any] = [spare, spare]
            for array, argument in zip(arrays, arguments, strict=True):
                if array is None:
                    values.append(argument)
                else:
                    values += _flattened(*array, argument)
            function(*values)

        self._run = cast(Callable[P, None], run)

    def _native_types(self) -> Iterator[Any]:
        """Yields the types of the arguments of the machine code."""
        for parameter in self.parameters:
            if isinstance(parameter, ArrayOf):
                yield from (c_void_p, c_void_p, c_int64, c_int64, c_void_p)
                yield from (c_int64,) * (2 * parameter.dimensions)
            else:
                yield c_int64 if parameter is int else c_double


def _flattened(
    parameter: ArrayOf, dtype: np.dtype[Any], array: np.ndarray[Any, Any]
) -> tuple[int | None, ...]:
    """Returns an array as Numba passes it: owners, elements and their size, data, shape, strides.

    Raises:
        TypeError: it is not as the kernel takes it; machine code would not notice.
    """
    flags = array.flags
    if (
        array.dtype != dtype
        or array.ndim != parameter.dimensions
        or not flags.c_contiguous
        or (parameter.written and not flags.writeable)
    ):
        raise TypeError(f"{parameter} is wanted, not {array.dtype} of {array.shape}")
    data = array.__array_interface__["data"][0]
    return None, None, array.size, array.itemsize, data, *array.shape, *array.strides
