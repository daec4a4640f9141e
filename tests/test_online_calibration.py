"""Online calibration: the ranges of a face are estimated during a run and used in the next one."""

from __future__ import annotations

import json
import logging
import multiprocessing
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livecam.avatar.base import Profile
from livecam.avatar.expression import ExpressionGains, blinks
from livecam.calibration import online as online
from livecam.calibration import profile as profiles
from livecam.calibration import range_estimator
from livecam.calibration.guided import profile_rows
from livecam.calibration.online import OnlineCalibration, wearer_profile
from livecam.calibration.profile import (
    delete_profile,
    load_online_estimate,
    load_profile,
    save_online_estimate,
    save_profile,
)
from livecam.calibration.range_estimator import RangeEstimator, merged
from livecam.calibration.ranges import OnlineEstimate, WeightRanges
from livecam.cli.main import execute
from livecam.config.assets import asset_path
from livecam.config.settings import AvatarSettings, Settings
from livecam.core.face import EXPRESSIONS, INDEX, FacePose, FaceState, Weights
from livecam.core.spaces import quaternion_from_vector
from livecam.filtering.expression import ExpressionFilter
from livecam.live import run as live_run
from livecam.live import session
from livecam.live.loop import LiveLoop
from livecam.media.reader import VideoReader
from livecam.motion.base import Listener
from livecam.tracking.base import ScriptedTracker
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.faces import face

FPS = 20.0
PUCKER, JAW = INDEX["mouthPucker"], INDEX["jawOpen"]
NARROW = {"mouthPucker": 0.3, "eyeBlinkLeft": 0.36, "eyeBlinkRight": 0.34, "eyeSquintLeft": 0.3}


def weights(**named: float) -> Weights:
    out = np.zeros(len(EXPRESSIONS), np.float32)
    for name, value in named.items():
        out[INDEX[name]] = value
    return out


def resting(
    seconds: float, *, yaw_deg: float = 0.0, m_per_s: float = 0.0, noise: float = 0.0, **rest: float
) -> Iterator[FaceState]:
    """Yields a resting face for so long."""
    random, still = np.random.default_rng(1), weights(**rest)
    turned = quaternion_from_vector(np.array((0.0, np.radians(yaw_deg), 0.0)))
    for index in range(round(seconds * FPS)):
        at = index / FPS
        # To and fro within the picture.
        x = m_per_s * abs((at % 0.8) - 0.4)
        shown = np.clip(still + noise * random.standard_normal(52), 0, 1).astype(np.float32)
        yield FaceState(FacePose(np.array((x, 0.0, -0.6)), turned), shown, 1.09, at)


def blinking(
    seconds: float, left: float, right: float, shut_s: float = 0.2, **more: float
) -> Iterator[FaceState]:
    """Open eyes that shut every two seconds."""
    for state in resting(seconds):
        shut = state.at % 2.0 < shut_s
        lids = {"eyeBlinkLeft": left, "eyeBlinkRight": right, **more} if shut else {}
        yield FaceState(state.pose, weights(**lids), 1.09, state.at)


def after(faces: Iterator[FaceState], estimator: RangeEstimator | None = None) -> RangeEstimator:
    estimator = estimator or RangeEstimator()
    for state in faces:
        estimator.observe(state)
    return estimator


def lids(profile: Profile, left: float, right: float) -> np.ndarray:
    raw = weights(eyeBlinkLeft=left, eyeBlinkRight=right)
    return blinks(profile.normalised(raw).astype(float))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(profiles, "user_data_folder", lambda: tmp_path)
    return tmp_path


# --- estimates -----------------------------------------------------------------------------


def test_without_an_estimate_only_noise_is_changed():
    unknown = RangeEstimator()
    for name in EXPRESSIONS:
        level = np.array(
            [unknown.normalised(weights(**{name: x}))[INDEX[name]] for x in (0.0, 0.6)]
        )
        assert level == pytest.approx((0.0, 0.6), abs=0.025), name


def test_a_resting_pucker_and_half_closed_eyes_are_removed_after_half_a_minute():
    estimator = after(resting(30, **NARROW))
    raw = weights(**NARROW)
    assert estimator.normalised(raw)[PUCKER] < 0.03
    assert blinks(raw.astype(float)).min() > 0.05
    assert lids(estimator, 0.36, 0.34).max() == 0
    assert lids(estimator, 0.65, 0.65).min() > 0.95
    assert estimator.normalised(weights(mouthPucker=0.9))[PUCKER] > 0.85


