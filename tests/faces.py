"""Faces and cameras made up for tests."""

from __future__ import annotations

import numpy as np

from livecam.core.face import EXPRESSIONS, Face
from livecam.core.frame import Frame
from livecam.core.spaces import focal_px

SIZE = (160, 120)


def frame(index: int = 0, at: float = 0.0, size: tuple[int, int] = SIZE, value: int = 90) -> Frame:
    image = np.full((size[1], size[0], 4), value, np.uint8)
    image[..., 3] = 255
    image[: size[1] // 2, :, 0] = index % 256  # so that frames differ
    return Frame(image, index, at)


def face(center: tuple[float, float] = (0.5, 0.5), size: float = 0.3, **weights: float) -> Face:
    """A frontal face: centre and height in parts of the picture's height."""
    angle = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, 0] = center[0] + size * 0.375 * SIZE[1] / SIZE[0] * np.sin(angle)
    landmarks[:, 1] = center[1] + size * 0.5 * np.cos(angle)
    # The ears' landmarks, which tell the width of the face.
    landmarks[234] = (center[0] - size * 0.375 * SIZE[1] / SIZE[0], center[1], 0)
    landmarks[454] = (center[0] + size * 0.375 * SIZE[1] / SIZE[0], center[1], 0)
    depth = 0.1532 * focal_px(SIZE[1]) / (size * 0.75 * SIZE[1])
    matrix = np.eye(4)
    offset = np.array((center[0] - 0.5, 0.5 - center[1])) * SIZE
    matrix[:3, 3] = (*(offset * depth / focal_px(SIZE[1])), -depth)
    values = np.zeros(len(EXPRESSIONS), np.float32)
    for name, weight in weights.items():
        values[EXPRESSIONS.index(name)] = weight
    return Face(landmarks, values, matrix)
