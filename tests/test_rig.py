"""The rig: how large, where, and with what face."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from livecam.avatar.base import Avatar, AvatarState
from livecam.avatar.baseline import SlowQuantile
from livecam.avatar.expression import ExpressionGains, blinks
from livecam.avatar.rig import CHIN_DROP, EYES, FORWARD, LIFT, SKULL_HALF_WIDTH, SKULL_TOP, Rig
from livecam.config.settings import AvatarSettings
from livecam.core.face import EXPRESSIONS, INDEX, FaceState, Weights
from livecam.core.spaces import conjugate, decompose, euler_deg, multiply, project, rotation_vector
from tests.heads import avatar, face_at, state_at

SIZE = (1280, 720)
LEVEL = np.radians(8.0)  # the pitch at which nothing is corrected


def worn(
    pitch: float = LEVEL, yaw: float = 0.0, roll: float = 0.0, x: float = 0.0, ratio: float = 1.08
) -> FaceState:
    return state_at(face_at(np.array((x, 0, 0, pitch, yaw, roll))), ratio=ratio)


def rig(**settings: float) -> Rig:
    return Rig(avatar(), AvatarSettings(**settings))


def scale_of(state: AvatarState) -> float:
    return float(np.cbrt(np.linalg.det(state.camera_from_head[:3, :3])))


def in_face(state: AvatarState, face: FaceState, point: tuple[float, float, float]) -> np.ndarray:
    """A point of the avatar, relative to the real face."""
    homogeneous = np.array((*point, 1.0))
    return (np.linalg.inv(face.pose.matrix) @ state.camera_from_head @ homogeneous)[:3]


# --- size ----------------------------------------------------------------------------------


def test_the_size_follows_the_measured_face() -> None:
    narrow, wide = (rig().state(worn(ratio=r), *SIZE) for r in (1.0, 1.16))
    assert scale_of(wide) / scale_of(narrow) == pytest.approx(1.16)
    assert scale_of(narrow) == pytest.approx(avatar().fit.scale)


def test_the_scale_setting_enlarges_the_avatar() -> None:
    assert scale_of(rig(scale=1.3).state(worn(), *SIZE)) == pytest.approx(
        1.3 * scale_of(rig().state(worn(), *SIZE))
    )


@pytest.mark.parametrize("part", ["skull_half_width", "skull_top", "chin_drop"])
@pytest.mark.parametrize("ratio", [0.95, 1.08, 1.25])
def test_a_tight_avatar_grows_until_it_encloses_the_real_head(part: str, ratio: float) -> None:
    """Even when the wearer asks for a small one: what must be hidden is hidden."""
    roomy = avatar()
    tight = dataclasses.replace(
        roomy, fit=dataclasses.replace(roomy.fit, **{part: 0.6 * getattr(roomy.fit, part)})
    )
    face = worn(ratio=ratio)
    state = Rig(tight, AvatarSettings(scale=0.8)).state(face, *SIZE)
    fit, scale = tight.fit, scale_of(state)
    lift = LIFT * scale
    assert fit.skull_half_width * scale >= SKULL_HALF_WIDTH * ratio - 1e-9
    assert fit.skull_top * scale + lift >= SKULL_TOP * ratio - 1e-9
    assert fit.chin_drop * scale - lift >= CHIN_DROP * ratio - 1e-9


# --- place ---------------------------------------------------------------------------------


def test_the_eyes_sit_above_the_real_ones() -> None:
    for roll in (0.0, -0.3):
        face = worn(roll=roll, x=0.1)
        state = rig().state(face, *SIZE)
        above = in_face(state, face, avatar().fit.eye_line) - EYES
        assert above == pytest.approx((0, LIFT * scale_of(state), 0), abs=1e-3)


def test_in_profile_the_avatar_moves_forward() -> None:
    eyes = avatar().fit.eye_line
    for yaw, forward in ((0.0, 0.0), (np.radians(60), FORWARD), (np.radians(-60), FORWARD)):
        face = worn(yaw=yaw, pitch=0.0)
        front = Rig(avatar(), AvatarSettings())
        front.state(worn(), *SIZE)  # a level posture, so that nothing is corrected
        moved = in_face(front.state(face, *SIZE), face, eyes) - EYES
        assert moved[2] == pytest.approx(forward, abs=1e-3)


@pytest.mark.parametrize("pitch_deg", [-12.0, 0.0, 14.0])
def test_levelling_leaves_the_chin_where_it_is(pitch_deg: float) -> None:
    """Turned about the eyes, the avatar's chin would swing back and bare the real one."""
    fit = avatar().fit
    chin = (fit.eye_line[0], fit.eye_line[1] - fit.chin_drop, fit.eye_line[2])
    level, up = worn(), worn(pitch=np.radians(pitch_deg))
    places = [in_face(rig().state(face, *SIZE), face, chin) for face in (level, up)]
    assert places[1] == pytest.approx(places[0], abs=1e-9)


