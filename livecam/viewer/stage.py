"""An avatar alone in a neutral room, posed by hand: for sheets, turntables and the gallery.

Everything is drawn by the renderer that draws it live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import cv2
import numpy as np

from livecam.avatar.base import Avatar, AvatarState
from livecam.avatar.rig import BODY_TURN
from livecam.avatar.springs import Springs
from livecam.compose.compositor import HeadCompositor
from livecam.config.settings import RenderSettings
from livecam.core.closing import Closing
from livecam.core.face import EXPRESSIONS, INDEX, Weights
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import (
    VERTICAL_FOV_RAD,
    matrix_from_quaternion,
    quaternion_from_matrix,
    quaternion_from_vector,
    rotation_vector,
)
from livecam.render.context import Graphics
from livecam.render.matrices import rotation_yxz, turned_about

AnyTier: TypeAlias = Literal["light", "full", "auto"]  # auto: as a measurement allows

DISTANCE_M = 0.75  # as in front of a webcam: nearer, noses grow
HEADROOM = 1.12  # of the view, over what it must hold
WALL = (176, 158, 140), (104, 88, 80)  # sRGB, above and below
BLUR = 0.012  # of the picture's height


@dataclass(frozen=True, slots=True)
class Pose:
    """How a head is held, and its face; the weights are those of morphs, after every gain."""

    name: str
    weights: Mapping[str, float] = field(default_factory=dict)
    yaw_deg: float = 0.0  # to the head's left
    pitch_deg: float = 0.0  # down
    roll_deg: float = 0.0
    body_turn: tuple[float, float, float] = tuple(BODY_TURN.tolist())  # share of the head's turn


class Stage(Closing):
    """Draws one avatar in pictures of one size; belongs to the thread of the context."""

    def __init__(
        self, graphics: Graphics, avatar: Avatar, size: tuple[int, int], tier: AnyTier = "full"
    ) -> None:
        self.avatar = avatar
        self._view = view_of(avatar, size)
        self._room = room(*size)
        width, height = self._view.frame
        self._image = np.zeros((height, width, 4), np.uint8)
        settings = RenderSettings(tier=tier, shadow=0.0)  # there is no body to shade
        self._compositor = HeadCompositor(graphics, avatar, settings, self._view.frame)
        self._springs = Springs(avatar.bones) if avatar.bones else None

    def picture(self, pose: Pose, after_s: float = 0.0) -> Image:
        """The avatar in that pose, uint8[h, w, 4].

        Its ears swing on from the last picture when that was `after_s` ago, and hang still
        when `after_s` is 0.

        Raises:
            GraphicsError: the driver gave up.
        """
        self._image[self._view.cut.slices] = self._room
        state = self._swung(posed(self.avatar, pose, self._view.centre), after_s)
        drawn = self._compositor.compose(Frame(self._image, 0, 0.0), (state,))
        return drawn.image[self._view.cut.slices].copy()

    def _swung(self, state: AvatarState, after_s: float) -> AvatarState:
        if self._springs is None:
            return state
        if after_s <= 0:
            self._springs.reset()
        head, body = state.camera_from_head, state.camera_from_body
        bones = self._springs.step(head, body, state.morphs, after_s)
        return replace(state, bones=bones)

    def close(self) -> None:
        self._compositor.close()


@dataclass(frozen=True, slots=True)
class View:
    """A part of a webcam's picture that just holds a head."""

    frame: tuple[int, int]  # the size of the whole picture
    cut: Rect  # the part, in its middle
    centre: tuple[float, float, float]  # the avatar's point in the middle, at rest


def view_of(avatar: Avatar, size: tuple[int, int]) -> View:
    """Where a webcam sees all of a head, ears and horns too, in a cut of that size."""
    points = np.concatenate([mesh.positions for mesh in avatar.light_meshes])
    weight = np.concatenate([mesh.head_weight for mesh in avatar.light_meshes])
    head = points[weight > 0.5] if (weight > 0.5).any() else points
    width, height = size
    top = float(head[:, 1].max())
    bottom = min(float(head[:, 1].min()), avatar.fit.eye_line[1] - avatar.fit.chin_drop)
    wide = 2 * float(np.abs(head[:, 0]).max())
    tall = HEADROOM * max(top - bottom, wide * height / width)
    per_metre = height / tall
    whole = 2 * DISTANCE_M * float(np.tan(VERTICAL_FOV_RAD / 2)) * per_metre
    # Both sides and the cut's margins are whole pixels when all sizes are even.
    frame_height = max(height, 2 * round(whole / 2))
    frame_width = max(width, 2 * round(frame_height * 2 / 3))
    x, y = (frame_width - width) // 2, (frame_height - height) // 2
    centre = (0.0, (top + bottom) / 2, avatar.fit.eye_line[2] / 2)
    return View((frame_width, frame_height), Rect(x, y, x + width, y + height), centre)


def posed(avatar: Avatar, pose: Pose, centre: tuple[float, float, float]) -> AvatarState:
    """The state that shows an avatar in a pose, with `centre` straight ahead at rest."""
    rotation = rotation_yxz(*np.radians((pose.yaw_deg, pose.pitch_deg, pose.roll_deg)))
    turn = rotation_vector(quaternion_from_matrix(rotation))
    body = matrix_from_quaternion(quaternion_from_vector(turn * np.array(pose.body_turn)))
    place = np.array((0.0, 0.0, -DISTANCE_M)) - np.array(centre)
    pivot = np.array(avatar.fit.neck_pivot)
    return AvatarState(
        camera_from_head=turned_about(pivot, rotation, place),
        camera_from_body=turned_about(pivot, body, place),
        morphs=weights_of(pose.weights),
    )


def weights_of(named: Mapping[str, float]) -> Weights:
    """float32[52] of weights by name."""
    out = np.zeros(len(EXPRESSIONS), np.float32)
    for name, weight in named.items():
        out[INDEX[name]] = weight
    return out


def room(width: int, height: int) -> Image:
    """A blurred room with a window, uint8[h, w, 4]: bright and dark behind the outline."""
    down = np.linspace(0, 1, height)[:, None, None]
    wall = np.array(WALL, np.float64)
    image = np.broadcast_to(wall[0] + (wall[1] - wall[0]) * down, (height, width, 3)).copy()

    def box(x0: float, y0: float, x1: float, y1: float, color: tuple[int, int, int]) -> None:
        rows = slice(round(y0 * height), round(y1 * height))
        image[rows, round(x0 * width) : round(x1 * width)] = color

    box(0.04, 0.08, 0.24, 0.62, (226, 232, 236))  # window
    box(0.135, 0.08, 0.145, 0.62, (160, 160, 160))
    box(0.74, 0.20, 1.00, 0.225, (74, 52, 40))  # shelf
    for place, color in enumerate(
        ((150, 60, 52), (64, 92, 120), (196, 160, 84), (70, 110, 78), (120, 84, 116))
    ):
        left = 0.78 + 0.035 * place
        box(left, 0.07 + 0.02 * (place % 3), left + 0.03, 0.20, color)
    middle, axes = (round(0.91 * width), round(0.66 * height)), (width // 22, height // 6)
    cv2.ellipse(image, middle, axes, 0, 0, 360, (72, 100, 68), cv2.FILLED)  # a plant
    blurred = cv2.GaussianBlur(image, (0, 0), max(1.0, BLUR * height))
    out = np.full((height, width, 4), 255, np.uint8)
    out[..., :3] = np.rint(blurred)
    return out
