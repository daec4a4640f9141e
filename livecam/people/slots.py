"""Assigns tracks to slots, one slot for each avatar."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, TypeAlias

from livecam.core.observation import Track

SlotOrder: TypeAlias = Literal["order", "place"]

PATIENCE_S = 0.5  # how long a face that is gone keeps its slot when another one wants it


class SlotAssignment:
    """Gives slots to tracks and takes them back. One thread.

    Args:
        count: how many people wear an avatar.
        by: which slot a new track takes: the first free one (`order`), or the one of its part
            of the frame, from left to right (`place`). It keeps it wherever it goes.
        keep_s: how long a slot is kept for a missing face when no other one wants it.
    """

    def __init__(self, count: int, by: SlotOrder, keep_s: float) -> None:
        self._count, self._by, self.keep_s = count, by, keep_s
        self.reset()

    def reset(self) -> None:
        """Frees all slots."""
        self.slots: tuple[int | None, ...] = (None,) * self._count
        self._any_moved = False

    def release(self, track: Track) -> None:
        """Frees the slot of a track."""
        self.slots = tuple(None if track_id == track.id else track_id for track_id in self.slots)

    def retain(self, tracks: Sequence[Track]) -> None:
        """Frees the slots of all other tracks."""
        ids = {track.id for track in tracks}
        self.slots = tuple(track_id if track_id in ids else None for track_id in self.slots)

    def assign(self, tracks: Sequence[Track], now: float, width: int) -> None:
        """Frees the slots of lost tracks, and assigns free ones to visible tracks without a slot.

        `width` of the frame in pixels.
        """
        self._any_moved |= any(track.has_moved for track in tracks)
        by_id = {track.id: track for track in tracks}
        moving = any(track.has_moved and track.face is not None for track in tracks)
        waiting = [t for t in tracks if t.face is not None and t.id not in self.slots]
        waiting = [t for t in waiting if not (self._any_moved and t.is_stationary)]
        staying = {t.id for t in tracks if self._stays(t, moving, now)}
        self.slots = tuple(track_id if track_id in staying else None for track_id in self.slots)
        free = self._free(by_id, len(waiting), now)
        waiting.sort(key=lambda t: (-t.has_moved, -t.box[2]))
        self._take(sorted(free[: len(waiting)]), waiting[: len(free)], width)

    def _stays(self, track: Track, moving: bool, now: float) -> bool:
        left = track.is_gone and track.missing_s(now) > self.keep_s
        return not left and not (moving and track.is_stationary)

    def _free(self, by_id: dict[int, Track], wanted: int, now: float) -> list[int]:
        """Returns the free slots, then those of missing tracks when there are not enough."""
        free = [slot for slot, track_id in enumerate(self.slots) if track_id is None]
        if wanted > len(free):
            for slot, track_id in enumerate(self.slots):
                if track_id is None:
                    continue
                track = by_id[track_id]
                if track.is_gone and track.missing_s(now) > PATIENCE_S:
                    free.append(slot)
        return free

    def _take(self, free: list[int], new: list[Track], width: int) -> None:
        if self._by == "place":
            new = sorted(new, key=lambda t: float(t.box[0]))
            wanted = [float(t.box[0]) / width * self._count - 0.5 for t in new]
            empty = [slot for slot, track_id in enumerate(self.slots) if track_id is None]
            free = _nearest_slots(sorted({*free, *empty}), wanted)
        else:
            new = sorted(new, key=lambda t: (t.started_at, -t.box[2]))
        slots = list(self.slots)
        for slot, track in zip(free, new, strict=True):
            slots[slot] = track.id
        self.slots = tuple(slots)


def _nearest_slots(free: list[int], wanted: list[float]) -> list[int]:
    """Returns the slots, from left to right, that are nearest to the wanted ones together."""
    choices = combinations(free, len(wanted))
    return list(
        min(choices, key=lambda slots: sum(abs(a - b) for a, b in zip(slots, wanted, strict=True)))
    )
