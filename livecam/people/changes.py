"""What is new in a frame since the witnesses last searched one: it is covered until they did.

Somebody who enters is bare until the next search finds them. Here a frame is compared with the
one that was searched, in few cells. Cells that changed away from every visible person are new;
they count as searched once several searches after the change found no head there.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect
from livecam.core.observation import Cells, FaceBox, Observation, SearchedScene, Stamp
from livecam.people.account import is_open

COLUMNS = 64  # of cells; they are square
SAMPLES = 5  # pixels of a cell that are averaged, along each side
MIN_CHANGE, MIN_RELATIVE_CHANGE = 10.0, 0.1  # of a channel of 255; of its brightness
MIN_GAIN, MAX_GAIN = 0.7, 1.4  # of the exposure between two frames
# Shift of the picture in cells below which the camera stands still: with persons who walk through
# the picture of a still one it is 0.03 at most, in films from the hand 0.3 to 1.4.
STILL, MAX_SHIFT = 0.15, 2.0
MOVING_LIMIT = 2.0  # of the limits, while the camera moves
SHIFT_STEPS, SHIFT_NOISE = 4, 6.0  # of its estimate; a larger error counts little, levels
MIN_CELLS = 5  # of a new region
ROUND = 1.6  # of an ellipse around a box, inside its soft edge, over the box
# The camera or the light moved when so many sectors of the frame changed, each by such a share.
SECTORS, SECTOR_CHANGE, MAX_SECTORS = (3, 4), 0.05, 0.7
MIN_FREE = 0.2  # share of a sector away from persons, so that it counts
SEARCHES = 2  # after the last change without a head, until a cell is searched
RESTLESS_S, RESTLESS = 10.0, 4.0  # time constant; changes until a cell is known to change always
COUNTED_S = 0.33  # changes that follow sooner count as one
# A visible person, in widths of the face around its centre: half the width, top, bottom.
ZONES = ((1.05, -1.5, 0.9), (2.4, 0.6, np.inf), (3.2, 1.8, np.inf))  # head, chest, arms
NARROW_ZONES = ((0.75, -1.3, 0.7), (1.2, 0.7, np.inf), (2.4, 1.5, np.inf))
HEAD_SURROUNDINGS = (2.0, -2.0, 2.0)  # of an unexplained head: what is new there is that person
ARM_AREA = 2.0  # of an arm at most, in squared widths of the face


def stamp_of(image: Image) -> Stamp:
    """Returns the colours of an image uint8[h, w, 4] in few cells."""
    height, width = image.shape[:2]
    columns = min(COLUMNS, width)
    rows = max(1, min(round(height * columns / width), height))
    fine = (min(SAMPLES * columns, width), min(SAMPLES * rows, height))
    sampled = cv2.resize(image, fine, interpolation=cv2.INTER_NEAREST)
    cells = cv2.resize(sampled, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cells[..., :3])


def new_regions(
    stamp: Stamp, scene: SearchedScene | None, observation: Observation
) -> tuple[Rect, ...]:
    """Returns the regions of a frame that are not searched yet, pixels.

    Args:
        stamp: of that frame; it may be newer than the observation's.
        scene: what was searched last.
        observation: its visible persons are known, and so not new.
    """
    if scene is None or scene.stamp.shape != stamp.shape:
        return ()
    size = observation.frame.size
    zones = person_zones(observation, stamp, scene.is_someone_hidden) | scene.zones
    cells = (changed(stamp, scene.stamp, zones) & ~scene.restless) | scene.unsearched
    cells &= ~zones
    if not cells.any():
        return ()
    heads = np.zeros_like(cells)
    for box in observation.unexplained:
        heads[_cells(box, HEAD_SURROUNDINGS, stamp, size)] = True
    widths = [float(t.box[2]) for t in observation.tracks if t.face is not None]
    max_arm = ARM_AREA * (max(widths, default=0.0) * stamp.shape[1] / size[0]) ** 2
    boxes = _boxes(cells, _arms(zones, scene, observation), heads, max_arm)
    return tuple(_pixels(box, stamp, size) for box in boxes)


class ChangeMemory:
    """Remembers which cells are searched, and which change all the time. One thread."""

    def __init__(self) -> None:
        self._scene: SearchedScene | None = None
        self._left: NDArray[np.uint8] | None = None  # searches until a cell is searched
        self._changes: NDArray[np.float32] | None = None  # recent changes of a cell
        self._counted_at = -np.inf

    def regions(self, stamp: Stamp, observation: Observation) -> tuple[Rect, ...]:
        """Returns what is new in the frame of an observation, see `new_regions`."""
        return new_regions(stamp, self._scene, observation)

    def searched(
        self, stamp: Stamp, observation: Observation, is_someone_hidden: bool = False
    ) -> SearchedScene:
        """Notes that the frame of an observation was searched; returns what is known then.

        `is_someone_hidden`: a head vanished inside the frame a while ago.
        """
        zones = person_zones(observation, stamp, is_someone_hidden)
        before = self._scene
        if before is None or before.stamp.shape != stamp.shape or self._left is None:
            nothing = np.zeros(stamp.shape[:2], bool)
            self._left = nothing.astype(np.uint8)
            self._changes = nothing.astype(np.float32)
            self._scene = SearchedScene(stamp, nothing, nothing, zones, is_someone_hidden)
            return self._scene
        known = zones | before.zones
        moved = changed(stamp, before.stamp, known)
        restless = self._restless(moved, observation.frame.captured_at)
        left = np.where(moved & ~restless, SEARCHES, np.maximum(self._left, 1) - 1)
        self._left = np.where(zones, 0, left).astype(np.uint8)
        self._scene = SearchedScene(stamp, self._left > 0, restless, zones, is_someone_hidden)
        return self._scene

    def _restless(self, moved: Cells, now: float) -> Cells:
        """Counts the changes; returns the cells that change all the time."""
        assert self._changes is not None
        passed_s = now - self._counted_at
        if passed_s >= COUNTED_S:
            self._changes *= np.float32(np.exp(-passed_s / RESTLESS_S))
            self._changes += moved
            self._counted_at = now
        return self._changes > RESTLESS


def changed(stamp: Stamp, before: Stamp, ignored: Cells) -> Cells:
    """Returns the cells that changed, but for exposure, motion of the camera, and `ignored` ones.

    While the camera moves, a cell may have any colour of those around it, and the edge of the
    frame shows what nobody saw before. There are none where the whole frame changed.
    """
    free = ~ignored
    nothing = np.zeros_like(free)
    if not (cv2.absdiff(stamp, before).max(axis=2)[free] > MIN_CHANGE).any():
        return nothing
    now, old = stamp.astype(np.float32), before.astype(np.float32)
    gain = np.median((now[free] + 8) / (old[free] + 8), axis=0)
    old *= np.clip(gain, MIN_GAIN, MAX_GAIN).astype(np.float32)
    limit = np.maximum(MIN_CHANGE, MIN_RELATIVE_CHANGE * old)
    cells = (np.abs(now - old) > limit).any(axis=2) & free
    if not cells.any():
        return nothing
    moved = _camera_shift(now, old, free)
    if moved > STILL:
        reach = int(np.ceil(min(moved, MAX_SHIFT)))
        cells = _unlike_surroundings(now, old, MOVING_LIMIT * limit, reach) & free
    return nothing if _is_everywhere(cells, free) else cells


def _unlike_surroundings(
    now: NDArray[np.float32], old: NDArray[np.float32], limit: NDArray[np.float32], reach: int
) -> Cells:
    """Returns the cells that have no colour of those around them, away from the edge."""
    around = np.ones((2 * reach + 1,) * 2, np.uint8)
    darker, brighter = cv2.erode(old, around) - now, now - cv2.dilate(old, around)
    cells = np.zeros(now.shape[:2], bool)
    inner = (slice(reach, -reach),) * 2
    cells[inner] = (np.maximum(darker, brighter) > limit).any(axis=2)[inner]
    return cells


def _camera_shift(now: NDArray[np.float32], before: NDArray[np.float32], free: Cells) -> float:
    """Estimates how far the picture moved, in cells, by least squares that ignore what changed.

    See Lucas and Kanade, "An iterative image registration technique", 1981.
    """
    old = before.mean(axis=2)
    down, across = np.gradient(old)
    error, down, across = (each[free] for each in (now.mean(axis=2) - old, down, across))
    shift = np.zeros(2, np.float32)
    for _ in range(SHIFT_STEPS):
        left = error + across * shift[0] + down * shift[1]
        weight = 1 / (1 + (left / SHIFT_NOISE) ** 2)
        mixed = float(np.sum(weight * across * down))
        normal = np.array(
            (
                (1 + float(np.sum(weight * across * across)), mixed),
                (mixed, 1 + float(np.sum(weight * down * down))),
            )
        )
        right = (np.sum(weight * across * error), np.sum(weight * down * error))
        shift = -np.linalg.solve(normal, np.array(right))
    return float(np.hypot(*shift))


def _is_everywhere(cells: Cells, free: Cells) -> bool:
    """Returns whether cells lie all over the frame, as far as it is free."""
    sectors = [
        (part[free_part].mean(), free_part.mean())
        for rows, free_rows in zip(
            np.array_split(cells, SECTORS[0]), np.array_split(free, SECTORS[0]), strict=True
        )
        for part, free_part in zip(
            np.array_split(rows, SECTORS[1], axis=1),
            np.array_split(free_rows, SECTORS[1], axis=1),
            strict=True,
        )
        if free_part.any()
    ]
    changes = [change > SECTOR_CHANGE for change, share in sectors if share > MIN_FREE]
    return bool(changes) and float(np.mean(changes)) > MAX_SECTORS


def person_zones(observation: Observation, stamp: Stamp, is_someone_hidden: bool) -> Cells:
    """Returns the cells in which visible persons move, bool[rows, columns].

    While somebody may come out from behind a person they are as narrow as an avatar.
    """
    zones = np.zeros(stamp.shape[:2], bool)
    narrow = is_someone_hidden or is_open(observation)
    for track in observation.tracks:
        if track.face is not None:
            for zone in NARROW_ZONES if narrow else ZONES:
                zones[_cells(track.box, zone, stamp, observation.frame.size)] = True
    return zones


def _arms(zones: Cells, scene: SearchedScene, observation: Observation) -> Cells:
    """Returns the cells around visible persons in which their arms may be what is new.

    There are none while somebody may come out from behind a person.
    """
    if scene.is_someone_hidden or is_open(observation):
        return np.zeros_like(zones)
    return cv2.dilate(zones.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _cells(
    box: FaceBox, zone: tuple[float, float, float], stamp: Stamp, size: tuple[int, int]
) -> tuple[slice, slice]:
    rows, columns = stamp.shape[:2]
    x, y, width = box * (columns / size[0], rows / size[1], columns / size[0])
    beside, top, bottom = zone
    low = rows if np.isinf(bottom) else _clipped(y + bottom * width, rows)
    return (
        slice(_clipped(y + top * width, rows), low),
        slice(_clipped(x - beside * width, columns), _clipped(x + beside * width + 1, columns)),
    )


def _clipped(value: float, limit: int) -> int:
    return min(max(int(value), 0), limit)


def _boxes(cells: Cells, arms: Cells, heads: Cells, max_arm: float) -> list[Rect]:
    """Returns the boxes around connected cells, but for the arms of visible persons.

    An arm is connected to one of them and not to an edge of the frame, it is not near an
    unexplained head, and has an area of at most `max_arm` cells.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8))
    touching, near_head = set(np.unique(labels[arms])), set(np.unique(labels[heads]))
    boxes = []
    for label in range(1, count):
        x, y, width, height, area = (int(n) for n in stats[label])
        is_arm = (
            label in touching
            and label not in near_head
            and area <= max_arm
            and x > 0
            and y > 0
            and x + width < cells.shape[1]
        )
        if area >= MIN_CELLS and not is_arm:
            boxes.append(Rect(x, y, x + width, y + height))
    return boxes


def _pixels(box: Rect, stamp: Stamp, size: tuple[int, int]) -> Rect:
    """Returns the ellipse around a box of cells, with a cell around it, as its rectangle."""
    across, down = size[0] / stamp.shape[1], size[1] / stamp.shape[0]
    x, y = (box.x0 + box.x1) / 2 * across, (box.y0 + box.y1) / 2 * down
    half_width = ((box.width + 2) / 2 * across) * ROUND
    half_height = ((box.height + 2) / 2 * down) * ROUND
    return Rect(
        int(x - half_width), int(y - half_height), int(x + half_width), int(y + half_height)
    )
