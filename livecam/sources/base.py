"""Sources of frames: the protocol, the registry, and the smallest source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from livecam.config.settings import SourceSettings
from livecam.core.frame import MAX_SOURCE_PIXELS, Frame, check_size
from livecam.core.language import tr
from livecam.core.registry import Registry
from livecam.core.timing import Clock


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """The name, size and rate that a source granted when it was opened."""

    name: str  # for people: 'camera "Logitech BRIO"', 'video clip.mp4'
    width: int
    height: int
    fps: float

    def __post_init__(self) -> None:
        """Raises SourceError for a size that cannot be drawn."""
        check_size(self.name, self.width, self.height, max_pixels=MAX_SOURCE_PIXELS)


class Source(Protocol):
    """Gives frames, one after the other.

    `open` is called first, then `read` until it returns None (no more will come), then
    `close` exactly once, also when `open` failed; all on one thread. Frames are RGBA,
    `captured_at` never falls. Their size may change, as that of a video file does.
    `read` waits at most one second. Raise `SourceError` when the device is busy, forbidden,
    missing or gone; the caller reopens a live source until it is back.

    A registered class has `from_settings(settings: SourceSettings, clock: Clock, refuse:
    Sequence[str])`, which opens nothing. `settings.source` is the registered name, or a file or
    device (see sources/choose.py); `refuse` names devices that must not be read.
    """

    def open(self) -> SourceInfo: ...

    def read(self) -> Frame | None: ...

    def close(self) -> None: ...


class TestPattern:
    """Colour bars with a moving line: a camera that is always there."""

    __test__ = False  # not a test class, whatever pytest thinks of the name

    def __init__(
        self, clock: Clock, width: int = 1280, height: int = 720, fps: float = 30.0
    ) -> None:
        self._clock = clock
        self._info = SourceInfo(tr("test pattern"), width, height, fps)
        self._index = 0
        self._next_at = 0.0

    @classmethod
    def from_settings(cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]) -> Self:
        return cls(clock, settings.width, settings.height, settings.fps)

    def open(self) -> SourceInfo:
        bars = np.array(
            [
                (192, 192, 192), (192, 192, 0), (0, 192, 192), (0, 192, 0),
                (192, 0, 192), (192, 0, 0), (0, 0, 192),
            ],
            np.uint8,
        )  # fmt: skip
        width, height = self._info.width, self._info.height
        self._image = np.full((height, width, 4), 255, np.uint8)
        self._image[..., :3] = bars[np.arange(width) * len(bars) // width]
        self._next_at = self._clock.now()
        return self._info

    def read(self) -> Frame | None:
        self._clock.sleep(self._next_at - self._clock.now())
        image = self._image.copy()
        image[:, (self._index * 4) % self._info.width, :3] = 255
        frame = Frame(image, self._index, self._next_at)
        self._index += 1
        self._next_at += 1 / self._info.fps
        return frame

    def close(self) -> None:
        pass


SOURCES: Registry[[SourceSettings, Clock, Sequence[str]], Source] = Registry(
    "source",
    {
        "webcam": "livecam.sources.webcam:Webcam",
        "video": "livecam.sources.video:VideoFile",
        "image": "livecam.sources.image:ImageFile",
        "sample": "livecam.sources.sample:Sample",
        "sample-four": "livecam.sources.sample:FourPeople",
        "blank": "livecam.sources.blank:BlankCard",
        "pattern": "livecam.sources.base:TestPattern",
    },
)
