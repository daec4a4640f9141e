"""Kernels over the pixels of RGBA images: shadow, blending, grain.

Images are uint32[h, w] here, as `words` views them: red in the lowest byte, alpha in the highest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect
from livecam.core.srgb import LINEAR_OF_BYTE, srgb_from_linear
from livecam.kernels.base import ArrayOf, Kernel

Words = NDArray[np.uint32]
Bytes = NDArray[np.uint8]

SHADE_CELL = 4  # pixels along a cell of the grid of `darken`
ENCODE_STEPS = 65536
# uint8[ENCODE_STEPS]: sRGB of linear light
ENCODE = np.rint(255 * srgb_from_linear(np.arange(ENCODE_STEPS) / (ENCODE_STEPS - 1))).astype(
    np.uint8
)
# uint8[256, 256]: straight colour by coverage and premultiplied colour
STRAIGHT = np.minimum(
    (np.arange(256)[None, :] * 255 + 127) // np.maximum(np.arange(256), 1)[:, None], 255
).astype(np.uint8)
OPAQUE = 0xFF000000
GRAIN_TILE = 256  # pixels along the tile of `add_grain`, which repeats
GRAIN_SCALE = 16  # amounts of grain have fractions of a level
GRAIN_UNIT = 256  # values of the tile in a deviation
GRAIN_BITS = 12  # of their product


def words(image: Image) -> Words:
    """Views a contiguous image uint8[h, w, 4] as uint32[h, w]."""
    return image.view(np.uint32)[..., 0]


def check_inside(rect: Rect, image: Image, *masks: Bytes) -> None:
    """Refuses what machine code would write to outside: masks are as large as their image.

    Raises:
        ValueError: the rectangle is not inside the image, or a mask has another size.
    """
    height, width = image.shape[:2]
    inside = 0 <= rect.x0 <= rect.x1 <= width and 0 <= rect.y0 <= rect.y1 <= height
    if not inside or any(mask.shape != (height, width) for mask in masks):
        raise ValueError(f"{rect} of {image.shape}, masks {[mask.shape for mask in masks]}")


def grid_weights(first: int, count: int, cell: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns where pixels lie between the middles of cells: the cell before, and 2 * cell parts.

    Of the pixels from `first` on, `count` of them.
    """
    at = 2 * np.arange(first, first + count) + 1 - cell
    return at // (2 * cell), at % (2 * cell)


def _on_pixels(
    grid: Bytes, x0: int, y0: int, width: int, height: int, cell: int
) -> NDArray[np.int64]:
    """Interpolates a grid at pixels, in parts of 4 * cell ** 2; its edges are repeated."""
    rows, columns = grid.shape
    column, right = grid_weights(x0, width, cell)
    row, down = grid_weights(y0, height, cell)
    left, upper = np.clip(column, 0, columns - 1), np.clip(row, 0, rows - 1)
    beside, lower = np.clip(column + 1, 0, columns - 1), np.clip(row + 1, 0, rows - 1)
    whole = 2 * cell
    values = grid.astype(np.int64)
    across = values[:, left] * (whole - right) + values[:, beside] * right
    out = across[upper] * (whole - down)[:, None] + across[lower] * down[:, None]
    return np.asarray(out, np.int64)


# -- darken


