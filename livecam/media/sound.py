"""Writes sound files."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

AAC_FRAME = 1024  # samples that the encoder takes at a time


def write_sound(path: Path, samples: NDArray[np.float32], rate: int) -> None:
    """Writes mono samples float32[n], -1..1, as AAC; the suffix chooses the container."""
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        frame = AudioFrame.from_ndarray(samples[None], "fltp", "mono")
        frame.sample_rate = rate
        cutter = AudioResampler("fltp", "mono", rate, frame_size=AAC_FRAME)
        for part in [*cutter.resample(frame), *cutter.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
