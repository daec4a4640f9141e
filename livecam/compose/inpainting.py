"""Inpaints unknown colours from known ones around them: push-pull, and interpolated rows.

Gortler, Grzeszczuk, Szeliski and Cohen, "The Lumigraph" (1996), section 3.4: averages of known
colours are pulled down a pyramid and pushed back up where none are known. Most lines of a room are
horizontal, so that is blended with the row interpolated from both sides.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float32]  # float32[rows, columns, 3]
Weights = NDArray[np.float32]  # float32[rows, columns], 0 unknown .. 1 known

BLEND = 0.45  # weight of a new estimate, one for each new segmentation
LEVELS = 7
ROWS = 0.65  # weight of the interpolated row
MIN_KNOWN = 0.12  # of a row, to interpolate it


def inpainted(colours: Colours, known: Weights) -> Colours:
    """Returns the colours where they are known, smoothly inpainted ones elsewhere."""
    out = push_pull(colours, known)
    across, is_usable = _interpolated_rows(colours, known)
    share = ROWS * (1 - known) * is_usable[:, None]
    share = cv2.GaussianBlur(share, (0, 0), 1.2) * (1 - known)
    out += (across - out) * share[..., None]
    return out


def settled(before: Colours | None, estimate: Colours) -> Colours:
    """Returns an estimate smoothed over time; blends it into the one before, in place."""
    if before is None or before.shape != estimate.shape:
        return estimate
    before += (estimate - before) * np.float32(BLEND)
    return before


def push_pull(colours: Colours, known: Weights) -> Colours:
    """Fills unknown colours by push-pull."""
    weighted, weights = [colours * known[..., None]], [known]
    for _ in range(LEVELS):
        if min(weights[-1].shape) < 4:
            break
        colour, weight = cv2.pyrDown(weighted[-1]), cv2.pyrDown(weights[-1])
        lifted = np.asarray(np.clip(weight * 4, 0, 1) / np.maximum(weight, 1e-6), np.float32)
        weighted.append(colour * lifted[..., None])
        weights.append(weight * lifted)
    out = weighted[-1] / np.maximum(weights[-1], 1e-4)[..., None]
    for colour, weight in zip(weighted[-2::-1], weights[-2::-1], strict=True):
        rows, columns = weight.shape
        up = cv2.pyrUp(out, dstsize=(columns, rows))
        out = colour + up * (1 - np.clip(weight, 0, 1))[..., None]
    return np.asarray(out, np.float32)


def _interpolated_rows(colours: Colours, known: Weights) -> tuple[Colours, NDArray[np.float32]]:
    """Interpolates each row over its gaps; also 1 for the rows with enough known colours."""
    rows, columns = known.shape
    sure = known > 0.5
    here = np.broadcast_to(np.arange(columns), (rows, columns))
    left = np.maximum.accumulate(np.where(sure, here, -1), axis=1)
    right = np.minimum.accumulate(np.where(sure, here, columns)[:, ::-1], axis=1)[:, ::-1]
    is_usable = (sure.mean(axis=1) > MIN_KNOWN).astype(np.float32)
    one_sided_left, one_sided_right = left < 0, right >= columns
    left = np.where(one_sided_left, np.minimum(right, columns - 1), left)
    right = np.where(one_sided_right, left, right)
    span = np.maximum(right - left, 1)
    t = np.clip((here - left) / span, 0, 1).astype(np.float32)[..., None]
    weight = cv2.blur(known, (7, 3))
    smooth = cv2.blur(colours * known[..., None], (7, 3)) / np.maximum(weight, 1e-3)[..., None]
    line = np.arange(rows)[:, None]
    out = smooth[line, left] * (1 - t) + smooth[line, right] * t
    return np.asarray(out, np.float32), is_usable
