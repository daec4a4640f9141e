"""Replace what sticks out of an avatar: hair, ears, headphones become background, hair that lies
on the clothes becomes cloth.

Where the clean plate knows the background it is laid in at full size; elsewhere a smooth guess
from around looks like defocus. Guesses follow slowly, so that nothing boils.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.compose.fill import filled, push_pull
from livecam.compose.person_parts import PersonParts
from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Mask, Plate, Segmentation
from livecam.vision.morphology import disc

FOLLOWS = 0.45  # of a new guess, which is made for every look at the person
MARGIN = 6  # cells round what is replaced, so that the next pictures find the same behind
FEWEST_CLOTH = 60  # cells of cloth, else nothing can be copied
CLOTH_REACH = 1.6  # head radii below the seam: what lies lower may be another garment
DETAIL_FROM = (0.30, 0.45, 0.62, 0.80, 1.0)  # head radii below, where the weave is copied from


class HeadRemoval:
    """The stage; used on one thread."""

    name = "remove head"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._background: NDArray[np.float32] | None = None
        self._seen: tuple[Rect, Image] | None = None  # what lies behind a rectangle
        self._cloth: NDArray[np.float32] | None = None
        self._small_plate: tuple[Plate, NDArray[np.uint8], NDArray[np.float32]] | None = None

    def apply(self, layers: Layers) -> None:
        segmentation, parts = layers.segmentation, layers.parts
        if segmentation is None or parts is None:
            return
        self._lay_background(layers, segmentation, parts)
        self._lay_cloth(layers, segmentation, parts)

    def _lay_background(
        self, layers: Layers, segmentation: Segmentation, parts: PersonParts
    ) -> None:
        rect = bounds(parts.remove, segmentation)
        if rect.empty:
            return
        seen = self._seen
        if layers.coarse_source is not None or seen is None or not _within(rect, seen[0]):
            small = self._small_of(layers, segmentation)
            wide = rect.grown(MARGIN * segmentation.cell).clipped(*segmentation.size)
            self._seen = seen = (wide, self._behind(segmentation, parts, small, wide))
        area, behind = seen
        alpha = enlarged(parts.remove, segmentation.cell, rect)
        x, y = rect.x0 - area.x0, rect.y0 - area.y0
        part = layers.image[rect.slices]
        lay(part, behind[y : y + rect.height, x : x + rect.width], alpha)
        for mask in (layers.filled, layers.synthetic):
            under = mask[rect.slices]
            cv2.max(under, alpha, dst=under)

    def _small_of(self, layers: Layers, segmentation: Segmentation) -> NDArray[np.uint8]:
        """The picture on the grid; made here when the head left what was known of it."""
        if layers.coarse_source is not None:
            return layers.coarse_source
        return on_grid(layers.source, segmentation.cell, segmentation.person.shape)[..., :3].copy()

    def _behind(
        self, segmentation: Segmentation, parts: PersonParts, small: NDArray[np.uint8], rect: Rect
    ) -> Image:
        """What lies behind the person there, uint8[h, w, 4]."""
        plate = segmentation.plate
        if plate is None:
            return opaque(
                enlarged(self._guess(segmentation, parts, small), segmentation.cell, rect)
            )
        out = opaque(plate.image[rect.slices])
        if self._knows_all(plate, segmentation, parts):
            return out
        wider = cv2.dilate(cv2.bitwise_not(plate.known[rect.slices]), disc(3))
        unknown = np.asarray(cv2.blur(wider, (7, 7)), np.uint8)
        lay(
            out,
            opaque(enlarged(self._guess(segmentation, parts, small), segmentation.cell, rect)),
            unknown,
        )
        return out

    def _knows_all(self, plate: Plate, segmentation: Segmentation, parts: PersonParts) -> bool:
        """Whether the plate shows all that will be seen of it."""
        _, known = self._plate_on_grid(plate, segmentation.cell, parts.remove.shape)
        wanted = (parts.remove > 0) & (parts.covered == 0)
        return bool((known[wanted] > 0).all())

    def _guess(
        self, segmentation: Segmentation, parts: PersonParts, small: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """The background on the grid, as far as anybody knows."""
        reach = max(1, round(0.13 * parts.unit_px / segmentation.cell))
        some = (
            segmentation.person
            if segmentation.hair is None
            else cv2.max(segmentation.person, segmentation.hair)
        )
        busy = cv2.dilate(cv2.max(some, parts.remove), disc(reach)) > 20
        known = np.where(busy, 0, 1).astype(np.float32)
        colours = small.astype(np.float32)
        if segmentation.plate is not None:
            image, weight = self._plate_on_grid(segmentation.plate, segmentation.cell, known.shape)
            weight = weight * (1 - known)
            colours += (image - colours) * weight[..., None]
            known = np.maximum(known, weight)
        guess = filled(*_halved(colours, np.where(known > 0.99, 1, 0).astype(np.float32)))
        if self._background is None or self._background.shape != guess.shape:
            self._background = guess
        else:
            self._background += (guess - self._background) * np.float32(FOLLOWS)
        rows, columns = known.shape
        whole = cv2.resize(self._background, (columns, rows), interpolation=cv2.INTER_LINEAR)
        return np.clip(whole, 0, 255).astype(np.uint8)

    def _plate_on_grid(
        self, plate: Plate, cell: int, shape: tuple[int, ...]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        if self._small_plate is None or self._small_plate[0] is not plate:
            image = on_grid(plate.image, cell, shape)
            known = on_grid(plate.known, cell, shape)
            self._small_plate = (plate, image, np.where(known == 255, 1, 0).astype(np.float32))
        return self._small_plate[1], self._small_plate[2]

    def _lay_cloth(self, layers: Layers, segmentation: Segmentation, parts: PersonParts) -> None:
        rect = bounds(parts.hair_on_body, segmentation)
        if rect.empty or np.count_nonzero(parts.hair_on_body > 60) < 4:
            return
        known = self._cloth_cells(segmentation, parts)
        if np.count_nonzero(known) < FEWEST_CLOTH:
            return
        if layers.coarse_source is not None or self._cloth is None:
            guess = push_pull(self._small_of(layers, segmentation).astype(np.float32), known)
            if self._cloth is None or self._cloth.shape != guess.shape:
                self._cloth = guess
            else:
                self._cloth += (guess - self._cloth) * np.float32(FOLLOWS)
        cloth = enlarged(np.clip(self._cloth, 0, 255).astype(np.uint8), segmentation.cell, rect)
        weave = _weave(layers.source, known, segmentation.cell, rect, parts.unit_px)
        cloth = np.clip(cloth + weave, 0, 255).astype(np.uint8)
        alpha = enlarged(parts.hair_on_body, segmentation.cell, rect)
        lay(layers.image[rect.slices], opaque(cloth), alpha)
        under = layers.synthetic[rect.slices]
        cv2.max(under, alpha, dst=under)

    def _cloth_cells(self, segmentation: Segmentation, parts: PersonParts) -> NDArray[np.float32]:
        """Cells that are certainly cloth, float32, 0 or 1."""
        reach = max(1, round(0.05 * parts.unit_px / segmentation.cell))
        hair = cv2.dilate(parts.hair_on_body, disc(reach)) > 25
        skin = cv2.dilate(parts.skin, disc(1)) > 128
        rows = (np.arange(len(hair)) + 0.5)[:, None] * segmentation.cell
        near = rows < parts.seam[None] + CLOTH_REACH * parts.unit_px
        return ((parts.body > 230) & ~hair & ~skin & near).astype(np.float32)


def _within(rect: Rect, area: Rect) -> bool:
    return area.x0 <= rect.x0 and area.y0 <= rect.y0 and rect.x1 <= area.x1 and rect.y1 <= area.y1


def _halved(
    colours: NDArray[np.float32], known: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Known colours on a grid of half the size: a guess has no detail that would need more."""
    rows, columns = known.shape
    size = ((columns + 1) // 2, (rows + 1) // 2)
    weight = np.asarray(cv2.resize(known, size, interpolation=cv2.INTER_AREA), np.float32)
    total = cv2.resize(colours * known[..., None], size, interpolation=cv2.INTER_AREA)
    mean = np.asarray(total / np.maximum(weight, 1e-3)[..., None], np.float32)
    return mean, np.where(weight > 0.4, 1, 0).astype(np.float32)


def _weave(
    source: Image, cloth: NDArray[np.float32], cell: int, rect: Rect, unit: float
) -> NDArray[np.float32]:
    """Fine detail of the cloth farther down, float32[h, w, 3] to be added."""
    height = source.shape[0]
    tallest = round(DETAIL_FROM[-1] * unit)
    area = Rect(rect.x0, rect.y0, rect.x1, min(height, rect.y1 + tallest))
    image = source[area.slices][..., :3].astype(np.float32)
    sure = enlarged((cloth * 255).astype(np.uint8), cell, area).astype(np.float32) / 255
    sure = np.asarray(cv2.erode(sure, np.ones((5, 5), np.uint8)), np.float32)
    side = 2 * round(0.10 * unit) + 1
    total, weight = cv2.blur(image * sure[..., None], (side, side)), cv2.blur(sure, (side, side))
    detail = (image - total / np.maximum(weight, 0.02)[..., None]) * sure[..., None]
    out = np.zeros((rect.height, rect.width, 3), np.float32)
    got = np.zeros((rect.height, rect.width), np.float32)
    for below in DETAIL_FROM:
        down = round(below * unit)
        rows = min(rect.height, area.height - down)
        if rows <= 0:
            break
        share = sure[down : down + rows] * (1 - got[:rows])
        out[:rows] += detail[down : down + rows] * share[..., None]
        got[:rows] += share
    return out


def bounds(mask: Mask, segmentation: Segmentation) -> Rect:
    """The pixels under the cells that are not 0."""
    x, y, columns, rows = cv2.boundingRect(mask)
    cell = segmentation.cell
    box = Rect(x * cell, y * cell, (x + columns) * cell, (y + rows) * cell)
    return box.grown(cell).clipped(*segmentation.size) if columns and rows else Rect(0, 0, 0, 0)


def enlarged(grid: NDArray[np.uint8], cell: int, rect: Rect) -> NDArray[np.uint8]:
    """A part of something on the grid at the size of the picture."""
    inverse = np.array(
        ((1 / cell, 0, (rect.x0 + 0.5) / cell - 0.5), (0, 1 / cell, (rect.y0 + 0.5) / cell - 0.5)),
        np.float32,
    )
    return np.asarray(
        cv2.warpAffine(
            grid,
            inverse,
            (rect.width, rect.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def on_grid(image: NDArray[np.uint8], cell: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """A picture uint8[h, w, ...] as the means of the grid's cells."""
    rows, columns = shape[:2]
    height, width = image.shape[:2]
    down, right = rows * cell - height, columns * cell - width
    if down or right:
        image = np.asarray(
            cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REPLICATE), np.uint8
        )
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def opaque(image: NDArray[np.uint8]) -> Image:
    """uint8[h, w, 4] of colours uint8[h, w, 3]."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), np.uint8)


def lay(part: Image, over: Image, alpha: NDArray[np.uint8]) -> None:
    """Lays a picture over a part of another in place; where alpha is 0 every byte is kept."""
    share = alpha.astype(np.float32) * np.float32(1 / 255)
    # Mixed as encoded: what is mixed lies close together.
    part[...] = cv2.blendLinear(over, np.ascontiguousarray(part), share, 1 - share)
