"""Measures whether a real face can be seen behind the avatar.

Two ways. `see_through` asks the compositor itself: it paints the face oval with noise and with
the opposite noise and draws the same avatar over both; where the two pictures differ, what lies
behind shows through, however little and whatever its colour. `compare_films` looks at finished
files, as anybody could: pixels inside the oval count when they still follow the source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Face
from livecam.core.frame import Frame, Image
from livecam.media.reader import VideoReader
from livecam.pipeline.stats import Shown
from livecam.tracking.base import Tracker

Mask = NDArray[np.bool_]  # bool[h, w]

# --- asking the compositor

SHOWS = 0.02  # of the light behind: less cannot be told from rounding in 8 bits
SUM_OF_OPPOSITES = 255

# --- looking at files

# Largest difference in Y, Cr and Cb that an encoder may have made, of 255; it stores chroma at
# half the size, so colours bleed.
SAME_COLOUR = (7, 12, 12)
DETAIL_SIGMA = 0.02  # of the oval's width: what is finer than this counts as detail
FOLLOWS = 0.8  # correlation of the detail of a patch in source and output
FOLLOWS_SHADED = 0.95  # the same in windows of any colour: .85 happens by chance
ENCODER_NOISE = 2.5  # deviation of luma, of 255
PIXELS_A_SAMPLE = 4
SIGNIFICANT = 4.0  # deviations from chance
PLAIN = 1.0  # standard deviation of detail below which nothing can be told
TEXTURED = 3.0  # standard deviation of detail that is worth correlating
# Two pictures that have nothing to do with each other share so much by chance: what
# `compare_films` finds below this proves nothing (covered faces: up to 0.1 % in one frame of 20).
# Above it, look at the picture: a painted lid over the real one shares its edge (0.5 %, one frame
# of 1000). `see_through` knows.
CHANCE = 0.002
SMALLEST_PATCH = 0.0004  # of the oval; smaller is where two colours happen to meet


@dataclass(frozen=True, slots=True)
class Leak:
    """How much of one face can still be seen in one frame."""

    index: int
    visible: float  # share of the oval, 0..1
    unsure: float = 0.0  # share that has the colour of the source but no detail to tell it by


def oval_of(face: Face, width: int, height: int) -> Mask:
    """The inside of the face outline."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(face.oval_px(width, height)).astype(np.int32)], 1)
    return mask.astype(bool)


def see_through(draw: Callable[[Frame], Frame], frame: Frame, oval: Mask, seed: int = 0) -> Mask:
    """The pixels of the oval in which what lies behind the avatar shows.

    `draw` must put the same avatar on any picture of that size, and is called twice. Both
    pictures have the same mean brightness, so light taken from the picture stays the same.
    """
    noise = np.random.default_rng(seed).choice(np.array((0, 255), np.uint8), (*oval.shape, 3))
    drawn = [draw(_painted(frame, oval, paint)).image for paint in (noise, 255 - noise)]
    difference = cv2.absdiff(drawn[0], drawn[1])[..., :3].max(axis=2)
    shows: Mask = oval & (difference > SHOWS * SUM_OF_OPPOSITES)
    return shows


def _painted(frame: Frame, oval: Mask, paint: Image) -> Frame:
    image = frame.image.copy()
    image[oval, :3] = paint[oval]
    return replace(frame, image=image)


def visible(source: Image, output: Image, oval: Mask) -> tuple[Mask, Mask]:
    """The pixels of the oval that certainly, and that possibly, still show the source.

    Both pictures uint8[h, w, 4]. Patches of the source's colour count when their detail is the
    source's as well; windows in any brightness count when they follow the source very closely.
    """
    width = max(8.0, float(np.ptp(np.nonzero(oval)[1])) + 1)
    region = _box(oval, margin=int(width / 8))
    real, shown = (_luma_chroma(picture[region]) for picture in (source, output))
    inside = oval[region]
    same = (np.abs(real - shown) <= SAME_COLOUR).all(axis=2) & inside
    same = cv2.morphologyEx(same.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3))).astype(bool)
    sigma = max(1.5, DETAIL_SIGMA * width)
    details = [_detail(picture[..., 0], same, sigma) for picture in (real, shown)]
    difference = real[..., 0] - shown[..., 0]
    sure, maybe = _patches(same, details, difference, max(9, SMALLEST_PATCH * oval.sum()))
    details = [_detail(picture[..., 0], inside, sigma) for picture in (real, shown)]
    sure |= _followed(details, width) & inside
    certain, possible = np.zeros_like(oval), np.zeros_like(oval)
    certain[region], possible[region] = sure, maybe & ~sure
    return certain, possible


