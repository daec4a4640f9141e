"""What the user changes while livecam runs: keys of the preview and `livecam ctl` both end here."""

from __future__ import annotations

import logging
import os
import queue
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TypeAlias

from livecam import __version__
from livecam.avatar.library import list_avatars
from livecam.compose.background import flattened
from livecam.config.fields import changed_fields, find_field
from livecam.config.loader import with_value
from livecam.config.settings import Settings
from livecam.control.base import Result
from livecam.core.commands import Command
from livecam.core.errors import AssetError, SinkError, UsageError
from livecam.core.frame import Frame
from livecam.core.language import tr
from livecam.core.timing import Clock, RateMeter
from livecam.live.loop import LiveLoop
from livecam.live.recordings import Recordings
from livecam.live.session import LiveSession
from livecam.live.sink_worker import SinkWorker
from livecam.media.images import write_image
from livecam.pipeline.change import mirrored, with_first_avatar
from livecam.pipeline.pipeline import Published
from livecam.pipeline.states import Shown

log = logging.getLogger(__name__)

OPEN_S = 5.0  # within which a recording has its file
FILE_S = 8.0  # within which an ended recording is complete, or its answer says that it is not yet
DELAYS = 31  # frames over which the delay is averaged

Answer: TypeAlias = Future[Result]


class LiveControls:
    """Executes commands between two frames; a `ControlTarget`. Main thread.

    What reads or writes files runs beside it: changes of settings on one thread, in their order,
    so that none undoes another; snapshots and the ends of recordings on a second one.
    """

    def __init__(
        self, session: LiveSession, loop: LiveLoop, recordings: Recordings, clock: Clock
    ) -> None:
        self.number = 0  # of the run, for --to
        self._session, self._pipeline = session, session.pipeline
        self._loop = loop
        self._recordings = recordings
        self._clock = clock
        self._began_at = clock.now()
        self._changes = ThreadPoolExecutor(1, "settings")
        self._files = ThreadPoolExecutor(1, "files")
        self._on_main: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._shown_next: list[tuple[Answer, Result]] = []  # answered with the next frame
        self._newest: Published | None = None
        self._rate = RateMeter()
        self._delays_s: deque[float] = deque(maxlen=DELAYS)

    def published(self, published: Published) -> None:
        """Notes a published frame, and does what waited for it."""
        now = self._clock.now()
        self._rate.add(now)
        if self._is_new(published):
            self._delays_s.append(now - published.frame.captured_at)
        self._newest = published
        shown, self._shown_next = self._shown_next, []
        for answer, result in shown:
            answer.set_result(result)
        with suppress(queue.Empty):
            while True:
                self._on_main.get_nowait()()

    def press(self, command: Command) -> None:
        """Executes the command of a key; one that fails is logged."""
        actions: dict[Command, Callable[[], Result | Answer]] = {
            Command.MIRROR: self.mirror,
            Command.NEXT_AVATAR: self.next_avatar,
            Command.RECORD: self._toggle_recording,
            Command.FREEZE: lambda: self.set_frozen(not self._pipeline.frozen),
            Command.TAKE_PLATE: self.learn_background,
            Command.PANIC: lambda: self.set_curtain(not self._pipeline.guard.panic),
            Command.QUIT: self.quit,
        }
        if command not in actions:
            return
        try:
            done = actions[command]()
        except UsageError as error:
            log.warning("%s", error)
            return
        if isinstance(done, Future):
            done.add_done_callback(_log_failure)

    def close(self) -> None:
        """Completes the files that are being written, and drops all other work."""
        self._changes.shutdown(cancel_futures=True)
        self._files.shutdown()

    # The commands of a `ControlTarget`.

    def set_curtain(self, drawn: bool) -> Answer:
        if self._pipeline.guard.panic is not drawn:
            self._pipeline.command(Command.PANIC)
        return self._with_next_frame({"curtain": drawn})

    def set_frozen(self, frozen: bool) -> Answer:
        if self._pipeline.frozen is not frozen:
            self._pipeline.command(Command.FREEZE)
        return self._with_next_frame({"frozen": frozen})

    def mirror(self) -> Answer:
        return self._change(mirrored, lambda settings: {"mirror": settings.output.mirror})

    def learn_background(self) -> Result:
        if self._session.segmentation is None:
            raise UsageError("no stage of this run replaces a background")
        self._session.segmentation.reset_plate()
        return {"learning": True}

    def change_avatar(self, name: str) -> Answer:
        return self._change(lambda settings: with_first_avatar(settings, name), _avatars)

    def next_avatar(self) -> Answer:
        return self._changes.submit(self._apply_next_avatar)

    def get_setting(self, key: str) -> Result:
        return _setting(key, self._pipeline.wanted)

    def change_setting(self, key: str, text: str) -> Answer:
        return self._change(
            lambda settings: with_value(settings, key, text), partial(_setting, key)
        )

    def start_recording(self) -> Answer:
        sink = self._recordings.start()
        opened = self._files.submit(sink.wait_until_open, OPEN_S)
        return self._then(opened, partial(self._recording_started, sink))

    def stop_recording(self) -> Answer:
        path, sink = self._recordings.path, self._recordings.stop()
        if sink is None:
            raise UsageError("nothing is being recorded", hint="start with `record start`")
        return self._files.submit(_recorded, path, sink)

    def snapshot(self, path: Path, force: bool) -> Answer:
        if self._newest is None:
            raise UsageError("nothing was published yet", hint="try again in a moment")
        alpha = self._pipeline.settings.picture.is_alpha
        return self._files.submit(_write_snapshot, path, self._newest.frame, alpha, force)

    def status(self) -> Result:
        pipeline, source, output = self._pipeline, self._session.source, self._session.output
        recording = self._recordings.current is not None
        return {
            "version": __version__,
            "process": os.getpid(),
            "number": self.number,
            "state": None if self._newest is None else self._newest.state.value,
            "curtain": pipeline.guard.panic,
            "frozen": pipeline.frozen,
            "fps": round(self._rate.fps, 1),
            "delay_ms": round(1e3 * fmean(self._delays_s), 1) if self._delays_s else None,
            "quality": self._loop.governor.quality,
            "rung": self._loop.governor.level,
            "published": self._loop.published,
            "running_s": round(self._clock.now() - self._began_at, 1),
            "source": tr(
                "{name} {width}x{height} at {fps:.4g} fps",
                name=source.name, width=source.width, height=source.height, fps=source.fps,
            ),
            "output": tr(
                "{width}x{height} at {fps:.4g} fps",
                width=output.width, height=output.height, fps=output.fps,
            ),
            "sinks": [_sink_words(sink) for sink in self._loop.sinks],
            "renderer": self._session.graphics.renderer,
            "avatar": _avatars(pipeline.wanted)["avatar"],
            "recording": str(self._recordings.path) if recording else None,
            "settings": _changed_settings(pipeline.wanted),
        }  # fmt: skip

    def quit(self) -> Result:
        self._loop.stop()
        return {"ending": True}

    def _toggle_recording(self) -> Answer:
        if self._recordings.current is None:
            return self.start_recording()
        return self.stop_recording()

    def _recording_started(self, sink: SinkWorker) -> Result:
        error = sink.open_error
        if error is not None:
            if self._recordings.current is sink:
                self._recordings.stop()
            raise error
        return {"recording": str(self._recordings.path)}

    def _change(
        self, update: Callable[[Settings], Settings], result: Callable[[Settings], Result]
    ) -> Answer:
        """Changes the settings beside the main thread, after all changes that came before."""
        return self._changes.submit(self._apply, update, result)

    def _apply(
        self, update: Callable[[Settings], Settings], result: Callable[[Settings], Result]
    ) -> Result:
        settings = update(self._pipeline.wanted)
        self._session.apply(settings)
        return result(settings)

    def _apply_next_avatar(self) -> Result:
        """Changes to the next avatar that can be loaded."""
        avatar = self._pipeline.wanted.avatar
        names, worn = list_avatars(), Path((*avatar.avatars, avatar.avatar)[0]).name
        here = names.index(worn) if worn in names else -1
        for name in (*names[here + 1 :], *names[: max(here, 0)]):
            try:
                return self._apply(partial(with_first_avatar, name=name), _avatars)
            except AssetError as error:
                log.warning("%s is left out, it is broken: %s", name, error)
        raise AssetError("there is no other avatar that can be loaded")

    def _with_next_frame(self, result: Result) -> Answer:
        """Answers once a frame was published that shows the change."""
        answer: Answer = Future()
        self._shown_next.append((answer, result))
        return answer

    def _then(self, work: Future[None], finish: Callable[[], Result]) -> Answer:
        """Finishes work of another thread on the main one."""
        answer: Answer = Future()

        def on_main() -> None:
            try:
                answer.set_result(finish())
            except Exception as error:
                answer.set_exception(error)

        work.add_done_callback(lambda _: self._on_main.put(on_main))
        return answer

    def _is_new(self, published: Published) -> bool:
        """Returns whether a frame is the first to show its capture."""
        before = self._newest
        return published.state in (Shown.AVATAR, Shown.PASSTHROUGH) and (
            before is None or before.frame.captured_at < published.frame.captured_at
        )


