"""MediaPipe, imported without the plotting library that only its drawing helpers use.

`mediapipe.tasks.python.vision` imports pyplot for one function that shows landmarks in a window.
That is three quarters of its start-up (1.8 s of 2.4 s, measured), on the way to the first avatar.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

PLOTTING = ("matplotlib", "matplotlib.pyplot")


@contextmanager
def _without_plotting() -> Iterator[None]:
    """Empty modules stand in for the plotting library, unless somebody already uses it."""
    missing = [name for name in PLOTTING if name not in sys.modules]
    if len(missing) < len(PLOTTING):
        yield
        return
    package, pyplot = (ModuleType(name) for name in PLOTTING)
    package.pyplot = pyplot  # type: ignore[attr-defined]
    sys.modules.update(zip(PLOTTING, (package, pyplot), strict=True))
    try:
        yield
    finally:
        for name in PLOTTING:
            del sys.modules[name]


with _without_plotting():
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

__all__ = ["BaseOptions", "mp", "vision"]
