"""The step that every mode shares: from one person's face state to the state of their avatar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState, Profile
from livecam.avatar.rig import Rig
from livecam.config.settings import AvatarSettings
from livecam.core.face import FaceState
from livecam.core.frame import Frame
from livecam.core.spaces import Matrix4, focal_px
from livecam.motion.base import Performer, with_performances
from livecam.pipeline.easing import ReturnEasing


class AvatarDriver:
    """Drives the avatar of one slot, live as in recordings. One thread.

    `performers` move the face, each overriding the ones before; the pose of the head remains the
    measured one, so that it covers the real head.
    """

    def __init__(
        self,
        slot: int,
        avatar: Avatar,
        settings: AvatarSettings,
        profile: Profile | None = None,
        performers: Sequence[Performer] = (),
    ) -> None:
        self.slot = slot
        self._settings = settings
        self._profile = profile
        self._performers = performers
        self._easing = ReturnEasing()
        self._drift_px = np.zeros(2)  # how far the held head has moved on
        self._shown: AvatarState | None = None
        self._track_id: int | None = None  # of the person
        self._size = (0, 0)  # of the last frame, in pixels of which the drift is
        self.change_avatar(avatar)

    def change_avatar(self, avatar: Avatar) -> None:
        """Changes the head; the next state is that of the new one."""
        self._rig = Rig(avatar, self._settings, self._profile)

    def adopt(self, settings: AvatarSettings) -> None:
        """Changes to other settings of the same avatar."""
        self._settings = settings
        self._rig.adopt(settings)

    def reset(self) -> None:
        """Resets the driver: its person has left."""
        self._shown = self._track_id = None
        self._rig.reset()
        self._easing.reset()

    def performed(self, face: FaceState, now: float) -> FaceState:
        """Returns the face as its performers move it at that time."""
        if not self._performers:
            return face
        return with_performances(
            face, [p for each in self._performers if (p := each.at(now)) is not None]
        )

    def drive(self, face: FaceState, frame: Frame, dt: float = 0.0) -> AvatarState:
        """Computes the avatar on that face in a frame, dt seconds after it was last drawn."""
        self._size = frame.size
        state = self._rig.state(face, frame.width, frame.height, frame.image)
        state = self._easing.step(state, self._shown, dt)
        self._drift_px = np.zeros(2)
        self._track_id = face.track_id
        return self._show(state)

    def skip(self, face: FaceState, later: Frame) -> None:
        """Moves on over a frame that is not drawn, as bright as a later one of the same size."""
        self._rig.state(face, later.width, later.height, later.image)

    def idle(self, dt: float, height: int) -> AvatarState | None:
        """Moves the held avatar on by dt seconds, in a frame of that height; None if still."""
        self._easing.hold()
        state = self._rig.idle(dt)
        if state is None:
            return None
        return self._show(shifted(self._easing.eased(state), self._drift_px, height))

    def drift(
        self, dt: float, drift_px: NDArray[np.float64], size: tuple[int, int]
    ) -> AvatarState | None:
        """Moves the held avatar like `idle`, and by the expected motion of its wearer since then.

        Returns the last state when nothing moves, None when there was none.
        """
        self._fit_to(size)
        before, self._drift_px = self._drift_px, drift_px
        if self.idle(dt, size[1]) is None and self._shown is not None:
            self._shown = shifted(self._shown, drift_px - before, size[1])
        return self._shown

    def vanish(self) -> None:
        """Removes the avatar; it comes back where it is measured, without easing."""
        self._shown = None
        self._easing.reset()

    def warm_up(
        self, faces: Iterable[FaceState], first: FaceState, size: tuple[int, int]
    ) -> list[Matrix4]:
        """Lets the rig estimate a recording's neutral face before the first frame is drawn.

        Ends at the face `first`, else the jump back would count as motion. Returns the pose of the
        head in each, camera_from_head.
        """
        heads = [self._rig.state(face, *size).camera_from_head for face in faces]
        self._rig.state(first, *size)
        return heads

    def _fit_to(self, size: tuple[int, int]) -> None:
        """Scales what lies in pixels of the last frame to frames of another size."""
        if size == self._size or 0 in self._size:
            return
        scale = np.array(size) / self._size
        self._size, self._drift_px = size, self._drift_px * scale
        self._rig.resize(scale)
        if self._shown is not None and self._shown.face_px is not None:
            face_px = (self._shown.face_px * scale).astype(np.float32)
            self._shown = replace(self._shown, face_px=face_px)

    def _show(self, state: AvatarState) -> AvatarState:
        self._shown = replace(state, slot=self.slot, track_id=self._track_id)
        return self._shown


def shifted(state: AvatarState, by_px: NDArray[np.float64], height: int) -> AvatarState:
    """Moves the avatar within a frame of that height."""
    if not by_px.any():
        return state
    metres = -float(state.camera_from_head[2, 3]) / focal_px(height)
    offset = np.array((by_px[0] * metres, -by_px[1] * metres, 0.0))
    face_px = None if state.face_px is None else (state.face_px + by_px).astype(np.float32)
    return replace(state.translated(offset), face_px=face_px)
