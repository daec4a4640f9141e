"""Reads some of the frames of a film again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from livecam.core.end_signals import checkpoint
from livecam.core.frame import Frame
from livecam.core.overlap import ahead
from livecam.media.reader import VideoInfo


@contextmanager
def frames_at(info: VideoInfo, indices: Collection[int]) -> Iterator[Iterator[Frame]]:
    """Yields an iterator over the frames of these indices, in order, which are decoded ahead."""
    with ahead(_read(info, indices)) as frames:
        yield frames


def _read(info: VideoInfo, indices: Collection[int]) -> Iterator[Frame]:
    """Yields the frames of these indices, and reads no further than the last of them."""
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
