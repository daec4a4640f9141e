"""Reads image files that others wrote; a size that is too large is refused before decoding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import SourceError
from livecam.core.frame import MAX_SIDE_PX, Image, check_size
from livecam.core.image_header import MAX_SCANS, read_image_header
from livecam.core.text_files import read_bytes

MAX_IMAGE_BYTES = 256 << 20
KINDS = "PNG, JPEG, WebP, BMP and TIFF can be read"


def read_image(path: Path) -> Image:
    """Reads an image, upright: uint8[h, w, 4], opaque, read-only.

    Raises:
        SourceError: there is no such file, or it holds no still image of a size that is allowed.
    """
    # IMREAD_COLOR rotates the image by its EXIF orientation.
    bgr = _decoded(path, cv2.IMREAD_COLOR, MAX_SIDE_PX)
    image: Image = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA), np.uint8)
    image.flags.writeable = False
    return image


def read_image_with_alpha(path: Path, max_side: int) -> Image | None:
    """Reads an image with straight alpha: uint8[h, w, 4]; None for one without, or of 16 bits.

    Raises:
        SourceError: as `read_image`; also when a side is longer than `max_side`.
    """
    bgra = _decoded(path, cv2.IMREAD_UNCHANGED, max_side)
    if bgra.dtype != np.uint8 or bgra.ndim != 3 or bgra.shape[2] != 4:
        return None
    return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA), np.uint8)


def read_image_bytes(path: Path, max_side: int = MAX_SIDE_PX) -> bytes:
    """Reads an image file whose header is that of a still image of an allowed size.

    Raises:
        SourceError: as `read_image_with_alpha`.
    """
    data = read_bytes(path, MAX_IMAGE_BYTES, SourceError, "check the name")
    header = read_image_header(data)
    if header is None:
        raise SourceError(
            f"{path} is not a picture that can be read", hint=f"it may be damaged; {KINDS}"
        )
    check_size(str(path), header.width, header.height, max_side)
    if header.animated:
        raise SourceError(
            f"{path} is an animated {header.format}", hint="give a still picture, or a video file"
        )
    if not header.complete:
        raise SourceError(
            f"{path} is cut short: the picture is not complete", hint="copy or export it again"
        )
    if header.scans > MAX_SCANS:
        raise SourceError(
            f"{path} has {header.scans} scans, more than {MAX_SCANS}", hint="save it again"
        )
    return data


def _decoded(path: Path, flags: int, max_side: int) -> NDArray[Any]:
    # Decoded from memory: OpenCV cannot open names in other scripts on Windows.
    data = np.frombuffer(read_image_bytes(path, max_side), np.uint8)
    try:
        decoded = cv2.imdecode(data, flags)
    except (cv2.error, MemoryError):
        decoded = None
    if decoded is None:
        raise SourceError(
            f"{path} is not a picture that can be read", hint=f"it may be damaged; {KINDS}"
        )
    return np.asarray(decoded)
