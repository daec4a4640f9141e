"""Other programs over UDP: real packets over real sockets, in and out."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from livecam.config.settings import MotionSettings, Settings
from livecam.core.errors import ConfigError, DeviceError
from livecam.core.face import EXPRESSIONS, INDEX, FacePose, FaceState, Performance
from livecam.core.spaces import (
    compose,
    euler_deg,
    matrix_from_quaternion,
    multiply,
    quaternion_from_matrix,
    quaternion_from_vector,
)
from livecam.core.timing import ManualClock
from livecam.live.motion import listeners
from livecam.motion.base import PERFORMERS
from livecam.protocols.ifacialmocap import GREETING, IFacialMocapDecoder, IFacialMocapReceiver
from livecam.protocols.openseeface import FEATURES, RECORD, OpenSeeFaceDecoder
from livecam.protocols.receiver import REST_POSITION, Receiver
from livecam.protocols.udp import CLOSE_S, LOOPBACK, MalformedError, UdpInbox, socket_address
from livecam.protocols.vmc import VmcDecoder, VmcReceiver, VmcSender

approx = pytest.approx
RECEIVERS = ("vmc", "ifacialmocap", "openseeface")

# One frame as the maker's page for developers shows it.
IFACIALMOCAP_SAMPLE = (
    b"mouthSmile_R-0|eyeLookOut_L-0|mouthUpperUp_L-11|eyeWide_R-0|mouthPucker-4|eyeBlink_R-7|"
    b"eyeLookDown_L-17|jawRight-0|eyeLookIn_R-6|mouthLeft-1|eyeLookIn_L-4|jawOpen-12|"
    b"=head#-21.488958,-6.038993,-6.6019735,-0.030653415,-0.10287084,-0.6584072|"
    b"rightEye#6.0297494,2.4403017,0.25649446|leftEye#6.034903,-1.6660284,-0.17520553|"
)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], object], at_most_s: float = 2.0) -> None:
    end = time.monotonic() + at_most_s
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def send(packet: bytes, port: int, host: str = LOOPBACK) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(packet, (host, port))


def message(address: str, *arguments: object) -> bytes:
    builder = OscMessageBuilder(address)
    for each in arguments:
        builder.add_arg(each)
    return builder.build().dgram


def bundle(*messages: bytes) -> bytes:
    parts = b"".join(struct.pack(">i", len(each)) + each for each in messages)
    return b"#bundle\0" + struct.pack(">Q", 1) + parts


def blend(name: str, value: float) -> bytes:
    return message("/VMC/Ext/Blend/Val", name, value)


APPLY = message("/VMC/Ext/Blend/Apply")


def bone(name: str, q_xyzw: tuple[float, ...]) -> bytes:
    return message("/VMC/Ext/Bone/Pos", name, 0.0, 0.1, 0.0, *(float(each) for each in q_xyzw))


def unity_rotation(axis: str, angle_deg: float) -> tuple[float, ...]:
    """Returns the same as Unity's Quaternion.AngleAxis: x y z w."""
    half = np.radians(angle_deg) / 2
    return (*(np.sin(half) * np.array([axis == a for a in "xyz"])), float(np.cos(half)))


def vmc(*packets: bytes) -> Performance:
    decoder = VmcDecoder()
    for each in packets:
        performance = decoder.decode(each, 0.0)
    assert performance is not None
    return performance


def weight(performance: Performance, name: str) -> float:
    return float(performance.weights[INDEX[name]])


def pose_of(performance: Performance) -> FacePose:
    assert performance.pose is not None
    return performance.pose


def nose_goes(pose: FacePose) -> NDArray[np.float64]:
    """Returns the direction of the nose in camera space: +x is the image's right, +y its top."""
    return matrix_from_quaternion(pose.rotation)[:, 2]


def top_goes(pose: FacePose) -> NDArray[np.float64]:
    return matrix_from_quaternion(pose.rotation)[:, 1]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(100.0)


