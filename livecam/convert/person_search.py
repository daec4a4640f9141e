"""Looks for a person in shots in which nothing found a face, by the networks that segment one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from livecam.core.frame import Frame, Image, Rect
from livecam.segmentation.networks import PersonNetwork

# Of frames of eight clips, upright, turned, cut in half and darkened, both networks saw .05 or more
# of the frame as one person where a head showed. So they did in a cup of coffee and a cat, where
# the witnesses scored .14 or less; with persons those scored .3 or more.
MIN_SHARE = 0.05
CERTAIN = 204  # of 255: from here on a pixel is person


class PersonSearch:
    """Segments whole frames. One thread.

    Args:
        models: person networks that must agree; each takes mugs, cats and coins for persons, but
            not the same ones.

    Raises:
        TrackingError: LiteRT is not installed, or a file is no such network.
    """

    def __init__(self, *models: Path) -> None:
        self._networks = [PersonNetwork(model) for model in models]

    def sees_person(self, frame: Frame) -> bool:
        """Returns whether all networks see a person that is large enough, whichever way up."""
        return any(self._is_seen(np.ascontiguousarray(np.rot90(frame.image, n))) for n in range(4))

    def _is_seen(self, image: Image) -> bool:
        whole = Rect(0, 0, image.shape[1], image.shape[0])
        return all(
            _largest_share(network.segment(image, whole)) >= MIN_SHARE for network in self._networks
        )


def _largest_share(mask: np.ndarray) -> float:
    """Returns the largest connected part of a mask uint8[h, w], as a share of all."""
    certain = (mask >= CERTAIN).astype(np.uint8)
    count, _, measures, _ = cv2.connectedComponentsWithStats(certain, connectivity=4)
    return float(measures[1:, cv2.CC_STAT_AREA].max()) / mask.size if count > 1 else 0.0