def _darken_plain(
    image: Words, left: Bytes, x0: int, y0: int, width: int, height: int, factors: Words
) -> None:
    share = _on_pixels(left, 0, 0, width, height, SHADE_CELL) + 2 * SHADE_CELL**2
    factor = (share // (4 * SHADE_CELL**2)).astype(np.uint32)
    part = image[y0 : y0 + height, x0 : x0 + width]
    out = part & np.uint32(OPAQUE)
    for shift in (0, 8, 16):
        product = ((part >> np.uint32(shift)) & np.uint32(255)) * factor + np.uint32(128)
        out |= ((product + (product >> np.uint32(8))) >> np.uint32(8)) << np.uint32(shift)
    part[...] = out


def _darken_loops(
    image: Words, left: Bytes, x0: int, y0: int, width: int, height: int, factors: Words
) -> None:
    rows, columns = left.shape
    byte, half = np.uint32(255), np.uint32(128)
    for y in range(height):
        at = 2 * y + 1 - SHADE_CELL
        row, down = at // (2 * SHADE_CELL), at % (2 * SHADE_CELL)
        upper, lower = left[max(0, min(row, rows - 1))], left[max(0, min(row + 1, rows - 1))]
        least = 255
        for column in range(-1, (width + 1) // SHADE_CELL):
            one, other = max(0, column), min(column + 1, columns - 1)
            before = upper[one] * (2 * SHADE_CELL - down) + lower[one] * down
            after = upper[other] * (2 * SHADE_CELL - down) + lower[other] * down
            for k in range(SHADE_CELL):
                share = before * (2 * SHADE_CELL - 2 * k - 1) + after * (2 * k + 1)
                factor = (share + 2 * SHADE_CELL**2) // (4 * SHADE_CELL**2)
                factors[SHADE_CELL * (column + 1) + k] = factor
                least = min(least, factor)
        if least == 255:
            continue
        part, shades = image[y0 + y, x0 : x0 + width], factors[2 : 2 + width]
        for x in range(width):
            word, factor = part[x], shades[x]
            red = np.uint32((word & byte) * factor + half)
            green = np.uint32(((word >> np.uint32(8)) & byte) * factor + half)
            blue = np.uint32(((word >> np.uint32(16)) & byte) * factor + half)
            red = np.uint32((red + (red >> np.uint32(8))) >> np.uint32(8))
            green = np.uint32((green + (green >> np.uint32(8))) & np.uint32(0xFF00))
            blue = np.uint32(((blue + (blue >> np.uint32(8))) & np.uint32(0xFF00)) << np.uint32(8))
            part[x] = (word & np.uint32(OPAQUE)) | red | green | blue


_WORDS, _BYTES = ArrayOf("uint32", 2, written=True), ArrayOf("uint8", 2, written=True)
_READ_WORDS, _READ_BYTES = ArrayOf("uint32", 2), ArrayOf("uint8", 2)
_TABLE, _RECT = ArrayOf("uint8", 1), (int, int, int, int)

_darken = Kernel(
    _darken_plain, _darken_loops, _WORDS, _READ_BYTES, *_RECT, ArrayOf("uint32", 1, written=True)
)


def darken(image: Image, left: Bytes, rect: Rect) -> None:
    """Multiplies a rectangle of an image uint8[h, w, 4], contiguous, in place.

    `left` uint8[rows, columns] are the factors in 255ths, on a grid of SHADE_CELL over it.
    """
    check_inside(rect, image)
    factors = np.empty(rect.width + 2 * SHADE_CELL, np.uint32)  # of one row, from x = -2 on
    _darken(words(image), left, rect.x0, rect.y0, rect.width, rect.height, factors)


# -- blend


def _blend_plain(
    image: Words, head: Words, coverage: Bytes, x0: int, y0: int,
    straight: Bytes, linear: NDArray[np.float32], encode: Bytes,
) -> None:  # fmt: skip
    height, width = head.shape
    part = image[y0 : y0 + height, x0 : x0 + width]
    alpha = (head >> np.uint32(24)).astype(np.uint8)
    covered = coverage[y0 : y0 + height, x0 : x0 + width]
    np.maximum(covered, alpha, out=covered)
    np.copyto(part, head, where=alpha == 255)
    rows, columns = np.nonzero((alpha > 0) & (alpha < 255))
    over = head[rows, columns, None].view(np.uint8).astype(np.intp)
    under = np.ascontiguousarray(part[rows, columns, None]).view(np.uint8)
    light = linear[under[:, :3]]
    share = over[:, 3:].astype(np.float32) * np.float32(1 / 255)
    light += (linear[straight[over[:, 3:], over[:, :3]]] - light) * share
    light *= np.float32(ENCODE_STEPS - 1)
    under[:, :3] = encode[light.astype(np.intp)]
    part[rows, columns] = under.view(np.uint32)[:, 0]


def _blend_loops(
    image: Words, head: Words, coverage: Bytes, x0: int, y0: int,
    straight: Bytes, linear: NDArray[np.float32], encode: Bytes,
) -> None:  # fmt: skip
    height, width = head.shape
    for y in range(height):
        row = head[y]
        part, covered = image[y0 + y, x0 : x0 + width], coverage[y0 + y, x0 : x0 + width]
        for x in range(width):
            over = row[x]
            alpha = np.uint8(over >> np.uint32(24))
            if alpha == 0:
                continue
            covered[x] = max(covered[x], alpha)
            if alpha == 255:
                part[x] = over
                continue
            under = part[x]
            share = np.float32(alpha) * np.float32(1 / 255)
            out = under & np.uint32(OPAQUE)
            for channel in range(3):
                shift = np.uint32(8 * channel)
                light = linear[(under >> shift) & np.uint32(255)]
                head_light = linear[straight[alpha, (over >> shift) & np.uint32(255)]]
                light = light + (head_light - light) * share
                light = light * np.float32(ENCODE_STEPS - 1)
                out |= np.uint32(encode[np.int64(light)]) << shift
            part[x] = out


_blend = Kernel(
    _blend_plain, _blend_loops, _WORDS, _READ_WORDS, _BYTES, int, int,
    _READ_BYTES, ArrayOf("float32", 1), _TABLE,
)  # fmt: skip


def blend(image: Image, head: Image, coverage: Bytes, x0: int, y0: int) -> None:
    """Blends a softened head over a part of an image, in place: linear light, premultiplied alpha.

    Where coverage is 0 the image keeps its bytes, where it is full it takes the head's.

    Args:
        image: uint8[h, w, 4], contiguous.
        head: uint8[m, n, 4], contiguous, inside the image.
        coverage: uint8[h, w]; gets the larger alpha.
        x0: the first column of the head in the image.
        y0: its first row.
    """
    check_inside(Rect(x0, y0, x0 + head.shape[1], y0 + head.shape[0]), image, coverage)
    _blend(words(image), words(head), coverage, x0, y0, STRAIGHT, LINEAR_OF_BYTE, ENCODE)


# -- lay over


def _lay_over_plain(
    image: Words, over: Words, over_x: int, over_y: int, grid: Bytes, cell: int,
    x0: int, y0: int, width: int, height: int, first: Bytes, second: Bytes, alphas: Bytes,
) -> None:  # fmt: skip
    area = (slice(y0, y0 + height), slice(x0, x0 + width))
    inverse = np.float32(1 / (4 * cell * cell))
    share = _on_pixels(grid, x0, y0, width, height, cell).astype(np.float32) * inverse
    alpha = (share + np.float32(0.5)).astype(np.uint32)
    for mask in (first, second):
        np.maximum(mask[area], alpha.astype(np.uint8), out=mask[area])
    top, left = y0 - over_y, x0 - over_x
    new, part = over[top : top + height, left : left + width], image[area]
    out = part & np.uint32(OPAQUE)
    for shift in (np.uint32(0), np.uint32(8), np.uint32(16)):
        mixed = ((new >> shift) & np.uint32(255)) * alpha + np.uint32(128)
        mixed += ((part >> shift) & np.uint32(255)) * (np.uint32(255) - alpha)
        out |= ((mixed + (mixed >> np.uint32(8))) >> np.uint32(8)) << shift
    part[...] = out


def _lay_over_loops(
    image: Words, over: Words, over_x: int, over_y: int, grid: Bytes, cell: int,
    x0: int, y0: int, width: int, height: int, first: Bytes, second: Bytes, alphas: Bytes,
) -> None:  # fmt: skip
    rows, columns = grid.shape
    whole = 2 * cell
    inverse = np.float32(1 / (4 * cell * cell))
    byte, half = np.uint32(255), np.uint32(128)
    for y in range(y0, y0 + height):
        at = 2 * y + 1 - cell
        row, down = at // whole, at % whole
        upper, lower = grid[max(0, min(row, rows - 1))], grid[max(0, min(row + 1, rows - 1))]
        at = 2 * x0 + 1 - cell
        column, right = at // whole, at % whole
        x, most = 0, 0
        while x < width:
            one, other = max(0, min(column, columns - 1)), max(0, min(column + 1, columns - 1))
            before = upper[one] * (whole - down) + lower[one] * down
            after = upper[other] * (whole - down) + lower[other] * down
            stop = min(width, x + (whole - right + 1) // 2)
            for k in range(x, stop):
                share = before * (whole - right) + after * right
                alphas[k] = np.uint8(np.float32(share) * inverse + np.float32(0.5))
                right += 2
            most = max(most, before, after)
            x, column, right = stop, column + 1, right - whole
        if most == 0:
            continue
        part, one_mask, other_mask = (
            image[y, x0 : x0 + width], first[y, x0 : x0 + width], second[y, x0 : x0 + width]
        )  # fmt: skip
        new = over[y - over_y, x0 - over_x : x0 - over_x + width]
        for x in range(width):
            one_mask[x] = max(one_mask[x], alphas[x])
            other_mask[x] = max(other_mask[x], alphas[x])
            alpha = np.uint32(alphas[x])
            rest = byte - alpha
            word, fresh = part[x], new[x]
            red = np.uint32((fresh & byte) * alpha + (word & byte) * rest + half)
            green = np.uint32(
                ((fresh >> np.uint32(8)) & byte) * alpha
                + ((word >> np.uint32(8)) & byte) * rest
                + half
            )
            blue = np.uint32(
                ((fresh >> np.uint32(16)) & byte) * alpha
                + ((word >> np.uint32(16)) & byte) * rest
                + half
            )
            red = np.uint32((red + (red >> np.uint32(8))) >> np.uint32(8))
            green = np.uint32((green + (green >> np.uint32(8))) & np.uint32(0xFF00))
            blue = np.uint32(((blue + (blue >> np.uint32(8))) & np.uint32(0xFF00)) << np.uint32(8))
            part[x] = (word & np.uint32(OPAQUE)) | red | green | blue


_lay_over = Kernel(
    _lay_over_plain, _lay_over_loops, _WORDS, _READ_WORDS, int, int, _READ_BYTES, int, *_RECT,
    _BYTES, _BYTES, ArrayOf("uint8", 1, written=True),
)  # fmt: skip


def lay_over(
    image: Image, over: Image, over_at: Rect, grid: Bytes, cell: int, rect: Rect,
    first: Bytes, second: Bytes,
) -> None:  # fmt: skip
    """Lays an image over a rectangle of another by a mask on a grid, in place, in encoded sRGB.

    Args:
        image: uint8[h, w, 4], contiguous.
        over: uint8[m, n, 4], contiguous.
        over_at: where it lies in the image; `rect` is inside.
        grid: uint8[rows, columns], the mask over the whole image: interpolated.
        cell: pixels along one of its elements.
        rect: the rectangle.
        first: uint8[h, w]; gets the larger value of the interpolated mask.
        second: likewise; may be the same.
    """
    check_inside(rect, image, first, second)
    there = Rect(
        rect.x0 - over_at.x0, rect.y0 - over_at.y0, rect.x1 - over_at.x0, rect.y1 - over_at.y0
    )
    check_inside(there, over)
    _lay_over(
        words(image), words(over), over_at.x0, over_at.y0, grid, cell,
        rect.x0, rect.y0, rect.width, rect.height, first, second, np.empty(rect.width, np.uint8),
    )  # fmt: skip


# -- grain


def _add_grain_plain(
    image: Words, synthetic: Bytes, amounts: Bytes, tile: NDArray[np.int16],
    tile_x: int, tile_y: int, x0: int, y0: int, width: int, height: int, row: NDArray[np.int32],
) -> None:  # fmt: skip
    area = (slice(y0, y0 + height), slice(x0, x0 + width))
    part = image[area]
    channels = [(part >> np.uint32(k) & np.uint32(255)).astype(np.int64) for k in (0, 8, 16)]
    red, green, blue = channels
    amount = amounts[(77 * red + 150 * green + 29 * blue) >> 8] * synthetic[area].astype(np.int64)
    rows = (np.arange(height) + tile_y) % GRAIN_TILE
    columns = (np.arange(width) + tile_x) % GRAIN_TILE
    noise = tile[rows[:, None], columns[None]].astype(np.int64)
    change = (((amount + 128) >> 8) * noise + (1 << (GRAIN_BITS - 1))) >> GRAIN_BITS
    out = part & np.uint32(OPAQUE)
    for shift, channel in zip((0, 8, 16), channels, strict=True):
        out |= np.clip(channel + change, 0, 255).astype(np.uint32) << np.uint32(shift)
    part[...] = out


def _add_grain_loops(
    image: Words, synthetic: Bytes, amounts: Bytes, tile: NDArray[np.int16],
    tile_x: int, tile_y: int, x0: int, y0: int, width: int, height: int, row: NDArray[np.int32],
) -> None:  # fmt: skip
    byte = np.uint32(255)
    changes, grain = row[:width], row[width : 2 * width]
    for y in range(y0, y0 + height):
        noise = tile[(y - y0 + tile_y) % GRAIN_TILE]
        part, shares = image[y, x0 : x0 + width], synthetic[y, x0 : x0 + width]
        for x in range(width):
            word = part[x]
            luma = np.int32(77) * np.int32(word & byte)
            luma += np.int32(150) * np.int32((word >> np.uint32(8)) & byte)
            luma += np.int32(29) * np.int32((word >> np.uint32(16)) & byte)
            changes[x] = np.int32(luma) >> 8
        for x in range(width):
            changes[x] = amounts[changes[x] & 255] * shares[x]
            grain[x] = noise[(x + tile_x) & (GRAIN_TILE - 1)]
        for x in range(width):
            word = part[x]
            change = np.int32(
                np.int32((changes[x] + 128) >> 8) * grain[x] + (1 << (GRAIN_BITS - 1))
            ) >> np.int32(GRAIN_BITS)
            red = np.int32(np.int32(word & byte) + change)
            green = np.int32(np.int32((word >> np.uint32(8)) & byte) + change)
            blue = np.int32(np.int32((word >> np.uint32(16)) & byte) + change)
            red = min(max(red, np.int32(0)), np.int32(255))
            green = min(max(green, np.int32(0)), np.int32(255))
            blue = min(max(blue, np.int32(0)), np.int32(255))
            part[x] = (
                (word & np.uint32(OPAQUE))
                | np.uint32(red)
                | (np.uint32(green) << np.uint32(8))
                | (np.uint32(blue) << np.uint32(16))
            )


_add_grain = Kernel(
    _add_grain_plain, _add_grain_loops, _WORDS, _READ_BYTES, _TABLE, ArrayOf("int16", 2), int, int,
    *_RECT, ArrayOf("int32", 1, written=True),
)  # fmt: skip


def add_grain(
    image: Image, synthetic: Bytes, amounts: Bytes, tile: NDArray[np.int16],
    tile_at: tuple[int, int], rect: Rect,
) -> None:  # fmt: skip
    """Adds noise to a rectangle of an image, in place, the same to all three channels.

    Args:
        image: uint8[h, w, 4], contiguous.
        synthetic: uint8[h, w], how much of the noise each pixel gets.
        amounts: uint8[256], the deviation at every luma, in parts of GRAIN_SCALE a level.
        tile: int16[GRAIN_TILE, GRAIN_TILE], noise in deviations times GRAIN_UNIT.
        tile_at: column and row of the tile at the rectangle's corner.
        rect: the rectangle.
    """
    check_inside(rect, image, synthetic)
    row = np.empty(2 * rect.width, np.int32)
    _add_grain(
        words(image), synthetic, amounts, tile, *tile_at,
        rect.x0, rect.y0, rect.width, rect.height, row,
    )  # fmt: skip
