"""Measures a virtual camera: sends frames stamped with the time, and reads them back."""

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

BITS = 16  # of milliseconds, which wrap after 65 s
BLACK, WHITE, GREY = 16, 235, 128  # limited range
READER_STOPS_S = 2.0


class EchoReader(Protocol):
    """Reads grey images from a device, as a program that shows a camera does."""

    def read(self) -> NDArray[np.uint8] | None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Echo:
    """Number and latency of the frames that were read back."""

    device: str
    sent: int
    received: int  # frames with a readable time
    latency_ms: float  # median, from sent to read; 0 when none was received


def stamped(width: int, height: int, milliseconds: int) -> Image:
    """Returns an I420 image with the time as black and white blocks above their complement."""
    image: Image = np.full((height * 3 // 2, width), GREY, np.uint8)
    for bit in range(BITS):
        columns = slice(bit * width // BITS, (bit + 1) * width // BITS)
        set_ = bool(milliseconds >> bit & 1)
        image[: height // 2, columns] = WHITE if set_ else BLACK
        image[height // 2 : height, columns] = BLACK if set_ else WHITE
    return image


def read_stamp(grey: NDArray[np.uint8]) -> int | None:
    """Returns the time in a grey image uint8[h, w] of any size, or None."""
    height, width = grey.shape
    centres = (2 * np.arange(BITS) + 1) * width // (2 * BITS)
    upper = grey[height // 4, centres].astype(int)
    lower = grey[height * 3 // 4, centres].astype(int)
    if np.abs(upper - lower).min() < (WHITE - BLACK) // 2:
        return None
    return int(((upper > lower) * (1 << np.arange(BITS))).sum())


def measure_echo(
    sink: Sink,
    open_reader: Callable[[], EchoReader],
    info: OutputInfo,
    clock: Clock,
    frames: int = 45,
) -> Echo:
    """Sends frames at the rate of `info` and reads them back on another thread.

    Raises:
        SinkError: the device cannot be opened or accepts no frames.
    """
    echoes = _EchoThread(open_reader, clock)
    try:
        device = sink.open(info)
        for index in range(frames):
            now = clock.now()
            image = stamped(info.width, info.height, _milliseconds(now))
            sink.send(Frame(image, index, now, PixelFormat.I420))
            if index == 0:
                echoes.start()  # some devices can be read only once there is a frame
            clock.sleep(now + 1 / info.fps - clock.now())
    finally:
        latencies_ms = echoes.stop()
        sink.close()
    latency_ms = float(statistics.median(latencies_ms)) if latencies_ms else 0.0
    return Echo(device, frames, len(latencies_ms), latency_ms)


class DeviceReader:
    """Reads a camera through OpenCV, as most programs written in Python do."""

    def __init__(self, device: str) -> None:
        import cv2

        self._cv2 = cv2
        self._capture: Any = cv2.VideoCapture(device)

    def read(self) -> NDArray[np.uint8] | None:
        good, image = self._capture.read()
        return self._cv2.cvtColor(image, self._cv2.COLOR_BGR2GRAY) if good else None

    def close(self) -> None:
        self._capture.release()


class _EchoThread:
    """The reading thread; its list is read once it has ended or was given up."""

    def __init__(self, open_reader: Callable[[], EchoReader], clock: Clock) -> None:
        self._open_reader = open_reader
        self._clock = clock
        self._stopping = threading.Event()
        self._latencies_ms: list[int] = []
        # A driver may keep a read waiting for ten seconds; the process must not wait with it.
        self._thread = threading.Thread(target=self._run, name="echo", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> list[int]:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(READER_STOPS_S)
        return list(self._latencies_ms)

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
                    self._latencies_ms.append((now - sent) % (1 << BITS))
        finally:
            reader.close()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000) % (1 << BITS)
