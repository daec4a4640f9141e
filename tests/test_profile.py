"""Profiles map the measured weights of one person to those of a typical face."""

import json

import numpy as np
import pytest

from livecam.avatar.expression import ExpressionGains, blinks
from livecam.calibration import profile as profiles
from livecam.calibration.guided import STEPS, CalibrationStep, ranges_of, recorded_steps
from livecam.calibration.profile import load_profile, save_profile
from livecam.calibration.ranges import WeightRanges
from livecam.core.errors import ConfigError, TrackingError
from livecam.core.face import EXPRESSIONS, INDEX
from livecam.core.observation import Observation
from tests.faces import face, frame

LEFT, RIGHT = INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]


def weights(**named: float):
    out = np.zeros(len(EXPRESSIONS), np.float32)
    for name, value in named.items():
        out[INDEX[name]] = value
    return out


def person(rest: dict[str, float], utmost: dict[str, float]) -> WeightRanges:
    far = np.full(len(EXPRESSIONS), np.nan)
    for name, value in utmost.items():
        far[INDEX[name]] = value
    return WeightRanges(weights(**rest).astype(float), far)


def lids(profile: WeightRanges | None, left: float, right: float):
    raw = weights(eyeBlinkLeft=left, eyeBlinkRight=right)
    return blinks((raw if profile is None else profile.normalised(raw)).astype(float))


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "user_data_folder", lambda: tmp_path)
    return tmp_path


def test_narrow_eyes_at_rest_are_open_and_still_shut():
    narrow = person(
        {"eyeBlinkLeft": 0.38, "eyeBlinkRight": 0.38},
        {"eyeBlinkLeft": 0.62, "eyeBlinkRight": 0.62},
    )
    assert lids(None, 0.38, 0.38).min() > 0.1  # without a profile they hang
    assert lids(narrow, 0.38, 0.38).max() == pytest.approx(0, abs=0.01)
    assert lids(narrow, 0.62, 0.62).min() > 0.95


def test_an_eye_that_is_measured_less_shut_behind_glasses_shuts_as_far():
    glasses = person(
        {"eyeBlinkLeft": 0.1, "eyeBlinkRight": 0.1},
        {"eyeBlinkLeft": 0.38, "eyeBlinkRight": 0.65},
    )
    calibrated = glasses.normalised(weights(eyeBlinkLeft=0.38, eyeBlinkRight=0.65))
    assert calibrated[LEFT] == pytest.approx(calibrated[RIGHT], abs=0.01)
    assert lids(None, 0.38, 0.65)[0] < 0.8
    assert lids(glasses, 0.38, 0.65).min() > 0.95


def test_a_wink_stays_a_wink():
    calibrated = person(
        {"eyeBlinkLeft": 0.15, "eyeBlinkRight": 0.15},
        {"eyeBlinkLeft": 0.6, "eyeBlinkRight": 0.6},
    )
    left, right = lids(calibrated, 0.6, 0.15)
    assert left > 0.95
    assert right < 0.05


def test_a_resting_pucker_is_removed_and_the_maximum_stays():
    lips = person({"mouthPucker": 0.4}, {"mouthPucker": 0.75})
    assert lips.normalised(weights(mouthPucker=0.4))[INDEX["mouthPucker"]] == 0
    assert lips.normalised(weights(mouthPucker=0.75))[INDEX["mouthPucker"]] == pytest.approx(0.9)


def test_a_weak_weight_is_restored_but_noise_is_not_made_an_expression():
    weak = person({}, {"eyeWideLeft": 0.12})
    shown = ExpressionGains({}, profile=weak).morphs(weights(eyeWideLeft=0.12), 0.0)
    without = ExpressionGains({}).morphs(weights(eyeWideLeft=0.12), 0.0)
    assert shown[INDEX["eyeWideLeft"]] > 0.9 > 0.5 > without[INDEX["eyeWideLeft"]]
    dead = person({}, {"eyeWideLeft": 0.03})
    assert dead.normalised(weights(eyeWideLeft=0.03))[INDEX["eyeWideLeft"]] == pytest.approx(0.03)


