"""Keeps small pictures of a film for its report, while the film is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from livecam.convert.frame_kinds import FilmPart, FrameKind
from livecam.core.frame import Image
from livecam.media.images import jpeg_thumbnail

ReportPictures = Literal["after", "both"]
REPORT_PICTURES: tuple[ReportPictures, ...] = ("after", "both")
SIDE_PX = 320  # the longer one: sharp on a telephone, some 10 kB
PHOTO_SIDE_PX = 800
MOST, FEWEST = 12, 4  # of one film
MOST_OF_ALL = 600  # so that a report of many films can be opened and sent


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One moment of a film, as small JPEG files."""

    at_s: float
    kind: FrameKind
    width: int  # pixels, of the result's
    height: int
    after: bytes
    before: bytes = b""  # shows the real face; empty unless it was asked for


@dataclass(slots=True)
class FilmRecord:
    """What the report shows of one film; `take` is called with each frame that is written."""

    size: tuple[int, int]  # width and height, pixels
    parts: list[FilmPart]
    chosen: frozenset[int]  # the frames to show
    pictures: ReportPictures = "after"
    side_px: int = SIDE_PX
    tier: str = ""
    quality: str = ""
    thumbnails: list[Thumbnail] = field(default_factory=list)

    @property
    def sure(self) -> float | None:
        """The share of the frames with avatars in which every face was measured."""
        worn = self.frames_of(FrameKind.AVATAR, FrameKind.FOLLOWED, FrameKind.HELD)
        return self.frames_of(FrameKind.AVATAR) / worn if worn else None

    def frames_of(self, *kinds: FrameKind) -> int:
        """Counts the frames of some kinds."""
        return sum(len(each.frames) for each in self.parts if each.kind in kinds)

    def seconds_of(self, kind: FrameKind) -> float:
        """Returns how long frames of a kind are shown."""
        return sum(each.end_s - each.start_s for each in self.parts if each.kind is kind)

    def take(self, index: int, at_s: float, before: Image, after: Image) -> None:
        """Keeps a frame if it is one of those to show; RGBA, uint8[h, w, 4]."""
        if index not in self.chosen:
            return
        data, width, height = jpeg_thumbnail(after, self.side_px)
        real = jpeg_thumbnail(before, self.side_px)[0] if self.pictures == "both" else b""
        kind = next(each.kind for each in self.parts if index in each.frames)
        self.thumbnails.append(Thumbnail(at_s, kind, width, height, data, real))


def pictures_each(films: int) -> int:
    """Returns how many pictures each of so many films gets."""
    return max(FEWEST, min(MOST, MOST_OF_ALL // films))


def chosen_frames(
    times: NDArray[np.float64], end_s: float, parts: Sequence[FilmPart], count: int
) -> frozenset[int]:
    """Chooses frames evenly in time, and of each kind not among them one of its longest part."""
    moments = (np.arange(count) + 0.5) / count * end_s
    last = len(times) - 1
    even = np.clip(np.searchsorted(times, moments, side="right") - 1, 0, last).tolist()
    longest: dict[FrameKind, FilmPart] = {}
    for part in sorted(parts, key=lambda each: len(each.frames)):
        longest[part.kind] = part
    seen = {part.kind for part in parts for index in even if index in part.frames}
    rare = (part.frames for kind, part in longest.items() if kind not in seen)
    return frozenset((*even, *(frames[len(frames) // 2] for frames in rare)))
