"""From raw observations to the steadied state of one face.

Three questions, one class each: whose face is it (`FaceChoice`), how does it move
(`PoseFilter`, `ExpressionFilter`), how wide is it (`WidthEstimate`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livecam.config.settings import SmoothingSettings
from livecam.core.face import EXPRESSIONS, Face, FacePose, FaceState, Observation, Weights
from livecam.core.spaces import conjugate, decompose, euler_deg, multiply, project, rotation_vector
from livecam.filtering.base import FILTERS, Filter
from livecam.filtering.pose import PoseFilter

MAX_PREDICTION_S = 0.05  # beyond this an extrapolated head overshoots visibly
LOST_S = 0.3  # after a gap this long nothing of the old movement is true any more

# A change that no head makes: the picture was cut, or the tracker found it anew.
JUMP_M, JUMP_M_PER_S = 0.08, 4.0
JUMP_RAD, JUMP_RAD_PER_S = float(np.radians(25)), float(np.radians(900))


@dataclass(frozen=True, slots=True)
class SmoothedFaces:
    """The one face that wears the avatar, steadied, and all others as they were measured."""

    primary: FaceState | None
    others: tuple[Face, ...]


class Smoother:
    """Follows one face through a stream of observations. One thread; no clock of its own.

    Observations come in the order of their frames; when time falls (a looped file) everything
    starts anew.
    """

    def __init__(self, settings: SmoothingSettings) -> None:
        self._choice = FaceChoice()
        self._expression = ExpressionFilter()
        self._width = WidthEstimate()
        self._now = -np.inf
        self.configure(settings)

    def configure(self, settings: SmoothingSettings) -> None:
        """Takes new settings; the steadied pose starts anew from the next measurement."""
        self._settings = settings
        self._pose_filter = PoseFilter(pose_filter(settings))
        self._raw: FacePose | None = None
        self._state: FaceState | None = None

    def reset(self) -> None:
        """Forgets everything: the next observation is like the first."""
        self._choice.reset()
        self._width.reset()
        self._forget_movement()

    def update(self, observation: Observation) -> SmoothedFaces:
        """The steadied face at the moment of the observation's own frame."""
        at = observation.frame.captured_at
        if at < self._now:
            self.reset()
        self._now = at
        chosen = self._choice.choose(observation)
        others = tuple(face for face in observation.faces if face is not chosen)
        if chosen is None:
            return SmoothedFaces(None, others)
        if self._choice.changed:
            self._width.reset()
            self._forget_movement()
        self._state = self._steadied(chosen, observation)
        return SmoothedFaces(self._state, others)

    def at(self, time: float) -> FaceState | None:
        """The last state carried forward to that time, at most MAX_PREDICTION_S."""
        state = self._state
        if state is None:
            return None
        ahead_s = min(max(time - state.at, 0.0), MAX_PREDICTION_S)
        if ahead_s == 0:
            return state
        pose = self._pose_filter.predict(ahead_s)
        return FaceState(pose, state.weights, state.width_ratio, state.at + ahead_s)

    def _steadied(self, face: Face, observation: Observation) -> FaceState:
        frame = observation.frame
        raw = FacePose(*decompose(face.camera_from_head))
        dt = 0.0 if self._state is None else frame.captured_at - self._state.at
        if self._raw is not None and dt > 0 and (dt > LOST_S or _jumped(self._raw, raw, dt)):
            self._forget_movement()
        self._raw = raw
        return FaceState(
            pose=self._pose_filter.step(raw, dt),
            weights=self._expression.step(face.weights, dt),
            width_ratio=self._width.step(face, frame.width, frame.height, dt),
            at=frame.captured_at,
            source=face,
        )

    def _forget_movement(self) -> None:
        self._pose_filter.reset()
        self._expression.reset()
        self._raw = None
        self._state = None


