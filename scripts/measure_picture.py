#!/usr/bin/env python3
"""Measures how well the head sits in the picture: what should be gone, what should be whole.

    scripts/measure_picture.py leak,hair,cloth,spill CLIP ...   what shows, is lost, changed
    scripts/measure_picture.py fill CLIP ...     the filled background, before known backgrounds
    scripts/measure_picture.py flicker CLIP ...  a still picture of the clip, with fresh noise
    scripts/measure_picture.py strips CLIP ... --frames 30,90 --avatars raccoon,fox --pictures DIR

All with the default settings, once as `livecam run` would (`--mode live`: masks 10 times a second
and 100 ms late) and once as `livecam convert` would (masks of every picture, the background
learned first). `--pictures DIR` saves the worst frames: source, result, what is wrong in red.
"""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from livecam.avatar.base import Avatar
from livecam.avatar.library import load_avatar
from livecam.compose.grid import upsampled
from livecam.config.assets import asset_path
from livecam.config.settings import AvatarSettings, Settings
from livecam.core.frame import Frame, Image, Rect
from livecam.core.library_log import filter_library_log
from livecam.measure.picture_quality.films import (
    CutOut,
    MovingCutOut,
    StillFilm,
    cut_out,
    synthetic_room,
)
from livecam.measure.picture_quality.meters import (
    ClothMeter,
    FillMeter,
    FlickerMeter,
    HairMeter,
    LeakMeter,
    Measurement,
    Meter,
    SpillMeter,
)
from livecam.measure.picture_quality.playback import (
    CompositionInput,
    Film,
    LiveSegmentation,
    Mode,
    OfflineSegmentation,
    SegmentationSource,
    composition_inputs,
)
from livecam.measure.picture_quality.redraw import CompositorRedrawer
from livecam.media.reader import VideoReader
from livecam.pipeline.build import segmenter_factory, tracker_factory
from livecam.render.context import Graphics, open_graphics
from livecam.segmentation.base import Plate
from livecam.segmentation.networks import HairNetwork, PersonNetwork
from livecam.segmentation.segmenter import Segmenter

MODES: tuple[Mode, ...] = ("live", "convert")
ON_CLIPS = ("leak", "hair", "cloth", "spill")
LEARNED_S = 3.0  # of a live film: by then the masks have come and the plate has begun
LEARNED_FILL_S = 4.0  # by then a cut-out has been once to either side
LOWER_IS_WORSE = ("PSNR", "known")
WORST = 3  # frames of which images are kept
FILL_SIZE = (854, 480)  # of the films that are made up


@dataclass(slots=True)
class Series:
    """A number of every frame of a film."""

    values: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)

    def add(self, value: float, frame: int) -> None:
        self.values.append(value)
        self.frames.append(frame)

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    def worst(self, low: bool) -> tuple[float, int]:
        """Returns the lowest or the highest value and its frame."""
        at = int(np.argmin(self.values) if low else np.argmax(self.values))
        return self.values[at], self.frames[at]


class Report:
    """Collects and prints what meters find in one film."""

    def __init__(self, film: str, after_s: float, pictures: Path | None) -> None:
        self.film, self.after_s, self.pictures = film, after_s, pictures
        self._series: dict[str, Series] = {}
        self._worst: dict[str, list[tuple[float, int, Image]]] = {}

    def add(
        self, measure: str, inputs: CompositionInput, picture: Image, measurement: Measurement
    ) -> None:
        if inputs.frame.captured_at < self.after_s:
            return
        index = inputs.frame.index
        for name, value in measurement.values.items():
            self._series.setdefault(f"{measure} {name}", Series()).add(value, index)
        if self.pictures is None or measurement.marked is None or not measurement.marked.any():
            return
        worst = self._worst.setdefault(measure, [])
        wrong = float(measurement.marked.sum())
        if len(worst) < WORST or wrong > worst[0][0]:
            beside = _side_by_side(inputs.frame.image, picture, measurement.marked)
            heapq.heappush(worst, (wrong, index, beside))
            if len(worst) > WORST:
                heapq.heappop(worst)

    def print(self) -> None:
        """One line a number: mean, worst and where, and how many frames were measured."""
        for name, row in self._series.items():
            low = any(word in name for word in LOWER_IS_WORSE)
            value, frame = row.worst(low)
            print(
                f"{self.film:34} {name:22} mean {row.mean:8.2f}  worst {value:9.2f} "
                f"at {frame:4}  of {len(row.values)}",
                flush=True,
            )
        for measure, worst in self._worst.items():
            assert self.pictures is not None  # else none were kept
            self.pictures.mkdir(parents=True, exist_ok=True)
            for _, index, image in worst:
                name = f"{self.film}-{measure}-{index:04d}.png".replace(" ", "-")
                cv2.imwrite(str(self.pictures / name), image[..., 2::-1])


