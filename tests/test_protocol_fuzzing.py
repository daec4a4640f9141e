"""Whatever arrives: no receiver breaks, believes nonsense, or remembers without end."""

from __future__ import annotations

import pickle
import socket
import struct
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import EXPRESSIONS, Performance
from livecam.core.timing import ManualClock
from livecam.protocols.ifacialmocap import IFacialMocapDecoder
from livecam.protocols.openseeface import RECORD, OpenSeeFaceDecoder
from livecam.protocols.osc import messages_in
from livecam.protocols.receiver import Decoder
from livecam.protocols.udp import LOOPBACK, MalformedError
from livecam.protocols.vmc import VmcDecoder
from tests.test_protocols import (
    APPLY,
    IFACIALMOCAP_SAMPLE,
    blend,
    bone,
    bundle,
    free_port,
    message,
    openseeface_record,
    receiver_of,
    wait_until,
)

VALID: dict[str, tuple[Callable[[], Decoder], list[bytes]]] = {
    "vmc": (
        VmcDecoder,
        [
            bundle(
                message("/VMC/Ext/OK", 1, 3, 0, 1),
                message("/VMC/Ext/Root/Pos", "root", *[0.0] * 6, 1.0),
                bone("Head", (0.1, 0.2, 0.3, 0.9)),
                *(blend(name, 0.5) for name in EXPRESSIONS[:6]),
                blend("Joy", 1.0),
                APPLY,
            ),
            bundle(bundle(blend("jawOpen", 1.0)), APPLY),
            bone("Head", (0, 0, 0, 1)),
        ],
    ),
    "ifacialmocap": (
        IFacialMocapDecoder,
        [IFACIALMOCAP_SAMPLE, b"jawOpen&50|trackingStatus&1|=head#1,2,3,0,0,-0.5|"],
    ),
    "openseeface": (
        OpenSeeFaceDecoder,
        [
            openseeface_record(mouth_open=0.5).tobytes(),
            openseeface_record(1).tobytes() + openseeface_record(0, eye_left=-1).tobytes(),
        ],
    ),
}
HOSTILE_NUMBERS = st.sampled_from(
    [struct.pack(order + "f", value) for order in "<>" for value in
     (float("nan"), float("inf"), float("-inf"), 3e38, -3e38, 1e-40, 0.0)]
    + [b"\xff" * 4, b"\x80\0\0\0", b"\0\0\0\xff", b"nan", b"1e9999", b"-inf", b"1e300"]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, valid: list[bytes]) -> bytes:
    """A valid packet, cut, lengthened, with bytes changed or hostile numbers written over."""
    packet = bytearray(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(packet)))
        what = draw(st.sampled_from(("byte", "number", "cut", "insert", "double")))
        if what == "byte" and at < len(packet):
            packet[at] = draw(st.integers(0, 255))
        elif what == "number":
            number = draw(HOSTILE_NUMBERS)
            packet[at - at % 4 : at - at % 4 + len(number)] = number
        elif what == "cut":
            del packet[at:]
        elif what == "insert":
            packet[at:at] = draw(st.binary(max_size=8))
        else:
            packet += packet[at:][:2000]
    return bytes(packet)


def check(performance: Performance | None) -> None:
    if performance is None:
        return
    assert np.isfinite(performance.weights).all()
    assert performance.weights.min() >= 0
    assert performance.weights.max() <= 1
    assert not performance.weights[~performance.mask].any()
    if performance.pose is not None:
        assert np.isfinite(performance.pose.matrix).all()
        assert np.linalg.norm(performance.pose.rotation) == pytest.approx(1)
        assert performance.pose.translation[2] < -0.1


def read_all(decoder: Decoder, packets: list[bytes]) -> None:
    """Nothing but MalformedError comes out, and then nothing has changed."""
    for index, packet in enumerate(packets):
        before = pickle.dumps(vars(decoder)) if hasattr(decoder, "__dict__") else b""
        try:
            check(decoder.decode(packet, index / 60))
        except MalformedError:
            after = pickle.dumps(vars(decoder)) if hasattr(decoder, "__dict__") else b""
            assert after == before


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_bytes_do_no_harm(name: str, data: st.DataObject):
    make, _ = VALID[name]
    beginnings = st.sampled_from(
        [b"", b"#bundle\0" + bytes(8), b"/VMC/Ext/Blend/Val\0\0", b"=head#"]
    )
    noise = st.builds(bytes.__add__, beginnings, st.binary(max_size=300))
    read_all(make(), data.draw(st.lists(noise, max_size=4)))


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_mutated_packets_do_no_harm(name: str, data: st.DataObject):
    make, valid = VALID[name]
    read_all(make(), data.draw(st.lists(mutated(valid), min_size=1, max_size=3)))


