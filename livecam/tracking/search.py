"""Where to look for a face that is too small in the whole picture.

MediaPipe's detector shrinks a picture to 128 pixels and so finds no face below a tenth of its
width: nobody a metre away from a wide webcam. Its tracker, once it has a face, follows it down
to a fiftieth. So a part of the picture is shown to it, and when a face is found there, larger
and larger parts, until the whole picture is back and the tracker has the face.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from livecam.core.frame import Rect

# (magnification, places along each side); the parts overlap by half, or by more than a face.
LEVELS = (
    (2.0, (0.5, 0.0, 1.0), (0.5, 0.0, 1.0)),
    (3.0, (0.5, 0.25, 0.75, 0.0, 1.0), (0.5, 0.0, 1.0)),
)
LARGEST_STEP = 1.25  # of the magnification
FARTHEST_SHIFT = 0.25  # of the face in the part shown, in face widths
SMALLEST_STEP = 1.01
MOST_STEPS = 40  # a third of a second; a face that needs more is left for the next round


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture with its shape: magnified so often, at that share of the free way."""

    magnification: float
    along: float  # 0 at the left edge .. 1 at the right
    down: float

    def rect(self, width: int, height: int) -> Rect:
        wide, high = width / self.magnification, height / self.magnification
        x, y = (width - wide) * self.along, (height - high) * self.down
        return Rect(round(x), round(y), round(x + wide), round(y + high))

    def larger(self, x: float, y: float, face: float) -> Part:
        """The next larger part in which a face is nearly where it was.

        Args:
            x: the face's centre, as a share of this part's width.
            y: the same down, of its height.
            face: the face's width, as a share of this part's width.
        """
        step = LARGEST_STEP
        while step > SMALLEST_STEP and self._shift(x, y, step) > FARTHEST_SHIFT * face:
            step = 1 + (step - 1) / 2
        return Part(max(self.magnification / step, 1.0), self.along, self.down)

    def _shift(self, x: float, y: float, step: float) -> float:
        """How far a point moves within the part when that is enlarged so much, as a share."""
        return (1 - 1 / step) * max(abs(self.along - x), abs(self.down - y))


def parts() -> Iterator[Part]:
    """All parts to look at, again and again, the likeliest first."""
    while True:
        for magnification, across, down in LEVELS:
            for y, x in product(down, across):
                yield Part(magnification, x, y)
