"""The live run: real threads, a camera and sinks that can be made to fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from livecam.compose import covers
from livecam.config.settings import Settings
from livecam.core.commands import Command
from livecam.core.errors import SinkError, SourceError, TrackingError
from livecam.core.face import Face
from livecam.core.frame import Frame, PixelFormat
from livecam.core.mailbox import Mailbox
from livecam.core.observation import HeadEvidence, Observation
from livecam.core.timing import ManualClock, StageTimer, SystemClock
from livecam.live import preview, session
from livecam.live import run as live_run
from livecam.live.governor import Governor
from livecam.live.loop import LiveLoop
from livecam.live.sink_worker import OutputFrame, SinkWorker
from livecam.live.workers import CaptureWorker, TrackingWorker
from livecam.people.tracker import PeopleTracker
from livecam.pipeline.pipeline import Pipeline, Published
from livecam.pipeline.states import Shown
from livecam.sinks.base import OutputInfo, Sink
from livecam.sources.base import Source, SourceInfo, TestPattern
from livecam.tracking.base import ScriptedTracker, Tracker
from tests.faces import SIZE, face, frame
from tests.memory_sink import MemorySink
from tests.test_pipeline import PaintingCompositor, avatar, is_curtain

FPS = 100.0
PATIENCE_S = 20.0  # a test that has not ended by then hangs


class Camera:
    """A test pattern that can be unplugged."""

    def __init__(self, unplugged: threading.Event) -> None:
        self._pattern = TestPattern(SystemClock(), *SIZE, FPS)
        self._unplugged = unplugged

    def open(self) -> SourceInfo:
        self._fail_if_unplugged()
        return self._pattern.open()

    def read(self) -> Frame | None:
        self._fail_if_unplugged()
        return self._pattern.read()

    def close(self) -> None:
        self._pattern.close()

    def _fail_if_unplugged(self) -> None:
        if self._unplugged.is_set():
            raise SourceError("the camera is gone")


def run_live(
    watch: Callable[[Published], Sequence[Command]],
    make_source: Callable[[], Source] | None = None,
    make_tracker: Callable[[], Tracker] = lambda: ScriptedTracker(lambda frame: (face(),)),
    sinks: Sequence[Callable[[], Sink]] = (),
    people: PeopleTracker | None = None,
    settings: Settings | None = None,
) -> tuple[LiveLoop, list[SinkWorker]]:
    """Runs until `watch`, which gets every published frame, asks to quit."""
    clock, timer = SystemClock(), StageTimer()
    capture = CaptureWorker(make_source or (lambda: TestPattern(clock, *SIZE, FPS)), timer)
    tracking = TrackingWorker(
        make_tracker, people or PeopleTracker(), capture.frames, Governor("high"), clock, timer
    )
    info = OutputInfo(*SIZE, FPS)
    pipeline = Pipeline(
        settings or Settings(), (avatar(),), lambda *_: PaintingCompositor(), info, timer
    )
    outputs = [SinkWorker(f"sink{i}", make, info, clock, timer) for i, make in enumerate(sinks)]
    live = LiveLoop(pipeline, capture, tracking, outputs, clock, timer, None, watch)
    workers = (capture.worker, tracking.worker)
    try:
        for worker in workers:
            worker.start()
        for output in outputs:
            output.begin()
        capture.wait_until_open()
        live.loop(PATIENCE_S)
    finally:
        for worker in workers:
            worker.request_stop()
        for worker in workers:
            assert worker.join(5)
        for output in outputs:
            output.end()
    return live, outputs


def after(count: int, of: Shown = Shown.AVATAR) -> Callable[[Published], Sequence[Command]]:
    frames: list[Published] = []

    def watch(published: Published) -> Sequence[Command]:
        if published.state is of:
            frames.append(published)
        return (Command.QUIT,) if len(frames) >= count else ()

    return watch


def test_frames_reach_every_sink_and_the_last_one_is_the_curtain() -> None:
    sinks = [MemorySink(PixelFormat.RGBA), MemorySink(PixelFormat.I420)]
    run_live(after(20), sinks=[lambda s=s: s for s in sinks])
    for sink in sinks:
        assert len(sink.frames) > 5
        assert all(f.size == SIZE and f.format is sink.format for f in sink.frames)
        indices = [f.index for f in sink.frames[:-1]]
        assert indices == sorted(indices)
    assert np.array_equal(sinks[0].frames[-1].image, covers.curtain(*SIZE))


def test_a_camera_slower_than_it_says_is_shown_with_the_newest_frames() -> None:
    newest = Settings.model_validate({"smoothing": {"alignment": "newest"}})
    tracked: list[int] = []

    def watch(published: Published) -> Sequence[Command]:
        if published.tracked:
            tracked.append(published.frame.index)
        return (Command.QUIT,) if len(tracked) >= 20 else ()

    def found(frame: Frame) -> tuple[Face, ...]:
        time.sleep(0.012)  # longer than the loop waits for a frame
        return (face(),)

    run_live(
        watch,
        lambda: TestPattern(SystemClock(), *SIZE, FPS / 4),
        lambda: ScriptedTracker(found),
        settings=newest,
    )
    assert len(tracked) == 20


def test_an_unplugged_camera_shows_the_curtain_until_it_is_reopened() -> None:
    unplugged = threading.Event()
    states: list[Shown] = []

    def watch(published: Published) -> Sequence[Command]:
        states.append(published.state)
        if states.count(Shown.AVATAR) == 5:
            unplugged.set()
        if unplugged.is_set() and is_curtain(published):
            unplugged.clear()
        back = Shown.CURTAIN in states[5:] and states[-1] is Shown.AVATAR
        return (Command.QUIT,) if back else ()

    run_live(watch, make_source=lambda: Camera(unplugged))
    lost_at = next(i for i in range(5, len(states)) if states[i] is Shown.CURTAIN)
    assert Shown.AVATAR in states[lost_at:]


def test_a_camera_that_cannot_be_opened_fails_before_the_first_frame() -> None:
    unplugged = threading.Event()
    unplugged.set()
    with pytest.raises(SourceError, match="camera is gone"):
        run_live(after(1), make_source=lambda: Camera(unplugged))


def test_a_tracker_that_raises_is_restarted_and_the_face_stays_covered() -> None:
    made: list[int] = []

    class Throwing:
        def __init__(self) -> None:
            made.append(0)

        def track(self, frame: Frame) -> Observation:
            made[-1] += 1
            if len(made) < 3 and made[-1] > 3:
                raise TrackingError("the network broke")
            return Observation(frame, (face(),))

        def close(self) -> None:
            pass

    states: list[Shown] = []

    def watch(published: Published) -> Sequence[Command]:
        states.append(published.state)
        return (Command.QUIT,) if len(made) == 3 and made[-1] > 5 else ()

    run_live(watch, make_tracker=Throwing)
    assert set(states) <= {Shown.AVATAR, Shown.HOLD, Shown.CURTAIN}
    assert states.count(Shown.AVATAR) > 5


def test_an_association_that_raises_publishes_nothing_and_tracking_is_restarted() -> None:
    class Throwing(PeopleTracker):
        updates = 0

        def update(
            self, observation: Observation, evidence: HeadEvidence | None = None
        ) -> Observation:
            Throwing.updates += 1
            if Throwing.updates in (5, 9):
                raise ZeroDivisionError("a bug")
            return super().update(observation, evidence)

    states: list[Shown] = []

    def watch(published: Published) -> Sequence[Command]:
        states.append(published.state)
        return (Command.QUIT,) if Throwing.updates > 20 else ()

    run_live(watch, people=Throwing())
    assert set(states) <= {Shown.AVATAR, Shown.HOLD, Shown.CURTAIN}
    assert states.count(Shown.AVATAR) > 5


def test_all_tracks_are_dropped_when_the_camera_was_lost() -> None:
    """A face where another one was before is not taken for the same person."""
    unplugged = threading.Event()
    tracks: list[int | None] = []

    def watch(published: Published) -> Sequence[Command]:
        if published.state is Shown.AVATAR and published.face is not None:
            tracks.append(published.face.track_id)
        if len(tracks) == 5:
            unplugged.set()
        if unplugged.is_set() and is_curtain(published):
            unplugged.clear()
        return (Command.QUIT,) if len(set(tracks)) > 1 else ()

    run_live(watch, make_source=lambda: Camera(unplugged))
    assert set(tracks) == {1, 2}


def test_a_failing_sink_never_stops_the_others() -> None:
    class Broken(MemorySink):
        opened = 0

        def open(self, info: OutputInfo) -> str:
            Broken.opened += 1
            return super().open(info)

        def send(self, frame: Frame) -> None:
            raise SinkError("disk full")

    good = MemorySink()
    _, sinks = run_live(after(60), sinks=[Broken, lambda: good])
    assert len(good.frames) > 20
    assert Broken.opened >= 2  # it was opened again
    assert isinstance(sinks[0].last_error, SinkError)


def test_a_hanging_sink_does_not_delay_others_and_its_misses_are_counted() -> None:
    release = threading.Event()

    class Slow(MemorySink):
        def send(self, frame: Frame) -> None:
            release.wait(PATIENCE_S)

    good = MemorySink()
    calls = 0

    def watch(published: Published) -> Sequence[Command]:
        nonlocal calls
        calls += 1
        if calls == 40:
            release.set()
            return (Command.QUIT,)
        return ()

    live, _ = run_live(watch, sinks=[Slow, lambda: good])
    assert len(good.frames) > 20
    assert live.missed()["sink:sink0"] > 10


def test_withheld_observations_go_to_nobody() -> None:
    frames: Mailbox[Frame] = Mailbox("frames")
    tracking = TrackingWorker(
        lambda: ScriptedTracker(lambda frame: (face(),)),
        PeopleTracker(),
        frames,
        Governor("high"),
        ManualClock(),
        StageTimer(),
    )
    boxes = (tracking.observations, tracking.sampled, tracking.witnessed)
    tracking.start()
    for withholds in (True, False):
        tracking.withholds = withholds
        frames.put(frame())
        tracking.step()
        assert [box.take(0) is None for box in boxes] == [withholds] * len(boxes)
    tracking.stop()
    assert tracking.tracked == 2


def test_a_slow_tracker_gets_the_newest_frame_and_never_blocks_the_camera() -> None:
    frames: list[Published] = []

    class Slow:
        def __init__(self) -> None:
            self._pause = threading.Event()

        def track(self, frame: Frame) -> Observation:
            self._pause.wait(0.05)
            return Observation(frame, (face(),))

        def close(self) -> None:
            pass

    def watch(published: Published) -> Sequence[Command]:
        frames.append(published)
        return (Command.QUIT,) if len(frames) > 80 else ()

    live, _ = run_live(watch, make_tracker=Slow)
    repeated = [p for p in frames if p.state is Shown.AVATAR and not p.tracked]
    assert len(repeated) > 20  # published between two results
    assert live.missed()["frames"] > 20  # newer frames replaced older ones


def test_what_cannot_be_published_is_not_tracked() -> None:
    """Drawing takes four periods of the camera: the tracker waits for it."""
    drawn = threading.Event()  # never set
    tracked: list[Frame] = []
    frames: list[Published] = []

    class Counting:
        def track(self, frame: Frame) -> Observation:
            tracked.append(frame)
            return Observation(frame, (face(),))

        def close(self) -> None:
            pass

    def watch(published: Published) -> Sequence[Command]:
        drawn.wait(4 / FPS)
        frames.append(published)
        return (Command.QUIT,) if len(frames) > 30 else ()

    run_live(watch, make_tracker=Counting)
    assert len(tracked) < 1.5 * sum(published.tracked for published in frames)


def test_a_camera_faster_than_the_published_rate_is_tracked_at_that_rate() -> None:
    clock, tracked = SystemClock(), list[float]()

    class Counting:
        def track(self, frame: Frame) -> Observation:
            tracked.append(frame.captured_at)
            return Observation(frame, (face(),))

        def close(self) -> None:
            pass

    run_live(after(20), lambda: TestPattern(clock, *SIZE, 4 * FPS), Counting)
    assert min(np.diff(tracked[2:])) > 0.6 / FPS


def test_a_run_whose_only_output_is_a_preview_that_breaks_ends_with_its_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken:
        def __init__(self, graphics: object) -> None: ...

        def open(self, info: OutputInfo) -> str:
            return "a window"

        def send(self, frame: Frame) -> None:
            raise SinkError("the driver gave up")

        def close(self) -> None: ...

    def window(run: live_run._Run) -> preview.PreviewWindow:
        return preview.PreviewWindow(run._session.graphics, run._session.output, run.clock)

    monkeypatch.setattr(preview, "Preview", Broken)
    monkeypatch.setattr(live_run._Run, "_open_window", window)
    monkeypatch.setattr(session, "tracker_factory", lambda _: lambda: ScriptedTracker(lambda f: ()))
    off = {"remove_head": False, "neck": False, "hands": False, "light": 0, "camera_match": 0}
    settings = Settings.model_validate(
        {
            "source": {"source": "pattern"},
            "picture": off,
            "sinks": {"virtual_camera": False, "preview": False},
        }
    )
    with pytest.raises(SinkError, match="gave up"):
        live_run.run(settings, seconds=PATIENCE_S)


def test_two_formats_are_converted_once() -> None:
    picture = OutputFrame(frame())
    assert picture.as_format(PixelFormat.RGBA) is picture.rgba
    assert picture.as_format(PixelFormat.I420) is picture.as_format(PixelFormat.I420)
