"""Generates the noise of fur strands: small tileable 3-D textures."""

from __future__ import annotations

from functools import cache
from itertools import product

import moderngl
import numpy as np
from numpy.typing import NDArray

SIZE = 64  # voxels along an edge
CELLS = 16  # strands along an edge
PER_CELL = SIZE // CELLS
# Unit directions of the strands in each channel: the four that are nearest to the combed fur of
# the built-in heads. shaders/strand.glsl has the same.
STRAND_DIRECTIONS = (
    (0.49, 0.872, 0.0),
    (-0.49, 0.872, 0.0),
    (0.0, 0.44, 0.898),
    (0.0, 0.44, -0.898),
)
# Standard deviations of the blurs along and across, in voxels, and weight: strands, clumps.
BLURS = ((7.0, 1.0, 0.70), (11.0, 3.2, 0.30))
CONTRAST = 52.0  # standard deviation, in levels


@cache
def strand_noise(seed: int = 3) -> NDArray[np.uint8]:
    """Makes uint8[64, 64, 64, 4]: strand profile, a number per strand, smooth noise, unused.

    The profile falls with the distance to the nearest of one random point per cell
    (Worley 1996); it is tileable. Made once per process; read-only.
    """
    random = np.random.default_rng(seed)
    points = random.random((CELLS, CELLS, CELLS, 3), np.float32)
    numbers = random.random((CELLS, CELLS, CELLS), np.float32)
    place = (np.arange(PER_CELL, dtype=np.float32) + 0.5) / PER_CELL
    # axes: cell z, y, x, then voxel within the cell z, y, x
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
    out.flags.writeable = False
    return out


@cache
def combed_noise(seed: int = 5) -> NDArray[np.uint8]:
    """Makes uint8[64, 64, 64, 4]: noise stretched along each of STRAND_DIRECTIONS, around
    127.5; axes z, y, x.

    Made once per process; read-only.
    """
    random = np.random.default_rng(seed)
    frequency = np.fft.fftfreq(SIZE)
    z, y, x = np.meshgrid(frequency, frequency, frequency[: SIZE // 2 + 1], indexing="ij")
    out = np.empty((SIZE, SIZE, SIZE, len(STRAND_DIRECTIONS)), np.uint8)
    for channel, (a, b, c) in enumerate(STRAND_DIRECTIONS):
        white = np.fft.rfftn(random.standard_normal((SIZE,) * 3))
        along2 = (a * x + b * y + c * z) ** 2
        across2 = x * x + y * y + z * z - along2
        stretched = np.zeros((SIZE,) * 3)
        for along, across, share in BLURS:
            window = np.exp(-2 * np.pi**2 * (along2 * along**2 + across2 * across**2))
            part = np.fft.irfftn(white * window, stretched.shape, axes=(0, 1, 2))
            stretched += share * part / part.std()
        out[..., channel] = np.clip(127.5 + CONTRAST * stretched / stretched.std(), 0, 255)
    out.flags.writeable = False
    return out


def _voxels(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    return cells.transpose(0, 3, 1, 4, 2, 5).reshape((SIZE,) * 3)


def _smooth(values: NDArray[np.float32], sigma: float = 2.2) -> NDArray[np.float32]:
    """Blurs with periodic boundaries and normalises to 0..1."""
    frequency = np.fft.fftfreq(SIZE)
    fall = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    window = fall[:, None, None] * fall[None, :, None] * fall[None, None, : SIZE // 2 + 1]
    out = np.fft.irfftn(np.fft.rfftn(values) * window, values.shape, axes=(0, 1, 2))
    low, high = float(out.min()), float(out.max())
    return np.asarray((out - low) / (high - low), np.float32)


def noise_texture(ctx: moderngl.Context, filtered: bool) -> moderngl.Texture3D:
    """Uploads the strand noise; it repeats, as textures do by default."""
    texture = ctx.texture3d((SIZE,) * 3, 4, strand_noise().tobytes())
    texture.filter = (moderngl.LINEAR,) * 2 if filtered else (moderngl.NEAREST,) * 2
    return texture


def combed_texture(ctx: moderngl.Context) -> moderngl.Texture3D:
    """Uploads the combed noise; it repeats."""
    texture = ctx.texture3d((SIZE,) * 3, 4, combed_noise().tobytes())
    texture.filter = (moderngl.NEAREST,) * 2
    return texture
