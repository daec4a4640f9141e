"""`livecam run`: chooses the source and the sinks, and runs until the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from livecam.calibration.online import is_camera, wearer_profile
from livecam.config.settings import Settings
from livecam.control.base import Result
from livecam.control.commands import obey
from livecam.control.folder import open_place, transport_here
from livecam.control.server import ControlServer
from livecam.core.commands import Command
from livecam.core.end_signals import EndSignals, end_signals
from livecam.core.errors import ControlError, DeviceError
from livecam.core.hidden_file import free_name
from livecam.core.language import tr
from livecam.core.timing import Clock, StageTimer, SystemClock
from livecam.live.announcement import announce
from livecam.live.checks import DrawingWatch, check_run
from livecam.live.controls import LiveControls
from livecam.live.loop import LiveLoop
from livecam.live.motion import listeners, mouth_blender, performers
from livecam.live.process import prepare_process
from livecam.live.recordings import Recordings
from livecam.live.session import live_session
from livecam.live.sink_worker import SinkWorker
from livecam.motion.base import Listener
from livecam.pipeline.build import avatars_of
from livecam.pipeline.pipeline import Inputs, Published
from livecam.pipeline.stats import StatsWriter
from livecam.render.context import Graphics, open_graphics
from livecam.sinks.base import SINKS, Sink
from livecam.sinks.choose import sink_names
from livecam.sources.base import Source
from livecam.sources.choose import decide, source_maker

if TYPE_CHECKING:
    from livecam.live.preview import PreviewWindow

log = logging.getLogger(__name__)

DEMO_FILE = Path("out/livecam-demo.mp4")
DEMO_S = 10.0
STATUS_S = 0.5  # between two calls of `show_status`

ShowStatus: TypeAlias = Callable[[Result], None]


def run(
    settings: Settings,
    *,
    stats: Path | None = None,
    seconds: float | None = None,
    show_status: ShowStatus | None = None,
) -> int:
    """Runs live until the user, the time or the source ends it; returns the exit code.

    Twice a second `show_status` is called with the status of the run, on the thread that draws: it
    must not wait.

    Raises:
        LivecamError: something is missing or wrong before the first frame.
    """
    prepare_process()
    with end_signals() as signals, ExitStack() as stack:
        return _Run(settings, stats, seconds, stack, show_status).run(signals)


class _Run:
    """One `livecam run`, from opening to the last frame."""

    def __init__(
        self,
        settings: Settings,
        stats: Path | None,
        seconds: float | None,
        stack: ExitStack,
        show_status: ShowStatus | None,
    ) -> None:
        self.settings = settings
        self.seconds = seconds
        self.clock: Clock = SystemClock()
        self.timer = StageTimer()
        self._stats_path = stats
        self._stack = stack
        self._show_status = show_status
        self._status_at = 0.0  # when it is shown next
        self._device = ""
        self._window: PreviewWindow | None = None
        self._drawing = DrawingWatch()
        self._server: ControlServer | None = None

    def run(self, signals: EndSignals) -> int:
        settings, stack = self.settings, self._stack
        check_run(settings, self._stats_path)
        avatars = avatars_of(settings.avatar)
        inputs, receivers = self._inputs()
        session = self._session = stack.enter_context(
            live_session(
                settings, avatars, self._source_maker(), self.clock, self.timer, inputs=inputs,
                camera=self._source_name if is_camera(self._source_name) else None,
                open_context=open_context(settings),
            )
        )  # fmt: skip
        sinks = self._sinks()
        self._window = self._open_window()
        demo = ""
        if not sinks and self._window is None:
            self.seconds = DEMO_S if self.seconds is None else self.seconds
            sinks = [self._recorder(path := free_name(DEMO_FILE))]
            demo = tr("{path} for {seconds:g} s", path=path, seconds=self.seconds)
        stats = None
        if self._stats_path is not None:
            stats = stack.enter_context(StatsWriter(self._stats_path))
        self._loop = LiveLoop(
            session.pipeline, session.capture, session.tracking, sinks, self.clock, self.timer,
            stats, self._after_publishing, receivers,
        )  # fmt: skip
        self._recordings = Recordings(self._recorder, self._loop)
        self._controls = LiveControls(session, self._loop, self._recordings, self.clock)
        announce(session, settings, self._source_name, self._device, demo)
        signals.call(self._loop.stop)  # until the process ends: nothing interrupts the closing
        self._begin(sinks)
        self._began_at = self.clock.now()
        with self._controlled():
            self._loop.loop(self.seconds)
        return self._finish()

    @contextmanager
    def _controlled(self) -> Iterator[None]:
        """Lets other processes of this user control the run."""
        with ExitStack() as stack:
            if self.settings.control.enabled and (server := _control_server()) is not None:
                self._server = stack.enter_context(server)
                self._controls.number = server.number
            stack.callback(self._controls.close)
            yield

    def _inputs(self) -> tuple[Inputs, list[Listener]]:
        """Returns the inputs besides the camera, and the listeners of the published motion."""
        settings, stack = self.settings, self._stack
        moving = performers(settings, self.clock, stack)
        mouth = mouth_blender(settings, self.clock, stack)
        self._device = _virtual_camera(settings)
        self._source_name = decide(settings.source.source, self._refused())
        receivers: list[Listener] = []
        profile = wearer_profile(settings.avatar, self._source_name, receivers, stack)
        receivers += listeners(settings, stack, profile)
        return Inputs(performers=moving, profile=profile, mouth=mouth), receivers

    def _source_maker(self) -> Callable[[], Source]:
        source = self.settings.source.model_copy(update={"source": self._source_name})
        return source_maker(source, self.clock, self._refused())

    def _begin(self, sinks: Sequence[SinkWorker]) -> None:
        for sink in sinks:
            sink.begin()
        self._stack.callback(self._end_sinks)

    def _end_sinks(self) -> None:
        sinks = [*self._loop.sinks, *self._recordings.ended]
        for sink in sinks:
            sink.request_end()  # of all first: they finish side by side
        for sink in sinks:
            sink.end()

    def _refused(self) -> tuple[str, ...]:
        """Devices that must not be read: our own virtual camera."""
        return (self._device,) if self._device else ()

    def _open_window(self) -> PreviewWindow | None:
        if self._session.graphics.window is None:
            return None
        from livecam.live.preview import PreviewWindow

        window = PreviewWindow(self._session.graphics, self._session.output, self.clock)
        self._stack.callback(window.close)
        return window

    def _sinks(self) -> list[SinkWorker]:
        sinks = self.settings.sinks.model_copy(update={"device": self._device})
        settings = self.settings.model_copy(update={"sinks": sinks})
        return [
            self._sink(name, partial(SINKS.create, name, settings), SINKS.get(name).backlog)
            for name in sink_names(sinks, self._device)
        ]

    def _sink(self, name: str, make: Callable[[], Sink], depth: int = 1) -> SinkWorker:
        return SinkWorker(name, make, self._session.output, self.clock, self.timer, depth)

    def _recorder(self, path: Path, alpha: bool = False) -> SinkWorker:
        from livecam.sinks.recorder import Recorder

        return self._sink("record", partial(Recorder, path, alpha=alpha), Recorder.backlog)

    def _after_publishing(self, published: Published) -> Sequence[Command]:
        self._fail_if_tracking_never_worked()
        self._fail_if_nothing_can_be_published()
        error = self._session.pipeline.composition.last_error
        self._drawing.check(published, error, self.clock.now())
        self._controls.published(published)
        self._show_status_in_time()
        if self._server is not None:
            for request in self._server.take():
                obey(request, self._controls)
        if self._window is not None:
            recording = self._recordings.current is not None
            pipeline, governor = self._session.pipeline, self._session.governor
            for command in self._window.show(published, pipeline, governor, recording):
                self._controls.press(command)
        return ()

    def _show_status_in_time(self) -> None:
        now = self.clock.now()
        if self._show_status is not None and now >= self._status_at:
            self._status_at = now + STATUS_S
            self._show_status(self._controls.status())

    def _fail_if_tracking_never_worked(self) -> None:
        tracking = self._session.tracking
        error = tracking.worker.last_error
        if error is not None and tracking.tracked == 0:
            raise error

    def _fail_if_nothing_can_be_published(self) -> None:
        """Raises when every sink refused to open, and there is no window or it is broken."""
        sinks, window = self._loop.sinks, self._window
        if any(sink.description for sink in sinks) or (window is not None and window.is_open):
            return
        errors = [sink.last_error for sink in sinks]
        if window is not None:
            errors.append(window.last_error)
        failed = [error for error in errors if error is not None]
        if failed and len(failed) == len(errors):
            raise failed[0]

    def _finish(self) -> int:
        """Ends the sinks and logs their results; returns the exit code."""
        ran_s = self.clock.now() - self._began_at
        self._end_sinks()
        code = 0
        log.info("published %d frames in %.1f s", self._loop.published, ran_s)
        for sink in (*self._recordings.ended, *self._loop.sinks):
            if sink.last_error is not None:
                name = sink.description or sink.name
                log.error("%s failed: %s", name, sink.last_error, exc_info=sink.last_error)
                if hint := getattr(sink.last_error, "hint", ""):
                    log.error("hint: %s", hint)
                code = DeviceError.exit_code
            else:
                log.info("%s", sink.result)
        return code


def open_context(settings: Settings) -> Callable[[], Graphics]:
    """Opens the graphics, with a window where the settings want a preview."""
    if not settings.sinks.preview:
        return open_graphics
    from livecam.live.preview import open_graphics_with_window

    return open_graphics_with_window


def _control_server() -> ControlServer | None:
    """Returns the server of the control channel; a run goes on without one."""
    try:
        server = ControlServer(open_place(transport_here()))
    except ControlError as error:
        log.warning("`livecam ctl` cannot reach this run: %s", error)
        return None
    if server.number > 1:
        log.info("other livecams run: add `--to %d` to `livecam ctl` for this one", server.number)
    return server


def _virtual_camera(settings: Settings) -> str:
    """Returns the device to publish to, or an empty string."""
    if not settings.sinks.virtual_camera:
        return ""
    from livecam.sinks.virtual_camera import available

    device = available(settings.sinks.device)
    if device is None and settings.sinks.device:
        raise DeviceError(
            "there is no virtual camera {device!r}",
            hint="run `livecam doctor`: it says how to make one",
            device=settings.sinks.device,
        )
    return device or ""