def _side_by_side(source: Image, picture: Image, marked: np.ndarray) -> Image:
    red = picture.copy()
    red[marked] = (255, 0, 0, 255)
    return np.hstack((source, picture, red))


def clip(path: Path, most: int | None = None) -> Film:
    """The frames of a file, or its first ones."""

    def play() -> Iterator[Frame]:
        with VideoReader(path) as reader:
            yield from islice(reader, most)

    return play


def make_segmenter(settings: Settings, mode: Mode) -> Segmenter:
    make = segmenter_factory(settings, hurried=mode == "live")
    assert make is not None  # by default there are stages that need segmentations
    return make()


def segmentation_source(
    reader: Segmenter, settings: Settings, mode: Mode, film: Film
) -> SegmentationSource:
    if mode == "live":
        return LiveSegmentation(reader, settings.picture.looks_per_s)
    return OfflineSegmentation(reader, film)


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that all measures share."""

    settings: Settings
    avatar: Avatar
    graphics: Graphics
    arguments: argparse.Namespace

    def measure(
        self,
        name: str,
        film: Film,
        mode: Mode,
        meters: dict[str, Meter],
        after_s: float,
    ) -> None:
        """Plays a film once and prints what the meters say."""
        report = Report(f"{name} {mode}", after_s, self.arguments.pictures)
        with (
            make_segmenter(self.settings, mode) as reader,
            closing(tracker_factory(self.settings)()) as tracker,
            CompositorRedrawer(self.graphics, self.avatar, self.settings) as redrawer,
        ):
            source = segmentation_source(reader, self.settings, mode, film)
            for inputs in composition_inputs(film, self.avatar, self.settings, tracker, source):
                picture = redrawer.draw(inputs)
                for measure, meter in meters.items():
                    measurement = meter.measure(inputs, picture, redrawer)
                    if measurement is not None:
                        report.add(measure, inputs, picture, measurement)
        report.print()


def on_clips(bench: Bench, wanted: Iterable[str]) -> None:
    """Measures a clip itself, with all meters in one pass."""
    makers: dict[str, Callable[[], Meter]] = {
        "leak": LeakMeter,
        "hair": lambda: HairMeter(HairNetwork(asset_path("hair"))),
        "cloth": lambda: ClothMeter(
            PersonNetwork(asset_path("person")), HairNetwork(asset_path("hair"))
        ),
        "spill": SpillMeter,
    }
    for path in bench.arguments.clips:
        for mode in bench.arguments.mode:
            meters = {name: makers[name]() for name in wanted}
            after_s = LEARNED_S if mode == "live" else 0.0
            bench.measure(path.stem, clip(path, bench.arguments.most), mode, meters, after_s)


def fill(bench: Bench) -> None:
    """Measures the fill behind a person cut out of each clip, before a known background."""
    for path in bench.arguments.clips:
        person, plate = _person_of(path, bench.arguments.frame, bench.settings)
        for name, background in (("room", synthetic_room(*FILL_SIZE)), ("photo", plate)):
            film = MovingCutOut(person, background)
            for mode in bench.arguments.mode:
                after_s = LEARNED_FILL_S if mode == "live" else 0.0
                meters: dict[str, Meter] = {"fill": FillMeter(background)}
                bench.measure(f"{path.stem} {name}", film, mode, meters, after_s)


def _person_of(path: Path, index: int, settings: Settings) -> tuple[CutOut, Image]:
    """A person, and a background like a photograph: the clip's own, its gaps painted in."""
    reader = make_segmenter(settings, "convert")
    for frame in clip(path, 120)():
        reader.learn_plate([frame])
        if frame.index == index:
            kept = frame
    tracker = tracker_factory(settings)()
    face = tracker.track(kept).faces[0]
    tracker.close()
    plate = reader.plate()
    segmentation = reader.segment(kept, face.points_px(*kept.size))
    reader.close()
    assert segmentation is not None  # there is a face
    assert plate is not None  # it was learned
    some = (
        segmentation.person
        if segmentation.hair is None
        else cv2.max(segmentation.person, segmentation.hair)
    )
    person = cut_out(
        kept.image, upsampled(np.asarray(some, np.uint8), segmentation.cell, Rect(0, 0, *kept.size))
    )
    size = (round(kept.width * FILL_SIZE[1] / kept.height), FILL_SIZE[1])
    scaled = cv2.resize(person.image, size, interpolation=cv2.INTER_AREA)
    return CutOut(np.asarray(scaled, np.uint8)), _photo(plate)


