"""The data of compositing and the protocols of its stages and of the compositor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.camera_model import UNKNOWN, CameraModel
from livecam.compose.person_parts import PersonParts
from livecam.config.settings import EffectSettings, PictureSettings, RenderSettings
from livecam.core.frame import Frame, Image, Rect
from livecam.render.light import Light
from livecam.segmentation.base import Segmentation


@dataclass(slots=True)
class Layers:
    """One frame in compositing, with its masks; the stages write to it in place."""

    source: Image  # uint8[h, w, 4], the camera image; never written to
    image: Image  # uint8[h, w, 4], the composite so far
    segmentation: Segmentation | None  # of this frame
    avatars: Sequence[AvatarState]
    coverage: NDArray[np.uint8]  # uint8[h, w], alpha of the heads drawn so far
    # uint8[h, w]: alpha of all that is not the camera's: heads, filled background, tinted skin
    synthetic: NDArray[np.uint8]
    filled: NDArray[np.uint8]  # uint8[h, w]: alpha of the background that replaces the person
    head_rect: Rect  # bounds of `coverage`
    # uint8[rows, columns, 3]: the source on the grid of the segmentation
    coarse_source: NDArray[np.uint8] | None = None
    parts: PersonParts | None = None  # head and body of the person
    primary: AvatarState | None = None  # of the person that `segmentation` was computed for
    index: int = 0  # of the frame
    camera: CameraModel = UNKNOWN  # measured until this frame
    is_cut: bool = False  # the stages drop their state of earlier frames


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """A frame in which all below the heads is composited."""

    frame: Frame  # as it was given
    layers: Layers
    light: Light  # that falls on the heads
    changed: Rect  # bounds of the faces that were painted out


@dataclass(frozen=True, slots=True)
class Detail:
    """How much work drawing a frame may cost; by default all that is useful."""

    scale: float = 1.0  # of the drawn heads, which are then enlarged; in eighths
    light_period_s: float = 0.06  # between two estimates of the room's light: it changes slowly


def primary_of(
    avatars: Sequence[AvatarState], segmentation: Segmentation | None
) -> AvatarState | None:
    """Returns the avatar of the person a segmentation was computed for; without one, the first."""
    if not avatars:
        return None
    track_id = None if segmentation is None else segmentation.track_id
    return next((state for state in avatars if state.track_id == track_id), avatars[0])


class Stage(Protocol):
    """One step from the camera image to the composite.

    Writes `layers.image` and the masks in place. Pixels outside its effect stay bit-exact. Used
    on one thread, frame after frame.
    """

    name: str

    def apply(self, layers: Layers) -> None: ...

    def reset(self) -> None:
        """Drops the state of earlier frames: a cut."""
        ...


class BackgroundStage(Stage, Protocol):
    """The stage that replaces the background."""

    def close(self) -> None:
        """Stops what it started; it cannot be used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class ReadyStages:
    """Settings with the stages that read files for them."""

    picture: PictureSettings | None
    effects: EffectSettings
    background: BackgroundStage | None  # None also where the one in use stays
    below: tuple[Stage, ...]  # effects on the real face
    above: tuple[Stage, ...]  # stickers and the look

    def close(self) -> None:
        """Closes what was made in vain."""
        if self.background is not None:
            self.background.close()


class Compositor(Protocol):
    """Draws avatars over the frame they were measured in.

    `segmentation` belongs to that very frame, computed for the one of `avatars` with its track id
    (see `primary_of`). `set_avatars` sets the heads of several people; a state's `slot` is the
    index of its head, modulo their number.

    Made, used and closed on the thread that owns the GL context. `compose` returns a new
    RGBA frame of the same size and with the same index and time; the frame given stays
    untouched, and pixels outside `drawn` are bit-exact copies of it. `drawn` is the
    rectangle of the last call, empty when no avatar was inside the image. `detail` may be set
    before every call. Raise `GraphicsError` when the driver gave up; the caller shows the curtain.

    `prepare` and `draw` are the two halves of `compose`. Another thread may prepare the next
    frames while one is drawn; each half takes the frames in the same order.
    """

    drawn: Rect
    detail: Detail

    @property
    def tier(self) -> str:
        """The tier it renders in: "light" or "full"."""
        ...

    def set_avatars(self, avatars: Sequence[Avatar]) -> None: ...

    def adopt(self, settings: RenderSettings, ready: ReadyStages) -> None:
        """Changes to other settings, from the next frame on."""
        ...

    def compose(
        self, frame: Frame, avatars: Sequence[AvatarState], segmentation: Segmentation | None = None
    ) -> Frame: ...

    def prepare(
        self, frame: Frame, avatars: Sequence[AvatarState], segmentation: Segmentation | None = None
    ) -> PreparedFrame: ...

    def draw(self, prepared: PreparedFrame) -> Frame: ...

    def planes(self) -> Image | None:
        """Returns the last composite as I420 (BT.709, limited range), converted on the GPU.

        None where the CPU must convert: in the light tier, and for odd sizes.
        """
        ...

    def close(self) -> None: ...