@pytest.mark.parametrize("option", [{"yaw_deg": 40.0}, {"m_per_s": 0.5}])
def test_a_face_that_is_turned_away_or_moves_is_no_rest(option):
    assert after(resting(30, mouthPucker=0.3, **option)).ranges.rest[PUCKER] == 0


def test_a_lasting_look_down_is_no_rest():
    down = {"eyeLookDownLeft": 0.6, "eyeLookDownRight": 0.6}
    estimator = after(resting(120, eyeBlinkLeft=0.35, eyeBlinkRight=0.35, mouthPucker=0.2, **down))
    assert estimator.ranges.rest[INDEX["eyeBlinkLeft"]] < 0.09
    assert estimator.ranges.rest[INDEX["eyeLookDownLeft"]] == 0
    assert estimator.ranges.rest[PUCKER] > 0.19


@pytest.mark.parametrize(
    "lasting",
    [
        {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "cheekSquintLeft": 0.3},
        {"jawOpen": 0.4, "mouthLowerDownLeft": 0.3, "mouthFunnel": 0.2},
    ],
)
def test_a_lasting_smile_or_open_mouth_does_not_become_the_rest(lasting):
    estimator = after(resting(120, **lasting))
    assert np.all(estimator.ranges.rest == RangeEstimator().ranges.rest)


def test_the_rest_is_estimated_in_the_pauses_of_talking_and_blinking():
    def talking() -> Iterator[FaceState]:
        for state in resting(120):
            says = max(0.0, np.sin(2 * np.pi * 2.2 * state.at)) * (state.at % 6 < 5)
            shut = 0.5 * (state.at % 3 < 0.2)
            shown = weights(jawOpen=0.5 * says, mouthFunnel=0.4 * says, mouthPucker=0.15,
                            eyeBlinkLeft=0.12 + shut, eyeBlinkRight=0.12 + shut)  # fmt: skip
            yield FaceState(state.pose, shown, 1.09, state.at)

    rest = after(talking()).ranges.rest
    assert rest[PUCKER] == pytest.approx(0.15, abs=0.01)
    assert rest[INDEX["eyeBlinkLeft"]] == pytest.approx(0.12, abs=0.02)
    assert rest[JAW] < 0.02
    assert rest[INDEX["mouthFunnel"]] < 0.02


def test_an_eye_that_is_measured_less_shut_behind_glasses_is_shut_in_the_end():
    estimator = after(blinking(60, 0.36, 0.6))
    assert blinks(weights(eyeBlinkLeft=0.36, eyeBlinkRight=0.6).astype(float))[0] < 0.8
    assert lids(estimator, 0.36, 0.6).min() > 0.9
    assert lids(estimator, 0.05, 0.05).max() == 0


@pytest.mark.parametrize(
    "shut",
    [
        {"left": 0.4, "right": 0.1},
        {"shut_s": 1.2, "eyeLookDownLeft": 0.6, "eyeLookDownRight": 0.6},
    ],
)
def test_winks_and_long_looks_down_do_not_count_as_blinks(shut):
    estimator = after(blinking(60, **{"left": 0.4, "right": 0.4, **shut}))
    assert lids(estimator, 0.4, 0.4) == pytest.approx(lids(RangeEstimator(), 0.4, 0.4), abs=0.02)


def test_a_wink_stays_a_wink_after_calibration():
    left, right = lids(after(resting(40, **NARROW)), 0.65, 0.34)
    assert left > 0.95
    assert right < 0.05


