"""The pause of the tracker: fresh observations, and none that is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from livecam.live.tracking_pause import TrackingPause

PERIOD_S = 1 / 30


def delays_s(
    tracking_s: float, drawing_s: Callable[[int], float], pauses: bool = True, count: int = 300
) -> list[tuple[float, float]]:
    """Plays a camera, a tracker and a thread that draws: returns when each frame was handed over,
    and how old it was then."""
    return list(_played(TrackingPause(), tracking_s, drawing_s, pauses, count))


def _played(
    pause: TrackingPause,
    tracking_s: float,
    drawing_s: Callable[[int], float],
    pauses: bool,
    count: int,
) -> Iterator[tuple[float, float]]:
    frame, wanted_at, free_at = 0, 0.0, 0.0
    for i in range(count):
        began_at = wanted_at + (pause.seconds if pauses else 0.0)
        frame = max(int(began_at / PERIOD_S + 1e-6), frame + 1)
        captured_at = frame * PERIOD_S
        ready_at = max(began_at, captured_at) + tracking_s
        wanted_at = max(ready_at, free_at)  # it is taken now
        pause.untaken(wanted_at - ready_at)
        free_at = wanted_at + drawing_s(i)
        yield free_at, free_at - captured_at


def test_where_drawing_is_faster_no_frame_is_lost() -> None:
    times, _ = zip(*delays_s(0.018, lambda i: 0.025), strict=True)
    assert np.diff(times[10:]) == pytest.approx(PERIOD_S)


@pytest.mark.parametrize("drawing_s", [0.04, 0.06, 0.1])
def test_where_drawing_is_slower_the_frames_are_younger_and_as_many(drawing_s: float) -> None:
    def drawing(i: int) -> float:
        return drawing_s + 0.004 * float(np.sin(17.0 * i))

    with_pause, without = delays_s(0.018, drawing), delays_s(0.018, drawing, pauses=False)
    assert with_pause[-1][0] <= 1.01 * without[-1][0]
    age_s = [float(np.median([age for _, age in each[50:]])) for each in (with_pause, without)]
    assert age_s[0] < age_s[1] - 0.6 * (drawing_s - 0.018 - 0.012)


def test_a_single_slow_picture_does_not_make_the_tracker_late() -> None:
    times, _ = zip(*delays_s(0.018, lambda i: 0.2 if i == 100 else 0.025), strict=True)
    assert np.diff(times[103:]).max() < PERIOD_S + 1e-6
