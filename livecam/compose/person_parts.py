"""Splits the mask of a person into head and body, for the avatar that is worn.

The seam between what is replaced and what stays lies under the avatar's ruff; beside the ruff it
is the top of the shoulders, without hair. All masks are on the grid of `Segmentation`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.lean import LeanedGrid
from livecam.core.spaces import focal_px
from livecam.segmentation.base import Mask, Segmentation
from livecam.segmentation.warp import CHIN, CROWN, MaskWarp
from livecam.vision.morphology import disc

UNIT_M = 0.105  # the lengths below are in radii of a head at scale 1

CHEEKS = (50, 280, 205, 425, 151, 9)  # bare skin on nearly every face

HAIR_GROWTH = 0.03
UNDER_RUFF = 0.12  # height of the seam above the ruff's rim
RUFF_SHARE = 0.92  # of the ruff's half width: its ends are ragged
SHOULDER_SLOPE = 1.0  # largest slope of shoulders that are not visible
BESIDE = 0.75  # face widths from its middle, where shoulders begin
GAP = 0.25  # head radii: narrower holes in a shoulder are bridged
RISE = 0.9  # head radii above the chin that a shoulder may rise
REACH = 0.07  # uncertainty of the edge of a mask
NEAR_HEAD = 0.22  # parts beyond this distance are not head, unless they are hair
HAIR_REACH = 1.9  # face heights beside the face: hair farther off is another person's
STRANDS, STRAND_GAIN = 0.35, 3.5  # face heights around sure hair; gain of its probability there
SURE, HALF = 76, 128
WIDTH, DEPTH = 0.55, 0.85  # of the throat round a point below the chin, face heights; fading out
BELOW_CHIN = 0.25  # that point, in face heights
SAME_AS_CLOTH = 90  # of 255: mean similarity of the chest to skin
ONE_PIECE = 60  # of 255: skin from which it counts as joined to the throat
SKIN_SPREAD = 0.026  # of the shares of red and blue
MIN_SKIN = 28  # the hue of darker pixels is noise
AT_SEAM = 1.6  # head radii below the seam: beyond may be another garment
COVERED = 0.9  # scale of the face's outline: heads are larger
# Hair leaves the outline of a late mask when the head turns: head radii in a second beyond.
LATE_S, TURNED_PER_S = 0.25, 0.12


@dataclass(frozen=True, slots=True)
class PersonParts:
    """The masks of a person's head and body, on the grid of the segmentation."""

    unit_px: float  # radius of the head
    chin: tuple[float, float]  # pixels
    person: Mask  # the wearer alone
    remove: Mask  # is replaced by background
    hair_on_body: Mask  # is replaced by cloth
    body: Mask  # stays, and receives shadows
    skin: Mask  # bare skin of body and neck
    covered: Mask  # surely behind the avatar
    throat: Mask  # bare skin near the throat, which is tinted
    face: NDArray[np.float32]  # float32[478, 2], pixels: landmarks of that frame
    at_seam: Mask  # 255 above the seam, and so far below it that clothes are those at the neck


def warp_parts(parts: PersonParts, segmentation: Segmentation) -> PersonParts:
    """Warps parts of an earlier frame to the landmarks of a segmentation."""
    mask_warp = MaskWarp.between(
        parts.face, segmentation.landmarks_px, parts.person.shape, segmentation.cell
    )
    if mask_warp is None:
        return parts
    chin = segmentation.landmarks_px[CHIN]
    body = mask_warp.warp(parts.body)
    return replace(
        parts,
        chin=(float(chin[0]), float(chin[1])),
        person=mask_warp.warp(parts.person),
        remove=_grown_late(mask_warp.warp(parts.remove), body, parts.unit_px, segmentation),
        hair_on_body=mask_warp.warp(parts.hair_on_body),
        body=body,
        skin=mask_warp.warp(parts.skin),
        covered=mask_warp.warp(parts.covered),
        throat=mask_warp.warp(parts.throat),
    )


