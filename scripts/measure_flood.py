#!/usr/bin/env python3
"""Measures how many frames a live run publishes while packets flood its performer.

    scripts/measure_flood.py [--seconds 6] [--rate 5000] [PERFORMER ...]

Runs `livecam run` on the sample without a display, and sends valid packets of each performer (vmc,
ifacialmocap, openseeface) over loopback. Prints the frames that were published and tracked in a
second, and the processor time, without packets and during the flood.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from livecam.core.face import EXPRESSIONS
from livecam.protocols.openseeface import RECORD
from livecam.protocols.udp import LOOPBACK

PERFORMERS = ("vmc", "ifacialmocap", "openseeface")
WARM_UP_FRAMES = 40
PATIENCE_S = 90.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("performers", nargs="*", default=PERFORMERS)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rate", type=int, default=5000)
    given = parser.parse_args()
    print("performer        packets/s  published/s  tracked/s  cpu")
    for performer in given.performers:
        measure(performer, given.seconds, given.rate)


def measure(performer: str, seconds: float, rate: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stats, port = Path(folder) / "stats.jsonl", free_port()
        command = [
            sys.executable, "-m", "livecam", "run", "--source", "sample", "--no-preview",
            "--no-virtual-camera", "--also-to", "null", "--performer", performer,
            "--listen", LOOPBACK, "--listen-port", str(port), "--stats", str(stats),
        ]  # fmt: skip
        run = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + PATIENCE_S
            while len(lines_of(stats)) < WARM_UP_FRAMES and time.monotonic() < end:
                time.sleep(0.1)
            for packets in (0, rate):
                first, cpu_s = len(lines_of(stats)), processor_s(run.pid)
                flood(packet_of(performer), port, seconds, packets)
                new = [json.loads(line) for line in lines_of(stats)[first:]]
                used = (processor_s(run.pid) - cpu_s) / seconds
                tracked = sum(line["tracked"] for line in new)
                print(
                    f"{performer:15s}  {packets:9d}  {len(new) / seconds:11.1f}"
                    f"  {tracked / seconds:9.1f}  {used:3.2f}"
                )
        finally:
            run.terminate()
            run.wait(20)


def flood(packet: bytes, port: int, seconds: float, rate: int) -> None:
    """Sends a packet again and again, evenly."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        began, sent = time.monotonic(), 0
        while (now := time.monotonic() - began) < seconds:
            while sent < now * rate:
                sender.sendto(packet, (LOOPBACK, port))
                sent += 1
            time.sleep(0.002)


def packet_of(performer: str) -> bytes:
    """A valid packet, with all 52 weights where the protocol has them."""
    if performer == "ifacialmocap":
        weights = "".join(f"{name}&10|" for name in EXPRESSIONS)
        return f"{weights}=head#1,2,3,0,0,-0.5|".encode()
    if performer == "openseeface":
        record = np.zeros((), RECORD)
        record["size"], record["eye_open"], record["posed"] = (640, 480), (1, 1), 1
        record["quaternion"], record["translation"] = (0.7071, -0.7071, 0, 0), (0, 0, 4)
        return record.tobytes()
    bundle = OscBundleBuilder(IMMEDIATELY)
    for name in EXPRESSIONS:
        bundle.add_content(message("/VMC/Ext/Blend/Val", name, 0.1))
    bundle.add_content(message("/VMC/Ext/Blend/Apply"))
    return bundle.build().dgram


def message(address: str, *arguments: str | float) -> object:
    builder = OscMessageBuilder(address)
    for each in arguments:
        builder.add_arg(each)
    return builder.build()


def lines_of(stats: Path) -> list[str]:
    return stats.read_text().split("\n")[:-1] if stats.exists() else []


def processor_s(pid: int) -> float:
    """The processor time of a process so far; Linux alone says it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
