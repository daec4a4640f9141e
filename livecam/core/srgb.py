"""The sRGB transfer function and its inverse (IEC 61966-2-1); both 0..1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def linear_from_srgb(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decodes sRGB values to linear light."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


# float32[256]: linear light of each 8-bit sRGB value.
LINEAR_OF_BYTE = linear_from_srgb(np.arange(256) / 255).astype(np.float32)


def srgb_from_linear(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Encodes linear light as sRGB values."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
