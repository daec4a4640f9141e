"""Converts I420 images back to RGBA."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from livecam.core.frame import Image
from livecam.media.color import RgbaConverter


def rgba_from_i420(image: Image) -> Image:
    """uint8[h, w, 4] of a BT.709 limited-range picture uint8[h * 3 // 2, w]."""
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), "yuv420p")
    frame.colorspace = Colorspace.ITU709
    frame.color_range = ColorRange.MPEG
    return RgbaConverter(frame.width, frame.height).convert(frame)
