"""Who else tells what a face does, and who wants to know: the protocols and the registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from livecam.core.face import FaceState, Performance
from livecam.core.registry import Registry


class Performer(Protocol):
    """Tells what a face does: a phone, another program, a recorded take, a microphone.

    `at` is asked once for every picture, from any one thread, and never waits; it answers with
    the newest that is known, or None when nothing is, or when what is known is too old to be
    shown. `close` is called once, after the last question.
    """

    def at(self, now: float) -> Performance | None: ...

    def close(self) -> None: ...


class Listener(Protocol):
    """Is told what the published face does: a recorder of takes, another program.

    `hear` is called once for every published picture, on the main thread, and never waits.
    `face` is None when the picture shows none.
    """

    def hear(self, face: FaceState | None, now: float) -> None: ...

    def close(self) -> None: ...


PERFORMERS: Registry[Performer] = Registry(
    "performer",
    {
        "vmc": "livecam.protocols.vmc:VmcReceiver",
        "ifacialmocap": "livecam.protocols.ifacialmocap:IFacialMocapReceiver",
        "openseeface": "livecam.protocols.openseeface:OpenSeeFaceReceiver",
    },
)


def performed(face: FaceState, performances: Sequence[Performance]) -> FaceState:
    """The face doing what it was told; later ones have the last word.

    Where the head is stays the camera's to say: it must cover the real one.
    """
    if not performances:
        return face
    weights = face.weights.copy()
    meant = np.zeros(len(weights), bool) if face.meant is None else face.meant.copy()
    for performance in performances:
        told = performance.told
        weights[told] = performance.weights[told]
        meant[told] = performance.meant
    return replace(face, weights=weights, meant=meant)


def performed_alone(performances: Sequence[Performance]) -> FaceState | None:
    """A face that nobody filmed, where its performer says that it is; None when nobody does."""
    placed = [p for p in performances if p.pose is not None]
    if not placed:
        return None
    newest = placed[-1]
    assert newest.pose is not None
    still = np.zeros_like(newest.weights)
    return performed(FaceState(newest.pose, still, newest.width_ratio, newest.at), performances)
