"""Publishes pictures that carry the time, reads them back, and tells how late they came."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Frame, Image, PixelFormat
from livecam.core.timing import Clock
from livecam.sinks.base import OutputInfo, Sink

BITS = 16  # milliseconds: 65 s before they start over
BLACK, WHITE, GREY = 16, 235, 128  # limited range
READER_STOPS_S = 2.0


class Reader(Protocol):
    """Reads a device like a program that shows a camera; `read` gives grey pictures."""

    def read(self) -> NDArray[np.uint8] | None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Echo:
    """What came back."""

    device: str
    sent: int
    seen: int  # pictures with a readable time
    delay_ms: float  # median, from sent to read; 0 when nothing was seen


def stamped(width: int, height: int, milliseconds: int) -> Image:
    """An I420 picture with the time as black and white blocks, and below it their opposite."""
    image: Image = np.full((height * 3 // 2, width), GREY, np.uint8)
    for bit in range(BITS):
        columns = slice(bit * width // BITS, (bit + 1) * width // BITS)
        set_ = bool(milliseconds >> bit & 1)
        image[: height // 2, columns] = WHITE if set_ else BLACK
        image[height // 2 : height, columns] = BLACK if set_ else WHITE
    return image


def read_stamp(grey: NDArray[np.uint8]) -> int | None:
    """The time in a grey picture uint8[h, w] of any size; None when it carries none."""
    height, width = grey.shape
    centres = (2 * np.arange(BITS) + 1) * width // (2 * BITS)
    upper = grey[height // 4, centres].astype(int)
    lower = grey[height * 3 // 4, centres].astype(int)
    if np.abs(upper - lower).min() < (WHITE - BLACK) // 2:
        return None
    return int(((upper > lower) * (1 << np.arange(BITS))).sum())


def measure_echo(
    sink: Sink,
    open_reader: Callable[[], Reader],
    info: OutputInfo,
    clock: Clock,
    pictures: int = 45,
) -> Echo:
    """Sends pictures at the rate of `info` and reads them back on a thread of its own.

    Raises:
        SinkError: the device cannot be opened or takes no pictures.
    """
    seen = _Seen(open_reader, clock)
    try:
        device = sink.open(info)
        for index in range(pictures):
            now = clock.now()
            image = stamped(info.width, info.height, _milliseconds(now))
            sink.send(Frame(image, index, now, PixelFormat.I420))
            if index == 0:
                seen.start()  # some devices can be read only once there is a picture
            clock.sleep(now + 1 / info.fps - clock.now())
        delays_ms = seen.stop()
    finally:
        sink.close()
    delay_ms = float(statistics.median(delays_ms)) if delays_ms else 0.0
    return Echo(device, pictures, len(delays_ms), delay_ms)


class DeviceReader:
    """A camera read through OpenCV, as most programs written in Python do."""

    def __init__(self, device: str) -> None:
        import cv2

        self._cv2 = cv2
        self._capture: Any = cv2.VideoCapture(device)

    def read(self) -> NDArray[np.uint8] | None:
        good, image = self._capture.read()
        return self._cv2.cvtColor(image, self._cv2.COLOR_BGR2GRAY) if good else None

    def close(self) -> None:
        self._capture.release()


class _Seen:
    """The reading thread; its list is read once it has ended or was given up."""

    def __init__(self, open_reader: Callable[[], Reader], clock: Clock) -> None:
        self._open_reader = open_reader
        self._clock = clock
        self._stopping = threading.Event()
        self._delays_ms: list[int] = []
        # A driver may keep a read waiting for ten seconds; the process must not wait with it.
        self._thread = threading.Thread(target=self._run, name="echo", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> list[int]:
        self._stopping.set()
        self._thread.join(READER_STOPS_S)
        return list(self._delays_ms)

    def _run(self) -> None:
        reader = self._open_reader()
        try:
            while not self._stopping.is_set():
                grey = reader.read()
                if grey is None:
                    return
                sent = read_stamp(grey)
                if sent is not None:
                    now = _milliseconds(self._clock.now())
                    self._delays_ms.append((now - sent) % (1 << BITS))
        finally:
            reader.close()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000) % (1 << BITS)