@pytest.fixture
def vmc_receiver(clock: ManualClock) -> Iterator[VmcReceiver]:
    with VmcReceiver("", free_port(), clock) as receiver:
        yield receiver


def a_face(seed: int = 1) -> FaceState:
    random = np.random.default_rng(seed)
    rotation = quaternion_from_vector(random.uniform(-0.8, 0.8, 3))
    place = np.array((*random.uniform(-0.3, 0.3, 2), random.uniform(-1.5, -0.3)))
    weights = random.random(len(EXPRESSIONS)).astype(np.float32)
    return FaceState(FacePose(place, rotation), weights, 1.09, 0.0)


# -- the port


def receiver_of(name: str, port: int, clock: ManualClock) -> Any:
    return PERFORMERS.create(name, MotionSettings(listen="", listen_port=port), clock)


def test_a_receiver_listens_on_loopback_by_default(clock: ManualClock):
    for name in RECEIVERS:
        with receiver_of(name, free_port(), clock) as receiver:
            assert receiver.address == LOOPBACK


def test_port_0_means_the_standard_port_of_the_protocol(clock: ManualClock):
    standard = {"vmc": 39539, "ifacialmocap": 49983, "openseeface": 11573}
    for name, port in standard.items():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            if probe.connect_ex((LOOPBACK, port)) or not is_free(port):
                pytest.skip(f"port {port} is in use here")
        with receiver_of(name, 0, clock) as receiver:
            assert receiver.port == port


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def addresses_of_this_machine() -> list[str]:
    found: set[str] = set()
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing; tells which address would be used
        found.add(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found |= {str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None)}
    return [a for a in found if ":" not in a and not a.startswith(("127.", "0."))]


@pytest.mark.parametrize("name", RECEIVERS)
def test_a_receiver_on_loopback_is_not_reached_at_other_addresses(name: str, clock: ManualClock):
    others = addresses_of_this_machine()
    if not others:
        pytest.skip("this machine has no address beside loopback")
    with receiver_of(name, free_port(), clock) as receiver:
        for address in others:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"from outside", (address, receiver.port))
        send(b"from inside", receiver.port)
        wait_until(lambda: receiver.received)
        time.sleep(0.05)
        assert receiver.received == 1


def test_a_port_in_use_is_reported_with_a_remedy(vmc_receiver: VmcReceiver, clock: ManualClock):
    with pytest.raises(DeviceError, match=str(vmc_receiver.port)) as caught:
        VmcReceiver("", vmc_receiver.port, clock)
    assert "another port" in caught.value.hint


@pytest.mark.parametrize("address", ["192.0.2.77", "no such place.invalid"])
def test_an_address_of_another_machine_is_refused(address: str, clock: ManualClock):
    with pytest.raises(DeviceError) as caught:
        VmcReceiver(address, free_port(), clock)
    assert caught.value.hint


def test_a_closed_receiver_gives_its_port_back_in_time(clock: ManualClock):
    port = free_port()
    receiver = VmcReceiver("", port, clock)
    began = time.monotonic()
    receiver.close()
    assert time.monotonic() - began < CLOSE_S  # its thread was not given up
    VmcReceiver("", port, clock).close()


def test_an_inbox_counts_malformed_packets_and_goes_on():
    taken: list[bytes] = []

    def read(packet: bytes) -> None:
        if packet == b"bad":
            raise MalformedError
        taken.append(packet)

    with UdpInbox("test", "", 0, read) as inbox:
        for packet in (b"one", b"bad", b"", b"two"):
            send(packet, inbox.port)
        wait_until(lambda: inbox.received == 4)
        assert inbox.malformed == 1
        assert taken == [b"one", b"", b"two"]


