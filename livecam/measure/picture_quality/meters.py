"""The meters: visible hair and face, lost clothes, spill, the filled background, flicker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from livecam.compose.grid import upsampled
from livecam.core.frame import Frame, Image, Rect
from livecam.measure.leak import BoolMask, oval_mask, uncovered_pixels
from livecam.measure.picture_quality.metrics import (
    max_error,
    mean_change,
    psnr,
    seam_ratio,
)
from livecam.measure.picture_quality.playback import CompositionInput
from livecam.measure.picture_quality.redraw import Redrawer, visible_background
from livecam.measure.picture_quality.regions import (
    body_mask,
    changeable_mask,
    hair_mask,
    known_mask,
)
from livecam.segmentation.networks import HairNetwork, PersonNetwork
from livecam.segmentation.warp import CHIN
from livecam.vision.morphology import disc

HALF = 128
MIN_VISIBLE = 5  # levels of 255: less is within rounding
VISIBLE_SHARE = 0.2  # of the background: a strand that contributes so much is noticed


@dataclass(frozen=True, slots=True)
class Measurement:
    """The numbers of a meter for one frame."""

    values: Mapping[str, float]
    marked: BoolMask | None = None  # the faulty pixels


class Meter(Protocol):
    """Measures every frame of a film in order; returns None where there is nothing to measure."""

    def measure(
        self, inputs: CompositionInput, image: Image, redrawer: Redrawer
    ) -> Measurement | None: ...


class HairMeter:
    """Measures real hair that is visible beside the head, in percent of all real hair.

    `differs` counts pixels to which it contributes at all, `seen` those to which it contributes at
    least `VISIBLE_SHARE`, `weight` is the sum of the contributions.
    """

    def __init__(self, network: HairNetwork) -> None:
        self._network = network

    def measure(
        self, inputs: CompositionInput, image: Image, redrawer: Redrawer
    ) -> Measurement | None:
        hair = hair_mask(inputs, self._network)
        area = float(hair.sum())
        if not area:
            return None
        contribution = visible_background(redrawer, inputs, hair)
        contribution[redrawer.layers.coverage >= HALF] = 0
        visible = contribution > VISIBLE_SHARE * 255
        values = {
            "differs %": 100 * float((contribution > MIN_VISIBLE).sum()) / area,
            "seen %": 100 * float(visible.sum()) / area,
            "weight %": 100 * float(contribution.sum(dtype=np.float64)) / 255 / area,
        }
        return Measurement(values, visible)


class LeakMeter:
    """Measures the visible part of the real face, in percent of its oval."""

    def measure(
        self, inputs: CompositionInput, image: Image, redrawer: Redrawer
    ) -> Measurement | None:
        oval = oval_mask(inputs.face, *inputs.frame.size)
        if not oval.any():
            return None

        def draw(painted: Frame) -> Frame:
            return replace(painted, image=redrawer.redraw(inputs, painted.image))

        shows = uncovered_pixels(draw, inputs.frame, oval)
        return Measurement({"leak %": 100 * float(shows[oval].mean())}, shows)


class ClothMeter:
    """Measures clothes that became background, in percent of those beside the head.

    Person without hair below the chin counts as clothes; edges are left out.
    """

    def __init__(self, person: PersonNetwork, hair: HairNetwork) -> None:
        self._person, self._hair = person, hair

    def measure(
        self, inputs: CompositionInput, image: Image, redrawer: Redrawer
    ) -> Measurement | None:
        cloth = self._cloth(inputs) & (redrawer.layers.coverage < MIN_VISIBLE)
        area = float(cloth.sum())
        if not area:
            return None
        lost = cloth & (redrawer.layers.filled > VISIBLE_SHARE * 255)
        return Measurement({"lost %": 100 * float(lost.sum()) / area}, lost)

    def _cloth(self, inputs: CompositionInput) -> BoolMask:
        frame = inputs.frame
        whole, reach = Rect(0, 0, *frame.size), max(2, max(frame.size) // 100)
        person, hair = (
            np.asarray(cv2.resize(network.segment(frame.image, whole), frame.size), np.uint8)
            for network in (self._person, self._hair)
        )
        clothed, hairless = cv2.erode(person, disc(reach)) > 200, cv2.dilate(hair, disc(reach)) < 60
        cloth: BoolMask = clothed & hairless
        chin = float(inputs.face.points_px(*frame.size)[CHIN, 1])
        cloth[: max(0, round(chin))] = False
        return cloth


class SpillMeter:
    """Counts changed pixels outside of everything that is synthesised, drawn or shaded."""

    def measure(
        self, inputs: CompositionInput, image: Image, redrawer: Redrawer
    ) -> Measurement | None:
        changed = (image != inputs.frame.image).any(axis=2)
        spilled = changed & ~changeable_mask(inputs, redrawer.layers)
        outside = changed.copy()
        outside[redrawer.drawn.clipped(*inputs.frame.size).slices] = False
        values = {"spill px": float(spilled.sum()), "outside drawn px": float(outside.sum())}
        return Measurement(values, spilled | outside)


class FillMeter:
    """Measures the filled background against the known one, as PSNR in decibels.

    `seam` is the step across the border of the fill over the true step there; `known %` is the
    share of the fill that the clean plate covers.
    """

    def __init__(self, truth: Image) -> None:
        self._truth = truth

    def measure(
        self, inputs: CompositionInput, image: Image, redrawer: Redrawer
    ) -> Measurement | None:
        layers, segmentation = redrawer.layers, inputs.segmentation
        if layers.parts is None or segmentation is None:
            return None
        whole = Rect(0, 0, *inputs.frame.size)
        fill = upsampled(layers.parts.remove, segmentation.cell, whole)
        # At the soft edge of the head the image is not the fill alone.
        head = cv2.dilate(layers.coverage, disc(2)) > 0
        filled = (fill > HALF) & ~head
        if not filled.any():
            return None
        values = {"PSNR dB": psnr(image, self._truth, filled)}
        known = known_mask(segmentation, filled)
        values["known %"] = 100 * float(known[filled].mean())
        for name, part in (("PSNR known", filled & known), ("PSNR guessed", filled & ~known)):
            if part.sum() > 50:
                values[name] = psnr(image, self._truth, part)
        seam = seam_ratio(image, self._truth, fill, ~head & ~body_mask(layers, segmentation, whole))
        if seam is not None:
            values["seam"] = seam
        return Measurement(values, filled & (max_error(image, self._truth) > 30))


class FlickerMeter:
    """Measures the change of the composite from frame to frame over the noise of the camera.

    The noise is the change of the still background of the source.
    """

    def __init__(self) -> None:
        self._before: tuple[Image, Image] | None = None

    def measure(
        self, inputs: CompositionInput, image: Image, redrawer: Redrawer
    ) -> Measurement | None:
        before, self._before = self._before, (inputs.frame.image, image)
        layers, segmentation = redrawer.layers, inputs.segmentation
        if before is None or segmentation is None:
            return None
        head, made = layers.coverage >= HALF, layers.synthetic >= HALF
        person = upsampled(segmentation.person, segmentation.cell, Rect(0, 0, *inputs.frame.size))
        still = (cv2.dilate(np.maximum(person, layers.synthetic), disc(8)) < 20) & ~head
        noise = mean_change(before[0], inputs.frame.image, still)
        if noise is None or noise < 1e-3:
            return None
        parts = {"composite": head | made, "head": head, "fill": (layers.filled >= HALF) & ~head}
        changes = {n: mean_change(before[1], image, mask) for n, mask in parts.items()}
        return Measurement({n: c / noise for n, c in changes.items() if c is not None})
