"""Draws one avatar in a given pose before a neutral room: for sheets, turntables and the gallery.

The compositor of the live pipeline draws it.
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

AnyTier: TypeAlias = Literal["light", "full", "auto"]  # auto: chosen by measurement

DISTANCE_M = 0.75  # typical before a webcam; nearer, perspective enlarges the nose
HEADROOM = 1.12  # height of the viewport over that of the head
WALL = (176, 158, 140), (104, 88, 80)  # sRGB, above and below
BLUR = 0.012  # sigma over the height of the image


@dataclass(frozen=True, slots=True)
class ViewerPose:
    """Rotation of a head and the weights of its morph targets, after all gains."""

    name: str
    weights: Mapping[str, float] = field(default_factory=dict)
    yaw_deg: float = 0.0  # to the head's left
    pitch_deg: float = 0.0  # down
    roll_deg: float = 0.0
    body_turn: tuple[float, float, float] = tuple(BODY_TURN.tolist())  # share of the head's turn


class AvatarViewer(Closing):
    """Draws one avatar in images of one size. Thread of the context."""

    def __init__(
        self, graphics: Graphics, avatar: Avatar, size: tuple[int, int], tier: AnyTier = "full"
    ) -> None:
        self.avatar = avatar
        self._viewport = viewport_of(avatar, size)
        self._room = room_image(*size)
        width, height = self._viewport.frame
        self._image = np.zeros((height, width, 4), np.uint8)
        settings = RenderSettings(tier=tier, shadow=0.0)  # there is no body to shade
        self._compositor = HeadCompositor(graphics, avatar, settings, self._viewport.frame)
        self._springs = Springs(avatar.bones) if avatar.bones else None

    def draw(self, pose: ViewerPose, after_s: float = 0.0) -> Image:
        """Returns an image of the avatar in that pose, uint8[h, w, 4].

        Its springs continue from the last image, drawn `after_s` earlier; 0 resets them.

        Raises:
            GraphicsError: the driver failed.
        """
        self._image[self._viewport.crop.slices] = self._room
        state = self._with_springs(state_in_pose(self.avatar, pose, self._viewport.centre), after_s)
        drawn = self._compositor.compose(Frame(self._image, 0, 0.0), (state,))
        return drawn.image[self._viewport.crop.slices].copy()

    def _with_springs(self, state: AvatarState, after_s: float) -> AvatarState:
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
class Viewport:
    """A crop of a webcam's frame that just holds a head."""

    frame: tuple[int, int]  # size of the whole frame
    crop: Rect  # in its middle
    centre: tuple[float, float, float]  # the point in head space that is drawn there at rest


def viewport_of(avatar: Avatar, size: tuple[int, int]) -> Viewport:
    """Returns the viewport of that size that holds all of a head, with ears and horns."""
    points = np.concatenate([mesh.positions for mesh in avatar.light_meshes])
    weight = np.concatenate([mesh.head_weight for mesh in avatar.light_meshes])
    head = points[weight > 0.5] if (weight > 0.5).any() else points
    width, height = size
    top = float(head[:, 1].max())
    bottom = min(float(head[:, 1].min()), avatar.fit.eye_line[1] - avatar.fit.chin_drop)
    head_width = 2 * float(np.abs(head[:, 0]).max())
    view_height_m = HEADROOM * max(top - bottom, head_width * height / width)
    px_per_m = height / view_height_m
    frame_height_px = 2 * DISTANCE_M * float(np.tan(VERTICAL_FOV_RAD / 2)) * px_per_m
    # Margins are whole pixels when all sizes are even.
    frame_height = max(height, 2 * round(frame_height_px / 2))
    frame_width = max(width, 2 * round(frame_height * 2 / 3))
    x, y = (frame_width - width) // 2, (frame_height - height) // 2
    centre = (0.0, (top + bottom) / 2, avatar.fit.eye_line[2] / 2)
    return Viewport((frame_width, frame_height), Rect(x, y, x + width, y + height), centre)


def state_in_pose(
    avatar: Avatar, pose: ViewerPose, centre: tuple[float, float, float]
) -> AvatarState:
    """Returns the state of an avatar in a pose; `centre` is on the optical axis at rest."""
    rotation = rotation_yxz(*np.radians((pose.yaw_deg, pose.pitch_deg, pose.roll_deg)))
    turn = rotation_vector(quaternion_from_matrix(rotation))
    body = matrix_from_quaternion(quaternion_from_vector(turn * np.array(pose.body_turn)))
    translation = np.array((0.0, 0.0, -DISTANCE_M)) - np.array(centre)
    pivot = np.array(avatar.fit.neck_pivot)
    return AvatarState(
        camera_from_head=turned_about(pivot, rotation, translation),
        camera_from_body=turned_about(pivot, body, translation),
        morphs=weights_array(pose.weights),
    )


def weights_array(named: Mapping[str, float]) -> Weights:
    """Returns float32[52] of weights given by name."""
    out = np.zeros(len(EXPRESSIONS), np.float32)
    for name, weight in named.items():
        out[INDEX[name]] = weight
    return out


def room_image(width: int, height: int) -> Image:
    """Returns a blurred room, uint8[h, w, 4], both bright and dark behind the outline."""
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
