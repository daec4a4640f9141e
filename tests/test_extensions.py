"""An extension costs one module and one registry row: no other module has to know it.

Each class below stands for a new module: a row names it, an option asks for it by that name.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.config.loader import load_settings
from livecam.config.settings import (
    MotionSettings,
    Settings,
    SmoothingSettings,
    SourceSettings,
    TrackingSettings,
)
from livecam.core.errors import AssetError, ConfigError
from livecam.core.face import EXPRESSIONS, INDEX, Performance
from livecam.core.frame import Frame, PixelFormat
from livecam.core.observation import Observation
from livecam.core.registry import Registry
from livecam.core.timing import Clock, ManualClock
from livecam.filtering.base import FILTERS
from livecam.filtering.smoother import Smoother
from livecam.live import run as live_run
from livecam.live.motion import check_motion, performers
from livecam.motion.base import PERFORMERS
from livecam.pipeline.build import check_names, tracker_factory
from livecam.sinks.base import SINKS, OutputInfo
from livecam.sources.base import SOURCES, SourceInfo
from livecam.sources.choose import open_source
from livecam.tracking.base import TRACKERS
from tests.faces import SIZE, face, frame

SMILE = INDEX["mouthSmileLeft"]


class GreyCamera:
    """A source."""

    def __init__(self, clock: Clock, settings: SourceSettings, refuse: Sequence[str]) -> None:
        self.settings, self.refuse = settings, refuse
        self._clock, self._index = clock, 0

    @classmethod
    def from_settings(
        cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]
    ) -> GreyCamera:
        return cls(clock, settings, refuse)

    def open(self) -> SourceInfo:
        return SourceInfo("grey camera", *SIZE, 30.0)

    def read(self) -> Frame:
        self._clock.sleep(1 / 30)
        self._index += 1
        return frame(self._index, self._clock.now())

    def close(self) -> None: ...


class OneFace:
    """A tracker."""

    assets = ()
    tracked = 0

    def __init__(self, most: int) -> None:
        self._most = most

    @classmethod
    def from_settings(cls, settings: TrackingSettings) -> OneFace:
        return cls(settings.max_faces)

    def track(self, frame: Frame) -> Observation:
        type(self).tracked += 1
        return Observation(frame, (face(), face(center=(0.2, 0.5)))[: self._most])

    def close(self) -> None: ...


class TrackerOfAMissingModel(OneFace):
    """A tracker with a model that does not exist."""

    assets = ("portrait", "no such asset")


class HalfStep:
    """A filter that moves half of the distance to each measurement."""

    stepped = 0

    def __init__(self, share: float) -> None:
        self._share = share
        self.reset()

    @classmethod
    def from_settings(cls, settings: SmoothingSettings) -> HalfStep:
        return cls(settings.smoothing)

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        type(self).stepped += 1
        self._last = x if self._last is None else self._last + self._share * (x - self._last)
        return self._last.copy()

    def predict(self, dt: float) -> NDArray[np.float64]:
        assert self._last is not None
        return self._last.copy()

    def reset(self) -> None:
        self._last: NDArray[np.float64] | None = None


class AlwaysSmiling:
    """A performer."""

    asked = 0

    def __init__(self, port: int) -> None:
        self.port = port

    @classmethod
    def from_settings(cls, settings: MotionSettings, clock: Clock) -> AlwaysSmiling:
        return cls(settings.listen_port)

    def at(self, now: float) -> Performance:
        type(self).asked += 1
        weights, mask = np.zeros(len(EXPRESSIONS), np.float32), np.zeros(len(EXPRESSIONS), bool)
        weights[SMILE], mask[SMILE] = 1.0, True
        return Performance(weights, mask, None, now)

    def close(self) -> None: ...


class Counter:
    """A sink."""

    backlog = 3
    format = PixelFormat.RGBA
    sizes: tuple[tuple[int, int], ...] = ()

    def __init__(self, mirror: bool) -> None:
        self.mirror = mirror

    @classmethod
    def from_settings(cls, settings: Settings) -> Counter:
        return cls(settings.output.mirror)

    def open(self, info: OutputInfo) -> str:
        return "counter"

    def send(self, frame: Frame) -> None:
        type(self).sizes += (frame.size,)

    def close(self) -> None: ...


ROWS: tuple[tuple[Registry[..., Any], str, type], ...] = (
    (SOURCES, "grey", GreyCamera),
    (TRACKERS, "one-face", OneFace),
    (TRACKERS, "missing", TrackerOfAMissingModel),
    (FILTERS, "half-way", HalfStep),
    (PERFORMERS, "smiling", AlwaysSmiling),
    (SINKS, "counter", Counter),
)


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry, name, implementation in ROWS:
        monkeypatch.setitem(registry.rows, name, f"{__name__}:{implementation.__name__}")
    for kind, count in ((OneFace, "tracked"), (HalfStep, "stepped"), (AlwaysSmiling, "asked")):
        monkeypatch.setattr(kind, count, 0)
    monkeypatch.setattr(Counter, "sizes", ())


def options(**flags: object) -> Settings:
    """The settings of a command line, without the user's own file."""
    return load_settings(flags=flags, environ={}, user_file=Path("none.toml")).settings


