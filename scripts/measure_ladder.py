#!/usr/bin/env python3
"""Measures the CPU time of a live frame on each rung of the governor's ladder.

    scripts/measure_ladder.py [CLIP] [--size 1280x720] [--avatar raccoon] [--rounds 4]

Plays the clip (the built-in sample) through all parts of `livecam run`, one after the other in one
thread: the same frames on every rung in turns, each round from another part of the clip. Prints
the median over the rounds of the CPU time of the whole process, and its ratio to the first rung.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from livecam.config.settings import AvatarSettings, Settings
from livecam.core.frame import Frame
from livecam.core.library_log import filter_library_log
from livecam.core.timing import StageTimer
from livecam.live.ladder import LADDER, Rung
from livecam.measure.privacy_films.playback import SegmentationSchedule, WitnessSchedule
from livecam.media.color import I420Converter
from livecam.media.reader import VideoReader
from livecam.pipeline.build import (
    avatars_of,
    compositor_factory,
    output_info,
    people_tracker,
    segmenter_factory,
    tracker_factory,
    witness_factory,
)
from livecam.pipeline.face_following import FaceFollowing
from livecam.pipeline.pipeline import Inputs, Pipeline
from livecam.render.context import open_graphics
from livecam.sources.base import SourceInfo
from livecam.sources.sample_clip import sample_clip

FPS = 30.0
PART = 45  # frames that are played on every rung in one round
SETTLING = 10  # of them, not measured: the rung has just changed


class Player:
    """All parts of a live run, on one thread and with the time of the frames."""

    def __init__(self, settings: Settings, size: tuple[int, int], stack: ExitStack) -> None:
        graphics = stack.enter_context(open_graphics())
        make_segmenter, make_witnesses = (
            segmenter_factory(settings, hurried=True), witness_factory(settings)
        )  # fmt: skip
        assert make_segmenter is not None
        assert make_witnesses is not None
        segmenter = stack.enter_context(closing(make_segmenter()))
        self.rate_hz = settings.picture.looks_per_s
        self.schedule = SegmentationSchedule(segmenter, self.rate_hz)
        self.witnesses = WitnessSchedule(
            stack.enter_context(make_witnesses()), lambda: segmenter.newest_person
        )
        self.tracker = stack.enter_context(closing(tracker_factory(settings)()))
        self.people, self.following = people_tracker(settings), FaceFollowing()
        timer = StageTimer()
        self.pipeline = Pipeline(
            settings,
            avatars_of(settings.avatar),
            compositor_factory(settings, graphics, timer),
            output_info(settings, SourceInfo("clip", *size, FPS)),
            timer,
            Inputs(segmentations=self.schedule.newest, is_segmented=lambda: True),
        )
        stack.callback(self.pipeline.close)
        self.converter = I420Converter(*size)
        self.networks = 0  # frames that were tracked by them

    def play(self, frame: Frame, rung: Rung) -> None:
        """Plays one frame on a rung."""
        self.schedule.rate_hz = self.rate_hz * rung.looks
        self.pipeline.composition.detail = rung.detail
        observation = self.following.follow(frame) if rung.follows else None
        if observation is None:
            observation = self.tracker.track(frame)
            self.networks += 1
        observation = self.people.update(observation, self.witnesses.newest(frame.captured_at))
        self.following.note(observation)
        self.schedule.observe(observation)
        self.witnesses.observe(observation)
        shown = observation if observation.is_searched else None
        published = self.pipeline.show(shown, frame.captured_at + 1 / FPS, frame)
        self.converter.convert(published.frame.image)


def measure(frames: Sequence[Frame], settings: Settings) -> None:
    """Plays all rungs in turns, part after part, and prints their times."""
    spent_ms: list[list[float]] = [[] for _ in LADDER]
    networks: list[list[float]] = [[] for _ in LADDER]
    with ExitStack() as stack:
        player = Player(settings, frames[0].size, stack)
        numbers = itertools.count()
        for frame in frames[:PART]:  # models load, caches fill
            player.play(_next(frame, next(numbers)), LADDER[0])
        for first in range(0, len(frames), PART):
            part = frames[first : first + PART]
            for level, rung in enumerate(LADDER):
                for frame in part[:SETTLING]:
                    player.play(_next(frame, next(numbers)), rung)
                began, tracked = time.process_time(), player.networks
                for frame in part[SETTLING:]:
                    player.play(_next(frame, next(numbers)), rung)
                count = len(part) - SETTLING
                spent_ms[level].append(1e3 * (time.process_time() - began) / count)
                networks[level].append((player.networks - tracked) / count)
    print("rung     ms  ratio  networks  allows")
    for level, rung in enumerate(LADDER):
        ratio = np.median(np.array(spent_ms[level]) / spent_ms[0])
        by_networks = statistics.median(networks[level])
        print(
            f"{level:4} {statistics.median(spent_ms[level]):6.1f} {ratio:6.3f}"
            f" {by_networks:9.2f}  {rung}"
        )


def _next(frame: Frame, number: int) -> Frame:
    return replace(frame, index=number, captured_at=1 + number / FPS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clip", nargs="?", type=Path, help="a film of one person")
    parser.add_argument("--size", default="1280x720", metavar="WIDTHxHEIGHT")
    parser.add_argument("--avatar", default="raccoon", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=4, metavar="N")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    with VideoReader(arguments.clip or sample_clip()) as reader:
        frames = [
            replace(frame, image=cv2.resize(frame.image, (width, height)))
            for frame in itertools.islice(reader, arguments.rounds * PART)
        ]
    measure(frames, Settings(avatar=AvatarSettings(avatar=arguments.avatar)))
    return 0


if __name__ == "__main__":
    filter_library_log()
    sys.exit(main())
