"""Search windows for faces that are too small in the whole frame.

MediaPipe's detector scales a frame to 128 pixels and so misses faces below a tenth of its width:
every person a metre away from a wide webcam. Its tracker, once it has a face, follows it down to a
fiftieth. So a window of the frame is searched, and a face found there is tracked through larger
and larger windows until the window is the whole frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from livecam.core.frame import Rect

# (zoom, offsets along each side); the windows overlap by half, or by more than a face.
LEVELS = (
    (2.0, (0.5, 0.0, 1.0), (0.5, 0.0, 1.0)),
    (3.0, (0.5, 0.25, 0.75, 0.0, 1.0), (0.5, 0.0, 1.0)),
)
MAX_ZOOM_STEP, MIN_ZOOM_STEP = 1.25, 1.01  # ratio of the zooms of two successive windows
MAX_SHIFT = 0.25  # of the face inside the window from step to step, in face widths
MAX_STEPS = 40  # a third of a second; a face that needs more is left for the next round


@dataclass(frozen=True, slots=True)
class SearchWindow:
    """A window of a frame, with the frame's aspect ratio."""

    zoom: float
    offset_x: float  # 0 at the left edge .. 1 at the right
    offset_y: float  # 0 at the top .. 1 at the bottom

    def rect(self, width: int, height: int) -> Rect:
        """Returns the window in a frame of that size."""
        wide, high = width / self.zoom, height / self.zoom
        x, y = (width - wide) * self.offset_x, (height - high) * self.offset_y
        return Rect(round(x), round(y), round(x + wide), round(y + high))

    def enlarged(self, x: float, y: float, face: float) -> SearchWindow:
        """Returns the next larger window in which a face is nearly where it was.

        Args:
            x: the face's centre, as a share of this window's width.
            y: the same down, of its height.
            face: the face's width, as a share of this window's width.
        """
        step = MAX_ZOOM_STEP
        while step > MIN_ZOOM_STEP and self._shift(x, y, step) > MAX_SHIFT * face:
            step = 1 + (step - 1) / 2
        return SearchWindow(max(self.zoom / step, 1.0), self.offset_x, self.offset_y)

    def _shift(self, x: float, y: float, step: float) -> float:
        """Computes how a point inside the window is displaced when that is enlarged, as a share."""
        return (1 - 1 / step) * max(abs(self.offset_x - x), abs(self.offset_y - y))


def search_windows() -> Iterator[SearchWindow]:
    """Yields all windows, again and again, the likeliest first."""
    while True:
        for zoom, across, down in LEVELS:
            for y, x in product(down, across):
                yield SearchWindow(zoom, x, y)
