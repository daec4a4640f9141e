"""A flood of valid packets costs little, and the newest values arrive all the same."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest

from livecam.core.face import EXPRESSIONS, INDEX
from livecam.core.timing import ManualClock
from livecam.protocols.flood import (
    BURST_S,
    MAX_BACKLOG,
    MAX_KINDS,
    MAX_REST_S,
    CpuBudget,
    Datagram,
    Kinds,
    newest_of_each_kind,
)
from livecam.protocols.ifacialmocap import IFacialMocapKinds
from livecam.protocols.receiver import Decoder
from livecam.protocols.vmc import VmcDecoder, VmcKinds
from tests.test_protocols import (
    APPLY,
    blend,
    bone,
    bundle,
    free_port,
    openseeface_record,
    receiver_of,
    wait_until,
)

FLOOD_S = 1.5
RATE = 5000  # packets a second
SENDER = ("127.0.0.1", 5000)

# Sends packets from standard input, each preceded by its size, evenly over a time.
FLOOD = """
import socket, struct, sys, time
port, seconds, rate = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
packets, data = [], sys.stdin.buffer.read()
while data:
    size, = struct.unpack(">I", data[:4])
    packets.append(data[4:4 + size])
    data = data[4 + size:]
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began, sent = time.monotonic(), 0
while (now := time.monotonic() - began) < seconds:
    while sent < now * rate:
        sender.sendto(packets[int(now / seconds * len(packets))], ("127.0.0.1", port))
        sent += 1
    time.sleep(0.002)
for _ in range(20):
    sender.sendto(packets[-1], ("127.0.0.1", port))
    time.sleep(0.01)
