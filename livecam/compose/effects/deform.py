"""Warps a face: larger eyes, slimmer cheeks, another chin, a narrower nose.

All of it is one displacement field in the face's own axes, so it follows the head as it tilts and
turns. It is computed on a coarse grid and is exactly 0 at the edge of its region; only the pixels
of that region are resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.compose.effects.geometry import (
    EYE_LEFT,
    EYE_RIGHT,
    FaceAxes,
    face_axes,
    uncovered_points,
)
from livecam.config.settings import EffectSettings
from livecam.core.frame import Rect
from livecam.vision.transforms import Points2

Local: TypeAlias = NDArray[np.float32]  # float32[k, 2], eye distances from the nose's bridge

ORIGIN = 168  # the bridge of the nose
CELLS_PER_UNIT = 12  # of the grid: the displacement is smooth, so linear pieces do
# The effect fades as the face turns; in profile its axes are unreliable.
FADES_FROM, FADES_TO = 0.65, 0.35  # FaceAxes.frontal

# All lengths in eye distances, at full setting.
EYE_GAIN, EYE_RADIUS = 0.30, (0.47, 0.45)
NOSE_GAIN, NOSE_RADIUS = 0.34, (0.62, 0.50)
NOSE = (1, 98, 327, 64, 294)  # its middle is between the wings
REACH = 0.85  # of a pulled landmark around itself
THIN = 0.115  # of the distance from the middle line
CHIN = 0.15

# Weights of the landmarks of the left half; the right half mirrors them.
_THIN_LEFT = {
    234: 0.10, 93: 0.35, 132: 0.75, 58: 1.0, 172: 1.0, 136: 0.95, 150: 0.75, 149: 0.5, 176: 0.3,
}  # fmt: skip
_CHIN_LEFT = {148: 0.97, 176: 0.85, 149: 0.6, 150: 0.3, 136: 0.1}
_MIRRORED = {
    234: 454, 93: 323, 132: 361, 58: 288, 172: 397, 136: 365, 150: 379, 149: 378, 176: 400,
    148: 377,
}  # fmt: skip
_FIXED = (33, 263, 61, 291, 17, 1, 50, 280)  # eyes, mouth, nose, cheeks
_PULLED = (*_MIRRORED, *_MIRRORED.values(), 152, *_FIXED)
_REGULARISATION = 0.02  # of the solution: near landmarks may differ a little


def _shares(left: dict[int, float], middle: float) -> NDArray[np.float32]:
    both = left | {_MIRRORED[name]: share for name, share in left.items()} | {152: middle}
    return np.array([both.get(name, 0.0) for name in _PULLED], np.float32)


_THIN_SHARES = _shares(_THIN_LEFT, 0.0)
_CHIN_SHARES = _shares(_CHIN_LEFT, 1.0)


class DisplacementField(Protocol):
    """The offset from each point to where its colour comes from, in the face's axes."""

    @property
    def bounds(self) -> Local:
        """Lowest and highest corner, float32[2, 2]; the field is exactly 0 outside."""
        ...

    def at(self, places: Local) -> Local: ...


@dataclass(frozen=True, slots=True)
class Bulge:
    """Magnifies (gain below 0) or shrinks around a point.

    Scales by 1 + gain * (1 - r^2)^2, which does not fold while gain is in -1 .. 1.25.
    """

    center: Local  # float32[2]
    radius: tuple[float, float]
    gain: tuple[float, float]

    @property
    def bounds(self) -> Local:
        reach = np.array(self.radius, np.float32)
        return np.stack((self.center - reach, self.center + reach))

    def at(self, places: Local) -> Local:
        away = places - self.center
        radius = (away / np.array(self.radius, np.float32)) ** 2
        weight = np.maximum(1 - radius.sum(axis=-1, keepdims=True), 0) ** 2
        return np.asarray(away * weight * np.array(self.gain, np.float32), np.float32)


@dataclass(frozen=True, slots=True)
class Pull:
    """Moves points to given positions, and interpolates between them."""

    places: Local  # float32[k, 2], their new positions
    strengths: Local  # float32[k, 2]

    @property
    def bounds(self) -> Local:
        return np.stack((self.places.min(axis=0) - REACH, self.places.max(axis=0) + REACH))

    def at(self, places: Local) -> Local:
        shape = places.shape
        shares = _nearness(places.reshape(-1, 2), self.places)
        return np.asarray((shares @ self.strengths).reshape(shape), np.float32)


def pull(places: Local, moves: Local) -> Pull:
    """Makes the field that moves each of `places` by its offset; both float32[k, 2]."""
    arrive = places + moves
    near = _nearness(arrive, arrive) + _REGULARISATION * np.eye(len(arrive), dtype=np.float32)
    return Pull(arrive, np.linalg.solve(near, -moves).astype(np.float32))


