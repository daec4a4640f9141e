"""Decides what may be shown: the avatar, the held avatar, or a cover.

Fails closed. The bare camera is chosen in exactly one place, `_when_lost`, and only when
the user asked for `passthrough`.
"""

from __future__ import annotations

from livecam.config.settings import OnLost, PrivacySettings
from livecam.pipeline.stats import Shown

GRACE_S = 0.2  # a detection missed for a few frames is not a loss: no cover flashes up
LEFT_S = 1.5  # one of several people who is unseen for so long has left, whatever is asked for
STALL_S = 0.5  # without any tracking result for so long, nobody knows where the face is


class PrivacyGuard:
    """Follows what is known about the face and names the state to publish.

    Times are seconds of the run's clock. Used from one thread.
    """

    def __init__(self, settings: PrivacySettings) -> None:
        self.settings = settings
        self.panic = False
        self._covered_at: float | None = None  # when the avatar last truly covered the face
        self._heard_at: float | None = None  # when the tracker last said anything

    def covered(self, now: float) -> None:
        """An avatar was drawn over the face as it was measured."""
        self._covered_at = self._heard_at = now

    def unseen(self, now: float) -> None:
        """The tracker looked and found no face."""
        self._heard_at = now

    def source_lost(self) -> None:
        """The camera is gone: what was known of the face is worth nothing any more."""
        self._covered_at = self._heard_at = None

    def repeat(self, now: float, before: Shown) -> Shown:
        """The state when no new tracking result came since the last frame."""
        if self.panic:
            return Shown.CURTAIN
        stalled = self._heard_at is None or now - self._heard_at > STALL_S
        if before is Shown.AVATAR and not stalled:
            return Shown.AVATAR  # the same picture again: covered then, covered now
        return self.lost(now, picture_is_known=not stalled)

    def lost(self, now: float, picture_is_known: bool = True) -> Shown:
        """The state when the newest picture has no face that could be covered."""
        if self.panic:
            return Shown.CURTAIN
        unseen_s = float("inf") if self._covered_at is None else now - self._covered_at
        hold_s = self.settings.hold_s if self.settings.on_lost is OnLost.HOLD else 0.0
        if unseen_s <= max(hold_s, GRACE_S):
            return Shown.HOLD
        return self._when_lost(picture_is_known)

    def missing(self, unseen_s: float) -> Shown | None:
        """The state while one of several people is unseen; None when they have left.

        HOLD: their avatar stays where they were, the others are shown as ever.
        """
        on_lost = self.settings.on_lost
        hold_s = self.settings.hold_s if on_lost is OnLost.HOLD else 0.0
        if unseen_s <= max(hold_s, GRACE_S):
            return Shown.HOLD
        if on_lost in (OnLost.CURTAIN, OnLost.BLUR) and unseen_s <= LEFT_S:
            return self._when_lost(picture_is_known=True)
        return None

    def failed(self, now: float) -> Shown:
        """The state when drawing went wrong: never the picture that could not be covered."""
        if self.panic:
            return Shown.CURTAIN
        if self._covered_at is not None and now - self._covered_at <= max(
            self.settings.hold_s, GRACE_S
        ):
            return Shown.HOLD
        return Shown.CURTAIN

    def _when_lost(self, picture_is_known: bool) -> Shown:
        if self.settings.on_lost is OnLost.PASSTHROUGH and picture_is_known:
            return Shown.PASSTHROUGH
        if self.settings.on_lost is OnLost.BLUR and picture_is_known:
            return Shown.BLUR
        return Shown.CURTAIN
