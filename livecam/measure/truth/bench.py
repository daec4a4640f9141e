"""Measures the tracker and every filter on films of known truth: errors and lags in a table.

Each scenario is rendered and tracked once; all filters get the same observations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.config.assets import asset_path
from livecam.config.settings import Settings, SmoothingSettings
from livecam.core.face import INDEX, Face
from livecam.core.language import tr
from livecam.core.observation import Observation
from livecam.filtering.base import FILTERS
from livecam.filtering.smoother import Smoother
from livecam.measure.paths import paths_px
from livecam.measure.truth.head import PortraitHead
from livecam.measure.truth.landmarks import REGISTERED_POINTS
from livecam.measure.truth.meters import (
    HeadOffset,
    head_offset,
    jitter_px,
    lag_s,
    moves,
    registration_px,
    rotation_errors_deg,
    translation_errors_mm,
    wobble_px,
)
from livecam.measure.truth.scenarios import Array, Scenario, scenarios_named
from livecam.measure.truth.synthetic_camera import SyntheticCamera
from livecam.people.tracker import PeopleTracker, primary_track
from livecam.pipeline.build import tracker_factory
from livecam.render.context import open_graphics
from livecam.sources.sample_clip import read_portrait
from livecam.tracking.base import Tracker
from livecam.tracking.face_landmarker import FaceLandmarker

RAW = "raw"  # the tracker's own poses
SETTLING_S = 1.0  # not measured: filters estimate the noise first; at most a quarter of a film
TRACKING_LATENCY_S = 0.018  # with alignment `newest` a pose is this and one frame old when drawn
BLINKS = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
JAW = INDEX["jawOpen"]
REGISTERED_PX = 5.0  # mean error below which a head is in place after a cut


def bench_tracking(
    settings: Settings, *, seconds: float, scenarios: Sequence[str], say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Returns one row for each scenario and filter; None where a value cannot be measured.

    Raises:
        ConfigError: there is no such scenario.
        LivecamError: the model, the portrait or OpenGL is missing.
    """
    films = scenarios_named(scenarios)
    make_tracker = tracker_factory(settings)
    rows = []
    with ExitStack() as stack:
        head = portrait_head()
        camera = stack.enter_context(
            closing(SyntheticCamera(stack.enter_context(open_graphics()), head))
        )
        for scenario in films:
            times = scenario.times(seconds)
            say(
                tr(
                    "{scenario}: {frames} pictures at {fps:g} fps",
                    scenario=scenario.name,
                    frames=len(times),
                    fps=scenario.camera.fps,
                )
            )
            with closing(make_tracker()) as tracker:
                observations = tracked(camera, scenario, times, tracker)
            bench = _Evaluation(scenario, times, observations, head, camera.size)
            rows += [bench.row(name, settings.smoothing) for name in (RAW, *FILTERS)]
    return rows


def portrait_head() -> PortraitHead:
    """Returns the head of the portrait as MediaPipe measures it, whichever tracker is tested.

    Raises:
        AssetError: the portrait or the model is missing.
    """
    portrait = read_portrait()
    with FaceLandmarker(asset_path("face-landmarker"), mode="image") as tracker:
        return PortraitHead(portrait, tracker)


def tracked(
    camera: SyntheticCamera, scenario: Scenario, times: Array, tracker: Tracker, seed: int = 0
) -> list[Observation]:
    """Returns a tracker's observations of a film; their images are replaced by a black one."""
    width, height = camera.size
    black = np.zeros((height, width, 4), np.uint8)
    observations = []
    for frame in camera.film(scenario, times, seed):
        observation = tracker.track(frame)
        observations.append(replace(observation, frame=replace(frame, image=black)))
    return observations


@dataclass(frozen=True, slots=True)
class FilterOutput:
    """Poses and weights after a filter; rows of NaN where there was no face."""

    heads: Array  # float64[n, 4, 4]
    weights: Array  # float64[n, 52]
    predicted: Array  # float64[n, 4, 4], for later times
    cost_ms: float  # CPU time of one update, median


