"""The privacy guard fails closed."""

from __future__ import annotations

import itertools

import pytest

from livecam.config.settings import OnLost, PrivacySettings
from livecam.pipeline.privacy import GRACE_S, STALL_S, PrivacyGuard
from livecam.pipeline.states import Shown

COVERS = {Shown.HOLD, Shown.CURTAIN, Shown.BLUR}


def guard(on_lost: OnLost = OnLost.HOLD, hold_s: float = 1.0) -> PrivacyGuard:
    return PrivacyGuard(PrivacySettings(on_lost=on_lost, hold_s=hold_s))


def test_before_the_first_face_there_is_the_curtain() -> None:
    assert guard().lost(0.0) is Shown.CURTAIN
    assert guard().repeat(0.0, before=Shown.CURTAIN) is Shown.CURTAIN


def test_a_lost_face_is_held_for_a_while_and_then_covered_by_the_curtain() -> None:
    guarded = guard(hold_s=1.0)
    guarded.covered(10.0)
    assert guarded.lost(10.5) is Shown.HOLD
    assert guarded.lost(11.1) is Shown.CURTAIN


@pytest.mark.parametrize(
    ("on_lost", "then"),
    [
        (OnLost.CURTAIN, Shown.CURTAIN),
        (OnLost.BLUR, Shown.BLUR),
        (OnLost.PASSTHROUGH, Shown.PASSTHROUGH),
    ],
)
def test_on_lost_applies_after_the_grace_time(on_lost: OnLost, then: Shown) -> None:
    guarded = guard(on_lost)
    guarded.covered(10.0)
    assert guarded.lost(10.0 + GRACE_S / 2) is Shown.HOLD
    assert guarded.lost(10.0 + GRACE_S * 1.5) is then


def test_the_last_frame_is_repeated_while_the_tracker_still_answers() -> None:
    guarded = guard()
    guarded.covered(10.0)
    assert guarded.repeat(10.0 + STALL_S / 2, before=Shown.AVATAR) is Shown.AVATAR


def test_a_stalled_tracker_is_a_lost_face() -> None:
    guarded = guard(hold_s=1.0)
    guarded.covered(10.0)
    assert guarded.repeat(10.0 + STALL_S + 0.1, before=Shown.AVATAR) is Shown.HOLD
    assert guarded.repeat(11.5, before=Shown.HOLD) is Shown.CURTAIN


@pytest.mark.parametrize("on_lost", [OnLost.BLUR, OnLost.PASSTHROUGH])
def test_a_stalled_tracker_means_the_curtain_for_blur_and_passthrough(on_lost: OnLost) -> None:
    guarded = guard(on_lost)
    guarded.covered(10.0)
    assert guarded.repeat(20.0, before=Shown.AVATAR) is Shown.CURTAIN


@pytest.mark.parametrize("on_lost", list(OnLost))
def test_panic_draws_the_curtain_at_once_in_any_state(on_lost: OnLost) -> None:
    guarded = guard(on_lost)
    guarded.covered(10.0)
    guarded.panic = True
    assert guarded.lost(10.0) is Shown.CURTAIN
    assert guarded.repeat(10.0, before=Shown.AVATAR) is Shown.CURTAIN
    assert guarded.failed(10.0) is Shown.CURTAIN


@pytest.mark.parametrize("on_lost", list(OnLost))
def test_a_failure_never_publishes_the_frame_it_failed_on(on_lost: OnLost) -> None:
    guarded = guard(on_lost)
    assert guarded.failed(0.0) is Shown.CURTAIN
    guarded.covered(10.0)
    assert guarded.failed(10.1) is Shown.HOLD
    assert guarded.failed(99.0) is Shown.CURTAIN


def test_after_the_camera_is_gone_nothing_is_held() -> None:
    guarded = guard()
    guarded.covered(10.0)
    guarded.source_lost()
    assert guarded.lost(10.05) is Shown.CURTAIN


def test_the_bare_frame_needs_the_passthrough_setting() -> None:
    """Every history of five events: only `passthrough` ever lets the camera through."""
    events = ("covered", "undetected", "source_lost", "wait")
    for on_lost in (OnLost.HOLD, OnLost.CURTAIN, OnLost.BLUR):
        for history in itertools.product(events, repeat=5):
            guarded, now, before = guard(on_lost), 0.0, Shown.CURTAIN
            for event in history:
                now += 0.4
                if event == "covered":
                    guarded.covered(now)
                elif event == "undetected":
                    guarded.undetected(now)
                elif event == "source_lost":
                    guarded.source_lost()
                asked = (guarded.lost(now), guarded.repeat(now, before), guarded.failed(now))
                assert Shown.PASSTHROUGH not in asked
                assert asked[0] in COVERS
                before = asked[1]
