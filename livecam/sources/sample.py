"""Plays the built-in clips of people in front of a camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from livecam.config.settings import SourceSettings
from livecam.core.language import tr
from livecam.core.timing import Clock
from livecam.sources.four_people import four_people_clip
from livecam.sources.sample_clip import sample_clip
from livecam.sources.video import VideoFile


class Sample(VideoFile):
    """Loops the sample clip; it is made first if it is missing, which takes a minute."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, sample_clip())

    @classmethod
    def from_settings(cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]) -> Self:
        return cls(clock)

    def _name(self) -> str:
        return tr("built-in sample")


class FourPeople(VideoFile):
    """Loops the clip of four people; it is made first if it is missing."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, four_people_clip())

    @classmethod
    def from_settings(cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]) -> Self:
        return cls(clock)

    def _name(self) -> str:
        return tr("built-in sample of four people")
