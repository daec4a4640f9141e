"""Makes small films of any shape, clock and container, as other programs write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.frame import VideoFrame

from livecam.core.frame import Frame, Image
from livecam.media.reader import VideoReader

RATE = 25
BITSTREAMS = {"crf": "4", "g": "10", "bf": "2"}


def encoded(
    path: Path,
    images: Sequence[Image],
    *,
    codec: str = "libx264",
    options: Mapping[str, str] = BITSTREAMS,
    container: Mapping[str, str] | None = None,
    format: str = "yuv420p",
    starts: int = 0,
    ticks: Sequence[int] | None = None,
    last: int = 1,
    aspect: Fraction | None = None,
    full_range: bool = False,
    transfer: int = 1,
    metadata: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> Path:
    """Writes images uint8[h, w, 3 or 4] as a film of 25 frames a second.

    `starts` is the time of the first frame, `last` the duration of the last one, `ticks` the
    times of all from there: in frames.
    """
    height, width = images[0].shape[:2]
    base = Fraction(1, RATE)
    if path.suffix == ".ts":  # else the reordering of the encoder would move the first part alone
        container = {"avoid_negative_ts": "disabled"} | dict(container or {})
    with av.open(path, "w", options=dict(container or {}), metadata_encoding=encoding) as film:
        film.metadata.update(metadata or {})
        stream = film.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, format
        context = stream.codec_context
        context.options = dict(options)
        context.flags |= Flags.frame_duration
        context.time_base = stream.time_base = base
        context.colorspace, context.color_range = 1, 2 if full_range else 1
        context.color_trc = transfer
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        for index, (image, at) in enumerate(zip(images, ticks or range(len(images)), strict=True)):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(image[..., :3]), "rgb24")
            frame = frame.reformat(
                format=format,
                src_color_range=2,
                dst_color_range=2 if full_range else 1,
                dst_colorspace=1,
            )
            frame.pts, frame.time_base = at, base
            frame.duration = last if index == len(images) - 1 else 1
            _mux(film, stream.encode(frame), starts)
        _mux(film, stream.encode(None), starts)
    return path


def _mux(film: av.container.OutputContainer, packets: Iterable[av.Packet], starts: int) -> None:
    for packet in packets:
        shift = round(starts / RATE / packet.time_base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        film.mux(packet)


def joined(path: Path, parts: Sequence[Path]) -> Path:
    """Joins MPEG-TS files: the properties of their streams change inside the result."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def disc(width: int, height: int, aspect: float = 1.0) -> Image:
    """A white disc on black, as seen through pixels of that aspect."""
    image = np.zeros((height, width, 4), np.uint8)
    image[..., 3] = 255
    radius = 0.35 * min(width * aspect, height)
    axes = (round(radius / aspect), round(radius))
    cv2.ellipse(image, (width // 2, height // 2), axes, 0, 0, 360, (255, 255, 255, 255), -1)
    return image


def roundness(image: Image) -> float:
    """Width over height of a disc."""
    inside = image[..., 0] > 127
    return float(inside.any(axis=0).sum() / inside.any(axis=1).sum())


def frames_of(path: Path, **options: int) -> list[Frame]:
    with VideoReader(path, **options) as reader:
        return list(reader)
