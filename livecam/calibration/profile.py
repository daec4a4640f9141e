"""Profiles on disk: the ranges of a guided calibration, and beside them the online estimate.

The numbers of 52 weights are kept, in files that only their owner may read: no image, no
landmark. `livecam calibrate --show` prints them, `--forget` deletes them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from livecam.calibration.ranges import MAX_DEAD_ZONE, OnlineEstimate, WeightRanges
from livecam.config.paths import user_data_folder
from livecam.core.errors import ConfigError, file_error, reason_of
from livecam.core.face import EXPRESSIONS, INDEX
from livecam.core.hidden_file import hidden_names, replaced_file
from livecam.core.registry import did_you_mean
from livecam.core.text_files import dotted, read_json, shown

log = logging.getLogger(__name__)

FORMAT = 1
DEFAULT = "default"


class ProfileFile(BaseModel):
    """The content of a file. Its keys are older than the names in the code."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    format: int = Field(ge=FORMAT, le=FORMAT)
    rest: dict[str, float]
    utmost: dict[str, float]  # maxima
    quiet: dict[str, float] = {}  # dead zones
    known_s: float = Field(default=0.0, ge=0)  # observed time; 0 after a guided calibration

    @property
    def ranges(self) -> WeightRanges:
        """The ranges as arrays; raises KeyError for a weight that does not exist."""
        dead_zone = np.minimum(_array(self.quiet, 0.0), MAX_DEAD_ZONE)
        return WeightRanges(_array(self.rest, 0.0), _array(self.utmost, np.nan), dead_zone)


def profile_path(name: str) -> Path:
    """Returns the file of a guided profile.

    Raises:
        ConfigError: the name is no file name.
    """
    if not name or any(c in name for c in "/\\:") or name.startswith("."):
        raise ConfigError(
            '"{name}" cannot name a profile', hint="use letters, digits, - and _", name=name
        )
    return user_data_folder() / "profiles" / f"{name}.json"


def list_profiles() -> list[str]:
    """Returns the names of all guided profiles."""
    return sorted(path.stem for path in (user_data_folder() / "profiles").glob("[!.]*.json"))


def load_profile(name: str) -> WeightRanges | None:
    """Reads a guided profile; returns None where there is no default one yet.

    Raises:
        ConfigError: there is none of that name, or its file is broken.
    """
    path = profile_path(name)
    if not path.is_file():
        if name == DEFAULT:
            return None
        known = list_profiles()
        raise ConfigError(
            'no profile is called "{name}"{guess}',
            hint="make it: livecam calibrate --profile {name}",
            name=name,
            guess=did_you_mean(name, known),
        )
    try:
        return _read(path).ranges
    except ConfigError as error:
        raise ConfigError(
            "{error}", hint="livecam calibrate --profile {name}", error=error, name=name
        ) from error


def save_profile(name: str, ranges: WeightRanges) -> Path:
    """Writes a guided profile, replaces one of that name as a whole; returns its file.

    Raises:
        DeviceError: it cannot be written.
    """
    path = profile_path(name)
    try:
        _write(path, _content(ranges))
    except OSError as error:
        raise file_error(error) from error
    return path


def online_path(name: str) -> Path:
    """Returns the file of the online estimate that belongs to a profile.

    Raises:
        ConfigError: the name is no file name.
    """
    return user_data_folder() / "learnt" / profile_path(name).name


def load_online_estimate(name: str) -> OnlineEstimate | None:
    """Reads an online estimate; warns of a file that cannot be read and moves a broken one aside.

    Raises:
        ConfigError: the name is no file name.
    """
    path = online_path(name)
    try:
        content = _read(path)
        return OnlineEstimate(content.ranges, content.known_s)
    except ConfigError as error:
        cause = error.__cause__
        if isinstance(cause, FileNotFoundError | NotADirectoryError):
            return None
        if isinstance(cause, OSError):
            log.warning("what was learnt of your face cannot be read: %s", error)
            return None
        aside = path.with_suffix(".broken")
        with suppress(OSError):
            path.replace(aside)
        log.warning("what was learnt of your face is learnt anew: see %s", aside)
        return None


def save_online_estimate(name: str, estimate: OnlineEstimate) -> None:
    """Writes an online estimate, replaces one of that name as a whole.

    Raises:
        OSError: it cannot be written; the old one is still there.
    """
    known_s = round(estimate.observed_s, 1)
    _write(online_path(name), _content(estimate.ranges).model_copy(update={"known_s": known_s}))


def profile_files(name: str) -> list[Path]:
    """Returns all files of that name, guided and online, broken and unfinished ones too.

    Raises:
        ConfigError: the name is no file name.
    """
    ours = re.compile(re.escape(name) + r"\.(json|broken|\d+\.new)")
    hidden = hidden_names(profile_path(name))
    folders = profile_path(name).parent, online_path(name).parent
    return [
        path
        for folder in folders
        for path in sorted(folder.glob("*"))
        if ours.fullmatch(path.name) or hidden.fullmatch(path.name)
    ]


def delete_profile(name: str) -> list[Path]:
    """Deletes all files of that name; returns those that were there.

    Raises:
        ConfigError: the name is no file name, or a file cannot be deleted.
    """
    paths = profile_files(name)
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                "{path} cannot be deleted: {reason}",
                hint="delete it by hand",
                path=path,
                reason=reason_of(error),
            ) from error
    return paths


def _read(path: Path) -> ProfileFile:
    """Reads a file; raises ConfigError with the place for a broken one."""
    parsed = read_json(path)
    try:
        content = ProfileFile.model_validate(parsed)
        _ = content.ranges  # finds names that do not exist
    except ValidationError as error:
        problem = error.errors()[0]
        raise ConfigError(
            '{path} cannot be read: "{key}": {problem}',
            path=path,
            key=dotted(problem["loc"]),
            problem=problem["msg"],
        ) from error
    except KeyError as error:
        name = str(error.args[0])
        raise ConfigError(
            '{path} cannot be read: no weight is called "{name}"{guess}',
            path=path,
            name=shown(name),
            guess=did_you_mean(name, INDEX),
        ) from error
    return content


def _content(ranges: WeightRanges) -> ProfileFile:
    return ProfileFile(
        format=FORMAT,
        rest=_by_name(ranges.rest),
        utmost=_by_name(ranges.maximum),
        quiet=_by_name(ranges.dead_zone),
    )


def _write(path: Path, content: ProfileFile) -> None:
    """Writes a file as a whole or not at all, also when another process writes it too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(path, mode=0o600) as file:
        file.write(content.model_dump_json(indent=1).encode() + b"\n")


def _array(weights: Mapping[str, float], missing: float) -> NDArray[np.float64]:
    out = np.full(len(EXPRESSIONS), missing)
    for name, weight in weights.items():
        out[INDEX[name]] = min(max(weight, 0.0), 1.0)
    return out


def _by_name(weights: NDArray[np.float64]) -> dict[str, float]:
    pairs = zip(EXPRESSIONS, weights, strict=True)
    return {name: round(float(weight), 4) for name, weight in pairs if np.isfinite(weight)}
