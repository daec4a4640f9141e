"""Native handles are closed by the object that opened them, also after a partial failure."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import moderngl
import numpy as np
import pytest

from livecam.avatar.library import load_avatar
from livecam.calibration import guided
from livecam.calibration.guided import CalibrationStep, calibrate
from livecam.config.assets import asset_path
from livecam.config.settings import PictureSettings, RenderSettings, Settings, SourceSettings
from livecam.convert import retry_detector
from livecam.convert.converter import convert_files
from livecam.convert.retry_detector import RetryDetector
from livecam.core.commands import Command
from livecam.core.errors import GraphicsError, SourceError, TrackingError
from livecam.core.frame import Frame, Image
from livecam.core.timing import StageTimer, SystemClock
from livecam.live.loop import LiveLoop
from livecam.live.session import live_session
from livecam.media.writer import VideoWriter
from livecam.pipeline.build import avatars_of, compositor_factory, segmenter_factory
from livecam.pipeline.states import Shown
from livecam.render import head
from livecam.render.context import open_graphics
from livecam.segmentation.segmenter import Segmenter
from livecam.sources.base import SourceInfo
from livecam.sources.choose import source_maker
from livecam.tracking.mediapipe_tasks import vision
from tests.fetched import asset_or_skip

PATIENCE_S = 60.0
TASKS = ("FaceLandmarker", "FaceDetector", "HandLandmarker")
WITH_HANDS = PictureSettings(hands=True)

SELF_REFERENCE = """
import gc
from livecam.config.settings import PictureSettings, Settings
from livecam.pipeline.build import segmenter_factory
segmenter = segmenter_factory(Settings(picture=PictureSettings(hands=True)), hurried=True)()
segmenter.me = segmenter
segmenter.close()
del segmenter
gc.collect()
print("collected")
"""


@pytest.fixture
def handles(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts the MediaPipe tasks that are opened, and those that are open."""
    counts: Counter[str] = Counter()

    def watch(name: str) -> None:
        kind = getattr(vision, name)
        create, close = kind.create_from_options, kind.close

        def created(options: Any) -> Any:
            task = create(options)
            counts[f"{name} opened"] += 1
            counts["open"] += 1
            return task

        def closed(task: Any) -> None:
            counts["open"] -= bool(task._handle)
            close(task)

        def deleted(task: Any) -> None:
            counts["left to the garbage collector"] += bool(task._handle)
            close(task)

        monkeypatch.setattr(kind, "create_from_options", created)
        monkeypatch.setattr(kind, "close", closed)
        monkeypatch.setattr(kind, "__del__", deleted)

    for name in TASKS:
        watch(name)
    yield counts
    assert counts["open"] == 0
    assert counts["left to the garbage collector"] == 0


@pytest.fixture
def hands_are_here() -> None:
    asset_or_skip("hand-landmarker")


@pytest.fixture
def portrait_file(portrait: Image, tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), cv2.cvtColor(portrait, cv2.COLOR_RGBA2BGR))
    return path


