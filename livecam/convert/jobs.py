"""Pairs films and photos with the files they are converted into, and refuses conflicts."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from livecam.core.errors import SinkError, SourceError, UsageError
from livecam.core.places import check_place, fitting_name
from livecam.media.containers import WRITABLE, WRITABLE_ALPHA
from livecam.media.results import is_result
from livecam.media.stills import STILLS, WRITABLE_ALPHA_STILLS, WRITABLE_STILLS, is_still
from livecam.media.writer import make_folder

# What is converted of a folder; any other file that FFmpeg reads is converted by its name.
FILMS = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".f4v", ".wmv", ".asf", ".mpg",
    ".mpeg", ".vob", ".ts", ".mts", ".m2ts", ".3gp", ".3g2", ".gif", ".ogv", ".mxf", ".dv", ".rm",
    ".rmvb",
)  # fmt: skip
PICTURES = (*FILMS, *STILLS)
# Photos that FFmpeg would read in part: they are stored as tiles.
TILED = (".heic", ".heif", ".avif")
MARK = "-livecam"  # in the names that are made up here; such files are not converted again


@dataclass(frozen=True, slots=True)
class ConversionJob:
    """One film or photo to convert."""

    source: Path
    output: Path


def jobs_for(inputs: Sequence[Path], output: Path, *, alpha: bool = False) -> list[ConversionJob]:
    """Lists each film and photo to convert, with its output.

    Raises:
        UsageError: there is no film, or several have one name for their outputs.
    """
    sources = [film for path in inputs for film in _films(path)]
    if not sources:
        raise UsageError(
            "no film was found in {places}",
            hint="livecam reads {kinds}",
            places=", ".join(map(str, inputs)),
            kinds=", ".join(PICTURES),
        )
    one = len(sources) == 1 and not inputs[0].is_dir()
    if one and output.suffix and not output.is_dir():
        return [ConversionJob(sources[0], output)]
    _check_folder(output, len(sources))
    taken: set[str] = set()
    return [
        ConversionJob(source, output / free_output_name(source, taken, alpha=alpha))
        for source in sources
    ]


def _films(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        film
        for film in path.iterdir()
        if film.suffix.lower() in PICTURES
        and not film.stem.endswith(MARK)
        and not film.name.startswith(".")
    )


def _check_folder(output: Path, films: int) -> None:
    """Refuses the name of a file where a folder is wanted."""
    if output.is_dir():
        return
    if output.exists():
        raise UsageError(
            "{path} is a file, but there are {n} films",
            hint="name a folder behind them",
            path=output,
            n=films,
        )
    if output.suffix.lower() in PICTURES:
        raise UsageError(
            "{path} is the name of one file, and a folder is needed",
            hint="name a folder, in which each result gets its own name",
            path=output,
        )


def writable(source: Path, *, alpha: bool) -> tuple[str, ...]:
    """Returns the suffixes of files that a film or photo may become, the usual one first."""
    if is_still(source):
        return WRITABLE_ALPHA_STILLS if alpha else WRITABLE_STILLS
    return WRITABLE_ALPHA if alpha else WRITABLE


def _usual_suffix(source: Path, alpha: bool) -> str:
    """Returns that of the photo if it can be written, else ".png"; for films the first one."""
    names = writable(source, alpha=alpha)
    if not is_still(source):
        return names[0]
    return source.suffix if source.suffix.lower() in names else ".png"


def free_output_name(source: Path, taken: set[str], *, alpha: bool) -> str:
    """Names the output `clip-livecam.mp4`, or `clip-mov-livecam.mp4` if that name is taken.

    Names that differ in upper and lower case alone are one on many disks. The name is added to
    those that are taken.
    """
    suffix = _usual_suffix(source, alpha)
    endings = ["", f"-{source.suffix[1:]}", *(f"-{n}" for n in range(2, 1000))]
    names = (fitting_name(source.stem, f"{ending}{MARK}{suffix}") for ending in endings)
    name = next(name for name in names if _folded(name) not in taken)
    taken.add(_folded(name))
    return name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def check_job(
    job: ConversionJob, jobs: list[ConversionJob], *, force: bool, alpha: bool = False
) -> None:
    """Refuses to lose a file: only results of livecam are replaced, and only with `force`.

    Raises:
        SourceError: there is no such film.
        SinkError: the output cannot be written, or a file would be lost.
    """
    check_source(job.source)
    check_kinds(job, alpha=alpha)
    check_output(job.output, [each.source for each in jobs], force=force)


def check_source(source: Path) -> None:
    """Refuses a film that is not there.

    Raises:
        SourceError: it is not.
    """
    if not source.exists():
        raise SourceError("there is no file {path}", hint="check the name", path=source)


def check_kinds(job: ConversionJob, *, alpha: bool) -> None:
    """Refuses what cannot be read or written by its ending.

    Raises:
        SourceError: the photo is of a kind that cannot be read.
        SinkError: the output is of a kind that cannot be written.
    """
    if job.source.suffix.lower() in TILED:
        raise SourceError(
            "{path} is a picture of a kind that livecam cannot read",
            hint="save it as JPEG or PNG first",
            path=job.source,
        )
    names = writable(job.source, alpha=alpha)
    if job.output.suffix.lower() not in names:
        raise SinkError(
            "{path} is no photo that can be written"
            if is_still(job.source)
            else "{path} is no film that can be written",
            hint="one of {names}",
            path=job.output,
            names=", ".join(names),
        )


def check_output(output: Path, sources: Sequence[Path], *, force: bool) -> None:
    """Refuses an output that cannot be written, or for which a file would be lost.

    Raises:
        SinkError: it cannot, or one would.
    """
    check_place(output)
    make_folder(output.parent)
    if not output.exists():
        return
    if any(source.exists() and output.samefile(source) for source in sources):
        raise SinkError(
            "{path} is to be read; it is never overwritten",
            hint="choose another name",
            path=output,
        )
    check_replaceable(output, is_ours=_may_be_replaced(output), force=force)


def check_replaceable(output: object, *, is_ours: bool, force: bool) -> None:
    """Refuses to replace a file that livecam did not write, and others without `force`.

    Raises:
        SinkError: it is one of them.
    """
    if not is_ours:
        raise SinkError(
            "{path} exists, and livecam did not write it: it is never replaced",
            hint="choose another name; the last one is that of the result",
            path=output,
        )
    if not force:
        raise SinkError("{path} exists", hint="pass --force to replace it", path=output)


def _may_be_replaced(path: Path) -> bool:
    """Returns whether a file is a result of livecam, or empty.

    Results have a tag; those of older versions are known by the name that was made up here.
    """
    if not path.is_file():
        return False
    return not os.path.getsize(path) or path.stem.endswith(MARK) or is_result(path)