def test_weights_stay_weights_and_rise_with_what_is_measured():
    random = np.random.default_rng(1)
    some = WeightRanges(random.random(52), random.random(52))
    rising = [some.normalised(np.full(52, level, np.float32)) for level in np.linspace(0, 1, 21)]
    assert np.min(rising) >= 0
    assert np.max(rising) <= 1
    assert np.diff(rising, axis=0).min() >= 0


def test_a_profile_survives_writing_and_reading(kept):
    before = person({"mouthPucker": 0.31}, {"jawOpen": 0.71})
    path = save_profile("me", before)
    assert path == kept / "profiles" / "me.json"
    after = load_profile("me")
    assert after is not None
    assert np.allclose(after.rest, before.rest, atol=1e-4)
    assert np.allclose(after.maximum, before.maximum, atol=1e-4, equal_nan=True)


def test_the_default_profile_may_be_missing_and_others_may_not(kept):
    assert load_profile("default") is None
    save_profile("anna", person({}, {}))
    with pytest.raises(ConfigError, match='did you mean "anna"'):
        load_profile("ana")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "c:\\x"])
def test_a_profile_cannot_be_kept_elsewhere(name, kept):
    with pytest.raises(ConfigError, match="cannot name a profile"):
        save_profile(name, person({}, {}))


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"format": 2, "rest": {}, "utmost": {}}', '{"format":1,"rest":{"x":1},"utmost":{}}',
     '{"format":1,"rest":{"jawOpen":NaN},"utmost":{}}'],
)  # fmt: skip
def test_a_broken_file_is_one_clear_error(text, kept):
    (kept / "profiles").mkdir()
    (kept / "profiles" / "me.json").write_text(text)
    with pytest.raises(ConfigError, match=r"me\.json cannot be read"):
        load_profile("me")


def test_only_numbers_are_kept(kept):
    said = json.loads(save_profile("me", person({}, {"jawOpen": 0.5})).read_text())
    assert set(said) == {"format", "rest", "utmost", "quiet", "known_s"}
    assert said["utmost"] == {"jawOpen": 0.5}


def acted(steps: tuple[CalibrationStep, ...], **rest: float):
    """A person that follows the instructions, at 30 frames a second."""
    shown = {
        step.words: {name: 0.5 for name in EXPRESSIONS if name.startswith(step.prefixes)}
        for step in steps
        if step.prefixes
    }
    said: list[str] = []

    def observations():
        for index in range(3000):
            now = {**rest, **(shown.get(said[-1], {}) if said else {})}
            yield Observation(frame(index, index / 30), (face(**now),))

    return observations(), said


def test_ten_seconds_of_faces_become_a_profile():
    observations, said = acted(STEPS, mouthPucker=0.2)
    recorded = list(recorded_steps(observations, STEPS, said.append))
    profile, missed = ranges_of([step for step, _ in recorded], [rows for _, rows in recorded])
    assert [step.words for step in STEPS] == said
    assert 9 < sum(step.seconds for step in STEPS) < 12
    assert missed == []
    assert profile.rest[INDEX["mouthPucker"]] == pytest.approx(0.2, abs=1e-6)
    for name in ("eyeBlinkLeft", "eyeWideRight", "mouthSmileLeft", "jawOpen", "eyeLookUpLeft"):
        assert profile.maximum[INDEX[name]] == pytest.approx(0.5, abs=1e-6), name
    assert np.isnan(profile.maximum[INDEX["noseSneerLeft"]])


def test_a_step_in_which_nothing_changed_is_reported():
    steps = (STEPS[0], STEPS[4])
    still = [np.zeros((20, 52)), np.zeros((20, 52))]
    profile, missed = ranges_of(steps, still)
    assert missed == [STEPS[4].words]
    assert np.isnan(profile.maximum).all()


def test_without_a_face_calibration_ends_with_one_sentence():
    faceless = (Observation(frame(i, i / 30), ()) for i in range(3000))
    with pytest.raises(TrackingError, match="no face was seen"):
        list(recorded_steps(faceless, STEPS, lambda words: None))
