"""The VMC protocol: receives motion from other programs, and sends published motion to them.

OSC over UDP, as https://protocol.vmc.info/english says: `/VMC/Ext/Blend/Val` names an
expression and its value, `/VMC/Ext/Blend/Apply` applies those sent so far, and
`/VMC/Ext/Bone/Pos` gives a Unity bone's position and rotation (x y z w) in its parent's space.

Unity's space is left-handed, y up, and an avatar in it faces +z with its right hand at +x
(https://docs.unity3d.com/Manual/QuaternionAndEulerRotationsInUnity.html). Our head has its
*left* at +x, and all else the same: so one space is the other in a mirror at x = 0, which turns
a position (x, y, z) into (-x, y, z) and a rotation (w, x, y, z) into (w, x, -y, -z). An avatar
that faces the camera is not rotation in either, and its left is on the image's right.

The translation of the head is sent as the position of the avatar's root (`/VMC/Ext/Root/Pos`),
relative to REST_POSITION: bones have fixed lengths, and would come off their necks.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from livecam.config.settings import MotionSettings
from livecam.core.closing import Closing
from livecam.core.errors import DeviceError, reason_of
from livecam.core.face import EXPRESSIONS, FacePose, FaceState, Performance, Weights
from livecam.core.spaces import Quaternion, Vector3, multiply
from livecam.core.timing import Clock
from livecam.protocols.flood import Kinds
from livecam.protocols.osc import BUNDLE, FIRST_MESSAGE, Argument, label, messages_in
from livecam.protocols.receiver import (
    MAX_M,
    MAX_WEIGHT,
    REST_POSITION,
    WEIGHT_INDEX,
    Receiver,
    in_front_of_camera,
    plausible,
    unit,
    weights_and_mask,
)
from livecam.protocols.udp import MalformedError, socket_address
from livecam.protocols.vrm import PRESETS, from_presets

PORT = 39539  # where a "marionette" listens
# What turns the head, from the hips up. The hips and the root turn the whole avatar.
_NECK_BONES = ("Spine", "Chest", "UpperChest", "Neck", "Head")
_IDENTITY = np.array((1.0, 0.0, 0.0, 0.0))
_CALIBRATED, _NORMAL_MODE = 3, 0
APPLY = b"/VMC/Ext/Blend/Apply\0"


def mirrored_position(place: Vector3) -> Vector3:
    """Mirrors a position between our space and Unity's."""
    return place * (-1.0, 1.0, 1.0)


def mirrored_rotation(q: Quaternion) -> Quaternion:
    """Mirrors a rotation (w x y z) between our space and Unity's."""
    return q * (1.0, 1.0, -1.0, -1.0)


class VmcReceiver(Receiver):
    """Listens to a VMC performer.

    Names of ARKit's expressions ("perfect sync") count in any letter case. The presets of VRM
    avatars count while no ARKit names come.
    """

    DEFAULT_PORT = PORT

    def __init__(self, address: str, port: int, clock: Clock) -> None:
        super().__init__("vmc", address, port, clock, VmcDecoder(), kinds=VmcKinds())

    @classmethod
    def from_settings(cls, settings: MotionSettings, clock: Clock) -> Self:
        return cls(settings.listen, settings.listen_port, clock)


class VmcKinds(Kinds):
    """The kinds of VMC packets: a frame may be split over many, and every name is sent anew.

    A packet with one message is of the kind of its address and name, a bundle of that of its first
    message and its length. Values before an Apply are not replaced by values after it.
    """

    def of(self, packet: bytes) -> tuple[bytes, int]:
        if packet.startswith(BUNDLE):
            return label(packet, FIRST_MESSAGE), len(packet)
        return label(packet, 0), 0

    def ends_frame(self, packet: bytes) -> bool:
        return APPLY in packet


