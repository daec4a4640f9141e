#!/usr/bin/env python3
"""Makes the pictures of the documents from real renders: the built-in sample, tracked and drawn.

.venv/bin/python scripts/make_pictures.py [docs]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from livecam.avatar.accessories import avatar_from_settings, with_accessories
from livecam.avatar.base import Avatar
from livecam.avatar.library import load_avatar
from livecam.config.settings import Settings
from livecam.core.frame import Frame, Image
from livecam.core.library_log import filter_library_log
from livecam.core.observation import Observation
from livecam.core.timing import StageTimer
from livecam.media.reader import VideoReader
from livecam.people.tracker import primary_track
from livecam.pipeline.build import (
    compositor_factory,
    people_tracker,
    segmenter_factory,
    tracker_factory,
)
from livecam.pipeline.pipeline import Inputs, Pipeline, Published
from livecam.render.context import Graphics, open_graphics
from livecam.segmentation.base import Segmentation
from livecam.sinks.base import OutputInfo
from livecam.sources.sample_clip import sample_clip

SHOWN = 75  # the frame that is shown twice in the README
STRIP = (30, 110, 170, 230)  # the frames of the second picture
WIDTH = 640
CUT = 0.75
# The third picture: other heads in the same frame, some of them dressed.
OTHERS = (
    ("fox", ()), ("cat", ("glasses",)), ("panda", ("headphones",)),
    ("tiger", ()), ("frog", ("top-hat",)), ("woman", ()),
)  # fmt: skip
SETTLE = 70  # frames before it, for the filters and the plate
ROW = 3


# The fourth picture: the same frame, set into the picture more and more, and other things to do.
STAGES: tuple[tuple[str, dict[str, dict[str, object]]], ...] = (
    ("the head alone", {"picture": {
        "remove_head": False, "neck": False, "hands": False, "light": 0, "camera_match": 0}}),
    ("hair gone, light and grain matched", {}),
    ("background blurred", {"picture": {"background": "blur"}}),
    ("background a colour", {"picture": {"background": "#2a6f8f"}}),
    ("your own face, stickers", {
        "avatar": {"avatar": "none"}, "effects": {"stickers": ("cat",), "smooth_skin": 0.4}}),
    ("a colour look", {"avatar": {"avatar": "fox"}, "effects": {"lut": "cool-teal"}}),
)  # fmt: skip


class FrameSegmentation:
    """Segments each frame before the pipeline shows it, as a conversion does."""

    def __init__(self, settings: Settings) -> None:
        make = segmenter_factory(settings, hurried=False)
        self._segmenter = None if make is None else make()
        self._newest: Segmentation | None = None

    def update(self, observation: Observation) -> None:
        frame, track = observation.frame, primary_track(observation)
        if self._segmenter is None or track is None or track.face is None:
            return
        points = track.face.points_px(*frame.size)
        self._newest = self._segmenter.segment(frame, points, track.id)

    def newest(self) -> Segmentation | None:
        return self._newest

    def close(self) -> None:
        if self._segmenter is not None:
            self._segmenter.close()


def played(last: int) -> list[tuple[Frame, Published]]:
    """The sample's frames up to `last`, each with what the pipeline publishes for it."""
    settings, timer = Settings(), StageTimer()
    pairs = []
    with open_graphics() as graphics, VideoReader(sample_clip()) as reader:
        tracker, people = tracker_factory(settings)(), people_tracker(settings)
        make = compositor_factory(settings, graphics, timer)
        segmentation = FrameSegmentation(settings)
        pipeline = None
        for frame in reader:
            if pipeline is None:
                info = OutputInfo(frame.width, frame.height, 30.0)
                avatar = load_avatar(settings.avatar.avatar)
                inputs = Inputs(segmentations=segmentation.newest)
                pipeline = Pipeline(settings, (avatar,), make, info, timer, inputs)
            observation = people.update(tracker.track(frame))
            segmentation.update(observation)
            published = pipeline.show(observation, frame.captured_at)
            if frame.index == SHOWN or frame.index in STRIP:
                pairs.append((frame, published))
            if frame.index == last:
                break
        if pipeline is not None:
            pipeline.close()
        segmentation.close()
        tracker.close()
    return pairs


def tracked() -> list[Observation]:
    """The frames up to `SHOWN`, as far back as the filters and the plate need them."""
    with VideoReader(sample_clip()) as reader:
        tracker, people = tracker_factory(Settings())(), people_tracker(Settings())
        observations = [
            people.update(tracker.track(frame))
            for frame in reader
            if SHOWN - SETTLE <= frame.index <= SHOWN
        ]
        tracker.close()
    return observations


def shown_as(
    settings: Settings, observations: list[Observation], graphics: Graphics, avatar: Avatar
) -> Image:
    """The last of those frames as the pipeline publishes it."""
    make = compositor_factory(settings, graphics, StageTimer())
    segmentation = FrameSegmentation(settings)
    info = OutputInfo(observations[0].frame.width, observations[0].frame.height, 30.0)
    pipeline = Pipeline(
        settings, (avatar,), make, info, None, Inputs(segmentations=segmentation.newest)
    )
    for observation in observations:
        segmentation.update(observation)
        published = pipeline.show(observation, observation.frame.captured_at)
    pipeline.close()
    segmentation.close()
    return published.frame.image


def worn() -> list[Image]:
    """The frame `SHOWN` under each of the other heads."""
    observations, settings = tracked(), Settings()
    with open_graphics() as graphics:
        return [
            small(
                shown_as(
                    settings, observations, graphics, with_accessories(load_avatar(name), worn)
                )
            )
            for name, worn in OTHERS
        ]


def staged() -> list[Image]:
    """The frame `SHOWN` with more and more stages, each with its words."""
    observations, pictures = tracked(), []
    with open_graphics() as graphics:
        for words, changed in STAGES:
            settings = Settings.model_validate(changed)
            avatar = avatar_from_settings(settings.avatar)
            image = small(shown_as(settings, observations, graphics, avatar)).copy()
            band = image[-34:]
            band[..., :3] = band[..., :3] // 3
            place = (14, image.shape[0] - 11)
            white = (255, 255, 255, 255)
            cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, white, 1, cv2.LINE_AA)
            pictures.append(image)
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
        np.hstack((small(before.image), small(after.frame.image))),
    )
    rows = [
        np.hstack([small(pairs[index][1].frame.image) for index in row])
        for row in (STRIP[:2], STRIP[2:])
    ]
    save(folder / "moving.jpg", np.vstack(rows))
    for name, pictures in (("others", worn()), ("stages", staged())):
        rows = [np.hstack(pictures[i : i + ROW]) for i in range(0, len(pictures), ROW)]
        save(folder / f"{name}.jpg", np.vstack(rows))


if __name__ == "__main__":
    filter_library_log()
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
