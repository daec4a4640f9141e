"""Measures whether a real face is visible behind the avatar.

`uncovered_pixels` asks the compositor: it fills the face oval with noise and with its inverse and
draws the same avatar over both; where the two images differ, the background contributes, however
little and whatever its colour. `compare_films` reads finished files: pixels inside the oval count
when they correlate with the source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.framing import Framing
from livecam.core.face import Face
from livecam.core.frame import Frame, Image
from livecam.media.reader import VideoReader
from livecam.pipeline.states import Shown
from livecam.tracking.base import Tracker

BoolMask = NDArray[np.bool_]  # bool[h, w]

# --- of uncovered_pixels

MIN_CONTRIBUTION = 0.02  # of the background: less is within the rounding of 8 bits
FULL_SCALE = 255

# --- of compare_films

# Maximum difference in Y, Cr and Cb that an encoder makes, of 255; it stores chroma at half the
# size, so colours bleed.
MAX_COLOUR_ERROR = (7, 12, 12)
DETAIL_SIGMA = 0.02  # over the width of the oval: finer structures are detail
MIN_CORRELATION = 0.8  # of the detail of a patch in source and output
MIN_CORRELATION_SHADED = 0.95  # the same in windows of any colour: .85 happens by chance
ENCODER_NOISE = 2.5  # standard deviation of luma, of 255
PIXELS_PER_SAMPLE = 4
MIN_SIGNIFICANCE = 4.0  # standard deviations from chance
MIN_DETAIL = 1.0  # standard deviation of detail below which a correlation says nothing
MIN_TEXTURE = 3.0  # the same for windows of any colour
# Unrelated images agree by chance up to this share: less in `compare_films` proves nothing
# (covered faces: up to 0.1 % in one frame of 20). More must be checked by eye: a drawn lid over
# the real one shares its edge (0.5 %, one frame of 1000). `uncovered_pixels` is exact.
CHANCE = 0.002
MIN_PATCH = 0.0004  # of the oval; smaller ones are where two colours happen to meet


@dataclass(frozen=True, slots=True)
class Leak:
    """The visible share of the faces of one frame."""

    index: int
    visible: float  # share of the oval, 0..1
    unsure: float = 0.0  # share with the colour of the source but too little detail


def oval_mask(face: Face, width: int, height: int) -> BoolMask:
    """Returns the mask of the inside of the face oval."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(face.oval_px(width, height)).astype(np.int32)], 1)
    return mask.astype(bool)


def uncovered_pixels(
    draw: Callable[[Frame], Frame], frame: Frame, oval: BoolMask, seed: int = 0
) -> BoolMask:
    """Returns the pixels of the oval to which the background contributes.

    `draw` must draw the same avatar on any frame of that size, and is called twice. Both frames
    have the same mean brightness, so that light estimated from the frame stays the same.
    """
    noise = np.random.default_rng(seed).choice(np.array((0, 255), np.uint8), (*oval.shape, 3))
    drawn = [draw(_filled(frame, oval, colour)).image for colour in (noise, 255 - noise)]
    difference = cv2.absdiff(drawn[0], drawn[1])[..., :3].max(axis=2)
    shows: BoolMask = oval & (difference > MIN_CONTRIBUTION * FULL_SCALE)
    return shows


def _filled(frame: Frame, oval: BoolMask, colour: Image) -> Frame:
    image = frame.image.copy()
    image[oval, :3] = colour[oval]
    return replace(frame, image=image)


def visible(source: Image, output: Image, oval: BoolMask) -> tuple[BoolMask, BoolMask]:
    """Returns the pixels of the oval that certainly, and those that possibly show the source.

    Both images are uint8[h, w, 4]. Patches of the colour of the source count when their detail
    correlates as well; windows of any brightness count at a higher correlation.
    """
    width = max(8.0, float(np.ptp(np.nonzero(oval)[1])) + 1)
    region = _box(oval, margin=int(width / 8))
    real, shown = (_luma_chroma(image[region]) for image in (source, output))
    inside = oval[region]
    same = (np.abs(real - shown) <= MAX_COLOUR_ERROR).all(axis=2) & inside
    same = cv2.morphologyEx(same.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3))).astype(bool)
    sigma = max(1.5, DETAIL_SIGMA * width)
    details = [_detail(image[..., 0], same, sigma) for image in (real, shown)]
    difference = real[..., 0] - shown[..., 0]
    sure, maybe = _patches(same, details, difference, max(9, MIN_PATCH * oval.sum()))
    details = [_detail(image[..., 0], inside, sigma) for image in (real, shown)]
    sure |= _correlated(details, width) & inside
    certain, possible = np.zeros_like(oval), np.zeros_like(oval)
    certain[region], possible[region] = sure, maybe & ~sure
    return certain, possible


def _box(mask: BoolMask, margin: int) -> tuple[slice, slice]:
    rows, columns = np.nonzero(mask)
    return (
        slice(max(0, int(rows.min()) - margin), int(rows.max()) + 1 + margin),
        slice(max(0, int(columns.min()) - margin), int(columns.max()) + 1 + margin),
    )


