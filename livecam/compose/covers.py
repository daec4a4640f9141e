"""Covers for when no avatar can be drawn: the curtain card, the blur and the underpaint.

Plain arrays and OpenCV: they must work when OpenGL does not.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect

BLUR_CELLS = 14  # resolution of a blurred image along its shorter side: no face is recognisable
REGION_CELLS = 4  # resolution of a blurred face
OUTLINE_GROWTH = 1.04  # of a painted-out face: steadied pose and landmarks differ by 1-2 pixels
FACE_HEIGHT = 1.4  # of the landmarks' box, over its width
FACE_MARGIN = 0.6  # of the landmarks' box on every side: for hair, ears, chin and motion


@lru_cache(maxsize=4)
def curtain(width: int, height: int) -> Image:
    """Draws the card that replaces the whole frame: uint8[h, w, 4], read-only.

    A calm dusk gradient with two closed eyes and a smile; no words, so no language.
    """
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5
    glow = np.exp(-((x * 1.5) ** 2 + (y * 1.7 + 0.12) ** 2) / 0.16)[..., None]
    top, bottom = np.array((38, 46, 74), np.float32), np.array((88, 62, 84), np.float32)
    colours = top + (bottom - top) * (y[..., None] + 0.5) + glow * np.array((92, 62, 40))
    # A gradient this soft has visible banding in 8 bits; fixed noise hides it.
    colours += np.random.default_rng(7).normal(0, 0.8, (height, width, 1))
    out = np.full((height, width, 4), 255, np.uint8)
    out[..., :3] = np.clip(colours, 0, 255)
    _draw_sleeping_face(out)
    out.flags.writeable = False
    return out


def _draw_sleeping_face(out: Image) -> None:
    height, width = out.shape[:2]
    unit = min(width, height) / 100
    line = max(1, round(unit * 1.6))
    shift, one = 4, 16  # fixed-point coordinates of cv2: 1/16 pixel

    def arc(cx: float, cy: float, rx: float, ry: float, start: int, end: int) -> None:
        center = (round((width / 2 + cx * unit) * one), round((height / 2 + cy * unit) * one))
        axes = (round(rx * unit * one), round(ry * unit * one))
        cv2.ellipse(
            out, center, axes, 0, start, end, (255, 238, 220, 255), line, cv2.LINE_AA, shift
        )

    for side in (-1, 1):
        arc(side * 11, -4, 5.5, 3.6, 20, 160)
    arc(0, 5, 8, 5, 30, 150)


def blur_whole(image: Image) -> Image:
    """Blurs an image beyond recognition: uint8[h, w, 4]."""
    height, width = image.shape[:2]
    scale = BLUR_CELLS / min(width, height)
    cells = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = cv2.resize(image, cells, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (3, 3), 0.8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def face_region(box: Rect, margin: float = FACE_MARGIN) -> Rect:
    """Grows a landmark box to hide the whole head; it may reach out of the image."""
    return box.grown(round(margin * max(box.width, box.height)))


def region_at(x: float, y: float, size: float, margin: float = FACE_MARGIN) -> Rect:
    """Returns `face_region` for a face of which only centre and width are known, in pixels."""
    half = size * FACE_HEIGHT / 2
    box = Rect(int(x - size / 2), int(y - half), int(x + size / 2) + 1, int(y + half) + 1)
    return face_region(box, margin)


def blur_region(image: Image, region: Rect) -> None:
    """Blurs an ellipse beyond recognition in place, with a soft edge.

    The ellipse fills `region`, which may reach out of the image.
    """
    inside = region.clipped(image.shape[1], image.shape[0])
    if inside.width < 2 or inside.height < 2:
        return
    part = image[inside.slices]
    scale = REGION_CELLS / min(region.width, region.height)
    cells = (max(2, round(inside.width * scale)), max(2, round(inside.height * scale)))
    small = cv2.resize(part, cells, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(small, (inside.width, inside.height), interpolation=cv2.INTER_CUBIC).astype(
        np.float32
    )
    x, y = inside.x0 - region.x0, inside.y0 - region.y0
    weight = _soft_ellipse(region.width, region.height)
    weight = weight[y : y + inside.height, x : x + inside.width]
    part[...] = (part + (soft - part) * weight).clip(0, 255)


def paint_out(image: Image, outline: NDArray[np.float32], color: tuple[int, int, int]) -> None:
    """Fills a convex outline float32[k, 2], pixels, in place, a little beyond its edge.

    It is visible through gaps of an avatar and beside one that is too narrow.
    """
    middle = outline.mean(axis=0)
    wider = np.rint(middle + (outline - middle) * OUTLINE_GROWTH).astype(np.int32)
    cv2.fillConvexPoly(image, wider, (*color, 255))


@lru_cache(maxsize=16)
def _soft_ellipse(width: int, height: int) -> NDArray[np.float32]:
    """Draws float32[h, w, 1]: 1 inside an ellipse that fills the rectangle, 0 at its rim."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = np.hypot((x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1)
    weight: NDArray[np.float32] = np.clip((1.0 - radius) / 0.12, 0, 1)[..., None]
    return weight
