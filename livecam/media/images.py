"""Reads image files that others wrote, and writes single frames.

A size that is too large is refused before decoding.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import SinkError, SourceError
from livecam.core.frame import MAX_SIDE_PX, Image, check_size
from livecam.core.hidden_file import HiddenFile
from livecam.core.image_header import MAX_SCANS, read_image_header
from livecam.core.language import to_translate, tr
from livecam.core.text_files import read_bytes

MAX_IMAGE_BYTES = 256 << 20
JPEG_QUALITY = 95
THUMBNAIL_QUALITY = 82
CHECKS = (235, 200)  # of the board behind a thumbnail with alpha, 0 to 255
CHECK_PX = 8
KINDS = to_translate("PNG, JPEG, WebP, BMP and TIFF can be read")


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
            "{path} is not a picture that can be read",
            hint="it may be damaged; {kinds}",
            path=path,
            kinds=tr(KINDS),
        )
    check_size(str(path), header.width, header.height, max_side)
    if header.animated:
        raise SourceError(
            "{path} is an animated {format}",
            hint="give a still picture, or a video file",
            path=path,
            format=header.format,
        )
    if not header.complete:
        raise SourceError(
            "{path} is cut short: the picture is not complete",
            hint="copy or export it again",
            path=path,
        )
    if header.scans > MAX_SCANS:
        raise SourceError(
            "{path} has {scans} scans, more than {max_scans}",
            hint="save it again",
            path=path, scans=header.scans, max_scans=MAX_SCANS,
        )  # fmt: skip
    return data


def write_image(path: Path, image: Image, *, alpha: bool = False, force: bool = False) -> Path:
    """Writes an RGBA image as a PNG or JPEG, as a whole; returns its path.

    Args:
        path: ends in .png, .jpg or .jpeg; a file of that name is kept.
        image: uint8[h, w, 4].
        alpha: keep its straight alpha, in a PNG.
        force: replace a file of that name.

    Raises:
        SinkError: there is such a file, or it cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in (".png", ".jpg", ".jpeg"):
        raise SinkError(
            "{path} is neither .png nor .jpg", hint="give the file one of these ends", path=path
        )
    if not force and os.path.lexists(path):
        raise SinkError(
            "{path} exists already", hint="choose another name, or pass --force", path=path
        )
    bgr = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA if alpha else cv2.COLOR_RGBA2BGR)
    quality = [] if kind == ".png" else [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    data = cv2.imencode(kind, bgr, quality)[1]
    try:
        return _written(path, data.tobytes(), force)
    except OSError as err:
        raise SinkError(
            "{path} cannot be written: {reason}",
            hint="choose a folder that exists and may be written",
            path=path,
            reason=err.strerror or err,
        ) from err


def jpeg_thumbnail(image: Image, side_px: int) -> tuple[bytes, int, int]:
    """Shrinks an RGBA image until its longer side fits; returns a JPEG file, width and height.

    What is transparent shows a checkerboard.
    """
    height, width = image.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    opaque = image if (image[..., 3] == 255).all() else _on_checkerboard(image, 1 / scale)
    small = cv2.resize(opaque[..., :3], size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])[1]
    return data.tobytes(), *size


def _on_checkerboard(image: Image, scale: float) -> Image:
    side = CHECK_PX * scale
    rows, columns = (np.arange(length) // side for length in image.shape[:2])
    is_dark = (rows[:, None] + columns) % 2 == 1
    board = np.where(is_dark, *reversed(CHECKS)).astype(np.float32)[..., None]
    alpha = image[..., 3:].astype(np.float32) / 255
    return np.rint(board + alpha * (image[..., :3] - board)).astype(np.uint8)


def _written(path: Path, data: bytes, force: bool) -> Path:
    file = HiddenFile(path)
    try:
        with file.opened() as stream:
            stream.write(data)
        return file.commit(keep_existing=not force)
    except BaseException:
        file.discard()
        raise


def _decoded(path: Path, flags: int, max_side: int) -> NDArray[Any]:
    # Decoded from memory: OpenCV cannot open names in other scripts on Windows.
    data = np.frombuffer(read_image_bytes(path, max_side), np.uint8)
    try:
        decoded = cv2.imdecode(data, flags)
    except (cv2.error, MemoryError):
        decoded = None
    if decoded is None:
        raise SourceError(
            "{path} is not a picture that can be read",
            hint="it may be damaged; {kinds}",
            path=path,
            kinds=tr(KINDS),
        )
    return np.asarray(decoded)
