"""Receives how far a conversion is: a bar in a terminal, or nothing."""

from __future__ import annotations

from typing import Protocol


class FilmProgress(Protocol):
    """Shows how far the conversion of one film is; called on the converting thread.

    A film is passed twice: `advance` counts the frames of both passes.
    """

    def open(self, frames: int) -> None:
        """Begins the first pass; the file announces so many frames, 0 when it does not know."""

    def learn_background(self) -> None:
        """Ends the first pass."""

    def draw(self, frames: int) -> None:
        """Begins the second pass; the first one counted so many frames."""

    def advance(self, frames: int) -> None:
        """Adds to the frames that are done."""

    def close(self) -> None:
        """Ends the conversion, also when it has failed."""


class NoProgress:
    """Shows nothing."""

    def __init__(self, film: str) -> None: ...

    def open(self, frames: int) -> None: ...

    def learn_background(self) -> None: ...

    def draw(self, frames: int) -> None: ...

    def advance(self, frames: int) -> None: ...

    def close(self) -> None: ...
