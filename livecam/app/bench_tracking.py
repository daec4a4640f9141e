"""`livecam bench tracking`: the tracker and every filter against films whose truth is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.app.build import tracker_factory
from livecam.app.known_motion import (
    POINTS,
    SCENARIOS,
    SIZE,
    Photograph,
    Renderer,
    Scenario,
    TrueFrame,
    film,
    photograph,
    shortened,
)
from livecam.config.assets import asset_path
from livecam.config.settings import Settings, SmoothingSettings
from livecam.core.errors import ConfigError, TrackingError
from livecam.core.face import Matrix4, Observation
from livecam.core.frame import Frame
from livecam.core.registry import did_you_mean
from livecam.core.spaces import project, quaternion_from_matrix, rotation_vector
from livecam.filtering.base import FILTERS
from livecam.filtering.smoother import Smoother
from livecam.sources.image import read_image
from livecam.tracking.base import Tracker

Array = NDArray[np.float64]

SETTLE_S = 1.0  # not counted, at the beginning and after a cut
RAW = "raw"
LAGS_S = np.arange(-0.03, 0.1, 0.001)
MOVES_PX = 20.0  # a head that moves less tells no lag


def bench_tracking(
    settings: Settings, *, seconds: float, scenarios: Sequence[str], say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """One row for each scenario and filter.

    Raises:
        ConfigError: there is no such scenario.
        TrackingError: the portrait's own face was not found.
    """
    chosen = [shortened(scenario, seconds) for scenario in _chosen(scenarios)]
    renderer = Renderer(portrait(settings))
    rows = []
    for scenario in chosen:
        say(f"{scenario.name}: {scenario.seconds:g} s at {scenario.fps:g} fps")
        seen, truth = tracked(scenario, renderer, tracker_factory(settings)())
        default = settings.smoothing.filter
        rows += [row(scenario, n, seen, truth, n == default) for n in (RAW, *FILTERS)]
    return rows


def _chosen(names: Sequence[str]) -> list[Scenario]:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names:
        if name not in known:
            raise ConfigError(
                f'no scenario is called "{name}"{did_you_mean(name, known)}',
                hint=f"there are: {', '.join(known)}",
            )
    return [known[name] for name in names] if names else list(SCENARIOS)


def portrait(settings: Settings) -> Photograph:
    """The portrait, with depth from its own landmarks."""
    image = read_image(asset_path("portrait"))
    with closing(tracker_factory(settings)()) as tracker:
        for at in range(30):  # small faces are looked for in one part after the other
            if faces := tracker.track(Frame(image, at, float(at))).faces:
                return photograph(image, faces[0])
    raise TrackingError("no face was found in the portrait", hint="livecam assets verify")


def tracked(
    scenario: Scenario, renderer: Renderer, tracker: Tracker
) -> tuple[list[Observation], list[TrueFrame]]:
    """What the tracker saw of a scenario, its pictures thrown away, and the truth."""
    seen, truth = [], []
    with closing(tracker):
        for true in film(scenario, renderer):
            seen.append(tracker.track(true.frame))
            truth.append(true)
    return seen, truth


def row(
    scenario: Scenario,
    name: str,
    seen: Sequence[Observation],
    truth: Sequence[TrueFrame],
    default: bool,
) -> dict[str, Any]:
    """The numbers of one filter on one scenario."""
    smoother = None if name == RAW else Smoother(SmoothingSettings(filter=name))
    times, true, raw, got = [], [], [], []
    ahead, ahead_true, costs = [], [], []
    for i, (observation, frame) in enumerate(zip(seen, truth, strict=True)):
        at = frame.frame.captured_at
        began = time.thread_time()
        pose = _pose(observation, smoother)
        costs.append(time.thread_time() - began)
        if pose is None or not observation.faces or frame.occluded or _unsettled(scenario, at):
            continue
        times.append(at)
        true.append(frame.camera_from_head)
        raw.append(observation.faces[0].camera_from_head)
        got.append(pose)
        if smoother is not None and i + 1 < len(truth):
            predicted = smoother.at(truth[i + 1].frame.captured_at)
            assert predicted is not None
            ahead.append(predicted.pose.matrix)
            ahead_true.append(truth[i + 1].camera_from_head)
    lost = sum(not o.faces for o, f in zip(seen, truth, strict=True) if not f.occluded)
    out: dict[str, Any] = {"scenario": scenario.name, "filter": name + ("*" if default else "")}
    if len(got) < 10:
        return out | {"lost": lost}
    offset = mean_offset(true, got)
    fixed = [pose @ np.linalg.inv(offset) for pose in got]
    out |= errors(true, fixed)
    later = [pose @ np.linalg.inv(offset) for pose in ahead]
    out |= {
        "jitter_px": jitter_px(true, fixed),
        "lag_ms": lag_ms(np.array(times), raw, got),
        "newest_px": round(float(np.median(off_px(ahead_true, later))), 2) if later else None,
    }
    out["cost_ms"] = round(1e3 * float(np.median(costs)), 3)
    out["lost"] = lost
    turn = np.degrees(rotation_vector(quaternion_from_matrix(offset[:3, :3])))
    out["offset_deg"] = round(float(np.linalg.norm(turn)), 1)
    return out


def _pose(observation: Observation, smoother: Smoother | None) -> Matrix4 | None:
    if smoother is None:
        faces = observation.faces
        return faces[0].camera_from_head if faces else None
    state = smoother.update(observation).primary
    return None if state is None else state.pose.matrix


def _unsettled(scenario: Scenario, at: float) -> bool:
    if at < min(SETTLE_S, scenario.seconds / 3):
        return True
    return scenario.cut_at is not None and 0 <= at - scenario.cut_at < 0.1


def mean_offset(true: Sequence[Matrix4], got: Sequence[Matrix4]) -> Matrix4:
    """The constant difference of two head models: the mean of all `head_from_head`.

    Rotations are averaged as matrices and projected back (Moakher, SIAM J. Matrix Anal. 24(1),
    2002, the Euclidean mean).
    """
    ways = np.array([np.linalg.inv(t) @ g for t, g in zip(true, got, strict=True)])
    u, _, vt = np.linalg.svd(ways[:, :3, :3].mean(axis=0))
    out = np.eye(4)
    out[:3, :3] = u @ np.diag((1, 1, np.linalg.det(u @ vt))) @ vt
    out[:3, 3] = np.median(ways[:, :3, 3], axis=0)
    return out


def errors(true: Sequence[Matrix4], got: Sequence[Matrix4]) -> dict[str, float]:
    """Median errors: degrees, millimetres, and pixels with their 95th percentile."""
    ways = [np.linalg.inv(t) @ g for t, g in zip(true, got, strict=True)]
    turns = np.degrees([rotation_vector(quaternion_from_matrix(way[:3, :3])) for way in ways])
    pitch, yaw, roll = np.median(np.abs(turns), axis=0)
    off_mm = [
        1e3 * float(np.linalg.norm(g[:3, 3] - t[:3, 3])) for t, g in zip(true, got, strict=True)
    ]
    off = off_px(true, got)
    return {
        "yaw_deg": round(float(yaw), 2),
        "pitch_deg": round(float(pitch), 2),
        "roll_deg": round(float(roll), 2),
        "mm": round(float(np.median(off_mm)), 1),
        "px": round(float(np.median(off)), 2),
        "px_p95": round(float(np.quantile(off, 0.95)), 2),
    }


def off_px(true: Sequence[Matrix4], got: Sequence[Matrix4]) -> Array:
    """How far the head's points are from where they should be, on the mean, float64[n]."""
    away = [project(t, POINTS, *SIZE) - project(g, POINTS, *SIZE) for t, g in
            zip(true, got, strict=True)]  # fmt: skip
    return np.asarray(np.linalg.norm(away, axis=2).mean(axis=1))