def pose_filter(settings: SmoothingSettings) -> Filter:
    """A filter for PoseFilter's six numbers, all in units of noise."""
    calm = max(2 * settings.smoothing, 0.02)  # 1 at the default
    if settings.filter == "one-euro":
        return FILTERS.create(
            settings.filter,
            min_cutoff=0.05 / calm,
            beta=0.3 / max(calm, 1.0) ** 2,
            derivative_cutoff=6.0,
            noise=min(calm, 1.0),
        )
    if settings.filter == "kalman":
        return FILTERS.create(settings.filter, noise=1.0, acceleration=60 / calm**2)
    return FILTERS.create(settings.filter)


def _jumped(before: FacePose, now: FacePose, dt: float) -> bool:
    moved = float(np.linalg.norm(now.translation - before.translation))
    turned = rotation_vector(multiply(conjugate(before.rotation), now.rotation))
    return (
        moved > JUMP_M + JUMP_M_PER_S * dt
        or float(np.linalg.norm(turned)) > JUMP_RAD + JUMP_RAD_PER_S * dt
    )


class FaceChoice:
    """Decides which of the faces in a picture is the one that wears the avatar.

    The largest at first; then the same person for as long as they are there. A face that was
    already known as somebody else's never takes over while the first is merely out of sight
    for a moment.
    """

    PATIENCE_S = 0.5  # how long a vanished face keeps its place
    REACH, REACH_PER_S = 0.6, 8.0  # how far a face may move, in face widths
    LONGEST_REACH_S = 0.25
    MOST_GROWTH = 0.5  # logarithm of the ratio of sizes: 1.65 times

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.changed = False  # the last choice is not the person of the one before
        self._place: NDArray[np.float64] | None = None  # centre x, y and width, pixels
        self._seen_at = 0.0
        self._others = np.zeros((0, 3))

    def choose(self, observation: Observation) -> Face | None:
        faces, frame = observation.faces, observation.frame
        places = np.array([_place(f, frame.width, frame.height) for f in faces]).reshape(-1, 3)
        chosen = self._same(places, frame.captured_at)
        self.changed = False
        if chosen is None and self._is_free(places, frame.captured_at):
            chosen = int(np.argmax(places[:, 2]))
            self.changed = True
        if chosen is None:
            if len(places):
                self._others = places
            return None
        self._place, self._seen_at = places[chosen], frame.captured_at
        self._others = np.delete(places, chosen, axis=0)
        return faces[chosen]

    def _same(self, places: NDArray[np.float64], now: float) -> int | None:
        """The face that is most likely the one of last time."""
        if self._place is None or not len(places):
            return None
        gap_s = min(max(now - self._seen_at, 0.0), self.LONGEST_REACH_S)
        away, growth = _differences(places, self._place)
        plausible = (away < self.REACH + self.REACH_PER_S * gap_s) & (growth < self.MOST_GROWTH)
        cost = away + growth
        for other in self._others:
            plausible &= cost <= np.add(*_differences(places, other))
        return int(np.argmin(np.where(plausible, cost, np.inf))) if plausible.any() else None

    def _is_free(self, places: NDArray[np.float64], now: float) -> bool:
        """Whether somebody else may take the place."""
        if not len(places):
            return False
        if self._place is None or now - self._seen_at > self.PATIENCE_S:
            return True
        # Alone before and alone now: the same person after a cut.
        return len(places) == 1 and not len(self._others)


def _place(face: Face, width: int, height: int) -> NDArray[np.float64]:
    low = face.landmarks[:, :2].min(axis=0) * (width, height)
    high = face.landmarks[:, :2].max(axis=0) * (width, height)
    # The height of a turned face stays while its width shrinks.
    size = max(float(high[0] - low[0]), 0.75 * float(high[1] - low[1]), 1.0)
    return np.array((*((low + high) / 2), size))


