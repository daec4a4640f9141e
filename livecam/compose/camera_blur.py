"""Blurs a rendered head like the camera: defocus and motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.camera_model import CameraModel
from livecam.core.frame import Image

RENDER_PX = 0.65  # blur of a head as it is rendered
MIN_BLUR_PX = 0.3
SHUTTER = 0.5  # of a frame
MIN_STREAK_PX, MAX_STREAK_PX = 1.5, 8.0


@dataclass(frozen=True, slots=True)
class CameraBlur:
    """The blur that a rendered head needs to match the camera."""

    blur_px: float = 0.0  # standard deviation of a Gaussian
    streak_px: tuple[float, float] = (0.0, 0.0)  # its motion while the shutter is open


SHARP = CameraBlur()


def camera_blur(
    model: CameraModel,
    velocity_px: tuple[float, float] = (0.0, 0.0),
    strength: float = 1.0,
) -> CameraBlur:
    """Computes the blur of a head that moves by `velocity_px` a frame, x right, y down."""
    missing = strength * float(np.sqrt(max(model.edge_px**2 - RENDER_PX**2, 0)))
    speed = float(np.hypot(*velocity_px))
    length = strength * min(SHUTTER * speed, MAX_STREAK_PX)
    visible = length >= MIN_STREAK_PX
    across, down = (length / speed * v if visible else 0.0 for v in velocity_px)
    return CameraBlur(missing if missing > MIN_BLUR_PX else 0.0, (across, down))


def apply_blur(head: Image, blur: CameraBlur) -> Image:
    """Returns a blurred copy of a head uint8[h, w, 4], premultiplied."""
    if blur.blur_px:
        head = np.asarray(cv2.GaussianBlur(head, (0, 0), blur.blur_px), np.uint8)
    kernel = motion_kernel(blur.streak_px)
    if kernel is not None:
        head = np.asarray(cv2.filter2D(head, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)
    return head


def motion_kernel(streak_px: tuple[float, float]) -> NDArray[np.float32] | None:
    """Makes the kernel of a motion blur, float32[k, k] of sum 1; None without motion."""
    length = float(np.hypot(*streak_px))
    if length == 0:
        return None
    half = int(np.ceil(length / 2))
    along = (np.arange(8 * half) + 0.5) / (8 * half) - 0.5
    points = along[:, None] * np.array(streak_px)
    cells = np.arange(-half, half + 1)
    near = np.maximum(0, 1 - np.abs(points[:, :, None] - cells))  # [points, x and y, cells]
    kernel = np.einsum("px,py->yx", near[:, 0], near[:, 1])
    return np.asarray(kernel / kernel.sum(), np.float32)
