"""Looks for a person in shots in which nothing found a face, by the networks that segment one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from livecam.convert.turns import turned
from livecam.core.frame import Frame, Rect
from livecam.media.shape import TURNS
from livecam.segmentation.networks import PersonNetwork
from livecam.segmentation.witness import HeadWitness

# Of frames of eight clips, upright, turned, cut in half and darkened, both networks saw .05 or more
# of the frame as one person where a head showed. So they did in a cup of coffee and a cat, where
# the witnesses scored .14 or less; with persons those scored .3 or more.
MIN_SHARE = 0.05
CERTAIN = 204  # of 255: from here on a pixel is person
# Frames whose hundredth part of brightest values begins below DARK are brightened until it is there
# at BRIGHT; values of 255. Darkest is what is taken for black.
DARK, BRIGHT, DARKEST = 110, 220, 8


def views(frame: Frame) -> Iterator[Frame]:
    """Yields a frame in the four quarter turns, each also mirrored; a dark one brightened too.

    The detectors are not symmetrical: a face that they miss as it is, they may find in a mirror.
    """
    for lit in (frame, *_brightened(frame)):
        for degrees in TURNS:
            view = turned(lit, degrees)
            yield view
            yield replace(view, image=np.ascontiguousarray(view.image[:, ::-1]))


class PersonSearch:
    """Segments whole frames. One thread.

    Args:
        models: person networks that must agree; each takes mugs, cats and coins for persons, but
            not the same ones. They are loaded with the first frame: few films need them.
    """

    def __init__(self, *models: Path) -> None:
        self._models = models

    def sees_person(self, frame: Frame) -> bool:
        """Returns whether all networks see a person that is large enough, whichever way up.

        Raises:
            TrackingError: LiteRT is not installed, or a file is no such network.
        """
        return any(self._is_seen(turned(frame, degrees)) for degrees in TURNS)

    def confirms(self, view: Frame, heads: Sequence[HeadWitness]) -> bool:
        """Returns whether heads that were found in a view are those of a person.

        One must be certain. The networks must see a person too, or the other witness be certain:
        who is far away is too small for the networks.

        Raises:
            TrackingError: LiteRT is not installed, or a file is no such network.
        """
        certain = {head.kind for head in heads if head.is_certain}
        return len(certain) == 2 or (bool(certain) and self._is_seen(view))

    def _is_seen(self, frame: Frame) -> bool:
        whole = Rect(0, 0, frame.width, frame.height)
        return all(
            _largest_share(network.segment(frame.image, whole)) >= MIN_SHARE
            for network in self._networks
        )

    @cached_property
    def _networks(self) -> list[PersonNetwork]:
        return [PersonNetwork(model) for model in self._models]


def _largest_share(mask: np.ndarray) -> float:
    """Returns the largest connected part of a mask uint8[h, w], as a share of all."""
    certain = (mask >= CERTAIN).astype(np.uint8)
    count, _, measures, _ = cv2.connectedComponentsWithStats(certain, connectivity=4)
    return float(measures[1:, cv2.CC_STAT_AREA].max()) / mask.size if count > 1 else 0.0


def _brightened(frame: Frame) -> Iterator[Frame]:
    """Yields a dark frame with the contrast of a bright one, else nothing."""
    brightest = float(np.percentile(frame.image[..., :3], 99))
    if brightest < DARK:
        image = frame.image.copy()
        gain = BRIGHT / max(brightest, DARKEST)
        image[..., :3] = cv2.convertScaleAbs(frame.image[..., :3], alpha=gain)
        yield replace(frame, image=image)
