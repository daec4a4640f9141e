"""Repeats a still image as the frames of a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from livecam.config.settings import SourceSettings
from livecam.core.errors import SourceError
from livecam.core.frame import Frame, Image
from livecam.core.timing import Clock
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
        super().__init__(clock, f"picture {path.name}", lambda: read_image(path), fps)

    @classmethod
    def from_settings(cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]) -> Self:
        return cls(clock, Path(settings.source).expanduser(), settings.fps)


def read_image(path: Path) -> Image:
    """Reads an image, upright: uint8[h, w, 4], opaque, read-only.

    Raises:
        SourceError: there is no such file, or it holds no image.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror})", "check the name") from error
    # Decoded from memory: OpenCV cannot open names in other scripts on Windows. IMREAD_COLOR
    # rotates the image by its EXIF orientation.
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if bgr is None:
        raise SourceError(
            f"{path} is not a picture that can be read",
            hint="it may be damaged; PNG, JPEG, WebP, BMP and TIFF can be read",
        )
    image: Image = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA), np.uint8)
    image.flags.writeable = False
    return image
