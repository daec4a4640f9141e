"""Makes whole frames of interlaced ones."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from livecam.media.shape import Shape

log = logging.getLogger(__name__)

DEFAULT_TIME_BASE = Fraction(1, 90_000)  # for frames without times

# One frame for each frame; progressive ones in between pass unchanged.
OPTIONS = {"mode": "send_frame", "deint": "interlaced"}


class Deinterlacer:
    """Deinterlaces frames in order, with FFmpeg's bwdif; used on one thread.

    A frame comes out when the next one is known, as motion is judged by the frames around it.
    Until the first interlaced frame, and in films without any, frames pass at once.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._shape: Shape | None = None
        self._kind: tuple[object, ...] = ()  # what a filter graph cannot change
        self._fails = False  # the filter does not take such frames: they pass as they are

    def take(self, frame: VideoFrame, shape: Shape) -> Iterator[tuple[VideoFrame, Shape]]:
        """Takes the next frame; yields those that are finished, with their shapes."""
        kind = (shape, frame.format.name, frame.colorspace, frame.color_range)
        if kind != self._kind:
            yield from self.finish()
            self._kind, self._shape, self._fails = kind, shape, False
        if self._graph is None and frame.interlaced_frame and not self._fails:
            self._graph = _graph_for(frame)
            self._fails = self._graph is None
        if self._graph is None:
            yield frame, shape
        else:
            yield from self._filtered(self._graph, frame)

    def finish(self) -> Iterator[tuple[VideoFrame, Shape]]:
        """Yields the frames that are still held."""
        graph, self._graph = self._graph, None
        if graph is not None:
            yield from self._filtered(graph, None)

    def _filtered(
        self, graph: Graph, frame: VideoFrame | None
    ) -> Iterator[tuple[VideoFrame, Shape]]:
        assert self._shape is not None
        graph.vpush(frame)
        while True:
            try:
                out = graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield out, self._shape


def _graph_for(frame: VideoFrame) -> Graph | None:
    try:
        return _made_graph(frame)
    except (av.FFmpegError, ValueError) as error:
        log.warning("interlaced pictures stay as they are (%s)", error)
        return None


def _made_graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base=str(frame.time_base or DEFAULT_TIME_BASE),
        pixel_aspect="1/1",
        colorspace=str(int(frame.colorspace)),
        range=str(int(frame.color_range)),
    )
    graph.link_nodes(source, graph.add("bwdif", **OPTIONS), graph.add("buffersink"))
    graph.configure()
    return graph
