"""What compositing takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.figure import Figure
from livecam.core.frame import Frame, Image, Rect
from livecam.segmentation.base import Segmentation


@dataclass(slots=True)
class Layers:
    """One picture on its way through the stages; the one value that is written to."""

    source: Image  # uint8[h, w, 4] as the camera took it; never written to
    image: Image  # uint8[h, w, 4], what has become of it
    scene: Segmentation | None  # of this frame
    avatars: Sequence[AvatarState]
    coverage: NDArray[np.uint8]  # uint8[h, w], of the heads drawn so far
    # uint8[h, w]: how much was made up - heads, filled background, tinted skin
    made: NDArray[np.uint8]
    filled: NDArray[np.uint8]  # uint8[h, w]: how much of the person became background
    head: Rect  # holds all of `coverage` that is not 0
    small: NDArray[np.uint8] | None = (
        None  # uint8[rows, columns, 3]: the source on the scene's grid
    )
    figure: Figure | None = None  # the person parted into head and body
    primary: AvatarState | None = None  # of the person that `scene` was computed for


def primary_of(avatars: Sequence[AvatarState], scene: Segmentation | None) -> AvatarState | None:
    """The avatar of the person that a segmentation was computed for; without one, the first."""
    if not avatars:
        return None
    track_id = None if scene is None else scene.track_id
    return next((state for state in avatars if state.track_id == track_id), avatars[0])


class Stage(Protocol):
    """One step from the camera's picture to the published one.

    Reads and writes `layers.image` in place, and whatever else it changes there. Keeps every
    pixel that is none of its business bit-exact. Used on one thread, frame after frame.
    """

    name: str

    def apply(self, layers: Layers) -> None: ...

    def reset(self) -> None:
        """Forgets what it knew of earlier pictures: a cut."""
        ...


class Compositor(Protocol):
    """Draws avatars over the picture they were measured from.

    `scene` is the segmentation of that very frame, computed for one of the `avatars`: the one
    with its track id (see `primary_of`). Several of them may be different heads: `wear` says
    which there are, and each state's `slot` is its place among them, counted round.

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

    def wear(self, avatars: Sequence[Avatar]) -> None: ...

    def compose(
        self, frame: Frame, avatars: Sequence[AvatarState], scene: Segmentation | None = None
    ) -> Frame: ...

    def planes(self) -> Image | None:
        """The last composed picture as I420 (BT.709, limited range), made by the GPU.

        None where that is the processor's work: in the light tier, and for odd sizes.
        """
        ...

    def close(self) -> None: ...
