"""How the pictures of a film are encoded, by container and purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias

import av

from livecam.core.errors import SinkError
from livecam.core.language import tr
from livecam.media.containers import check_container

Effort: TypeAlias = Literal["live", "draft", "good", "best"]

# Encoders in order of preference; x264 is left out of some builds of FFmpeg for its licence.
ENCODERS = ("libx264", "libopenh264", "mpeg4")
QUALITY: dict[str, dict[str, str]] = {
    "live": {"preset": "superfast", "crf": "20"},
    # x264's macroblock tree makes other bytes of the same pictures now and then, even on one
    # thread: its assembly reads what nobody has written. Without it, 18 is as good as 17.
    "draft": {"preset": "superfast", "crf": "18", "mbtree": "0"},
    "good": {"preset": "faster", "crf": "18", "mbtree": "0"},
    "best": {"preset": "slow", "crf": "16", "mbtree": "0"},
}
VP9: dict[str, dict[str, str]] = {
    "live": {"deadline": "realtime", "cpu-used": "8"},
    "draft": {"deadline": "realtime", "cpu-used": "8"},
    "good": {"deadline": "good", "cpu-used": "4"},
    "best": {"deadline": "good", "cpu-used": "2"},
}
BITS_PER_PIXEL = 0.15  # for the encoders that know no constant quality
# Eight films of faces took 0.07 to 0.3 bits a pixel at this quality.
LEAST_BITS_PER_PIXEL = 0.01


@dataclass(frozen=True, slots=True)
class Encoding:
    """Encoder, pixel format and options."""

    encoders: tuple[str, ...]  # in order of preference
    format: str  # of the pixels
    options: Mapping[str, str]  # for the first encoder; the others are given a bit rate
    wants_even: bool = False  # sides; others than the pixel format would ask for it

    @property
    def encoder(self) -> str:
        """The first encoder that this build of FFmpeg has.

        Raises:
            SinkError: it has none of them.
        """
        for name in self.encoders:
            if name in av.codecs_available:
                return name
        raise SinkError(
            "this build of FFmpeg cannot encode {names}",
            hint="choose another ending: .mov or .webm",
            names=tr(" or ").join(self.encoders),
        )

    def stored_size(self, width: int, height: int) -> tuple[int, int]:
        """Returns the size of the stored pictures: even, where players want that."""
        if not self.wants_even:
            return width, height
        return width + width % 2, height + height % 2


def encoding_of(path: Path, effort: Effort, *, alpha: bool) -> Encoding:
    """Returns how pictures are encoded into a file of that name.

    Raises:
        SinkError: it cannot carry alpha.
    """
    if not alpha:  # 4:2:0 alone: telephones, QuickTime and browsers play no other H.264
        return Encoding(ENCODERS, "yuv420p", QUALITY[effort], wants_even=True)
    suffix = path.suffix.lower()
    if suffix == ".webm":
        # Alpha is a second stream beside the first: frames that are never shown would part them.
        options = {"crf": "20", "b": "0", "auto-alt-ref": "0", "row-mt": "1"}
        return Encoding(("libvpx-vp9",), "yuva420p", options | VP9[effort])
    if suffix == ".mov" and effort == "live":
        return Encoding(("qtrle",), "argb", {})  # ProRes takes ten times as long
    if suffix == ".mov":
        options = {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}
        return Encoding(("prores_ks",), "yuva444p10le", options)
    raise SinkError(
        "a {suffix} file cannot carry alpha" if suffix else "a nameless file cannot carry alpha",
        hint="use a name that ends in .mov (ProRes 4444) or .webm (VP9)",
        suffix=suffix,
    )


def check_film_name(path: Path, *, alpha: bool = False) -> None:
    """Refuses a name for a live recording by its suffix.

    Raises:
        SinkError: no container has that suffix, or it cannot carry alpha.
    """
    if alpha:
        encoding_of(path, "live", alpha=True)
    else:
        check_container(path)


def least_bytes(width: int, height: int, frames: int) -> int:
    """Returns the size below which a film of so many frames hardly ever is."""
    return int(width * height * frames * Fraction(LEAST_BITS_PER_PIXEL) / 8)
