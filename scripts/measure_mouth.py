#!/usr/bin/env python3
"""Shows what the mouth from sound makes of recordings, and what hearing them costs.

    scripts/measure_mouth.py WAV [WAV ...]

For each file: the mean of the weights that shape speech while there is some, when the jaw was
half open after the first audible sample, and the CPU time for one second of sound.
"""

from __future__ import annotations

import argparse
import time
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.audio.mouth import LipSync
from livecam.core.face import INDEX

SHOWN = (
    "jawOpen", "mouthFunnel", "mouthPucker", "mouthStretchLeft", "mouthSmileLeft",
    "mouthPressLeft", "mouthRollLower", "mouthUpperUpLeft",
)  # fmt: skip
AUDIBLE = 0.01
LEAD_S = 0.5  # of silence before the file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wav", type=Path, nargs="+")
    print(
        f"{'':16}", *(f"{name[:9].removeprefix('mouth'):>9}" for name in SHOWN), "half ms  CPU ms/s"
    )
    for path in parser.parse_args().wav:
        sound, rate = read(path)
        print(f"{path.stem[:16]:16}", measured(sound, rate))


def read(path: Path) -> tuple[NDArray[np.float32], int]:
    with wave.open(str(path)) as file:
        if file.getsampwidth() != 2:
            raise SystemExit(f"{path} does not hold samples of 16 bits")
        raw = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        mono = raw.reshape(-1, file.getnchannels()).mean(axis=1) / 32768
        lead = np.zeros(round(LEAD_S * file.getframerate()))
        return np.concatenate((lead, mono)).astype(np.float32), file.getframerate()


def measured(sound: NDArray[np.float32], rate: int) -> str:
    mouth, block = LipSync(rate), rate // 100
    weights = []
    before = time.thread_time()
    for end in range(block, len(sound) + 1, block):
        mouth.feed(sound[end - block : end], end / rate)
        performance = mouth.at(end / rate)
        assert performance is not None
        weights.append(performance.weights)
    cpu_ms = (time.thread_time() - before) * 1e3 / (len(sound) / rate)
    shown = np.array(weights)
    speaking = shown[shown.max(axis=1) > 0.05]
    means = speaking.mean(axis=0) if len(speaking) else np.zeros(shown.shape[1])
    onset_s = int(np.argmax(np.abs(sound) > AUDIBLE)) / rate
    jaw = shown[:, INDEX["jawOpen"]]
    began = int(onset_s * 100)
    half = np.median(jaw[began + 10 : began + 25]) / 2
    late_ms = ((int(np.argmax(jaw > half)) + 1) / 100 - onset_s) * 1e3 if half > 0.02 else np.nan
    numbers = " ".join(f"{means[INDEX[name]]:9.2f}" for name in SHOWN)
    return f"{numbers} {late_ms:7.0f} {cpu_ms:9.1f}"


if __name__ == "__main__":
    main()
