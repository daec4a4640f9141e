"""How one person's face is measured: at rest, and as far as it goes.

The tracker measures everybody a little differently: narrow eyes at rest as half a blink, full
lips as a pucker, an eye behind glasses less shut than the other. A profile says what is measured
of somebody, and turns it into what a usual face would show. `livecam calibrate` makes one by
asking; `livecam run` goes on learning in silence (calibration/habit.py) and keeps that beside it.

What is kept are the numbers of these 52 weights, in files that only their owner may read: no
picture, no landmark. `livecam calibrate --show` prints them, `--forget` deletes them.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from livecam.config.paths import user_data_folder
from livecam.core.errors import ConfigError
from livecam.core.face import EXPRESSIONS, INDEX, Weights, named
from livecam.core.registry import did_you_mean

log = logging.getLogger(__name__)

FORMAT = 1
DEFAULT = "default"

# (beginning of the name, weight of a usual face at rest, and at its utmost): what the gains of
# avatar/expression.py expect. Others keep their range and only lose their rest.
USUAL = (
    ("eyeBlink", 0.08, 0.65),
    ("eyeWide", 0.0, 0.33),
    ("eyeLook", 0.05, 0.80),
    ("browInnerUp", 0.0, 0.65),
    ("browOuterUp", 0.0, 0.65),
    ("mouthSmile", 0.0, 0.80),
    ("jawOpen", 0.0, 0.65),
    ("mouthPucker", 0.0, 0.90),
)
LEAST_SPAN = 0.08  # between rest and utmost; less is noise, and nothing to go by
LEAST_STRETCH, MOST_STRETCH = 0.5, 3.0
MOST_REST = 0.45  # a rest above this is an expression
MOST_QUIET = 0.05

# float64[52]: the table above; of the others nobody knows how far they go.
USUAL_REST = np.zeros(len(EXPRESSIONS))
USUAL_UTMOST = np.full(len(EXPRESSIONS), np.nan)
for _beginning, _rest, _utmost in USUAL:
    USUAL_REST[named(_beginning)] = _rest
    USUAL_UTMOST[named(_beginning)] = _utmost


@dataclass(frozen=True)
class Measured:
    """What is measured of one person; weights as the tracker gives them."""

    rest: NDArray[np.float64]  # float64[52]
    utmost: NDArray[np.float64]  # float64[52]; NaN where nobody asked for it
    # float64[52]: a dead zone; smaller differences from the rest mean nothing
    quiet: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(EXPRESSIONS)))

    def normalised(self, weights: Weights) -> Weights:
        """Returns the weights a typical face would have been measured with, float32[52].

        d |d| / (|d| + quiet) instead of a difference d: flat at the rest, straight far from it.
        """
        offset, slope, quiet = self._curve
        moved = weights.astype(np.float64) - self.rest
        size = np.abs(moved)
        size /= size + quiet
        moved *= slope
        moved *= size
        moved += offset
        out: Weights = np.clip(moved, 0.0, 1.0).astype(np.float32)
        return out

    @cached_property
    def _curve(self) -> tuple[NDArray[np.float64], ...]:
        """Where a usual face rests, how far a difference is stretched, and the dead zone."""
        span = self.utmost - self.rest
        with np.errstate(invalid="ignore"):  # NaN is no span either
            known = (span >= LEAST_SPAN) & np.isfinite(USUAL_UTMOST)
        span = np.where(known, span, 1 - np.minimum(self.rest, MOST_REST))
        stretch = np.clip((USUAL_UTMOST - USUAL_REST) / span, LEAST_STRETCH, MOST_STRETCH)
        slope = np.where(known, stretch, 1 / span)
        quiet = np.maximum(self.quiet, 1e-9)
        return np.where(known, USUAL_REST, 0.0), slope * (span + quiet) / span, quiet


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    format: int = Field(ge=FORMAT, le=FORMAT)
    rest: dict[str, float]
    utmost: dict[str, float]
    quiet: dict[str, float] = {}
    known_s: float = Field(default=0.0, ge=0)  # how long it was learnt; a guided one was asked for

    @property
    def measured(self) -> Measured:
        """The same as arrays; KeyError for a weight that does not exist."""
        quiet = np.minimum(_array(self.quiet, 0.0), MOST_QUIET)
        return Measured(_array(self.rest, 0.0), _array(self.utmost, np.nan), quiet)


def profile_path(name: str) -> Path:
    """Where the profile of that name is kept, on this machine only.

    Raises:
        ConfigError: the name is no file name.
    """
    if not name or any(c in name for c in "/\\:") or name.startswith("."):
        raise ConfigError(f'"{name}" cannot name a profile', hint="use letters, digits, - and _")
    return user_data_folder() / "profiles" / f"{name}.json"


def list_profiles() -> list[str]:
    """The names of all that are kept."""
    return sorted(path.stem for path in (user_data_folder() / "profiles").glob("*.json"))


def load_profile(name: str) -> Measured | None:
    """The profile of that name; None where there is no default one yet.

    Raises:
        ConfigError: there is none of that name, or its file is broken.
    """
    path = profile_path(name)
    if not path.is_file():
        if name == DEFAULT:
            return None
        known = list_profiles()
        raise ConfigError(
            f'no profile is called "{name}"{did_you_mean(name, known)}',
            hint=f"make it: livecam calibrate --profile {name}",
        )
    try:
        return _read(path).measured
    except _BROKEN as error:
        raise ConfigError(
            f"the profile {path} cannot be read", hint=f"livecam calibrate --profile {name}"
        ) from error


def save_profile(name: str, profile: Measured) -> Path:
    """Keeps a profile; replaces one of that name as a whole. Answers with its file."""
    path = profile_path(name)
    _write(path, _file(profile))
    return path


@dataclass(frozen=True)
class Learnt:
    """What was learnt in silence, and for how long a face was looked at."""

    measured: Measured
    known_s: float


def learnt_path(name: str) -> Path:
    """Where is kept what was learnt in silence beside the profile of that name.

    Raises:
        ConfigError: the name is no file name.
    """
    return user_data_folder() / "learnt" / profile_path(name).name


def load_learnt(name: str) -> Learnt | None:
    """What was learnt; a file that cannot be read is told, one that makes no sense laid aside."""
    path = learnt_path(name)
    try:
        said = _read(path)
        return Learnt(said.measured, said.known_s)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        log.warning("what was learnt of your face cannot be read: %s: %s", error.strerror, path)
        return None
    except _BROKEN:
        aside = path.with_suffix(".broken")
        with suppress(OSError):
            path.replace(aside)
        log.warning("what was learnt of your face is learnt anew: see %s", aside)
        return None


def save_learnt(name: str, learnt: Learnt) -> None:
    """Keeps what was learnt, replacing what was there.

    Raises:
        OSError: it cannot be written; then what was there is still there.
    """
    said = _file(learnt.measured)
    _write(learnt_path(name), said.model_copy(update={"known_s": round(learnt.known_s, 1)}))


def kept_files(name: str) -> list[Path]:
    """All files of that name, asked for and learnt, broken and unfinished ones too.

    Raises:
        ConfigError: the name is no file name.
    """
    ours = re.compile(re.escape(name) + r"\.(json|broken|\d+\.new)")
    folders = profile_path(name).parent, learnt_path(name).parent
    return [
        path for folder in folders for path in sorted(folder.glob("*")) if ours.fullmatch(path.name)
    ]


def forget_profile(name: str) -> list[Path]:
    """Deletes what is kept of that name; answers with what was there.

    Raises:
        ConfigError: the name is no file name, or a file cannot be deleted.
    """
    paths = kept_files(name)
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be deleted: {error.strerror}", hint="delete it by hand"
            ) from error
    return paths


_BROKEN = (OSError, UnicodeDecodeError, ValidationError, KeyError)


def _read(path: Path) -> _File:
    said = _File.model_validate_json(path.read_text("utf-8"))
    _ = said.measured  # names that do not exist
    return said


def _file(measured: Measured) -> _File:
    return _File(
        format=FORMAT,
        rest=_words(measured.rest),
        utmost=_words(measured.utmost),
        quiet=_words(measured.quiet),
    )


def _write(path: Path, said: _File) -> None:
    """As a whole or not at all, whoever else writes it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}.new")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(said.model_dump_json(indent=1) + "\n")
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _array(words: Mapping[str, float], missing: float) -> NDArray[np.float64]:
    out = np.full(len(EXPRESSIONS), missing)
    for name, weight in words.items():
        out[INDEX[name]] = min(max(weight, 0.0), 1.0)
    return out


def _words(weights: NDArray[np.float64]) -> dict[str, float]:
    pairs = zip(EXPRESSIONS, weights, strict=True)
    return {name: round(float(weight), 4) for name, weight in pairs if np.isfinite(weight)}