def test_a_performance_half_a_second_old_is_not_used(vmc_receiver: VmcReceiver, clock: ManualClock):
    assert vmc_receiver.at(clock.now()) is None
    send(bundle(blend("JawOpen", 1.0), APPLY), vmc_receiver.port)
    wait_until(lambda: vmc_receiver.at(clock.now()))
    assert vmc_receiver.at(clock.now() + Receiver.STALE_S - 0.01) is not None
    assert vmc_receiver.at(clock.now() + Receiver.STALE_S + 0.01) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:5", ("127.0.0.1", 5)),
        ("127.0.0.2", ("127.0.0.2", 39539)),
        (":77", ("127.0.0.1", 77)),
        ("", ("127.0.0.1", 39539)),
        ("[::1]:8", ("::1", 8)),
        ("::1", ("::1", 39539)),
    ],
)
def test_a_target_may_leave_host_or_port_out(text: str, address: tuple[str, int]):
    assert socket_address(text, 39539)[:2] == address


@pytest.mark.parametrize("text", ["host:", "a:b", ":0", ":70000", ":-1", "x y:5", ":5:"])
def test_an_invalid_target_is_reported_with_an_example(text: str):
    if text == "host:":
        text = "no.such.host.invalid:"
    with pytest.raises(ConfigError) as caught:
        VmcSender(text)
    assert "host:port" in caught.value.hint


# -- VMC, in


def test_expressions_count_only_once_they_are_applied():
    decoder = VmcDecoder()
    assert decoder.decode(blend("jawOpen", 0.5), 0.0) is None
    performance = decoder.decode(APPLY, 0.0)
    assert performance is not None
    assert weight(performance, "jawOpen") == approx(0.5)
    later = decoder.decode(blend("jawOpen", 0.9), 0.1)
    assert later is not None
    assert weight(later, "jawOpen") == approx(0.5)


def test_only_received_weights_are_set_and_on_arkits_scale():
    performance = vmc(bundle(blend("jawOpen", 0.0), blend("Unheard of", 1.0), APPLY))
    assert [EXPRESSIONS[i] for i in np.flatnonzero(performance.mask)] == ["jawOpen"]
    assert performance.is_arkit_scale
    assert performance.pose is None


@pytest.mark.parametrize("name", ["eyeBlinkLeft", "EyeBlinkLeft", "EYEBLINKLEFT", "eyeblinkleft"])
def test_names_of_arkit_count_in_any_letter_case(name: str):
    performance = vmc(blend(name, 0.75), APPLY)
    assert weight(performance, "eyeBlinkLeft") == approx(0.75)
    assert weight(performance, "eyeBlinkRight") == 0


@pytest.mark.parametrize(
    ("preset", "shown", "not_shown"),
    [
        ("Blink_L", "eyeBlinkLeft", "eyeBlinkRight"),
        ("blinkRight", "eyeBlinkRight", "eyeBlinkLeft"),
        ("A", "jawOpen", "mouthPucker"),
        ("ou", "mouthPucker", "mouthStretchLeft"),
        ("Joy", "mouthSmileRight", "mouthFrownRight"),
        ("LookLeft", "eyeLookOutLeft", "eyeLookInLeft"),
    ],
)
def test_presets_of_vrm_become_expressions_of_arkit(preset: str, shown: str, not_shown: str):
    performance = vmc(blend(preset, 1.0), APPLY)
    assert weight(performance, shown) > 0.6
    assert weight(performance, not_shown) == 0
    assert performance.mask[INDEX[shown]]


def test_presets_do_not_count_beside_names_of_arkit_but_after_them():
    decoder = VmcDecoder()
    decoder.decode(bundle(blend("eyeBlinkLeft", 0.25), blend("Blink", 1.0), APPLY), 0.0)
    both = decoder.decode(bundle(blend("Blink", 1.0), APPLY), 0.1)
    assert both is not None
    assert weight(both, "eyeBlinkLeft") == approx(0.25)
    alone = decoder.decode(bundle(blend("Blink", 1.0), APPLY), 5.0)
    assert alone is not None
    assert weight(alone, "eyeBlinkLeft") == 1