def test_the_head_turns_as_the_face_does() -> None:
    for turn in ({"yaw": 0.6}, {"roll": -0.5}, {"yaw": -0.4, "roll": 0.3}):
        face = worn(**turn)
        head = decompose(rig().state(face, *SIZE).camera_from_head)[1]
        apart = rotation_vector(multiply(conjugate(face.pose.rotation), head))
        assert apart[1:] == pytest.approx((0, 0), abs=1e-9)  # nothing but a nod
        assert abs(apart[0]) < np.radians(3)


@pytest.mark.parametrize("pitch_deg", [-4.0, 0.0, 8.0])
def test_a_head_that_looks_up_is_levelled_by_four_fifths(pitch_deg: float) -> None:
    state = rig().state(worn(pitch=np.radians(pitch_deg)), *SIZE)
    shown = euler_deg(decompose(state.camera_from_head)[1])[1]
    assert shown == pytest.approx(8 - 0.2 * (8 - pitch_deg))


def test_no_head_is_levelled_by_more_than_ten_degrees() -> None:
    state = rig().state(worn(pitch=np.radians(-14)), *SIZE)
    assert euler_deg(decompose(state.camera_from_head)[1])[1] == pytest.approx(-4)


def test_a_head_that_looks_down_is_not_levelled() -> None:
    """Raising it would bare the chin."""
    state = rig().state(worn(pitch=np.radians(14)), *SIZE)
    assert euler_deg(decompose(state.camera_from_head)[1])[1] == pytest.approx(14)


def test_a_nod_is_shown_as_a_nod() -> None:
    """Levelling takes the posture away, not the movement."""
    used = rig()
    shown = []
    for i in range(60):
        nod = np.radians(20) * np.sin(i / 5)
        face = dataclasses.replace(worn(pitch=LEVEL + nod), at=i / 30)
        shown.append(euler_deg(decompose(used.state(face, *SIZE).camera_from_head)[1])[1])
    assert max(shown) - min(shown) == pytest.approx(40, abs=2)


def test_the_body_turns_a_share_about_the_neck() -> None:
    for axis, share in (("pitch", 0.30), ("yaw", 0.35), ("roll", 0.50)):
        face = worn(**{"pitch": 0.0, axis: 0.5})
        state = rig(life=0.0).state(face, *SIZE)
        turned = decompose(state.camera_from_body)[1]
        angle = 2 * np.arccos(min(1.0, abs(float(turned[0]))))
        assert angle == pytest.approx(0.5 * share)
        pivot = np.array((*avatar().fit.neck_pivot, 1.0))
        joint = state.camera_from_head @ pivot
        assert state.camera_from_body @ pivot == pytest.approx(joint)
        assert np.linalg.det(state.camera_from_body[:3, :3]) == pytest.approx(
            np.linalg.det(state.camera_from_head[:3, :3])
        )


def test_the_velocity_is_that_of_the_projected_eyes() -> None:
    used = rig()
    first = used.state(worn(), *SIZE)
    second = used.state(dataclasses.replace(worn(x=0.01), at=1 / 30), *SIZE)
    assert first.velocity_px == (0.0, 0.0)
    eyes = np.array((avatar().fit.eye_line,))
    moved = project(second.camera_from_head, eyes, *SIZE) - project(
        first.camera_from_head, eyes, *SIZE
    )
    assert second.velocity_px == pytest.approx(tuple(moved[0]))
    assert second.velocity_px[0] > 5


