"""Crops the composite to the published size: fit, fill, or follow the face."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from livecam.core.frame import Frame, Image, PixelFormat

Mode = Literal["fit", "fill", "follow"]
FOLLOW_TIME_S = 0.6  # time constant of the crop
FOLLOW_START = 0.10  # of the crop's size: a smaller movement does not start it moving
FOLLOW_STOP = 0.01  # of the crop's size: nearer, it stops
FACE_HEIGHT = 0.42  # of the face in a followed crop, from the top


class Framing:
    """Maps composited frames to the published size. Keeps the position of the crop.

    Runs after compositing: tracking uses the whole camera image, and no crop loses the face.
    """

    def __init__(
        self,
        width: int,
        height: int,
        mode: Mode = "fill",
        mirror: bool = False,
        *,
        bars_alpha: int = 255,
    ) -> None:
        self.width, self.height = width, height
        self.mode = mode
        self.mirror = mirror
        self._bars_alpha = bars_alpha  # of what "fit" leaves free: black, or transparent
        self._center: tuple[float, float] | None = None
        self._last_at: float | None = None
        self._last_size: tuple[int, int] | None = None  # of the composited frames
        self._moving = False

    def apply(self, frame: Frame, face_center: tuple[float, float] | None = None) -> Frame:
        """Returns the frame in the published size; the same object if nothing changes.

        `face_center` is that of the tracked face in pixels of `frame`, if there is one.
        """
        self._fit_to(frame.size)
        image = frame.image
        if frame.size != (self.width, self.height):
            image = self._fit(image) if self.mode == "fit" else self._crop(frame, face_center)
        if self.mirror:
            image = np.asarray(cv2.flip(image, 1), np.uint8)
        if image is frame.image:
            return frame
        return Frame(np.ascontiguousarray(image), frame.index, frame.captured_at, PixelFormat.RGBA)

    def follows(self, size: tuple[int, int]) -> bool:
        """Returns whether frames of that size are cropped around the face."""
        return self.mode == "follow" and size != (self.width, self.height)

    def _fit_to(self, size: tuple[int, int]) -> None:
        """Keeps the crop where it is when the camera changes its size."""
        before, self._last_size = self._last_size, size
        if before not in (None, size) and self._center is not None:
            assert before is not None
            x, y = self._center
            self._center = (x * size[0] / before[0], y * size[1] / before[1])

    def _fit(self, image: Image) -> Image:
        height, width = image.shape[:2]
        scale = min(self.width / width, self.height / height)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        out = np.zeros((self.height, self.width, 4), np.uint8)
        out[..., 3] = self._bars_alpha
        x, y = (self.width - inner[0]) // 2, (self.height - inner[1]) // 2
        out[y : y + inner[1], x : x + inner[0]] = _resize(image, *inner)
        return out

    def _crop(self, frame: Frame, face_center: tuple[float, float] | None) -> Image:
        scale = max(self.width / frame.width, self.height / frame.height)
        crop_width, crop_height = self.width / scale, self.height / scale
        center_x, center_y = frame.width / 2, frame.height / 2
        if self.mode == "follow":
            center_x, center_y = self._follow(frame, face_center, crop_width, crop_height)
        x = round(min(max(center_x - crop_width / 2, 0), frame.width - crop_width))
        y = round(min(max(center_y - crop_height / 2, 0), frame.height - crop_height))
        part = frame.image[y : y + max(1, round(crop_height)), x : x + max(1, round(crop_width))]
        return _resize(part, self.width, self.height)

    def _follow(
        self, frame: Frame, face: tuple[float, float] | None, crop_width: float, crop_height: float
    ) -> tuple[float, float]:
        if face is None:
            self._last_at = None
            return self._center or (frame.width / 2, frame.height / 2)
        wanted = np.array((face[0], face[1] + (0.5 - FACE_HEIGHT) * crop_height))
        if self._center is None or self._last_at is None:
            self._center = self._center or (float(wanted[0]), float(wanted[1]))
        else:
            away = wanted - self._center
            far = float(np.abs(away / (crop_width, crop_height)).max())
            self._moving = far > (FOLLOW_STOP if self._moving else FOLLOW_START)
            if self._moving:
                dt = max(0.0, frame.captured_at - self._last_at)
                step = away * (1 - np.exp(-dt / FOLLOW_TIME_S))
                self._center = (self._center[0] + float(step[0]), self._center[1] + float(step[1]))
        self._last_at = frame.captured_at
        return self._center


def _resize(image: Image, width: int, height: int) -> Image:
    if image.shape[1] == width and image.shape[0] == height:
        return image
    shrinking = image.shape[1] > width
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)
