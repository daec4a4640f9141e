"""The clean plate: the background without the person, learned while the person moves about.

A pixel is taken where nobody is near it. Where it was seen before it is averaged; where the
exposure drifts, what is hidden drifts with what is seen; when the camera itself moves, everything
is forgotten.
"""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.config.paths import user_cache_folder
from livecam.core.frame import Image
from livecam.segmentation.base import Mask, Plate

log = logging.getLogger(__name__)

AVERAGE = 0.12  # of a new look at a pixel that is known
STEP = 8  # pixels between those that are compared
FEWEST = 120  # of them, else nothing can be told
OTHER = 26  # levels: a pixel that differs by more shows something else
MOVED = 0.35  # share of such pixels when the camera moved
MOST_GAIN = 1.25  # of one look to the next
LEAST_GAIN = 0.003
DARKEST, BRIGHTEST = 12, 243  # between them a ratio tells the exposure


class CleanPlate:
    """Learns one camera's background. One thread."""

    def __init__(self, width: int, height: int) -> None:
        self._sum = np.zeros((height, width, 3), np.float32)
        self._known = np.zeros((height, width), np.uint8)
        self._rgb = np.empty((height, width, 3), np.uint8)
        self._plate: Plate | None = None
        self._proven = True  # false: read from a file, not yet held against the picture

    @property
    def size(self) -> tuple[int, int]:
        return self._known.shape[1], self._known.shape[0]

    @property
    def share(self) -> float:
        """How much of the picture is known, 0..1."""
        return cv2.countNonZero(self._known) / self._known.size

    def forget(self) -> None:
        """The camera moved, or the user wants to begin anew."""
        self._known[:] = 0
        self._plate = None
        self._proven = True

    def see(self, image: Image, busy: Mask) -> None:
        """Takes in a picture uint8[h, w, 4] where nobody is near.

        `busy` lies on the grid over it: 255 where somebody may be.
        """
        free = np.asarray(cv2.bitwise_not(_full(busy, *self.size)), np.uint8)
        cv2.cvtColor(image, cv2.COLOR_RGBA2RGB, dst=self._rgb)
        if not self._agrees(free):
            log.info("the background changed: it is learned anew")
            self.forget()
        cv2.accumulateWeighted(
            self._rgb, self._sum, AVERAGE, mask=cv2.bitwise_and(free, self._known)
        )
        new = cv2.bitwise_and(free, cv2.bitwise_not(self._known))
        if cv2.countNonZero(new):
            cv2.copyTo(self._rgb.astype(np.float32), new, self._sum)
            cv2.bitwise_or(self._known, new, dst=self._known)
        self._plate = None

    def plate(self) -> Plate | None:
        """What is known; None when nothing is, or when it was not yet held against the picture."""
        if not self._proven or self.share == 0:
            return None
        if self._plate is None:
            self._plate = Plate(
                np.asarray(cv2.convertScaleAbs(self._sum), np.uint8), self._known.copy()
            )
        return self._plate

    def _agrees(self, free: Mask) -> bool:
        """Whether what is seen now fits what is known; follows the exposure on the way."""
        both = (free[::STEP, ::STEP] & self._known[::STEP, ::STEP]) > 0
        if np.count_nonzero(both) < FEWEST:
            return True
        now = self._rgb[::STEP, ::STEP][both].astype(np.float32)
        before = self._sum[::STEP, ::STEP][both]
        tells = (before > DARKEST).all(axis=1) & (now < BRIGHTEST).all(axis=1)
        gain = np.ones(3, np.float32)
        if np.count_nonzero(tells) >= FEWEST // 2:
            gain = np.median(now[tells] / before[tells], axis=0).astype(np.float32)
        if np.any(gain > MOST_GAIN) or np.any(gain < 1 / MOST_GAIN):
            return False
        if np.abs(gain - 1).max() > LEAST_GAIN:
            self._sum *= gain
            np.minimum(self._sum, 255, out=self._sum)
            before = before * gain
        others = np.abs(now - before).max(axis=1) > OTHER
        fits = bool(others.mean() < MOVED)
        self._proven = self._proven or fits
        return fits

    # --- kept on this machine, for the next start

    def save(self, camera: str) -> None:
        """Keeps what is known of a camera's background in the user's cache, readable by nobody
        else. What was never proven or hardly anything is not kept."""
        plate = self.plate()
        if plate is None or self.share < 0.2:
            return
        path = _path_of(camera, self.size)
        bgra = cv2.merge((*cv2.split(plate.image)[::-1], plate.known))
        done, data = cv2.imencode(".png", bgra)
        if not done:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            hidden = path.with_suffix(".new")
            with open(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data.tobytes())
            os.replace(hidden, path)
        except OSError as error:
            log.warning("the background of %s is not kept: %s", camera, error.strerror)

    def load(self, camera: str) -> None:
        """Takes what was kept; it is used once a picture has agreed with it."""
        path = _path_of(camera, self.size)
        if not path.is_file():
            return
        bgra = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if bgra is None or bgra.ndim != 3 or bgra.shape != (*self._known.shape, 4):
            return
        self._sum[:] = bgra[..., 2::-1]
        self._known[:] = np.where(bgra[..., 3] > 127, 255, 0)
        self._plate, self._proven = None, False


def _path_of(camera: str, size: tuple[int, int]) -> Path:
    name = hashlib.sha256(camera.encode()).hexdigest()[:16]
    return user_cache_folder() / "plates" / f"{name}-{size[0]}x{size[1]}.png"


def _full(mask: Mask, width: int, height: int) -> NDArray[np.uint8]:
    """A mask of the grid at the size of the picture, whole cells."""
    rows, columns = mask.shape
    cell = -(-width // columns)
    large = cv2.resize(mask, (columns * cell, rows * cell), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(large[:height, :width])
