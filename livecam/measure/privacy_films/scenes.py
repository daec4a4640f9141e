"""Values that describe a film: actors, occluders and the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from livecam.measure.privacy_films.persons import Wear

Curve = Callable[[float], float]  # of the seconds of a film


def constant(value: float) -> Curve:
    """Returns a curve that stays."""
    return lambda t: value


def ramp(start_s: float, end_s: float, before: float, after: float) -> Curve:
    """Returns a curve that eases from one value to another."""

    def curve(t: float) -> float:
        x = min(max((t - start_s) / (end_s - start_s), 0.0), 1.0)
        return before + (after - before) * x * x * (3 - 2 * x)

    return curve


def there_and_back(start_s: float, move_s: float, stay_s: float, rest: float, far: float) -> Curve:
    """Returns a curve that goes to a value, stays, and comes back."""
    away = ramp(start_s, start_s + move_s, 0, 1)
    back = ramp(start_s + move_s + stay_s, start_s + 2 * move_s + stay_s, 0, 1)
    return lambda t: rest + (far - rest) * (away(t) - back(t))


MIDDLE, FACE_SIZE, ZERO = constant(0.5), constant(0.15), constant(0)


@dataclass(frozen=True, slots=True)
class Actor:
    """A person and their motion."""

    variant: int = 0
    x: Curve = MIDDLE  # of the head, in parts of the width of the frame
    y: Curve = MIDDLE  # and of its height
    size: Curve = FACE_SIZE  # width of the face in parts of that of the frame
    yaw: Curve = ZERO  # degrees, to the left of the head
    pitch: Curve = ZERO  # down
    roll: Curve = ZERO
    tilt: Curve = ZERO  # roll of the whole body
    jaw: Curve = ZERO
    blinks: bool = True
    wear: Wear = ""
    hat: bool = False
    from_s: float = 0.0
    to_s: float = float("inf")


@dataclass(frozen=True, slots=True)
class Panel:
    """A poster, a screen or a mirror behind the people: a rectangle with a person in it."""

    actor: Actor  # placed in the frame, not in the panel
    box: tuple[float, float, float, float]  # left, top, right, bottom in parts of the frame
    is_poster: bool = True  # False: the person moves
    colour: tuple[int, int, int] | None = (92, 110, 128)  # behind the person; None: a room


@dataclass(frozen=True, slots=True)
class Board:
    """A sheet of wood that is held before the camera."""

    left: Curve  # of the frame, in parts of its width or height
    top: Curve
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class RaisedHand:
    """A hand that is held before the camera."""

    x: Curve  # of the palm, in parts of the frame
    y: Curve
    size: float  # width of the palm in parts of the width of the frame


@dataclass(frozen=True, slots=True)
class PrivacyFilm:
    """A synthetic film."""

    name: str
    kind: str
    actors: tuple[Actor, ...]
    panels: tuple[Panel, ...] = ()
    occluders: tuple[Board | RaisedHand, ...] = ()
    seconds: float = 3.0
    fps: float = 15.0
    size: tuple[int, int] = (640, 360)
    room: int = 5  # seed
    cut_s: float = float("inf")  # then the room changes
    brightness: float = 1.0
    noise: float = 2.0  # standard deviation, levels
    shift: tuple[Curve, Curve] = (ZERO, ZERO)  # of the camera, parts of the width
    people: int = 1  # number of wearers

    @property
    def frames(self) -> int:
        return round(self.seconds * self.fps)
