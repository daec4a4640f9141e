"""Plans what a live frame may show: the avatar, the held avatar, or a cover.

Fails closed. `_when_lost` is the only place that wants the bare camera, and only when the user
asked for `passthrough`; `publication.py` then returns it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livecam.config.settings import OnLost, PrivacySettings
from livecam.pipeline.states import Shown

GRACE_S = 0.2  # a detection missed for a few frames is not a loss: no cover flashes up
LEFT_S = 1.5  # a cover for lost faces stays so long also when the wearer is gone
STALL_S = 0.5  # without any tracking result for so long, the face may be anywhere


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a frame with a new observation."""

    shown: Shown
    missing: tuple[Shown | None, ...] = ()  # of each missing wearer: HOLD, or None: gone


@dataclass(frozen=True, slots=True)
class Missing:
    """A wearer that is not visible while others are."""

    for_s: float  # how long they were searched in vain
    is_gone: bool  # they certainly left their place


class PrivacyGuard:
    """Follows what is known about the face and decides what to show.

    Times are seconds of the run's clock. Used from one thread.
    """

    def __init__(self, settings: PrivacySettings) -> None:
        self.settings = settings
        self.panic = False
        self._covered_at: float | None = None  # when an avatar was last drawn over the face
        self._observed_at: float | None = None  # when the tracker last gave a result

    def observed(self, now: float, visible: bool, missing: Sequence[Missing] = ()) -> Decision:
        """Returns the decision on a new observation.

        Args:
            now: seconds.
            visible: at least one wearer is.
            missing: the other wearers.
        """
        if not visible:
            self.undetected(now)
            return Decision(self.lost(now))
        states = tuple(self.missing(each) for each in missing)
        for state in states:
            if state not in (None, Shown.HOLD):
                self.undetected(now)
                return Decision(Shown.CURTAIN if self.panic else state, states)
        return Decision(Shown.AVATAR, states)

    def covered(self, now: float) -> Shown:
        """Returns the state of a frame in which an avatar was drawn over the measured face."""
        self._covered_at = self._observed_at = now
        return Shown.CURTAIN if self.panic else Shown.AVATAR

    def undetected(self, now: float) -> None:
        """Notes a tracking result without the face."""
        self._observed_at = now

    def source_lost(self) -> None:
        """Drops what was known of the face: the camera is gone."""
        self._covered_at = self._observed_at = None

    def repeat(self, now: float, before: Shown) -> Shown:
        """Returns the state when no new tracking result came since the last frame."""
        if self.panic:
            return Shown.CURTAIN
        stalled = self._observed_at is None or now - self._observed_at > STALL_S
        if before is Shown.AVATAR and not stalled:
            return Shown.AVATAR  # the same frame again: covered then, covered now
        return self.lost(now, frame_is_known=not stalled)

    def waiting(self, now: float, before: Shown) -> Shown:
        """Returns the state while a face is visible whose avatar is not ready: never bare."""
        state = self.repeat(now, before)
        return Shown.CURTAIN if state is Shown.PASSTHROUGH else state

    def lost(self, now: float, frame_is_known: bool = True) -> Shown:
        """Returns the state when the newest frame has no face that could be covered."""
        if self.panic:
            return Shown.CURTAIN
        uncovered_s = float("inf") if self._covered_at is None else now - self._covered_at
        hold_s = self.settings.hold_s if self.settings.on_lost is OnLost.HOLD else 0.0
        if uncovered_s <= max(hold_s, GRACE_S):
            return Shown.HOLD
        return self._when_lost(frame_is_known)

    def missing(self, wearer: Missing) -> Shown | None:
        """Returns the state while one of several people is missing; None when they have left.

        HOLD: their avatar stays where they were, and the others are drawn. After that the
        whole frame is covered as for a single person, until they are certainly gone.
        """
        on_lost = self.settings.on_lost
        hold_s = self.settings.hold_s if on_lost is OnLost.HOLD else 0.0
        if wearer.for_s <= max(hold_s, GRACE_S):
            return Shown.HOLD
        if on_lost is OnLost.PASSTHROUGH:
            return None
        if wearer.is_gone and (on_lost is OnLost.HOLD or wearer.for_s > LEFT_S):
            return None
        return self._when_lost(frame_is_known=True)

    def failed(self, now: float) -> Shown:
        """Returns the state when drawing failed: never the frame that could not be covered."""
        if self.panic:
            return Shown.CURTAIN
        if self._covered_at is not None and now - self._covered_at <= max(
            self.settings.hold_s, GRACE_S
        ):
            return Shown.HOLD
        return Shown.CURTAIN

    def _when_lost(self, frame_is_known: bool) -> Shown:
        if self.settings.on_lost is OnLost.PASSTHROUGH and frame_is_known:
            return Shown.PASSTHROUGH
        if self.settings.on_lost is OnLost.BLUR and frame_is_known:
            return Shown.BLUR
        return Shown.CURTAIN
