"""Receives how far a conversion is: a bar in a terminal, or nothing."""

from __future__ import annotations

from typing import Protocol


class FilmProgress(Protocol):
    """Shows how far the conversion of one film is; called on the converting thread.

    A film is passed twice: `advance` counts the frames of both passes.
    """

    def open(self, frames: int) -> None:
        """The first pass begins; the file announces so many frames, 0 when it does not know."""

    def learn_background(self) -> None:
        """The first pass is over."""

    def draw(self, frames: int) -> None:
        """The second pass begins; the first one counted so many frames."""

    def advance(self, frames: int) -> None:
        """So many more frames are done."""

    def close(self) -> None:
        """The film is converted, or has failed."""


class NoProgress:
    """Shows nothing."""

    def __init__(self, film: str) -> None: ...

    def open(self, frames: int) -> None: ...

    def learn_background(self) -> None: ...

    def draw(self, frames: int) -> None: ...

    def advance(self, frames: int) -> None: ...

    def close(self) -> None: ...
