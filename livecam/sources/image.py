"""Repeats a still image as the frames of a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from livecam.config.settings import SourceSettings
from livecam.core.frame import Frame, Image
from livecam.core.language import tr
from livecam.core.timing import Clock
from livecam.media.images import read_image
from livecam.sources.base import SourceInfo


class RepeatedImage:
    """Repeats one image at a constant rate; `make` makes it when the source is opened."""

    def __init__(self, clock: Clock, name: str, make: Callable[[], Image], fps: float) -> None:
        self._clock = clock
        self._name = name
        self._make = make
        self._fps = fps
        self._index = 0

    def open(self) -> SourceInfo:
        self._image = self._make()
        self._next_at = self._clock.now()
        height, width = self._image.shape[:2]
        return SourceInfo(self._name, width, height, self._fps)

    def read(self) -> Frame | None:
        self._clock.sleep(self._next_at - self._clock.now())
        frame = Frame(self._image, self._index, self._next_at)
        self._index += 1
        self._next_at = max(self._next_at + 1 / self._fps, self._clock.now())
        return frame

    def close(self) -> None:
        pass


class ImageFile(RepeatedImage):
    """Repeats the image of a file (PNG, JPEG, WebP and others)."""

    def __init__(self, clock: Clock, path: Path | str, fps: float = 30.0) -> None:
        path = Path(path)
        super().__init__(clock, tr("picture {name}", name=path.name), lambda: read_image(path), fps)

    @classmethod
    def from_settings(cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]) -> Self:
        return cls(clock, Path(settings.source).expanduser(), settings.fps)
