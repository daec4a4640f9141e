"""Chooses the rung of the ladder on which a live run holds its rate and its delay.

Has no clock: time is that of the frames. A frame is late when frames before it were lost for too
long, or when it is published too old; of a short time, the share of late frames decides. A single
stall is few frames, however long it lasts. A run that is in time tries the next rung up; when that
fails, the next try comes later and later, so that the run settles.
"""

from __future__ import annotations

import math

from livecam.config.settings import LiveQuality
from livecam.live.ladder import LADDER, Rung

TARGET_FPS = 30.0  # no rate above it is worth a rung
LONG_GAP = 1.5  # periods of that rate between two published frames, which is visible
MAX_DELAY_S = 0.08  # from captured to handed over
MAX_EXCESS_S = 0.06  # over the least delay of the run: what the camera itself takes is no work
WINDOW_S = 2.0  # in which the share of late frames is taken
SETTLES_S = 0.5  # after a change, frames of before are still on their way
BEGINS_S = 3.0  # at the start, and after a pause: models load, caches fill
# Shares of late frames: in two windows in succession for a rung down, in one for two rungs.
LATE, VERY_LATE = 0.05, 0.4
IN_TIME = 0.02  # share of late frames up to which the run has time
MIN_PATIENCE_S, MAX_PATIENCE_S = 6.0, 120.0  # so long in time before the next rung up
TRIAL_S = 20.0  # a rung up that lasts so long has not failed


class Governor:
    """Holds the rate of a live run. Used by the thread that draws.

    Any thread may read `level` and `rung`, and set `quality`.
    """

    def __init__(self, quality: LiveQuality = "auto") -> None:
        self.quality: LiveQuality = quality  # high and low stay on the first and the last rung
        self._level = 0
        self._last_at: float | None = None  # capture time of the newest frame
        self._least_delay_s = math.inf
        self._from = 0.0  # of the window; frames before are not counted
        self._frames = self._late = 0  # in the window
        self._was_late = False  # in the window before
        self._in_time_since = 0.0
        self._patience_s = MIN_PATIENCE_S
        self._raised_at: float | None = None  # the last rung up, until it has lasted

    @property
    def level(self) -> int:
        """The index of the rung: 0 is the first, on which everything is done."""
        pinned = {"high": 0, "low": len(LADDER) - 1}
        return pinned.get(self.quality, self._level)

    @property
    def rung(self) -> Rung:
        return LADDER[self.level]

    def published(self, captured_at: float, delay_s: float, lost: int) -> None:
        """Notes a published frame with the avatar.

        Args:
            captured_at: seconds.
            delay_s: from captured to handed over to the sinks.
            lost: frames of the camera since the last one that were not published.
        """
        before, self._last_at = self._last_at, captured_at
        if self.quality != "auto":
            self._last_at = None
            return
        gap_s = 0.0 if before is None else captured_at - before
        if before is None or not 0 <= gap_s < WINDOW_S:
            self._begin(captured_at, BEGINS_S)
        if captured_at < self._from:
            return
        self._least_delay_s = min(self._least_delay_s, delay_s)
        max_delay_s = max(MAX_DELAY_S, self._least_delay_s + MAX_EXCESS_S)
        is_late = delay_s > max_delay_s or (lost > 0 and gap_s > LONG_GAP / TARGET_FPS)
        self._frames += 1
        self._late += is_late
        if captured_at - self._from >= WINDOW_S:
            self._judge(self._late / self._frames, captured_at)

    def _begin(self, at: float, after_s: float) -> None:
        """Begins a window some seconds after a change."""
        self._from = self._in_time_since = at + after_s
        self._frames = self._late = 0
        self._was_late = False

    def _judge(self, late: float, now: float) -> None:
        self._from = now
        self._frames = self._late = 0
        if self._raised_at is not None and now - self._raised_at > TRIAL_S:
            self._raised_at = None
            self._patience_s = max(self._patience_s / 2, MIN_PATIENCE_S)
        was_late, self._was_late = self._was_late, late > LATE
        if late > IN_TIME:
            self._in_time_since = now
        if late > VERY_LATE:
            self._lower(2, now)
        elif late > LATE and was_late:
            self._lower(1, now)
        elif self._level > 0 and now - self._in_time_since >= self._patience_s:
            self._raise(now)

    def _lower(self, rungs: int, now: float) -> None:
        if self._raised_at is not None:
            self._raised_at = None
            self._patience_s = min(2 * self._patience_s, MAX_PATIENCE_S)
        self._level = min(self._level + rungs, len(LADDER) - 1)
        self._begin(now, SETTLES_S)

    def _raise(self, now: float) -> None:
        self._level -= 1
        self._raised_at = now
        self._begin(now, SETTLES_S)
