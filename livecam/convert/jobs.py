"""Pairs films with the files they are converted into, and refuses conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from livecam.core.errors import SinkError, SourceError, UsageError
from livecam.core.places import check_place, fitting_name
from livecam.media.writer import make_folder

FILMS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".3gp")
MARK = "-livecam"  # in the names that are made up here; such files are not converted again


@dataclass(frozen=True, slots=True)
class ConversionJob:
    """One film to convert."""

    source: Path
    output: Path


def jobs_for(inputs: Sequence[Path], output: Path, suffix: str) -> list[ConversionJob]:
    """Lists each film to convert, with its output."""
    sources = [film for path in inputs for film in _films(path)]
    if not sources:
        raise UsageError(
            "no film was found in {places}",
            hint="livecam reads {kinds}",
            places=", ".join(map(str, inputs)),
            kinds=", ".join(FILMS),
        )
    one = len(sources) == 1 and not inputs[0].is_dir()
    if one and output.suffix and not output.is_dir():
        return [ConversionJob(sources[0], output)]
    if output.exists() and not output.is_dir():
        raise UsageError(
            "{path} is a file, but there are {n} films",
            hint="name a folder",
            path=output,
            n=len(sources),
        )
    taken: set[str] = set()
    return [ConversionJob(source, output / _free_name(source, taken, suffix)) for source in sources]


def _films(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        film
        for film in path.iterdir()
        if film.suffix.lower() in FILMS
        and not film.stem.endswith(MARK)
        and not film.name.startswith(".")
    )


def _free_name(source: Path, taken: set[str], suffix: str) -> str:
    """Names the output `clip-livecam.mp4`, or `clip-mov-livecam.mp4` if that name is taken."""
    endings = ["", f"-{source.suffix[1:]}", *(f"-{n}" for n in range(2, 1000))]
    names = (fitting_name(source.stem, f"{ending}{MARK}{suffix}") for ending in endings)
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def check_job(
    job: ConversionJob, jobs: list[ConversionJob], force: bool, writable: Sequence[str]
) -> None:
    """Refuses to lose a file."""
    if not job.source.exists():
        raise SourceError("there is no file {path}", hint="check the name", path=job.source)
    check_place(job.output)
    if job.output.suffix.lower() not in writable:
        raise SinkError(
            "{path} is no film that can be written",
            hint="one of {names}",
            path=job.output,
            names=", ".join(writable),
        )
    make_folder(job.output.parent)
    if not job.output.exists():
        return
    if any(each.source.exists() and job.output.samefile(each.source) for each in jobs):
        raise SinkError(
            "{path} is to be read; it is never overwritten",
            hint="choose another name",
            path=job.output,
        )
    if not force:
        raise SinkError("{path} exists", hint="pass --force to replace it", path=job.output)
