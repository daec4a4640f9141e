#!/usr/bin/env python3
"""Measures how much of the real face is visible in converted films.

    scripts/measure_leak.py SOURCE OUTPUT STATS     compares two files
    scripts/measure_leak.py --exact SOURCE ...      asks the compositor, frame by frame
    scripts/measure_leak.py --exact --head-alone SOURCE ...   what the head itself leaves bare
    scripts/measure_leak.py --films [--quick] [--only NAME ...] [--json FILE]
                                                    synthetic films, live and converted: a table

Prints one line a film: frames measured, frames that leak, the largest visible share of a face
and where; `--pictures DIR` saves the worst frames. The exit code is 1 when anything leaks.
Of `--films` it is 1 when over 1 % of a living face shows in any frame; they take minutes.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from livecam.avatar.library import load_avatar
from livecam.config.assets import asset_path
from livecam.config.settings import Settings
from livecam.convert.build import Surveyor, plan_film
from livecam.convert.film import FilmComposer
from livecam.convert.plan import ShotPlan
from livecam.convert.quality import film_compositors
from livecam.core.face import Face, FaceState
from livecam.core.frame import Frame, Image
from livecam.core.library_log import filter_library_log
from livecam.core.spaces import project
from livecam.core.timing import StageTimer
from livecam.measure.leak import (
    CHANCE,
    Leak,
    avatar_frames,
    compare_films,
    oval_mask,
    uncovered_pixels,
    visible,
)
from livecam.measure.privacy_films.bench import measure_films
from livecam.measure.privacy_films.catalogue import films_named, first_of_each_kind
from livecam.measure.privacy_films.report import HEADER, as_json, table_row, totals
from livecam.media.reader import VideoReader
from livecam.pipeline.states import Shown
from livecam.render.context import open_graphics
from livecam.tracking.face_landmarker import FaceLandmarker

WORST = 6  # frames of which images are kept


def measure_exactly(
    source: Path, every: int = 1, head_alone: bool = False, quality: str = "good"
) -> Iterator[tuple[Leak, Image]]:
    """The leak of every frame with an avatar, and the picture that was drawn beside its source.

    The faces are detected again in every single frame, independently of the conversion.
    """
    settings, timer = Settings.model_validate({"film": {"quality": quality}}), StageTimer()
    found = Surveyor(settings).survey(source)
    plans = plan_film(found, settings, strict=False)
    if head_alone:
        plans = [_without_paint(each) for each in plans]
    with open_graphics() as graphics, _fresh_tracker() as eye, VideoReader(source) as film:
        make_compositor = film_compositors(settings, graphics, timer)
        avatar = load_avatar(settings.avatar.avatar)
        composer = FilmComposer(found, plans, (avatar,), settings.avatar, make_compositor, timer)
        for frame in film:
            if frame.index % every:
                continue
            converted = composer.compose(frame)
            faces = eye.track(frame).faces
            if converted.stats.state is not Shown.AVATAR or not faces:
                continue
            ovals = [oval_mask(face, *frame.size) for face in faces]
            every_oval = np.logical_or.reduce(ovals)
            worn = uncovered_pixels(
                lambda painted: composer.compose(painted).frame, frame, every_oval
            )
            shows = np.zeros_like(worn)
            for face, oval in zip(faces, ovals, strict=True):
                if _wears_avatar(face, converted.stats.face, frame):
                    shows |= worn & oval
                elif oval.any():  # blurred, which does not hide every trace of noise
                    shows |= visible(frame.image, converted.frame.image, oval)[0]
            share = max(float(shows[oval].mean()) for oval in ovals if oval.any())
            yield Leak(frame.index, share), _side_by_side(frame, converted.frame, every_oval, shows)
        composer.close()


def _without_paint(plan: ShotPlan) -> ShotPlan:
    """The plan without the outline of the real face, which is painted out."""
    spans = [
        replace(span, states=tuple(replace(state, outline_px=None) for state in span.states))
        for span in plan.spans
    ]
    return replace(plan, spans=tuple(spans))


def measure_files(source: Path, output: Path, stats: Path) -> Iterator[tuple[Leak, Image]]:
    """The leak of every frame with an avatar as the finished file shows it."""
    with _fresh_tracker() as eye:
        for leak, real, shown, oval, certain in compare_films(
            source, output, avatar_frames(stats), eye
        ):
            yield leak, _side_by_side(real, shown, oval, certain)


def _fresh_tracker() -> FaceLandmarker:
    return FaceLandmarker(asset_path("face-landmarker"), 4, 0.3, 0.3, mode="image")


def _wears_avatar(face: Face, state: FaceState | None, frame: Frame) -> bool:
    if state is None:
        return False
    box = face.box(*frame.size)
    x, y = project(state.pose.matrix, np.zeros((1, 3)), *frame.size)[0]
    away = np.hypot(x - (box.x0 + box.x1) / 2, y - (box.y0 + box.y1) / 2)
    return bool(away < 0.75 * max(box.width, box.height))


def _side_by_side(real: Frame, shown: Frame, oval: np.ndarray, leak: np.ndarray) -> Image:
    """Source with the oval's outline, and output with what leaks in red."""
    left, right = real.image.copy(), shown.image.copy()
    outlines, _ = cv2.findContours(oval.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for image in (left, right):
        cv2.drawContours(image, outlines, -1, (0, 255, 255, 255), 1)
    right[leak] = (255, 0, 0, 255)
    return np.hstack((left, right))


def _report(
    name: str, leaks: Iterator[tuple[Leak, Image]], pictures: Path | None, chance: float = 0.0
) -> bool:
    """Prints the line of one film; says whether more is visible than may be chance."""
    every: list[Leak] = []
    worst: list[tuple[float, int, Image]] = []
    for leak, picture in leaks:
        every.append(leak)
        if leak.visible > 0 or leak.unsure > 0:
            heapq.heappush(worst, (leak.visible + leak.unsure / 10, leak.index, picture))
            if len(worst) > WORST:
                heapq.heappop(worst)
    leaking = [leak for leak in every if leak.visible > chance]
    maximum = max(every, key=lambda leak: leak.visible, default=Leak(0, 0.0))
    print(
        f"{name}: {len(every)} frames measured, {len(leaking)} leak, "
        f"at most {maximum.visible:.2%} (frame {maximum.index}), "
        f"unsure at most {max((leak.unsure for leak in every), default=0.0):.2%}"
    )
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        for share, index, picture in worst:
            path = pictures / f"{name}-{index:05d}-{share * 1e4:04.0f}.png"
            cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGBA2BGR))
    return bool(leaking)