def test_a_real_persons_winks_stay_winks_after_calibration(shared):
    """Of lp_d3; which frames, tests/test_winks.py says."""
    rows, steadied, tracker = [], ExpressionFilter(), FaceLandmarker(asset_path("face-landmarker"))
    with VideoReader(shared / "clips" / "lp_d3.mp4") as film:
        for frame in islice(film, 131):
            (face,) = tracker.track(frame).faces
            rows.append(steadied.step(face.weights, 1 / 25 if rows else 0.0).copy())
    tracker.close()
    ahead = next(resting(1)).pose
    estimator = after(FaceState(ahead, rows[k % 131], 1.09, k / 25) for k in range(60 * 25))
    shut = np.array([blinks(estimator.normalised(each).astype(float)) for each in rows])
    assert estimator.observed_s > 10
    assert min(shut[8:19, 0].min(), shut[36:45, 1].min(), shut[116:131].min()) > 0.9
    assert max(shut[8:19, 1].max(), shut[36:45, 0].max(), shut[24:31].max()) < 0.1
    assert shut[66:105].max() < 0.5


def test_noise_at_rest_is_not_amplified():
    def at_rest(profile: Profile | None) -> np.ndarray:
        gains = ExpressionGains({}, profile=profile)
        rows = [gains.morphs(s.weights, 1 / FPS) for s in resting(40, noise=0.02, **NARROW)]
        return np.array(rows[-400:])

    estimator = after(resting(40, noise=0.02, **NARROW))
    ours = [i for i, name in enumerate(EXPRESSIONS) if not name.startswith("eyeLook")]
    with_it, without = at_rest(estimator)[:, ours], at_rest(None)[:, ours]
    assert np.all(with_it.std(axis=0) <= without.std(axis=0) + 1e-3)
    assert np.sqrt((with_it**2).mean()) < 0.6 * np.sqrt((without**2).mean())


def test_a_range_grows_with_the_measured_maximum_and_decays():
    def opened(estimator: RangeEstimator) -> float:
        return float(estimator.normalised(weights(jawOpen=0.65))[JAW])

    estimator = after(resting(20, jawOpen=0.95))
    assert estimator.ranges.maximum[JAW] > 0.9
    assert opened(estimator) < 0.6
    after(resting(900), estimator)
    assert estimator.ranges.maximum[JAW] == pytest.approx(0.65, abs=0.03)


def test_the_estimate_adapts_to_another_person_within_a_minute():
    estimator = after(resting(300, **NARROW))
    after(resting(60), estimator)
    assert estimator.ranges.rest[PUCKER] < 0.02
    after(resting(60, browInnerUp=0.25), estimator)
    assert estimator.normalised(weights(browInnerUp=0.25))[INDEX["browInnerUp"]] < 0.03


def test_a_guided_calibration_is_corrected_only_a_little():
    utmost = np.full(52, np.nan)
    utmost[JAW] = 0.4
    guided = WeightRanges(weights(mouthPucker=0.1).astype(float), utmost)
    estimator = after(resting(600, mouthPucker=0.4), RangeEstimator(guided=guided))
    after(resting(20, jawOpen=0.9), estimator)
    assert estimator.ranges.maximum[JAW] == 0.4
    assert estimator.ranges.rest[PUCKER] == pytest.approx(0.2)
    first = after(resting(5, mouthPucker=0.4), RangeEstimator(guided=guided))
    assert first.ranges.rest[PUCKER] < 0.12


# --- what is kept --------------------------------------------------------------------------


def observed(calibration: OnlineCalibration, faces: Iterator[FaceState]) -> OnlineCalibration:
    for state in faces:
        calibration.observe(state, state.at)
    calibration.close()
    return calibration


def morphs_of_the_first_seconds(profile: Profile | None) -> np.ndarray:
    gains = ExpressionGains({}, profile=profile)
    return np.array([gains.morphs(state.weights, 1 / FPS) for state in resting(10, **NARROW)])


def test_the_first_seconds_of_the_second_run_are_at_rest_already(kept):
    observed(OnlineCalibration("default"), resting(60, **NARROW))
    second = OnlineCalibration("default")
    before = np.sqrt((morphs_of_the_first_seconds(None) ** 2).mean())
    assert np.sqrt((morphs_of_the_first_seconds(second) ** 2).mean()) < 0.1 * before


def test_only_numbers_of_the_expressions_are_kept_for_their_owner_alone(kept):
    observed(OnlineCalibration("default"), resting(20, **NARROW))
    (path,) = [path for path in kept.rglob("*") if path.is_file()]
    said = json.loads(path.read_text())
    assert set(said) == {"format", "rest", "utmost", "quiet", "known_s"}
    numbers = [*said["rest"].values(), *said["utmost"].values(), *said["quiet"].values()]
    assert len(numbers) <= 3 * 52
    assert all(0 <= number <= 1 for number in numbers)
    assert path.stat().st_mode & 0o077 == 0


