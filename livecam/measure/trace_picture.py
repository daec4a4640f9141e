"""Draws a few frames of a trace as SVG: a lane for each thread, a bar for each stage.

All bars of one frame have one colour, so that it can be followed from thread to thread. Where a
thread waits, for a camera or for the threads of a library, its bar is pale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from livecam.core.trace import Trace, TraceEvent

FRAMES = 3  # in the picture
DRAWN_BY = "main"  # the thread that publishes
LANES = ("capture", "track", "segment", "witness", DRAWN_BY)  # in this order, then all others
COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa7711", "#66aacc", "#aa3377")  # of frames in turn
GREY = "#888888"  # of bars without a frame

WIDTH_PX, NAMES_PX, MARGIN_PX = 1280, 90, 12
BAR_PX, LANE_GAP_PX, AXIS_PX = 18, 10, 26
LETTER_PX = 6.2  # the width of one, at 11 px
MAX_TICKS = 16
STEPS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a trace that is drawn, in seconds of its clock."""

    start: float
    end: float

    def shows(self, event: TraceEvent) -> bool:
        return event.began_at < self.end and event.began_at + event.wall_s > self.start

    def x(self, at: float) -> float:
        """Returns where a time is in the picture, in pixels; times outside are at its edges."""
        share = (min(max(at, self.start), self.end) - self.start) / (self.end - self.start)
        return NAMES_PX + share * (WIDTH_PX - NAMES_PX - MARGIN_PX)


def trace_svg(trace: Trace) -> str:
    """Draws the frames in the middle of a trace; those of a trace without any stage are none."""
    window = middle_of(trace)
    events = [event for event in trace.events if window.shows(event)]
    parts: list[str] = []
    y = float(AXIS_PX)
    for thread in _lanes(trace, events):
        stacked = list(stack(event for event in events if event.thread == thread))
        height = BAR_PX * (1 + max(depth for _, depth in stacked))
        parts.append(_text(MARGIN_PX, y + 13, trace.threads[thread], "name"))
        parts += [_bar(event, window, y + BAR_PX * depth) for event, depth in stacked]
        y += height + LANE_GAP_PX
    return _page(y, [*_axis(window, y), *parts])


def middle_of(trace: Trace) -> Window:
    """Returns the time from tracking to publishing of the FRAMES frames in the middle."""
    drawn = [
        event.frame
        for event in trace.events
        if trace.threads[event.thread] == DRAWN_BY and event.frame is not None
    ]
    shown = list(dict.fromkeys(drawn))
    first = max(0, (len(shown) - FRAMES) // 2)
    chosen = set(shown[first : first + FRAMES])
    waits = {thread for thread, name in trace.threads.items() if name == "capture"}
    of_them = [e for e in trace.events if e.frame in chosen and e.thread not in waits]
    start = min((event.began_at for event in of_them), default=0.0)
    end = max((e.began_at + e.wall_s for e in of_them), default=start)
    return Window(start, max(end, start + 1e-3))


def stack(events: Iterator[TraceEvent]) -> Iterator[tuple[TraceEvent, int]]:
    """Yields the events of one thread in their order, each with the number of those around it."""
    ends: list[float] = []
    for event in sorted(events, key=lambda event: (event.began_at, -event.wall_s)):
        while ends and ends[-1] <= event.began_at:
            ends.pop()
        yield event, len(ends)
        ends.append(event.began_at + event.wall_s)


def _lanes(trace: Trace, events: Sequence[TraceEvent]) -> list[int]:
    """Returns the threads that have events, in the order in which frames pass them."""
    found = dict.fromkeys(event.thread for event in events)
    order = {name: place for place, name in enumerate(LANES)}
    return sorted(found, key=lambda thread: order.get(trace.threads[thread], len(LANES)))


def _bar(event: TraceEvent, window: Window, y: float) -> str:
    x0, x1 = window.x(event.began_at), window.x(event.began_at + event.wall_s)
    colour = GREY if event.frame is None else COLOURS[event.frame % len(COLOURS)]
    works = min(1.0, event.cpu_s / event.wall_s) if event.wall_s > 0 else 1.0
    about = f"{event.name}: {1e3 * event.wall_s:.2f} ms, CPU {1e3 * event.cpu_s:.2f} ms"
    if event.frame is not None:
        about += f", frame {event.frame}"
    bar = (
        f'<rect x="{x0:.1f}" y="{y:.1f}" width="{max(0.5, x1 - x0):.1f}" height="{BAR_PX - 1}" '
        f'fill="{colour}" fill-opacity="{0.25 + 0.45 * works:.2f}"/>'
    )
    fits = x1 - x0 > LETTER_PX * len(event.name) + 4
    label = _text(x0 + 3, y + 12.5, event.name, "stage") if fits else ""
    return f"<g><title>{escape(about)}</title>{bar}{label}</g>"


def _axis(window: Window, height: float) -> Iterator[str]:
    """Yields a line with its time, in milliseconds from the left edge, for each tick."""
    lasts_ms = 1e3 * (window.end - window.start)
    step = next((step for step in STEPS_MS if lasts_ms / step <= MAX_TICKS), STEPS_MS[-1])
    for ms in range(0, int(lasts_ms) + 1, step):
        x = window.x(window.start + ms / 1e3)
        yield f'<path d="M{x:.1f} {AXIS_PX - 6}V{height:.1f}" stroke="#dddddd"/>'
        yield _text(x, AXIS_PX - 10, f"{ms} ms", "tick")


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def _page(height: float, parts: Sequence[str]) -> str:
    style = (
        "text{font:11px sans-serif;fill:#222222}.name{font-weight:bold}"
        ".tick{fill:#777777;text-anchor:middle}"
    )
    size = f'width="{WIDTH_PX}" height="{height:.0f}" viewBox="0 0 {WIDTH_PX} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{style}</style>'
    return "\n".join((head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"))