@settings(max_examples=60, deadline=None)
@given(bad=st.sampled_from([float("nan"), float("inf"), float("-inf"), 1e9, -1e9]), data=st.data())
def test_implausible_numbers_of_openseeface_are_refused(bad: float, data: st.DataObject):
    field = data.draw(
        st.sampled_from(["eye_open", "quaternion", "translation", "features", "size"])
    )
    record = openseeface_record()
    places = np.atleast_1d(record[field])
    places[data.draw(st.integers(0, len(places) - 1))] = bad
    record[field] = places
    with pytest.raises(MalformedError):
        OpenSeeFaceDecoder().decode(record.tobytes(), 0.0)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e300", "9999999", "", "x", "1,2"])
def test_implausible_numbers_of_ifacialmocap_are_refused(number: str):
    for text in (f"jawOpen&{number}|", f"=head#{number},0,0,0,0,0|", f"=head#0,0,0,0,0,{number}|"):
        with pytest.raises(MalformedError):
            IFacialMocapDecoder().decode(text.encode(), 0.0)


def test_unknown_names_are_not_stored():
    vmc = VmcDecoder()
    phone = IFacialMocapDecoder()
    for index in range(3000):
        vmc.decode(blend(f"unknown {index}", 0.5), 0.0)
        vmc.decode(bone(f"unknown {index}", (0, 0, 0, 1)), 0.0)
        phone.decode(f"jawOpen&1|unknown{index}&1|".encode(), 0.0)
    assert len(pickle.dumps(vars(vmc))) < 1000
    assert len(pickle.dumps(vars(phone))) < 1000


def test_known_names_that_are_never_applied_are_few():
    decoder = VmcDecoder()
    for _ in range(50):
        for name in EXPRESSIONS:
            decoder.decode(blend(name, 0.5), 0.0)
    assert len(pickle.dumps(vars(decoder))) < 5000


@pytest.mark.parametrize("size", [-4, -16, 0, 2**31 - 1, -(2**31)])
def test_a_bundle_with_an_impossible_element_ends(size: int):
    # python-osc 1.10 reads the element of -4 bytes for ever.
    with pytest.raises(MalformedError):
        messages_in(b"#bundle\0" + bytes(8) + struct.pack(">i", size) + bytes(16))


def test_bundles_cannot_be_nested_without_end():
    packet = APPLY
    while len(packet) < 60_000:
        packet = bundle(packet)
    with pytest.raises(MalformedError):
        messages_in(packet)


def long_packet(name: str, length: int) -> bytes:
    if name == "vmc":
        return bundle(*[blend("jawOpen", 0.5)] * (length // 48 - 1))
    if name == "ifacialmocap":
        return b"jawOpen&1|" * (length // 10)
    return openseeface_record().tobytes() * (length // RECORD.itemsize)


def least_cpu_s(name: str, packets: list[bytes]) -> float:
    times = []
    for _ in range(5):
        decoder, began = VALID[name][0](), time.thread_time()
        for packet in packets:
            decoder.decode(packet, 0.0)
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.parametrize(
    ("name", "max_length"),
    [("vmc", 65_507), ("ifacialmocap", 8_192), ("openseeface", 40 * RECORD.itemsize)],
)
def test_the_time_to_read_a_packet_grows_as_its_length(name: str, max_length: int):
    whole = least_cpu_s(name, [long_packet(name, max_length)])
    eighths = least_cpu_s(name, [long_packet(name, max_length // 8)] * 8)
    assert whole < 4 * eighths  # 8 times as much were the square of the length


@pytest.mark.parametrize("name", VALID)
def test_a_receiver_survives_malformed_packets_and_counts_them(name: str):
    clock = ManualClock(5.0)
    good = VALID[name][1][0]
    bad = [b"", b"\0", b"nonsense", b"#bundle\0", good[:-3], b"\xff" * 2000]
    with (
        receiver_of(name, free_port(), clock) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        for packet in (good, *bad):
            sender.sendto(packet, (LOOPBACK, receiver.port))
        wait_until(lambda: receiver.received == 1 + len(bad))
        # A text that was cut off may still be one.
        assert receiver.malformed in (len(bad), len(bad) - (name == "ifacialmocap"))
        check(receiver.at(clock.now()))
        assert receiver.at(clock.now()) is not None