def test_a_guest_of_a_minute_hardly_changes_the_estimate():
    host = after(resting(600, **NARROW))
    before = OnlineEstimate(host.ranges, host.observed_s)
    guest = after(resting(60), RangeEstimator(host.ranges, host.observed_s))
    assert guest.ranges.rest[PUCKER] < 0.02
    assert merged(before, guest).ranges.rest[PUCKER] > 0.24


def test_an_estimate_from_a_few_seconds_is_not_saved(kept):
    observed(OnlineCalibration("default"), resting(2, **NARROW))
    assert load_online_estimate("default") is None


def test_long_runs_save_their_estimate_every_few_minutes(kept):
    calibration = OnlineCalibration("default")
    for state in resting(online.SAVE_EVERY_S + 2, **NARROW):
        calibration.observe(state, state.at)
    assert calibration._writer is not None
    calibration._writer.join(5)
    estimate = load_online_estimate("default")
    assert estimate is not None
    assert estimate.ranges.rest[PUCKER] == pytest.approx(0.3, abs=0.01)


def test_a_profile_deleted_during_a_run_is_not_written_again(kept):
    observed(OnlineCalibration("default"), resting(20, **NARROW))
    running = OnlineCalibration("default")
    for state in resting(20, **NARROW):
        running.observe(state, state.at)
    assert profiles.delete_profile("default")
    running.close()
    assert load_online_estimate("default") is None
    assert running.normalised(weights(**NARROW))[PUCKER] < 0.05  # the show goes on as it was


def test_a_new_guided_calibration_during_a_run_discards_the_estimate(kept):
    observed(OnlineCalibration("default"), resting(20, **NARROW))
    running = OnlineCalibration("default")
    for state in resting(20, **NARROW):
        running.observe(state, state.at)
    save_profile("default", WeightRanges(np.zeros(52), np.full(52, np.nan)))
    profiles.online_path("default").unlink()
    running.close()
    assert load_online_estimate("default") is None


def test_a_run_may_write_its_own_file_twice(kept):
    calibration = OnlineCalibration("default")
    for state in resting(2 * online.SAVE_EVERY_S + 2, **NARROW):
        calibration.observe(state, state.at)
        if calibration._writer is not None:
            calibration._writer.join(5)
    calibration.close()
    estimate = load_online_estimate("default")
    assert estimate is not None
    assert estimate.observed_s > 1.5 * online.SAVE_EVERY_S * 0.9


def test_a_weight_that_is_nan_is_not_used():
    estimator = after(resting(20, **NARROW))
    for state in resting(2):
        broken = state.weights.copy()
        broken[JAW] = np.nan
        estimator.observe(replace(state, weights=broken, at=state.at + 100))
    after(resting(5), estimator)
    assert np.isfinite(estimator.ranges.rest).all()


def test_deleting_a_profile_keeps_the_others(kept):
    for name in ("a", "a.b", "ab"):
        save_profile(name, WeightRanges(np.zeros(52), np.full(52, np.nan)))
    others = kept / "profiles" / "a.b.77.new"
    others.write_text("")
    (kept / "profiles" / "a.12.new").write_text("")
    unfinished = ".a.unfinished-0123456789abcdef.json"  # of a run that was cut off
    (kept / "profiles" / unfinished).write_text("")
    assert profiles.list_profiles() == ["a", "a.b", "ab"]
    deleted = {path.name for path in profiles.delete_profile("a")}
    assert deleted == {"a.json", "a.12.new", unfinished}
    assert others.exists()
    assert profiles.list_profiles() == ["a.b", "ab"]


@pytest.mark.parametrize("text", ["", '{"format": 1, "rest": {', '{"format":1,"rest":{"x":1}}'])
def test_a_broken_file_is_logged_once_and_moved_aside(text, kept, caplog):
    path = profiles.online_path("default")
    path.parent.mkdir()
    path.write_text(text)
    with caplog.at_level(logging.WARNING):
        observed(OnlineCalibration("default"), resting(20, **NARROW))
    assert len(caplog.records) == 1
    assert "learnt anew" in caplog.text
    assert path.with_suffix(".broken").read_text() == text
    assert load_online_estimate("default") is not None


