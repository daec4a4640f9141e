"""Compares the images of the readers with the published frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bars import COLORS, measured
from feed import Feed
from numpy.typing import NDArray

READERS = ("opencv", "ffmpeg", "chromium", "obs")
BAR_TOLERANCE = 4.0  # levels; rounding in two conversions and two matrices
NEAR_LEVELS, FAR_LEVELS = 4.0, 12.0  # outside the head: median, and for 95 of 100 samples
BLOCK = 16  # pixels; within a block a head may be turned a little differently
HEAD_TOLERANCE = 16.0  # levels, mean over the blocks of the head
CHANGED_LEVELS = 25.0  # a face with a raccoon over it is another picture


class Verdict:
    """Counts and prints."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def add(self, name: str, good: bool, detail: str = "") -> None:
        self.passed += good
        self.failed += not good
        print(f"{'PASS' if good else 'FAIL'} {name}{': ' if detail else ''}{detail}", flush=True)


def bars(verdict: Verdict, out: Path) -> None:
    """Every reader shows the twelve colours that were published."""
    for reader in READERS:
        image = _picture(verdict, out, f"bars-{reader}", reader)
        if image is not None:
            _bars(verdict, f"{reader} shows the colours of the bars", _as_published(image, reader))
            if reader == "obs":
                raw = np.abs(measured(image) - COLORS).max()
                print(f"     ({raw:.0f} levels off as OBS shows it, which assumes BT.709)")
    image = _picture(verdict, out, "bars709-obs", "obs")
    if image is not None:
        _bars(verdict, "obs shows the colours of the bars when BT.709 is asked for", image)


def _bars(verdict: Verdict, name: str, image: NDArray[Any]) -> None:
    worst = np.abs(measured(image) - COLORS).max()
    verdict.add(name, worst <= BAR_TOLERANCE, f"worst of 12 patches {worst:.1f} levels off")


def heads(verdict: Verdict, out: Path, feed: Feed) -> None:
    """Every reader shows the source around the head, and the avatar where the face was."""
    for reader in READERS:
        image = _picture(verdict, out, f"head-{reader}", reader)
        if image is not None:
            _head(verdict, reader, _as_published(image, reader), feed)


def _head(verdict: Verdict, reader: str, image: NDArray[Any], feed: Feed) -> None:
    if image.shape != feed.source.shape[1:]:
        verdict.add(f"{reader} shows the whole picture", False, str(image.shape))
        return
    index, around = _frame_of(image, feed)
    median, far = np.median(around), np.percentile(around, 95)
    verdict.add(
        f"{reader} shows the room as it is",
        bool(median <= NEAR_LEVELS and far <= FAR_LEVELS),
        f"frame {index}: median {median:.1f}, 95 of 100 within {far:.1f} levels",
    )
    inside = feed.boxes[index].slices
    pictures = (image, feed.source[index], feed.expected[index])
    shown, source, expected = (picture[inside].astype(float) for picture in pictures)
    middle = _middle(source.shape)
    changed = np.abs(shown - source)[middle].mean()
    verdict.add(
        f"{reader} shows no face", bool(changed >= CHANGED_LEVELS), f"{changed:.0f} levels away"
    )
    to_avatar = np.abs(_blocks(shown) - _blocks(expected)).mean()
    to_face = np.abs(_blocks(source) - _blocks(expected)).mean()
    verdict.add(
        f"{reader} shows the avatar in its colours",
        bool(to_avatar <= HEAD_TOLERANCE and to_avatar < to_face / 2),
        f"{to_avatar:.1f} levels from what the host draws, where the face is {to_face:.0f} away",
    )


def _frame_of(image: NDArray[Any], feed: Feed) -> tuple[int, NDArray[Any]]:
    """Finds the frame of the clip by the surroundings of the head; also their mean difference."""
    best, best_around = 0, np.full(1, np.inf)
    for index, (source, box) in enumerate(zip(feed.source, feed.boxes, strict=True)):
        outside = np.ones(source.shape[:2], bool)
        outside[box.slices] = False
        around = np.abs(image[outside].astype(float) - source[outside])
        if around.mean() < best_around.mean():
            best, best_around = index, around
    return best, best_around


def _middle(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of the head's box where the face was."""
    height, width = shape[:2]
    return slice(height * 2 // 5, height * 7 // 10), slice(width // 3, width * 2 // 3)


def _blocks(image: NDArray[Any]) -> NDArray[Any]:
    size = (max(1, image.shape[1] // BLOCK), max(1, image.shape[0] // BLOCK))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _as_published(image: NDArray[Any], reader: str) -> NDArray[Any]:
    """The picture with OBS's assumption undone: it decodes as BT.709 what is declared BT.601."""
    if reader != "obs":
        return image
    from livecam.media.color import I420Converter

    height, width = image.shape[:2]
    opaque = np.full((height, width, 4), 255, np.uint8)
    opaque[..., :3] = image
    planes = I420Converter(width, height).convert(opaque)
    return cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420)


def _picture(verdict: Verdict, out: Path, name: str, reader: str) -> NDArray[Any] | None:
    image = cv2.imread(str(out / f"{name}.png"))
    if image is None:
        verdict.add(f"{reader} shows a picture", False, f"no {name}.png")
        return None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
