"""The strands of fur: a small tileable 3-D texture."""

from __future__ import annotations

from functools import cache
from itertools import product

import moderngl
import numpy as np
from numpy.typing import NDArray

SIZE = 64  # voxels along an edge
CELLS = 16  # strands along an edge
PER_CELL = SIZE // CELLS
SHADE_OF = np.array((0.50, 0.22, 0.16), np.float32)


@cache
def strand_noise(seed: int = 3) -> NDArray[np.uint8]:
    """uint8[64, 64, 64, 4]: strand profile, one number per strand, smooth noise, and the
    three as one shade.

    The profile falls with the distance to the nearest of one random point per cell
    (Worley 1996); it repeats without a seam. Made once per process; read-only.
    """
    random = np.random.default_rng(seed)
    points = random.random((CELLS, CELLS, CELLS, 3), np.float32)
    numbers = random.random((CELLS, CELLS, CELLS), np.float32)
    place = (np.arange(PER_CELL, dtype=np.float32) + 0.5) / PER_CELL
    # axes: cell z, y, x, then place within the cell z, y, x
    nearest = np.full((CELLS,) * 3 + (PER_CELL,) * 3, np.inf, np.float32)
    number = np.zeros_like(nearest)
    for step in product((-1, 0, 1), repeat=3):
        shift = tuple(-s for s in step)
        near = np.roll(points, shift, (0, 1, 2)) + np.array(step, np.float32)
        axes = [(near[..., a, None] - place) ** 2 for a in range(3)]
        distance = (
            axes[0][..., :, None, None] + axes[1][..., None, :, None] + axes[2][..., None, None, :]
        )
        closer = distance < nearest
        np.copyto(nearest, distance, where=closer)
        here = np.roll(numbers, shift, (0, 1, 2))[..., None, None, None]
        np.copyto(number, np.broadcast_to(here, number.shape), where=closer)
    out = np.zeros((SIZE, SIZE, SIZE, 4), np.uint8)
    out[..., 0] = _voxels(np.clip(1.15 - 1.6 * nearest, 0, 1)) * 255
    out[..., 1] = _voxels(number) * 255
    out[..., 2] = _smooth(random.random((SIZE,) * 3, np.float32)) * 255
    # Around one half; a software renderer is faster with one channel than with three.
    shade = out[..., :3] @ SHADE_OF
    out[..., 3] = np.clip(shade - shade.mean() + 127.5, 0, 255)
    out.flags.writeable = False
    return out


def _voxels(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    return cells.transpose(0, 3, 1, 4, 2, 5).reshape((SIZE,) * 3)


def _smooth(values: NDArray[np.float32], sigma: float = 2.2) -> NDArray[np.float32]:
    """Blurred round the edges and stretched to 0..1."""
    frequency = np.fft.fftfreq(SIZE)
    fall = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    window = fall[:, None, None] * fall[None, :, None] * fall[None, None, : SIZE // 2 + 1]
    out = np.fft.irfftn(np.fft.rfftn(values) * window, values.shape, axes=(0, 1, 2))
    low, high = float(out.min()), float(out.max())
    return np.asarray((out - low) / (high - low), np.float32)


def noise_texture(ctx: moderngl.Context, filtered: bool) -> moderngl.Texture3D:
    """The strand noise on the GPU; repeats, as textures do unless told otherwise."""
    texture = ctx.texture3d((SIZE,) * 3, 4, strand_noise().tobytes())
    texture.filter = (moderngl.LINEAR,) * 2 if filtered else (moderngl.NEAREST,) * 2
    return texture
