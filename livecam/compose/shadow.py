"""The soft shadow that head and ruff throw on the person's body."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect

CELL = 4  # pixels: it is soft, so a quarter of the size is enough
GAMMA = 1 / 2.2  # light times s is sRGB times s ** GAMMA, nearly: no need to decode


@dataclass(frozen=True, slots=True)
class Throw:
    """How a silhouette becomes a shadow; lengths are in skull half-widths."""

    offset: float  # away from the key light
    softness: float  # standard deviation of the blur
    strength: float


# From a study on real pictures.
CAST = Throw(offset=0.20, softness=0.11, strength=1.0)
CONTACT = Throw(offset=0.05, softness=0.035, strength=1.1)
REACH = CAST.offset + 3 * CAST.softness
FADE_IN = 0.5  # from the neck down to where the shadow has its full strength


@dataclass(frozen=True, slots=True)
class ShadowPlace:
    """Where a shadow falls: all the geometry it needs."""

    unit_px: float  # the skull's half width
    neck_y_px: float  # nothing above it is body
    towards_key: tuple[float, float]  # in the picture, y down

    def region(self, head: Rect, width: int, height: int) -> Rect:
        """The pixels that the shadow may darken."""
        reach = int(np.ceil(REACH * self.unit_px)) + CELL
        box = head.grown(reach)
        top = max(int(self.neck_y_px), head.y0)
        return Rect(box.x0, min(top, box.y1), box.x1, box.y1).clipped(width, height)


@dataclass(frozen=True, slots=True)
class Body:
    """What may be darkened: a mask over the whole picture, coarser than its pixels."""

    mask: NDArray[np.uint8]  # uint8[rows, columns]
    cell: int  # pixels along one of its cells


def cast(
    picture: Image,
    coverage: NDArray[np.uint8],
    head: Rect,
    place: ShadowPlace,
    strength: float,
    body: Body | None = None,
) -> Rect:
    """Darkens the body under a head, in place; returns the rectangle that may have changed.

    `picture` is the whole one; `coverage` uint8[h, w] of the head lies at `head`. Without a
    `body` everything below the neck is darkened.
    """
    height, width = picture.shape[:2]
    region = place.region(head, width, height)
    columns, rows = region.width // CELL + 1, region.height // CELL + 1
    if strength <= 0 or region.empty or min(columns, rows) < 3:
        return Rect(0, 0, 0, 0)
    silhouette = _on_grid(coverage, head, region, columns, rows)
    dark = np.maximum(
        _thrown(silhouette, place, CAST) * (strength * CAST.strength),
        _thrown(silhouette, place, CONTACT) * (strength * CONTACT.strength),
    )
    below = (np.arange(rows, dtype=np.float32) * CELL + region.y0 - place.neck_y_px) / (
        FADE_IN * place.unit_px
    )
    dark *= np.clip(below, 0, 1)[:, None]
    if body is not None:
        dark *= _body_on_grid(body, region, columns, rows)
    left = np.rint(255 * (1 - np.minimum(dark, 0.9)) ** GAMMA).astype(np.uint8)
    large = cv2.resize(
        left, (columns * CELL, rows * CELL), interpolation=cv2.INTER_LINEAR
    )[: region.height, : region.width]  # fmt: skip
    part = picture[region.slices]
    factor = cv2.merge((large, large, large, np.full_like(large, 255)))
    cv2.multiply(part, factor, dst=part, scale=1 / 255)
    return region


def _body_on_grid(body: Body, region: Rect, columns: int, rows: int) -> NDArray[np.float32]:
    """0..1 on the coarse grid that starts at the region's corner."""
    finer = CELL / body.cell
    grid = np.array(
        (
            (finer, 0, (region.x0 + CELL / 2) / body.cell - 0.5),
            (0, finer, (region.y0 + CELL / 2) / body.cell - 0.5),
        ),
        np.float32,
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    small = cv2.warpAffine(
        body.mask, grid, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(small / np.float32(255), np.float32)


def _on_grid(
    coverage: NDArray[np.uint8], head: Rect, region: Rect, columns: int, rows: int
) -> NDArray[np.float32]:
    """The head's silhouette on the coarse grid that starts at the region's corner."""
    grid = np.array(
        ((1 / CELL, 0, (head.x0 - region.x0) / CELL), (0, 1 / CELL, (head.y0 - region.y0) / CELL)),
        np.float32,
    )
    small = cv2.warpAffine(coverage, grid, (columns, rows), flags=cv2.INTER_LINEAR)
    return np.asarray(small / np.float32(255), np.float32)


def _thrown(
    silhouette: NDArray[np.float32], place: ShadowPlace, throw: Throw
) -> NDArray[np.float32]:
    """The silhouette moved away from the key and blurred."""
    unit = place.unit_px / CELL
    away = -np.array(place.towards_key) * throw.offset * unit
    move = np.array(((1, 0, away[0]), (0, 1, away[1])), np.float32)
    moved = cv2.warpAffine(silhouette, move, silhouette.shape[::-1], flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(moved, (0, 0), max(0.4, throw.softness * unit)), np.float32)
