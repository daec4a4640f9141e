"""Reads the size of an image from the first bytes of its file, without decoding it.

PNG (W3C PNG 3), JPEG (ITU-T T.81, annex B), WebP (RFC 9649), BMP and TIFF (TIFF 6.0).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

PNG_END = b"IEND\xaeB`\x82"
JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # start of frame, all processes
JPEG_SCAN, JPEG_END = b"\xff\xda", b"\xff\xd9"
MAX_SCANS = 100  # of a progressive JPEG; each is decoded over the whole image
TIFF_TYPES = {3: "H", 4: "I"}  # SHORT, LONG
TIFF_WIDTH, TIFF_HEIGHT, TIFF_TILE_WIDTH, TIFF_TILE_HEIGHT = 256, 257, 322, 323
MAX_CHUNKS = 4096  # that are looked through before the image begins


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The metadata of an image file. Of a tiled TIFF, the larger one of image and tile."""

    format: str
    width: int
    height: int
    animated: bool = False
    complete: bool = True  # False: the file ends before the image does
    scans: int = 1


def read_image_header(data: bytes) -> ImageHeader | None:
    """Returns the header of an image file; None for another kind of file, or a broken header."""
    for magic, read in _READERS:
        if data.startswith(magic):
            try:
                return read(data)
            except (struct.error, IndexError, StopIteration, KeyError):
                return None
    return None


def _png(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from(">II", data, 16)
    animated = any(kind == b"acTL" for kind in _png_chunks(data))
    return ImageHeader("PNG", width, height, animated, PNG_END in data)


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """Yields the types of the chunks before the image."""
    at = 8
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            return
        yield kind
        at += 12 + length


def _jpeg(data: bytes) -> ImageHeader:
    at = 2
    for _ in range(MAX_CHUNKS):
        if data[at] != 0xFF:  # decoders skip such bytes, and would find another header
            raise IndexError("no marker")
        while data[at] == 0xFF:  # fill bytes are allowed before a marker
            at += 1
        marker = data[at]
        if marker < 0xC0 or 0xD0 <= marker <= 0xDA:  # no segment that stands before a frame
            raise IndexError("no frame begins")
        (length,) = struct.unpack_from(">H", data, at + 1)
        if marker in JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 4)
            scans = data.count(JPEG_SCAN, at)
            complete = scans > 0 and data.rfind(JPEG_END) > data.find(JPEG_SCAN, at)
            return ImageHeader("JPEG", width, height, complete=complete, scans=scans)
        at += 1 + length
    raise IndexError("no frame begins")


def _webp(data: bytes) -> ImageHeader:
    size, form, kind = struct.unpack_from("<4xI4s4s", data)
    if form != b"WEBP":
        raise KeyError(form)
    complete = len(data) >= size + 8
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return ImageHeader("WebP", width, height, bool(data[20] & 2), complete)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    return ImageHeader("WebP", width, height, complete=complete)


def _bmp(data: bytes) -> ImageHeader:
    (header_size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_size == 12 else "<ii", data, 18)
    return ImageHeader("BMP", abs(width), abs(height))


def _tiff(data: bytes) -> ImageHeader:
    order = "<" if data.startswith(b"II") else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    found: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, _ = struct.unpack_from(order + "HHI", data, entry)
        if tag in (TIFF_WIDTH, TIFF_HEIGHT, TIFF_TILE_WIDTH, TIFF_TILE_HEIGHT):
            (value,) = struct.unpack_from(order + TIFF_TYPES[kind], data, entry + 8)
            found[tag] = max(value, found.get(tag, 0))
    width = max(found[TIFF_WIDTH], found.get(TIFF_TILE_WIDTH, 0))
    return ImageHeader("TIFF", width, max(found[TIFF_HEIGHT], found.get(TIFF_TILE_HEIGHT, 0)))


_READERS: tuple[tuple[bytes, Callable[[bytes], ImageHeader]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"RIFF", _webp),
    (b"BM", _bmp),
    (b"II*\0", _tiff),
    (b"MM\0*", _tiff),
)
