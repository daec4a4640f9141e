"""The pause of the tracker before its next frame, so that observations are fresh when taken."""

from __future__ import annotations

from collections import deque

MARGIN_S = 0.006  # an observation is ready so long before it is taken
RECENT = 8  # observations; the one that was taken first decides
GROWTH, DECLINE = 0.25, 0.5  # of the error, by which the pause is corrected
MAX_PAUSE_S = 0.15


class TrackingPause:
    """Follows how long observations lie before the drawing thread takes them. One thread.

    Where drawing takes longer than tracking, a frame that is tracked at once grows old while its
    observation lies: the tracker had better take a newer one a little later. It never waits so
    long that the drawing thread would.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._untaken_s: deque[float] = deque(maxlen=RECENT)

    def untaken(self, seconds: float) -> None:
        """Notes how long an observation lay before it was taken."""
        self._untaken_s.append(seconds)
        error_s = min(self._untaken_s) - MARGIN_S
        share = GROWTH if error_s > 0 else DECLINE
        self.seconds = min(max(self.seconds + share * error_s, 0.0), MAX_PAUSE_S)
