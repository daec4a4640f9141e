"""The films by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from livecam.core.registry import named
from livecam.measure.privacy_films.scenes import (
    Actor,
    Board,
    Curve,
    Panel,
    PrivacyFilm,
    RaisedHand,
    constant,
    ramp,
    there_and_back,
)

WIDE = (854, 480)  # of films with small faces


def films_named(names: Sequence[str]) -> tuple[PrivacyFilm, ...]:
    """Returns the films of those names; all when none is named.

    Raises:
        ConfigError: there is none of that name.
    """
    return named("film", names, FILMS)


def first_of_each_kind(films: Sequence[PrivacyFilm]) -> tuple[PrivacyFilm, ...]:
    """Returns one film of each kind: enough for a quick check."""
    kinds: dict[str, PrivacyFilm] = {}
    for film in films:
        kinds.setdefault(film.kind, film)
    return tuple(kinds.values())


def _sway(amount: float, hz: float, phase: float = 0.0, middle: float = 0.0) -> Curve:
    return lambda t: middle + amount * math.sin(2 * math.pi * (hz * t + phase))


def _speech(t: float) -> float:
    return 0.5 * math.sin(math.pi * (1.3 * t + 0.2 * math.sin(2.3 * t))) ** 2


def _at(x: float, size: float = 0.13, variant: int = 0, y: float = 0.48) -> Actor:
    """Returns an actor that faces the camera and moves a little."""
    return Actor(
        variant,
        x=_sway(0.004, 0.31 + 0.05 * variant, 0.2 * variant, x),
        y=_sway(0.004, 0.43, 0.3 * variant, y),
        size=constant(size),
        yaw=_sway(6, 0.29, 0.15 * variant),
        pitch=_sway(3, 0.37, 0.4 * variant),
        roll=_sway(2, 0.23, 0.3 * variant),
        jaw=_speech,
    )


_ALONE = _at(0.5, 0.16)
# The larger face wears the avatar: the left one.
_LEFT, _RIGHT = _at(0.32), _at(0.7, 0.112, variant=1)
_SMALL = _at(0.78, 0.06, variant=1, y=0.4)


def _two(name: str, wearer: Actor, other: Actor = _RIGHT, **more: object) -> PrivacyFilm:
    return PrivacyFilm(name, "two", (wearer, other), **more)  # type: ignore[arg-type]


def _poster(x: float, variant: int = 2, size: float = 0.1, y: float = 0.33) -> Panel:
    person = Actor(variant, x=constant(x), y=constant(y), size=constant(size), blinks=False)
    return Panel(person, (x - 0.11, y - 0.26, x + 0.11, y + 0.3))


def _moving_panel(x: float, actor: Actor, room: bool) -> Panel:
    box = (x - 0.14, 0.1, x + 0.14, 0.62)
    return Panel(actor, box, is_poster=False, colour=None if room else (60, 72, 96))


_TWO_PERSONS = (
    _two("two-still", _LEFT, seconds=2),
    _two("two-yaw-88", replace(_LEFT, yaw=there_and_back(0.8, 0.5, 1.2, 0, 88))),
    _two("two-yaw-away-88", replace(_LEFT, yaw=there_and_back(0.8, 0.5, 1.2, 0, -88))),
    _two("two-other-yaw-88", _LEFT, replace(_RIGHT, yaw=there_and_back(0.8, 0.5, 1.2, 0, 88))),
    _two("two-nod", replace(_LEFT, pitch=there_and_back(0.8, 0.4, 1.4, 0, 60))),
    _two("two-other-nod", _LEFT, replace(_RIGHT, pitch=there_and_back(0.8, 0.4, 1.4, 0, 60))),
    _two("two-look-up", replace(_LEFT, pitch=there_and_back(0.8, 0.4, 1.2, 0, -50))),
    _two("two-upside-down", replace(_LEFT, tilt=there_and_back(0.8, 0.6, 1.0, 0, 180))),
    _two("two-other-upside-down", _LEFT, replace(_RIGHT, tilt=constant(180), y=constant(0.4))),
    _two(
        "two-board", _LEFT,
        occluders=(Board(constant(0.2), there_and_back(0.8, 0.4, 1.2, 1.0, 0.4), 0.24, 0.7),),
    ),
    _two(
        "two-half-board", _LEFT,
        occluders=(Board(constant(0.2), there_and_back(0.8, 0.4, 1.2, 1.0, 0.5), 0.24, 0.7),),
    ),
    _two("two-edge", replace(_LEFT, x=there_and_back(0.6, 0.7, 0.6, 0.32, -0.02))),
    _two("two-wearer-leaves", replace(_LEFT, x=ramp(0.8, 1.8, 0.32, -0.25))),
    _two("two-other-leaves", _LEFT, replace(_RIGHT, x=ramp(0.8, 2.0, 0.68, 1.2))),
    _two("two-wear", _LEFT, replace(_RIGHT, yaw=there_and_back(0.8, 0.5, 1.2, 0, 88)), people=2),
    _two(
        "two-wear-nod",
        replace(_LEFT, pitch=there_and_back(0.8, 0.4, 1.2, 0, 60)),
        people=2,
    ),
)  # fmt: skip

_CROSSING = (
    _two(
        "crossing",
        replace(_LEFT, x=ramp(0.5, 2.5, 0.28, 0.72), size=constant(0.14)),
        replace(_RIGHT, x=ramp(0.5, 2.5, 0.72, 0.28), size=constant(0.11)),
    ),
    _two(
        "crossing-behind",
        replace(_LEFT, x=constant(0.5), size=constant(0.15)),
        replace(_RIGHT, x=ramp(0.4, 2.6, 0.85, 0.12), size=constant(0.09), y=constant(0.42)),
    ),
)

_POSTERS = (
    PrivacyFilm("poster", "poster", (_LEFT,), (_poster(0.72),), seconds=2),
    PrivacyFilm(
        "poster-yaw-88", "poster", (replace(_LEFT, yaw=there_and_back(0.8, 0.5, 1.2, 0, 88)),),
        (_poster(0.72),),
    ),
    PrivacyFilm(
        "poster-never-found", "poster", (replace(_LEFT, yaw=_sway(5, 0.4, middle=90)),),
        (_poster(0.72),), seconds=2.5,
    ),
    PrivacyFilm(
        "poster-upside-down", "poster", (replace(_LEFT, tilt=constant(180), y=constant(0.4)),),
        (_poster(0.72),), seconds=2.5,
    ),
    PrivacyFilm(
        "poster-wearer-comes-late", "poster",
        (replace(_LEFT, x=ramp(1.0, 2.0, -0.2, 0.32)),), (_poster(0.72),),
    ),
)  # fmt: skip

_ENTERING = (
    PrivacyFilm(
        "enters-right", "enters", (_LEFT, replace(_RIGHT, x=ramp(0.8, 2.0, 1.15, 0.68)))
    ),
    PrivacyFilm(
        "enters-left-fast", "enters",
        (_at(0.6), replace(_RIGHT, x=ramp(0.9, 1.4, -0.15, 0.22))), seconds=2.5,
    ),
    PrivacyFilm(
        "enters-sideways", "enters",
        (_LEFT, replace(_RIGHT, x=ramp(0.8, 2.4, 1.3, 0.7), yaw=constant(-80))),
    ),
    PrivacyFilm("enters-alone", "enters", (replace(_ALONE, x=ramp(0.5, 1.5, -0.2, 0.5)),)),
)  # fmt: skip

_GROUPS = (
    PrivacyFilm(
        "three", "group", (_at(0.5, 0.14), _at(0.2, 0.12, 1), _at(0.8, 0.12, 2)), seconds=2.5
    ),
    PrivacyFilm(
        "four", "group",
        (_at(0.38, 0.13), _at(0.13, 0.11, 1), _at(0.63, 0.11, 2), _at(0.86, 0.11, 3)),
        seconds=2.5,
    ),
    PrivacyFilm(
        "five", "group",
        (
            _at(0.5, 0.13), _at(0.1, 0.09, 1, 0.42), _at(0.3, 0.09, 2, 0.4),
            _at(0.7, 0.09, 3, 0.4), _at(0.9, 0.09, 4, 0.42),
        ),
        seconds=2.5, size=WIDE,
    ),
)  # fmt: skip

_BENCH = Board(constant(0.56), constant(0.66), 0.5, 0.5)  # hides where their bodies end
_SMALL_FACES = (
    PrivacyFilm("small-8", "small", (_LEFT, _at(0.78, 0.08, 1, 0.55)), seconds=2.5),
    PrivacyFilm("small-5", "small", (_LEFT, _at(0.78, 0.05, 1)), (), (_BENCH,), seconds=2.5),
    PrivacyFilm(
        "small-3", "small", (_LEFT, _at(0.78, 0.03, 2, 0.52)), (), (_BENCH,), seconds=2.5,
        size=WIDE,
    ),
    PrivacyFilm(
        "small-alone", "small", (_at(0.78, 0.045, 0, 0.5),), (), (_BENCH,), seconds=2.5, size=WIDE
    ),
    PrivacyFilm(
        "small-passes", "small",
        (_LEFT, replace(_SMALL, x=ramp(0.3, 2.7, 1.05, 0.6), yaw=constant(-50))),
        (), (_BENCH,),
    ),
)  # fmt: skip

_POSES = (
    PrivacyFilm("yaw-60", "pose", (replace(_ALONE, yaw=there_and_back(0.6, 0.5, 0.8, 0, 60)),)),
    PrivacyFilm("yaw-75", "pose", (replace(_ALONE, yaw=there_and_back(0.6, 0.5, 0.8, 0, -75)),)),
    PrivacyFilm("yaw-90", "pose", (replace(_ALONE, yaw=there_and_back(0.6, 0.5, 0.8, 0, 90)),)),
    PrivacyFilm(
        "yaw-90-long", "pose", (replace(_ALONE, yaw=there_and_back(0.5, 0.4, 2.6, 0, 90)),),
        seconds=4.5,
    ),
    PrivacyFilm("profile", "pose", (replace(_ALONE, yaw=_sway(4, 0.5, middle=90)),), seconds=2),
    PrivacyFilm("nod", "pose", (replace(_ALONE, pitch=there_and_back(0.6, 0.4, 1.0, 0, 60)),)),
    PrivacyFilm("roll-90", "pose", (replace(_ALONE, tilt=there_and_back(0.6, 0.6, 0.8, 0, 90)),)),
    PrivacyFilm("roll-180", "pose", (replace(_ALONE, tilt=there_and_back(0.6, 0.8, 0.8, 0, 180)),)),
    PrivacyFilm(
        "upside-down", "pose", (replace(_ALONE, tilt=constant(180), y=constant(0.45)),), seconds=2
    ),
    PrivacyFilm("shake", "pose", (replace(_ALONE, yaw=_sway(50, 1.2)),), fps=30, seconds=2),
)  # fmt: skip

_WORN = (
    PrivacyFilm("mask", "worn", (replace(_ALONE, wear="mask", jaw=constant(0)),), seconds=2),
    PrivacyFilm("sunglasses", "worn", (replace(_ALONE, wear="sunglasses"),), seconds=2),
    PrivacyFilm("hat", "worn", (replace(_ALONE, hat=True),), seconds=2),
    PrivacyFilm(
        "other-mask", "worn",
        (_LEFT, replace(_RIGHT, wear="mask", hat=True, jaw=constant(0))), seconds=2.5,
    ),
    PrivacyFilm(
        "other-sunglasses", "worn",
        (_LEFT, replace(_RIGHT, wear="sunglasses", yaw=there_and_back(0.6, 0.5, 0.6, 0, 70))),
        seconds=2.5,
    ),
)  # fmt: skip

_HANDS = (
    PrivacyFilm(
        "hand", "hand", (_ALONE,),
        occluders=(RaisedHand(there_and_back(0.7, 0.4, 1.0, 1.15, 0.5), constant(0.5), 0.11),),
    ),
    PrivacyFilm(
        "hand-mouth", "hand", (_ALONE,),
        occluders=(RaisedHand(constant(0.5), there_and_back(0.7, 0.4, 1.0, 1.3, 0.64), 0.1),),
    ),
    PrivacyFilm(
        "other-hand", "hand", (_LEFT, _RIGHT),
        occluders=(RaisedHand(there_and_back(0.7, 0.4, 1.0, 1.15, 0.68), constant(0.5), 0.09),),
    ),
)  # fmt: skip

_LIGHT = (
    PrivacyFilm("dark", "dark", (_ALONE,), brightness=0.2, noise=4, seconds=2.5),
    PrivacyFilm("dark-two", "dark", (_LEFT, _RIGHT), brightness=0.2, noise=4, seconds=2.5),
)

_COPIES = (
    PrivacyFilm(
        "mirror", "mirror", (_LEFT,),
        (_moving_panel(
            0.75,
            replace(_at(0.75, 0.08, y=0.36), variant=0, yaw=_sway(6, 0.29, 0.5)), room=True,
        ),),
        seconds=2.5,
    ),
    PrivacyFilm(
        "mirror-profile", "mirror",
        (replace(_LEFT, yaw=there_and_back(0.7, 0.5, 1.0, 0, 85)),),
        (_moving_panel(
            0.75,
            replace(_at(0.75, 0.08, y=0.36), variant=0, yaw=there_and_back(0.7, 0.5, 1.0, 0, -60)),
            room=True,
        ),),
    ),
    PrivacyFilm(
        "screen", "screen", (_LEFT,), (_moving_panel(0.75, _at(0.75, 0.09, 4, 0.38), room=False),),
        seconds=2.5,
    ),
    PrivacyFilm(
        "screen-wearer-turns", "screen",
        (replace(_LEFT, yaw=there_and_back(0.7, 0.5, 1.0, 0, 88)),),
        (_moving_panel(0.75, _at(0.75, 0.09, 4, 0.38), room=False),),
    ),
)  # fmt: skip

_CHANGES = (
    PrivacyFilm("appears", "appears", (replace(_ALONE, from_s=1.0),), seconds=2.5),
    PrivacyFilm("disappears", "appears", (replace(_ALONE, to_s=1.2),), seconds=4),
    PrivacyFilm(
        "other-appears", "appears", (_LEFT, replace(_RIGHT, from_s=1.0)), seconds=2.5
    ),
    PrivacyFilm(
        "comes-and-goes", "appears",
        (_LEFT, replace(_RIGHT, from_s=0.8, to_s=1.3), replace(_RIGHT, from_s=2.0, to_s=2.4)),
    ),
    PrivacyFilm(
        "cut", "cut",
        (replace(_LEFT, to_s=1.2), replace(_at(0.62, 0.18, 2), from_s=1.2)),
        cut_s=1.2, seconds=2.5,
    ),
    PrivacyFilm(
        "cut-to-profile", "cut",
        (replace(_LEFT, to_s=1.2), replace(_at(0.6, 0.16, 1), from_s=1.2, yaw=constant(85))),
        cut_s=1.2, seconds=3,
    ),
    PrivacyFilm(
        "cut-to-two", "cut",
        (
            replace(_ALONE, to_s=1.2), replace(_LEFT, from_s=1.2),
            replace(_RIGHT, from_s=1.2),
        ),
        cut_s=1.2, seconds=2.5,
    ),
    PrivacyFilm(
        "bump", "bump", (_ALONE,), fps=30, seconds=2,
        shift=(there_and_back(0.8, 0.1, 0.1, 0, 0.14), there_and_back(0.8, 0.08, 0.1, 0, -0.06)),
    ),
    PrivacyFilm(
        "bump-two", "bump", (_LEFT, _RIGHT), fps=30, seconds=2,
        shift=(there_and_back(0.8, 0.1, 0.1, 0, -0.14), there_and_back(0.8, 0.1, 0.3, 0, 0.05)),
    ),
    PrivacyFilm("nobody", "nobody", (), seconds=2),
    PrivacyFilm("nobody-other-room", "nobody", (), seconds=2, room=11),
)  # fmt: skip

FILMS: tuple[PrivacyFilm, ...] = (
    *_TWO_PERSONS, *_CROSSING, *_POSTERS, *_ENTERING, *_GROUPS, *_SMALL_FACES, *_POSES, *_WORN,
    *_HANDS, *_LIGHT, *_COPIES, *_CHANGES,
)  # fmt: skip
