"""The VMC protocol: other programs drive livecam, and livecam drives them.

OSC over UDP, as https://protocol.vmc.info/english says: `/VMC/Ext/Blend/Val` names an
expression and its value, `/VMC/Ext/Blend/Apply` makes those sent so far count, and
`/VMC/Ext/Bone/Pos` gives a Unity bone's position and rotation (x y z w) in its parent's space.

Unity's space is left-handed, y up, and an avatar in it faces +z with its right hand at +x
(https://docs.unity3d.com/Manual/QuaternionAndEulerRotationsInUnity.html). Our head has its
*left* at +x, and all else the same: so one space is the other in a mirror at x = 0, which turns
a place (x, y, z) into (-x, y, z) and a rotation (w, x, y, z) into (w, x, -y, -z). An avatar
that faces the camera is not turned in either, and its left is on the picture's right.

How far the head moved is told as the place of the avatar's root (`/VMC/Ext/Root/Pos`), seen
from RESTING_PLACE: bones have fixed lengths, and would come off their necks.
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
from livecam.core.errors import DeviceError
from livecam.core.face import (
    EXPRESSIONS,
    FacePose,
    FaceState,
    Performance,
    Quaternion,
    Vector3,
    Weights,
)
from livecam.core.spaces import multiply
from livecam.core.timing import Clock
from livecam.protocols.osc import Argument, messages_in
from livecam.protocols.receiver import (
    LARGEST_M,
    LARGEST_WEIGHT,
    PLACES,
    RESTING_PLACE,
    Receiver,
    before_camera,
    believable,
    performance,
    unit,
)
from livecam.protocols.udp import MalformedError, socket_address
from livecam.protocols.vrm import PRESETS, from_presets

PORT = 39539  # where a "marionette" listens
# What turns the head, from the hips up. The hips and the root turn the whole avatar.
_TURNING = ("Spine", "Chest", "UpperChest", "Neck", "Head")
_UNTURNED = np.array((1.0, 0.0, 0.0, 0.0))
_CALIBRATED, _NORMAL_MODE = 3, 0


def mirrored_place(place: Vector3) -> Vector3:
    """A place of ours in Unity's space, and back."""
    return place * (-1.0, 1.0, 1.0)


def mirrored_rotation(q: Quaternion) -> Quaternion:
    """A rotation of ours (w x y z) in Unity's space, and back."""
    return q * (1.0, 1.0, -1.0, -1.0)


class VmcReceiver(Receiver):
    """Listens to a VMC performer.

    Names of ARKit's expressions ("perfect sync") count in any letter case. The presets of VRM
    avatars count while no ARKit names come.
    """

    USUAL_PORT = PORT

    def __init__(self, address: str, port: int, clock: Clock) -> None:
        super().__init__("vmc", address, port, clock, VmcScript())

    @classmethod
    def from_settings(cls, settings: MotionSettings, clock: Clock) -> Self:
        return cls(settings.listen, settings.listen_port, clock)


class VmcScript:
    """What the messages of a VMC performer add up to."""

    def __init__(self) -> None:
        self._waiting: dict[str, float] = {}  # known names in small letters: sent, not applied
        self._bones: dict[str, Quaternion] = {}  # of _TURNING
        self._root = np.zeros(3)
        self._arkit: dict[int, float] = {}
        self._presets: dict[int, float] = {}
        self._arkit_at = -np.inf
        self._tracked = True
        self._told_at: float | None = None

    def read(self, packet: bytes, now: float) -> Performance | None:
        acts = [act for m in messages_in(packet) if (act := self._act(m.address, m.arguments))]
        if self._told_at is not None and now - self._told_at > Receiver.STALE_S:
            self._tracked = True  # the next may be somebody who never says so
        for act in acts:  # none before all of them are known to be well-formed
            act(now)
        if self._told_at is None or not self._tracked:
            return None
        weights, mask = self._expression()
        return Performance(weights, mask, self._pose(), self._told_at)

    def _act(self, address: str, arguments: tuple[Argument, ...]) -> Callable[[float], None] | None:
        """What a message asks for; the specification wants unknown ones to be ignored."""
        if address == "/VMC/Ext/Blend/Val":
            name, (value,) = _named(arguments, 1, LARGEST_WEIGHT)
            return lambda now: self._wait(name.lower(), value)
        if address == "/VMC/Ext/Blend/Apply":
            return self._apply
        if address == "/VMC/Ext/Bone/Pos" and arguments and arguments[0] in _TURNING:
            bone, numbers = _named(arguments, 7, LARGEST_M)
            turned = unit(np.array((numbers[6], *numbers[3:6])))
            return lambda now: self._turn(bone, turned, now)
        if address == "/VMC/Ext/Root/Pos":
            _, numbers = _named(arguments, 7, LARGEST_M)
            root = np.array(numbers[:3])
            return lambda now: self._move(root)
        if address == "/VMC/Ext/OK":
            tracked = _tracked(arguments)
            return lambda now: self._track(tracked)
        return None

    def _wait(self, name: str, value: float) -> None:
        if name in PLACES or name in PRESETS:
            self._waiting[name] = value

    def _apply(self, now: float) -> None:
        arkit = {PLACES[name]: v for name, v in self._waiting.items() if name in PLACES}
        presets = {PRESETS[name]: v for name, v in self._waiting.items() if name in PRESETS}
        self._waiting.clear()
        if arkit:
            self._arkit |= arkit
            self._arkit_at = now
        self._presets |= presets
        if arkit or presets:
            self._told_at = now

    def _turn(self, bone: str, turned: Quaternion, now: float) -> None:
        self._bones[bone] = turned
        self._told_at = now

    def _move(self, root: Vector3) -> None:
        self._root = root

    def _track(self, tracked: bool) -> None:
        self._tracked = tracked

    def _expression(self) -> tuple[Weights, NDArray[np.bool_]]:
        assert self._told_at is not None
        arkit_is_old = self._told_at - self._arkit_at > Receiver.STALE_S
        if self._presets and arkit_is_old:
            return from_presets(self._presets)
        return performance(self._arkit)

    def _pose(self) -> FacePose | None:
        if not self._bones:
            return None
        turned = _UNTURNED
        for bone in _TURNING:
            turned = multiply(turned, self._bones.get(bone, _UNTURNED))
        place = before_camera(RESTING_PLACE + mirrored_place(self._root))
        return FacePose(place, mirrored_rotation(turned))


