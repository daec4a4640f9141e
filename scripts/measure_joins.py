#!/usr/bin/env python3
"""Converts a film as a whole and in pieces, and measures how the two results differ.

    scripts/measure_joins.py FILM FOLDER [--pieces 4] [--ending .mp4]

    poses    largest distance of a landmark between the two surveys, pixels
    sound    whether the packets are the same
    times    whether every picture is shown at the same time
    noise    mean difference of the pictures within the pieces, of 255: two encoders
    join     the same in the first ten pictures of each piece, and the largest of one picture

The frames beside each join are saved in FOLDER: whole, in pieces, and eight times their difference.
Results that are in FOLDER already are measured again, and not converted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from livecam.config.settings import Settings
from livecam.convert import convert_files
from livecam.convert.build import Surveyor, plan_film
from livecam.convert.film_plan import FilmPlan
from livecam.convert.jobs import ConversionJob
from livecam.convert.pieces import (
    begin_film,
    cut_film,
    join_pieces,
    piece_of,
    plan_pieces,
    survey_piece,
    survey_ranges,
    write_piece,
)
from livecam.core.frame import Image
from livecam.core.library_log import filter_library_log
from livecam.media.reader import VideoReader

AFTER = 10  # pictures that count as the join


def in_pieces(job: ConversionJob, count: int, folder: Path, settings: Settings) -> FilmPlan:
    """Converts a film in pieces, one after the other."""
    begun = begin_film(job, settings)
    ranges = survey_ranges(begun.frames, count)
    parts = [survey_piece(job.source, frames, settings) for frames in ranges]
    plan = plan_pieces(begun, parts, settings)
    if not job.output.exists():
        pieces = [
            write_piece(piece_of(plan, frames), frames, folder, settings)
            for frames in cut_film(plan, count)
        ]
        join_pieces(plan, pieces, settings)
    return plan


def landmark_jump_px(source: Path, plan: FilmPlan, settings: Settings) -> float:
    """Returns the largest distance of a landmark from where a single survey has it."""
    plans = plan_film(Surveyor(settings).survey(source), settings, strict=False)
    largest = 0.0
    for one, other in zip(plans, plan.plans, strict=True):
        for a, b in zip(one.spans, other.spans, strict=True):
            for whole, joined in zip(a.states, b.states, strict=True):
                assert whole.landmarks_px is not None
                away = np.abs(whole.landmarks_px - joined.landmarks_px)
                largest = max(largest, float(away.max()))
    return largest


def packets(path: Path, kind: str) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as film:
        streams = [stream for stream in film.streams if stream.type == kind]
        return [(p.pts, bytes(p)) for p in film.demux(*streams) if p.size] if streams else []


def differences(whole: Path, joined: Path, joins: set[int], folder: Path) -> Iterator[float]:
    """Yields the mean difference of each picture; saves those beside the joins."""
    with VideoReader(whole) as one, VideoReader(joined) as other:
        for a, b in zip(one, other, strict=True):
            away = np.asarray(cv2.absdiff(a.image, b.image)[..., :3], np.uint8)
            if joins & {a.index, a.index + 1}:
                save(folder / f"join-{a.index:06d}.png", a.image, b.image, away)
            yield float(away.mean())


def save(path: Path, whole: Image, joined: Image, away: Image) -> None:
    seen = cv2.convertScaleAbs(away, alpha=8.0)
    row = np.hstack((whole[..., :3], joined[..., :3], seen))
    cv2.imwrite(str(path), cv2.cvtColor(row, cv2.COLOR_RGB2BGR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pieces", type=int, default=4)
    parser.add_argument("--ending", default=".mp4")
    options = parser.parse_args()
    filter_library_log()
    settings, folder = Settings(), options.folder
    folder.mkdir(parents=True, exist_ok=True)
    whole, joined = (folder / f"{name}{options.ending}" for name in ("whole", "joined"))
    begun = time.monotonic()
    if not whole.exists():
        convert_files([options.film], whole, settings)
        print(f"whole: {time.monotonic() - begun:.0f} s", flush=True)
    begun = time.monotonic()
    plan = in_pieces(ConversionJob(options.film, joined), options.pieces, folder, settings)
    print(f"in pieces, one after the other: {time.monotonic() - begun:.0f} s", flush=True)
    ranges = cut_film(plan, options.pieces)
    print("pieces", ", ".join(f"{frames.start}-{frames.stop - 1}" for frames in ranges))
    print(f"poses {landmark_jump_px(options.film, plan, settings):.4f} px", flush=True)
    print("sound", "same" if packets(whole, "audio") == packets(joined, "audio") else "DIFFERENT")
    shown = [sorted(at for at, _ in packets(path, "video")) for path in (whole, joined)]
    print("times", "same" if shown[0] == shown[1] else "DIFFERENT")
    joins = {frames.start for frames in ranges[1:]}
    away = np.array(list(differences(whole, joined, joins, folder)))
    near = {index for join in joins for index in range(join, join + AFTER)}
    rest = [value for i, value in enumerate(away) if i >= ranges[0].stop and i not in near]
    print(f"noise {np.mean(rest):.2f}, largest {max(rest):.2f}")
    for join in sorted(joins):
        print(f"join {join}: {away[join : join + AFTER].mean():.2f},", end=" ")
        print(f"largest {away[join : join + AFTER].max():.2f}")


if __name__ == "__main__":
    main()