def _box(mask: Mask, margin: int) -> tuple[slice, slice]:
    rows, columns = np.nonzero(mask)
    return (
        slice(max(0, int(rows.min()) - margin), int(rows.max()) + 1 + margin),
        slice(max(0, int(columns.min()) - margin), int(columns.max()) + 1 + margin),
    )


def _luma_chroma(picture: Image) -> NDArray[np.float32]:
    """float32[h, w, 3]: Y, Cr, Cb, calmed a little as an encoder does."""
    calm = cv2.GaussianBlur(picture[..., :3], (3, 3), 0.7)
    return np.asarray(cv2.cvtColor(calm, cv2.COLOR_RGB2YCrCb), np.float32)


def _detail(luma: NDArray[np.float32], among: Mask, sigma: float) -> NDArray[np.float32]:
    """What is left without the local mean; the mean is taken among the given pixels only."""
    weight = among.astype(np.float32)
    total, share = (
        np.asarray(cv2.GaussianBlur(each, (0, 0), sigma), np.float32)
        for each in (luma * weight, weight)
    )
    return np.asarray((luma - total / np.maximum(share, 1e-3)) * weight, np.float32)


def _patches(
    same: Mask,
    details: list[NDArray[np.float32]],
    difference: NDArray[np.float32],
    smallest: float,
) -> tuple[Mask, Mask]:
    """Which patches of one colour have the source's detail, and which cannot be told.

    A correlation r of n samples is by chance when atanh(r) is within a few 1 / sqrt(n - 3)
    (Fisher, 1915); neighbouring pixels are not independent samples. But pixels chosen for their
    likeness correlate by that choice alone, with differences spread evenly over what was
    allowed (deviation 7 / sqrt(3) = 4); an encoder's are smaller.
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
        if a.std() < PLAIN or b.std() == 0:
            maybe |= patch
            continue
        follows = float(np.corrcoef(a, b)[0, 1])
        certainty = np.arctanh(min(follows, 0.9999)) * np.sqrt(max(area / PIXELS_A_SAMPLE - 3, 0))
        if follows > FOLLOWS and certainty > SIGNIFICANT:
            sure |= patch
        elif follows > FOLLOWS:
            maybe |= patch
    return sure, maybe


def _followed(details: list[NDArray[np.float32]], width: float) -> Mask:
    """Pixels in the middle of a window whose detail is the source's, however dark or tinted."""
    side = 2 * max(3, round(width / 24)) + 1
    a, b = details

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.boxFilter(values, -1, (side, side)), np.float32)

    spread_a, spread_b = mean(a * a), mean(b * b)  # the mean of detail is nearly 0
    correlation = mean(a * b) / np.sqrt(spread_a * spread_b + 1e-6)
    follows: Mask = (correlation > FOLLOWS_SHADED) & (spread_a > TEXTURED**2)
    follows &= spread_b > (TEXTURED / 3) ** 2
    return follows


def avatar_frames(stats: Path) -> set[int]:
    """The numbers of the frames in state `avatar`."""
    with stats.open(encoding="utf-8") as lines:
        told = [json.loads(line) for line in lines]
    return {line["frame"] for line in told if line["state"] == Shown.AVATAR.value}


def compare_films(
    source: Path, output: Path, frames: set[int], tracker: Tracker
) -> Iterator[tuple[Leak, Frame, Frame, Mask, Mask]]:
    """The leak of every one of those frames, all its faces together.

    With it come the source's frame, the output's, the ovals and what is certainly visible.

    `tracker` looks at the source afresh: it should be none that the conversion used. Frames in
    which it finds no face are left out.
    """
    with VideoReader(source) as before, VideoReader(output) as after:
        for real, shown in zip(before, after, strict=True):
            if real.index not in frames:
                continue
            oval = all_ovals(tracker.track(real).faces, *real.size)
            if oval.any():
                certain, possible = visible(real.image, shown.image, oval)
                yield _leak(real.index, oval, certain, possible), real, shown, oval, certain


def all_ovals(faces: tuple[Face, ...], width: int, height: int) -> Mask:
    """The ovals of all faces together."""
    oval = np.zeros((height, width), bool)
    for face in faces:
        oval |= oval_of(face, width, height)
    return oval


def _leak(index: int, oval: Mask, certain: Mask, possible: Mask) -> Leak:
    area = float(oval.sum())
    return Leak(index, float(certain.sum()) / area, float(possible.sum()) / area)
