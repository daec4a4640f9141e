"""Refines the coarse mask of a person to a matte at image resolution.

A fast guided filter (He and Sun, "Fast Guided Filter", 2015) with the colours as guide: within a
window, alpha is modelled as a linear function of the colour. The functions are fitted on a coarse
grid, and evaluated at full resolution only where the mask has an edge.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Mask

Plane = NDArray[np.float32]

STEP = 2  # cells of the mask along a cell of the fit: the fit is smooth, half is enough
RADIUS = 2  # of the window, in cells of the fit
EPSILON = 1e-3  # regularisation: variance of colour, 0..1, that is no edge
LOW, HIGH = 0.16, 0.84  # values of the fit that become 0 and 1: it does not reach them
TILE = 6  # cells of the fit along a tile that is evaluated or skipped as a whole
# Weight of the last mask where the image did not change, and the change (0..255) at which it is
# zero: the segmentation flickers even on a still image.
KEPT, CHANGED = 0.7, 12
EMPTY, EDGE, FULL = 0, 1, 2

_KEPT = (KEPT * np.maximum(1 - np.arange(256) / CHANGED, 0)).astype(np.float32)


class Matte:
    """Computes the alpha of a person, frame after frame; used on one thread."""

    def __init__(self) -> None:
        self._size = (0, 0, 0)
        self._guide: Image | None = None  # of the last frame
        self._mask: Plane = np.empty((0, 0), np.float32)

    def refine(self, person: Mask, cell: int, image: Image, region: Rect | None = None) -> Mask:
        """Returns alpha uint8[h, w], 0..255; valid until the next call.

        Args:
            person: uint8[rows, columns] on the grid.
            cell: pixels along a cell of the grid.
            image: uint8[h, w, 4], the frame that the mask belongs to.
            region: only these pixels are computed, the others are 0; None: all.
        """
        height, width = image.shape[:2]
        self._resize(width, height, cell)
        span = cell * STEP
        guide = downscaled(image, span)
        mask = self._smoothed(_on_fit_grid(person, guide.shape[:2]), guide)
        fit = _Fit(guide)
        # Twice: the first pass aligns the mask with the edge, the second sharpens it.
        first = _product(guide, fit.weights(mask)) * np.float32(1 / 255)
        weights = fit.weights(first)
        inside = Rect(0, 0, width, height) if region is None else region.clipped(width, height)
        self._alpha.fill(0)
        if not inside.empty:
            self._evaluate(weights, _kinds(_product(guide, weights)), image, span, inside)
        return self._alpha

    def reset(self) -> None:
        """Drops the last frame: a cut."""
        self._guide = None

    def _resize(self, width: int, height: int, cell: int) -> None:
        if self._size == (width, height, cell):
            return
        self._size = (width, height, cell)
        self._alpha = np.zeros((height, width), np.uint8)
        self._guide = None

    def _smoothed(self, mask: Plane, guide: Image) -> Plane:
        if self._guide is not None:
            changes = cv2.split(cv2.blur(cv2.absdiff(guide, self._guide), (3, 3)))
            change = np.asarray(cv2.max(cv2.max(changes[0], changes[1]), changes[2]), np.uint8)
            mask = mask + (self._mask - mask) * _KEPT.take(change)
        self._guide, self._mask = guide, mask
        return mask

    def _evaluate(
        self, weights: Plane, kinds: NDArray[np.uint8], image: Image, span: int, inside: Rect
    ) -> None:
        """Fills `_alpha` by runs of tiles: 0, 255, or the fit evaluated per pixel."""
        # A border of one cell for the interpolation.
        bordered = np.asarray(
            cv2.copyMakeBorder(weights, 1, 1, 1, 1, cv2.BORDER_REPLICATE), np.float32
        )
        side = TILE * span
        for row, line in enumerate(kinds):
            column = 0
            for kind, run in groupby(line):
                first, column = column, column + len(list(run))
                tiles = Rect(first, row, column, row + 1)
                rect = Rect(first * side, row * side, column * side, row * side + side)
                rect = _common(rect, inside)
                if kind == EMPTY or rect.empty:
                    continue
                if kind == FULL:
                    self._alpha[rect.slices] = 255
                else:
                    self._alpha[rect.slices] = _alpha_at(bordered, tiles, image, span, rect)


def downscaled(image: Image, span: int) -> Image:
    """Averages cells of `span` pixels: uint8[ceil(h / span), ceil(w / span), 4]."""
    height, width = image.shape[:2]
    right, below = -width % span, -height % span
    if right or below:
        image = np.asarray(
            cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8
        )
    # OpenCV halves ten times as fast as it shrinks by other factors: one bilinear step by less
    # than three, which skips few pixels, then halving.
    columns, rows = image.shape[1] // span, image.shape[0] // span
    if span % 2 == 0:
        image, span = _halved(image), span // 2
    power = 1 << (max(1, span * 2 // 3).bit_length() - 1)
    image = np.asarray(cv2.resize(image, (columns * power, rows * power)), np.uint8)
    while power > 1:
        image, power = _halved(image), power // 2
    return image


def _halved(image: Image) -> Image:
    size = image.shape[1] // 2, image.shape[0] // 2
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _on_fit_grid(person: Mask, shape: tuple[int, ...]) -> Plane:
    """Returns the mask on the grid of the fit, 0..1."""
    rows, columns = shape[0] * STEP - person.shape[0], shape[1] * STEP - person.shape[1]
    if rows or columns:
        person = np.asarray(
            cv2.copyMakeBorder(person, 0, rows, 0, columns, cv2.BORDER_REPLICATE), np.uint8
        )
    small = cv2.resize(person, shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small * np.float32(1 / 255), np.float32)


class _Fit:
    """The part of the guided filter that depends on the guide alone.

    Equations (5) and (19) of He, Sun, Tang, "Guided Image Filtering" (2013): the covariance of
    the colours is inverted by its cofactors.
    """

    def __init__(self, guide: Image) -> None:
        """Prepares the fit for a guide uint8[rows, columns, 4]."""
        r, g, b = (plane * np.float32(1 / 255) for plane in cv2.split(guide)[:3])
        mr, mg, mb, bb = cv2.split(_mean(cv2.merge((r, g, b, b * b))))
        rr, rg, rb, gg = cv2.split(_mean(cv2.merge((r * r, r * g, r * b, g * g))))
        gb = _mean(g * b) - mg * mb
        smooth = np.float32(EPSILON)
        rr, gg, bb = rr - mr * mr + smooth, gg - mg * mg + smooth, bb - mb * mb + smooth
        rg, rb = rg - mr * mg, rb - mr * mb
        c_rr, c_rg, c_rb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
        c_gg, c_gb, c_bb = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
        scale = 1 / (rr * c_rr + rg * c_rg + rb * c_rb)
        self._colors, self._means = (r, g, b), (mr, mg, mb)
        self._inverse = tuple(c * scale for c in (c_rr, c_rg, c_rb, c_gg, c_gb, c_bb))

    def weights(self, mask: Plane) -> Plane:
        """Fits float32[rows, columns, 4]: alpha, 0..255, is their product with R, G, B, A.

        `mask` is float32[rows, columns], 0..1.
        """
        r, g, b = self._colors
        mr, mg, mb = self._means
        rp, gp, bp, mp = cv2.split(_mean(cv2.merge((r * mask, g * mask, b * mask, mask))))
        rp, gp, bp = rp - mr * mp, gp - mg * mp, bp - mb * mp
        c_rr, c_rg, c_rb, c_gg, c_gb, c_bb = self._inverse
        ar = c_rr * rp + c_rg * gp + c_rb * bp
        ag = c_rg * rp + c_gg * gp + c_gb * bp
        ab = c_rb * rp + c_gb * gp + c_bb * bp
        weights = _mean(cv2.merge((ar, ag, ab, mp - ar * mr - ag * mg - ab * mb)))
        weights[..., 3] -= LOW
        weights *= np.float32(1 / (HIGH - LOW))
        return weights


def _mean(planes: NDArray[Any]) -> Plane:
    return np.asarray(cv2.blur(planes, (2 * RADIUS + 1, 2 * RADIUS + 1)), np.float32)


def _kinds(alpha: Mask) -> NDArray[np.uint8]:
    """Classifies tiles as EMPTY, EDGE or FULL, uint8[rows, columns], by alpha on the fit's grid."""
    rows, columns = alpha.shape
    pad = (1, -rows % TILE + 1, 1, -columns % TILE + 1)
    alpha = np.asarray(cv2.copyMakeBorder(alpha, *pad, cv2.BORDER_REPLICATE), np.uint8)
    near = np.ones((TILE + 2, TILE + 2), np.uint8)  # a tile and a border of one cell
    dilated = cv2.dilate(alpha, near, anchor=(0, 0))
    eroded = cv2.erode(alpha, near, anchor=(0, 0))
    corners = (slice(0, alpha.shape[0] - 2, TILE), slice(0, alpha.shape[1] - 2, TILE))
    some, whole = (dilated[corners] > 0).astype(np.uint8), (eroded[corners] == 255).astype(np.uint8)
    return np.asarray(some + whole, np.uint8)


