"""How one person's face is measured: at rest, and as far as it goes.

The tracker measures everybody a little differently: narrow eyes at rest as half a blink, full
lips as a pucker, an eye behind glasses less shut than the other. A profile, made by `livecam
calibrate`, says what is measured of somebody, and turns it into what a usual face would show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from livecam.config.paths import user_data_folder
from livecam.core.errors import ConfigError
from livecam.core.face import EXPRESSIONS, INDEX, Weights, named
from livecam.core.registry import did_you_mean

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


@dataclass(frozen=True)
class Profile:
    """What is measured of one person; weights as the tracker gives them."""

    rest: NDArray[np.float64]  # float64[52]
    utmost: NDArray[np.float64]  # float64[52]; NaN where nobody asked for it

    def usual(self, weights: Weights) -> Weights:
        """What would have been measured of a usual face, float32[52]."""
        offset, slope = self._line
        raw = weights.astype(np.float64)
        out: Weights = np.clip(offset + slope * (raw - self.rest), 0.0, 1.0).astype(np.float32)
        return out

    @cached_property
    def _line(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where a usual face rests, and by how much a difference is stretched."""
        offset, slope = np.zeros(len(EXPRESSIONS)), 1 / (1 - np.minimum(self.rest, MOST_REST))
        for beginning, rest, utmost in USUAL:
            for i in named(beginning):
                span = self.utmost[i] - self.rest[i]
                if not span >= LEAST_SPAN:  # NaN is no span either
                    continue
                offset[i] = rest
                slope[i] = np.clip((utmost - rest) / span, LEAST_STRETCH, MOST_STRETCH)
        return offset, slope


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    format: int = Field(ge=FORMAT, le=FORMAT)
    rest: dict[str, float]
    utmost: dict[str, float]


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


def load_profile(name: str) -> Profile | None:
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
        said = _File.model_validate_json(path.read_text("utf-8"))
        return Profile(_array(said.rest, 0.0), _array(said.utmost, np.nan))
    except (OSError, UnicodeDecodeError, ValidationError, KeyError) as error:
        raise ConfigError(
            f"the profile {path} cannot be read", hint=f"livecam calibrate --profile {name}"
        ) from error


def save_profile(name: str, profile: Profile) -> Path:
    """Keeps a profile; replaces one of that name as a whole. Answers with its file."""
    path = profile_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    said = _File(format=FORMAT, rest=_words(profile.rest), utmost=_words(profile.utmost))
    new = path.with_suffix(".new")
    new.write_text(said.model_dump_json(indent=1) + "\n", "utf-8")
    new.replace(path)
    return path


def _array(words: Mapping[str, float], missing: float) -> NDArray[np.float64]:
    out = np.full(len(EXPRESSIONS), missing)
    for name, weight in words.items():
        out[INDEX[name]] = min(max(weight, 0.0), 1.0)
    return out


def _words(weights: NDArray[np.float64]) -> dict[str, float]:
    pairs = zip(EXPRESSIONS, weights, strict=True)
    return {name: round(float(weight), 4) for name, weight in pairs if np.isfinite(weight)}
