#!/usr/bin/env python3
"""Converts films that once came out wrong, and prints what is right now.

    scripts/check_reports.py FOLDER [--only NAME ...]

FOLDER holds the films, which are not part of the project; the kinds of their faults have tests with
films of their own. One line a film: what was checked and what was found. The exit code is 1 when
anything is wrong, or a film is missing. Every film is also checked for its real face.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from livecam.config.assets import asset_path
from livecam.config.loader import load_settings
from livecam.convert import convert_files
from livecam.core.library_log import filter_library_log
from livecam.measure.leak import CHANCE, avatar_frames, compare_films
from livecam.media.reader import VideoReader
from livecam.tracking.face_landmarker import FaceLandmarker

MAX_COMBS = 0.6  # of those of the woven source
MAX_ERROR_S = 0.05
MAX_HANGING = -0.8


@dataclass(frozen=True, slots=True)
class Result:
    """A converted film."""

    source: Path
    output: Path
    error: str


Check = Callable[[Result], str]  # returns what is wrong; empty: nothing


def has_size(width: int, height: int) -> Check:
    def check(result: Result) -> str:
        with VideoReader(result.output) as film:
            info = film.info
        found = (info.width, info.height)
        return "" if found == (width, height) else f"{found[0]}x{found[1]}"

    return check


def has_sound(*codecs: str) -> Check:
    def check(result: Result) -> str:
        with av.open(str(result.output)) as film:
            found = tuple(track.codec_context.name for track in film.streams.audio)
        return "" if found == codecs else f"sound {found}"

    return check


def lasts(seconds: float) -> Check:
    def check(result: Result) -> str:
        with av.open(str(result.output)) as film:
            begins, length = (
                (film.start_time or 0) / av.time_base,
                (film.duration or 0) / av.time_base,
            )
        right = abs(begins) < MAX_ERROR_S and abs(length - seconds) < MAX_ERROR_S
        return "" if right else f"begins at {begins:.2f} s, lasts {length:.2f} s"

    return check


def has_tracks(languages: tuple[str, ...], default: int) -> Check:
    def check(result: Result) -> str:
        with av.open(str(result.output)) as film:
            found = tuple(track.language for track in film.streams.audio)
            chosen = [bool(t.disposition & Disposition.default) for t in film.streams.audio]
            subtitles, chapters = len(film.streams.subtitles), len(film.chapters())
        right = found == languages and chosen.index(True) == default and subtitles and chapters
        told = f"{found}, default {chosen}, {subtitles} subtitles, {chapters} chapters"
        return "" if right else told

    return check


def is_without_combs(result: Result) -> str:
    before, after = (
        float(np.mean([_combs(image) for image in _images(path)]))
        for path in (result.source, result.output)
    )
    return "" if after < MAX_COMBS * before else f"combs {after:.1f}, source {before:.1f}"


def hangs(result: Result) -> str:
    lines = map(json.loads, _stats_of(result).read_text("utf-8").splitlines())
    # The second row and column of a pose, row by row: how far the head's up is the picture's.
    up = [line["camera_from_head"][5] for line in lines if line["camera_from_head"]]
    return "" if up and max(up) < MAX_HANGING else f"the head's up is {up[:1]} of the picture's"


def plays(result: Result) -> str:
    with av.open(str(result.output)) as film:
        video = film.streams.video[0].codec_context
        return "" if video.pix_fmt == "yuv420p" else str(video.pix_fmt)


def hides_the_face(result: Result) -> str:
    stats = _stats_of(result)
    with FaceLandmarker(asset_path("face-landmarker"), 4, 0.3, 0.3, mode="image") as eye:
        leaks = [
            leak.visible
            for leak, *_ in compare_films(result.source, result.output, avatar_frames(stats), eye)
        ]
    return "" if max(leaks, default=0.0) <= CHANCE else f"{max(leaks):.1%} of a face shows"


def covers_every_frame(result: Result) -> str:
    """Each of these films shows one person all the time."""
    with VideoReader(result.source) as film:
        frames = sum(1 for _ in film)
    covered = len(avatar_frames(_stats_of(result)))
    return "" if covered == frames else f"an avatar in {covered} of {frames} frames"


@dataclass(frozen=True, slots=True)
class Report:
    """A film, and what must be true of its conversion beside the face."""

    film: str
    kind: str
    checks: tuple[Check, ...]
    output: str = ".mp4"
    preset: str = ""


REPORTS = (
    Report("d_shape_change.ts", "the size changes", (has_size(288, 512),)),
    Report("d_shape_control.ts", "its later part alone", ()),
    Report("d_pcm_stereo.avi", "sound without a layout", (has_sound("aac"),)),
    Report("d_wma.wmv", "sound without a layout", (has_sound("aac"),)),
    Report("d_wma.wmv", "the same into MKV", (), ".mkv"),
    Report("d_clock_11h.ts", "a clock of 11 hours", (lasts(0.5),)),
    Report("d_anamorphic.mp4", "pixels that are not square", (has_size(480, 480),)),
    Report("d_interlaced.mp4", "interlaced", (is_without_combs,)),
    Report("d_vfr.mp4", "a last frame of 2 s", (lasts(2.97),)),
    Report("d_vfr.mp4", "the same into MKV", (lasts(2.97),), ".mkv"),
    Report("d_tracks.mkv", "languages, chapters", (has_tracks(("chi", "eng"), 1),)),
    Report("d_tracks.mkv", "the same into MKV", (has_tracks(("chi", "eng"), 1),), ".mkv"),
    Report("d_vorbis.webm", "sound that few players take", (has_sound("aac"),)),
    Report("d_upside_down.mp4", "a person upside down", (hangs,)),
    Report("d_vfr.mp4", "a preset with a byte order mark", (), preset="d_bom.toml"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="films to convert")
    options = parser.parse_args()
    reports = [r for r in REPORTS if not options.only or r.film in options.only]
    wrong = 0
    print(f"{'film':20} {'kind':32} found")
    with tempfile.TemporaryDirectory(prefix="livecam-") as folder:
        for number, report in enumerate(reports):
            faults = list(_faults(report, options.folder, Path(folder, str(number))))
            wrong += bool(faults)
            print(f"{report.film:20} {report.kind:32} {'; '.join(faults) or 'right'}", flush=True)
    return 1 if wrong else 0


def _faults(report: Report, films: Path, folder: Path) -> Iterator[str]:
    folder.mkdir()
    result = _converted(report, films, folder)
    if result.error:
        yield result.error
        return
    for check in (*report.checks, plays, covers_every_frame, hides_the_face):
        if fault := check(result):
            yield fault


def _converted(report: Report, films: Path, folder: Path) -> Result:
    source = films / report.film
    output = folder / f"out{report.output}"
    settings = load_settings(str(films / report.preset) if report.preset else None, {}, {}).settings
    done = convert_files([source], output, settings, stats=output.with_suffix(".jsonl"))
    return Result(source, output, done.outcomes[0].error)


def _stats_of(result: Result) -> Path:
    return result.output.with_suffix(".jsonl")


def _images(path: Path) -> Iterator[np.ndarray]:
    """Yields the frames as they are stored: the reader of livecam would remove combs."""
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            yield frame.to_ndarray(format="gray").astype(np.float32)


def _combs(image: np.ndarray) -> float:
    """Returns how far lines lie off the mean of their neighbours, of 255."""
    return float(np.abs(image[1:-1] - 0.5 * (image[:-2] + image[2:])).mean())


if __name__ == "__main__":
    filter_library_log()
    sys.exit(main())
