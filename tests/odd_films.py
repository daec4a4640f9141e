"""Makes odd and damaged films from a seed: codecs, sizes, rates, clocks, sound, flipped bits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from livecam.core.frame import Image, Rect

# Containers, and what encoders write into them.
CONTAINERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    ".mp4": (("libx264", "mpeg4", "mjpeg"), ("aac", "libmp3lame", "alac", "flac")),
    ".mov": (("libx264", "prores_ks", "qtrle", "mjpeg", "png"), ("pcm_s16le", "aac", "pcm_mulaw")),
    ".mkv": (
        ("libx264", "ffv1", "libvpx", "mpeg2video", "mjpeg"),
        ("libopus", "flac", "ac3"),
    ),
    ".webm": (("libvpx", "libvpx-vp9"), ("libopus",)),
    ".avi": (("mpeg4", "mjpeg", "rawvideo", "msmpeg4v2"), ("pcm_u8", "pcm_s16le", "adpcm_ms")),
    ".ts": (("libx264", "mpeg2video"), ("aac", "mp2")),
    ".mpg": (("mpeg1video", "mpeg2video"), ("mp2",)),
    ".flv": (("flv", "libx264"), ("aac", "libmp3lame")),
    ".wmv": (("wmv2", "wmv1"), ("wmav2",)),
    ".gif": (("gif",), ()),
    ".3gp": (("h263", "mpeg4"), ("aac",)),
}
FORMATS = {
    "libx264": ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gray"),
    "ffv1": ("yuv420p", "bgra"),
    "prores_ks": ("yuv422p10le", "yuva444p10le"), "qtrle": ("argb", "rgb24"), "gif": ("rgb8",),
    "mjpeg": ("yuvj420p", "yuvj444p"), "png": ("rgba", "gray"), "huffyuv": ("yuv422p", "rgb24"),
    "rawvideo": ("yuv420p", "bgr24"), "libvpx": ("yuv420p", "yuva420p"),
}  # fmt: skip
SIDES = (16, 33, 64, 95, 120, 161, 192, 352)
# Longer ones are searched in many squares.
SIZES = [(x, y) for x in SIDES for y in SIDES if max(x, y) <= 3 * min(x, y)]
RATES = (Fraction(1), Fraction(5), Fraction(24000, 1001), Fraction(25), Fraction(60), Fraction(240))
SOUND_RATES = (8_000, 22_050, 44_100, 48_000)
LAYOUTS = ("mono", "stereo", "5.1")
STEREO_AT_MOST = ("mp2", "adpcm_ms", "wmav2", "libmp3lame")
FACE = Rect(115, 20, 335, 240)  # of the portrait, with its surroundings
DAMAGES = ("none", "none", "cut", "bits", "hole", "tail")


def odd_film(folder: Path, seed: int, face: Image) -> Path | None:
    """Writes the film of that seed; None where this build of FFmpeg cannot encode it."""
    chance = random.Random(seed)
    suffix = chance.choice(list(CONTAINERS))
    path = folder / f"{seed}{suffix}"
    try:
        _write(path, chance, face)
    except (av.FFmpegError, ValueError, OSError):
        path.unlink(missing_ok=True)
        return None
    path.write_bytes(damaged(path.read_bytes(), chance))
    return path


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Returns the content of a file with one kind of damage, or with none."""
    changed, at = bytearray(data), chance.randrange(max(1, len(data)))
    match chance.choice(DAMAGES):
        case "cut":
            del changed[at:]
        case "bits":
            for _ in range(chance.choice((1, 8, 64))):
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        case "hole":
            end = min(len(changed), at + chance.randrange(1, 4096))
            changed[at:end] = bytes(end - at)
        case "tail":
            changed += chance.randbytes(chance.randrange(1, 4096))
    return bytes(changed)


def _write(path: Path, chance: random.Random, face: Image) -> None:
    codecs, sounds = CONTAINERS[path.suffix]
    codec = chance.choice(codecs)
    rate = chance.choice(RATES)
    size = chance.choice(SIZES)
    if codec == "h263":
        size = (176, 144)
    images = _images(chance, face, size)
    with av.open(str(path), "w") as film:
        if chance.random() < 0.2:
            film.metadata["title"] = chance.choice(("标题", "<b>&", "a" * 300, "\x1b[31m"))
        video = film.add_stream(codec, rate=rate)
        video.width, video.height = size
        video.pix_fmt = chance.choice(FORMATS.get(codec, ("yuv420p",)))
        if chance.random() < 0.2:
            video.codec_context.sample_aspect_ratio = Fraction(chance.choice((1, 2, 16)), 9)
        sound = _sound(film, chance, sounds)
        ticks = _ticks(chance, len(images), rate, video.codec_context.time_base or 1 / rate)
        for image, pts in zip(images, ticks, strict=True):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(image[..., :3]), "rgb24")
            frame = frame.reformat(format=video.pix_fmt)
            frame.pts, frame.time_base = pts, 1 / rate
            with suppress(ValueError):  # a time that the container cannot hold
                film.mux(video.encode(frame))
        film.mux(video.encode(None))
        if sound is not None:
            _play(film, sound, chance.choice((0.1, 1.0)))


def _images(chance: random.Random, face: Image, size: tuple[int, int]) -> list[Image]:
    """Returns the frames of a film; most show a face that is found at the first look.

    Where none is, every frame is searched in all ways, which takes longer than all else.
    """
    shown = _near(face, size)
    kinds = {"face": shown, "upside down": shown[::-1], "nothing": np.full_like(shown, 90)}
    (kind,) = chance.choices(list(kinds), (12, 1, 1))
    return [np.roll(kinds[kind], 2 * index, axis=1) for index in range(chance.choice((1, 2, 3)))]


def _near(face: Image, size: tuple[int, int]) -> Image:
    """Fills a frame with a face in its true proportions."""
    width, height = size
    side = min(size)
    out = np.full((height, width, face.shape[2]), 120, np.uint8)
    x, y = (width - side) // 2, (height - side) // 2
    near = face[FACE.slices]
    out[y : y + side, x : x + side] = cv2.resize(near, (side, side), interpolation=cv2.INTER_AREA)
    return out


def _ticks(chance: random.Random, count: int, rate: Fraction, time_base: Fraction) -> Sequence[int]:
    """Returns the times of the frames, in periods of the rate: even, late, with a gap, at once."""
    even = list(range(count))
    late = [100_000 + index for index in even]
    gap = [index + (50 if index > count // 2 else 0) for index in even]
    return chance.choice((even, even, late, gap, [0] * count))


def _sound(
    film: av.container.OutputContainer, chance: random.Random, codecs: Sequence[str]
) -> av.audio.stream.AudioStream | None:
    if not codecs or chance.random() < 0.3:
        return None
    codec = chance.choice(codecs)
    rate = 8_000 if codec == "pcm_mulaw" else chance.choice(SOUND_RATES)
    layout = chance.choice(
        LAYOUTS[: 2 if codec in ("mp2", "adpcm_ms", "wmav2", "libmp3lame") else 3]
    )
    return film.add_stream(codec, rate=48_000 if codec == "libopus" else rate, layout=layout)


def _play(
    film: av.container.OutputContainer, track: av.audio.stream.AudioStream, seconds: float
) -> None:
    context = track.codec_context
    samples = context.frame_size or 1024
    kind = context.format.name
    for at in range(0, round(seconds * context.sample_rate), samples):
        frame = AudioFrame(kind, context.layout.name, samples)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = (
            context.sample_rate, at, Fraction(1, context.sample_rate),
        )  # fmt: skip
        film.mux(track.encode(frame))
    film.mux(track.encode(None))
