"""Finds avatars and loads them from their folders.

An avatar is a folder with `avatar.toml`, `head.glb` and, for software renderers,
`head.light.glb`. A folder of the user's own hides a built-in one of the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from livecam.avatar.base import (
    MAX_BONES,
    Anchor,
    Avatar,
    Bone,
    EyeParameters,
    Factor,
    Fit,
    FurParameters,
)
from livecam.avatar.gltf import read_meshes
from livecam.avatar.skin import BODY, HEAD
from livecam.config.description import read_description_file
from livecam.config.paths import shipped_folder, user_data_folder
from livecam.core.errors import AssetError
from livecam.core.face import INDEX
from livecam.core.language import tr
from livecam.core.registry import did_you_mean
from livecam.core.text_files import shown

DESCRIPTION = "avatar.toml"
HEAD_FILE = "head.glb"
LIGHT_HEAD_FILE = "head.light.glb"
ACCESSORY_KINDS = ("glasses", "hat", "headphones")
_Model = TypeVar("_Model", bound=BaseModel)
_TABLES = (EyeParameters, FurParameters, Fit, Bone, Anchor)


class CommonDescription(BaseModel):
    """The keys that descriptions of avatars and of accessories share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    title_zh: str = Field(min_length=1)
    author: str
    licence: str
    bones: tuple[Bone, ...] = Field((), max_length=MAX_BONES)


class AvatarDescription(CommonDescription):
    """The keys of `avatar.toml`; its tables are the classes of avatar/base.py."""

    eyes: EyeParameters
    fit: Fit
    neck: Literal["ruff", "collar", "tint"] = "ruff"
    fur: FurParameters = FurParameters()
    gains: dict[str, Factor] = {}
    anchors: dict[str, Anchor] = {}


def avatar_folders() -> tuple[Path, ...]:
    """Returns the folders that are searched for avatars, the user's own first."""
    return user_data_folder() / "avatars", shipped_folder("avatars")


def list_avatars() -> tuple[str, ...]:
    """Lists the names of all avatars that can be loaded, sorted."""
    return tuple(sorted(_known()))


def load_avatar(name_or_folder: str | Path) -> Avatar:
    """Loads the avatar of that name, or the one in that folder.

    Raises:
        AssetError: there is none, or its files are missing or broken.
    """
    folder = find_avatar(name_or_folder)
    description = read_description(folder)
    bones = [bone.name for bone in description.bones]
    meshes = read_meshes(folder / HEAD_FILE, bones)
    light = folder / LIGHT_HEAD_FILE
    return Avatar(
        name=folder.name,
        title=description.title,
        title_zh=description.title_zh,
        author=description.author,
        licence=description.licence,
        meshes=meshes,
        light_meshes=read_meshes(light, bones) if light.is_file() else meshes,
        eyes=description.eyes,
        fit=description.fit,
        gains=description.gains,
        folder=folder,
        bones=description.bones,
        anchors=description.anchors,
        neck=description.neck,
        fur=description.fur,
    )


def find_avatar(name_or_folder: str | Path) -> Path:
    """Returns the folder of the avatar of that name, or that folder itself.

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
        'no avatar is called "{name}"{guess}',
        hint="there are: {names}; or give the path of a folder",
        name=name_or_folder, guess=did_you_mean(str(name_or_folder), known),
        names=", ".join(sorted(known)) or tr("none"),
    )  # fmt: skip


def read_description(folder: Path) -> AvatarDescription:
    """Reads the `avatar.toml` of a folder; cheap, so that lists need no meshes.

    Raises:
        AssetError: it is missing, is not TOML, or has a wrong, missing or unknown key.
    """
    path = folder / DESCRIPTION
    description = read_toml(
        path,
        AvatarDescription,
        tr(
            "an avatar folder holds {description} and {meshes}",
            description=DESCRIPTION,
            meshes=HEAD_FILE,
        ),
    )
    _refuse_unknown_expressions(path, "gains", description.gains)
    check_bones(path, description.bones)
    for kind in description.anchors:
        if kind not in ACCESSORY_KINDS:
            near = did_you_mean(kind, ACCESSORY_KINDS)
            raise AssetError(
                '{path}: no accessory is of the kind "{kind}"{guess}',
                hint="there are anchors for: {names}",
                path=path, kind=shown(kind), guess=near, names=", ".join(ACCESSORY_KINDS),
            )  # fmt: skip
    return description


def check_bones(path: Path, bones: Sequence[Bone]) -> None:
    """Checks that the names of bones are unique and that of their turns are expressions.

    Raises:
        AssetError: they are not; `path` is the file with these bones.
    """
    taken = {BODY, HEAD}
    for bone in bones:
        if bone.name in taken:
            raise AssetError(
                '{path}: two joints are called "{bone}"',
                hint='give each bone a name of its own, other than "{body_bone}" and "{head_bone}"',
                path=path, bone=shown(bone.name), body_bone=BODY, head_bone=HEAD,
            )  # fmt: skip
        taken.add(bone.name)
        _refuse_unknown_expressions(
            path, tr("the turns of bone {name}", name=shown(bone.name)), bone.turns
        )


def _refuse_unknown_expressions(path: Path, table: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in INDEX:
            raise AssetError(
                '{path}: {table} name no expression "{name}"{guess}',
                hint="the names are those of the 52 ARKit blend shapes",
                path=path, table=table, name=shown(name), guess=did_you_mean(name, INDEX),
            )  # fmt: skip


def read_toml(path: Path, model: type[_Model], holds: str) -> _Model:
    """Reads and validates a description; `holds` is the hint when there is none.

    Raises:
        AssetError: it is missing, is not TOML, or has a wrong, missing or unknown key.
    """
    known = chain.from_iterable(part.__slots__ for part in _TABLES)
    return read_description_file(path, model, AssetError, holds, known)


def _known() -> dict[str, Path]:
    """Returns folders by avatar name; earlier places win."""
    found: dict[str, Path] = {}
    for place in avatar_folders():
        if place.is_dir():
            for path in sorted(place.glob(f"*/{DESCRIPTION}")):
                found.setdefault(path.parent.name, path.parent)
    return found
