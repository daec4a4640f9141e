"""iFacialMocap (and Facemotion3d): an iPhone's depth camera tells what a face does.

Texts over UDP, as https://www.ifacialmocap.com/for-developer/ says: a frame is
`name-percent|...|=head#rx,ry,rz,px,py,pz|rightEye#rx,ry,rz|leftEye#rx,ry,rz|`, angles in
degrees, places in metres, names with _L and _R; version 2 writes `name&percent`, which leaves
room for negative values. The app sends after it was greeted with a certain text.

Its space is ARKit's own, right-handed with the head's left at +x, y up, z out of the face and
towards the camera (https://developer.apple.com/documentation/arkit/arfaceanchor): ours. The
page's sample bears that out: the face is at z = -0.66, before a camera that looks down -z; both
eyes look in (eyeLookIn 6 and 4 percent) at 2.4 degrees about y for the right one and -1.7 for
the left, and down (17 percent) at +6 about x. The page does not say in which order the angles
count; we take that of Unity, for which the app was made: roll, then pitch, then yaw.

The app's own settings (mirror, calibration) are applied before it sends. A calibrated app sends
places around zero: then they are seen from RESTING_PLACE.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from livecam.config.settings import MotionSettings
from livecam.core.face import FacePose, Performance, Quaternion, Vector3
from livecam.core.spaces import multiply
from livecam.core.timing import Clock
from livecam.protocols.receiver import (
    LARGEST_M,
    LARGEST_WEIGHT,
    PLACES,
    RESTING_PLACE,
    Receiver,
    before_camera,
    believable,
    performance,
)
from livecam.protocols.udp import MalformedError, socket_address

PORT = 49983
GREETING = b"iFacialMocap_sahuasouryya9218sauhuiayeta91555dy3719|sendDataVersion=v2"
LARGEST_TEXT = 8192  # the app's are about 1000 long
LARGEST_DEG = 720.0
CALIBRATED_M = 0.1  # a face that far before the camera or behind it is told from its rest

_PLACES = PLACES | {
    name.replace("left", "_l").replace("right", "_r"): place
    for name, place in PLACES.items()
    if name.endswith(("left", "right")) and name not in ("jawleft", "jawright")
}
_TRACKING = "trackingstatus"  # of Facemotion3d and newer versions; 0 when the face is lost


class IFacialMocapReceiver(Receiver):
    """Listens to an iPhone.

    `phone` is its address, "host" or "host:port": only then anything is sent, the greeting that
    makes the app start. Without, the address of this machine is to be entered in the app.

    Raises:
        DeviceError: the phone cannot be reached from the address that is listened on.
    """

    USUAL_PORT = PORT

    def __init__(self, address: str, port: int, clock: Clock, phone: str = "") -> None:
        greeting = (GREETING, socket_address(phone, PORT)) if phone else None
        super().__init__("ifacialmocap", address, port, clock, IFacialMocapScript(), greeting)

    @classmethod
    def from_settings(cls, settings: MotionSettings, clock: Clock) -> Self:
        return cls(settings.listen, settings.listen_port, clock, settings.phone)


class IFacialMocapScript:
    """What the frames of the app say."""

    def __init__(self) -> None:
        self._values: dict[int, float] = {}
        self._calibrated = False
        self._told_at = -np.inf

    def read(self, packet: bytes, now: float) -> Performance | None:
        values, head, tracked = _parsed(packet)
        if now - self._told_at > Receiver.STALE_S:
            self._calibrated = False  # who was away may be somebody else now
        self._told_at = now
        self._values |= values
        weights, mask = performance(self._values)
        pose = None if head is None else self._pose(head)
        return Performance(weights, mask, pose, now) if tracked else None

    def _pose(self, head: list[float]) -> FacePose:
        place = np.array(head[3:])
        self._calibrated |= bool(place[2] > -CALIBRATED_M)
        return FacePose(
            before_camera(RESTING_PLACE + place if self._calibrated else place),
            _turned(np.array(head[:3])),
        )


def _parsed(packet: bytes) -> tuple[dict[int, float], list[float] | None, bool]:
    """The values that are known here, the six numbers of the head, and whether there is one."""
    if len(packet) > LARGEST_TEXT:
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
        if name in _PLACES:
            values[_PLACES[name]] = _number(text, 100 * LARGEST_WEIGHT) / 100
        elif name == _TRACKING:
            tracked = _number(text, 100) > 0
    if not values and head is None:
        raise MalformedError("nothing that is known")
    return values, head, tracked


def _head(text: str) -> list[float]:
    numbers = text.split(",")
    if len(numbers) != 6:
        raise MalformedError("a head has six numbers")
    angles = [_number(each, LARGEST_DEG) for each in numbers[:3]]
    return angles + [_number(each, LARGEST_M) for each in numbers[3:]]


def _number(text: str, largest: float) -> float:
    try:
        return believable(float(text), largest)
    except ValueError as err:
        raise MalformedError(f"{text!r} is no number") from err


def _turned(angles_deg: Vector3) -> Quaternion:
    """Roll about z, then pitch about x, then yaw about y."""
    half = np.radians(angles_deg) / 2
    (sx, sy, sz), (cx, cy, cz) = np.sin(half), np.cos(half)
    pitch, yaw, roll = (
        np.array((cx, sx, 0.0, 0.0)),
        np.array((cy, 0.0, sy, 0.0)),
        np.array((cz, 0.0, 0.0, sz)),
    )
    return multiply(yaw, multiply(pitch, roll))
