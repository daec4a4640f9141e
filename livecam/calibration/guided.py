"""Guided calibration: a person is asked for one expression after the other.

`livecam calibrate` takes ten seconds and writes a profile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.calibration.profile import (
    DEFAULT,
    load_online_estimate,
    load_profile,
    online_path,
    profile_path,
    save_profile,
)
from livecam.calibration.ranges import MAX_DEAD_ZONE, MIN_SPAN, WeightRanges
from livecam.config.settings import SAMPLES, Settings
from livecam.core.end_signals import checkpoint
from livecam.core.errors import SourceError, TrackingError, reason_of
from livecam.core.face import EXPRESSIONS, indices_with_prefix
from livecam.core.frame import check_shows_face
from livecam.core.language import to_translate, tr
from livecam.core.observation import Observation
from livecam.core.places import check_place
from livecam.core.timing import SystemClock
from livecam.people.tracker import PeopleTracker, primary_face
from livecam.pipeline.build import tracker_factory
from livecam.sources.choose import decide, open_source

MAX_WAIT_S = 10.0  # for the first face
SETTLE_S = 0.5  # at the beginning of a step, not measured: people need time to react
MAXIMUM_QUANTILE = 0.9  # of the weights of a step, taken as their maximum
MIN_FRAMES = 5  # with a face, in a step


@dataclass(frozen=True, slots=True)
class CalibrationStep:
    """One expression that is asked for."""

    words: str
    seconds: float
    prefixes: tuple[str, ...]  # of the weights that it moves; none: the rest


STEPS = (
    CalibrationStep(to_translate("look into the camera, face relaxed"), 2.0, ()),
    CalibrationStep(to_translate("shut both eyes"), 1.3, ("eyeBlink",)),
    CalibrationStep(
        to_translate("open your eyes wide, brows up"),
        1.3,
        ("eyeWide", "browInnerUp", "browOuterUp"),
    ),
    CalibrationStep(to_translate("smile"), 1.3, ("mouthSmile",)),
    CalibrationStep(to_translate("open your mouth"), 1.3, ("jawOpen",)),
    CalibrationStep(to_translate("pucker your lips"), 1.3, ("mouthPucker",)),
    CalibrationStep(to_translate("look round: left, right, up, down"), 2.5, ("eyeLook",)),
)


def calibrate(settings: Settings, name: str, say: Callable[[str], None]) -> Path:
    """Asks for one expression after the other and writes the profile; returns its file.

    Raises:
        SourceError: there is no camera, or no frame of it.
        SinkError: the profile cannot be written.
        TrackingError: no face was found, or not in every step.
    """
    source_name = decide(settings.source.source)
    _check_person(settings.source.source, source_name, name)
    check_place(profile_path(name))
    weights, steps = [], []
    with closing(tracker_factory(settings)()) as tracker:
        decided = settings.source.model_copy(update={"source": source_name})
        source = open_source(decided, SystemClock())
        try:
            info = source.open()
            check_shows_face(info.name, info.width, info.height)
            say(tr("{source}: sit as you will, lit as you will be", source=info.name))

            def observations() -> Iterator[Observation]:
                while (frame := source.read()) is not None:
                    checkpoint()
                    yield tracker.track(frame)

            for step, rows in recorded_steps(observations(), STEPS, say):
                steps.append(step)
                weights.append(rows)
        finally:
            source.close()
    ranges, unchanged = ranges_of(steps, weights)
    for words in unchanged:
        say(tr("hardly anything changed at: {step}", step=tr(words)))
    path = save_profile(name, ranges)
    try:
        online_path(name).unlink(missing_ok=True)  # a new guided profile is better
    except OSError as error:
        say(
            tr(
                "what was learnt before stays: {path}: {reason}",
                path=online_path(name),
                reason=reason_of(error),
            )
        )
    return path


def _check_person(asked: str, source: str, name: str) -> None:
    """Refuses to keep the face of the sample as that of the user.

    Raises:
        SourceError: no camera was found, or the sample was asked for under the user's profile.
    """
    if source not in SAMPLES:
        return
    if asked not in SAMPLES:
        raise SourceError(
            "no camera was found, and the sample shows another person's face",
            hint="plug in a camera, or pass --source with a camera or a film of yourself",
        )
    if name == DEFAULT:
        raise SourceError(
            "the sample shows another person: it must not become your profile",
            hint="name another one for a trial: --source sample --profile sample",
        )


def profile_rows(name: str) -> list[dict[str, object]]:
    """Returns all that is kept of that name, a row for each weight; unknown values are left out.

    Raises:
        ConfigError: there is none of that name, or it is broken.
    """
    guided, online = load_profile(name), load_online_estimate(name)
    columns: dict[str, NDArray[np.float64]] = {}
    if guided is not None:
        columns |= {
            "asked_rest": guided.rest,
            "asked_utmost": guided.maximum,
            "asked_quiet": guided.dead_zone,
        }
    if online is not None:
        columns |= {
            "learnt_rest": online.ranges.rest,
            "learnt_utmost": online.ranges.maximum,
            "learnt_quiet": online.ranges.dead_zone,
            "learnt_s": np.full(len(EXPRESSIONS), online.observed_s),
        }
    rows: list[dict[str, object]] = []
    for i, expression in enumerate(EXPRESSIONS if columns else ()):
        row = {k: round(float(each[i]), 3) for k, each in columns.items() if not np.isnan(each[i])}
        rows.append({"expression": expression, **row})
    return rows


def recorded_steps(
    observations: Iterator[Observation],
    steps: Sequence[CalibrationStep],
    say: Callable[[str], None],
) -> Iterator[tuple[CalibrationStep, NDArray[np.float64]]]:
    """Asks for every step; yields it with the weights measured in it, float64[n, 52].

    Raises:
        TrackingError: no face was found.
    """
    people = PeopleTracker()
    started = time.monotonic()
    for observation in observations:
        face = primary_face(people.update(observation))
        if face is not None or time.monotonic() - started > MAX_WAIT_S:
            break
    for step in steps:
        say(tr(step.words))
        begun: float | None = None
        rows = []
        for observation in observations:
            at = observation.frame.captured_at
            begun = at if begun is None else begun
            face = primary_face(people.update(observation))
            if face is not None and at - begun >= min(SETTLE_S, step.seconds / 2):
                rows.append(face.weights.astype(np.float64))
            if at - begun >= step.seconds:
                break
        if len(rows) < MIN_FRAMES:
            raise TrackingError(
                'no face was seen while asking: "{step}"',
                hint="more light, nearer to the camera; try it with `livecam run`",
                step=tr(step.words),
            )
        yield step, np.array(rows)


def ranges_of(
    steps: Sequence[CalibrationStep], weights: Sequence[NDArray[np.float64]]
) -> tuple[WeightRanges, list[str]]:
    """Returns the ranges, and the words of the steps in which nothing changed."""
    rest, dead_zone = np.zeros(len(EXPRESSIONS)), np.zeros(len(EXPRESSIONS))
    maximum = np.full(len(EXPRESSIONS), np.nan)
    unchanged = []
    for step, rows in zip(steps, weights, strict=True):
        if not step.prefixes:
            rest = np.median(rows, axis=0)
            dead_zone = np.minimum(2 * rows.std(axis=0), MAX_DEAD_ZONE)
            continue
        shown = np.array(indices_with_prefix(*step.prefixes))
        reached = np.quantile(rows[:, shown], MAXIMUM_QUANTILE, axis=0)
        moved = reached - rest[shown] >= MIN_SPAN
        maximum[shown[moved]] = reached[moved]
        if not moved.any():
            unchanged.append(step.words)
    return WeightRanges(rest, maximum, dead_zone), unchanged