def _avatars(settings: Settings) -> Result:
    several = settings.avatar.avatars
    return {"avatar": list(several) if several else settings.avatar.avatar}


def _setting(key: str, settings: Settings) -> Result:
    field = find_field(key)
    return {field.key: field.value(settings)}


def _changed_settings(settings: Settings) -> Result:
    """Returns the settings that are not the default."""
    return {field.key: field.value(settings) for field in changed_fields(Settings(), settings)}


def _sink_words(sink: SinkWorker) -> str:
    name, error = sink.description or sink.name, sink.last_error
    return tr("{sink} (failed: {error})", sink=name, error=error) if error else name


def _recorded(path: Path, sink: SinkWorker) -> Result:
    complete = sink.wait_until_ended(FILE_S)
    if complete and sink.last_error is not None:
        raise SinkError("{path}: {error}", path=path, error=sink.last_error)
    return {"recorded": str(path), "complete": complete}


def _write_snapshot(path: Path, frame: Frame, alpha: bool, force: bool) -> Result:
    as_png = path.suffix.lower() == ".png"
    image = flattened(frame.image) if alpha and not as_png else frame.image
    written = write_image(path, image, alpha=alpha and as_png, force=force)
    return {"snapshot": str(written)}


def _log_failure(done: Answer) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.warning("%s", error, exc_info=error)
