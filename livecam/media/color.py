"""Colour conversion by swscale: RGBA to BT.709 I420 and back, and any decoded frame to RGBA.

Unlike OpenCV's conversion (BT.601, chroma from one pixel of four) this uses the BT.709 matrix in
limited range and averages each 2x2 block, as video calls and streaming sites expect. Images with
alpha are prepared for it.
"""

from __future__ import annotations

from typing import Final

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from livecam.core.frame import Image, Rect
from livecam.kernels.planes import BT601 as BT601_WEIGHTS
from livecam.kernels.planes import BT709 as BT709_WEIGHTS
from livecam.kernels.planes import i420

# AVColorSpace of a stream that does not say which matrix it uses (ITU-T H.273, code point 2).
UNSPECIFIED_MATRIX: Final = 2
BT601: Final = int(Colorspace.ITU601)
MAX_SD_HEIGHT: Final = 576  # players assume BT.601 for untagged video up to here, BT.709 above

BLEED_PX: Final = 9  # width of the blur that spreads colours beyond an edge, for half-size chroma
NO_ALPHA: Final = np.array([[0]], np.float64)

HDR_TRANSFERS: Final = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
WIDE_PRIMARIES: Final = (ColorPrimaries.BT2020, ColorPrimaries.SMPTE431, ColorPrimaries.SMPTE432)


class I420Converter:
    """Converts RGBA images of one size to I420, limited range; the size must be even.

    The matrix is BT.709, as everywhere in the pipeline, unless the sink wants BT.601. Any thread
    may call it.
    """

    def __init__(self, width: int, height: int, matrix: int = Colorspace.ITU709) -> None:
        if width % 2 or height % 2:
            raise ValueError(f"I420 needs even sides, not {width}x{height}")
        self._size = (width, height)
        self._weights = BT601_WEIGHTS if matrix == Colorspace.ITU601 else BT709_WEIGHTS

    def convert(self, image: Image, out: Image | None = None) -> Image:
        """Converts an RGBA image uint8[h, w, 4] to uint8[h * 3 // 2, w], in `out` when given."""
        width, height = self._size
        if image.shape != (height, width, 4):
            raise ValueError(f"expected uint8[{height}, {width}, 4], got {image.shape}")
        if out is None:
            out = np.empty((height * 3 // 2, width), np.uint8)
        i420(np.ascontiguousarray(image), out, self._weights)
        return out


def i420_frame(
    scaler: VideoReformatter,
    image: Image,
    format: str = "yuv420p",
    matrix: int = Colorspace.ITU709,
) -> VideoFrame:
    """Makes a PyAV frame in limited range of an RGBA image uint8[h, w, 4]."""
    return scaler.reformat(
        VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), "rgba"),
        format=format,
        interpolation=Interpolation.AREA,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        dst_colorspace=matrix,
        threads=1,
    )


def bleed_colours(image: Image) -> Image:
    """Spreads the colours of the opaque part to where alpha is 0: uint8[h, w, 4].

    Else half-size chroma, and the encoder's own softness, would mix the edge with black.
    """
    height, width = image.shape[:2]
    x, y, across, down = cv2.boundingRect(cv2.extractChannel(image, 3))
    place = Rect(x, y, x + across, y + down).grown(BLEED_PX).clipped(width, height).slices
    bled, part = image.copy(), image[place]
    alpha = cv2.extractChannel(part, 3)
    weight = cv2.merge((alpha, alpha, alpha, np.full_like(alpha, 255)))
    # Red, green and blue times alpha, and alpha itself: their means give the mean colour.
    mean = cv2.blur(cv2.multiply(part, weight, dtype=cv2.CV_32F), (BLEED_PX, BLEED_PX))
    counted = np.maximum(cv2.extractChannel(mean, 3), 1)
    spread = cv2.multiply(mean, cv2.merge((255 / counted,) * 4), dtype=cv2.CV_8U)
    empty = cv2.inRange(alpha, NO_ALPHA, NO_ALPHA)
    cv2.copyTo(spread, empty, bled[place])
    bled[place][..., 3] = alpha
    return bled


class RgbaConverter:
    """Converts decoded frames to opaque RGBA of one size, in sRGB or BT.709 colours.

    Frames of another size are scaled. Matrix and range come from each frame; PQ and HLG are
    tone-mapped and wide primaries mapped to BT.709 by swscale's perceptual intent (ITU-R BT.2408:
    reference white becomes white). The first such frame takes about two seconds, while swscale
    fills its table.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._scaler = VideoReformatter()

    def convert(self, frame: av.VideoFrame) -> Image:
        """Converts a frame to uint8[h, w, 4], C-contiguous, read-only."""
        width, height = self._size
        tone_mapped = is_hdr(frame)
        same_size = (frame.width, frame.height) == self._size
        wide = tone_mapped or frame.color_primaries in WIDE_PRIMARIES
        converted = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgba",
            src_colorspace=_matrix_of(frame),
            interpolation=Interpolation.BILINEAR if same_size else Interpolation.BICUBIC,
            dst_color_range=ColorRange.JPEG,
            dst_color_trc=_transfer_after(frame, tone_mapped) if wide else None,
            dst_color_primaries=ColorPrimaries.BT709 if wide else None,
            threads=1,
        )
        image = _rgba_array(converted)
        if any(component.is_alpha for component in frame.format.components):
            image = image.copy()
            image[..., 3] = 255
        image.flags.writeable = False
        return image


def is_hdr(frame: VideoFrame) -> bool:
    """Returns whether a frame has the transfer function of PQ or HLG."""
    return frame.color_trc in HDR_TRANSFERS


def _matrix_of(frame: VideoFrame) -> int | None:
    """Returns the matrix to assume when the frame names none; None leaves the frame's own."""
    if frame.colorspace != UNSPECIFIED_MATRIX:
        return None
    large = frame.height > MAX_SD_HEIGHT
    return Colorspace.ITU709 if large else Colorspace.ITU601


def _transfer_after(frame: VideoFrame, tone_mapped: bool) -> int | None:
    """Returns the output's transfer function: sRGB for HDR; only wide colours keep their own."""
    if tone_mapped:
        return ColorTrc.IEC61966_2_1
    return frame.color_trc if frame.color_trc != ColorTrc.UNSPECIFIED else None


def _rgba_array(frame: VideoFrame) -> Image:
    """Returns the pixels of an RGBA frame: a view if the rows have no padding, else a copy."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    rows = rows[: frame.height, : frame.width * 4]
    return np.ascontiguousarray(rows).reshape(frame.height, frame.width, 4)
