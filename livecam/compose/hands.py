"""Composites hands in front of the face over the head."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.compose.base import Layers
from livecam.core.frame import Image, Rect
from livecam.core.srgb import LINEAR_OF_BYTE
from livecam.kernels.pixels import ENCODE, ENCODE_STEPS
from livecam.segmentation.base import Mask
from livecam.segmentation.face_reference import FaceReference
from livecam.segmentation.hand_detector import covers
from livecam.segmentation.hand_mask import hand_mask
from livecam.segmentation.hand_shape import hand_box
from livecam.segmentation.hand_tracker import HandTracker


class HandsInFront:
    """The stage that restores hands over the head; implements compose/base.Stage.

    Without a hand it only keeps a reference image of the face now and then.
    """

    name = "hands"

    def __init__(self) -> None:
        self._tracker = HandTracker()
        self._reference = FaceReference()

    def apply(self, layers: Layers) -> None:
        segmentation, source = layers.segmentation, layers.source
        if segmentation is None or not segmentation.is_recent:
            return
        hands = self._tracker.track(segmentation.hands, source, segmentation.at)
        known = len(hands) == len(segmentation.hands)  # one that was lost may be anywhere
        if known and not any(covers(hand.points, segmentation.landmarks_px) for hand in hands):
            self._reference.observe(source, segmentation.landmarks_px, segmentation.at)
        else:
            self._reference.register(source, segmentation.landmarks_px, segmentation.at)
        for hand in hands:
            box = hand_box(hand.points, source.shape[1], source.shape[0])
            if not box.empty and layers.synthetic[box.slices].any():
                mask = hand_mask(source, hand, box, segmentation.landmarks_px, self._reference)
                blend_hand(layers, box, mask)
        if known and hands:
            self._reference.update(source, [hand.points for hand in hands])

    def reset(self) -> None:
        self._tracker.reset()
        self._reference.reset()


def blend_hand(layers: Layers, box: Rect, mask: Mask) -> None:
    """Blends the camera image over a box by a mask uint8[h, w], in linear light.

    Pixels that are the camera's already keep their bytes.
    """
    synthetic = layers.synthetic[box.slices]
    mask = np.asarray(cv2.copyTo(mask, synthetic), np.uint8)  # 0 where nothing is synthetic
    source, image = layers.source[box.slices], layers.image[box.slices]
    cv2.copyTo(source, cv2.inRange(mask, 255, 255), image)
    _blend_edge(source, image, mask)
    np.copyto(synthetic, cv2.multiply(synthetic, cv2.bitwise_not(mask), scale=1 / 255))


def _blend_edge(over: Image, image: Image, mask: Mask) -> None:
    rows, columns = np.nonzero((mask > 0) & (mask < 255))
    light = LINEAR_OF_BYTE.take(image[rows, columns, :3])
    share = mask[rows, columns, None] * np.float32(1 / 255)
    light += (LINEAR_OF_BYTE.take(over[rows, columns, :3]) - light) * share
    light *= ENCODE_STEPS - 1
    image[rows, columns, :3] = ENCODE.take(light.astype(np.uint16))
