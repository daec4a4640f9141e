"""The avatars that can be worn: where they lie, and what their folder says.

An avatar is a folder with `avatar.toml`, `head.glb` and, for software renderers,
`head.light.glb`. A folder of the user's own hides a built-in one of the same name.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from livecam.avatar.base import Avatar, EyeLook, Fit
from livecam.avatar.gltf import read_meshes
from livecam.config.paths import shipped_folder, user_data_folder
from livecam.core.errors import AssetError
from livecam.core.face import INDEX
from livecam.core.registry import did_you_mean

DESCRIPTION = "avatar.toml"
HEAD = "head.glb"
LIGHT_HEAD = "head.light.glb"
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


class Description(BaseModel):
    """What `avatar.toml` says; its sections are the fields of `EyeLook` and `Fit`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    title_zh: str = Field(min_length=1)
    author: str
    licence: str
    eyes: EyeLook
    fit: Fit
    gains: dict[str, float] = {}


def avatar_folders() -> tuple[Path, ...]:
    """Where avatars are looked for, the user's own first."""
    return user_data_folder() / "avatars", shipped_folder("avatars")


def list_avatars() -> tuple[str, ...]:
    """The names of all avatars that can be loaded, sorted."""
    return tuple(sorted(_known()))


def load_avatar(name_or_folder: str | Path) -> Avatar:
    """Reads the avatar of that name, or the one in that folder.

    Raises:
        AssetError: nobody knows it, or its files are missing or broken.
    """
    folder = find_avatar(name_or_folder)
    said = read_description(folder)
    meshes = read_meshes(folder / HEAD)
    light = folder / LIGHT_HEAD
    return Avatar(
        name=folder.name,
        title=said.title,
        title_zh=said.title_zh,
        author=said.author,
        licence=said.licence,
        meshes=meshes,
        light_meshes=read_meshes(light) if light.is_file() else meshes,
        eyes=said.eyes,
        fit=said.fit,
        gains=said.gains,
        folder=folder,
    )


def find_avatar(name_or_folder: str | Path) -> Path:
    """The folder of the avatar of that name, or that folder itself.

    Raises:
        AssetError: there is none.
    """
    known = _known()
    if str(name_or_folder) in known:
        return known[str(name_or_folder)]
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        return folder.resolve()
    raise AssetError(
        f'no avatar is called "{name_or_folder}"{did_you_mean(str(name_or_folder), list(known))}',
        hint=f"there are: {', '.join(sorted(known)) or 'none'}; or give the path of a folder",
    )


def read_description(folder: Path) -> Description:
    """What the `avatar.toml` in a folder says; cheap, so that lists need no meshes.

    Raises:
        AssetError: it is missing, is not TOML, or has a wrong, missing or unknown key.
    """
    path = folder / DESCRIPTION
    try:
        said = Description.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as err:
        raise AssetError(
            f"the avatar in {folder} cannot be read: {DESCRIPTION}: {err.strerror or err}",
            hint=f"an avatar folder holds {DESCRIPTION} and {HEAD}",
        ) from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise AssetError(
            f"{path} is not valid TOML: {err}", hint="mend that line of the file"
        ) from err
    except ValidationError as err:
        raise AssetError(
            f"{path} is wrong: {_first_problem(err)}",
            hint="compare it with the avatar.toml of a built-in avatar",
        ) from err
    strange = [name for name in said.gains if name not in INDEX]
    if strange:
        raise AssetError(
            f'{path}: gains name no expression "{strange[0]}"{did_you_mean(strange[0], INDEX)}',
            hint="the names are those of the 52 ARKit blend shapes",
        )
    return said


def _first_problem(err: ValidationError) -> str:
    # A misspelt key is both unknown and missing; its own name helps more.
    problem = min(err.errors(), key=lambda each: each["type"] not in _UNKNOWN_KEY)
    key = ".".join(str(part) for part in problem["loc"])
    known = [*Description.model_fields, *EyeLook.__slots__, *Fit.__slots__]
    match problem["type"]:
        case "missing":
            return f'the key "{key}" is missing'
        case kind if kind in _UNKNOWN_KEY:
            return f'the key "{key}" is unknown{did_you_mean(key.rpartition(".")[2], known)}'
        case _:
            return f'the key "{key}": {problem["msg"][:1].lower()}{problem["msg"][1:]}'


def _known() -> dict[str, Path]:
    """Folders by avatar name; earlier places win."""
    found: dict[str, Path] = {}
    for place in avatar_folders():
        if place.is_dir():
            for description in sorted(place.glob(f"*/{DESCRIPTION}")):
                found.setdefault(description.parent.name, description.parent)
    return found