@pytest.mark.usefixtures("hands_are_here")
def test_the_garbage_collector_never_waits_for_a_closed_segmenter():
    done = subprocess.run(
        [sys.executable, "-c", SELF_REFERENCE], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.stdout.strip() == "collected"


@pytest.mark.usefixtures("hands_are_here")
def test_a_segmenter_closes_its_hand_detector(handles):
    make = segmenter_factory(Settings(picture=WITH_HANDS), hurried=True)
    assert make is not None
    with make():
        assert handles["HandLandmarker opened"] == handles["open"] == 1


@pytest.mark.usefixtures("hands_are_here")
def test_a_segmenter_that_fails_half_way_leaves_nothing_open(handles, tmp_path: Path):
    broken = tmp_path / "hair.tflite"
    broken.write_bytes(b"no network")
    opened = []
    with pytest.raises(TrackingError):
        Segmenter(
            asset_path("person"), asset_path("person-wide"), broken,
            lambda: opened.append("hands"),
        )  # fmt: skip
    assert opened == []


def test_a_retry_detector_that_fails_half_way_leaves_nothing_open(handles, monkeypatch):
    def fail(*_: object) -> None:
        raise TrackingError("no such model")

    monkeypatch.setattr(retry_detector, "FaceDetector", fail)
    with pytest.raises(TrackingError):
        RetryDetector(asset_path("face-landmarker"), 2)
    assert handles["FaceLandmarker opened"] == 1


@pytest.mark.usefixtures("hands_are_here")
def test_a_live_session_closes_every_task(handles, portrait_file: Path):
    settings = Settings(
        source=SourceSettings(source=str(portrait_file)),
        picture=WITH_HANDS,
        render=RenderSettings(tier="light"),
    )
    clock, timer = SystemClock(), StageTimer()
    make_source = source_maker(settings.source, clock)
    avatars = avatars_of(settings.avatar)
    with live_session(settings, avatars, make_source, clock, timer) as session:
        assert session.segmentation is not None
        newest = session.segmentation.newest

        def stop_when_all_ran(published: Any) -> tuple[Command, ...]:
            ran = published.state is Shown.AVATAR and newest() is not None
            return (Command.QUIT,) if ran else ()

        loop = LiveLoop(
            session.pipeline, session.capture, session.tracking, [], clock, timer,
            on_published=stop_when_all_ran,
        )  # fmt: skip
        loop.loop(PATIENCE_S)
        assert newest() is not None
    assert handles["FaceLandmarker opened"] == handles["HandLandmarker opened"] == 1


@pytest.mark.usefixtures("hands_are_here")
def test_a_conversion_closes_every_task(handles, portrait: Image, tmp_path: Path):
    source = tmp_path / "film.mp4"
    with VideoWriter(source, 512, 512, 25) as writer:
        for i in range(9):
            # The face is missing in the middle, so that it is searched for again.
            image = np.full_like(portrait, 90) if i in (4, 5) else portrait
            writer.write(Frame(image, i, i / 25))
    settings = Settings(picture=WITH_HANDS, render=RenderSettings(tier="light"))
    assert convert_files([source], tmp_path / "out.mp4", settings).is_complete
    assert handles["HandLandmarker opened"] == 1
    assert handles["FaceLandmarker opened"] == 2
    # One looks which way up people are, one searches for faces a second time.
    assert handles["FaceDetector opened"] == 2


def test_a_calibration_closes_its_task(handles, portrait_file: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(guided, "STEPS", (CalibrationStep("rest", 0.8, ()),))
    monkeypatch.setattr(guided, "save_profile", lambda name, ranges: tmp_path / name)
    settings = Settings(source=SourceSettings(source=str(portrait_file)))
    calibrate(settings, "test-of-handles", lambda words: None)
    assert handles["FaceLandmarker opened"] == 1


def test_a_calibration_closes_a_source_that_did_not_open(handles, monkeypatch):
    class HalfOpen:
        closed = False

        def open(self) -> SourceInfo:
            raise SourceError("gives no pictures")

        def close(self) -> None:
            self.closed = True

    source = HalfOpen()
    monkeypatch.setattr(guided, "open_source", lambda *_: source)
    settings = Settings(source=SourceSettings(source="0"))
    with pytest.raises(SourceError):
        calibrate(settings, "test-of-handles", lambda words: None)
    assert source.closed


def test_a_compositor_that_cannot_be_made_releases_its_buffers(monkeypatch):
    def fail(*_: object) -> None:
        raise GraphicsError("the driver refuses this program")

    live: list[int] = []
    create, release = moderngl.Context.buffer, moderngl.Buffer.release

    def created(ctx: moderngl.Context, *args: Any, **options: Any) -> moderngl.Buffer:
        buffer = create(ctx, *args, **options)
        live.append(buffer.glo)
        return buffer

    def released(buffer: moderngl.Buffer) -> None:
        live.remove(buffer.glo)
        release(buffer)

    settings = Settings(render=RenderSettings(tier="light"))
    with open_graphics() as graphics:
        make = compositor_factory(settings, graphics, StageTimer())
        monkeypatch.setattr(head, "GpuFins", fail)  # the last part of a head in the light tier
        monkeypatch.setattr(moderngl.Context, "buffer", created)
        monkeypatch.setattr(moderngl.Buffer, "release", released)
        with pytest.raises(GraphicsError):
            make(load_avatar("raccoon"), 64, 48)
        assert live == []