def _alpha_at(bordered: Plane, tiles: Rect, image: Image, span: int, rect: Rect) -> Mask:
    """Evaluates the fit at the pixels `rect` of a run of tiles, uint8[h, w]."""
    x, y = tiles.x0 * TILE, tiles.y0 * TILE
    part = bordered[y : y + TILE + 2, x : x + tiles.width * TILE + 2]
    rows, columns = part.shape[:2]
    large = cv2.resize(part, (columns * span, rows * span), interpolation=cv2.INTER_LINEAR)
    top, left = rect.y0 - (y - 1) * span, rect.x0 - (x - 1) * span
    large = large[top : top + rect.height, left : left + rect.width]
    return _product(image[rect.slices], np.asarray(large, np.float32))


def _product(image: Image, weights: Plane) -> Mask:
    """Returns the product of each pixel with its weights, uint8[h, w]."""
    product = cv2.multiply(image, weights, dtype=cv2.CV_32F)
    # Pairs first: OpenCV's own sum over channels takes ten times as long.
    pairs = product.reshape(image.shape[0], image.shape[1] * 4)
    pairs = pairs[:, 0::2] + pairs[:, 1::2]
    return np.asarray(cv2.add(pairs[:, 0::2], pairs[:, 1::2], dtype=cv2.CV_8U))


def _common(one: Rect, other: Rect) -> Rect:
    return Rect(
        max(one.x0, other.x0), max(one.y0, other.y0), min(one.x1, other.x1), min(one.y1, other.y1)
    )
