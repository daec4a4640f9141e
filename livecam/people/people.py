"""Who is who: everybody in the picture is followed, and some of them wear an avatar.

Faces and known people are matched all at once, by where each person should be by now, how large
they were and what colours they had. Who wears an avatar has a seat; there are as many seats as
avatars. A picture on the wall is a face too, but one that never moves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import EXPRESSIONS, FACE_OVAL, Face, Observation, Weights
from livecam.core.frame import Frame, PixelFormat

SeatsBy: TypeAlias = Literal["order", "place"]
Place: TypeAlias = NDArray[np.float64]  # float64[3]: centre x, y and width of a face, pixels

PATIENCE_S = 0.5  # how long a vanished face keeps its seat when another one wants it
MEMORY_S = 20.0  # how long somebody is known who is not there
LONGEST_LOOK_S = 0.1  # one picture without them says no more than that they are gone so long
LINGER_S = 1.0  # somebody without a seat may still be there so long after they were seen

REACH, REACH_PER_S = 0.6, 8.0  # how far a face may have moved, in face widths
LONGEST_REACH_S = 0.25
MOST_GROWTH = 0.5  # logarithm of the ratio of sizes: 1.65 times
SAME_FACE = 0.35  # two faces nearer than this are one that the tracker found twice
MISSED = 2.0  # the price of matching somebody with nobody; any match costs less

SPEED_S = 0.1  # time constant of the measured speed
COAST_S = 0.2  # somebody unseen slows down with this time constant
LOOK_CELLS = 6  # colours a face is known by, across and down
# Where they lie from its middle, in its widths: float64[2, cells].
LOOK_AT = ((np.arange(LOOK_CELLS) + 0.5) / LOOK_CELLS - 0.5) * np.array(((1.0,), (1.2,)))
LOOK_COST, LOOK_S = 2.0, 1.0  # price of another colour altogether; time constant

# A cut: hardly any place is as it was (see convert/shots.py for the numbers).
STAMP = (27, 48)
CHANGED, LEAST_CHANGED, LEAST_CHANGE = 12, 0.75, 20.0
UNCUT_AWAY, UNCUT_GROWTH = 0.25, 0.15  # a face so near its old place was not cut, but the light

# What lives moves or makes a face. The tracker's noise on a still portrait stays below a third
# of this; a gaze is left out, because it is the noisiest.
PICTURE_S = 10.0
MOVED, MOVED_S = 0.12, 0.3  # of a face's width, or of its growth; time constant of the look
GRIMACE = 0.35
_TELLING = np.array([not name.startswith("eyeLook") for name in EXPRESSIONS])
_OUTLINE = np.array(FACE_OVAL)


@dataclass(slots=True, eq=False)
class Somebody:
    """One face that is known, as long as it is remembered. Written to by `People` alone."""

    name: int
    face: Face | None  # in the newest picture; None while unseen
    place: Place  # where it was last
    speed: NDArray[np.float64]  # float64[2], pixels a second
    since: float
    seen_at: float
    look: NDArray[np.float32] | None
    at_first: Place
    face_at_first: Weights
    lately: Place
    alive: bool = False  # has moved, or made a face
    missed: int = 0  # pictures since they were seen

    def predicted(self, now: float) -> Place:
        """Where it should be by now: an unseen head goes on a little and slows down."""
        way_s = COAST_S * (1 - math.exp(-max(now - self.seen_at, 0.0) / COAST_S))
        out = self.place.copy()
        out[:2] += self.speed * way_s
        return out

    def reach(self, now: float) -> float:
        """How far from there it may be, in face widths."""
        return REACH + REACH_PER_S * min(max(now - self.seen_at, 0.0), LONGEST_REACH_S)

    def unseen_s(self, now: float) -> float:
        """How long they were looked for in vain: a stall is no absence."""
        return min(now - self.seen_at, self.missed * LONGEST_LOOK_S)

    def is_picture(self, now: float) -> bool:
        """Whether it was looked at for long and never did anything."""
        return not self.alive and now - self.since >= PICTURE_S


class People:
    """Follows everybody and gives seats. One thread; no clock of its own.

    Observations come in the order of their frames; when time falls (a looped file) everything
    starts anew.

    Args:
        seats: how many people wear an avatar.
        by: which seat a newcomer takes: the first free one (`order`), or the one of their part
            of the picture, from left to right (`place`). It stays theirs wherever they go.
        keep_s: how long a seat is kept for somebody unseen when nobody else wants it.
    """

    def __init__(self, seats: int = 1, by: SeatsBy = "order", keep_s: float = 5.0) -> None:
        self._by: SeatsBy = by
        self._keep_s = keep_s
        self._count = seats
        self._now = -np.inf
        self._next_name = 0
        self.reset()

    def reset(self) -> None:
        """Forgets everybody."""
        self._known: list[Somebody] = []
        self._life_seen = False
        self._stamp: NDArray[np.int16] | None = None
        self.seats: list[Somebody | None] = [None] * self._count

    def update(self, observation: Observation) -> None:
        """Takes in the next picture."""
        frame = observation.frame
        now = frame.captured_at
        if now < self._now:
            self.reset()
        self._now = now
        if self._is_cut(frame):
            self._forget_all_but_the_unmoved(observation)
        faces = observation.faces
        places = np.array([place_of(f, *frame.size) for f in faces]).reshape(-1, 3)
        looks = [_look(frame, place) for place in places]
        matched = self._match(places, looks, now)
        for somebody in self._known:
            somebody.face = None
            somebody.missed += 1
        for somebody, i in matched:
            _see(somebody, faces[i], places[i], looks[i], now)
        if not matched and len(faces) == 1:
            self._make_way(now)
        taken = {i for _, i in matched}
        for i, face in enumerate(faces):
            if i not in taken and not _found_twice(places, i, taken):
                self._known.append(self._newcomer(face, places[i], looks[i], now))
        self._life_seen |= any(somebody.alive for somebody in self._known)
        self._known = [s for s in self._known if now - s.seen_at <= MEMORY_S]
        self._seat(now, frame.width)

    @property
    def others(self) -> tuple[Face, ...]:
        """The faces in the newest picture that have no seat."""
        return tuple(s.face for s in self._without_seat() if s.face is not None)

    @property
    def lingering(self) -> list[Somebody]:
        """Who has no seat and was seen a moment ago: they may still be there."""
        return [
            s for s in self._without_seat() if s.face is None and s.unseen_s(self._now) <= LINGER_S
        ]

    def _without_seat(self) -> list[Somebody]:
        return [s for s in self._known if not any(s is seated for seated in self.seats)]

    def _newcomer(
        self, face: Face, place: Place, look: NDArray[np.float32] | None, now: float
    ) -> Somebody:
        self._next_name += 1
        return Somebody(
            self._next_name, face, place, np.zeros(2), now, now, look,
            place.copy(), face.weights, place.copy(),
        )  # fmt: skip

    # --- who is it

    def _match(
        self, places: NDArray[np.float64], looks: Sequence[NDArray[np.float32] | None], now: float
    ) -> list[tuple[Somebody, int]]:
        """Known people with the numbers of their faces; each at most once."""
        if not self._known or not len(places):
            return []
        unlike = np.array([_unlike(s, places, looks, now) for s in self._known])
        # A face that fits somebody best who was there just now is no one else's.
        here = np.array([s.face is not None for s in self._known])
        for k in np.flatnonzero(here):
            best = int(unlike[k].argmin())
            unlike[~here & (unlike[:, best] >= unlike[k, best]), best] = np.inf
        reach = np.array([[s.reach(now)] for s in self._known])
        price = unlike / (reach + MOST_GROWTH)
        return [(self._known[k], i) for k, i in assigned(price) if i is not None]

    def _make_way(self, now: float) -> None:
        """Alone before, alone and elsewhere now: most likely the same person, who wears on.

        But they are known anew, and the place they had is looked after: it may be somebody else.
        """
        recent = [s for s in self._known if s.unseen_s(now) <= PATIENCE_S]
        if len(recent) == 1:
            self.seats = [None if s is recent[0] else s for s in self.seats]

    # --- cuts

    def _is_cut(self, frame: Frame) -> bool:
        if frame.format is not PixelFormat.RGBA:
            return False
        down, across = (max(1, side // cells) for side, cells in zip(
            frame.image.shape[:2], STAMP, strict=True))  # fmt: skip
        stamp = frame.image[down // 2 :: down, across // 2 :: across, :3].astype(np.int16)
        before, self._stamp = self._stamp, stamp
        if before is None or before.shape != stamp.shape:
            return False
        change = np.abs(stamp - before)
        if change.mean() <= LEAST_CHANGE:
            return False
        return bool((change.max(axis=2) > CHANGED).mean() > LEAST_CHANGED)

    def _forget_all_but_the_unmoved(self, observation: Observation) -> None:
        """After a cut only those are the same who are where they were: it was but the light."""
        frame = observation.frame
        places = [place_of(face, *frame.size) for face in observation.faces]

        def stayed(somebody: Somebody) -> bool:
            return any(
                _away(place, somebody.place) < UNCUT_AWAY
                and _growth(place, somebody.place) < UNCUT_GROWTH
                for place in places
            )

        self._known = [s for s in self._known if stayed(s)]
        for somebody in self._known:
            somebody.look = None  # colours differ in another light
        self.seats = [s if s is not None and s in self._known else None for s in self.seats]

    # --- seats

    def _seat(self, now: float, width: int) -> None:
        """Frees the seats of those who left, and gives them to those who are there."""
        here = [s for s in self._without_seat() if s.face is not None]
        living = any(s.alive and s.face is not None for s in self._known)
        for seat, somebody in enumerate(self.seats):
            if somebody is None:
                continue
            left = somebody.unseen_s(now) > self._keep_s or somebody not in self._known
            if left or (living and somebody.is_picture(now)):
                self.seats[seat] = None
        waiting = [s for s in here if not (self._life_seen and s.is_picture(now))]
        free = [i for i, s in enumerate(self.seats) if s is None]
        if len(waiting) > len(free):
            # Somebody who is there may have the seat of one who is not.
            free += [
                i
                for i, s in enumerate(self.seats)
                if s is not None and s.face is None and s.unseen_s(now) > PATIENCE_S
            ]
        waiting.sort(key=lambda s: (-s.alive, -s.place[2]))
        self._take(sorted(free[: len(waiting)]), waiting[: len(free)], width)

    def _take(self, free: list[int], newcomers: list[Somebody], width: int) -> None:
        if self._by == "place":
            newcomers = sorted(newcomers, key=lambda s: float(s.place[0]))
            wanted = [float(s.place[0]) / width * self._count - 0.5 for s in newcomers]
            empty = [i for i, s in enumerate(self.seats) if s is None]
            choices = combinations(sorted({*free, *empty}), len(newcomers))
            free = list(
                min(
                    choices,
                    key=lambda seats: sum(abs(a - b) for a, b in zip(seats, wanted, strict=True)),
                )
            )
        else:
            newcomers = sorted(newcomers, key=lambda s: (s.since, -s.place[2]))
        for seat, somebody in zip(free, newcomers, strict=True):
            self.seats[seat] = somebody


def assigned(price: NDArray[np.float64]) -> list[tuple[int, int | None]]:
    """For every row its column or None, each column once, so that the sum is least.

    Infinite prices are never paid; a row without a column costs MISSED. Exact, for the few
    faces that a picture has: what is left is solved once for every set of taken columns.
    """
    rows, columns = price.shape
    costs = price.tolist()

    @cache
    def best(row: int, taken: int) -> tuple[float, tuple[int | None, ...]]:
        if row == rows:
            return 0.0, ()
        total, rest = best(row + 1, taken)
        least: tuple[float, tuple[int | None, ...]] = (total + MISSED, (None, *rest))
        for column in range(columns):
            cost = costs[row][column]
            if cost == np.inf or taken & 1 << column:
                continue
            total, rest = best(row + 1, taken | 1 << column)
            if total + cost < least[0]:
                least = (total + cost, (column, *rest))
        return least

    return list(enumerate(best(0, 0)[1]))


def place_of(face: Face, width: int, height: int) -> Place:
    """Where a face is in a picture of that size, and how wide, pixels."""
    outline = face.landmarks.take(_OUTLINE, axis=0)
    (left, top, _), (right, bottom, _) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
    # The height of a turned face stays while its width shrinks.
    size = max((right - left) * width, 0.75 * (bottom - top) * height, 1.0)
    return np.array(((left + right) / 2 * width, (top + bottom) / 2 * height, size))


def _see(
    somebody: Somebody, face: Face, place: Place, look: NDArray[np.float32] | None, now: float
) -> None:
    """Takes in where somebody is now, and whether they live."""
    dt = now - somebody.seen_at
    if dt > 0:
        share = 1 - math.exp(-dt / SPEED_S)
        speed = (place[:2] - somebody.place[:2]) / dt
        if math.hypot(*speed) > REACH_PER_S * place[2]:
            speed[:] = 0  # found elsewhere: nobody flew there
        somebody.speed += (speed - somebody.speed) * share
        somebody.lately += (place - somebody.lately) * (1 - math.exp(-dt / MOVED_S))
    somebody.face, somebody.place, somebody.seen_at, somebody.missed = face, place, now, 0
    if look is not None:
        if somebody.look is None:
            somebody.look = look
        else:
            share = 1 - math.exp(-dt / LOOK_S)
            somebody.look = somebody.look + (look - somebody.look) * np.float32(share)
    if not somebody.alive:
        first, width = somebody.at_first, somebody.at_first[2]
        moved = float(np.abs(somebody.lately - first).max()) / width
        grimace = np.abs(face.weights - somebody.face_at_first)[_TELLING].max()
        somebody.alive = bool(moved > MOVED or grimace > GRIMACE)


def _away(place: Place, other: Place) -> float:
    """How far apart two places are, in widths of the larger face."""
    (x, y, width), (other_x, other_y, other_width) = place.tolist(), other.tolist()
    return math.hypot(x - other_x, y - other_y) / max(float(width), float(other_width))


def _growth(place: Place, other: Place) -> float:
    """The logarithm of the ratio of two faces' sizes, without its sign."""
    return abs(math.log(float(place[2] / other[2])))