def _grown_late(remove: Mask, body: Mask, unit_px: float, segmentation: Segmentation) -> Mask:
    """Grows the mask of what is removed when it is late, above the chin; the body stays."""
    computed_at = segmentation.at if segmentation.computed_at is None else segmentation.computed_at
    late_s = abs(segmentation.at - computed_at) - LATE_S
    if late_s <= 0:
        return remove
    reach_px = TURNED_PER_S * late_s * unit_px + segmentation.uncertainty_px
    reach = disc(round(reach_px / segmentation.cell))
    above = slice(0, max(0, int(segmentation.landmarks_px[CHIN, 1] / segmentation.cell)))
    grown = cv2.min(cv2.dilate(remove[above], reach), cv2.bitwise_not(body[above]))
    remove[above] = cv2.max(remove[above], grown)
    return remove


class AvatarProjection:
    """Projects the vertices of an avatar to the image, without morphs. One thread."""

    def __init__(self, avatar: Avatar) -> None:
        self._points = np.concatenate([m.positions for m in avatar.light_meshes])
        self._head_weight = np.concatenate([m.head_weight for m in avatar.light_meshes])[:, None]
        self.body = self._head_weight[:, 0] < 0.5
        self.neck_pivot = np.asarray(avatar.fit.neck_pivot)

    def project(self, state: AvatarState, width: int, height: int) -> NDArray[np.float32]:
        """Returns float32[n, 2], pixels."""
        head, body = (
            self._points @ m[:3, :3].T.astype(np.float32) + m[:3, 3].astype(np.float32)
            for m in (state.camera_from_head, state.camera_from_body)
        )
        at = body + (head - body) * self._head_weight
        scale = np.float32(focal_px(height)) / np.maximum(-at[:, 2], np.float32(1e-3))
        out = at[:, :2] * scale[:, None]
        out[:, 1] *= -1
        out += np.array((width / 2, height / 2), np.float32)
        return np.asarray(out, np.float32)


def split_person(
    segmentation: Segmentation,
    coarse: NDArray[np.uint8],
    person: Mask,
    state: AvatarState,
    projection: AvatarProjection,
    lean: float = 0.0,
) -> PersonParts:
    """Splits the mask of a wearer (see `wearer_mask`).

    `coarse` uint8[rows, columns, 3] is the image on the grid of the segmentation. `lean` is how
    far the torso leans, clockwise in the image, radians: the seam leans with it.
    """
    points = projection.project(state, *segmentation.size)
    scale = float(np.cbrt(np.linalg.det(state.camera_from_head[:3, :3])))
    distance = max(0.05, -float(state.camera_from_head[2, 3]))
    unit = focal_px(segmentation.size[1]) * UNIT_M * scale / distance
    if not lean:
        return _split(segmentation, coarse, person, points, projection.body, unit)
    grid = LeanedGrid(person.shape[:2], segmentation.cell, lean)
    upright = _split(
        grid.masks(segmentation),
        grid.turned(coarse, cv2.BORDER_REPLICATE),
        grid.turned(person),
        grid.points(points),
        projection.body,
        unit,
    )
    return _leaned(upright, grid, segmentation, person)


def _leaned(
    upright: PersonParts, grid: LeanedGrid, segmentation: Segmentation, person: Mask
) -> PersonParts:
    """Returns parts that were split on a turned grid, as they lie in the image."""
    chin = segmentation.landmarks_px[CHIN]
    return replace(
        upright,
        chin=(float(chin[0]), float(chin[1])),
        person=person,
        face=segmentation.landmarks_px,
        remove=grid.back(upright.remove),
        hair_on_body=grid.back(upright.hair_on_body),
        body=grid.back(upright.body),
        skin=grid.back(upright.skin),
        covered=grid.back(upright.covered),
        throat=grid.back(upright.throat),
        at_seam=grid.back(upright.at_seam),
    )