def jitter_px(true: Sequence[Matrix4], got: Sequence[Matrix4]) -> float | None:
    """Root mean square about the mean of a head that keeps still; None of one that moves."""
    still = np.array([project(t, POINTS, *SIZE) for t in true])
    if float(np.ptp(still, axis=0).max()) > 0.01:
        return None
    paths = np.array([project(g, POINTS, *SIZE) for g in got])
    away = paths - paths.mean(axis=0)
    return round(float(np.sqrt((away**2).sum(axis=2).mean())), 3)


def lag_ms(times: Array, raw: Sequence[Matrix4], got: Sequence[Matrix4]) -> float | None:
    """By how much the tracker's own poses must be delayed to fit best; None of a still head.

    The tracker itself has no lag: a moving picture gives the same pose as one that is shown to it
    again and again. Its errors depend on the pose, and would look like lag against the truth.
    """
    before = np.array([project(m, POINTS, *SIZE) for m in raw]).reshape(len(raw), -1)
    after = np.array([project(m, POINTS, *SIZE) for m in got]).reshape(len(got), -1)
    if float(np.ptp(before, axis=0).max()) < MOVES_PX:
        return None
    inner = (times - LAGS_S[-1] >= times[0]) & (times - LAGS_S[0] <= times[-1])

    def misfit(lag: float) -> float:
        then = [np.interp(times[inner] - lag, times, column) for column in before.T]
        return float((after[inner] - np.stack(then, axis=1)).var(axis=0).sum())

    return round(1e3 * float(LAGS_S[int(np.argmin([misfit(lag) for lag in LAGS_S]))]), 1)