def _measure_films(only: list[str], quick: bool, json_file: Path | None, processes: int) -> bool:
    """Prints the table of the synthetic films; says whether a face shows in any of them."""
    films = films_named(only)
    names = [film.name for film in (first_of_each_kind(films) if quick else films)]
    print(HEADER, flush=True)
    results = []
    for result in measure_films(names, min(processes, len(names))):
        results.append(result)
        print(table_row(result), flush=True)
    print(totals(results))
    if json_file:
        json_file.write_text(json.dumps(as_json(results), indent=1), "utf-8")
    return any(result.is_bare for result in results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--exact", action="store_true", help="ask the compositor")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="save the worst frames")
    parser.add_argument(
        "--head-alone",
        action="store_true",
        help="without the paint below the head: how well it fits",
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each n-th frame")
    parser.add_argument("--quality", default="good", help="of --exact: draft, good or best")
    films = parser.add_argument_group("synthetic films")
    films.add_argument("--films", action="store_true", help="measure them")
    films.add_argument("--only", nargs="+", default=[], metavar="NAME", help="those alone")
    films.add_argument("--quick", action="store_true", help="one film of each kind")
    films.add_argument("--json", type=Path, metavar="FILE", help="write the numbers of each frame")
    films.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N")
    arguments = parser.parse_args()
    if arguments.films:
        return int(
            _measure_films(arguments.only, arguments.quick, arguments.json, arguments.processes)
        )
    if arguments.exact:
        leaky = [
            _report(
                source.stem,
                measure_exactly(source, arguments.every, arguments.head_alone, arguments.quality),
                arguments.pictures,
            )
            for source in arguments.files
        ]
        return int(any(leaky))
    if len(arguments.files) != 3:
        parser.error("name SOURCE, OUTPUT and STATS, or pass --films")
    source, output, stats = arguments.files
    leaks = measure_files(source, output, stats)
    return int(_report(source.stem, leaks, arguments.pictures, CHANCE))


if __name__ == "__main__":
    filter_library_log()
    sys.exit(main())
