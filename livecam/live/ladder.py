"""The ladder of a live run: how much work each of its rungs allows for a frame.

What is covered, held, searched by witnesses or painted out is the same on every rung. What each
saves is measured: docs/decisions/performance-and-measurement.md, D113.
"""

from __future__ import annotations

from dataclasses import dataclass

from livecam.compose.base import Detail

ALL = Detail()


@dataclass(frozen=True, slots=True)
class Rung:
    """What a live run may do for its frames."""

    looks: float = 1.0  # the share of `looks_per_s`; four a second stay
    follows: bool = False  # every second frame is tracked by optical flow, where that is sure
    detail: Detail = ALL


# From all to the least. Neighbours differ so little that the eye does not notice a change.
LADDER = (
    Rung(),
    Rung(looks=0.5, detail=Detail(light_period_s=0.12)),
    Rung(looks=0.5, follows=True, detail=Detail(light_period_s=0.12)),
    Rung(looks=0.25, follows=True, detail=Detail(light_period_s=0.24)),
    Rung(looks=0.25, follows=True, detail=Detail(scale=0.875, light_period_s=0.24)),
    Rung(looks=0.25, follows=True, detail=Detail(scale=0.75, light_period_s=0.24)),
    Rung(looks=0.25, follows=True, detail=Detail(scale=0.625, light_period_s=0.24)),
)
