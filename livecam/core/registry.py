"""A table of implementations by name, imported on first use."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

from livecam.core.errors import ConfigError

T = TypeVar("T")


def did_you_mean(word: str, known: Mapping[str, object] | list[str]) -> str:
    """` - did you mean "x"?` for the nearest known word, or an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f' - did you mean "{near[0]}"?' if near else ""


class Registry(Generic[T]):
    """Maps a name to a `module:attribute` that is imported when it is asked for."""

    def __init__(self, what: str, table: dict[str, str]) -> None:
        self.what = what
        self._table = table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def get(self, name: str) -> Callable[..., T]:
        """The class or function of that name.

        Raises:
            ConfigError: nobody knows that name.
        """
        self.check(name)
        module, _, attribute = self._table[name].partition(":")
        return cast("Callable[..., T]", getattr(importlib.import_module(module), attribute))

    def check(self, name: str) -> None:
        """Raises ConfigError when nobody knows that name; imports nothing."""
        if name not in self._table:
            raise ConfigError(
                f'no {self.what} is called "{name}"{did_you_mean(name, self._table)}',
                hint=f"there are: {', '.join(self._table)}",
            )

    def create(self, name: str, /, *args: Any, **kwargs: Any) -> T:
        return self.get(name)(*args, **kwargs)