def test_unrotated_bones_are_a_head_that_faces_the_camera():
    pose = pose_of(vmc(bone("Head", (0, 0, 0, 1))))
    assert pose.rotation == approx((1, 0, 0, 0))
    assert pose.translation == approx(REST_POSITION)


def test_unity_yaw_pitch_and_roll_keep_their_direction():
    # In Unity, in the direction of the avatar (+z): +y turns to its right (the image's left),
    # +x nods down, +z tilts to its own left (the image's right).
    turned = pose_of(vmc(bone("Head", unity_rotation("y", 30))))
    assert nose_goes(turned) == approx((-0.5, 0, np.cos(np.pi / 6)))
    nodded = pose_of(vmc(bone("Head", unity_rotation("x", 30))))
    assert nose_goes(nodded) == approx((0, -0.5, np.cos(np.pi / 6)))
    tilted = pose_of(vmc(bone("Head", unity_rotation("z", 30))))
    assert top_goes(tilted) == approx((0.5, np.cos(np.pi / 6), 0))


def test_rotations_of_the_neck_turn_the_head():
    pose = pose_of(
        vmc(bundle(bone("Neck", unity_rotation("y", -20)), bone("Head", unity_rotation("y", -15))))
    )
    assert euler_deg(pose.rotation) == approx((35, 0, 0), abs=1e-4)


def test_other_bones_and_unknown_addresses_are_ignored():
    decoder = VmcDecoder()
    assert decoder.decode(bone("LeftHand", (0, 0, 0, 0)), 0.0) is None
    assert decoder.decode(message("/VMC/Ext/Cam", "Camera", 1.0), 0.0) is None


def test_a_sender_that_reports_a_lost_face_yields_no_performance():
    decoder = VmcDecoder()
    head = bone("Head", (0, 0, 0, 1))
    assert decoder.decode(bundle(message("/VMC/Ext/OK", 1, 3, 0, 1), head), 0.0)
    assert decoder.decode(bundle(message("/VMC/Ext/OK", 1, 3, 0, 0), head), 0.1) is None
    assert decoder.decode(bundle(message("/VMC/Ext/OK", 1), head), 0.2)


def test_a_packet_with_one_bad_message_has_no_effect():
    decoder = VmcDecoder()
    before = decoder.decode(bundle(blend("jawOpen", 0.5), APPLY), 0.0)
    assert before is not None
    for bad in (
        blend("jawOpen", float("nan")),
        blend("jawOpen", float("inf")),
        blend("jawOpen", 1e30),
        message("/VMC/Ext/Blend/Val", "jawOpen"),
        message("/VMC/Ext/Blend/Val", "jawOpen", "much"),
        bone("Head", (0, 0, 0, 0)),
        bone("Head", (0, float("nan"), 0, 1)),
    ):
        with pytest.raises(MalformedError):
            decoder.decode(bundle(blend("jawOpen", 0.9), APPLY, bad), 0.1)
    after = decoder.decode(APPLY, 0.2)
    assert after is not None
    assert np.array_equal(after.weights, before.weights)
    assert after.at == before.at
    assert after.pose is None


# -- VMC, out


@pytest.mark.parametrize("seed", range(5))
def test_motion_sent_over_vmc_is_received(seed: int, vmc_receiver: VmcReceiver, clock: ManualClock):
    face = a_face(seed)
    with VmcSender(f":{vmc_receiver.port}") as sender:
        sender.observe(face, 3.0)
        wait_until(lambda: vmc_receiver.at(clock.now()))
    performance = vmc_receiver.at(clock.now())
    assert performance is not None
    assert vmc_receiver.malformed == 0
    assert performance.mask.all()
    assert performance.weights == approx(face.weights, abs=1e-6)
    assert pose_of(performance).matrix == approx(face.pose.matrix, abs=1e-4)