def test_after_reset_a_rig_behaves_like_a_new_one() -> None:
    rng = np.random.default_rng(1)
    used, fresh = rig(), rig()

    def some(i: int) -> FaceState:
        face = dataclasses.replace(worn(pitch=0.3 * np.sin(i), yaw=0.1 * i), at=i / 10)
        weights = rng.uniform(0, 0.6, 52).astype(np.float32)
        return dataclasses.replace(face, weights=weights)

    for i in range(100):
        used.state(some(i), *SIZE)
    used.reset()
    for i in range(30):
        face = some(i)
        a, b = used.state(face, *SIZE), fresh.state(face, *SIZE)
        np.testing.assert_array_equal(a.camera_from_head, b.camera_from_head)
        np.testing.assert_array_equal(a.camera_from_body, b.camera_from_body)
        np.testing.assert_array_equal(a.morphs, b.morphs)
        assert a.velocity_px == b.velocity_px


def test_the_same_time_again_gives_the_same_head() -> None:
    used, face = rig(), worn(pitch=-0.1)
    a, b = used.state(face, *SIZE), used.state(face, *SIZE)
    np.testing.assert_array_equal(a.camera_from_head, b.camera_from_head)
    np.testing.assert_array_equal(a.morphs, b.morphs)


# --- expression ----------------------------------------------------------------------------


def weights(**values: float) -> Weights:
    out = np.zeros(len(EXPRESSIONS), np.float32)
    for name, value in values.items():
        out[INDEX[name]] = value
    return out


def shown(
    name: str, strength: float = 1.0, gains: dict[str, float] | None = None, **values: float
) -> float:
    morphs = ExpressionGains(gains or {}, strength).morphs(weights(**values), 0.0)
    return float(morphs[INDEX[name]])


def lids(left: float, right: float, look_down: float = 0.0) -> tuple[float, float]:
    raw = weights(
        eyeBlinkLeft=left,
        eyeBlinkRight=right,
        eyeLookDownLeft=look_down,
        eyeLookDownRight=look_down,
    )
    return tuple(blinks(raw.astype(np.float64)))


def test_a_face_without_expression_shows_none() -> None:
    assert ExpressionGains({}).morphs(weights(), 0.0).max() == 0


def test_open_eyes_are_open_and_shut_eyes_are_shut() -> None:
    assert lids(0.2, 0.25) == pytest.approx((0, 0))
    assert lids(0.75, 0.8, 0.7) == pytest.approx((1, 1))


def test_lids_that_sink_because_the_eyes_look_down_are_half_open() -> None:
    assert 0.1 < lids(0.51, 0.36, 0.64)[0] < 0.6


@pytest.mark.parametrize(("left", "right"), [(0.50, 0.11), (0.11, 0.46), (0.39, 0.09)])
def test_a_wink_is_one_shut_eye(left: float, right: float) -> None:
    """As measured at a real wink: the shut eye never reads above 0.55."""
    wink = lids(left, right)
    assert max(wink) > 0.8
    assert min(wink) == pytest.approx(0, abs=0.01)
    assert (wink[0] > wink[1]) == (left > right)


@pytest.mark.parametrize(("left", "right"), [(0.49, 0.75), (0.36, 0.62), (0.25, 0.40)])
def test_a_lopsided_blink_is_no_wink(left: float, right: float) -> None:
    blink = lids(left, right)
    assert blink[0] == pytest.approx(blink[1], abs=0.05)


def test_a_resting_brow_is_not_lowered() -> None:
    """A resting level is estimated and subtracted; a frown on top of it stays."""
    gains = ExpressionGains({})
    for _ in range(900):
        rest = gains.morphs(weights(browDownLeft=0.3), 1 / 30)
    frown = gains.morphs(weights(browDownLeft=0.8), 1 / 30)
    assert rest[INDEX["browDownLeft"]] < 0.01
    assert frown[INDEX["browDownLeft"]] > 0.4


def test_a_lasting_smile_is_never_taken_for_rest() -> None:
    gains = ExpressionGains({})
    for _ in range(900):
        smile = gains.morphs(weights(mouthSmileLeft=0.7), 1 / 30)
    assert smile[INDEX["mouthSmileLeft"]] == pytest.approx(0.7 * 1.25)


def test_an_open_mouth_is_round_unless_it_smiles() -> None:
    assert shown("mouthFunnel", jawOpen=0.6) == pytest.approx(0.75 * 0.9, abs=0.01)
    assert shown("mouthFunnel", jawOpen=0.6, mouthSmileLeft=0.7) < 0.1


