"""What compositing takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livecam.avatar.base import AvatarState
from livecam.core.frame import Frame, Image, Rect


class Compositor(Protocol):
    """Draws avatars over the picture they were measured from.

    Made, used and closed on the thread that owns the GL context. `compose` returns a new
    RGBA frame of the same size and with the same index and time; the frame given stays
    untouched, and pixels outside `drawn` are bit-exact copies of it. `drawn` is the
    rectangle of the last call, empty when no avatar was inside the picture.
    Raise `GraphicsError` when the driver gave up; the caller shows the curtain.
    """

    drawn: Rect

    @property
    def tier(self) -> str:
        """How well it draws here: "light" or "full"."""
        ...

    def compose(self, frame: Frame, avatars: Sequence[AvatarState]) -> Frame: ...

    def planes(self) -> Image | None:
        """The last composed picture as I420 (BT.709, limited range), made by the GPU.

        None where that is the processor's work: in the light tier, and for odd sizes.
        """
        ...

    def close(self) -> None: ...