def _found_twice(places: NDArray[np.float64], i: int, taken: set[int]) -> bool:
    """Whether a face is one that the tracker found twice; else it is taken from now on."""
    for other in taken:
        apart = _away(places[i], places[other]) + _growth(places[i], places[other])
        if apart < SAME_FACE:
            return True
    taken.add(i)
    return False


def _look(frame: Frame, place: Place) -> NDArray[np.float32] | None:
    """The colours of a face, float32[cells, cells, 3], 0..1."""
    if frame.format is not PixelFormat.RGBA:
        return None
    last = np.array(frame.size)[:, None] - 1
    at = (place[:2, None] + LOOK_AT * place[2]).astype(int)
    columns, rows = np.minimum(np.maximum(at, 0), last)
    colours = frame.image[rows[:, None], columns[None], :3]
    return np.asarray(colours, np.float32) * np.float32(1 / 255)


def _unlike(
    somebody: Somebody,
    places: NDArray[np.float64],
    looks: Sequence[NDArray[np.float32] | None],
    now: float,
) -> list[float]:
    """How little faces fit somebody; infinite where they cannot be theirs."""
    there, reach = somebody.predicted(now), somebody.reach(now)
    out = []
    for place, look in zip(places, looks, strict=True):
        away, growth = _away(place, there), _growth(place, somebody.place)
        possible = away < reach and growth < MOST_GROWTH
        out.append(away + growth + _recoloured(somebody.look, look) if possible else np.inf)
    return out


def _recoloured(look: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> float:
    if look is None or other is None:
        return 0.0
    return LOOK_COST / look.size * float(np.abs(look - other).sum())
