"""iFacialMocap (and Facemotion3d): motion of a face from an iPhone's depth camera.

Texts over UDP, as https://www.ifacialmocap.com/for-developer/ says: a frame is
`name-percent|...|=head#rx,ry,rz,px,py,pz|rightEye#rx,ry,rz|leftEye#rx,ry,rz|`, angles in
degrees, positions in metres, names with _L and _R; version 2 writes `name&percent`, which leaves
room for negative values. The app sends after it was greeted with a certain text.

Its space is ARKit's own, right-handed with the head's left at +x, y up, z out of the face and
towards the camera (https://developer.apple.com/documentation/arkit/arfaceanchor): ours. The
page's sample bears that out: the face is at z = -0.66, before a camera that looks down -z; both
eyes look in (eyeLookIn 6 and 4 percent) at 2.4 degrees about y for the right one and -1.7 for
the left, and down (17 percent) at +6 about x. The page does not say in which order the
rotations apply; we take that of Unity, for which the app was made: roll, then pitch, then yaw.

The app's own settings (mirror, calibration) are applied before it sends. A calibrated app sends
positions around zero: then they are relative to REST_POSITION.
"""

from __future__ import annotations

import re
from typing import Self

import numpy as np

from livecam.config.settings import MotionSettings
from livecam.core.face import FacePose, Performance
from livecam.core.spaces import Quaternion, Vector3, multiply
from livecam.core.timing import Clock
from livecam.protocols.flood import Kinds
from livecam.protocols.receiver import (
    MAX_M,
    MAX_WEIGHT,
    REST_POSITION,
    WEIGHT_INDEX,
    Receiver,
    in_front_of_camera,
    plausible,
    weights_and_mask,
)
from livecam.protocols.udp import MalformedError, socket_address

PORT = 49983
GREETING = b"iFacialMocap_sahuasouryya9218sauhuiayeta91555dy3719|sendDataVersion=v2"
MAX_LENGTH = 8192  # the app's are about 1000 long
MAX_DEG = 720.0
HEAD = b"=head#"
_FIRST_NAME = re.compile(rb"[^-&#|]{1,64}")
CALIBRATED_M = 0.1  # a face nearer to the origin is relative to its rest

_WEIGHT_INDEX = WEIGHT_INDEX | {
    name.replace("left", "_l").replace("right", "_r"): place
    for name, place in WEIGHT_INDEX.items()
    if name.endswith(("left", "right")) and name not in ("jawleft", "jawright")
}
_TRACKING = "trackingstatus"  # of Facemotion3d and newer versions; 0 when the face is lost


class IFacialMocapReceiver(Receiver):
    """Listens to an iPhone.

    `phone` is its address, "host" or "host:port": the greeting that makes the app start is sent
    to it. Without it the address of this machine is to be entered in the app.

    Raises:
        DeviceError: the phone cannot be reached from the address that is listened on.
    """

    DEFAULT_PORT = PORT

    def __init__(self, address: str, port: int, clock: Clock, phone: str = "") -> None:
        greeting = (GREETING, socket_address(phone, PORT)) if phone else None
        super().__init__(
            "ifacialmocap", address, port, clock, IFacialMocapDecoder(), greeting,
            IFacialMocapKinds(),
        )  # fmt: skip

    @classmethod
    def from_settings(cls, settings: MotionSettings, clock: Clock) -> Self:
        return cls(settings.listen, settings.listen_port, clock, settings.phone)


class IFacialMocapKinds(Kinds):
    """The kinds of packets: with or without a head, by the first name in them.

    The app sends all weights in each packet; others may split them.
    """

    def of(self, packet: bytes) -> tuple[bool, bytes]:
        name = _FIRST_NAME.match(packet)
        return HEAD in packet, b"" if name is None else name[0]


class IFacialMocapDecoder:
    """Collects the frames of the app."""

    def __init__(self) -> None:
        self._values: dict[int, float] = {}
        self._calibrated = False
        self._updated_at = -np.inf

    def decode(self, packet: bytes, now: float) -> Performance | None:
        values, head, tracked = _parsed(packet)
        if now - self._updated_at > Receiver.STALE_S:
            self._calibrated = False  # after a pause it may be another person
        self._updated_at = now
        self._values |= values
        weights, mask = weights_and_mask(self._values)
        pose = None if head is None else self._pose(head)
        return Performance(weights, mask, pose, now) if tracked else None

    def _pose(self, head: list[float]) -> FacePose:
        position = np.array(head[3:])
        self._calibrated |= bool(position[2] > -CALIBRATED_M)
        return FacePose(
            in_front_of_camera(REST_POSITION + position if self._calibrated else position),
            _rotation(np.array(head[:3])),
        )


def _parsed(packet: bytes) -> tuple[dict[int, float], list[float] | None, bool]:
    """Parses the known values by index, the six numbers of the head, and whether it is tracked."""
    if len(packet) > MAX_LENGTH:
        raise MalformedError("too long")
    try:
        parts = packet.decode("utf-8").split("|")
    except UnicodeDecodeError as err:
        raise MalformedError("no text") from err
    values: dict[int, float] = {}
    head: list[float] | None = None
    tracked = True
    for part in parts:
        if part.startswith("=head#"):
            head = _head(part.removeprefix("=head#"))
            continue
        name, _, text = part.partition("&" if "&" in part else "-")
        name = name.strip().lower()
        if name in _WEIGHT_INDEX:
            values[_WEIGHT_INDEX[name]] = _number(text, 100 * MAX_WEIGHT) / 100
        elif name == _TRACKING:
            tracked = _number(text, 100) > 0
    if not values and head is None:
        raise MalformedError("nothing that is known")
    return values, head, tracked


def _head(text: str) -> list[float]:
    numbers = text.split(",")
    if len(numbers) != 6:
        raise MalformedError("a head has six numbers")
    angles = [_number(each, MAX_DEG) for each in numbers[:3]]
    return angles + [_number(each, MAX_M) for each in numbers[3:]]


def _number(text: str, maximum: float) -> float:
    try:
        return plausible(float(text), maximum)
    except ValueError as err:
        raise MalformedError(f"{text!r} is no number") from err


def _rotation(angles_deg: Vector3) -> Quaternion:
    """Rotates by roll about z, then pitch about x, then yaw about y."""
    half = np.radians(angles_deg) / 2
    (sx, sy, sz), (cx, cy, cz) = np.sin(half), np.cos(half)
    pitch, yaw, roll = (
        np.array((cx, sx, 0.0, 0.0)),
        np.array((cy, 0.0, sy, 0.0)),
        np.array((cz, 0.0, 0.0, sz)),
    )
    return multiply(yaw, multiply(pitch, roll))