def test_a_source_is_chosen_by_its_name():
    settings = options(source="grey", fps="24")
    source = open_source(settings.source, ManualClock(), ("/dev/video9",))
    assert isinstance(source, GreyCamera)
    assert (source.settings.fps, source.refuse) == (24.0, ("/dev/video9",))
    assert source.open().name == "grey camera"


def test_a_tracker_is_chosen_by_its_name():
    settings = options(tracker="one-face", max_faces="2")
    check_names(settings)
    assert len(tracker_factory(settings)().track(frame()).faces) == 2


def test_a_missing_model_is_reported_before_the_tracking_thread_starts():
    with pytest.raises(AssetError, match="no such asset"):
        tracker_factory(options(tracker="missing"))


def test_a_filter_is_chosen_by_its_name():
    settings = options(filter="half-way", smoothing="0.25")
    check_names(settings)
    smoother = Smoother(settings.smoothing)
    states = [
        smoother.update(face(center=(0.5 + n / 500, 0.5)), frame(n, n / 30)) for n in range(2)
    ]
    first, second = states
    assert first is not None
    assert second is not None
    assert second.source is not None
    moved = second.source.camera_from_head[0, 3] - first.pose.translation[0]
    assert second.pose.translation[0] - first.pose.translation[0] == pytest.approx(moved / 4)


def test_a_performer_is_chosen_by_its_name():
    settings = options(performer="smiling", listen_port="4000")
    check_motion(settings)
    with ExitStack() as stack:
        [performer] = performers(settings, ManualClock(), stack)
    assert isinstance(performer, AlwaysSmiling)
    assert performer.port == 4000


def test_a_sink_with_its_own_option_is_refused_by_also_to():
    with pytest.raises(ConfigError, match='"record" is not named') as caught:
        check_names(options(also_to="counter,record"))
    assert "--record" in caught.value.hint


def test_an_unknown_sink_is_refused_before_anything_is_opened():
    with pytest.raises(ConfigError, match='did you mean "counter"'):
        check_names(options(also_to="counte"))


def test_one_run_uses_all_extensions():
    settings = options(
        source="grey", tracker="one-face", max_faces="1", filter="half-way", performer="smiling",
        also_to="counter,null", virtual_camera=False, preview=False, learn=False,
        tier="light", remove_head=False, neck=False, hands=False, light=0, camera_match=0,
        out_width="320", out_height="240",
    )  # fmt: skip
    assert live_run.run(settings, seconds=1.0) == 0
    assert OneFace.tracked > 0
    assert HalfStep.stepped > 0
    assert AlwaysSmiling.asked > 0
    assert len(Counter.sizes) > 0
    assert set(Counter.sizes) == {(320, 240)}