def _nearness(places: Local, others: Local) -> NDArray[np.float32]:
    """Evaluates a radial basis float32[n, k]: 1 at 0, 0 beyond REACH (Wendland 1995, C2)."""
    squares = (places**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * places @ others.T
    distance = np.sqrt(np.maximum(squares, 0)) / REACH
    inside = np.maximum(1 - distance, 0)
    inside *= inside
    return np.asarray(inside * inside * (4 * distance + 1), np.float32)


class Deform:
    """The stage that warps the face; used on one thread, stateless."""

    name = "deform"

    def __init__(self, settings: EffectSettings) -> None:
        self._settings = settings

    @staticmethod
    def wanted(settings: EffectSettings) -> bool:
        return any((settings.big_eyes, settings.thin_face, settings.chin, settings.small_nose))

    def apply(self, layers: Layers) -> None:
        points = uncovered_points(layers)
        if points is None:
            return
        axes = face_axes(points)
        strength = _strength(axes)
        if strength > 0:
            fields = face_fields(points, axes, self._settings, strength)
            _warp_face(layers, points[ORIGIN], axes, fields)

    def reset(self) -> None:
        pass


def face_fields(
    points: Points2, axes: FaceAxes, settings: EffectSettings, strength: float = 1.0
) -> list[DisplacementField]:
    """Makes the displacement fields of the settings for one face."""
    places = local_of(points, points[ORIGIN], axes)
    fields: list[DisplacementField] = []
    if settings.big_eyes:
        gain = -EYE_GAIN * settings.big_eyes * strength
        fields += [
            Bulge(places[list(eye)].mean(axis=0), EYE_RADIUS, (gain, gain))
            for eye in (EYE_LEFT, EYE_RIGHT)
        ]
    if settings.small_nose:
        gain = NOSE_GAIN * settings.small_nose * strength
        fields.append(Bulge(places[list(NOSE)].mean(axis=0), NOSE_RADIUS, (gain, 0.0)))
    if settings.thin_face or settings.chin:
        fields.append(_contour_field(places, settings, strength))
    return fields


def _contour_field(places: Local, settings: EffectSettings, strength: float) -> Pull:
    pulled = places[list(_PULLED)]
    moves = np.zeros_like(pulled)
    moves[:, 0] = -THIN * settings.thin_face * _THIN_SHARES * pulled[:, 0]
    moves[:, 1] = CHIN * settings.chin * _CHIN_SHARES
    return pull(pulled, moves * np.float32(strength))


def local_of(places: Points2, origin: Points2, axes: FaceAxes) -> Local:
    """Converts pixels float32[..., 2] to the face's plane, eye distances from `origin`."""
    inverse = np.linalg.inv(axes.plane_px)
    return np.asarray((places - origin) @ inverse.T, np.float32)


def displacement(
    fields: Sequence[DisplacementField], origin: Points2, axes: FaceAxes
) -> tuple[Rect, int, NDArray[np.float32]]:
    """Evaluates fields on a grid; returns its region, the pixels along a cell, and the values.

    The values float32[rows, columns, 2] are pixels, at the centres of cells. The region may reach
    out of the image; its outer cells are 0.
    """
    cell = max(2, round(axes.unit_px / CELLS_PER_UNIT))
    columns, rows, x0, y0 = _grid(fields, origin, axes, cell)
    x = x0 + (np.arange(columns, dtype=np.float32) + 0.5) * cell - 0.5
    y = y0 + (np.arange(rows, dtype=np.float32) + 0.5) * cell - 0.5
    places = local_of(np.stack(np.meshgrid(x, y), axis=-1), origin, axes)
    moves = np.zeros_like(places)
    for field in fields:
        moves += field.at(places)
    region = Rect(x0, y0, x0 + columns * cell, y0 + rows * cell)
    return region, cell, np.asarray(moves @ axes.plane_px.T.astype(np.float32), np.float32)


def _grid(
    fields: Sequence[DisplacementField], origin: Points2, axes: FaceAxes, cell: int
) -> tuple[int, int, int, int]:
    """Returns columns, rows and first pixel of a grid around all fields and a border of a cell."""
    corners = []
    for (left, top), (right, bottom) in (field.bounds for field in fields):
        corners += [(left, top), (right, top), (left, bottom), (right, bottom)]
    placed = np.array(corners) @ axes.plane_px.T + origin
    low = np.floor(placed.min(axis=0) / cell).astype(int) - 1
    high = np.ceil(placed.max(axis=0) / cell).astype(int) + 1
    columns, rows = high - low
    return int(columns), int(rows), int(low[0] * cell), int(low[1] * cell)


def _warp_face(
    layers: Layers, origin: Points2, axes: FaceAxes, fields: Sequence[DisplacementField]
) -> None:
    image = layers.image
    region, cell, moves = displacement(fields, origin, axes)
    inside = region.clipped(image.shape[1], image.shape[0])
    if inside.empty:
        return
    size = (moves.shape[1] * cell, moves.shape[0] * cell)
    fine = np.asarray(cv2.resize(moves, size, interpolation=cv2.INTER_LINEAR), np.float32)
    x, y = inside.x0 - region.x0, inside.y0 - region.y0
    fine = fine[y : y + inside.height, x : x + inside.width]
    map_x = fine[..., 0] + np.arange(inside.x0, inside.x1, dtype=np.float32)
    map_y = fine[..., 1] + np.arange(inside.y0, inside.y1, dtype=np.float32)[:, None]
    image[inside.slices] = cv2.remap(
        image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _strength(axes: FaceAxes) -> float:
    """Falls from 1 in frontal view to 0 in profile."""
    share = float(np.clip((axes.frontal - FADES_TO) / (FADES_FROM - FADES_TO), 0, 1))
    return share * share * (3 - 2 * share)
