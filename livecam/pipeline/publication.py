"""Returns the frames to publish: the one place from which a bare camera frame can be returned.

Planners feed it: `pipeline/privacy.py` while live, `convert/plan.py` for recordings. They say
what a frame shall show; what cannot be shown safely becomes the curtain.
"""

from __future__ import annotations

from dataclasses import dataclass

from livecam.compose import covers
from livecam.core.frame import Frame
from livecam.pipeline.composition import Composite
from livecam.pipeline.states import Shown


@dataclass(frozen=True, slots=True)
class Publication:
    """A frame that may leave the machine, and what it shows."""

    frame: Frame  # RGBA
    shown: Shown
    composite: Composite | None = None  # when `frame` is its frame


def publish(
    shown: Shown,
    frame: Frame | None,
    composite: Composite | None,
    *,
    allow_bare: bool,
    card: tuple[int, int],
    now: float = 0.0,
) -> Publication:
    """Returns the frame to publish. Fails closed: in doubt it is the curtain.

    Args:
        shown: what the planner wants.
        frame: the camera's or the film's frame, its bystanders blurred; None when there is none.
        composite: the newest frame with avatars; None when there is none.
        allow_bare: the user asked for frames without an avatar: `avatar = "none"`,
            `on_lost = "passthrough"`, or a film whose shot shows no face.
        card: width and height of the curtain.
        now: the curtain's time where there is no frame.
    """
    if shown in (Shown.AVATAR, Shown.HOLD) and composite is not None:
        if composite.covered:
            return Publication(composite.frame, shown, composite)
        if allow_bare:
            return Publication(_bare(composite.frame), Shown.PASSTHROUGH, composite)
    if shown is Shown.PASSTHROUGH and frame is not None and allow_bare:
        return Publication(_bare(frame), shown)
    if shown is Shown.BLUR and frame is not None:
        image = covers.blur_whole(frame.image)
        return Publication(Frame(image, frame.index, frame.captured_at), shown)
    return Publication(_curtain(frame, card, now), Shown.CURTAIN)


def _bare(frame: Frame) -> Frame:
    """Returns a frame in which a real face may be visible. Only `publish` calls this."""
    return frame


def _curtain(frame: Frame | None, card: tuple[int, int], now: float) -> Frame:
    index, taken = (0, now) if frame is None else (frame.index, frame.captured_at)
    return Frame(covers.curtain(*card), index, taken)
