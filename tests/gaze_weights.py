"""Reads the gaze out of the weights of an avatar."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import INDEX, Weights

SIDES, DIRECTIONS = ("Left", "Right"), ("In", "Out", "Up", "Down")
PLACES = np.array([[INDEX[f"eyeLook{way}{side}"] for way in DIRECTIONS] for side in SIDES])


def gaze_weights(morphs: Weights) -> NDArray[np.float64]:
    """Returns the gaze, float64[2, 2]: left and right eye; left and up, as weights."""
    inwards, outwards, up, down = morphs[PLACES].astype(np.float64).T
    return np.stack(((outwards - inwards) * (1, -1), up - down), axis=1)
