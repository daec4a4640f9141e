"""Compares two results of `livecam bench --json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from livecam.core.errors import UsageError
from livecam.core.language import to_translate
from livecam.core.text_files import read_json

Result = Mapping[str, Any]
# Where a result holds what is compared.
MEASURES = (
    ("ratio",), ("fps",), ("missed_percent",), ("repeats",), ("delay_ms", "median"),
    ("delay_ms", "p95"), ("cpu_ms_per_picture",), ("floor_cpu_ms_per_picture",),
    ("cpu_ms_per_frame",), ("memory_mb",), ("memory_growth_mb",), ("cores",),
)  # fmt: skip
HINT = to_translate("write one with: livecam bench --json > FILE")


def compared(a: Result, b: Result) -> dict[str, list[dict[str, Any]]]:
    """Returns the numbers of two results side by side, and those of the second over the first.

    Each row has them as `a`, `b` and `b_over_a`; None where a result has no such number. The rows
    are in three lists: measures, stages (medians of CPU and wall milliseconds) and threads (CPU
    milliseconds for a picture).
    """
    return {
        "measures": [
            {"what": " ".join(keys).replace("_", " "), **_pair(a, b, *keys)} for keys in MEASURES
        ],
        "stages": [
            {"stage": name, "kind": kind, **_pair(a, b, "stages", name, f"{kind}_median")}
            for name in _names(a, b, "stages")
            for kind in ("cpu", "wall")
        ],
        "threads": [
            {"thread": name, **_pair(a, b, "threads", name, "line")}
            for name in _names(a, b, "threads")
        ],
    }


def read_result(path: Path) -> Result:
    """Reads the result of a measurement.

    Raises:
        UsageError: the file cannot be read, or is no such result.
    """
    result = read_json(path, UsageError, HINT)
    if not isinstance(result, dict) or not isinstance(result.get("stages"), dict):
        raise UsageError("{path} is no result of livecam bench", HINT, path=path)
    return result


def _names(a: Result, b: Result, table: str) -> list[str]:
    return list(dict.fromkeys((*a.get(table, {}), *b.get(table, {}))))


def _pair(a: Result, b: Result, *keys: str) -> dict[str, float | None]:
    first, second = _number(a, keys), _number(b, keys)
    over = round(second / first, 3) if first and second is not None else None
    return {"a": first, "b": second, "b_over_a": over}


def _number(result: Any, keys: Sequence[str]) -> float | None:
    for key in keys:
        result = result.get(key) if isinstance(result, Mapping) else None
    return result if isinstance(result, int | float) else None