class _Evaluation:
    """Compares the filters on one tracked film with its truth."""

    def __init__(
        self,
        scenario: Scenario,
        times: Array,
        observations: list[Observation],
        head: PortraitHead,
        size: tuple[int, int],
    ) -> None:
        self._scenario, self._times, self._observations = scenario, times, observations
        self._points = head.landmarks[list(REGISTERED_POINTS)]
        self._size = size
        self._true = scenario.at(times).heads
        self._later = times + 1 / scenario.camera.fps + TRACKING_LATENCY_S
        raw = raw_poses(observations)
        self._lost = int(np.isnan(raw[:, 0, 0]).sum())
        self._offset: HeadOffset | None = None
        if self._lost <= len(raw) - 10:
            self._offset = head_offset(self._true, raw, self._points, size[1])
        settled_s = min(SETTLING_S, (times[-1] - times[0]) / 4)
        self._settled = times >= times[0] + settled_s

    def row(self, name: str, settings: SmoothingSettings) -> dict[str, Any]:
        mark = "*" if name == settings.filter else ""
        row: dict[str, Any] = {"scenario": self._scenario.name, "filter": name + mark}
        if self._offset is None:
            return row | {"lost": self._lost}
        if name == RAW:
            output = held_poses(self._observations)
        else:
            output = filtered(
                self._observations, settings.model_copy(update={"filter": name}), self._later
            )
        row |= self._errors(output, self._offset)
        row |= self._lags(output, self._offset)
        return row | {
            "cost_ms": round(output.cost_ms, 3),
            "lost": self._lost,
            "offset_deg": [round(float(angle), 1) for angle in self._offset.turn_deg],
            "offset_mm": [round(float(part), 1) for part in self._offset.shift_mm],
            "offset_size": round(self._offset.size, 3),
        }

    def _errors(self, output: FilterOutput, offset: HeadOffset) -> dict[str, Any]:
        on = self._settled & np.isfinite(output.heads[:, 0, 0])
        true, heads = self._true[on], offset.removed(output.heads)[on]
        yaw, pitch, roll = np.median(rotation_errors_deg(true, heads), axis=0)
        before, after = self._paths(true), self._paths(heads)
        off = registration_px(before, after)
        jitter = jitter_px(before, after) if moves(before) else wobble_px(after)
        return {
            "yaw_deg": round(float(yaw), 2),
            "pitch_deg": round(float(pitch), 2),
            "roll_deg": round(float(roll), 2),
            "mm": round(float(np.median(translation_errors_mm(true, heads))), 1),
            "px": round(float(np.median(off)), 2),
            "px_p95": round(float(np.quantile(off, 0.95)), 2),
            "jitter_px": round(jitter, 3),
        }

    def _lags(self, output: FilterOutput, offset: HeadOffset) -> dict[str, Any]:
        scenario, on = self._scenario, self._settled
        times, later = self._times[on], self._later[on]
        shown = self._paths(offset.removed(output.heads))[on]
        predicted = self._paths(offset.removed(output.predicted))[on]
        true_later = self._paths(scenario.at(later).heads)
        off = registration_px(true_later, predicted)
        weights = output.weights[on]
        steady = moves(true_later) and not scenario.cuts_s

        def paths_at(at: Array) -> Array:
            return self._paths(scenario.at(at).heads)

        blink = jaw = None
        if scenario.blink is not None:
            blink = lag_s(times, weights[:, BLINKS], lambda t: scenario.at(t).blinks, scaled=True)
        if scenario.jaw is not None:
            jaw = lag_s(
                times, weights[:, [JAW]], lambda t: scenario.at(t).jaw[:, None], scaled=True
            )
        return {
            "lag_ms": _ms(lag_s(times, shown, paths_at) if steady else None),
            "newest_ms": _ms(lag_s(later, predicted, paths_at) if steady else None),
            "newest_px": round(float(np.nanmedian(off)), 2),
            "blink_lag_ms": _ms(blink),
            "jaw_lag_ms": _ms(jaw),
            "back_ms": self._back_ms(registration_px(paths_at(times), shown), times),
        }

    def _back_ms(self, off: Array, times: Array) -> float | None:
        """Returns the median time from a cut until the head is in place."""
        times_back = []
        for cut in self._scenario.cuts_s:
            after = times[(times >= cut) & (off < REGISTERED_PX)]
            if len(after) and np.any(times < cut):
                times_back.append(after[0] - cut)
        return _ms(float(np.median(times_back))) if times_back else None

    def _paths(self, heads: Array) -> Array:
        return paths_px(heads, self._points, *self._size)


def held_poses(observations: Sequence[Observation]) -> FilterOutput:
    """Returns the tracker's own poses; each is held until the next one."""
    heads = raw_poses(observations)
    weights = np.array(
        [_nan(52) if (f := largest_face(o)) is None else f.weights for o in observations]
    )
    return FilterOutput(heads, weights.astype(np.float64), heads, 0.0)


def filtered(
    observations: Sequence[Observation], settings: SmoothingSettings, later: Array
) -> FilterOutput:
    """Returns the output of a smoother, and its predictions for later times."""
    people, smoother = PeopleTracker(), Smoother(settings)
    track_id: int | None = None
    heads, weights, predicted, costs = [], [], [], []
    for observation, later_s in zip(observations, later, strict=True):
        began = time.thread_time()
        track, state = primary_track(people.update(observation)), None
        if track is not None and track.id != track_id:
            smoother.reset()
            track_id = track.id
        if track is not None and track.face is not None:
            state = smoother.update(track.face, observation.frame)
        costs.append(time.thread_time() - began)
        if state is None:
            heads.append(_nan(4, 4))
            weights.append(_nan(52))
            predicted.append(_nan(4, 4))
            continue
        heads.append(state.pose.matrix)
        weights.append(state.weights.astype(np.float64))
        later_state = smoother.predict(float(later_s))
        predicted.append((state if later_state is None else later_state).pose.matrix)
    return FilterOutput(
        np.array(heads), np.array(weights), np.array(predicted), 1e3 * float(np.median(costs))
    )


def raw_poses(observations: Sequence[Observation]) -> Array:
    """Returns camera_from_head of the largest face of each frame, NaN where there is none."""
    faces = [largest_face(observation) for observation in observations]
    return np.array([_nan(4, 4) if face is None else face.camera_from_head for face in faces])


def largest_face(observation: Observation) -> Face | None:
    """Returns the widest face of an observation."""
    return max(
        observation.faces, key=lambda face: float(np.ptp(face.landmarks[:, 0])), default=None
    )


def _nan(*shape: int) -> NDArray[np.float64]:
    return np.full(shape, np.nan)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1e3 * seconds, 1)
