"""The search for heads that the tracker misses: when a frame is searched, where, and what stays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from livecam.core.closing import Closing
from livecam.core.frame import Frame, PixelFormat, Rect
from livecam.core.observation import FaceBox, HeadEvidence, Observation
from livecam.people.account import HeadMemory, is_open, is_same_head
from livecam.people.changes import ChangeMemory, stamp_of
from livecam.segmentation.base import Mask, PersonMask
from livecam.segmentation.witness import HeadWitness, WitnessDetector, square_tiles

# How often frames are searched while all heads are explained and nothing is new, and while not.
CALM_HZ, BUSY_HZ = 2.0, 12.0
MAX_MASK_AGE_S = 0.3  # an older person mask is no evidence
SURROUNDINGS = 5.0  # side of the square in which a lost head is searched, in face widths
MAX_CLOSE_LOOKS = 3  # such squares in one search
START_S = 2.0
FIRST_SEARCHES = 3  # until there is evidence: one search misses faces that others find
MAX_HIDDEN_S = 10.0  # so long after a head vanished somebody may come out from behind a person
TIME_TOLERANCE_S = 1e-3


class WitnessSearch(Closing):
    """Searches the frames of observations when it is time. One thread.

    The first search is the most thorough one. Then parts take turns: bodies, and squares in which
    the networks resolve more; what is new in a frame is searched at once. Owns its detector,
    which has the minimum scores of an expected head.
    """

    def __init__(self, detector: WitnessDetector) -> None:
        self._detector = detector
        self._start_anew()

    def _start_anew(self) -> None:
        self._memory, self._changes = HeadMemory(), ChangeMemory()
        self._memory_of_weak = HeadMemory()
        self._began_at = self._searched_at = -math.inf  # the first and the last search
        self._looked_at = -math.inf  # the last comparison with the searched frame
        self._searches = 0
        self._lost = False  # a remembered head was not found again

    def search_when_due(
        self, observation: Observation, person: PersonMask | None
    ) -> HeadEvidence | None:
        """Returns the heads of an observation's frame, or None when it is not searched.

        `person` is the newest person mask.
        """
        frame = observation.frame
        if frame.format is not PixelFormat.RGBA:
            return None
        now = frame.captured_at
        if now < self._searched_at:
            self._start_anew()
        is_first = self._searches < FIRST_SEARCHES
        if not is_first and now - self._looked_at < 1 / BUSY_HZ - TIME_TOLERANCE_S:
            return None
        self._looked_at = now
        stamp = stamp_of(frame.image)
        new = self._changes.regions(stamp, observation)
        is_busy = bool(new) or self._lost or is_open(observation) or self._is_start(now)
        is_due = now - self._searched_at >= 1 / CALM_HZ - TIME_TOLERANCE_S
        if not (is_busy or is_due or is_first):
            return None
        self._searched_at = now
        if self._searches == 0:
            self._began_at = now
        found = self._search(frame, new, is_busy)
        evidence = self._remembered(_evidence(frame, found, new), observation)
        self._lost = bool(self._memory.lost(_boxes_of(found)))
        hidden = now - self._memory.vanished_at < MAX_HIDDEN_S
        scene = self._changes.searched(stamp, observation, hidden)
        if self._searches < FIRST_SEARCHES:
            return None
        visible = tuple((t.id, t.box) for t in observation.tracks if t.face is not None)
        return replace(evidence, person=_mask_of(person, frame), scene=scene, visible=visible)

    def close(self) -> None:
        self._detector.close()

    def _search(self, frame: Frame, new: Sequence[Rect], is_busy: bool) -> list[HeadWitness]:
        found = list(self._detector.detect_faces(frame))
        for part in self._parts(frame, new):
            found += _others(found, self._detector.detect_faces(frame, part))
        if is_busy or self._searches % 2 == 0:
            found += self._detector.detect_poses(frame)
        for box in self._memory.lost(_boxes_of(found))[:MAX_CLOSE_LOOKS]:
            found += _others(found, self._detector.detect_faces(frame, _surroundings(box)))
        self._searches += 1
        return found

    def _remembered(self, evidence: HeadEvidence, observation: Observation) -> HeadEvidence:
        """Returns the evidence with remembered heads.

        At the start everything is new: weak heads of the first searches count for a moment.
        """
        out = self._memory.remember(evidence, observation.tracks)
        if not self._is_start(evidence.at):
            return out
        is_first = self._searches <= FIRST_SEARCHES
        weak = replace(evidence, boxes=evidence.weak if is_first else ())
        new = self._memory_of_weak.remember(weak, observation.tracks)
        return replace(out, boxes=out.boxes + new.boxes)

    def _is_start(self, now: float) -> bool:
        return now - self._began_at < START_S

    def _parts(self, frame: Frame, new: Sequence[Rect]) -> tuple[Rect, ...]:
        """Returns the squares of a frame that are searched this time."""
        tiles = square_tiles(*frame.size)
        if self._searches < FIRST_SEARCHES:
            return tiles
        if new:
            return tuple(_square(region, frame.size) for region in new[:MAX_CLOSE_LOOKS])
        turn, is_turn = divmod(self._searches, 2)
        return (tiles[turn % len(tiles)],) if is_turn else ()


def _evidence(frame: Frame, found: Sequence[HeadWitness], new: Sequence[Rect]) -> HeadEvidence:
    certain, weak = list[FaceBox](), list[FaceBox]()
    for head in found:
        (certain if _is_evidence(head, new) else weak).append(head.box)
    return HeadEvidence(frame.captured_at, frame.size, tuple(certain), tuple(weak))


def _boxes_of(heads: Sequence[HeadWitness]) -> list[FaceBox]:
    """Returns the boxes of heads."""
    return [head.box for head in heads]


def _is_evidence(head: HeadWitness, new: Sequence[Rect]) -> bool:
    """Returns whether a head counts: where something is new, a weak one does, too."""
    x, y, _ = head.box
    return head.is_certain or any(part.x0 <= x < part.x1 and part.y0 <= y < part.y1 for part in new)


def _others(found: Sequence[HeadWitness], heads: Sequence[HeadWitness]) -> list[HeadWitness]:
    """Returns the heads that are not among those found before, with as high a score."""
    return [
        head
        for head in heads
        if not any(
            is_same_head(head.box, known.box) and known.score >= head.score for known in found
        )
    ]


def _surroundings(box: FaceBox) -> Rect:
    x, y, width = (float(v) for v in box)
    half = SURROUNDINGS / 2 * width
    return Rect(int(x - half), int(y - half), int(x + half), int(y + half))


def _square(region: Rect, size: tuple[int, int]) -> Rect:
    """Returns a square around a region, inside a frame of that size where it fits."""
    inside = region.clipped(*size)
    side = min(max(inside.width, inside.height), *size)
    x, y = (
        min(max((low + high - side) // 2, 0), limit - side)
        for low, high, limit in (
            (inside.x0, inside.x1, size[0]),
            (inside.y0, inside.y1, size[1]),
        )
    )
    return Rect(x, y, x + side, y + side)


def _mask_of(person: PersonMask | None, frame: Frame) -> Mask | None:
    """Returns the person mask if it is of the frame's size and about its time."""
    if person is None or person.size != frame.size:
        return None
    return person.mask if abs(frame.captured_at - person.at) <= MAX_MASK_AGE_S else None