def test_the_weights_that_are_sent_have_the_gains_of_a_head(
    vmc_receiver: VmcReceiver, clock: ManualClock
):
    """A shut eye measures 0.6; weights from a phone are not amplified again."""
    weights = np.zeros(len(EXPRESSIONS), np.float32)
    lids = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
    weights[lids] = 0.6
    measured = replace(a_face(), weights=weights)
    performance = replace(measured, arkit_mask=np.isin(np.arange(len(weights)), lids))
    motion = {"send_vmc": f"{LOOPBACK}:{vmc_receiver.port}"}
    with ExitStack() as stack:
        (sender,) = listeners(Settings.model_validate({"motion": motion}), stack)
        for face, shut in ((measured, 1.0), (performance, 0.6)):
            sender.observe(face, clock.now())
            wait_until(
                lambda shut=shut: (
                    (received := vmc_receiver.at(clock.now())) is not None
                    and weight(received, "eyeBlinkLeft") == approx(shut, abs=0.02)
                )
            )


def test_a_lost_face_is_sent_at_once(vmc_receiver: VmcReceiver, clock: ManualClock):
    with VmcSender(f"{LOOPBACK}:{vmc_receiver.port}") as sender:
        sender.observe(a_face(), 0.0)
        wait_until(lambda: vmc_receiver.at(clock.now()))
        sender.observe(None, 0.1)
        wait_until(lambda: vmc_receiver.at(clock.now()) is None)


