"""Reads some of the frames of a film again."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from livecam.core.end_signals import checkpoint
from livecam.core.frame import Frame
from livecam.media.reader import VideoInfo


def frames_at(info: VideoInfo, indices: Collection[int]) -> Iterator[Frame]:
    """Yields the frames of these indices in order, and reads no further than the last of them."""
    if not indices:
        return
    last = max(indices)
    with info.open() as film:
        for frame in film:
            checkpoint()
            if frame.index in indices:
                yield frame
            if frame.index >= last:
                return
