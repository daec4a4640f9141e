"""Functions in two forms: plain numpy, and loops that Numba compiles; the one home of Numba.

Both forms give equal bits, so that nothing depends on which one runs. Compiled loops are kept in
Numba's cache on disk, release the GIL and allocate nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Generic, ParamSpec

log = logging.getLogger(__name__)

P = ParamSpec("P")

MODULES: Final = ("masks", "pixels", "planes", "vertices")
KERNELS: Final[list[Kernel[...]]] = []
_loading = threading.Lock()
_began = threading.Event()


class Kernel(Generic[P]):
    """A function that writes to arrays it is given; any thread may call it.

    The plain form runs until the loops are compiled, and where Numba is missing.

    Args:
        plain: whole arrays, numpy and OpenCV.
        loops: the same in loops over elements, as Numba compiles them.
        signature: of the loops, in Numba's words; arrays must be contiguous as it says.
    """

    def __init__(self, plain: Callable[P, None], loops: Callable[P, None], signature: str) -> None:
        self.plain, self.loops = plain, loops
        self.signature = signature
        self._run = plain
        KERNELS.append(self)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> None:
        self._run(*arguments, **named)

    @property
    def is_compiled(self) -> bool:
        """Whether the compiled loops run."""
        return self._run is not self.plain

    def compile(self, compiler: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Replaces the plain form by compiled loops."""
        self._run = compiler(self.loops)


def load_kernels() -> bool:
    """Compiles all kernels, or takes them from the cache; returns whether they are compiled.

    Takes a second, or fifteen without a cache. It ends early when the main thread has.
    """
    with _loading:
        try:
            from numba import njit
        except ImportError as error:
            log.info("without Numba everything takes longer: %s", error)
            return False
        for module in MODULES:
            import_module(f"livecam.kernels.{module}")
        for kernel in KERNELS:
            if kernel.is_compiled:
                continue
            if not threading.main_thread().is_alive():
                return False
            try:
                kernel.compile(njit(kernel.signature, nogil=True, cache=True, error_model="numpy"))
            except Exception as error:
                log.warning("a kernel cannot be compiled: %s", error, exc_info=True)
                return False
        return True


def begin_loading() -> None:
    """Loads the kernels on a thread of their own, once in a process."""
    if not _began.is_set():
        _began.set()
        threading.Thread(target=load_kernels, name="kernels").start()
