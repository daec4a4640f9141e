"""`livecam bench`: plays a source as a live camera through the whole pipeline, and measures.

The line (all that `livecam run` does) and its floor (decoding and the face tracker alone) are
measured in turns, in the same run and on the same source. Whatever else the machine is doing slows
both, so their ratio can be compared with that of another run.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from livecam.config.settings import Settings
from livecam.core.commands import Command
from livecam.core.errors import LivecamError
from livecam.core.timing import StageTimer, SystemClock
from livecam.core.trace import Trace
from livecam.live.loop import LiveLoop
from livecam.live.process import prepare_process
from livecam.live.session import live_session
from livecam.live.sink_worker import SinkWorker
from livecam.measure.bench_tables import (
    compared_with_floor,
    delay_table,
    stage_table,
    thread_table,
)
from livecam.measure.scaled_clip import scaled_clip
from livecam.measure.slices import Slice
from livecam.measure.thread_times import thread_cpu_ns, usable_cores
from livecam.pipeline.build import avatars_of, check_names, check_picture_files
from livecam.pipeline.pipeline import Published
from livecam.pipeline.states import Shown
from livecam.sinks.base import NullSink
from livecam.sources.choose import source_maker

WINDOW = 2_000  # stage times that are kept: the memory measured stays the pipeline's own
WARM_UP_S = 3.0  # models load, caches fill, filters settle: not measured
MAX_WARM_UP_S = 20.0  # without a face by then, there is none
LINE_S, FLOOR_S = 4.0, 2.0  # that each is measured in its turn
DRAIN_S = 0.3  # until the mailboxes behind the tracker are empty
MAX_DRAIN_S = 5.0  # until the last searches have ended too, at most
SETTLE_S = 1.0  # until the line works as it did before the floor


def bench(
    settings: Settings,
    *,
    seconds: float = 20.0,
    source: str | None = None,
    size: tuple[int, int] | None = None,
    with_floor: bool = True,
    trace: Trace | None = None,
) -> dict[str, Any]:
    """Measures the whole pipeline at the source's own rate, with a sink that discards frames.

    Args:
        settings: all of them.
        seconds: that the line is measured, the turns of the floor not counted.
        source: in place of that of the settings.
        size: to which the source, a film, is scaled before.
        with_floor: whether the floor is measured too.
        trace: receives the stages of the line.

    Returns:
        what docs/statistics.md describes; without a floor there is no ratio, and no rounds.

    Raises:
        LivecamError: something is missing, or nothing was published.
    """
    prepare_process()
    with ExitStack() as stack:
        if size is not None:
            folder = stack.enter_context(TemporaryDirectory(prefix="livecam-"))
            source = str(scaled_clip(source or settings.source.source, size, Path(folder)))
        if source is not None:
            changed = settings.source.model_copy(update={"source": source})
            settings = settings.model_copy(update={"source": changed})
        return _Bench(settings, seconds, with_floor, trace, stack).measure()


class _Bench:
    def __init__(
        self,
        settings: Settings,
        seconds: float,
        with_floor: bool,
        trace: Trace | None,
        stack: ExitStack,
    ) -> None:
        self._settings, self._stack = settings, stack
        self._rounds = max(1, round(seconds / LINE_S)) if with_floor else 1
        self._line_s = seconds / self._rounds
        self._with_floor = with_floor
        self._clock = SystemClock()
        self._timer = StageTimer(WINDOW, trace)
        self._timer.paused = True
        self._states: dict[str, int] = dict.fromkeys((s.value for s in Shown), 0)
        self._tracked = self._published = self._shown = 0
        self._last_index: int | None = None  # of the picture that is shown
        self._ready_at: float | None = None  # when the line may be measured; None without a face
        self._before: Slice | None = None  # at the beginning of the line's turn
        self._memory_mb: float | None = None  # after the warm-up
        self._lines: list[Slice] = []
        self._floors: list[Slice] = []

    def measure(self) -> dict[str, Any]:
        settings, stack, timer = self._settings, self._stack, self._timer
        check_names(settings)
        check_picture_files(settings)
        self._began_at = self._clock.now()
        make_source = source_maker(settings.source, self._clock)
        avatars = avatars_of(settings.avatar)
        self._session = session = stack.enter_context(
            live_session(settings, avatars, make_source, self._clock, timer)
        )
        self._sink = SinkWorker("null", NullSink, session.output, self._clock, timer)
        self._loop = LiveLoop(
            session.pipeline, session.capture, session.tracking, [self._sink], self._clock, timer,
            None, self._after_publishing,
        )  # fmt: skip
        self._sink.begin()
        stack.callback(self._sink.end)
        self._loop.loop()
        if self._before is not None:
            self._end_line(self._before)  # the source has ended
        if not self._tracked:
            failed = session.tracking.worker.last_error or session.pipeline.composition.last_error
            raise failed or LivecamError(
                "nothing was tracked, so there is nothing to measure",
                hint="pass --source with a clip that shows a face, or --source sample",
            )
        return self._result()

    def _after_publishing(self, published: Published) -> tuple[Command, ...]:
        now = self._clock.now()
        if self._before is None:
            return self._before_line(published, now)
        self._note(published)
        if now - self._began_at < self._line_s:
            return ()
        self._end_line(self._before)
        if self._with_floor:
            self._measure_floor()
        return (Command.QUIT,) if len(self._lines) == self._rounds else ()

    def _before_line(self, published: Published, now: float) -> tuple[Command, ...]:
        """Begins the line's turn once the line is ready; gives up when no face comes."""
        if self._ready_at is None:
            if published.state is Shown.AVATAR:
                self._ready_at = now + WARM_UP_S
            return (Command.QUIT,) if now - self._began_at > MAX_WARM_UP_S else ()
        is_over = len(self._lines) == self._rounds or self._session.capture.ended
        if now > self._ready_at and not is_over:
            self._begin_line(published, now)
        return ()

    def _begin_line(self, published: Published, now: float) -> None:
        if self._memory_mb is None:
            self._memory_mb = resident_mb()
        self._began_at = now
        self._last_index = published.frame.index
        self._timer.paused, self._sink.keep_latencies = False, True
        self._before = self._totals()

    def _end_line(self, before: Slice) -> None:
        self._lines.append(self._totals() - before)
        self._before = None
        self._timer.paused, self._sink.keep_latencies = True, False

    def _measure_floor(self) -> None:
        """Measures capture and tracker alone, on their own threads; all others wait for them."""
        self._session.tracking.withholds = True
        self._drain()
        before = self._totals()
        self._clock.sleep(FLOOR_S)
        self._floors.append(self._totals() - before)
        self._session.tracking.withholds = False
        self._ready_at = self._clock.now() + SETTLE_S

    def _drain(self) -> None:
        """Waits until nothing behind the tracker is at work."""
        end_at = self._clock.now() + MAX_DRAIN_S
        self._clock.sleep(DRAIN_S)
        while self._session.is_searching and self._clock.now() < end_at:
            self._clock.sleep(DRAIN_S)

    def _note(self, published: Published) -> None:
        self._published += 1
        self._tracked += published.tracked
        self._states[published.state.value] += 1
        index = published.frame.index
        if published.state is not Shown.CURTAIN and index != self._last_index:
            self._shown += 1
            self._last_index = index

    def _totals(self) -> Slice:
        return Slice(
            wall_s=self._clock.now(),
            cpu_s=time.process_time(),
            threads_ns=thread_cpu_ns(),
            captured=self._session.capture.captured,
            tracked=self._session.tracking.tracked,
            shown=self._shown,
            missed=Counter(self._loop.missed()),
        )

    def _result(self) -> dict[str, Any]:
        output, composition = self._session.output, self._session.pipeline.composition
        lines = self._lines
        wall_s, captured = sum(each.wall_s for each in lines), sum(each.captured for each in lines)
        missed = sum((each.missed for each in lines), Counter())
        memory_mb = resident_mb()
        return {
            **compared_with_floor(lines, self._floors),
            "fps": round(self._tracked / wall_s, 2),
            "cpu_ms_per_picture": round(statistics.median(s.cpu_ms_per_shown for s in lines), 2),
            "cpu_ms_per_frame": round(
                1e3 * sum(each.cpu_s for each in lines) / max(1, self._published), 2
            ),
            "missed_percent": round(100 * max(0, captured - self._shown) / max(1, captured), 2),
            "delay_ms": delay_table(self._sink.latencies_s),
            "memory_mb": round(memory_mb, 1),
            "memory_growth_mb": round(memory_mb - (self._memory_mb or memory_mb), 1),
            "tier": composition.tier,
            "renderer": self._session.graphics.renderer,
            "size": [output.width, output.height],
            "cores": usable_cores(),
            "seconds": round(wall_s, 2),
            "captured": captured,
            "observations": sum(each.tracked for each in lines),
            "published": self._published,
            "tracked": self._tracked,
            "shown": self._shown,
            "repeats": self._published - self._shown,
            "rung": self._loop.governor.level,
            "states": self._states,
            "missed": {name: missed[name] for name in self._loop.missed()},
            "threads": thread_table(lines, self._floors),
            "stages": stage_table(self._timer),
        }


def resident_mb() -> float:
    """Returns this process's memory right now; its peak where the system reports no more."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        import os

        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
