"""The scenarios by name: a motion of a head and its face, and a model of the camera.

Every motion is a function of time over whole arrays, so that the truth is known at any time, also
between frames.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from livecam.core.registry import named
from livecam.measure.truth.head import NECK_JOINT

Array = NDArray[np.float64]
Wave = Callable[[Array], Array]

DISTANCE_M = 0.48  # of a head at rest: its face is 160 px wide in an image of 720 px height
REST_M = np.array((0.0, 0.0, -DISTANCE_M))
CUT_SHIFT_M, CUT_TURN_DEG = np.array((0.13, 0.02, -0.06)), np.array((-14.0, 4.0, 3.0))


@dataclass(frozen=True, slots=True)
class HeadMotion:
    """Pose of a head and motion of its face at n times."""

    euler_deg: Array  # float64[n, 3]: yaw to its left, pitch down, roll; order Y X Z
    positions_m: Array  # float64[n, 3], camera space; of the head without rotation
    blinks: Array  # float64[n, 2]: 1 is shut; left, right
    jaw: Array  # float64[n]: 1 is wide open

    @property
    def heads(self) -> Array:
        """camera_from_head, float64[n, 4, 4]; the head rotates about the joint of its neck."""
        out = self.bodies
        out[:, :3, :3] = rotations(self.euler_deg)
        out[:, :3, 3] += NECK_JOINT - out[:, :3, :3] @ NECK_JOINT
        return out

    @property
    def bodies(self) -> Array:
        """camera_from_head of the head without rotation, float64[n, 4, 4]."""
        out = np.tile(np.eye(4), (len(self.positions_m), 1, 1))
        out[:, :3, 3] = self.positions_m
        return out


@dataclass(frozen=True, slots=True)
class WebcamModel:
    """Rate, exposure and image quality of a webcam."""

    fps: float = 30.0
    jitter_s: float = 0.001  # maximum deviation from a regular clock; timestamps are true
    exposure_s: float = 0.008  # half before and half after the timestamp
    noise: float = 3.0  # standard deviation, of 255
    brightness: float = 1.0
    blur_px: float = 0.6  # standard deviation of the blur of the lens


@dataclass(frozen=True, slots=True)
class Scenario:
    """A motion and the camera that records it."""

    name: str
    yaw: Wave | None = None  # degrees
    pitch: Wave | None = None
    roll: Wave | None = None
    across: Wave | None = None  # metres, to the right of the image
    nearer: Wave | None = None  # metres, to the camera
    blink: Wave | None = None
    jaw: Wave | None = None
    camera: WebcamModel = field(default_factory=WebcamModel)
    occluded: bool = False  # a hand passes before the face now and then
    # The head changes to another place and room, and back; no exposure may contain a cut.
    cuts_s: tuple[float, ...] = ()
    seconds: float = 6.0

    def at(self, times: Array) -> HeadMotion:
        """Returns the truth at those times, float64[n] seconds."""

        def of(wave: Wave | None) -> Array:
            return np.zeros(len(times)) if wave is None else wave(times)

        elsewhere = self.rooms(times)[:, None]
        turns = (
            np.stack((of(self.yaw), of(self.pitch), of(self.roll)), 1) + elsewhere * CUT_TURN_DEG
        )
        shifts = np.stack((of(self.across), np.zeros(len(times)), of(self.nearer)), 1)
        lids = of(self.blink)
        positions = REST_M + shifts + elsewhere * CUT_SHIFT_M
        return HeadMotion(turns, positions, np.stack((lids, lids), 1), of(self.jaw))

    def rooms(self, times: Array) -> NDArray[np.int64]:
        """Returns the index of the room at those times: 0, or 1 after every other cut."""
        return np.searchsorted(np.array(self.cuts_s), times, side="right") % 2

    def times(self, seconds: float = np.inf, seed: int = 0) -> Array:
        """Returns the timestamps of its camera, for at most so many seconds."""
        count = max(2, round(min(seconds, self.seconds) * self.camera.fps))
        random = np.random.default_rng((seed, zlib.crc32(self.name.encode())))
        jitter = self.camera.jitter_s * random.uniform(-1, 1, count)
        even = (np.arange(count) + 1) / self.camera.fps
        return np.asarray(even + np.minimum(jitter, 0.45 / self.camera.fps))


def rotations(euler_deg: Array) -> Array:
    """Returns matrices float64[n, 3, 3] of yaw, pitch and roll in degrees, as spaces.euler_deg."""
    yaw, pitch, roll = np.radians(euler_deg).T
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def matrix(*rows: Array) -> Array:
        return np.moveaxis(np.array(rows).reshape(3, 3, -1), 2, 0)

    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_y = matrix(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    about_x = matrix(one, zero, zero, zero, cp, -sp, zero, sp, cp)
    about_z = matrix(cr, -sr, zero, sr, cr, zero, zero, zero, one)
    return about_y @ about_x @ about_z


def scenarios_named(names: Sequence[str]) -> tuple[Scenario, ...]:
    """Returns the scenarios of those names; all when none is named.

    Raises:
        ConfigError: there is none of that name.
    """
    return named("scenario", names, SCENARIOS)


def _sine(amount: float, hz: float, phase: float = 0.0) -> Wave:
    return lambda t: amount * np.sin(2 * np.pi * (hz * t + phase))


def _sum(*waves: Wave) -> Wave:
    return lambda t: np.sum([wave(t) for wave in waves], axis=0)


BLINK_EVERY_S, SHUTS_S, OPENS_S = 1.1, 0.08, 0.16


def _blinks(t: Array) -> Array:
    """Closes the lids in SHUTS_S and opens them in OPENS_S, as people do."""
    since = np.mod(t - 0.4, BLINK_EVERY_S)
    falling = 0.5 - 0.5 * np.cos(np.pi * np.clip(since / SHUTS_S, 0, 1))
    rising = 0.5 - 0.5 * np.cos(np.pi * np.clip((since - SHUTS_S) / OPENS_S, 0, 1))
    return np.asarray(falling - rising)


def _speech(t: Array) -> Array:
    """Opens the jaw to 0.7 about twice a second, at a varying rate."""
    return 0.7 * np.sin(np.pi * (0.9 * t + 0.12 * np.sin(2 * np.pi * 0.37 * t))) ** 2


_WANDER = Scenario(
    "wander",
    yaw=_sum(_sine(7, 0.23), _sine(2, 0.61, 0.2)),
    pitch=_sum(_sine(4, 0.19, 0.1), _sine(1, 0.7)),
    roll=_sine(3, 0.17, 0.3),
    across=_sine(0.02, 0.21, 0.4),
    nearer=_sine(0.02, 0.13),
)
_DIM = WebcamModel(brightness=0.3, noise=8.0, exposure_s=0.03)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("still"),
    Scenario("still-dim", camera=_DIM),
    _WANDER,
    replace(_WANDER, name="dim", camera=_DIM),
    replace(_WANDER, name="slow-camera", camera=WebcamModel(15, jitter_s=0.02, exposure_s=0.02)),
    replace(_WANDER, name="quick-camera", camera=WebcamModel(fps=60, exposure_s=0.004)),
    Scenario("yaw", yaw=_sine(35, 0.2)),
    Scenario("nod", pitch=_sine(16, 0.45)),
    Scenario("roll", roll=_sine(25, 0.3)),
    Scenario("shake", yaw=_sine(60 / (2 * np.pi * 0.7), 0.7)),  # at most 60 degrees a second
    Scenario("approach", nearer=_sine(0.12, 0.22)),
    # At DISTANCE_M a pixel is 0.8 mm: at most 400 px a second.
    Scenario("slide", across=_sine(400 * 0.000817 / (2 * np.pi * 0.6), 0.6)),
    replace(_WANDER, name="occluder", occluded=True),
    replace(_WANDER, name="cut", cuts_s=(2.02, 3.52, 5.02)),
    Scenario("blink", yaw=_sine(4, 0.2), blink=_blinks, jaw=_speech),
)
