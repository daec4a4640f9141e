"""The composition step that every mode shares: avatars drawn over a frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose import covers
from livecam.compose.base import Compositor, Detail, PreparedFrame, ReadyStages
from livecam.config.settings import NO_AVATAR, Settings
from livecam.core.fault_log import FaultLog
from livecam.core.frame import Frame, Image, Rect
from livecam.core.timing import StageTimer
from livecam.segmentation.base import Segmentation

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.1  # pauses before a broken compositor is made anew
MAX_RETRY_S = 5.0

# Makes a compositor for frames of a width and height; raises GraphicsError.
CompositorFactory = Callable[[Avatar, int, int], Compositor]


@dataclass(frozen=True, slots=True)
class Composite:
    """A frame with its avatars, and the frame without them."""

    frame: Frame
    background: Frame  # the frame without them: never to be published
    box: Rect  # what was drawn, pixels of the frame
    covered: bool  # an avatar hides the face; False: the frame is bare
    planes: Image | None = None  # `frame` as I420, where the GPU made that too


class Composition:
    """Owns the compositor: makes it for the size at hand, and anew after a failure.

    Used and closed on the thread that owns the GL context. With `bare` no avatar is drawn: the
    user wants their own face, with effects.
    """

    def __init__(
        self,
        make_compositor: CompositorFactory,
        avatars: Sequence[Avatar],
        timer: StageTimer,
        *,
        bare: bool = False,
    ) -> None:
        self.avatars = tuple(avatars)
        self.bare = bare
        self.wants_planes = False  # a sink takes I420
        self.detail = Detail()  # of the next frame
        self.last_error: Exception | None = None
        self._make = make_compositor
        self._timer = timer
        self._compositor: Compositor | None = None
        self._size = (0, 0)
        self._faults = FaultLog(log, "drawing")
        self._retry_at, self._retry_pause_s = 0.0, FIRST_RETRY_S

    @property
    def tier(self) -> str:
        """The tier in which heads are drawn; empty before the first one."""
        return "" if self._compositor is None else self._compositor.tier

    def avatar(self, slot: int) -> Avatar:
        """Returns the avatar of a slot; the list begins again where there are more slots."""
        return self.avatars[slot % len(self.avatars)]

    def change_avatars(self, avatars: Sequence[Avatar]) -> None:
        """Changes the avatars of the slots.

        Raises:
            GraphicsError: the driver cannot draw one of them.
        """
        self.avatars = tuple(avatars)
        if self._compositor is not None:
            self._compositor.set_avatars(self.avatars)

    def adopt(self, settings: Settings, ready: ReadyStages, make: CompositorFactory | None) -> None:
        """Changes to other settings, from the next frame on."""
        self.bare = settings.avatar.avatar == NO_AVATAR
        self._make = make or self._make
        if self._compositor is None:
            ready.close()
        else:
            self._compositor.adopt(settings.render, ready)

    def compose(
        self,
        frame: Frame,
        avatars: Sequence[AvatarState],
        segmentation: Segmentation | None = None,
        now: float = 0.0,
    ) -> Composite:
        """Draws avatars over a frame.

        Raises:
            GraphicsError: the driver gave up; the caller calls `failed`, and gets the same error
                until the pause is over.
        """
        compositor = self._compositor_for(frame.size, now)
        compositor.detail = self.detail
        drawn = () if self.bare else avatars
        with self._timer.stage("compose"):
            composed = compositor.compose(frame, drawn, segmentation)
            return self._composite(compositor, composed, frame, bool(drawn))

    def fit(self, size: tuple[int, int]) -> None:
        """Makes the compositor for frames of that size, to `prepare` and `draw` them.

        Raises:
            GraphicsError: the driver cannot draw the head.
        """
        self._compositor_for(size, 0.0)

    def prepare(
        self,
        frame: Frame,
        avatars: Sequence[AvatarState],
        segmentation: Segmentation | None = None,
    ) -> PreparedFrame:
        """The first half of `compose`, of a frame of the fitted size.

        Another thread may prepare the next frames while one is drawn.
        """
        assert self._compositor is not None  # fit() made it
        with self._timer.stage("prepare"):
            return self._compositor.prepare(frame, () if self.bare else avatars, segmentation)

    def draw(self, prepared: PreparedFrame) -> Composite:
        """The second half of `compose`; frames come in the order in which they were prepared.

        Raises:
            GraphicsError: the driver gave up.
        """
        assert self._compositor is not None  # fit() made it
        with self._timer.stage("compose"):
            composed = self._compositor.draw(prepared)
            covered = bool(prepared.layers.avatars)
            return self._composite(self._compositor, composed, prepared.frame, covered)

    def failed(self, error: Exception, now: float) -> None:
        """Notes a failure while a frame was made: a new compositor is made after a pause."""
        if error is not self.last_error:  # else it is the pause before the next try
            self._faults.failed(error)
            self._retry_at = now + self._retry_pause_s
            self._retry_pause_s = min(self._retry_pause_s * 2, MAX_RETRY_S)
        self.last_error = error
        self.close()

    def close(self) -> None:
        if self._compositor is not None:
            try:
                self._compositor.close()
            except Exception as error:
                log.warning("renderer did not close cleanly: %s", error, exc_info=True)
            self._compositor = None

    def _compositor_for(self, size: tuple[int, int], now: float) -> Compositor:
        if self._compositor is not None and self._size == size:
            return self._compositor
        if now < self._retry_at and self.last_error is not None:
            raise self.last_error  # pausing before the next try
        self.close()
        self._compositor = self._make(self.avatars[0], *size)
        if len(self.avatars) > 1:
            self._compositor.set_avatars(self.avatars)
        self._size = size
        return self._compositor

    def _composite(
        self, compositor: Compositor, composed: Frame, frame: Frame, covered: bool
    ) -> Composite:
        planes = compositor.planes() if self.wants_planes else None
        self.last_error, self._retry_pause_s = None, FIRST_RETRY_S
        self._faults.worked()
        return Composite(composed, frame, compositor.drawn, covered, planes)


def with_blurred(frame: Frame, regions: Sequence[Rect], timer: StageTimer) -> Frame:
    """Returns the frame with heads in these regions blurred beyond recognition."""
    if not regions:
        return frame
    with timer.stage("blur others"):
        image = frame.image.copy()
        for region in regions:
            covers.blur_region(image, region)
    return Frame(image, frame.index, frame.captured_at)