def _differences(
    places: NDArray[np.float64], place: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each place is from one, in widths of the larger face, and how unlike in size."""
    away = np.hypot(places[:, 0] - place[0], places[:, 1] - place[1])
    return away / np.maximum(places[:, 2], place[2]), np.abs(np.log(places[:, 2] / place[2]))


class ExpressionFilter:
    """Steadies the 52 weights: calm while nothing happens, at once in, a little slower out."""

    CALM_HZ = 1.0
    IN_HZ = 30.0
    OUT_HZ = 12.0
    # Raw weights of a face at rest have standard deviations up to 0.04. The change is itself
    # low-passed a little before it is judged, as noise goes to and fro.
    OPENS, OPEN = 0.04, 0.16  # a change this small may be noise; this large is meant
    JUDGE_HZ = 8.0

    def __init__(self) -> None:
        # Gaze, and everything that has a left and a right of its own, must not lag in one
        # direction: the two would add up to a look at nothing.
        both_ways = [name.startswith(("eyeLook", "jawLeft", "jawRight")) for name in EXPRESSIONS]
        self._out_hz = np.where(both_ways, self.IN_HZ, self.OUT_HZ)
        self.reset()

    def reset(self) -> None:
        self._estimate: NDArray[np.float64] | None = None
        self._trend = np.zeros(len(EXPRESSIONS))

    def step(self, weights: Weights, dt: float) -> Weights:
        if self._estimate is None:
            self._estimate = weights.astype(np.float64)
        elif dt > 0:
            change = weights - self._estimate
            self._trend = self._trend + _share(self.JUDGE_HZ, dt) * (change - self._trend)
            meant = np.clip((np.abs(self._trend) - self.OPENS) / (self.OPEN - self.OPENS), 0, 1)
            fast = np.where(change > 0, self.IN_HZ, self._out_hz)
            cutoff = self.CALM_HZ + meant * (fast - self.CALM_HZ)
            self._estimate = self._estimate + _share(cutoff, dt) * change
        return self._estimate.astype(np.float32)


def _share(cutoff: ArrayLike, dt: float) -> NDArray[np.float64]:
    """How much of a change a first-order low-pass of that cutoff (Hz) takes in dt seconds."""
    turn = 2 * np.pi * dt * np.asarray(cutoff)
    return np.asarray(turn / (turn + 1))


class WidthEstimate:
    """How much wider the face is than the pose's own metric face; slow, from frontal frames."""

    SETTLE_S = 10.0
    LOW, HIGH = 0.95, 1.25  # 1.03..1.16 were seen
    MOST_YAW_DEG, MOST_PITCH_DEG = 20.0, 30.0
    # Landmarks 234 and 454, before the ears, in MediaPipe's canonical face, metres.
    SIDES = (234, 454)
    CANONICAL = np.array(((-0.0766, 0.0067, -0.0244), (0.0766, 0.0067, -0.0244)))
    TYPICAL = 1.09

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._ratio = self.TYPICAL
        self._weight_s = 0.0  # how long it was measured

    def step(self, face: Face, width: int, height: int, dt: float) -> float:
        yaw, pitch, _ = euler_deg(decompose(face.camera_from_head)[1])
        if abs(yaw) < self.MOST_YAW_DEG and abs(pitch) < self.MOST_PITCH_DEG:
            measured = min(max(self._measured(face, width, height), self.LOW), self.HIGH)
            # A mean at first, a slow low-pass later; the first frame counts as a whole second.
            weight = dt if self._weight_s else 1.0
            self._weight_s = min(self._weight_s + weight, self.SETTLE_S)
            self._ratio += (measured - self._ratio) * weight / self._weight_s
        return self._ratio

    def _measured(self, face: Face, width: int, height: int) -> float:
        seen = face.landmarks[self.SIDES, :2] * (width, height)
        expected = project(face.camera_from_head, self.CANONICAL, width, height)
        return float(np.linalg.norm(seen[1] - seen[0]) / np.linalg.norm(expected[1] - expected[0]))