def _photo(plate: Plate) -> Image:
    gaps = cv2.bitwise_not(plate.known)
    whole = cv2.inpaint(np.ascontiguousarray(plate.image), gaps, 3, cv2.INPAINT_TELEA)
    wide = cv2.resize(whole, FILL_SIZE, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(wide, cv2.COLOR_RGB2RGBA), np.uint8)


def flicker(bench: Bench) -> None:
    """One picture of each clip stands still; only its noise lives."""
    for path in bench.arguments.clips:
        kept = next(islice(clip(path)(), bench.arguments.frame, None))
        film: Film = StillFilm(kept.image)
        if bench.arguments.as_it_is:
            film = clip(path, bench.arguments.most)
        for mode in bench.arguments.mode:
            bench.measure(path.stem, film, mode, {"flicker": FlickerMeter()}, 1.0)


def strips(bench: Bench) -> None:
    """Writes source and every avatar side by side, one row a frame."""
    given = bench.arguments
    folder = given.pictures or Path()
    folder.mkdir(parents=True, exist_ok=True)
    for path in given.clips:
        for mode in given.mode:
            film = clip(path, max(given.frames) + 1)
            columns = [list(_drawn(bench, film, mode, name)) for name in given.avatars]
            rows = [
                np.hstack((drawn[0][0], *(picture for _, picture in drawn)))
                for drawn in zip(*columns, strict=True)
            ]
            out = folder / f"{path.stem}-{mode}.png"
            cv2.imwrite(str(out), np.vstack(rows)[..., 2::-1])
            print(out)


def _drawn(bench: Bench, film: Film, mode: Mode, name: str) -> Iterator[tuple[Image, Image]]:
    avatar, reader = load_avatar(name), make_segmenter(bench.settings, mode)
    source = segmentation_source(reader, bench.settings, mode, film)
    tracker, redrawer = tracker_factory(bench.settings)(), None
    for inputs in composition_inputs(film, avatar, bench.settings, tracker, source):
        if redrawer is None:
            redrawer = CompositorRedrawer(bench.graphics, avatar, bench.settings)
        picture = redrawer.draw(inputs)
        if inputs.frame.index in bench.arguments.frames:
            yield inputs.frame.image, picture
    if redrawer is not None:
        redrawer.close()
    tracker.close()
    reader.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("measures", help="leak,hair,cloth,spill - or one of fill, flicker, strips")
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--avatar", default="raccoon")
    parser.add_argument("--mode", type=lambda m: (m,), default=MODES, help="live or convert")
    parser.add_argument("--most", type=int, metavar="N", help="only the first frames")
    parser.add_argument("--frame", type=int, default=60, help="the one for fill and flicker")
    parser.add_argument("--life", type=float, default=1.0, help="0: no breath, no eye movements")
    parser.add_argument("--as-it-is", action="store_true", help="flicker of the clip itself")
    parser.add_argument("--frames", type=_numbers, default=(30,), help="of the strips")
    parser.add_argument("--avatars", type=lambda t: t.split(","), default=["raccoon"])
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="save the worst frames")
    given = parser.parse_args()
    wanted = given.measures.split(",")
    others = {"fill": fill, "flicker": flicker, "strips": strips}
    unknown = [name for name in wanted if name not in (*ON_CLIPS, *others)]
    if unknown:
        parser.error(f"no measure is called {unknown[0]}")
    cv2.setNumThreads(1)
    with open_graphics() as graphics:
        settings = Settings(avatar=AvatarSettings(life=given.life))
        bench = Bench(settings, load_avatar(given.avatar), graphics, given)
        here = [name for name in wanted if name in ON_CLIPS]
        if here:
            on_clips(bench, here)
        for name in wanted:
            if name in others:
                others[name](bench)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    filter_library_log()
    main()
