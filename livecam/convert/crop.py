"""Crops a part of a frame, enlarged and rotated upright, as a frame of its own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Face
from livecam.core.frame import Frame
from livecam.core.observation import FaceBox
from livecam.core.spaces import Matrix4, focal_px
from livecam.tracking.pose import PoseSolver

SIDE_PX = 320  # of the crop; the face detector itself reduces it to 192 or less


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of a frame, turned about its centre."""

    x: float  # centre, pixels
    y: float
    side: float  # pixels of the frame
    turn_rad: float  # by which its content was turned, clockwise in the frame

    def cut(self, frame: Frame) -> Frame:
        """Cuts the square out as an RGBA frame of SIDE_PX; black outside of the frame."""
        image = cv2.warpAffine(
            frame.image,
            self._frame_from_crop(),
            (SIDE_PX, SIDE_PX),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0, 0, 0, 255),
        )
        return Frame(np.asarray(image, np.uint8), frame.index, frame.captured_at)

    def box(self, found: FaceBox) -> FaceBox:
        """Maps the place and width of a face that was found in the crop to the frame."""
        affine = self._frame_from_crop()
        x, y = affine[:, :2] @ found[:2] + affine[:, 2]
        return np.array((x, y, found[2] * self.side / SIDE_PX))

    def face(self, found: Face, solver: PoseSolver, width: int, height: int) -> Face:
        """Maps a face that was found in the crop to the frame of that size."""
        affine = self._frame_from_crop()
        points = found.landmarks[:, :2] * SIDE_PX @ affine[:, :2].T + affine[:, 2]
        landmarks = found.landmarks.copy()
        landmarks[:, :2] = points / (width, height)
        landmarks[:, 2] *= self.side / width
        rough = self._pose(found.camera_from_head, width, height)
        return Face(landmarks, found.weights, solver.solve(landmarks, rough, width, height))

    def _frame_from_crop(self) -> NDArray[np.float64]:
        """Computes the transform float64[2, 3] from pixels of the crop to pixels of the frame."""
        scale = self.side / SIDE_PX
        cos, sin = scale * np.cos(self.turn_rad), scale * np.sin(self.turn_rad)
        linear = np.array(((cos, -sin), (sin, cos)))
        middle = linear @ (SIDE_PX / 2, SIDE_PX / 2)
        return np.column_stack((linear, (self.x, self.y) - middle))

    def _pose(self, camera_from_head: Matrix4, width: int, height: int) -> Matrix4:
        """Estimates the pose in the whole frame's camera; the distance follows from the size."""
        position = camera_from_head[:3, 3]
        pixel = position[:2] / -position[2] * focal_px(SIDE_PX) * (1, -1) + SIDE_PX / 2
        affine = self._frame_from_crop()
        x, y = affine[:, :2] @ pixel + affine[:, 2]
        focal = focal_px(height)
        depth = -position[2] * focal / (focal_px(SIDE_PX) * self.side / SIDE_PX)
        at = np.array(((x - width / 2) / focal, (height / 2 - y) / focal, -1.0)) * depth
        cos, sin = np.cos(self.turn_rad), np.sin(self.turn_rad)
        turned_back = np.array(((cos, sin, 0), (-sin, cos, 0), (0, 0, 1)))
        out = np.eye(4)
        out[:3, :3] = turned_back @ camera_from_head[:3, :3]
        out[:3, 3] = at
        return out
