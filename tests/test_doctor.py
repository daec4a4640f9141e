"""The doctor gets through to the last check, and says what its findings mean together."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livecam import doctor
from livecam.audio.microphone import Microphone
from livecam.cli.command_log import run_logged
from livecam.cli.main import execute
from livecam.config.settings import Settings
from livecam.core.errors import GraphicsError, SinkError
from livecam.core.frame import Frame, PixelFormat
from livecam.core.timing import ManualClock
from livecam.doctor import Check, Report, Status, examine_all
from livecam.measure.echo import BITS, measure_echo, read_stamp, stamped
from livecam.sinks.base import OutputInfo
from livecam.sources.devices import Camera
from tests.i420 import rgba_from_i420

SPEED = {"fps": 30.0, "size": [1280, 720], "tier": "light", "delay_ms": 48.0}
LATENCY_S = 0.02


def report(**statuses: str) -> Report:
    checks = [Check(Status(status), "", name=name) for name, status in statuses.items()]
    return Report(tuple(checks))


def finds(status: Status, **facts: Any) -> Callable[[Settings], Check]:
    return lambda settings: Check(status, "", facts=facts)


def raises(error: Exception) -> Callable[[Settings], Check]:
    def examine(settings: Settings) -> Check:
        raise error

    return examine


def test_warnings_do_not_stop_the_main_job_but_failures_do():
    assert report(display="warn", graphics="ok").works
    assert not report(display="warn", graphics="fail").works


def test_the_verdict_names_failed_checks_first():
    verdict = report(python="ok", graphics="fail", display="warn", models="fail").verdict
    assert verdict.endswith("mend first: graphics, models")


def test_the_verdict_names_source_sink_and_speed():
    found = examine_all(
        Settings(),
        examinations={
            "cameras": finds(Status.OK, first='camera "BRIO"'),
            "virtual camera": finds(Status.OK, device="/dev/video2"),
            "display": finds(Status.OK, way_out="a window"),
            "speed": finds(Status.OK, **SPEED),
        },
    )
    assert found.verdict == (
        'livecam works: camera "BRIO" -> /dev/video2, '
        "30 fps at 1280x720 with the light head, 48 ms late"
    )


def test_without_devices_the_sample_is_recorded():
    found = examine_all(Settings(), examinations={"speed": finds(Status.OK, **SPEED)})
    assert "the built-in sample -> a recording" in found.verdict


def test_a_check_that_breaks_is_a_failure_and_the_next_one_still_runs():
    reported: list[Check] = []
    found = examine_all(
        Settings(),
        reported.append,
        {
            "graphics": raises(GraphicsError("no OpenGL", "install a driver")),
            "encoder": raises(RuntimeError("oops")),
            "display": finds(Status.OK),
        },
    )
    assert [check.status.value for check in found.checks] == ["fail", "fail", "ok"]
    assert (reported[0].name, reported[0].found, reported[0].remedy) == (
        "graphics",
        "no OpenGL",
        "install a driver",
    )
    assert reported[1].found == "RuntimeError: oops"
    assert tuple(reported) == found.checks


@pytest.mark.parametrize(("status", "code"), [(Status.OK, 0), (Status.WARN, 0), (Status.FAIL, 1)])
def test_the_exit_code_says_whether_the_main_job_works(
    status: Status,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(doctor, "EXAMINATIONS", {"display": finds(status)})
    assert execute(["doctor", "--json"]) == code
    shown = json.loads(capsys.readouterr().out)
    assert shown["works"] is (code == 0)
    assert shown["checks"][0] == {
        "name": "display",
        "status": status.value,
        "found": "",
        "remedy": "",
        "facts": {},
    }


@pytest.mark.parametrize(
    "name", ["python", "packages", "graphics", "models", "cameras", "encoder", "display"]
)
def test_every_check_returns_a_finding_on_this_machine(name: str):
    check = doctor.EXAMINATIONS[name](Settings())
    assert check.found
    assert bool(check.remedy) == (check.status is not Status.OK)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "_required_packages", lambda: ["numpy", "no-such-package"])
    check = doctor.EXAMINATIONS["packages"](Settings())
    assert check.status is Status.FAIL
    assert check.found == "missing: no-such-package"


def test_without_the_compiler_everything_works_slower(monkeypatch: pytest.MonkeyPatch):
    version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "numba" else version(name))
    check = doctor.EXAMINATIONS["packages"](Settings())
    assert (check.status, check.remedy) == (Status.WARN, "pip install numba")


def test_a_missing_face_model_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LIVECAM_ASSETS", raising=False)
    monkeypatch.setattr("livecam.config.assets.asset_folder", lambda: tmp_path)
    check = doctor.EXAMINATIONS["models"](Settings())
    assert check.status is Status.FAIL
    assert check.remedy == "livecam assets fetch"


def test_a_forbidden_camera_is_distinguished_from_a_missing_one(monkeypatch: pytest.MonkeyPatch):
    cameras = [Camera(0, "BRIO", "/dev/video0", forbidden=True)]
    monkeypatch.setattr("livecam.sources.devices.list_cameras", lambda: cameras)
    check = doctor.EXAMINATIONS["cameras"](Settings())
    assert check.status is Status.WARN
    assert "BRIO" in check.found
    assert "usermod" in check.remedy


def test_a_camera_that_cannot_be_read_is_a_warning_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
):
    cameras = [Camera(0, "BRIO", "/dev/no-such-camera")]
    monkeypatch.setattr("livecam.sources.devices.list_cameras", lambda: cameras)
    check = doctor.EXAMINATIONS["cameras"](Settings())
    assert check.status is Status.WARN
    assert "no-such-camera" in check.found


def test_a_missing_microphone_is_a_warning_only_when_sound_moves_the_mouth(
    monkeypatch: pytest.MonkeyPatch,
):
    there: list[Microphone] = []
    monkeypatch.setattr("livecam.audio.microphone.list_microphones", lambda: there)
    examine = doctor.EXAMINATIONS["microphone"]
    assert examine(Settings()).status is Status.OK
    by_sound = Settings.model_validate({"sound": {"mouth": "both"}})
    assert examine(by_sound).status is Status.FAIL
    assert examine(by_sound).remedy
    there.append(Microphone(2, "Desk microphone", usual=True))
    assert examine(by_sound).found == "Desk microphone"


def test_our_own_virtual_camera_is_not_taken_for_a_camera(monkeypatch: pytest.MonkeyPatch):
    cameras = [Camera(2, "livecam", "/dev/video2", virtual=True)]
    monkeypatch.setattr("livecam.sources.devices.list_cameras", lambda: cameras)
    assert "none" in doctor.EXAMINATIONS["cameras"](Settings()).found


@pytest.mark.parametrize(("fps", "status"), [(29.5, Status.OK), (12.0, Status.WARN)])
def test_the_speed_is_the_result_of_the_bench_on_the_sample(
    fps: float, status: Status, monkeypatch: pytest.MonkeyPatch
):
    asked: dict[str, Any] = {}

    def bench(settings: Settings, **arguments: Any) -> dict[str, Any]:
        asked.update(arguments)
        stages = {"track": {"wall_median": 11.3}}
        result = {"delay_ms": {"median": 48.0}, "cpu_ms_per_frame": 40.0, "stages": stages}
        return {**SPEED, **result, "fps": fps}

    monkeypatch.setattr("livecam.measure.bench.bench", bench)
    monkeypatch.setattr("livecam.sources.sample_clip.sample_clip", lambda: Path())
    examinations = {"speed": doctor.EXAMINATIONS["speed"]}
    found = examine_all(Settings(), examinations=examinations)
    assert asked["source"] == "sample"
    assert asked["seconds"] * 30 == pytest.approx(100)
    assert found.checks[0].status is status
    assert "track 11.3" in found.checks[0].found
    assert ("slowly" in found.verdict) == (status is Status.WARN)


def test_an_unmeasured_speed_does_not_hide_that_the_rest_works():
    found = examine_all(Settings(), examinations={"speed": finds(Status.WARN)})
    assert found.verdict.endswith("speed unknown")


@pytest.mark.parametrize("milliseconds", [0, 1, 12345, 0xAAAA, (1 << BITS) - 1])
def test_a_stamp_is_read_back_after_conversion(milliseconds: int):
    rgba = rgba_from_i420(stamped(640, 360, milliseconds))
    grey = cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY)
    assert read_stamp(np.asarray(grey)) == milliseconds
    assert read_stamp(np.asarray(cv2.resize(grey, (320, 240)))) == milliseconds


def test_an_ordinary_image_contains_no_stamp():
    noise = np.random.default_rng(1).integers(0, 256, (360, 640), np.uint8)
    assert read_stamp(noise) is None
    assert read_stamp(np.full((360, 640), 128, np.uint8)) is None


class Device:
    """A loop-back device in memory: what is sent can be read a little later."""

    format = PixelFormat.I420

    def __init__(self, clock: ManualClock, gives_back: bool = True) -> None:
        self._clock = clock
        self._gives_back = gives_back
        self._pictures: queue.Queue[NDArray[np.uint8]] = queue.Queue()
        self._unfinished = False
        self.closed = False

    def open(self, info: OutputInfo) -> str:
        return "memory"

    def send(self, frame: Frame) -> None:
        if self._gives_back:
            self._pictures.put(frame.image[: frame.height])
            if frame.index:
                self._pictures.join()  # the next image is sent once this one was read

    def read(self) -> NDArray[np.uint8] | None:
        if self._unfinished:
            self._pictures.task_done()
        self._unfinished = False
        try:
            picture = self._pictures.get(timeout=0.1)
        except queue.Empty:
            return None
        self._unfinished = True
        self._clock.advance(LATENCY_S)
        return picture

    def close(self) -> None:
        self.closed = True


def echo_of(device: Device, clock: ManualClock) -> Any:
    return measure_echo(device, lambda: device, OutputInfo(640, 360, 30), clock, frames=20)


def test_the_latency_of_a_device_is_measured():
    clock = ManualClock(start=70.0)  # the stamp has started over by then
    device = Device(clock)
    echo = echo_of(device, clock)
    assert (echo.sent, echo.received) == (20, 20)
    assert echo.latency_ms == pytest.approx(1000 * LATENCY_S, abs=1)
    assert device.closed


def test_frames_that_a_device_does_not_return_are_not_counted():
    clock = ManualClock()
    assert echo_of(Device(clock, gives_back=False), clock).received == 0


def test_a_device_that_breaks_is_closed():
    class Broken(Device):
        def send(self, frame: Frame) -> None:
            raise SinkError("gone")

    clock = ManualClock()
    device = Broken(clock)
    with pytest.raises(SinkError):
        echo_of(device, clock)
    assert device.closed


def test_the_log_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    check = doctor.EXAMINATIONS["log file"]
    assert check(Settings()).found == "none is written"

    def examine() -> int:
        print(check(Settings()).found)
        return 0

    run_logged(examine, tmp_path / "a.log")
    run_logged(examine, tmp_path / "nowhere" / "a.log")
    named, missing = capsys.readouterr().out.splitlines()
    assert named == str(tmp_path / "a.log")
    assert missing.startswith(f"{tmp_path / 'nowhere' / 'a.log'} is not written: ")


def test_what_a_check_found_is_logged_with_its_traceback(tmp_path: Path):
    path = tmp_path / "a.log"
    checks = {"graphics": raises(GraphicsError("no OpenGL", "install a driver"))}

    def examine() -> int:
        examine_all(Settings(), examinations=checks)
        return 0

    run_logged(examine, path)
    text = path.read_text()
    assert "fail graphics: no OpenGL" in text
    assert "    livecam.core.errors.GraphicsError: no OpenGL" in text
