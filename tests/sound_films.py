"""Films with sound, subtitles, chapters and tags of every kind, written by PyAV alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from av.subtitles.subtitle import SubtitleSet
from numpy.typing import NDArray

RATE = 48_000
SIZE = (64, 48)
MS = Fraction(1, 1000)
ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
\0"""  # noqa: E501


@dataclass(frozen=True)
class Sound:
    """A track with 20 ms of a tone every 0.1 s, from `begins_s` to `ends_s`."""

    codec: str = "aac"
    layout: str = "stereo"
    rate: int = RATE
    begins_s: float = 0.0
    ends_s: float = 1.0
    tags: dict[str, str] = field(default_factory=dict)
    disposition: int = 0


@dataclass(frozen=True)
class Text:
    """A track of subtitles: when each is shown, for 0.2 s."""

    codec: str = "srt"
    at_ms: Sequence[int] = (200, 600)
    tags: dict[str, str] = field(default_factory=dict)
    disposition: int = 0


def clicks(sound: Sound) -> NDArray[np.float32]:
    """Samples float32[channels, n] of a track."""
    channels = av.AudioLayout(sound.layout).nb_channels
    at = np.arange(round(sound.begins_s * sound.rate), round(sound.ends_s * sound.rate))
    wave = 0.8 * np.sin(2 * np.pi * 3000 * at / sound.rate)
    wave[(at % (sound.rate // 10)) >= sound.rate // 50] = 0
    return np.repeat(wave[None].astype(np.float32), channels, 0)


def write_film(
    path: Path,
    sounds: Sequence[Sound] = (),
    texts: Sequence[Text] = (),
    *,
    tags: dict[str, str] | None = None,
    chapters: Sequence[tuple[int, int, str]] = (),
    begins_s: float = 0.0,
    codec: str = "libx264",
    metadata_encoding: str = "utf-8",
    fonts: Sequence[str] = (),
    size: tuple[int, int] = SIZE,
) -> Path:
    """A film of 25 pictures in a second, the first shown at `begins_s`."""
    with av.open(str(path), "w", metadata_encoding=metadata_encoding) as film:
        pictures: Any = film.add_stream(codec, rate=25)
        pictures.width, pictures.height = size
        pictures.pix_fmt = "yuv420p"
        tracks = [_add_sound(film, each) for each in sounds]
        lines = [_add_text(film, each) for each in texts]
        for name in fonts:
            film.add_attachment(name, "font/ttf", b"\0\1\0\0 a font")
        film.metadata.update(tags or {})
        film.set_chapters([
            {"id": i + 1, "start": a, "end": b, "time_base": MS, "metadata": {"title": title}}
            for i, (a, b, title) in enumerate(chapters)
        ])  # fmt: skip
        packets = [p for n in range(25) for p in pictures.encode(_picture(n, begins_s, size))]
        packets += pictures.encode(None)
        for sound, track in zip(sounds, tracks, strict=True):
            packets += _encoded(sound, track)
        for text, line in zip(texts, lines, strict=True):
            packets += _spoken(text, line)
        for packet in sorted(packets, key=lambda p: (p.dts or 0) * p.time_base):
            film.mux(packet)
    return path


def _picture(number: int, begins_s: float, size: tuple[int, int]) -> av.VideoFrame:
    image = np.full((size[1], size[0], 3), 60 + 5 * number, np.uint8)
    frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = number + round(begins_s * 25), Fraction(1, 25)
    return frame


def _add_sound(film: Any, sound: Sound) -> Any:
    options = {"strict": "experimental"} if sound.codec == "vorbis" else {}
    track = film.add_stream(sound.codec, rate=sound.rate, options=options)
    track.codec_context.layout = sound.layout
    if sound.codec == "wmav2":  # which knows no rate of its own
        track.bit_rate = 128_000
    track.metadata.update(sound.tags)
    track.disposition = Disposition(sound.disposition)
    return track


def _encoded(sound: Sound, track: Any) -> list[Any]:
    samples = clicks(sound)
    frame = av.AudioFrame.from_ndarray(samples, "fltp", sound.layout)
    frame.sample_rate = sound.rate
    frame.pts, frame.time_base = round(sound.begins_s * sound.rate), Fraction(1, sound.rate)
    cutter = av.AudioResampler(
        track.codec_context.format, sound.layout, sound.rate, frame_size=1024
    )
    parts = [*cutter.resample(frame), *cutter.resample(None)]
    return [p for part in [*parts, None] for p in track.encode(part)]


def _add_text(film: Any, text: Text) -> Any:
    line = film.add_stream(text.codec)
    line.time_base = line.codec_context.time_base = MS
    line.codec_context.subtitle_header = ASS_HEADER
    line.metadata.update(text.tags)
    line.disposition = Disposition(text.disposition)
    return line


def _spoken(text: Text, line: Any) -> list[Any]:
    packets = []
    for at_ms in text.at_ms:
        words = f"0,0,Default,,0,0,0,,你好 {at_ms}".encode()
        packet = line.codec_context.encode_subtitle(SubtitleSet.create(words, 0, 200, at_ms))
        packet.stream, packet.time_base = line, MS
        packet.pts = packet.dts = at_ms
        packet.duration = 200
        packets.append(packet)
    return packets


def heard(path: Path, track: int = 0) -> NDArray[np.float32]:
    """The first channel of a sound track, float32[n] at 48 kHz; index 0 is time 0 of the film."""
    out = np.zeros(RATE * 30, np.float32)
    with av.open(str(path)) as film:
        stream = film.streams.audio[track]
        resampler = av.AudioResampler("fltp", "mono", RATE)
        end = 0
        for frame in film.decode(stream):
            assert isinstance(frame, av.AudioFrame)
            start = end
            if frame.pts is not None and frame.time_base is not None:
                start = round(frame.pts * frame.time_base * RATE)
            frame.pts = None
            for part in resampler.resample(frame):
                samples = part.to_ndarray()[0]
                place = slice(max(start, 0), max(start + len(samples), 0))
                out[place] = samples[len(samples) - (place.stop - place.start) :]
                start += len(samples)
                end = max(end, place.stop)
    return out[:end]


def click_times(samples: NDArray[np.float32]) -> list[float]:
    """When clicks begin, in seconds."""
    loud = np.abs(samples) > 0.25
    starts = np.flatnonzero(loud & ~np.concatenate(([False], loud[:-1])))
    kept: list[int] = []
    for at in starts:
        if not kept or at - kept[-1] > RATE // 20:
            kept.append(int(at))
    return [at / RATE for at in kept]