def _named(arguments: tuple[Argument, ...], count: int, largest: float) -> tuple[str, list[float]]:
    """A name and that many numbers; too many arguments are ignored, as specified."""
    if len(arguments) <= count or not isinstance(arguments[0], str):
        raise MalformedError("too few arguments, or no name")
    return arguments[0], [believable(each, largest) for each in arguments[1 : count + 1]]


def _tracked(arguments: tuple[Argument, ...]) -> bool:
    """Whether a model is loaded and, since version 2.7 of the protocol, tracked."""
    told = [believable(each, 100) for each in arguments[:4]]
    if not told:
        raise MalformedError("too few arguments")
    return bool(told[0]) and (len(told) < 4 or bool(told[3]))


class VmcSender(Closing):
    """Tells another program, over VMC, what the published face does. One thread.

    `target` is "host:port", "host" or ":port"; `amplify` turns steadied weights into those
    that are shown. Expressions carry the names that the specification refers to, those of
    Unity's ARKitBlendShapeLocation. Sending never waits; what cannot be sent is left out.

    Raises:
        ConfigError: the target is no address.
        DeviceError: there is no way to it.
    """

    def __init__(self, target: str, amplify: Callable[[FaceState], Weights] | None = None) -> None:
        address = socket_address(target, PORT)
        self._amplify = amplify
        self._began: float | None = None
        self._face = _Bundle(_messages(_ok(tracked=True), _FACE))
        self._nobody = _Bundle(_messages(_ok(tracked=False), _TIME))
        family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect(address)  # so that the refusals of this target come back
        except OSError as err:
            self._socket.close()
            raise DeviceError(
                f"{target} cannot be reached: {err.strerror}", hint="is the network up?"
            ) from err

    def observe(self, face: FaceState | None, now: float) -> None:
        self._began = now if self._began is None else self._began
        time_s = now - self._began
        if face is None:
            self._send(self._nobody.packet((time_s,)))
            return
        weights = face.weights if self._amplify is None else self._amplify(face)
        turned = mirrored_rotation(face.pose.rotation)
        moved = mirrored_place(face.pose.translation - RESTING_PLACE)
        root = (*moved, 0, 0, 0, 1)
        head = (0, 0, 0, *turned[1:], turned[0])
        self._send(self._face.packet((time_s, *root, *head, *weights)))

    def close(self) -> None:
        self._socket.close()

    def _send(self, packet: bytes) -> None:
        # Nobody listens there, or the network takes no more: the next face is newer anyway.
        with suppress(OSError):
            self._socket.send(packet)


# The messages of a face that carry numbers, in order: address, name, how many.
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
    """Each message, and how many numbers stand at its end."""
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
    """A bundle of which only the numbers change: built once, filled anew each time."""

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
        """The bundle with these numbers, in the order of its messages."""
        written = np.array(tuple(numbers), ">f4")
        self._bytes[self._slots] = written.view(np.uint8).reshape(-1, 4)
        return self._bytes.tobytes()
