"""`livecam bench`: plays a source as a live camera through the whole pipeline, and measures."""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from livecam.config.settings import Settings
from livecam.core.commands import Command
from livecam.core.errors import LivecamError
from livecam.core.timing import StageTimer, SystemClock
from livecam.live.loop import LiveLoop
from livecam.live.process import prepare_process
from livecam.live.session import live_session
from livecam.live.sink_worker import SinkWorker
from livecam.pipeline.build import avatars_of, check_names, check_picture_files
from livecam.pipeline.pipeline import Published
from livecam.pipeline.states import Shown
from livecam.sinks.base import NullSink
from livecam.sources.choose import source_maker

WINDOW = 2_000  # stage times that are kept: the memory measured stays the pipeline's own
WARM_UP_S = 3.0  # models load, caches fill, filters settle: not measured
MAX_WARM_UP_S = 20.0  # without a face by then, there is none


def bench(
    settings: Settings, *, seconds: float = 20.0, source: str | None = None
) -> dict[str, Any]:
    """Measures the whole pipeline at the source's own rate, with a sink that discards frames.

    Returns:
        fps               published tracked frames a second
        cpu_ms_per_frame  CPU time of the whole process, all threads, over published frames
        delay_ms          median and p95 from captured to accepted by the sink (after the
                          conversion to I420), of tracked frames; medians of the first and
                          the last quarter of the run
        memory_mb         resident memory at the end; memory_growth_mb since the warm-up
        tier, renderer    the tier and the OpenGL renderer
        size              published width and height
        published, tracked, states, missed: counts
        stages            per stage: median and p95 of wall and CPU milliseconds (CPU of the
                          stage's own thread; a software renderer's threads count only above)

    Raises:
        LivecamError: something is missing, or nothing was published.
    """
    prepare_process()
    if source is not None:
        changed = settings.source.model_copy(update={"source": source})
        settings = settings.model_copy(update={"source": changed})
    with ExitStack() as stack:
        return _Bench(settings, seconds, stack).measure()


class _Bench:
    def __init__(self, settings: Settings, seconds: float, stack: ExitStack) -> None:
        self._settings, self._seconds, self._stack = settings, seconds, stack
        self._clock = SystemClock()
        self._timer = StageTimer(window=WINDOW)
        self._states: dict[str, int] = dict.fromkeys((s.value for s in Shown), 0)
        self._tracked = self._published = 0
        self._measuring_since: float | None = None
        self._first_avatar_at: float | None = None

    def measure(self) -> dict[str, Any]:
        settings, stack, timer = self._settings, self._stack, self._timer
        check_names(settings)
        check_picture_files(settings)
        self._started_at = self._clock.now()
        make_source = source_maker(settings.source, self._clock)
        avatars = avatars_of(settings.avatar)
        session = stack.enter_context(
            live_session(settings, avatars, make_source, self._clock, timer)
        )
        self._graphics = session.graphics
        self._sink = SinkWorker("null", NullSink, session.output, self._clock, timer)
        self._sink.keep_latencies = True
        self._loop = LiveLoop(
            session.pipeline, session.capture, session.tracking, [self._sink], self._clock, timer,
            None, self._after_publishing,
        )  # fmt: skip
        self._sink.begin()
        stack.callback(self._sink.end)
        self._loop.loop()
        if self._measuring_since is None or not self._tracked:
            failed = session.tracking.worker.last_error or session.pipeline.composition.last_error
            raise failed or LivecamError(
                "nothing was tracked, so there is nothing to measure",
                hint="pass --source with a clip that shows a face, or --source sample",
            )
        return self._result(
            session.pipeline.composition.tier, (session.output.width, session.output.height)
        )

    def _after_publishing(self, published: Published) -> tuple[Command, ...]:
        now = self._clock.now()
        if published.state is Shown.AVATAR and self._first_avatar_at is None:
            self._first_avatar_at = now
        if self._measuring_since is None:
            shown_s = 0.0 if self._first_avatar_at is None else now - self._first_avatar_at
            if shown_s > WARM_UP_S:
                self._begin(now)
            elif now - self._started_at > MAX_WARM_UP_S:
                return (Command.QUIT,)
            return ()
        self._published += 1
        self._tracked += published.tracked
        self._states[published.state.value] += 1
        if now - self._measuring_since >= self._seconds:
            self._wall_s = now - self._measuring_since
            self._cpu_s = time.process_time() - self._cpu_at
            self._missed = self._loop.missed()
            return (Command.QUIT,)
        return ()

    def _begin(self, now: float) -> None:
        self._measuring_since = now
        self._cpu_at = time.process_time()
        self._memory_mb = resident_mb()
        self._sink.latencies_s.clear()
        self._timer.clear()

    def _result(self, tier: str, size: tuple[int, int]) -> dict[str, Any]:
        latencies_ms = [1e3 * d for d in self._sink.latencies_s]
        quarter = max(1, len(latencies_ms) // 4)
        memory_mb = resident_mb()
        return {
            "fps": round(self._tracked / self._wall_s, 2),
            "cpu_ms_per_frame": round(1e3 * self._cpu_s / max(1, self._published), 2),
            "delay_ms": {
                "median": round(statistics.median(latencies_ms), 2),
                "p95": round(percentile(latencies_ms, 95), 2),
                "first_quarter": round(statistics.median(latencies_ms[:quarter]), 2),
                "last_quarter": round(statistics.median(latencies_ms[-quarter:]), 2),
            },
            "memory_mb": round(memory_mb, 1),
            "memory_growth_mb": round(memory_mb - self._memory_mb, 1),
            "tier": tier,
            "renderer": self._graphics.renderer,
            "size": list(size),
            "seconds": round(self._wall_s, 2),
            "published": self._published,
            "tracked": self._tracked,
            "states": self._states,
            "missed": self._missed,
            "stages": stage_table(self._timer),
        }


def stage_table(timer: StageTimer) -> dict[str, dict[str, float]]:
    """Returns median and 95th percentile of every stage's wall and CPU milliseconds."""
    table = {}
    for name, times in timer.history().items():
        wall, cpu = [t.wall_ms for t in times], [t.cpu_ms for t in times]
        table[name] = {
            "wall_median": round(statistics.median(wall), 3),
            "wall_p95": round(percentile(wall, 95), 3),
            "cpu_median": round(statistics.median(cpu), 3),
            "cpu_p95": round(percentile(cpu, 95), 3),
            "count": len(times),
        }
    return table


def percentile(values: list[float], percent: float) -> float:
    """Returns the value that `percent` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


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
