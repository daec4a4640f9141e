"""`livecam run`: chooses where the picture comes from and goes to, and keeps the show on."""

from __future__ import annotations

import logging
import signal
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from livecam.avatar.accessories import with_accessories
from livecam.avatar.library import list_avatars, load_avatar
from livecam.calibration.online import wearer_profile
from livecam.config.settings import Settings
from livecam.core.commands import Command
from livecam.core.errors import DeviceError, GraphicsError, SinkError
from livecam.core.timing import Clock, StageTimer, SystemClock
from livecam.live.live import Capture, Live, Tracking, prepare_process, watching
from livecam.live.motion import check_motion, listeners, mouth_blender, performers
from livecam.live.outlets import Outlet
from livecam.motion.base import Listener
from livecam.pipeline.build import (
    check_names,
    compositor_factory,
    output_info,
    reader_factory,
    tracker_factory,
)
from livecam.pipeline.cast import cast_of
from livecam.pipeline.pipeline import Line, Published, nothing_seen
from livecam.pipeline.stats import StatsWriter
from livecam.render.context import Graphics, WindowRequest, open_graphics
from livecam.sinks.base import SINKS, OutputInfo, Sink
from livecam.sinks.choose import sink_names
from livecam.sources.choose import decide, source_maker

if TYPE_CHECKING:
    from livecam.sinks.preview import Preview

log = logging.getLogger(__name__)

DEMO_FILE = Path("out/livecam-demo.mp4")
DEMO_S = 10.0
RECORDINGS = Path("out")


def run(settings: Settings, *, stats: Path | None = None, seconds: float | None = None) -> int:
    """Runs live until the user, the time or the source ends it; returns the exit code.

    Raises:
        LivecamError: something is missing or wrong before the first picture.
    """
    prepare_process()
    with ExitStack() as stack:
        return _Run(settings, stats, seconds, stack).run()


