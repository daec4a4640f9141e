"""The outcome of a conversion: of each film, and of all."""

from __future__ import annotations

from dataclasses import dataclass, field

from livecam.convert.jobs import ConversionJob
from livecam.convert.thumbnails import FilmRecord


@dataclass(slots=True)
class Outcome:
    """The outcome of one film's conversion."""

    job: ConversionJob
    frames: int = 0
    seconds: float = 0.0  # that the film lasts
    faces: int = 0
    sound: str = ""  # what became of it, in a few words
    took_s: float = 0.0  # seconds that the conversion took
    streams: list[str] = field(default_factory=list)  # what became of all beside the pictures
    uncovered: list[str] = field(default_factory=list)  # times of the shots that passed through
    hidden: list[str] = field(default_factory=list)  # times of the shots covered as a whole
    blurred: list[str] = field(default_factory=list)  # times of heads that no face explained
    seen_once: list[str] = field(default_factory=list)  # times of possible heads, not covered
    guessed: list[str] = field(default_factory=list)  # times in which nothing placed an avatar
    notes: list[str] = field(default_factory=list)  # sentences about the film
    record: FilmRecord | None = None  # what the report shows, if one was asked for
    error: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """The films that were converted, and those left out because the run was interrupted."""

    outcomes: tuple[Outcome, ...]
    left: tuple[ConversionJob, ...]
    renderer: str = ""  # what draws, as OpenGL names it
    reported: bool = True  # False: the report that was asked for could not be written

    @property
    def is_complete(self) -> bool:
        """Whether every film was converted, and the report written that was asked for."""
        failed = any(outcome.error for outcome in self.outcomes)
        return self.reported and not self.left and not failed
