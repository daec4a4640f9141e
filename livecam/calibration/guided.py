"""`livecam calibrate`: ten seconds of making faces become a profile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.calibration.profile import (
    LEAST_SPAN,
    MOST_QUIET,
    Measured,
    learnt_path,
    load_learnt,
    load_profile,
    save_profile,
)
from livecam.config.settings import Settings
from livecam.core.errors import TrackingError
from livecam.core.face import EXPRESSIONS, Observation, named
from livecam.core.timing import SystemClock
from livecam.people.choice import FaceChoice
from livecam.pipeline.build import tracker_factory
from livecam.sources.choose import open_source

LOOK_S = 10.0  # how long a face is waited for
STEADY_S = 0.5  # at the beginning of a step: people need a moment
UTMOST = 0.9  # the quantile that counts as far as it goes
FEWEST = 5  # pictures of a step


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is asked for."""

    words: str
    seconds: float
    names: tuple[str, ...]  # beginnings of the expressions that it shows; none: the rest


STEPS = (
    Step("look into the camera, face relaxed", 2.0, ()),
    Step("shut both eyes", 1.3, ("eyeBlink",)),
    Step("open your eyes wide, brows up", 1.3, ("eyeWide", "browInnerUp", "browOuterUp")),
    Step("smile", 1.3, ("mouthSmile",)),
    Step("open your mouth", 1.3, ("jawOpen",)),
    Step("pucker your lips", 1.3, ("mouthPucker",)),
    Step("look round: left, right, up, down", 2.5, ("eyeLook",)),
)


def calibrate(settings: Settings, name: str, say: Callable[[str], None]) -> Path:
    """Asks for one face after the other and keeps the profile; answers with its file.

    Raises:
        SourceError: there is no picture.
        TrackingError: no face was seen, or not in every step.
    """
    weights, steps = [], []
    with closing(tracker_factory(settings)()) as tracker:
        source = open_source(settings.source, SystemClock())
        info = source.open()
        try:
            say(f"{info.name}: sit as you will, lit as you will be")

            def observations() -> Iterator[Observation]:
                while (frame := source.read()) is not None:
                    yield tracker.track(frame)

            for step, seen in asked(observations(), STEPS, say):
                steps.append(step)
                weights.append(seen)
        finally:
            source.close()
    profile, missed = profile_of(steps, weights)
    for words in missed:
        say(f"hardly anything changed at: {words}")
    path = save_profile(name, profile)
    try:
        learnt_path(name).unlink(missing_ok=True)  # what was learnt before is known better now
    except OSError as error:
        say(f"what was learnt before stays: {learnt_path(name)}: {error.strerror}")
    return path


def shown(name: str) -> list[dict[str, object]]:
    """All that is kept of that name, a row for each expression; what nobody knows is left out.

    Raises:
        ConfigError: there is none of that name, or it is broken.
    """
    guided, learnt = load_profile(name), load_learnt(name)
    columns: dict[str, NDArray[np.float64]] = {}
    if guided is not None:
        columns |= {
            "asked_rest": guided.rest, "asked_utmost": guided.utmost, "asked_quiet": guided.quiet,
        }  # fmt: skip
    if learnt is not None:
        known = learnt.measured
        columns |= {
            "learnt_rest": known.rest, "learnt_utmost": known.utmost, "learnt_quiet": known.quiet,
            "learnt_s": np.full(len(EXPRESSIONS), learnt.known_s),
        }  # fmt: skip
    rows: list[dict[str, object]] = []
    for i, expression in enumerate(EXPRESSIONS if columns else ()):
        row = {k: round(float(each[i]), 3) for k, each in columns.items() if not np.isnan(each[i])}
        rows.append({"expression": expression, **row})
    return rows


def asked(
    observations: Iterator[Observation], steps: Sequence[Step], say: Callable[[str], None]
) -> Iterator[tuple[Step, NDArray[np.float64]]]:
    """Every step with what was measured in it, float64[n, 52].

    Raises:
        TrackingError: no face was seen.
    """
    choice = FaceChoice()
    started = time.monotonic()
    for seen in observations:
        if choice.choose(seen) is not None or time.monotonic() - started > LOOK_S:
            break
    for step in steps:
        say(step.words)
        begun: float | None = None
        rows = []
        for seen in observations:
            at = seen.frame.captured_at
            begun = at if begun is None else begun
            face = choice.choose(seen)
            if face is not None and at - begun >= min(STEADY_S, step.seconds / 2):
                rows.append(face.weights.astype(np.float64))
            if at - begun >= step.seconds:
                break
        if len(rows) < FEWEST:
            raise TrackingError(
                f'no face was seen while asking: "{step.words}"',
                hint="more light, nearer to the camera; try it with `livecam run`",
            )
        yield step, np.array(rows)


def profile_of(
    steps: Sequence[Step], weights: Sequence[NDArray[np.float64]]
) -> tuple[Measured, list[str]]:
    """The profile, and the words of the steps in which nothing changed."""
    rest, quiet = np.zeros(len(EXPRESSIONS)), np.zeros(len(EXPRESSIONS))
    utmost = np.full(len(EXPRESSIONS), np.nan)
    missed = []
    for step, rows in zip(steps, weights, strict=True):
        if not step.names:
            rest = np.median(rows, axis=0)
            quiet = np.minimum(2 * rows.std(axis=0), MOST_QUIET)
            continue
        shown = np.array(named(*step.names))
        reached = np.quantile(rows[:, shown], UTMOST, axis=0)
        moved = reached - rest[shown] >= LEAST_SPAN
        utmost[shown[moved]] = reached[moved]
        if not moved.any():
            missed.append(step.words)
    return Measured(rest, utmost, quiet), missed