def _split(
    segmentation: Segmentation,
    coarse: NDArray[np.uint8],
    person: Mask,
    points: NDArray[np.float32],
    of_body: NDArray[np.bool_],
    unit: float,
) -> PersonParts:
    """Splits a wearer whose torso is upright on the grid; `points` are those of the avatar."""
    cell, landmarks = segmentation.cell, segmentation.landmarks_px
    chin = landmarks[CHIN]
    face_height = max(float(np.linalg.norm(chin - landmarks[CROWN])), 4.0)
    head = _hull(points, segmentation.person.shape, cell)
    hair = _own_hair(segmentation, head, face_height)
    skin = _skin(coarse, landmarks, person, cell)
    seam = _seam(segmentation, person, hair, skin, points[of_body], unit)
    rows = (np.arange(person.shape[0], dtype=np.float32)[:, None] + 0.5) * cell
    below_seam = np.clip((rows - seam[None]) / (1.5 * cell) + 0.5, 0, 1)
    reach = disc(max(2, round((REACH * unit + segmentation.uncertainty_px) / cell)))
    near_head = cv2.dilate(head, disc(max(1, round(NEAR_HEAD * unit / cell))))
    # Strands on the body stay: folds of cloth resemble them.
    sure_hair = hair if segmentation.hair is None else cv2.min(hair, segmentation.hair)
    return PersonParts(
        covered=_covered(landmarks, person.shape, cell),
        throat=_throat(segmentation, skin, face_height),
        face=landmarks,
        unit_px=unit,
        chin=(float(chin[0]), float(chin[1])),
        person=person,
        remove=_head_mask(person, hair, near_head, reach, below_seam),
        hair_on_body=_hair_on_body(np.asarray(sure_hair, np.uint8), reach, below_seam),
        body=(person * below_seam).astype(np.uint8),
        skin=skin,
        at_seam=(rows < seam[None] + AT_SEAM * unit).astype(np.uint8) * np.uint8(255),
    )


def _head_mask(
    person: Mask,
    hair: Mask,
    near_head: NDArray[Any],
    reach: NDArray[np.uint8],
    below_seam: NDArray[np.float32],
) -> Mask:
    """Keeps person and hair above the seam, where they are near the head."""
    some = cv2.dilate(cv2.max(person, hair), reach)
    sure_hair = np.where(hair > SURE, hair, 0).astype(np.uint8)
    near = cv2.max(near_head, cv2.dilate(sure_hair, reach))
    mask = cv2.min(cv2.blur(some, (3, 3)), cv2.blur(near, (5, 5))) * (1 - below_seam)
    return np.asarray(mask.astype(np.uint8))


def _hair_on_body(hair: Mask, reach: NDArray[np.uint8], below_seam: NDArray[np.float32]) -> Mask:
    """Keeps hair below the seam."""
    grown = cv2.dilate(hair, reach).astype(np.float32) * 2 - 160
    mask = np.clip(grown, 0, 255) * below_seam
    return np.asarray(cv2.blur(mask.astype(np.uint8), (3, 3)), np.uint8)


def _covered(landmarks: NDArray[np.float32], shape: tuple[int, ...], cell: int) -> Mask:
    """Draws the inside of the face's outline."""
    out = np.zeros(shape[:2], np.uint8)
    outline = cv2.convexHull(landmarks)[:, 0]
    middle = outline.mean(axis=0)
    inside = middle + (outline - middle) * COVERED
    cv2.fillConvexPoly(out, np.rint(inside / cell).astype(np.int32), 255)
    return out


def wearer_mask(segmentation: Segmentation) -> Mask:
    """Keeps the connected part of the person mask that contains the face."""
    person, face, cell = segmentation.person, segmentation.landmarks_px, segmentation.cell
    _, labels = cv2.connectedComponents((person > 100).astype(np.uint8), connectivity=8)
    rows, columns = person.shape
    at = (face[::6] / cell).astype(np.int64)
    inside = (at >= 0).all(axis=1) & (at[:, 0] < columns) & (at[:, 1] < rows)
    found = labels[at[inside, 1], at[inside, 0]]
    found = found[found > 0]
    if not len(found):
        return person
    mine = (labels == np.bincount(found).argmax()).astype(np.uint8) * np.uint8(255)
    return np.asarray(cv2.min(person, cv2.dilate(mine, disc(2))), np.uint8)


def _hull(points: NDArray[np.float32], shape: tuple[int, ...], cell: int) -> Mask:
    out = np.zeros(shape[:2], np.uint8)
    hull = cv2.convexHull(points)[:, 0]
    cv2.fillConvexPoly(out, np.rint(np.clip(hull / cell, -4000, 4000)).astype(np.int32), 255)
    return out


