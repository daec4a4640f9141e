"""Makes the pictures of the documents from real renders: the built-in sample, tracked and drawn.

.venv/bin/python scripts/make_pictures.py [docs]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from livecam.app.build import compositor_factory, tracker_factory
from livecam.app.line import Line, Published
from livecam.avatar.accessories import dressed
from livecam.avatar.library import load_avatar
from livecam.config.settings import Settings
from livecam.core.frame import Frame, Image
from livecam.core.timing import StageTimer
from livecam.media.reader import VideoReader
from livecam.render.context import open_graphics
from livecam.sinks.base import OutputInfo
from livecam.sources.sample_clip import sample_clip

SHOWN = 75  # the frame whose two sides stand in the README
STRIP = (30, 110, 170, 230)  # the frames of the second picture
WIDTH = 640
CUT = 0.75
# The third picture: other heads in the same frame, some of them dressed.
OTHERS = (
    ("fox", ()), ("cat", ("glasses",)), ("panda", ("headphones",)),
    ("tiger", ()), ("frog", ("top-hat",)), ("woman", ()),
)  # fmt: skip
SETTLE = 15  # frames before it, for the filters
ROW = 3


def played(last: int) -> list[tuple[Frame, Published]]:
    """The sample's frames up to `last`, each with what the line publishes for it."""
    settings, timer = Settings(), StageTimer()
    pairs = []
    with open_graphics() as graphics, VideoReader(sample_clip()) as reader:
        tracker = tracker_factory(settings)()
        make = compositor_factory(settings, graphics, timer)
        line = None
        for frame in reader:
            if line is None:
                info = OutputInfo(frame.width, frame.height, 30.0)
                line = Line(settings, load_avatar(settings.avatar.avatar), make, info, timer)
            published = line.show(tracker.track(frame), frame.captured_at)
            if frame.index == SHOWN or frame.index in STRIP:
                pairs.append((frame, published))
            if frame.index == last:
                break
        if line is not None:
            line.close()
        tracker.close()
    return pairs


def worn() -> list[Image]:
    """The frame `SHOWN` under each of the other heads."""
    settings = Settings()
    with VideoReader(sample_clip()) as reader:
        tracker = tracker_factory(settings)()
        seen = [tracker.track(frame) for frame in reader if SHOWN - SETTLE <= frame.index <= SHOWN]
        tracker.close()
    pictures = []
    with open_graphics() as graphics:
        make = compositor_factory(settings, graphics, StageTimer())
        for name, accessories in OTHERS:
            info = OutputInfo(seen[0].frame.width, seen[0].frame.height, 30.0)
            line = Line(settings, dressed(load_avatar(name), accessories), make, info)
            for observation in seen:
                published = line.show(observation, observation.frame.captured_at)
            pictures.append(published.picture.image)
            line.close()
    return pictures


def small(image: Image) -> Image:
    """The upper middle of a picture, where the head is."""
    height, width = image.shape[:2]
    part = round(width * CUT)
    left = (width - part) // 2
    image = image[: round(height * CUT), left : left + part]
    height = round(WIDTH * image.shape[0] / image.shape[1])
    return np.asarray(cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)


def save(path: Path, image: Image) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGBA2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    print(path, f"{path.stat().st_size // 1024} KiB")


def main(folder: Path) -> None:
    pairs = {frame.index: (frame, published) for frame, published in played(max(SHOWN, *STRIP))}
    before, after = pairs[SHOWN]
    save(
        folder / "before-after.jpg",
        np.hstack((small(before.image), small(after.picture.image))),
    )
    rows = [
        np.hstack([small(pairs[index][1].picture.image) for index in row])
        for row in (STRIP[:2], STRIP[2:])
    ]
    save(folder / "moving.jpg", np.vstack(rows))
    others = [small(image) for image in worn()]
    rows = [np.hstack(others[i : i + ROW]) for i in range(0, len(others), ROW)]
    save(folder / "others.jpg", np.vstack(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
