"""Performers, which supply motion of a face, and its listeners: protocols and registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from livecam.config.settings import MotionSettings
from livecam.core.face import FaceState, Performance
from livecam.core.registry import Registry
from livecam.core.timing import Clock


class Performer(Protocol):
    """Supplies the motion of a face: a phone, another program, a recorded take, a microphone.

    `at` is called once for every frame, from any one thread, and never waits; it returns the
    newest performance, or None when there is none or it is too old to be shown. `close` is
    called once, after the last `at`.

    A registered class has `from_settings(settings: MotionSettings, clock: Clock)`, which raises
    `ConfigError` or `DeviceError` when nothing can be received.
    """

    def at(self, now: float) -> Performance | None: ...

    def close(self) -> None: ...


class Listener(Protocol):
    """Receives published motion: a recorder of takes, another program.

    `observe` is called once for every published frame, on the main thread, and never waits.
    `face` is None when the frame shows none.
    """

    def observe(self, face: FaceState | None, now: float) -> None: ...

    def close(self) -> None: ...


PERFORMERS: Registry[[MotionSettings, Clock], Performer] = Registry(
    "performer",
    {
        "vmc": "livecam.protocols.vmc:VmcReceiver",
        "ifacialmocap": "livecam.protocols.ifacialmocap:IFacialMocapReceiver",
        "openseeface": "livecam.protocols.openseeface:OpenSeeFaceReceiver",
    },
)


def with_performances(face: FaceState, performances: Sequence[Performance]) -> FaceState:
    """Returns the face with the weights of the performances; later ones override earlier ones.

    Its pose stays the tracked one, so that the avatar covers the real head.
    """
    if not performances:
        return face
    weights = face.weights.copy()
    arkit_mask = np.zeros(len(weights), bool) if face.arkit_mask is None else face.arkit_mask.copy()
    for performance in performances:
        mask = performance.mask
        weights[mask] = performance.weights[mask]
        arkit_mask[mask] = performance.is_arkit_scale
    return replace(face, weights=weights, arkit_mask=arkit_mask)


def state_from_performances(performances: Sequence[Performance]) -> FaceState | None:
    """Returns a face in the pose of the last performance that has one; None when none has."""
    placed = [p for p in performances if p.pose is not None]
    if not placed:
        return None
    newest = placed[-1]
    assert newest.pose is not None
    still = np.zeros_like(newest.weights)
    return with_performances(
        FaceState(newest.pose, still, newest.width_ratio, newest.at), performances
    )
