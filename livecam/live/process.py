"""Sets what the whole process shares, before any thread starts."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

import cv2

# The default of 5 ms makes a 60 Hz loop beside bursts of Python late by 8.6 ms (p99); this, 4.4.
SWITCH_INTERVAL_S = 0.001
# Knobs of glibc's malloc (malloc.h) and what they are set to.
M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1
MALLOC_KNOBS = ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, 32 << 20), (M_TRIM_THRESHOLD, 256 << 20))


def prepare_process() -> None:
    """Sets switch interval, OpenCV's threads and malloc for live work.

    Frames are allocated on one thread and freed on another: glibc's arena per thread left
    0.4 MB a second behind. One arena that keeps its memory stays flat.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    cv2.setNumThreads(1)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library has no such knobs
            library = ctypes.CDLL(None)
            for knob, value in MALLOC_KNOBS:
                library.mallopt(knob, value)
