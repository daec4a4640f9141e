"""What each frame of a converted film shows, in the words of its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from livecam.convert.plan import ShotPlan
from livecam.convert.survey import Survey
from livecam.core.language import to_translate
from livecam.pipeline.states import Shown


class FrameKind(IntEnum):
    """What a frame shows; a higher one is the more worth a look."""

    AVATAR = 0  # on faces that were measured
    FOLLOWED = 1  # a face was found by other means there
    HELD = 2  # nothing was found there: the place is a guess
    COVERED = 3
    BLURRED = 4
    PASSED = 5

    @property
    def words(self) -> str:
        """What it means, in English."""
        return WORDS[self]


WORDS = {
    FrameKind.AVATAR: to_translate("avatar, face measured"),
    FrameKind.FOLLOWED: to_translate("avatar, face followed"),
    FrameKind.HELD: to_translate("avatar held, no face found"),
    FrameKind.COVERED: to_translate("covered as a whole"),
    FrameKind.BLURRED: to_translate("blurred as a whole"),
    FrameKind.PASSED: to_translate("passed through"),
}
WITHOUT_AVATAR = {
    Shown.CURTAIN: FrameKind.COVERED,
    Shown.BLUR: FrameKind.BLURRED,
    Shown.PASSTHROUGH: FrameKind.PASSED,
}
Kinds = NDArray[np.int8]  # int8[n], a `FrameKind` for every frame


@dataclass(frozen=True, slots=True)
class FilmPart:
    """Frames of one kind, one after the other."""

    kind: FrameKind
    frames: range
    start_s: float
    end_s: float


def frame_kinds(count: int, plans: Sequence[ShotPlan], *, bare: bool = False) -> Kinds:
    """Returns the kind of each of so many frames; of several avatars, the least sure one counts.

    `bare` films have effects and no avatar: their faces show, as their user asked.
    """
    kinds = np.full(count, FrameKind.PASSED if bare else FrameKind.AVATAR, np.int8)
    for plan in plans:
        part = kinds[plan.frames.start : plan.frames.stop]
        if plan.state in WITHOUT_AVATAR:
            part[:] = WITHOUT_AVATAR[plan.state]
        for span in plan.spans:
            worn = kinds[span.frames.start : span.frames.stop]
            found = np.where(span.measured, FrameKind.AVATAR, FrameKind.FOLLOWED)
            np.maximum(worn, np.where(span.guessed, FrameKind.HELD, found), out=worn)
    return kinds


def film_parts(kinds: Kinds, found: Survey) -> list[FilmPart]:
    """Splits a film into stretches of one kind, in order."""
    return list(_parts(kinds, found))


def _parts(kinds: Kinds, found: Survey) -> Iterator[FilmPart]:
    changes = (np.flatnonzero(np.diff(kinds)) + 1).tolist()
    ends = [*found.times.tolist(), found.end_s]
    for start, stop in zip([0, *changes], [*changes, len(kinds)], strict=True):
        kind = FrameKind(int(kinds[start]))
        yield FilmPart(kind, range(start, stop), ends[start], max(ends[start], ends[stop]))


def clock(seconds: float) -> str:
    """Returns a time of a film: "1:04.5"."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