def _luma_chroma(image: Image) -> NDArray[np.float32]:
    """Returns Y, Cr, Cb, float32[h, w, 3], slightly blurred as by an encoder."""
    blurred = cv2.GaussianBlur(image[..., :3], (3, 3), 0.7)
    return np.asarray(cv2.cvtColor(blurred, cv2.COLOR_RGB2YCrCb), np.float32)


def _detail(luma: NDArray[np.float32], among: BoolMask, sigma: float) -> NDArray[np.float32]:
    """Subtracts the local mean, which is taken over the given pixels only."""
    weight = among.astype(np.float32)
    total, share = (
        np.asarray(cv2.GaussianBlur(each, (0, 0), sigma), np.float32)
        for each in (luma * weight, weight)
    )
    return np.asarray((luma - total / np.maximum(share, 1e-3)) * weight, np.float32)


def _patches(
    same: BoolMask,
    details: list[NDArray[np.float32]],
    difference: NDArray[np.float32],
    smallest: float,
) -> tuple[BoolMask, BoolMask]:
    """Returns the patches that have the detail of the source, and those with too little detail.

    A correlation r of n samples is by chance when atanh(r) is within a few 1 / sqrt(n - 3)
    (Fisher, 1915); neighbouring pixels are not independent samples. But pixels selected for their
    similarity correlate by that selection, with differences spread evenly over the allowed range
    (deviation 7 / sqrt(3) = 4); those of an encoder are smaller.
    """
    count, labels, measures, _ = cv2.connectedComponentsWithStats(
        same.astype(np.uint8), connectivity=4
    )
    sure, maybe = np.zeros_like(same), np.zeros_like(same)
    for label in range(1, count):
        area = int(measures[label, cv2.CC_STAT_AREA])
        if area < smallest:
            continue
        patch = labels == label
        a, b = details[0][patch], details[1][patch]
        if difference[patch].std() > ENCODER_NOISE:
            continue
        if a.std() < MIN_DETAIL or b.std() == 0:
            maybe |= patch
            continue
        correlation = float(np.corrcoef(a, b)[0, 1])
        samples = area / PIXELS_PER_SAMPLE
        certainty = np.arctanh(min(correlation, 0.9999)) * np.sqrt(max(samples - 3, 0))
        if correlation > MIN_CORRELATION and certainty > MIN_SIGNIFICANCE:
            sure |= patch
        elif correlation > MIN_CORRELATION:
            maybe |= patch
    return sure, maybe


def _correlated(details: list[NDArray[np.float32]], width: float) -> BoolMask:
    """Returns pixels in a window with the detail of the source, however dark or tinted."""
    side = 2 * max(3, round(width / 24)) + 1
    a, b = details

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.boxFilter(values, -1, (side, side)), np.float32)

    spread_a, spread_b = mean(a * a), mean(b * b)  # the mean of detail is nearly 0
    correlation = mean(a * b) / np.sqrt(spread_a * spread_b + 1e-6)
    shows: BoolMask = (correlation > MIN_CORRELATION_SHADED) & (spread_a > MIN_TEXTURE**2)
    shows &= spread_b > (MIN_TEXTURE / 3) ** 2
    return shows


def avatar_frames(stats: Path) -> set[int]:
    """Returns the indices of the frames in state `avatar`."""
    with stats.open(encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    return {line["frame"] for line in entries if line["state"] == Shown.AVATAR.value}


def compare_films(
    source: Path, output: Path, frames: set[int], tracker: Tracker
) -> Iterator[tuple[Leak, Frame, Frame, BoolMask, BoolMask]]:
    """Yields the leak of each of those frames over all its faces.

    With the frames of source and output, the mask of the ovals, and the pixels that are certainly
    visible. `tracker` should be another one than the conversion used; frames in which it finds no
    face are left out.
    """
    with VideoReader(source) as before, VideoReader(output) as after:
        framing = Framing(after.info.width, after.info.height, "fit")
        for real, shown in zip(map(framing.apply, before), after, strict=True):
            if real.index not in frames:
                continue
            oval = oval_mask_of_faces(tracker.track(real).faces, *real.size)
            if oval.any():
                certain, possible = visible(real.image, shown.image, oval)
                yield _leak(real.index, oval, certain, possible), real, shown, oval, certain


def oval_mask_of_faces(faces: tuple[Face, ...], width: int, height: int) -> BoolMask:
    """Returns the mask of the ovals of all faces."""
    oval = np.zeros((height, width), bool)
    for face in faces:
        oval |= oval_mask(face, width, height)
    return oval


def _leak(index: int, oval: BoolMask, certain: BoolMask, possible: BoolMask) -> Leak:
    area = float(oval.sum())
    return Leak(index, float(certain.sum()) / area, float(possible.sum()) / area)