def received_by_python_osc(face: FaceState, **options: object) -> dict[str, list[list[object]]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.bind((LOOPBACK, 0))
        inbox.settimeout(2.0)
        with VmcSender(f":{inbox.getsockname()[1]}", **options) as sender:
            sender.observe(face, 10.0)
            inbox.recv(65535)
            sender.observe(face, 10.5)
        packet = OscPacket(inbox.recv(65535))
    found: dict[str, list[list[object]]] = {}
    for timed in packet.messages:
        found.setdefault(timed.message.address, []).append(timed.message.params)
    return found


def test_sent_packets_are_read_by_an_independent_decoder():
    turned = FacePose(
        REST_POSITION + np.array((0.1, 0.2, -0.3)), quaternion_from_vector(np.array((0, 1, 0)))
    )
    face = FaceState(turned, a_face().weights, 1.09, 0.0)
    found = received_by_python_osc(face)
    assert found["/VMC/Ext/OK"] == [[1, 3, 0, 1]]
    assert found["/VMC/Ext/T"] == [[0.5]]
    assert found["/VMC/Ext/Blend/Apply"] == [[]]
    assert dict(found["/VMC/Ext/Blend/Val"]) == approx(
        {name[0].upper() + name[1:]: w for name, w in zip(EXPRESSIONS, face.weights, strict=True)}
    )
    # One radian to its own left is the negative direction about Unity's y.
    name, *numbers = found["/VMC/Ext/Bone/Pos"][0]
    assert name == "Head"
    assert numbers == approx((0, 0, 0, 0, -np.sin(0.5), 0, np.cos(0.5)), abs=1e-6)
    assert found["/VMC/Ext/Root/Pos"][0][1:4] == approx((-0.1, 0.2, -0.3), abs=1e-6)


def test_the_last_message_is_the_one_that_applies():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.bind((LOOPBACK, 0))
        inbox.settimeout(2.0)
        with VmcSender(f":{inbox.getsockname()[1]}") as sender:
            sender.observe(a_face(), 0.0)
        messages = OscPacket(inbox.recv(65535)).messages
    assert messages[-1].message.address == "/VMC/Ext/Blend/Apply"


def test_sent_weights_may_be_amplified():
    found = received_by_python_osc(a_face(), amplify=lambda face: np.full(52, 0.5, np.float32))
    assert {value for _, value in found["/VMC/Ext/Blend/Val"]} == {0.5}


def test_a_refused_packet_does_not_disturb_the_sender():
    with VmcSender(f":{free_port()}") as sender:
        for _ in range(20):
            sender.observe(a_face(), 0.0)


# -- iFacialMocap


def ifacialmocap(*packets: bytes) -> Performance:
    decoder = IFacialMocapDecoder()
    for each in packets:
        performance = decoder.decode(each, 0.0)
    assert performance is not None
    return performance


def head(*numbers: float) -> bytes:
    return b"=head#" + ",".join(map(str, numbers)).encode()


def test_the_sample_of_the_makers_page_is_decoded():
    performance = ifacialmocap(IFACIALMOCAP_SAMPLE)
    assert weight(performance, "eyeLookInRight") == approx(0.06)
    assert weight(performance, "eyeLookDownLeft") == approx(0.17)
    assert weight(performance, "mouthLeft") == approx(0.01)
    assert weight(performance, "jawOpen") == approx(0.12)
    assert not performance.mask[INDEX["tongueOut"]]
    assert pose_of(performance).translation == approx((-0.030653415, -0.10287084, -0.6584072))


def test_version_2_with_arkit_names_and_negative_values_is_decoded():
    performance = ifacialmocap(
        b"mouthSmileLeft&40|jawLeft&-5|jawOpen&150|customSmile&7|" + head(*[0] * 6)
    )
    assert weight(performance, "mouthSmileLeft") == approx(0.4)
    assert weight(performance, "jawLeft") == 0
    assert weight(performance, "jawOpen") == 1


def test_an_iphones_yaw_pitch_and_roll_keep_their_direction():
    # ARKit: x is the face's own left, so +y turns to the picture's right; +x nods down; +z
    # tilts counter-clockwise in the picture.
    at = (0, 0, -0.5)
    assert nose_goes(pose_of(ifacialmocap(head(0, 30, 0, *at))))[0] == approx(0.5)
    assert nose_goes(pose_of(ifacialmocap(head(30, 0, 0, *at))))[1] == approx(-0.5)
    assert top_goes(pose_of(ifacialmocap(head(0, 0, 30, *at))))[0] == approx(-0.5)
    turned = pose_of(ifacialmocap(head(10, 20, 30, *at)))
    assert euler_deg(turned.rotation) == approx((20, 10, 30))


def test_positions_of_a_calibrated_phone_are_relative_to_the_rest_position():
    pose = pose_of(ifacialmocap(head(0, 0, 0, 0.02, 0.01, 0.03)))
    assert pose.translation == approx(REST_POSITION + np.array((0.02, 0.01, 0.03)))


def test_a_phone_that_reports_a_lost_face_yields_no_performance():
    assert IFacialMocapDecoder().decode(b"trackingStatus&0|jawOpen&5|", 0.0) is None
    assert IFacialMocapDecoder().decode(b"trackingStatus&1|jawOpen&5|", 0.0) is not None


def test_a_phone_is_greeted_only_when_it_was_named(clock: ManualClock):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((LOOPBACK, 0))
        phone.settimeout(2.0)
        with IFacialMocapReceiver("", free_port(), clock):
            pass
        named = f"{LOOPBACK}:{phone.getsockname()[1]}"
        with IFacialMocapReceiver("", free_port(), clock, phone=named) as receiver:
            words, sender = phone.recvfrom(1000)
            assert words == GREETING
            assert sender[1] == receiver.port  # where the app answers to
            phone.sendto(IFACIALMOCAP_SAMPLE, sender)
            wait_until(lambda: receiver.at(clock.now()))
            phone.settimeout(0.0)
            with pytest.raises(BlockingIOError):  # and the silent receiver sent nothing
                phone.recv(1000)


def test_a_phone_unreachable_from_loopback_is_reported_with_a_remedy(clock: ManualClock):
    with pytest.raises(DeviceError) as caught:
        IFacialMocapReceiver(LOOPBACK, free_port(), clock, phone="192.0.2.9")
    assert "address" in caught.value.hint


# -- OpenSeeFace

# A face of its tracker's kind: x to the head's own right, y up, z out, origin at the nose.
JAW = np.array(
    [(0.50, 0.28, -0.64), (0.46, 0.02, -0.65), (0.38, -0.25, -0.60), (0.25, -0.44, -0.40),
     (0.00, -0.55, -0.21), (-0.25, -0.44, -0.40), (-0.38, -0.25, -0.60), (-0.46, 0.02, -0.65),
     (-0.50, 0.28, -0.64), (0.00, 0.26, -0.11), (0.00, 0.16, -0.06), (0.00, 0.00, 0.00)]
)  # fmt: skip
JAW_UNIT_M = 0.145 / 1.004
NOSE = np.array((0.0, -0.011, 0.075))


def openseeface_record(id_: int = 0, **fields: object) -> NDArray[np.void]:
    record = np.zeros((), RECORD)
    record["id"] = id_
    record["size"] = (640, 480)
    record["eye_open"] = (1, 1)
    record["posed"] = 1
    record["quaternion"] = (0.70710678, -0.70710678, 0, 0)
    record["translation"] = (0, 0, 4)
    record["points_3d"][66:68] = (0, 0, -0.1)  # ahead of the eyeballs
    for name, value in fields.items():
        if name in FEATURES:
            record["features"][FEATURES.index(name)] = value
        else:
            record[name] = value
    return record


def openseeface_view(
    camera_from_head: NDArray[np.float64], width: int, height: int, depth: float
) -> bytes:
    """The packet for a head before a real camera as wide as OpenSeeFace assumes.

    Follows the tracker: its own points and matrix into solvePnP, then its quaternion. The
    tracker's search begins at depth 0 and ends behind the camera.
    """
    in_head = JAW * (-1, 1, 1) * JAW_UNIT_M + NOSE
    in_camera = in_head @ camera_from_head[:3, :3].T + camera_from_head[:3, 3]
    column = width * in_camera[:, 0] / -in_camera[:, 2] + width / 2
    row = height / 2 - width * in_camera[:, 1] / -in_camera[:, 2]
    matrix = np.array(((width, 0, width / 2), (0, width, height / 2), (0, 0, 1.0)))
    picture = np.stack((row, column), axis=1)
    guess = np.array((2.2, -2.2, 0.0)) * bool(depth), np.array((0.0, 0.0, depth))
    solved, turn, moved = cv2.solvePnP(
        JAW, picture, matrix, np.zeros((4, 1)), *guess, True, cv2.SOLVEPNP_ITERATIVE
    )
    assert solved
    assert (moved[2] > 0) == bool(depth)
    m = cv2.Rodrigues(turn)[0]
    w, x, y, z = quaternion_from_matrix(m.T)  # matrix_to_quaternion is for row vectors
    return openseeface_record(
        size=(width, height), quaternion=(x, y, z, w), translation=moved.ravel()
    ).tobytes()


def openseeface(*records: NDArray[np.void] | bytes) -> Performance:
    packet = b"".join(r if isinstance(r, bytes) else r.tobytes() for r in records)
    performance = OpenSeeFaceDecoder().decode(packet, 0.0)
    assert performance is not None
    return performance


def test_a_record_has_the_size_that_openseeface_sends():
    assert RECORD.itemsize == 8 + 4 + 8 + 8 + 1 + 4 + 16 + 12 + 12 + 4 * 68 * 3 + 4 * 210 + 4 * 14


@pytest.mark.parametrize("depth", [0.0, 4.0])
@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (480, 480)])
@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (25, 0, 0), (-25, 0, 0), (0, 20, 0), (0, -20, 0),
                               (0, 0, 20), (15, -10, 12)]
)  # fmt: skip
def test_a_pose_of_openseeface_projects_to_its_true_pixels(
    size: tuple[int, int], yaw: float, pitch: float, roll: float, depth: float
):
    about = np.radians(((0, yaw, 0), (pitch, 0, 0), (0, 0, roll)))
    y, x, z = (quaternion_from_vector(each) for each in about)
    place = np.array((0.08, -0.03, -0.7))
    pose = pose_of(
        openseeface(openseeface_view(compose(place, multiply(y, multiply(x, z))), *size, depth))
    )
    assert euler_deg(pose.rotation) == approx((yaw, pitch, roll), abs=3.5)
    assert pose.translation == approx(place, abs=0.035)


