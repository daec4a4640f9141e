"""The kernel that converts RGBA images to I420."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image
from livecam.kernels.base import ArrayOf, Kernel
from livecam.kernels.pixels import Words, words

BITS = 16
# Rows of Y, Cb and Cr over red, green and blue: limited range of 8 bits, times 2 ** BITS. The rows
# of Cb and Cr add up to 0, so that grey has no colour (Rec. ITU-R BT.709 and BT.601).
Weights = NDArray[np.int32]
Pairs = NDArray[np.uint64]  # two pixels in each


def weights_of(red: float, blue: float) -> Weights:
    """Returns the weights int32[3, 3] of a matrix with those shares of red and blue in luma."""
    luma = np.array((red, 1 - red - blue, blue))
    rows = np.stack(
        (
            luma * 219 / 255,
            (np.array((0, 0, 1)) - luma) * 112 / 255 / (1 - blue),
            (np.array((1, 0, 0)) - luma) * 112 / 255 / (1 - red),
        )
    )
    out = np.rint(rows * 2**BITS).astype(np.int32)
    out[1:, 1] -= out[1:].sum(axis=1)
    return np.asarray(out, np.int32)


BT709, BT601 = weights_of(0.2126, 0.0722), weights_of(0.299, 0.114)


def _i420_plain(image: Words, pairs: Pairs, weights: Weights, out: NDArray[np.uint8]) -> None:
    height, width = image.shape
    luma, chroma = height * width, height * width // 4
    channels = [(image >> np.uint32(k) & np.uint32(255)).astype(np.int32) for k in (0, 8, 16)]
    grey = sum(int(w) * c for w, c in zip(weights[0], channels, strict=True))
    y = np.asarray(grey + (16 << BITS) + (1 << (BITS - 1))) >> BITS
    out[:luma] = y.astype(np.uint8).ravel()
    blocks = (height // 2, 2, width // 2, 2)
    sums = [c.reshape(blocks).sum(axis=(1, 3), dtype=np.int32) for c in channels]
    for plane, row in enumerate(weights[1:]):
        colour = sum(int(w) * c for w, c in zip(row, sums, strict=True))
        value = np.asarray(colour + (128 << (BITS + 2)) + (1 << (BITS + 1))) >> (BITS + 2)
        start = luma + plane * chroma
        out[start : start + chroma] = value.astype(np.uint8).ravel()


def _i420_loops(image: Words, pairs: Pairs, weights: Weights, out: NDArray[np.uint8]) -> None:
    height, width = image.shape
    luma, half = height * width, width // 2
    y_red, y_green, y_blue = weights[0, 0], weights[0, 1], weights[0, 2]
    u_red, u_green, u_blue = weights[1, 0], weights[1, 1], weights[1, 2]
    v_red, v_green, v_blue = weights[2, 0], weights[2, 1], weights[2, 2]
    y_zero = np.int32((16 << BITS) + (1 << (BITS - 1)))
    c_zero = np.int32((128 << (BITS + 2)) + (1 << (BITS + 1)))
    byte = np.uint32(255)
    for y in range(height):
        row, to = image[y], out[y * width : (y + 1) * width]
        for x in range(width):
            word = row[x]
            red, green = np.int32(word & byte), np.int32((word >> np.uint32(8)) & byte)
            blue = np.int32((word >> np.uint32(16)) & byte)
            grey = np.int32(y_red * red + y_green * green + y_blue * blue + y_zero)
            to[x] = np.uint8(grey >> BITS)
    # Two pixels in one number of 64 bits: their channels are added in lanes of 16.
    lanes, short = np.uint64(0x00FF00FF00FF00FF), np.uint64(0xFFFF)
    for y in range(height // 2):
        top, bottom = pairs[2 * y], pairs[2 * y + 1]
        u_to = out[luma + y * half : luma + (y + 1) * half]
        v_to = out[luma + (height // 2 + y) * half : luma + (height // 2 + y + 1) * half]
        for x in range(half):
            one, two = top[x], bottom[x]
            outer = (one & lanes) + (two & lanes)
            outer = outer + (outer >> np.uint64(32))
            middle = ((one >> np.uint64(8)) & lanes) + ((two >> np.uint64(8)) & lanes)
            middle = middle + (middle >> np.uint64(32))
            red, green = np.int32(outer & short), np.int32(middle & short)
            blue = np.int32((outer >> np.uint64(16)) & short)
            u = np.int32(u_red * red + u_green * green + u_blue * blue + c_zero)
            v = np.int32(v_red * red + v_green * green + v_blue * blue + c_zero)
            u_to[x] = np.uint8(u >> (BITS + 2))
            v_to[x] = np.uint8(v >> (BITS + 2))


_i420 = Kernel(
    _i420_plain, _i420_loops, ArrayOf("uint32", 2), ArrayOf("uint64", 2), ArrayOf("int32", 2),
    ArrayOf("uint8", 1, written=True),
)  # fmt: skip


def i420(image: Image, out: NDArray[np.uint8], weights: Weights = BT709) -> None:
    """Converts an opaque image uint8[h, w, 4] with even sides to I420 uint8[h * 3 // 2, w].

    Limited range; chroma is the mean of four pixels. Both arrays are contiguous.

    Raises:
        ValueError: `out` has another size, or the image odd sides.
    """
    height, width = image.shape[:2]
    if height % 2 or width % 2 or out.shape != (height * 3 // 2, width) or not out.data.contiguous:
        raise ValueError(f"I420 of {image.shape} into {out.shape}")
    pixels = words(image)
    _i420(pixels, pixels.view(np.uint64), weights, out.reshape(-1))
