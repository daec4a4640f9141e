"""Registries: tables of implementations by name, imported on first use."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast

from livecam.core.errors import ConfigError, LivecamError
from livecam.core.language import tr

P = ParamSpec("P")
T = TypeVar("T")
N = TypeVar("N", bound="Named")
MAX_WORD = 64  # characters of a word that are compared


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggests the nearest known word, ` - did you mean "x"?`, or returns an empty string."""
    # Comparing takes time by the product of the lengths, and the word may come from a file.
    near = difflib.get_close_matches(word[:MAX_WORD], list(known), n=1, cutoff=0.5)
    return tr(' - did you mean "{name}"?', name=near[0]) if near else ""


def check_name(
    what: str, name: str, known: Iterable[str], error: type[LivecamError] = ConfigError
) -> None:
    """Raises the error when no `what` has that name; it suggests the nearest and lists all."""
    names = list(known)
    if name not in names:
        raise error(
            'no {what} is called "{name}"{guess}',
            hint="there are: {names}",
            what=tr(what), name=name, guess=did_you_mean(name, names), names=", ".join(names),
        )  # fmt: skip


class Named(Protocol):
    """A thing with a name."""

    @property
    def name(self) -> str: ...


def named(what: str, names: Sequence[str], items: Sequence[N]) -> tuple[N, ...]:
    """Returns the items of those names; all when none is named.

    Raises:
        ConfigError: there is none of that name.
    """
    table = {item.name: item for item in items}
    for name in names:
        check_name(what, name, table)
    return tuple(table[name] for name in names) if names else tuple(items)


class Registry(Generic[P, T]):
    """Maps a name to a class, written `module:Class`, that is imported when it is asked for.

    Every class has a class method `from_settings`, which takes the parameters `P` that are the
    same for the whole registry, and returns a `T`. So a new implementation is one module and one
    row, and no other module knows it.
    """

    def __init__(self, what: str, rows: dict[str, str]) -> None:
        self.what = what
        self.rows = rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __contains__(self, name: str) -> bool:
        return name in self.rows

    def get(self, name: str) -> type[T]:
        """Returns the class of that name.

        Raises:
            ConfigError: the name is not registered.
        """
        self.check(name)
        module, _, attribute = self.rows[name].partition(":")
        return cast("type[T]", getattr(importlib.import_module(module), attribute))

    def check(self, name: str) -> None:
        """Raises ConfigError when the name is not registered; imports nothing."""
        check_name(self.what, name, self.rows)

    def create(self, name: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Makes one from the settings; raises ConfigError as `get` does."""
        implementation: Any = self.get(name)
        return cast("T", implementation.from_settings(*args, **kwargs))
