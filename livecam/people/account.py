"""The account of a frame: all persons in it, also those whose face was not detected.

A face that was not detected may still be there. Other detectors (witnesses) find
heads in profile, behind masks, small ones and those of strangers; the account compares these
heads with the tracks. A head that no track explains is covered. A missing track stays on the
account until the witnesses searched its place several times in vain, or until it left the frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from livecam.core.observation import FaceBox, HeadEvidence, Observation, Track
from livecam.people.association import distance, growth

MIN_ABSENCES = 12  # results without a trace at the place of a missing track, until it is gone
MIN_ABSENT_S = 1.5  # and so long after its last detection: a board may hide a whole person
MAX_PRESENCE_DISTANCE, MAX_PRESENCE_GROWTH = 1.3, 0.8  # of a head found there, in face widths; log
MAX_EXPLAINED_DISTANCE, MAX_EXPLAINED_GROWTH = 0.8, 0.9  # of a head that is that of a track
MIN_PERSON = 0.3  # share of the place that the person mask covers while a person is there
BODY_WIDTHS, HEAD_WIDTHS = 1.6, 1.2  # of a visible person, beside and above the face's centre
HEAD_MEMORY_S = 0.5  # how long an unexplained head stays that is found no longer
BLIND_ABSENCE = 0.25  # weight of a result whose person mask cannot show whether a person is there


class HeadMemory:
    """Remembers unexplained heads, as detectors find one head in some frames and not in others.

    Where such a head was, a weak score is evidence enough, and it stays for a while without any.
    """

    def __init__(self) -> None:
        self._heads: list[tuple[FaceBox, float]] = []  # with the time of the last evidence
        self.vanished_at = -math.inf  # when a head was found last that is remembered no longer

    def lost(self, found: Sequence[FaceBox]) -> list[FaceBox]:
        """Returns the remembered heads that are not among those found."""
        return [head for head, _ in self._heads if not any(_is_near_place(b, head) for b in found)]

    def remember(self, evidence: HeadEvidence, tracks: Sequence[Track]) -> HeadEvidence:
        """Returns the evidence with the remembered heads; `tracks` are those of its frame."""
        old = [(box, at) for box, at in self._heads if 0 <= evidence.at - at <= HEAD_MEMORY_S]
        again = tuple(
            box for box in evidence.weak if any(_is_near_place(box, head) for head, _ in old)
        )
        found = (*evidence.boxes, *again)
        lost = [(head, at) for head, at in old if not any(_is_near_place(b, head) for b in found)]
        forgotten = [at for _, at in self._heads if not 0 <= evidence.at - at <= HEAD_MEMORY_S]
        self.vanished_at = max((self.vanished_at, *forgotten))
        out = replace(evidence, boxes=(*found, *(head for head, _ in lost)))
        times = [evidence.at] * len(found) + [at for _, at in lost]
        open_heads = {id(box) for box in unexplained(tracks, out)}
        self._heads = [
            (box, at) for box, at in zip(out.boxes, times, strict=True) if id(box) in open_heads
        ]
        return out


def with_evidence(
    tracks: Sequence[Track], evidence: HeadEvidence | None, since: float, now: float
) -> list[Track]:
    """Counts for every missing track the results in which nothing was found at its place.

    `since` is the time of the last evidence that was counted.
    """
    if evidence is None or evidence.at <= since:
        return list(tracks)
    return [
        track if track.face is not None else _counted(track, tracks, evidence, now)
        for track in tracks
    ]


def is_gone(track: Track, now: float, size: tuple[int, int]) -> bool:
    """Returns whether a missing track has certainly left: it is out of the frame, or absent."""
    if track.face is not None:
        return False
    x, y, width = track.motion.predicted(now)
    if not (-width / 2 < x < size[0] + width / 2 and -width / 2 < y < size[1] + width / 2):
        return True
    return track.absences >= MIN_ABSENCES and now - track.motion.detected_at >= MIN_ABSENT_S


def unexplained(tracks: Sequence[Track], evidence: HeadEvidence | None) -> tuple[FaceBox, ...]:
    """Returns the heads that witnesses found and no visible track explains.

    Old evidence counts until there is newer: a late witness is no proof that a head left. A head
    that was a track's when it was found is not left behind when that track moves on.
    """
    if evidence is None:
        return ()
    now = {track.id: track.box for track in tracks if track.face is not None}
    visible = [*now.values(), *(box for track_id, box in evidence.visible if track_id in now)]
    return tuple(
        box for box in evidence.boxes if not any(is_same_head(box, known) for known in visible)
    )


def known_heads(observation: Observation) -> tuple[FaceBox, ...] | None:
    """Returns where all heads of a frame are; None while one is missing and may be anywhere."""
    if is_open(observation):
        return None
    visible = [track.box for track in observation.tracks if track.face is not None]
    return (*visible, *observation.unexplained)


def is_same_head(box: FaceBox, known: FaceBox) -> bool:
    """Returns whether a head that a witness found is a known one."""
    return _near(box, known, MAX_EXPLAINED_DISTANCE, MAX_EXPLAINED_GROWTH)


def is_at_place(box: FaceBox, track: Track, now: float) -> bool:
    """Returns whether a head that a witness found may be that of a missing track."""
    return _is_near_place(box, track.motion.predicted(now))


def is_open(observation: Observation) -> bool:
    """Returns whether somebody is missing, so that the witnesses are needed soon."""
    return any(track.may_be_there for track in observation.tracks)


def _counted(track: Track, tracks: Sequence[Track], evidence: HeadEvidence, now: float) -> Track:
    if evidence.at <= track.motion.detected_at:
        return track
    place = track.motion.predicted(now)
    visible = [each.box for each in tracks if each.face is not None]
    if _has_head(place, visible, evidence):
        return replace(track, absences=0.0)
    person = _person_share(place, visible, evidence)
    if person is None:
        return replace(track, absences=track.absences + BLIND_ABSENCE)
    return replace(track, absences=0.0 if person > MIN_PERSON else track.absences + 1)


def _has_head(place: FaceBox, visible: Sequence[FaceBox], evidence: HeadEvidence) -> bool:
    """Returns whether a head was found at a place that no visible track explains."""
    return any(
        _is_near_place(box, place) and not any(is_same_head(box, known) for known in visible)
        for box in (*evidence.boxes, *evidence.weak)
    )


def _person_share(
    place: FaceBox, visible: Sequence[FaceBox], evidence: HeadEvidence
) -> float | None:
    """Computes the share of a face's place that the person mask covers without visible persons.

    None where nothing is known: without a mask, or where visible persons fill the place.
    """
    if evidence.person is None:
        return None
    rows, columns = _cells(place, 0.5, 0.6, 0.6, evidence)
    part = evidence.person[rows, columns] > 128
    free = np.ones_like(part)
    for box in visible:
        body_rows, body_columns = _cells(box, BODY_WIDTHS, HEAD_WIDTHS, np.inf, evidence)
        free[_overlap(body_rows, rows), _overlap(body_columns, columns)] = False
    if not free.any():
        return None
    return float((part & free).mean())


def _cells(
    box: FaceBox, beside: float, above: float, below: float, evidence: HeadEvidence
) -> tuple[slice, slice]:
    """Returns the cells of the mask around a face; lengths are in face widths."""
    x, y, width = box
    assert evidence.person is not None
    rows, columns = evidence.person.shape
    across, down = columns / evidence.size[0], rows / evidence.size[1]
    bottom = rows if np.isinf(below) else (y + below * width) * down
    return (
        slice(*_clipped((y - above * width) * down, bottom, rows)),
        slice(*_clipped((x - beside * width) * across, (x + beside * width) * across, columns)),
    )


def _clipped(low: float, high: float, limit: int) -> tuple[int, int]:
    first = min(max(int(low), 0), limit)
    return first, min(max(int(np.ceil(high)), first), limit)


def _overlap(inner: slice, outer: slice) -> slice:
    """Returns the overlap of two ranges of cells, counted from the beginning of `outer`."""
    return slice(max(inner.start - outer.start, 0), max(inner.stop - outer.start, 0))


def _is_near_place(box: FaceBox, place: FaceBox) -> bool:
    return _near(box, place, MAX_PRESENCE_DISTANCE, MAX_PRESENCE_GROWTH)


def _near(a: FaceBox, b: FaceBox, max_distance: float, max_growth: float) -> bool:
    return distance(a, b) < max_distance and growth(a, b) < max_growth