def test_a_full_disk_is_logged_once_and_the_run_goes_on(kept, caplog):
    (kept / "learnt").write_text("a file, where a folder should be")
    calibration = OnlineCalibration("default")
    with caplog.at_level(logging.WARNING):
        observed(calibration, resting(20, **NARROW))
        calibration.close()
    assert [r for r in caplog.records if "is not kept" in r.message] == caplog.records
    assert len(caplog.records) == 1
    assert calibration.normalised(weights(**NARROW))[PUCKER] < 0.05


def _write_often(folder: Path, level: float) -> None:
    profiles.user_data_folder = lambda: folder
    for _ in range(60):
        save_online_estimate(
            "me", OnlineEstimate(WeightRanges(np.full(52, level), np.full(52, level)), 9.0)
        )


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_of_two_concurrent_writers_the_last_file_is_complete(kept):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_often, args=(kept, v)) for v in (0.25, 0.5)]
    for writer in writers:
        writer.start()
    found = set()
    while any(writer.is_alive() for writer in writers):
        estimate = load_online_estimate("me")
        if estimate is not None:
            found.add(tuple(np.unique((*estimate.ranges.rest, *estimate.ranges.maximum))))
    for writer in writers:
        writer.join()
    assert found
    assert found <= {(0.25,), (0.5,)}
    assert [path.name for path in (kept / "learnt").iterdir()] == ["me.json"]


def test_kept_numbers_can_be_printed_and_deleted(kept):
    assert profile_rows("default") == []
    save_profile("default", WeightRanges(weights(jawOpen=0.1).astype(float), np.full(52, np.nan)))
    observed(OnlineCalibration("default"), resting(60, **NARROW))
    row = next(row for row in profile_rows("default") if row["expression"] == "mouthPucker")
    assert row["learnt_rest"] == pytest.approx(0.3, abs=0.01)
    assert row["asked_rest"] == 0
    assert len(delete_profile("default")) == 2
    assert [path for path in kept.rglob("*") if path.is_file()] == []


def test_online_calibration_does_not_change_a_guided_profile(kept):
    path = save_profile("me", WeightRanges(weights(jawOpen=0.1).astype(float), np.full(52, np.nan)))
    before = path.read_bytes()
    observed(OnlineCalibration("me", load_profile("me")), resting(60, **NARROW))
    assert load_online_estimate("me") is not None
    assert path.read_bytes() == before


