#!/usr/bin/env python3
"""Reads thousands of damaged files of every kind and counts tracebacks, bad sentences and hangs.

    scripts/trial_files.py [--count 3000] [--seed 1]

Prints one line a kind and every file that was answered badly, with the seed that makes it again.
The exit code is 1 when there is one.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.mutated_files import KINDS, answer, mutated

HANG_S = 60  # then the run ends with a traceback of where it hangs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = os.environ["APPDATA"] = folder
        cv2.imwrite(f"{folder}/dot.png", np.full((8, 8, 4), 255, np.uint8))
        for name in KINDS:
            bad += trial(name, Path(folder), arguments.count // len(KINDS), arguments.seed)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{bad} answered badly; {peak_mb:.0f} MB at the peak")
    return 1 if bad else 0


def trial(name: str, folder: Path, count: int, seed: int) -> int:
    """Reads damaged files of one kind; returns how many were answered badly."""
    kind, bad, slowest_s = KINDS[name], 0, 0.0
    path = folder / kind.name
    for number in range(count):
        path.write_bytes(mutated(kind.text, random.Random(f"{name} {seed} {number}")))
        signal.alarm(HANG_S)
        began = time.monotonic()
        complaint = answer(kind, path)
        slowest_s = max(slowest_s, time.monotonic() - began)
        if complaint:
            bad += 1
            print(f"  {name} {seed} {number}: {complaint}")
    print(f"{name:14} {count} files, {bad} answered badly, slowest {slowest_s:.2f} s")
    return bad


if __name__ == "__main__":
    sys.exit(main())
