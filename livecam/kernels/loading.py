"""Replaces the plain form of all kernels by the compiled one, on a thread of its own."""

from __future__ import annotations

import logging
import threading
from importlib import import_module
from typing import Final

from livecam.kernels.base import KERNELS

log = logging.getLogger(__name__)

MODULES: Final = ("masks", "pixels", "planes", "vertices")
_loading = threading.Lock()
_began = threading.Event()


def load_kernels() -> bool:
    """Takes all kernels from the cache, or compiles them; returns whether they are compiled.

    Takes a tenth of a second, or ten without a cache.
    """
    with _loading:
        for module in MODULES:
            import_module(f"livecam.kernels.{module}")
        waiting = [kernel for kernel in KERNELS if not kernel.is_compiled]
        if not waiting:
            return True
        try:
            from livecam.kernels.machine_code import addresses

            for kernel, address in zip(waiting, addresses(waiting), strict=True):
                kernel.use(address)
        except ImportError as error:
            log.info("without Numba everything takes longer: %s", error)
            return False
        except Exception as error:
            log.warning("the kernels cannot be compiled: %s", error, exc_info=True)
            return False
        return True


def begin_loading() -> None:
    """Loads the kernels on a thread of their own, once in a process."""
    if not _began.is_set():
        _began.set()
        threading.Thread(target=load_kernels, name="kernels", daemon=True).start()