class VmcDecoder:
    """Collects the messages of a VMC performer."""

    def __init__(self) -> None:
        self._pending: dict[str, float] = {}  # known names in small letters: sent, not applied
        self._bones: dict[str, Quaternion] = {}  # of _NECK_BONES
        self._root = np.zeros(3)
        self._arkit: dict[int, float] = {}
        self._presets: dict[int, float] = {}
        self._arkit_at = -np.inf
        self._tracked = True
        self._updated_at: float | None = None
        self._performance: Performance | None = None  # of all that was received
        self._is_new = False  # something was received since

    def decode(self, packet: bytes, now: float) -> Performance | None:
        changes = [
            change for m in messages_in(packet) if (change := self._change(m.address, m.arguments))
        ]
        if self._updated_at is not None and now - self._updated_at > Receiver.STALE_S:
            self._track(True)  # another sender may never send /VMC/Ext/OK
        for change in changes:  # none before all are known to be well-formed
            change(now)
        if self._is_new:
            self._performance = self._performed()
            self._is_new = False
        return self._performance

    def _performed(self) -> Performance | None:
        if self._updated_at is None or not self._tracked:
            return None
        weights, mask = self._expression()
        return Performance(weights, mask, self._pose(), self._updated_at)

    def _change(
        self, address: str, arguments: tuple[Argument, ...]
    ) -> Callable[[float], None] | None:
        """Returns the change that a message makes; unknown ones are ignored, as specified."""
        if address == "/VMC/Ext/Blend/Val":
            name, (value,) = _named(arguments, 1, MAX_WEIGHT)
            return lambda now: self._store(name.lower(), value)
        if address == "/VMC/Ext/Blend/Apply":
            return self._apply
        if address == "/VMC/Ext/Bone/Pos" and arguments and arguments[0] in _NECK_BONES:
            bone, numbers = _named(arguments, 7, MAX_M)
            rotation = unit(np.array((numbers[6], *numbers[3:6])))
            return lambda now: self._turn(bone, rotation, now)
        if address == "/VMC/Ext/Root/Pos":
            _, numbers = _named(arguments, 7, MAX_M)
            root = np.array(numbers[:3])
            return lambda now: self._move(root)
        if address == "/VMC/Ext/OK":
            tracked = _tracked(arguments)
            return lambda now: self._track(tracked)
        return None

    def _store(self, name: str, value: float) -> None:
        if name in WEIGHT_INDEX or name in PRESETS:
            self._pending[name] = value

    def _apply(self, now: float) -> None:
        arkit = {WEIGHT_INDEX[name]: v for name, v in self._pending.items() if name in WEIGHT_INDEX}
        presets = {PRESETS[name]: v for name, v in self._pending.items() if name in PRESETS}
        self._pending.clear()
        if arkit:
            self._arkit |= arkit
            self._arkit_at = now
        self._presets |= presets
        if arkit or presets:
            self._updated_at, self._is_new = now, True

    def _turn(self, bone: str, rotation: Quaternion, now: float) -> None:
        self._bones[bone] = rotation
        self._updated_at, self._is_new = now, True

    def _move(self, root: Vector3) -> None:
        self._root = root
        self._is_new = True

    def _track(self, tracked: bool) -> None:
        self._tracked = tracked
        self._is_new = True

    def _expression(self) -> tuple[Weights, NDArray[np.bool_]]:
        assert self._updated_at is not None
        arkit_is_old = self._updated_at - self._arkit_at > Receiver.STALE_S
        if self._presets and arkit_is_old:
            return from_presets(self._presets)
        return weights_and_mask(self._arkit)

    def _pose(self) -> FacePose | None:
        if not self._bones:
            return None
        rotation = _IDENTITY
        for bone in _NECK_BONES:
            rotation = multiply(rotation, self._bones.get(bone, _IDENTITY))
        position = in_front_of_camera(REST_POSITION + mirrored_position(self._root))
        return FacePose(position, mirrored_rotation(rotation))


def _named(arguments: tuple[Argument, ...], count: int, maximum: float) -> tuple[str, list[float]]:
    """Parses a name and that many numbers; too many arguments are ignored, as specified."""
    if len(arguments) <= count or not isinstance(arguments[0], str):
        raise MalformedError("too few arguments, or no name")
    return arguments[0], [plausible(each, maximum) for each in arguments[1 : count + 1]]


def _tracked(arguments: tuple[Argument, ...]) -> bool:
    """Returns whether a model is loaded and, since version 2.7 of the protocol, tracked."""
    status = [plausible(each, 100) for each in arguments[:4]]
    if not status:
        raise MalformedError("too few arguments")
    return bool(status[0]) and (len(status) < 4 or bool(status[3]))


