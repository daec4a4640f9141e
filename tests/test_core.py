"""Mailboxes, workers, clocks, the schedule, and the transforms."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from livecam.core import spaces
from livecam.core.errors import ConfigError, SourceError
from livecam.core.frame import Frame, PixelFormat, Rect
from livecam.core.mailbox import Mailbox
from livecam.core.registry import Registry
from livecam.core.timing import CaptureSchedule, ManualClock, Pacer, StageTimer
from livecam.core.worker import Worker


def test_the_newest_value_wins_and_the_others_are_counted() -> None:
    box: Mailbox[int] = Mailbox("numbers")
    for number in range(3):
        box.put(number)
    assert (box.take(0), box.take(0), box.missed) == (2, None, 2)


def test_a_deeper_mailbox_keeps_the_order_and_drops_the_oldest() -> None:
    box: Mailbox[int] = Mailbox("numbers", depth=2)
    for number in range(3):
        box.put(number)
    assert [box.take(0), box.take(0), box.take(0)] == [1, 2, None]
    assert box.missed == 1


def test_closing_a_mailbox_wakes_waiting_threads() -> None:
    box: Mailbox[int] = Mailbox("numbers")
    taken: list[int | None] = []
    waiter = threading.Thread(target=lambda: taken.append(box.take(30)))
    waiter.start()
    box.close()
    waiter.join(5)
    assert taken == [None]
    box.put(1)
    assert box.take(0) is None


def test_a_mailbox_is_waited_for_until_its_value_was_taken() -> None:
    box: Mailbox[int] = Mailbox("numbers")
    assert box.wait_until_empty(0)
    box.put(1)
    assert not box.wait_until_empty(0)
    taker = threading.Thread(target=lambda: box.take(0))
    taker.start()
    assert box.wait_until_empty(30)
    taker.join(5)


class _Flaky:
    """Fails a few times, then works a few times, then ends."""

    def __init__(self, failures: int, successes: int) -> None:
        self.failures, self.successes = failures, successes
        self.starts = self.stops = 0

    def start(self) -> None:
        self.starts += 1

    def step(self) -> bool:
        if self.failures > 0:
            self.failures -= 1
            raise SourceError("unplugged")
        self.successes -= 1
        return self.successes > 0

    def stop(self) -> None:
        self.stops += 1


def test_a_worker_restarts_a_failing_task_and_ends_with_it() -> None:
    task = _Flaky(failures=2, successes=3)
    worker = Worker("flaky", task)
    worker.start()
    assert worker.join(10)
    assert (task.starts, task.stops) == (3, 3)
    assert worker.finished
    assert worker.last_error is None  # it works again


def test_a_worker_stops_between_two_tries() -> None:
    task = _Flaky(failures=10**9, successes=1)
    worker = Worker("broken", task, on_error=lambda _: worker.request_stop())
    worker.start()
    assert worker.join(10)
    assert task.starts == task.stops == 1


def test_a_repeat_is_due_half_a_period_after_the_tick() -> None:
    pacer = Pacer(fps=10, now=0.0)
    pacer.published(0.0)
    assert pacer.repeat_in_s(0.06) == pytest.approx(0.09)


def test_missed_periods_are_counted_and_never_caught_up() -> None:
    pacer = Pacer(fps=10, now=0.0)
    pacer.published(0.0)
    pacer.published(1.0)
    assert pacer.missed == 9  # ticks 0.1 .. 0.9
    pacer.published(1.1)
    assert pacer.missed == 9


def test_without_new_frames_the_last_one_is_repeated_every_period() -> None:
    pacer, now, repeats = Pacer(fps=10, now=0.0), 0.0, 0
    pacer.published(now)
    while now < 10:
        now += pacer.repeat_in_s(now)
        pacer.published(now, repeated=True)
        repeats += 1
    assert repeats == pytest.approx(100, abs=1)
    assert pacer.missed == 0


def test_frames_that_exceed_the_published_rate_are_not_used() -> None:
    schedule = CaptureSchedule(fps=10)
    assert [schedule.takes(at) for at in (0.0, 0.04, 0.06)] == [True, False, True]


def test_after_a_pause_of_the_camera_the_schedule_goes_on_from_there() -> None:
    schedule = CaptureSchedule(fps=10)
    assert [schedule.takes(at) for at in (0.0, 1.0, 1.04, 1.06)] == [True, True, False, True]


def taken(moments: np.ndarray, fps: float) -> int:
    """Counts the used ones of frames that are captured at those times."""
    schedule = CaptureSchedule(fps)
    return sum(schedule.takes(now) for now in moments)


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
def test_a_jittering_camera_at_the_published_rate_loses_no_frame(phase: float) -> None:
    jitter = np.random.default_rng(1).uniform(-0.3, 0.3, 600)
    assert taken(np.sort(np.arange(600) + phase + jitter) / 30, fps=30) >= 595


def test_of_a_camera_twice_as_fast_every_other_frame_is_used() -> None:
    assert taken(np.arange(600) / 60, fps=30) == pytest.approx(300, abs=3)


def test_a_manual_clock_sleeps_by_moving_on() -> None:
    clock = ManualClock(5.0)
    clock.sleep(0.5)
    clock.sleep(-1)
    assert clock.now() == 5.5


def test_stage_times_are_kept_by_name_until_cleared() -> None:
    timer = StageTimer(window=2)
    for wall in (1.0, 2.0, 3.0):
        timer.add("draw", wall, wall / 2)
    assert timer.last_ms() == {"draw": 3.0}
    assert [t.cpu_ms for t in timer.history()["draw"]] == [1.0, 1.5]
    timer.clear()
    assert timer.history() == {}


def test_quaternions_and_matrices_agree() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        vector = rng.normal(size=3)
        vector *= rng.uniform(0, np.pi) / np.linalg.norm(vector)
        q = spaces.quaternion_from_vector(vector)
        assert spaces.rotation_vector(q) == pytest.approx(vector, abs=1e-9)
        matrix = spaces.matrix_from_quaternion(q)
        assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-12)
        back = spaces.quaternion_from_matrix(matrix)
        assert abs(back @ q) == pytest.approx(1)


def test_multiplying_quaternions_is_multiplying_rotations() -> None:
    a = spaces.quaternion_from_vector(np.array((0.3, -0.2, 0.9)))
    b = spaces.quaternion_from_vector(np.array((-1.0, 0.4, 0.1)))
    product = spaces.matrix_from_quaternion(spaces.multiply(a, b))
    assert product == pytest.approx(
        spaces.matrix_from_quaternion(a) @ spaces.matrix_from_quaternion(b), abs=1e-12
    )


def test_slerp_at_one_half_bisects_the_shorter_arc() -> None:
    a = spaces.quaternion_from_vector(np.array((0.0, 0.2, 0.0)))
    b = -spaces.quaternion_from_vector(np.array((0.0, 0.6, 0.0)))  # the same rotation, negated
    middle = spaces.rotation_vector(spaces.slerp(a, b, 0.5))
    assert middle == pytest.approx((0, 0.4, 0), abs=1e-9)


def test_unprojecting_undoes_projecting() -> None:
    points = np.random.default_rng(1).normal(size=(9, 3)) * 0.1 - (0, 0, 0.7)
    pixels = spaces.project(np.eye(4), points, 640, 360)
    assert spaces.unproject(pixels, -points[:, 2], 640, 360) == pytest.approx(points, abs=1e-12)


def test_a_pose_after_a_similarity_projects_to_the_moved_points() -> None:
    """The image is turned clockwise by 0.2, enlarged and moved."""
    place, turned = np.array((0.1, -0.05, -0.6)), spaces.quaternion_from_vector(np.full(3, 0.3))
    cos, sin = 1.1 * np.cos(0.2), 1.1 * np.sin(0.2)
    by = np.array(((cos, -sin, 12.0), (sin, cos, -7.0)))
    there, rotation = spaces.pose_after_similarity(place, turned, by, 640, 360)
    before, after = (spaces.project(np.eye(4), at[None], 640, 360)[0] for at in (place, there))
    assert after == pytest.approx(by[:, :2] @ before + by[:, 2], abs=1e-9)
    assert there[2] == pytest.approx(-0.6 / 1.1)
    # Directions away from the optical axis turn with the image, in which y points down.
    axes = spaces.matrix_from_quaternion(turned)[:2] * ((1,), (-1,))
    axes_there = spaces.matrix_from_quaternion(rotation)[:2] * ((1,), (-1,))
    assert axes_there == pytest.approx(by[:, :2] @ axes / 1.1, abs=1e-9)


def test_the_vertical_field_of_view_is_63_degrees_for_any_shape() -> None:
    for size in ((1280, 720), (480, 908)):
        top = np.array((0.0, np.tan(np.radians(31.5)), -1.0))
        assert spaces.project(np.eye(4), top[None], *size)[0] == pytest.approx((size[0] / 2, 0))


def test_turning_left_is_positive_yaw() -> None:
    # Facing the camera, the head's own left is +x; a turn about +y moves the nose towards it.
    yaw, pitch, roll = spaces.euler_deg(spaces.quaternion_from_vector(np.array((0, 0.5, 0))))
    assert (yaw, pitch, roll) == pytest.approx((np.degrees(0.5), 0, 0), abs=1e-9)


def test_rectangles_clip_grow_and_join() -> None:
    rect = Rect(-5, 2, 20, 30).clipped(10, 12)
    assert rect == Rect(0, 2, 10, 12)
    assert rect.grown(3).clipped(100, 100) == Rect(0, 0, 13, 15)
    assert Rect(0, 0, 2, 2).union(Rect(5, 5, 6, 6)) == Rect(0, 0, 6, 6)
    assert Rect(3, 3, 3, 9).empty


def test_an_i420_frame_returns_the_size_of_its_image() -> None:
    assert Frame(np.zeros((180, 160), np.uint8), 0, 0.0, PixelFormat.I420).size == (160, 120)


def test_an_unknown_name_suggests_the_nearest_one() -> None:
    table: Registry[object] = Registry("sink", {"preview": "x:y", "record": "x:y"})
    with pytest.raises(ConfigError, match='did you mean "preview"') as caught:
        table.get("previw")
    assert "record" in caught.value.hint
