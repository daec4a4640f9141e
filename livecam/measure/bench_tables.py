"""The tables of a benchmark, from what was counted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from livecam.core.timing import StageTimer
from livecam.measure.slices import Slice, ms_per_picture

SMALLEST_MS = 0.005  # that a thread must use for each picture to be named


def compared_with_floor(lines: Sequence[Slice], floors: Sequence[Slice]) -> dict[str, Any]:
    """Returns the cost of the line over that of the floor, of all rounds and of each."""
    pairs = [
        (line.cpu_ms_per_shown, floor.cpu_ms_per_tracked)
        for line, floor in zip(lines, floors, strict=False)  # a source may end before its floor
    ]
    if not pairs:
        return {}
    floor_fps = sum(each.tracked for each in floors) / sum(each.wall_s for each in floors)
    return {
        "ratio": round(statistics.median(line / floor for line, floor in pairs), 3),
        "floor_cpu_ms_per_picture": round(statistics.median(floor for _, floor in pairs), 2),
        "floor_fps": round(floor_fps, 2),
        "rounds": [
            {
                "cpu_ms_per_picture": round(line, 2),
                "floor_cpu_ms_per_picture": round(floor, 2),
                "ratio": round(line / floor, 3),
            }
            for line, floor in pairs
        ],
    }


def delay_table(latencies_s: Sequence[float]) -> dict[str, float]:
    """Returns median and 95th percentile of delays in milliseconds, and how they changed."""
    ms = [1e3 * delay for delay in latencies_s]
    quarter = max(1, len(ms) // 4)
    return {
        "median": round(statistics.median(ms), 2),
        "p95": round(percentile(ms, 95), 2),
        "first_quarter": round(statistics.median(ms[:quarter]), 2),
        "last_quarter": round(statistics.median(ms[-quarter:]), 2),
    }


def thread_table(lines: Sequence[Slice], floors: Sequence[Slice]) -> dict[str, dict[str, float]]:
    """Returns each thread's CPU milliseconds for a picture, of the line and of the floor."""
    line = ms_per_picture(lines, sum(each.shown for each in lines))
    floor = ms_per_picture(floors, sum(each.tracked for each in floors))
    return {
        name: {"line": round(line[name], 3), "floor": round(floor[name], 3)}
        for name in sorted(line.keys() | floor.keys(), key=lambda name: -line[name])
        if max(line[name], floor[name]) >= SMALLEST_MS
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


def percentile(values: Sequence[float], percent: float) -> float:
    """Returns the value that `percent` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
