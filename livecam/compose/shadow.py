"""Casts the soft shadow of head and ruff on the body of the person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect
from livecam.kernels.pixels import SHADE_CELL as CELL
from livecam.kernels.pixels import darken

GAMMA = 1 / 2.2  # linear light times s is sRGB times s ** GAMMA, nearly: no need to decode


@dataclass(frozen=True, slots=True)
class ShadowShape:
    """Offset, blur and strength of a shadow; lengths are in skull half-widths."""

    offset: float  # away from the key light
    softness: float  # standard deviation of the blur
    strength: float


# From a study on real images.
CAST = ShadowShape(offset=0.20, softness=0.11, strength=1.0)
CONTACT = ShadowShape(offset=0.05, softness=0.035, strength=1.1)
REACH = CAST.offset + 3 * CAST.softness
FADE_IN = 0.5  # from the neck down to the full strength of the shadow


@dataclass(frozen=True, slots=True)
class ShadowGeometry:
    """The geometry of a head's shadow in the image."""

    unit_px: float  # half width of the skull
    neck_y_px: float  # no shadow falls above
    towards_key: tuple[float, float]  # direction in the image, y down

    def region(self, head: Rect, width: int, height: int) -> Rect:
        """Returns the rectangle that the shadow may darken."""
        reach = int(np.ceil(REACH * self.unit_px)) + CELL
        box = head.grown(reach)
        top = max(int(self.neck_y_px), head.y0)
        return Rect(box.x0, min(top, box.y1), box.x1, box.y1).clipped(width, height)


@dataclass(frozen=True, slots=True)
class ShadowCatcher:
    """The mask of what the shadow may darken, over the whole image at lower resolution."""

    mask: NDArray[np.uint8]  # uint8[rows, columns]
    cell: int  # pixels along one of its elements


def cast_shadow(
    image: Image,
    coverage: NDArray[np.uint8],
    head: Rect,
    geometry: ShadowGeometry,
    strength: float,
    catcher: ShadowCatcher | None = None,
) -> Rect:
    """Darkens the body under a head, in place; returns the rectangle that may have changed.

    The shadow is soft: it is computed at a quarter of the resolution.

    `coverage` uint8[h, w] of the head lies at the rectangle `head` of the image. Without a
    `catcher` everything below the neck is darkened.
    """
    height, width = image.shape[:2]
    region = geometry.region(head, width, height)
    columns, rows = region.width // CELL + 1, region.height // CELL + 1
    if strength <= 0 or region.empty or min(columns, rows) < 3:
        return Rect(0, 0, 0, 0)
    silhouette = _on_grid(coverage, head, region, columns, rows)
    dark = np.maximum(
        _projected(silhouette, geometry, CAST) * (strength * CAST.strength),
        _projected(silhouette, geometry, CONTACT) * (strength * CONTACT.strength),
    )
    below = (np.arange(rows, dtype=np.float32) * CELL + region.y0 - geometry.neck_y_px) / (
        FADE_IN * geometry.unit_px
    )
    dark *= np.clip(below, 0, 1)[:, None]
    if catcher is not None:
        dark *= _catcher_on_grid(catcher, region, columns, rows)
    left = np.rint(255 * (1 - np.minimum(dark, 0.9)) ** GAMMA).astype(np.uint8)
    darken(image, left, region)
    return region


def _catcher_on_grid(
    catcher: ShadowCatcher, region: Rect, columns: int, rows: int
) -> NDArray[np.float32]:
    """Samples the mask, 0..1, on the coarse grid of the region."""
    finer = CELL / catcher.cell
    grid = np.array(
        (
            (finer, 0, (region.x0 + CELL / 2) / catcher.cell - 0.5),
            (0, finer, (region.y0 + CELL / 2) / catcher.cell - 0.5),
        ),
        np.float32,
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    small = cv2.warpAffine(
        catcher.mask, grid, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(small / np.float32(255), np.float32)


def _on_grid(
    coverage: NDArray[np.uint8], head: Rect, region: Rect, columns: int, rows: int
) -> NDArray[np.float32]:
    """Samples the coverage of the head, 0..1, on the coarse grid of the region."""
    grid = np.array(
        ((1 / CELL, 0, (head.x0 - region.x0) / CELL), (0, 1 / CELL, (head.y0 - region.y0) / CELL)),
        np.float32,
    )
    small = cv2.warpAffine(coverage, grid, (columns, rows), flags=cv2.INTER_LINEAR)
    return np.asarray(small / np.float32(255), np.float32)


def _projected(
    silhouette: NDArray[np.float32], geometry: ShadowGeometry, shape: ShadowShape
) -> NDArray[np.float32]:
    """Moves the silhouette away from the key light and blurs it."""
    unit = geometry.unit_px / CELL
    away = -np.array(geometry.towards_key) * shape.offset * unit
    move = np.array(((1, 0, away[0]), (0, 1, away[1])), np.float32)
    moved = cv2.warpAffine(silhouette, move, silhouette.shape[::-1], flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(moved, (0, 0), max(0.4, shape.softness * unit)), np.float32)