class VmcSender(Closing):
    """Sends published motion to another program over VMC. One thread.

    `target` is "host:port", "host" or ":port"; `amplify` turns steadied weights into those
    that are shown. Expressions are named as the specification demands, after Unity's
    ARKitBlendShapeLocation. Sending never waits; what cannot be sent is left out.

    Raises:
        ConfigError: the target is no address.
        DeviceError: it cannot be reached.
    """

    def __init__(self, target: str, amplify: Callable[[FaceState], Weights] | None = None) -> None:
        address = socket_address(target, PORT)
        self._amplify = amplify
        self._began: float | None = None
        self._face = _Bundle(_messages(_ok(tracked=True), _FACE))
        self._no_face = _Bundle(_messages(_ok(tracked=False), _TIME))
        family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect(address)  # so that the refusals of this target come back
        except OSError as err:
            self._socket.close()
            raise DeviceError(
                "{target} cannot be reached: {reason}",
                hint="is the network up?",
                target=target,
                reason=reason_of(err),
            ) from err

    def observe(self, face: FaceState | None, now: float) -> None:
        self._began = now if self._began is None else self._began
        time_s = now - self._began
        if face is None:
            self._send(self._no_face.packet((time_s,)))
            return
        weights = face.weights if self._amplify is None else self._amplify(face)
        rotation = mirrored_rotation(face.pose.rotation)
        moved = mirrored_position(face.pose.translation - REST_POSITION)
        root = (*moved, 0, 0, 0, 1)
        head = (0, 0, 0, *rotation[1:], rotation[0])
        self._send(self._face.packet((time_s, *root, *head, *weights)))

    def close(self) -> None:
        self._socket.close()

    def _send(self, packet: bytes) -> None:
        # The target refuses, or the send buffer is full: the next packet replaces this one.
        with suppress(OSError):
            self._socket.send(packet)


# The messages of a face that contain numbers, in order: address, name, how many.
_Numbers = tuple[str, str, int]
_TIME: tuple[_Numbers, ...] = (("/VMC/Ext/T", "", 1),)
_FACE: tuple[_Numbers, ...] = (
    *_TIME,
    ("/VMC/Ext/Root/Pos", "root", 7),
    ("/VMC/Ext/Bone/Pos", "Head", 7),
    *(("/VMC/Ext/Blend/Val", name[0].upper() + name[1:], 1) for name in EXPRESSIONS),
    ("/VMC/Ext/Blend/Apply", "", 0),
)


def _ok(tracked: bool) -> OscMessageBuilder:
    message = OscMessageBuilder("/VMC/Ext/OK")
    for value in (1, _CALIBRATED, _NORMAL_MODE, int(tracked)):
        message.add_arg(value, "i")
    return message


def _messages(
    ok: OscMessageBuilder, rows: Iterable[_Numbers]
) -> list[tuple[OscMessageBuilder, int]]:
    """Returns each message, and how many numbers stand at its end."""
    messages = [(ok, 0)]
    for address, name, count in rows:
        message = OscMessageBuilder(address)
        if name:
            message.add_arg(name, "s")
        for _ in range(count):
            message.add_arg(0.0, "f")
        messages.append((message, count))
    return messages


class _Bundle:
    """A bundle of which only the numbers change: built once, filled again each time."""

    def __init__(self, messages: list[tuple[OscMessageBuilder, int]]) -> None:
        bundle = OscBundleBuilder(IMMEDIATELY)
        slots: list[int] = []
        at = 16  # after the bundle's name and time
        for builder, count in messages:
            message = builder.build()
            bundle.add_content(message)
            at += 4 + message.size  # each is preceded by its size
            slots += range(at - 4 * count, at, 4)
        self._bytes = np.frombuffer(bytearray(bundle.build().dgram), np.uint8)
        self._slots = np.array(slots)[:, None] + np.arange(4)

    def packet(self, numbers: Iterable[float]) -> bytes:
        """Returns the bundle with these numbers, in the order of its messages."""
        written = np.array(tuple(numbers), ">f4")
        self._bytes[self._slots] = written.view(np.uint8).reshape(-1, 4)
        return self._bytes.tobytes()
