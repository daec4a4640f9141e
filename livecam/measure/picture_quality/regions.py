"""Masks in which the meters measure: the wearer's hair, the body, pixels that may change."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.compose.base import Layers
from livecam.compose.compositor import underpaint_rect
from livecam.compose.covers import paint_out
from livecam.compose.grid import upsampled
from livecam.core.frame import Rect
from livecam.measure.leak import BoolMask, oval_mask
from livecam.measure.picture_quality.playback import CompositionInput
from livecam.segmentation.base import Segmentation
from livecam.segmentation.networks import HairNetwork
from livecam.vision.morphology import disc

HALF = 128
MAX_HAIR_DISTANCE = 0.5  # face widths: hair that begins farther from the face is another person's
KNOWN_MARGIN_PX = 8  # at the edge of the known plate, which fades into the fill


def hair_mask(inputs: CompositionInput, network: HairNetwork) -> BoolMask:
    """Returns the real hair of the wearer."""
    frame = inputs.frame
    found = network.segment(frame.image, Rect(0, 0, *frame.size))
    hair = cv2.resize(found, frame.size, interpolation=cv2.INTER_LINEAR) >= HALF
    oval = oval_mask(inputs.face, *frame.size).astype(np.uint8)
    box = cv2.boundingRect(oval)
    reach = max(1, round(MAX_HAIR_DISTANCE * box[2]))
    near = np.zeros(hair.shape, bool)
    near[Rect(box[0], box[1], box[0] + box[2], box[1] + box[3]).grown(reach).clipped(
        *frame.size
    ).slices] = True  # fmt: skip
    count, labels = cv2.connectedComponents(hair.astype(np.uint8))
    mine = np.bincount(labels[near & hair], minlength=count) > 0
    mine[0] = False
    own: BoolMask = mine[labels]
    return own


def changeable_mask(inputs: CompositionInput, layers: Layers) -> BoolMask:
    """Returns where an image may change: head, underpaint, fill, neck, and the body in shadow."""
    may: BoolMask = (layers.coverage > 0) | (layers.synthetic > 0)
    if inputs.state.face_px is not None:
        painted = np.zeros((*may.shape, 4), np.uint8)
        paint_out(painted, inputs.state.face_px, (1, 1, 1))
        may |= painted[..., 0] > 0
    whole = Rect(0, 0, *inputs.frame.size)
    if layers.parts is not None and layers.segmentation is not None:
        may |= body_mask(layers, layers.segmentation, whole)
    else:  # without a segmentation, everything below the face may be shaded
        outline = inputs.state.face_px
        top = 0 if outline is None else underpaint_rect(outline).y0
        may[max(0, top) :] = True
    return may


def body_mask(layers: Layers, segmentation: Segmentation, whole: Rect) -> BoolMask:
    """Returns the body, grown by what the coarser grid of its shadow reaches."""
    assert layers.parts is not None  # checked by the callers
    reached = np.asarray(cv2.dilate(layers.parts.body, disc(3)), np.uint8)
    body: BoolMask = upsampled(reached, segmentation.cell, whole) > 0
    return body


def known_mask(segmentation: Segmentation, filled: BoolMask) -> BoolMask:
    """Returns where the clean plate is known and not faded."""
    if segmentation.plate is None:
        return np.zeros_like(filled)
    known: BoolMask = cv2.erode(segmentation.plate.known, disc(KNOWN_MARGIN_PX)) > 0
    return known