def test_a_frontal_face_has_the_angles_that_openseefaces_reader_subtracts():
    frontal = compose(np.array((0.0, 0.0, -0.6)), np.array((1.0, 0, 0, 0)))
    record = np.frombuffer(openseeface_view(frontal, 480, 480, depth=0.0), RECORD)[0]
    assert record["translation"][2] < 0
    x, y, z, w = record["quaternion"]
    matrix = matrix_from_quaternion(np.array((w, x, y, z))).T
    assert np.abs(cv2.RQDecomp3x3(matrix)[0]) == approx((180, 0, 90), abs=3)
    assert cv2.RQDecomp3x3(matrix)[0][2] > 0


def test_left_and_right_of_openseefaces_features_are_the_heads_own():
    performance = openseeface(
        openseeface_record(eye_open=(1.0, 0.1), brow_right=0.6, corner_left=-0.7)
    )
    assert weight(performance, "eyeBlinkLeft") == approx(0.9)
    assert weight(performance, "eyeBlinkRight") == 0
    assert weight(performance, "browOuterUpRight") == approx(0.6)
    assert weight(performance, "browOuterUpLeft") == 0
    assert weight(performance, "mouthSmileLeft") == approx(0.7)
    assert weight(performance, "mouthSmileRight") == weight(performance, "mouthFrownLeft") == 0


