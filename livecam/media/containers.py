"""The containers of films: what each can hold, and what of it their players take.

FFmpeg writes Vorbis or PCM into an MP4, and few players beside its own find them there; so what
is copied into MP4 and QuickTime is what players are known to take. Matroska's take all it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av

from livecam.core.errors import SinkError

WRITABLE = (".mp4", ".m4v", ".mov", ".mkv")  # containers of H.264 and any sound
WRITABLE_ALPHA = (".mov", ".webm")  # containers of alpha that editors and browsers read

PLAYED_IN_MP4 = frozenset(("aac", "mp3", "ac3", "eac3", "alac"))
LINEAR_PCM = frozenset(
    f"pcm_{kind}{end}"
    for kind in ("s16", "s24", "s32", "f32", "f64")
    for end in ("le", "be")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Container:
    """What is copied into a container, and what the rest is encoded to."""

    encoder: str = "aac"  # of sound that is not copied
    sound: frozenset[str] | None = None  # codecs that are copied; None: all that it holds
    subtitle_encoder: str = "srt"  # of text that is not copied
    hides_before_start: bool = False  # an edit list leaves out what is stored before 0
    fonts: bool = False  # holds the fonts of its subtitles
    format: str | None = None  # by FFmpeg's name, where the suffix does not choose it


_MP4 = Container(
    sound=PLAYED_IN_MP4, subtitle_encoder="mov_text", hides_before_start=True, format="mp4"
)
_MOV = Container(
    sound=PLAYED_IN_MP4 | LINEAR_PCM, subtitle_encoder="mov_text", hides_before_start=True
)
_CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,  # FFmpeg's own choice would be the older one of iPods, which holds no MP3
    ".mov": _MOV,
    ".mkv": Container(fonts=True),
    ".webm": Container("libopus", frozenset(("opus", "vorbis")), "webvtt"),
}


def container_of(path: Path) -> Container:
    """Returns the container that the suffix of a name chooses."""
    return _CONTAINERS.get(path.suffix.lower(), Container())


def is_mp4(path: Path) -> bool:
    """Returns whether the container is MP4 or QuickTime, which are one family."""
    return container_of(path).hides_before_start


@cache
def held_codecs(suffix: str) -> frozenset[str]:
    """Returns the names of all codecs that FFmpeg can write into files of that suffix."""
    path = Path("a" + suffix)
    check_container(path)
    with av.open(str(path), "w", format=container_of(path).format) as container:  # no file is made
        return frozenset(container.supported_codecs)


def check_container(path: Path) -> None:
    """Refuses a name that no container of films has.

    Raises:
        SinkError: its suffix is unknown.
    """
    suffix = path.suffix.lower()
    formats = map(av.ContainerFormat, av.formats_available)
    if not suffix or not any(suffix[1:] in f.extensions for f in formats if f.is_output):
        raise SinkError(
            "{path} is no film that can be written",
            hint="use a name that ends in .mp4 or .mkv",
            path=path,
        )
