"""Receives how far a conversion is, and estimates how long it will still take."""

from __future__ import annotations

from typing import Literal, Protocol

from livecam.core.timing import Clock, SystemClock

Pass = Literal["look", "background", "draw"]
# The passes in their order, and what they usually take, compared with one another.
USUAL: dict[Pass, float] = {"look": 1.0, "background": 0.7, "draw": 4.0}
MEASURED_FRAMES = 10  # after so many the rate of a pass is known


class FilmProgress(Protocol):
    """Shows how far the conversion of one film is; called on the converting thread.

    A film is passed twice: `advance` counts the frames of both passes.
    """

    def open(self, frames: int) -> None:
        """Begins the first pass; the file announces so many frames, 0 when it does not know."""

    def learn_background(self) -> None:
        """Ends the first pass."""

    def draw(self, frames: int) -> None:
        """Begins the second pass; the first one counted so many frames."""

    def advance(self, frames: int) -> None:
        """Adds to the frames that are done."""

    def close(self) -> None:
        """Ends the conversion, also when it has failed."""


class NoProgress:
    """Shows nothing."""

    def __init__(self, film: str) -> None: ...

    def open(self, frames: int) -> None: ...

    def learn_background(self) -> None: ...

    def draw(self, frames: int) -> None: ...

    def advance(self, frames: int) -> None: ...

    def close(self) -> None: ...


class FilmTimes:
    """Estimates how far the conversion of one film is, and how long it will still take.

    The pass that runs is measured. Of a later one, its rate in the film before is expected; of the
    first film nothing is, as one machine draws faster than it looks and another four times slower.

    Args:
        known: seconds a frame of each pass in the films before; the passes of this one are added.
        clock: for tests.
    """

    def __init__(self, known: dict[Pass, float], clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._measured = known
        self._known = dict(known)
        self._pass: Pass = "look"
        self._frames = self._done = 0
        self._begun = self._clock.now()

    def begin(self, name: Pass, frames: int) -> None:
        """Begins a pass of so many frames; 0 if they are not known."""
        self.end()
        self._pass, self._frames, self._done = name, frames, 0
        self._begun = self._clock.now()

    def advance(self, frames: int) -> None:
        self._done += frames
        self._frames = max(self._frames, self._done) if self._frames else 0

    def end(self) -> None:
        """Ends the pass that runs; a short one tells nothing of the next film."""
        frames = self._frames if self._pass == "background" else self._done
        if frames >= MEASURED_FRAMES:
            self._measured[self._pass] = self._elapsed_s / frames

    @property
    def fps(self) -> float | None:
        """Frames a second in the pass that runs; None as long as there are too few."""
        if self._done < MEASURED_FRAMES or self._elapsed_s <= 0:
            return None
        return self._done / self._elapsed_s

    @property
    def share(self) -> float | None:
        """How much of the film is done, 0 to 1; None if its length is not known."""
        if not self._frames:
            return None
        weights = self._known if self._known.keys() == USUAL.keys() else USUAL
        done = sum(weights[each] for each in self._passes(before=True))
        part = self._done / self._frames if self._done else self._expected_part
        return (done + weights[self._pass] * part) / sum(weights.values())

    @property
    def left_s(self) -> float | None:
        """Seconds until the film is done; None as long as nothing is known of a pass."""
        left = self._left_of_pass_s
        for each in self._passes(before=False):
            if left is not None:
                seconds = self._known.get(each)
                left = None if seconds is None else left + seconds * self._frames
        return left

    @property
    def _elapsed_s(self) -> float:
        return self._clock.now() - self._begun

    @property
    def _expected_s(self) -> float:
        """Seconds that the pass that runs takes, as it did in the film before; else 0."""
        return self._known.get(self._pass, 0.0) * self._frames

    @property
    def _expected_part(self) -> float:
        return min(1.0, self._elapsed_s / self._expected_s) if self._expected_s else 0.0

    @property
    def _left_of_pass_s(self) -> float | None:
        if self.fps and self._done < self._frames:
            return (self._frames - self._done) / self.fps
        # A pass that counts no frames, or searches again after its last one, is known by its time.
        if self._expected_s:
            return max(0.0, self._expected_s - self._elapsed_s)
        return 0.0 if self.fps and self._frames else None

    def _passes(self, *, before: bool) -> list[Pass]:
        names = list(USUAL)
        at = names.index(self._pass)
        return names[:at] if before else names[at + 1 :]
