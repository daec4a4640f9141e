"""The clean plate: a background model learned while the person moves about.

A pixel is observed where no person is near it, and averaged over time. Exposure drift is
compensated by a global gain, which also applies to hidden pixels; when the camera itself moves,
the plate is dropped.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.config.paths import user_cache_folder
from livecam.core.errors import reason_of
from livecam.core.frame import Image
from livecam.core.hidden_file import replaced_file
from livecam.core.image_header import read_image_header
from livecam.segmentation.base import Mask, Plate

MAX_FILE_BYTES = 64 << 20  # of a saved plate
MAX_PLATES = 8  # on disk, of as many cameras and sizes

log = logging.getLogger(__name__)

LEARNING_RATE = 0.12  # weight of a new observation of a known pixel
STRIDE = 8  # pixels between the samples that are compared
MIN_SAMPLES = 120  # else nothing can be decided
MAX_DIFFERENCE = 26  # levels: a pixel that differs by more shows something else
CAMERA_MOVED = 0.35  # share of such pixels from which the camera moved
MAX_GAIN = 1.25  # between two updates
MIN_GAIN_CHANGE = 0.003
DARKEST, BRIGHTEST = 12, 243  # between them a ratio of levels measures the exposure
MIN_KNOWN_SHARE = 0.2  # of the frame: less is not worth a file


class CleanPlate:
    """Learns one camera's background. One thread."""

    def __init__(self, width: int, height: int) -> None:
        self._mean = np.zeros((height, width, 3), np.float32)
        self._known = np.zeros((height, width), np.uint8)
        self._rgb = np.empty((height, width, 3), np.uint8)
        self._plate: Plate | None = None
        self._verified = True  # false: read from a file, not yet compared with a frame

    @property
    def size(self) -> tuple[int, int]:
        return self._known.shape[1], self._known.shape[0]

    @property
    def share(self) -> float:
        """The known share of the frame, 0..1."""
        return cv2.countNonZero(self._known) / self._known.size

    def reset(self) -> None:
        """Drops the plate: the camera moved, or the user asked for it."""
        self._known[:] = 0
        self._plate = None
        self._verified = True

    def update(self, image: Image, occupied: Mask) -> None:
        """Updates the model from the free pixels of an image uint8[h, w, 4].

        `occupied` lies on the grid over it: 255 where a person may be.
        """
        free = np.asarray(cv2.bitwise_not(_full_size(occupied, *self.size)), np.uint8)
        cv2.cvtColor(image, cv2.COLOR_RGBA2RGB, dst=self._rgb)
        if not self._matches(free):
            log.info("the background changed: it is learned anew")
            self.reset()
        cv2.accumulateWeighted(
            self._rgb, self._mean, LEARNING_RATE, mask=cv2.bitwise_and(free, self._known)
        )
        new = cv2.bitwise_and(free, cv2.bitwise_not(self._known))
        if cv2.countNonZero(new):
            cv2.accumulateWeighted(self._rgb, self._mean, 1.0, mask=new)
            cv2.bitwise_or(self._known, new, dst=self._known)
        self._plate = None

    def plate(self) -> Plate | None:
        """The plate; None while nothing is known, or a loaded plate is not yet verified."""
        if not self._verified or self.share == 0:
            return None
        if self._plate is None:
            self._plate = Plate(
                np.asarray(cv2.convertScaleAbs(self._mean), np.uint8), self._known.copy()
            )
        return self._plate

    def _matches(self, free: Mask) -> bool:
        """Returns whether the image fits the model, which is first adapted to the exposure."""
        both = (free[::STRIDE, ::STRIDE] & self._known[::STRIDE, ::STRIDE]) > 0
        if np.count_nonzero(both) < MIN_SAMPLES:
            return True
        now = self._rgb[::STRIDE, ::STRIDE][both].astype(np.float32)
        before = self._mean[::STRIDE, ::STRIDE][both]
        gain = _exposure_gain(before, now)
        if np.any(gain > MAX_GAIN) or np.any(gain < 1 / MAX_GAIN):
            return False
        if np.abs(gain - 1).max() > MIN_GAIN_CHANGE:
            self._mean *= gain
            np.minimum(self._mean, 255, out=self._mean)
            before = before * gain
        outliers = np.abs(now - before).max(axis=1) > MAX_DIFFERENCE
        fits = bool(outliers.mean() < CAMERA_MOVED)
        self._verified = self._verified or fits
        return fits

    # --- stored on disk for the next start

    def save(self, camera: str) -> None:
        """Saves the background of a camera to the user's cache, with access for the user alone.

        A plate that is not verified, or hardly known, is not saved.
        """
        plate = self.plate()
        if plate is None or self.share < MIN_KNOWN_SHARE:
            return
        path = _path_of(camera, self.size)
        bgra = cv2.merge((*cv2.split(plate.image)[::-1], plate.known))
        done, data = cv2.imencode(".png", bgra)
        if not done:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced_file(path, mode=0o600) as file:
                file.write(data.tobytes())
            _prune(path.parent)
        except OSError as error:
            log.warning("the background of %s is not kept: %s", camera, reason_of(error))

    def load(self, camera: str) -> None:
        """Loads a saved plate; it is used once a frame has verified it."""
        path = _path_of(camera, self.size)
        if not path.is_file():
            return
        encoded = np.fromfile(path, np.uint8, MAX_FILE_BYTES)
        header = read_image_header(encoded.tobytes())
        if header is None or (header.height, header.width) != self._known.shape:
            return
        bgra = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        if bgra is None or bgra.ndim != 3 or bgra.shape != (*self._known.shape, 4):
            return
        self._mean[:] = bgra[..., 2::-1]
        self._known[:] = np.where(bgra[..., 3] > 127, 255, 0)
        self._plate, self._verified = None, False


def _exposure_gain(before: NDArray[np.float32], now: NDArray[np.float32]) -> NDArray[np.float32]:
    """Computes the gain of each channel between two samples float32[n, 3] of the same pixels."""
    valid = (before > DARKEST).all(axis=1) & (now < BRIGHTEST).all(axis=1)
    if np.count_nonzero(valid) < MIN_SAMPLES // 2:
        return np.ones(3, np.float32)
    return np.asarray(np.median(now[valid] / before[valid], axis=0), np.float32)


def _prune(folder: Path) -> None:
    """Deletes the oldest plates beyond MAX_PLATES."""
    plates = sorted(folder.glob("[!.]*.png"), key=lambda path: path.stat().st_mtime_ns)
    for path in plates[:-MAX_PLATES]:
        path.unlink(missing_ok=True)


def _path_of(camera: str, size: tuple[int, int]) -> Path:
    name = hashlib.sha256(camera.encode()).hexdigest()[:16]
    return user_cache_folder() / "plates" / f"{name}-{size[0]}x{size[1]}.png"


def _full_size(mask: Mask, width: int, height: int) -> NDArray[np.uint8]:
    """Enlarges a mask of the grid to the size of the frame, by nearest neighbour."""
    rows, columns = mask.shape
    cell = -(-width // columns)
    large = cv2.resize(mask, (columns * cell, rows * cell), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(large[:height, :width])