def _own_hair(segmentation: Segmentation, head: Mask, face_height: float) -> Mask:
    """Keeps the hair of this head: connected to it, and not too far."""
    if segmentation.hair is None:
        return np.zeros_like(segmentation.person)
    hair = segmentation.hair.copy()
    columns = (np.arange(hair.shape[1]) + 0.5) * segmentation.cell
    far = np.abs(columns - segmentation.landmarks_px[:, 0].mean()) > HAIR_REACH * face_height
    hair[:, far] = 0
    some = (hair > SURE).astype(np.uint8)
    count, labels = cv2.connectedComponents(some, connectivity=8)
    touching = np.bincount(labels[(head > 0) & (some > 0)], minlength=count)
    mine = (touching > 0)[labels] & (labels > 0)
    # Near sure hair, less probable hair counts too: loose strands.
    reach = max(2, round(STRANDS * face_height / segmentation.cell))
    near = cv2.dilate(mine.astype(np.uint8) * np.uint8(255), disc(reach))
    return np.asarray(cv2.min(cv2.convertScaleAbs(hair, alpha=STRAND_GAIN), near), np.uint8)


def _skin(small: NDArray[np.uint8], face: NDArray[np.float32], person: Mask, cell: int) -> Mask:
    """Finds the cells of the colour of the cheeks, 0..255."""
    rows, columns = person.shape
    at = np.rint(face[list(CHEEKS)] / cell).astype(np.int64)
    at = np.clip(at, 0, (columns - 1, rows - 1))
    # Chromaticity of red and blue: independent of shading.
    light = small.astype(np.float32) + 1
    shares = light[..., ::2] / cv2.transform(light, np.ones((1, 3), np.float32))[..., None]
    away = (shares - np.median(shares[at[:, 1], at[:, 0]], axis=0)) * np.float32(1 / SKIN_SPREAD)
    away *= away
    alike = np.clip(1.6 - away[..., 0] - away[..., 1], 0, 1)
    alike *= small.max(axis=2) > MIN_SKIN
    return np.asarray(alike * person, np.uint8)