print(sent)
"""


def vmc_packet(jaw: float) -> bytes:
    others = (blend(name, 0.1) for name in EXPRESSIONS if name != "jawOpen")
    return bundle(bone("Head", (0, 0, 0, 1)), *others, blend("jawOpen", jaw), APPLY)


def ifacialmocap_packet(jaw: float) -> bytes:
    others = "".join(f"{name}&10|" for name in EXPRESSIONS if name != "jawOpen")
    return f"{others}jawOpen&{100 * jaw:.0f}|=head#1,2,3,0,0,-0.5|".encode()


def openseeface_packet(jaw: float) -> bytes:
    return openseeface_record(mouth_open=jaw).tobytes()


PACKETS: dict[str, Callable[[float], bytes]] = {
    "vmc": vmc_packet,
    "ifacialmocap": ifacialmocap_packet,
    "openseeface": openseeface_packet,
}


def thread_seconds(ident: int | None) -> float:
    """The processor time of another thread."""
    assert ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(ident))


@pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="threads have no clock of their own here"
)
@pytest.mark.parametrize("name", PACKETS)
def test_a_flood_costs_little_and_ends_with_the_newest_value(name: str):
    clock = ManualClock(5.0)
    packets = [PACKETS[name](jaw) for jaw in np.linspace(0, 0.9, 10)]
    data = b"".join(len(each).to_bytes(4, "big") + each for each in packets)
    with receiver_of(name, free_port(), clock) as receiver:
        ident = receiver._inbox._worker._thread.ident
        before = thread_seconds(ident)
        command = [sys.executable, "-c", FLOOD, str(receiver.port), str(FLOOD_S), str(RATE)]
        done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=True)
        assert int(done.stdout) > 0.9 * FLOOD_S * RATE

        def jaw() -> float:
            performance = receiver.at(clock.now())
            return 0.0 if performance is None else float(performance.weights[INDEX["jawOpen"]])

        wait_until(lambda: jaw() == pytest.approx(0.9, abs=0.01), 1.0)
        used_s = thread_seconds(ident) - before
        assert receiver.malformed == 0
    assert used_s < 0.25 * FLOOD_S, f"{used_s:.2f} s"


# --- which packets are decoded


def batch_of(*packets: bytes, sender: tuple[str, int] = SENDER) -> list[Datagram]:
    return [Datagram(packet, sender) for packet in packets]


def decoded(decoder: Decoder, packets: list[bytes]) -> object:
    performance = None
    for packet in packets:
        performance = decoder.decode(packet, 1.0)
    return performance


def test_few_packets_are_all_decoded():
    packets = [b"%d" % i for i in range(MAX_BACKLOG)]
    assert newest_of_each_kind(batch_of(*packets), Kinds()) == [[packet] for packet in packets]


def test_of_many_packets_the_newest_is_decoded_or_the_one_before_it():
    packets = [b"%d" % i for i in range(100)]
    assert newest_of_each_kind(batch_of(*packets), Kinds()) == [[b"99", b"98", b"97"]]


def test_each_sender_has_its_own_newest_packet():
    batch = batch_of(*[b"a"] * 20) + batch_of(*[b"b"] * 20, sender=("127.0.0.1", 6000))
    assert [group[0] for group in newest_of_each_kind(batch, Kinds())] == [b"a", b"b"]


def test_packets_of_endless_kinds_are_not_all_decoded():
    class Endless(Kinds):
        def of(self, packet: bytes) -> bytes:
            return packet

    batch = batch_of(*(b"%d" % i for i in range(1000)))
    assert len(newest_of_each_kind(batch, Endless())) == MAX_KINDS


@pytest.mark.parametrize("seed", range(40))
def test_skipping_packets_of_vmc_leads_to_the_same_performance(seed: int):
    random = np.random.default_rng(seed)
    names = ("jawOpen", "eyeBlinkLeft", "mouthPucker", "Joy")
    packets = []
    for _ in range(int(random.integers(20, 120))):
        value = float(random.uniform())
        packets.append(
            [
                lambda v: blend(str(random.choice(names)), v),
                lambda v: bundle(blend("jawOpen", v), blend("browInnerUp", v)),
                lambda v: bundle(blend("eyeBlinkRight", v), APPLY),
                lambda v: APPLY,
                lambda v: bone(str(random.choice(("Head", "Neck"))), (v, 0, 0, 1)),
            ][int(random.choice(5, p=(0.5, 0.15, 0.1, 0.1, 0.15)))](value)
        )
    groups = newest_of_each_kind(batch_of(*packets), VmcKinds())
    assert len(groups) < len(packets)
    whole, skipping = VmcDecoder(), VmcDecoder()
    wanted, found = decoded(whole, packets), decoded(skipping, [group[0] for group in groups])
    follow_up = [APPLY]  # values that were sent, but not applied yet
    for some, other in ((wanted, found), (decoded(whole, follow_up), decoded(skipping, follow_up))):
        assert (some is None) == (other is None)
        if some is not None:
            np.testing.assert_array_equal(some.weights, other.weights)
            np.testing.assert_array_equal(some.mask, other.mask)
            assert (some.pose is None) == (other.pose is None)
            if some.pose is not None:
                np.testing.assert_array_equal(some.pose.matrix, other.pose.matrix)


def test_values_in_the_middle_of_a_frame_do_not_replace_applied_ones():
    frames = [packet for i in range(10) for packet in (blend("jawOpen", i / 10), APPLY)]
    groups = newest_of_each_kind(batch_of(*frames, blend("jawOpen", 1.0)), VmcKinds())
    performance = decoded(VmcDecoder(), [group[0] for group in groups])
    assert performance.weights[INDEX["jawOpen"]] == pytest.approx(0.9)


def test_packets_of_the_phone_with_other_parts_do_not_replace_each_other():
    kinds = IFacialMocapKinds()
    one, other = b"jawOpen&10|", b"eyeBlink_L-3|"
    assert kinds.of(one) == kinds.of(b"jawOpen&11|")
    assert kinds.of(one) != kinds.of(other)
    head = b"=head#1,2,3,0,0,-0.5|"
    assert kinds.of(head) == kinds.of(b"=head#-9,2,3,0,0,-0.4|")
    assert kinds.of(one + head) != kinds.of(one)


# --- the processor time


def test_a_thread_within_its_share_never_rests():
    now = used = 0.0
    budget = CpuBudget(0.1, lambda: now, lambda: used)
    for _ in range(1000):
        now, used = now + 0.01, used + 0.0009
        assert budget.rest_s() == 0


def test_a_busy_thread_rests_until_it_is_within_its_share():
    now = used = 0.0
    budget = CpuBudget(0.1, lambda: now, lambda: used)
    budget.rest_s()
    for _ in range(400):
        now, used = now + 0.01, used + 0.01
        rest_s = budget.rest_s()
        assert rest_s <= MAX_REST_S
        now += rest_s
    assert used < 0.1 * now + BURST_S + 0.01