class _Run:
    """One `livecam run`, from opening to the goodbye."""

    def __init__(
        self, settings: Settings, stats: Path | None, seconds: float | None, stack: ExitStack
    ) -> None:
        self.settings = settings
        self.seconds = seconds
        self.clock: Clock = SystemClock()
        self.timer = StageTimer()
        self._stats_path = stats
        self._stack = stack
        self._recording: Outlet | None = None
        self._alpha = settings.picture.background == "alpha"
        self._shown_at: deque[float] = deque(maxlen=31)

    def run(self) -> int:
        settings, stack = self.settings, self._stack
        check_names(settings)
        check_motion(settings)
        movers = performers(settings, self.clock, stack)
        mouth = mouth_blender(settings, self.clock, stack)
        avatars = cast_of(settings.avatar)
        avatar = avatars[0]
        self._avatar_name = avatar.name
        self._device = _virtual_camera(settings)
        source_name = decide(settings.source.source, self._refused())
        told: list[Listener] = []
        profile = wearer_profile(settings.avatar, source_name, told, stack)
        told += listeners(settings, stack, profile)
        make_tracker = tracker_factory(settings)
        make_reader = reader_factory(settings, hurried=True, camera=settings.source.source)
        self._capture = Capture(
            source_maker(
                settings.source.model_copy(update={"source": source_name}),
                self.clock,
                self._refused(),
            ),
            self.timer,
        )
        self._tracking = Tracking(make_tracker, self._capture.frames, self.timer)
        self._watching = watching(
            make_reader, self._tracking, settings.picture.looks_per_s, self.clock, self.timer
        )
        stack.callback(self._stop_workers)
        if self._watching is not None:
            self._watching.worker.start()
        self._capture.worker.start()
        self._tracking.worker.start()  # loads MediaPipe while this thread opens OpenGL
        graphics = stack.enter_context(self._open_graphics())
        source = self._capture.wait_until_open()
        info = output_info(settings, source)
        outlets = self._outlets(info)
        self._preview = self._open_preview(graphics, info)
        if not outlets and self._preview is None:
            outlets = [self._demo(info)]
        line = Line(
            settings, avatar, compositor_factory(settings, graphics, self.timer), info, self.timer,
            nothing_seen if self._watching is None else self._watching.newest, movers,
            avatars, profile, mouth,
        )  # fmt: skip
        stack.callback(line.close)
        stats = None
        if self._stats_path is not None:
            stats = stack.enter_context(StatsWriter(self._stats_path))
        self._live = Live(
            line, self._capture, self._tracking, outlets, self.clock, self.timer, stats,
            self._after_publishing, told,
        )  # fmt: skip
        self._info = info
        log.info(
            "%s %dx%d at %.4g fps -> %dx%d at %.4g fps, drawn by %s",
            source.name, source.width, source.height, source.fps,
            info.width, info.height, info.fps, graphics.renderer,
        )  # fmt: skip
        with _CalmEnd(self._live.stop):
            self._begin(outlets)
            self._live.loop(self.seconds)
        return self._say_goodbye()

    def _begin(self, outlets: Sequence[Outlet]) -> None:
        for outlet in outlets:
            outlet.begin()
        self._stack.callback(self._end_outlets)

    def _end_outlets(self) -> None:
        for outlet in self._live.outlets:
            outlet.end()

    def _stop_workers(self) -> None:
        workers = [self._capture.worker, self._tracking.worker]
        if self._watching is not None:
            workers.append(self._watching.worker)
        for worker in workers:
            worker.request_stop()
        for worker in workers:
            if not worker.join():
                log.warning("%s did not stop in time", worker.name)

    def _refused(self) -> tuple[str, ...]:
        return (self._device,) if self._device else ()

    def _open_graphics(self) -> Graphics:
        if not self.settings.sinks.preview:
            return open_graphics()
        from livecam.sinks.preview import display_available

        if not display_available():
            return open_graphics()
        try:
            return open_graphics(WindowRequest())
        except GraphicsError as error:
            log.warning("no preview: %s", error)
            return open_graphics()

    def _open_preview(self, graphics: Graphics, info: OutputInfo) -> Preview | None:
        if graphics.window is None:
            return None
        from livecam.sinks.preview import Preview

        preview = Preview(graphics)
        preview.open(info)
        self._stack.callback(preview.close)
        return preview

    def _outlets(self, info: OutputInfo) -> list[Outlet]:
        sinks = self.settings.sinks.model_copy(update={"device": self._device})
        settings = self.settings.model_copy(update={"sinks": sinks})
        return [
            self._outlet(name, partial(SINKS.create, name, settings), info, SINKS.get(name).backlog)
            for name in sink_names(sinks, self._device)
        ]

    def _outlet(
        self, name: str, make: Callable[[], Sink], info: OutputInfo, depth: int = 1
    ) -> Outlet:
        return Outlet(name, make, info, self.clock, self.timer, depth)

    def _demo(self, info: OutputInfo) -> Outlet:
        log.warning("no virtual camera and no display: recording %.0f s to %s", DEMO_S, DEMO_FILE)
        self.seconds = DEMO_S if self.seconds is None else self.seconds
        return self._recorder(info, DEMO_FILE, force=True)

    def _recorder(
        self, info: OutputInfo, path: Path, *, force: bool = False, alpha: bool = False
    ) -> Outlet:
        from livecam.sinks.recorder import Recorder

        return self._outlet("record", partial(Recorder, path, force, alpha), info, Recorder.backlog)

    def _after_publishing(self, published: Published) -> Sequence[Command]:
        self._fail_if_tracking_never_worked()
        self._fail_if_nothing_can_be_published()
        if self._preview is None:
            return ()
        self._show(published, self._preview)
        commands = self._preview.poll()
        for command in commands:
            if command is Command.NEXT_AVATAR:
                self._next_avatar()
            elif command is Command.RECORD:
                self._toggle_recording()
            elif command is Command.TAKE_PLATE and self._watching is not None:
                self._watching.take_plate()
        return commands

    def _show(self, published: Published, preview: Preview) -> None:
        """Draws the published picture in the window; a broken window ends only the preview."""
        from livecam.sinks.preview import PreviewStatus

        line = self._live.line
        self._shown_at.append(self.clock.now())
        preview.status = PreviewStatus(
            state=published.state.value,
            fps=_rate(self._shown_at),
            recording=self._recording is not None,
            frozen=line.frozen,
            panic=line.guard.panic,
        )
        try:
            preview.send(published.picture)
        except SinkError as error:
            log.warning("the preview ends: %s", error)
            self._preview = None

    def _fail_if_tracking_never_worked(self) -> None:
        error = self._tracking.worker.last_error
        if error is not None and self._tracking.tracked == 0:
            raise error

    def _fail_if_nothing_can_be_published(self) -> None:
        """Every sink refused to open and nobody is watching: the user must know at once."""
        outlets = self._live.outlets
        errors = [outlet.last_error for outlet in outlets if not outlet.words]
        if self._preview is None and len(errors) == len(outlets) and errors[0] is not None:
            raise errors[0]

    def _next_avatar(self) -> None:
        names = list_avatars()
        if len(names) < 2:
            return
        here = names.index(self._avatar_name) if self._avatar_name in names else -1
        avatar = load_avatar(names[(here + 1) % len(names)])
        avatar = with_accessories(avatar, self.settings.avatar.accessories)
        self._avatar_name = avatar.name
        self._live.line.wear(avatar)

    def _toggle_recording(self) -> None:
        if self._recording is not None:
            self._live.outlets.remove(self._recording)
            self._recording.end()
            log.info("recorded %s", self._recording.words)
            self._recording = None
            return
        suffix = ".mov" if self._alpha else ".mp4"
        path = RECORDINGS / f"livecam-{self._live.published:06d}{suffix}"
        self._recording = self._recorder(self._info, path, alpha=self._alpha)
        self._recording.begin()
        self._live.outlets.append(self._recording)

    def _say_goodbye(self) -> int:
        """Ends the sinks and tells what became of them; the exit code."""
        self._end_outlets()
        code = 0
        log.info("published %d pictures", self._live.published)
        for outlet in self._live.outlets:
            if outlet.last_error is not None:
                log.error("%s failed: %s", outlet.words or outlet.name, outlet.last_error)
                if hint := getattr(outlet.last_error, "hint", ""):
                    log.error("hint: %s", hint)
                code = DeviceError.exit_code
            else:
                log.info("%s: %d pictures", outlet.words, outlet.sent)
        return code


def _virtual_camera(settings: Settings) -> str:
    """The device to publish to, or an empty string."""
    if not settings.sinks.virtual_camera:
        return ""
    from livecam.sinks.virtual_camera import available

    device = available(settings.sinks.device)
    if device is None and settings.sinks.device:
        raise DeviceError(
            f"there is no virtual camera {settings.sinks.device!r}",
            hint="run `livecam doctor`: it says how to make one",
        )
    return device or ""


def _rate(moments: deque[float]) -> float:
    """Pictures a second over the newest moments."""
    span_s = moments[-1] - moments[0]
    return (len(moments) - 1) / span_s if span_s > 0 else 0.0


class _CalmEnd:
    """Turns Ctrl-C and a polite kill into a calm end, so that files are closed."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def __enter__(self) -> None:
        def handle(number: int, frame: FrameType | None) -> None:
            self._stop()

        self._before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