def test_openseefaces_mouth_opens_and_narrows():
    performance = openseeface(openseeface_record(mouth_open=0.8, mouth_wide=-0.5))
    assert weight(performance, "jawOpen") == approx(0.8)
    assert weight(performance, "mouthPucker") == approx(0.5)


def test_openseefaces_pupils_give_the_gaze():
    # The sender writes (x, -y, -z) with x to the head's own right.
    points = np.zeros((70, 3))
    points[66:68] = (-0.04, -0.02, -0.1)  # both pupils to its own left, and up
    performance = openseeface(openseeface_record(points_3d=points))
    assert weight(performance, "eyeLookOutLeft") > 0.5
    assert weight(performance, "eyeLookInRight") > 0.5
    assert weight(performance, "eyeLookUpLeft") > 0.3
    assert weight(performance, "eyeLookInLeft") == weight(performance, "eyeLookDownRight") == 0


def test_of_several_faces_the_lowest_id_counts():
    performance = openseeface(
        openseeface_record(7, mouth_open=0.9), openseeface_record(2, mouth_open=0.3)
    )
    assert weight(performance, "jawOpen") == approx(0.3)


def test_a_face_without_a_pose_gives_its_expression_alone():
    performance = openseeface(openseeface_record(posed=0, mouth_open=0.4))
    assert performance.pose is None
    assert weight(performance, "jawOpen") == approx(0.4)
    assert not performance.mask[INDEX["eyeLookUpLeft"]]


def test_python_osc_and_we_read_the_same_messages():
    from livecam.protocols.osc import messages_in

    builder = OscBundleBuilder(IMMEDIATELY)
    for arguments in ((), ("text", 1, 0.5), (b"blob!", "after", True, False), ("ä", [1, [2.5]], 3)):
        written = OscMessageBuilder("/some/where")
        for each in arguments:
            written.add_arg(each)
        builder.add_content(written.build())
    packet = bundle(builder.build().dgram, message("/last", "one"))
    ours = [(m.address, m.arguments) for m in messages_in(packet)]
    theirs = [(m.message.address, m.message.params) for m in OscPacket(packet).messages]
    assert [address for address, _ in ours] == [address for address, _ in theirs]
    assert ours[1][1] == ("text", 1, 0.5)
    assert ours[2][1] == (None, "after", True, False)
    assert ours[3][1] == ("ä", 1, 2.5, 3)