def test_the_command_line_prints_and_deletes_kept_numbers(kept, capsys):
    observed(OnlineCalibration("default"), resting(60, **NARROW))
    (estimate,) = (kept / "learnt").iterdir()
    (kept / "learnt" / "default.77.new").write_text("left behind by a crash")
    assert execute(["calibrate", "--show", "--json"]) == 0
    rows = {row["expression"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(EXPRESSIONS)
    assert rows["mouthPucker"]["learnt_rest"] == pytest.approx(0.3, abs=0.01)
    assert "learnt_utmost" not in rows["mouthShrugUpper"]
    assert execute(["calibrate", "--show"]) == 0
    out, err = capsys.readouterr()
    assert "learnt rest" in out
    assert str(estimate) in err.splitlines()
    assert execute(["calibrate", "--forget"]) == 0
    assert str(estimate) in capsys.readouterr().out.splitlines()
    assert [path for path in kept.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("option", ["--show", "--forget"])
def test_the_command_line_says_when_nothing_is_kept(option, kept, capsys):
    assert execute(["calibrate", option]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("nothing ")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--show", "--forget"], "--show and --forget exclude each other"),
        (["--forget", "--profile", "../me"], '"../me" cannot name a profile'),
        (["--show", "--profile", "nobody"], 'no profile is called "nobody"'),
    ],
)
def test_the_command_line_refuses_in_one_sentence(words, error, kept, capsys):
    assert execute(["calibrate", *words]) > 0
    out, err = capsys.readouterr()
    assert out == ""
    assert error in err
    assert "hint: " in err


def test_no_learn_is_an_option_of_the_run_command(capsys):
    assert execute(["run", "--help"]) == 0
    assert "--learn/--no-learn" in capsys.readouterr().out.replace(",", "/").replace(" ", "")
    assert execute(["convert", "--help"]) == 0
    assert "--learn" not in capsys.readouterr().out


# --- faces that are estimated --------------------------------------------------------------


def learners(source: str, **settings: object) -> tuple[Profile | None, list[Listener]]:
    heard: list[Listener] = []
    with ExitStack() as stack:
        profile = wearer_profile(AvatarSettings.model_validate(settings), source, heard, stack)
        for listener in heard:
            for state in resting(20, **NARROW):
                listener.observe(state, state.at)
    return profile, heard


def test_only_faces_of_a_camera_are_estimated(kept, clip):
    save_profile("me", WeightRanges(np.zeros(52), np.full(52, np.nan)))
    for source in ("sample", "pattern", str(clip())):
        profile, heard = learners(source, profile="me")
        assert isinstance(profile, WeightRanges)  # what was asked for counts
        assert heard == []
        assert learners(source) == (None, [])
        assert load_online_estimate("me") is None
        assert load_online_estimate("default") is None
    learners("/dev/video0")
    assert load_online_estimate("default") is not None


def test_with_no_learn_no_estimate_is_written_or_read(kept):
    assert learners("0", learn=False) == (None, [])
    assert list(kept.iterdir()) == []
    learners("0")
    assert learners("0", learn=False) == (None, [])


def test_with_several_people_none_is_estimated(kept):
    profile, heard = learners("0", people=2)
    assert profile is not None
    assert heard == []
    assert list(kept.iterdir()) == []


def test_a_face_moved_by_a_performer_is_not_used(kept):
    calibration = OnlineCalibration("default")
    for s in resting(20, **NARROW):
        moved = FaceState(s.pose, s.weights, 1.09, s.at, arkit_mask=np.zeros(52, bool))
        calibration.observe(moved, s.at)
    calibration.close()
    assert load_online_estimate("default") is None


def end_when_observed(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends each live run once that much of a resting face was observed, however slow it is."""
    loops: list[LiveLoop] = []
    observe, make = OnlineCalibration.observe, LiveLoop.__init__

    def made(self: LiveLoop, *args: Any, **kwargs: Any) -> None:
        loops.append(self)
        make(self, *args, **kwargs)

    def observed(self: OnlineCalibration, face: FaceState | None, now: float) -> None:
        observe(self, face, now)
        if self._estimator.run_s >= seconds:
            loops[-1].stop()

    monkeypatch.setattr(LiveLoop, "__init__", made)
    monkeypatch.setattr(OnlineCalibration, "observe", observed)


def test_the_second_run_of_the_real_pipeline_starts_calibrated(kept, tmp_path, monkeypatch):
    """`livecam run` as a whole, but for the tracker: a face that rests with puckered lips."""
    picture = tmp_path / "room.png"
    cv2.imwrite(str(picture), np.full((120, 160, 3), 90, np.uint8))
    save_profile("me", WeightRanges(np.zeros(52), np.full(52, np.nan)))
    monkeypatch.setattr(online, "MIN_OBSERVED_S", 0.2)
    monkeypatch.setattr(range_estimator, "MAX_GAP_S", 5.0)  # a busy machine draws slowly
    monkeypatch.setattr(online, "is_camera", lambda source: True)
    end_when_observed(0.5, monkeypatch)
    narrow = face(**{name: 0.5 * rest for name, rest in NARROW.items()})
    monkeypatch.setattr(
        session, "tracker_factory", lambda settings: lambda: ScriptedTracker(lambda f: (narrow,))
    )
    off = {"remove_head": False, "neck": False, "hands": False, "light": 0, "camera_match": 0}
    settings = Settings.model_validate(
        {
            "source": {"source": str(picture), "fps": 30},
            "avatar": {"profile": "me"},
            "picture": off,
            "render": {"tier": "light"},
            "sinks": {"virtual_camera": False, "preview": False, "png": str(tmp_path / "png")},
        }
    )
    rests = []
    for _ in range(2):
        assert live_run.run(settings, seconds=60) == 0
        estimate = load_online_estimate("me")
        assert estimate is not None
        rests.append(estimate.ranges.rest[PUCKER])
    assert 0 < rests[0] < rests[1] <= 0.1