def _throat(segmentation: Segmentation, skin: Mask, height: float) -> Mask:
    """Finds bare skin near the throat; `height` of the face in pixels."""
    rows, columns = segmentation.person.shape
    chin = segmentation.landmarks_px[CHIN]
    x = (np.arange(columns, dtype=np.float32)[None] + 0.5) * segmentation.cell - chin[0]
    y = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * segmentation.cell - chin[1]
    away = np.hypot(x / WIDTH, (y - BELOW_CHIN * height) / DEPTH) / height
    near = np.clip(2.4 - 2.2 * away, 0, 1) * (y > -0.2 * height)
    closed = cv2.morphologyEx(skin, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    some = (closed * near).astype(np.uint8)
    chest = (np.abs(x) < 0.5 * height) & (y > 0.6 * height) & (y < 1.1 * height)
    if chest.any() and float(skin[chest].mean()) > SAME_AS_CLOTH:
        return np.zeros_like(some)  # clothes of the colour of skin cannot be separated
    # Only what is connected to the throat: not a beige jumper.
    count, labels = cv2.connectedComponents((some > ONE_PIECE).astype(np.uint8), connectivity=4)
    throat = (np.abs(x) < 0.25 * height) & (y > -0.2 * height) & (y < 0.15 * height)
    joined = np.bincount(labels[throat], minlength=count) > 0
    joined[0] = False
    mine = cv2.dilate(joined[labels].astype(np.uint8) * np.uint8(255), np.ones((3, 3), np.uint8))
    some = np.asarray(cv2.min(some, mine), np.uint8)
    for hand in segmentation.hands:  # a hand at the throat is not tinted
        hull = cv2.convexHull(hand.points / segmentation.cell)
        cv2.fillConvexPoly(some, np.rint(hull).astype(np.int32), 0)
    return np.asarray(cv2.blur(some, (3, 3)), np.uint8)


def _seam(
    segmentation: Segmentation,
    person: Mask,
    hair: Mask,
    skin: Mask,
    ruff: NDArray[np.float32],
    unit: float,
) -> NDArray[np.float32]:
    """Returns the first row of the body in each column, in pixels."""
    rows, columns = person.shape
    cell, bottom = segmentation.cell, float(rows * segmentation.cell)
    x = (np.arange(columns) + 0.5) * cell
    low, high = float(ruff[:, 0].min()), float(ruff[:, 0].max())
    middle, half = (low + high) / 2, max((high - low) / 2, 1.0)
    rim = _ruff_rim(ruff, np.asarray(x, np.float64), middle, half)
    inner = np.abs(x - middle) < RUFF_SHARE * half
    under = rim - UNDER_RUFF * unit
    if not inner.any():
        return np.full(columns, bottom, np.float32)
    top, valid = _shoulders(segmentation, person, hair, unit)
    # Shoulders that rise beside the ruff are visible above it.
    line = np.where(inner & valid, np.minimum(top, under), under)
    width = np.ones((1, 2 * max(1, round(GAP / 2 * unit / cell)) + 1), np.uint8)
    left, right = int(np.flatnonzero(inner)[0]), int(np.flatnonzero(inner)[-1])
    for outside, start in ((slice(right + 1, None), right), (slice(left - 1, None, -1), left)):
        if left == 0 and start == left:
            continue
        away = np.abs(x[outside] - x[start])
        cap = rim[start] + 0.10 * unit + SHOULDER_SLOPE * away
        line[outside] = _outwards(top[outside], valid[outside], cap, bottom, width)
    line = np.minimum(line, bottom).astype(np.float32)
    sigma = max(0.6, 0.02 * unit / cell)
    return np.asarray(cv2.GaussianBlur(line[None], (0, 0), sigma)[0], np.float32)


def _outwards(
    top: NDArray[np.float64],
    valid: NDArray[np.bool_],
    cap: NDArray[np.float64],
    bottom: float,
    width: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """Computes the line of a shoulder from the ruff outwards, which never rises.

    Where it is not valid it is interpolated. Gaps narrower than `width`, a row of ones, are
    bridged.
    """
    if not valid.any():
        return np.minimum(cap, bottom)
    places = np.arange(len(top))
    whole = np.interp(places, places[valid], top[valid]).astype(np.float32)[None]
    # A hole in the mask does not end the shoulder.
    smooth = cv2.erode(whole, width, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.dilate(smooth, width, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.maximum.accumulate(smooth[0]), np.float64)


def _ruff_rim(
    ruff: NDArray[np.float32], x: NDArray[np.float64], middle: float, half: float
) -> NDArray[np.float64]:
    """Computes the lower rim of the ruff at columns x, in pixels."""
    bins = 24
    place = np.clip(((ruff[:, 0] - middle) / half + 1) / 2 * bins, 0, bins - 1).astype(np.int64)
    lowest = np.full(bins, -np.inf)
    np.maximum.at(lowest, place, ruff[:, 1])
    found = np.isfinite(lowest)
    centers = middle + half * ((np.arange(bins) + 0.5) / bins * 2 - 1)
    return np.asarray(np.interp(x, centers[found], lowest[found]), np.float64)


def _shoulders(
    segmentation: Segmentation, person: Mask, hair: Mask, unit: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Finds the top of the clothes in each column, in pixels, and whether it is reliable."""
    rows, columns = person.shape
    cell = segmentation.cell
    chin = float(segmentation.landmarks_px[CHIN, 1])
    y = (np.arange(rows) + 0.5) * cell
    grown = cv2.dilate((hair > 50).astype(np.uint8), disc(max(1, round(HAIR_GROWTH * unit / cell))))
    x = (np.arange(columns) + 0.5) * cell
    middle, wide = (
        float(segmentation.landmarks_px[:, 0].mean()),
        float(np.ptp(segmentation.landmarks_px[:, 0])),
    )
    beside = np.abs(x - middle) > BESIDE * wide
    highest = np.where(beside, chin - RISE * unit, chin - 0.15 * unit)
    cloth = (person > HALF) & (grown == 0) & (y[:, None] > highest[None])
    first = np.where(cloth.any(axis=0), cloth.argmax(axis=0), rows)
    top = first.astype(np.float64) * cell
    hidden = np.zeros(columns, bool)
    for above in (1, round(0.06 * unit / cell) + 1, round(0.12 * unit / cell) + 1):
        hidden |= grown[np.clip(first - above, 0, rows - 1), np.arange(columns)] > 0
    valid = (first < rows - 1) & ~hidden & beside & (top > highest + cell)
    side = max(1, round(0.05 * unit / cell))
    whole = cv2.erode(valid.astype(np.uint8)[None], np.ones((1, 2 * side + 1), np.uint8))
    return top, whole[0] > 0
