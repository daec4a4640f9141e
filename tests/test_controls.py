"""Keys of the preview and control commands end in the same place."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from livecam.config.settings import PictureSettings, Settings
from livecam.control.base import ControlTarget, Result
from livecam.core.commands import Command
from livecam.core.errors import AssetError, SinkError, UsageError
from livecam.core.frame import Frame
from livecam.core.timing import ManualClock, RateMeter
from livecam.live.controls import LiveControls
from livecam.live.governor import Governor
from livecam.live.ladder import LADDER
from livecam.live.loop import LiveLoop
from livecam.live.recordings import Recordings
from livecam.live.session import LiveSession
from livecam.live.sink_worker import SinkWorker
from livecam.pipeline.pipeline import Pipeline, Published
from livecam.pipeline.states import Shown
from livecam.sinks.base import OutputInfo
from livecam.sinks.recorder import Recorder
from livecam.sources.base import SourceInfo
from tests.faces import SIZE
from tests.test_pipeline import PaintingCompositor, avatar

INFO = OutputInfo(*SIZE, 30.0)


class Desk:
    """The controls of a pipeline, and frames published by hand."""

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        self.clock = ManualClock()
        self.pipeline = Pipeline(settings, (avatar(),), lambda *_: PaintingCompositor(), INFO)
        self.governor = Governor()
        self.plates = 0
        self.stopped = False
        self.applied: list[Settings] = []
        loop = SimpleNamespace(
            pipeline=self.pipeline,
            sinks=[],
            published=7,
            governor=self.governor,
            stop=lambda: setattr(self, "stopped", True),
        )
        session = SimpleNamespace(
            pipeline=self.pipeline, apply=self.apply, output=INFO,
            segmentation=SimpleNamespace(reset_plate=self.reset_plate),
            source=SourceInfo("camera", *SIZE, 30.0), graphics=SimpleNamespace(renderer="none"),
        )  # fmt: skip
        self.loop = cast(LiveLoop, loop)
        self.recordings = Recordings(self.recorder, self.loop)
        self.controls = LiveControls(
            cast(LiveSession, session), self.loop, self.recordings, self.clock
        )

    def recorder(self, path: Path, alpha: bool) -> SinkWorker:
        return SinkWorker("record", lambda: Recorder(path, alpha=alpha), INFO, self.clock)

    def apply(self, settings: Settings) -> None:
        if settings.avatar.avatar == "broken":
            raise AssetError("it is broken")
        self.applied.append(settings)
        self.pipeline.apply(settings)

    def reset_plate(self) -> None:
        self.plates += 1

    def publish(self, state: Shown = Shown.AVATAR, delay_s: float = 0.05) -> None:
        self.clock.advance(1 / 30)
        image = np.full((SIZE[1], SIZE[0], 4), 90, np.uint8)
        frame = Frame(image, 0, self.clock.now() - delay_s)
        self.controls.published(Published(frame, state, True, None, None))

    def done(self, answer: Future[Result]) -> Result:
        """The result, with frames published until it is there."""
        while not answer.done():
            self.publish()
        return answer.result()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    desk = Desk()
    yield desk
    desk.controls.close()
    for sink in (*desk.loop.sinks, *desk.recordings.ended):
        sink.end()


def test_the_controls_are_a_target_of_control_commands(desk: Desk):
    target: ControlTarget = desk.controls
    assert target.status()["number"] == 0


def test_a_key_toggles_what_a_command_sets(desk: Desk):
    controls, guard = desk.controls, desk.pipeline.guard
    desk.done(controls.set_curtain(True))
    desk.done(controls.set_curtain(True))  # stays drawn
    assert guard.panic
    controls.press(Command.PANIC)
    assert not guard.panic
    controls.press(Command.PANIC)
    desk.done(controls.set_curtain(False))
    assert not guard.panic
    controls.press(Command.FREEZE)
    assert controls.status()["frozen"] is True
    desk.done(controls.set_frozen(False))
    assert not desk.pipeline.frozen


def test_the_curtain_is_answered_with_the_frame_that_shows_it(desk: Desk):
    answer = desk.controls.set_curtain(True)
    assert desk.pipeline.guard.panic
    assert not answer.done()
    desk.publish(Shown.CURTAIN)
    assert answer.result() == {"curtain": True}


def test_keys_and_commands_change_the_same_settings(desk: Desk):
    assert desk.done(desk.controls.mirror()) == {"mirror": True}
    desk.controls.press(Command.MIRROR)
    assert desk.done(desk.controls.change_setting("lips", "0.5")) == {"effects.lips": 0.5}
    assert [settings.output.mirror for settings in desk.applied] == [True, False, False]
    assert desk.controls.get_setting("mirror") == {"output.mirror": False}
    assert desk.controls.status()["settings"] == {"effects.lips": 0.5}


def test_changes_that_wait_do_not_undo_each_other(desk: Desk):
    loading = threading.Event()
    blocked = desk.controls._changes.submit(loading.wait)
    changes = [
        desk.controls.change_setting(key, "0.5") for key in ("lips", "blush", "chin", "big-eyes")
    ]
    desk.controls.press(Command.MIRROR)
    loading.set()
    assert blocked.result()
    for change in changes:
        desk.done(change)
    desk.done(desk.controls.change_setting("hold_s", "3"))
    assert desk.controls.status()["settings"] == {
        "effects.lips": 0.5, "effects.blush": 0.5, "effects.chin": 0.5, "effects.big_eyes": 0.5,
        "output.mirror": True, "privacy.hold_s": 3.0,
    }  # fmt: skip


def test_the_key_for_the_next_head_pressed_twice_goes_on_by_two(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(
        "livecam.live.controls.list_avatars", lambda: ("bear", "broken", "fox", "raccoon")
    )
    assert desk.done(desk.controls.next_avatar()) == {"avatar": "bear"}
    desk.controls.press(Command.NEXT_AVATAR)
    assert desk.done(desk.controls.next_avatar()) == {"avatar": "raccoon"}
    assert "broken is left out, it is broken" in caplog.text


def test_the_other_keys_do_what_the_commands_do(desk: Desk):
    desk.controls.press(Command.TAKE_PLATE)
    assert desk.controls.learn_background() == {"learning": True}
    assert desk.plates == 2
    desk.controls.press(Command.HELP)  # the window's own
    assert not desk.stopped
    desk.controls.press(Command.QUIT)
    assert desk.stopped


def test_every_key_is_executed(desk: Desk, caplog: pytest.LogCaptureFixture):
    for command in Command:
        desk.controls.press(command)
    desk.done(desk.controls.set_curtain(False))
    assert not caplog.records


def test_a_key_that_cannot_be_obeyed_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture):
    with pytest.raises(UsageError, match="nothing is being recorded"):
        desk.controls.stop_recording()
    desk.controls._session.segmentation = None  # type: ignore[misc]
    desk.controls.press(Command.TAKE_PLATE)
    assert "no stage of this run replaces a background" in caplog.text


def test_the_key_ends_what_a_command_began_to_record(desk: Desk, tmp_path: Path):
    path = desk.done(desk.controls.start_recording())["recording"]
    assert path == str(tmp_path / "out" / "livecam-000007.mp4")
    assert desk.controls.status()["recording"] == path
    desk.controls.press(Command.RECORD)
    assert desk.controls.status()["recording"] is None
    again = desk.done(desk.controls.start_recording())["recording"]
    assert desk.done(desk.controls.stop_recording()) == {"recorded": again, "complete": True}


def test_a_recording_that_cannot_begin_ends(desk: Desk, tmp_path: Path):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(SinkError):
        desk.done(desk.controls.start_recording())
    assert desk.recordings.current is None
    assert desk.loop.sinks == []


def test_with_alpha_a_recording_and_a_snapshot_keep_it(tmp_path: Path, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    desk = Desk(Settings(picture=PictureSettings(background="alpha")))
    assert desk.done(desk.controls.start_recording())["recording"].endswith(".mov")
    desk.done(desk.controls.snapshot(tmp_path / "a.png", False))
    desk.done(desk.controls.snapshot(tmp_path / "a.jpg", False))
    assert cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED).shape[2] == 4
    assert cv2.imread(str(tmp_path / "a.jpg"), cv2.IMREAD_UNCHANGED).max() < 90  # over black
    desk.done(desk.controls.stop_recording())
    desk.controls.close()


def test_before_the_first_frame_there_is_no_snapshot(desk: Desk, tmp_path: Path):
    with pytest.raises(UsageError, match="nothing was published yet"):
        desk.controls.snapshot(tmp_path / "a.png", False)


def test_rate_and_delay_are_those_of_new_frames(desk: Desk):
    assert desk.controls.status()["delay_ms"] is None
    for _ in range(40):
        desk.publish(delay_s=0.05)
        desk.publish(Shown.CURTAIN, delay_s=0.0)
    status = desk.controls.status()
    assert status["fps"] == pytest.approx(30, abs=0.1)
    assert status["delay_ms"] == pytest.approx(50, abs=0.1)


def test_the_status_tells_the_quality_and_the_rung(desk: Desk):
    status = desk.controls.status()
    assert (status["quality"], status["rung"]) == ("auto", 0)
    desk.governor.quality = "low"
    status = desk.controls.status()
    assert (status["quality"], status["rung"]) == ("low", len(LADDER) - 1)


def test_a_rate_needs_two_events():
    meter = RateMeter()
    assert meter.fps == 0
    meter.add(1.0)
    meter.add(1.0)
    assert meter.fps == 0
    meter.add(1.2)
    assert meter.fps == pytest.approx(10)
