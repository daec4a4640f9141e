"""Writes frames as numbered PNG files into a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Self

import cv2
import numpy as np

from livecam.config.settings import Settings
from livecam.core.errors import SinkError, reason_of
from livecam.core.frame import Frame, PixelFormat
from livecam.core.hidden_file import replaced_file
from livecam.core.language import tr
from livecam.sinks.base import OutputInfo

FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # three times faster than 3, a tenth larger


def numbered(folder: Path) -> list[Path]:
    """Lists the files that a `PngSequence` wrote there; OSError if the folder cannot be read."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if re.fullmatch(r"\d{8}\.png", path.name)]


class PngSequence:
    """Writes one file for each frame: `00000001.png` and on, after the highest number there is.

    With `alpha` the files hold the frame's straight alpha, else they are opaque.
    """

    backlog: ClassVar[int] = 8
    format = PixelFormat.RGBA

    def __init__(self, folder: str | Path, alpha: bool = False) -> None:
        self._folder = Path(folder)
        self._number = 0
        self._order = cv2.COLOR_RGBA2BGRA if alpha else cv2.COLOR_RGBA2BGR
        self._channels = 4 if alpha else 3
        self._bgr = np.empty((0, 0, self._channels), np.uint8)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        alpha = settings.picture.is_alpha
        return cls(Path(settings.sinks.png).expanduser(), alpha=alpha)

    def open(self, info: OutputInfo) -> str:
        """Makes the folder.

        Raises:
            SinkError: it cannot be made.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            there = numbered(self._folder)
        except OSError as err:
            raise SinkError(
                "no pictures can be written into {folder}: {reason}",
                hint="choose a folder of your own with --png",
                folder=self._folder,
                reason=reason_of(err),
            ) from err
        self._number = max((int(path.stem) for path in there), default=0)
        self._bgr = np.empty((info.height, info.width, self._channels), np.uint8)
        return tr("pictures in {folder}", folder=self._folder)

    def send(self, frame: Frame) -> None:
        """Writes one frame; a file under its final name is complete.

        Raises:
            SinkError: the disk is full, or the folder is gone.
        """
        cv2.cvtColor(frame.image, self._order, dst=self._bgr)
        data = cv2.imencode(".png", self._bgr, FAST)[1]
        path = self._folder / f"{self._number + 1:08d}.png"
        try:
            with replaced_file(path) as file:
                file.write(data.data)
        except OSError as err:
            raise SinkError(
                "{path} cannot be written: {reason}", path=path, reason=reason_of(err)
            ) from err
        self._number += 1

    def close(self) -> None:
        pass