def test_an_open_mouth_does_not_open_shut_eyes() -> None:
    assert shown("eyeWideLeft", jawOpen=0.6) > 0.1
    assert shown("eyeWideLeft", jawOpen=0.6, eyeBlinkLeft=0.8, eyeBlinkRight=0.8) == 0


def test_strength_does_not_apply_to_the_eyes() -> None:
    loud = {"strength": 2.0, "browInnerUp": 0.2, "eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5}
    calm = loud | {"strength": 1.0}
    assert shown("browInnerUp", **loud) == pytest.approx(2 * shown("browInnerUp", **calm))
    assert shown("eyeBlinkLeft", **loud) == shown("eyeBlinkLeft", **calm)
    still = ExpressionGains({}, 0.0).morphs(weights(jawOpen=1.0, eyeLookInLeft=0.5), 0.0)
    assert still[INDEX["jawOpen"]] == 0
    assert still[INDEX["eyeLookInLeft"]] > 0.4


def test_an_avatar_has_gains_of_its_own() -> None:
    plain = shown("noseSneerLeft", noseSneerLeft=0.2)
    assert shown("noseSneerLeft", gains={"noseSneerLeft": 0.5}, noseSneerLeft=0.2) == (
        pytest.approx(plain / 2)
    )


def test_morphs_stay_in_their_range() -> None:
    rng = np.random.default_rng(2)
    gains = ExpressionGains({}, 2.0)
    for _ in range(200):
        morphs = gains.morphs(rng.uniform(0, 1, 52).astype(np.float32), 1 / 30)
        assert morphs.dtype == np.float32
        assert morphs.min() >= 0
        assert morphs.max() <= 1.3 + 1e-6


def test_the_rig_uses_the_gains_of_its_avatar() -> None:
    quiet: Avatar = avatar(jawOpen=0.0)
    face = state_at(face_at(jawOpen=0.5))
    state = Rig(quiet, AvatarSettings()).state(face, *SIZE)
    assert state.morphs[INDEX["jawOpen"]] == 0


# --- baseline ------------------------------------------------------------------------------


def test_a_slow_quantile_finds_the_level_below_which_a_fifth_lies() -> None:
    slow, rng = SlowQuantile(0.2, prior=0.0), np.random.default_rng(3)
    for _ in range(3000):
        value = slow.step(rng.uniform(0, 1, 1), 1 / 30)[0]
    assert value == pytest.approx(0.2, abs=0.08)


def test_a_slow_quantile_moves_without_steps() -> None:
    slow, last, steps = SlowQuantile(0.2, prior=0.0), 0.0, []
    for _ in range(1200):
        value = float(slow.step(np.array((0.3,)), 1 / 30)[0])
        steps.append(value - last)
        last = value
    assert last == pytest.approx(0.3, abs=1e-3)
    assert max(np.abs(steps)) < 0.011


def test_a_slow_quantile_is_unchanged_while_time_stands_still() -> None:
    slow = SlowQuantile(0.2, prior=0.1)
    for _ in range(100):
        value = slow.step(np.array((0.9,)), 0.0)[0]
    assert value == 0.1


def test_a_frown_moves_brows_nose_and_mouth() -> None:
    """The weights of a real, angry frown as tracked (a sneer is never measured)."""
    gains = ExpressionGains({})
    gains.morphs(weights(), 0.0)
    frown = weights(
        browDownLeft=0.54, browDownRight=0.75, mouthFrownLeft=0.13, mouthFrownRight=0.13
    )
    shown = dict(zip(EXPRESSIONS, gains.morphs(frown, 1 / 30), strict=True))
    assert shown["browDownLeft"] > 0.5
    assert shown["browDownRight"] > shown["browDownLeft"]
    assert shown["noseSneerRight"] > 0.2
    assert shown["mouthFrownLeft"] > 0.35


def test_a_frown_stays_on_shut_eyes() -> None:
    shut = weights(browDownLeft=0.5, browDownRight=0.5, eyeBlinkLeft=0.8, eyeBlinkRight=0.8)
    shown = dict(zip(EXPRESSIONS, ExpressionGains({}).morphs(shut, 0.0), strict=True))
    assert shown["browDownLeft"] > 0.25
