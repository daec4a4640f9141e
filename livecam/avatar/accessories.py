"""Loads accessories - glasses, hats, headphones - and joins them to the meshes of a head.

An accessory is a folder with `item.toml`, `item.glb` and, for software renderers,
`item.light.glb`. It fits any head that has an anchor for its kind. A folder of the user's own
hides a built-in one of the same name.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import (
    MAX_BONES,
    Anchor,
    Avatar,
    Bone,
    Length,
    Material,
    Mesh,
    Metres,
    Points,
)
from livecam.avatar.gltf import read_meshes
from livecam.avatar.library import (
    ACCESSORY_KINDS,
    CommonDescription,
    avatar_folders,
    check_bones,
    load_avatar,
    read_toml,
)
from livecam.config.settings import NO_AVATAR, AvatarSettings
from livecam.core.errors import AssetError, ConfigError
from livecam.core.language import tr
from livecam.core.registry import did_you_mean
from livecam.core.text_files import shown

ITEM_TOML = "item.toml"
ITEM_FILE = "item.glb"
LIGHT_ITEM_FILE = "item.light.glb"
FOLDER = "accessories"  # beside the avatars

_PRESSED = (Material.FUR, Material.HAIR)  # skin stays: a frog has its lids up there
_EDGE_M = 0.006  # over which pressing sets in
_STIFF, _LOOSE = 0.05, 0.25  # sway up to which a vertex is pressed, and from which not at all

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Press:
    """Presses fur and hair above a plane into an ellipsoid, so that they do not pierce a hat."""

    centre: tuple[Metres, Metres, Metres]
    radii: tuple[Length, Length, Length]
    floor: Metres  # height of the plane over the origin
    slope: Metres = 0.0  # how much the plane rises towards the front
    reach: Length = 1.0  # radius about the vertical axis


@dataclass(frozen=True, slots=True)
class Accessory:
    """Glasses, a hat or headphones, in metres about its own origin."""

    name: str  # folder name: "party-hat"
    title: str
    title_zh: str
    author: str
    licence: str
    kind: str  # one of ACCESSORY_KINDS
    meshes: tuple[Mesh, ...]
    light_meshes: tuple[Mesh, ...]
    bones: tuple[Bone, ...]
    press: Press | None
    folder: Path


class AccessoryDescription(CommonDescription):
    """The keys of `item.toml`."""

    kind: str
    press: Press | None = None


def list_accessories() -> tuple[str, ...]:
    """Lists the names of all accessories that can be worn, sorted."""
    return tuple(sorted(_known()))


def accessory_folder(name: str) -> Path:
    """Returns the folder of the accessory of that name.

    Raises:
        AssetError: there is none.
    """
    known = _known()
    if name not in known:
        raise AssetError(
            'no accessory is called "{name}"{guess}',
            hint="there are: {names}",
            name=name, guess=did_you_mean(name, known),
            names=", ".join(sorted(known)) or tr("none"),
        )  # fmt: skip
    return known[name]


def read_item(folder: Path) -> AccessoryDescription:
    """Reads the `item.toml` of a folder; cheap, so that lists need no meshes.

    Raises:
        AssetError: it is missing, is not TOML, or has a wrong, missing or unknown key.
    """
    path = folder / ITEM_TOML
    description = read_toml(
        path,
        AccessoryDescription,
        tr("a folder holds {description} and {meshes}", description=ITEM_TOML, meshes=ITEM_FILE),
    )
    if description.kind not in ACCESSORY_KINDS:
        raise AssetError(
            '{path}: no head has an anchor for the kind "{kind}"{guess}',
            hint="there are: {names}",
            path=path, kind=shown(description.kind),
            guess=did_you_mean(description.kind, ACCESSORY_KINDS), names=", ".join(ACCESSORY_KINDS),
        )  # fmt: skip
    check_bones(path, description.bones)
    return description


def load_accessory(name: str) -> Accessory:
    """Loads the accessory of that name.

    Raises:
        AssetError: there is none, or its files are missing or broken.
    """
    folder = accessory_folder(name)
    description = read_item(folder)
    bones = [bone.name for bone in description.bones]
    meshes = read_meshes(folder / ITEM_FILE, bones)
    light = folder / LIGHT_ITEM_FILE
    return Accessory(
        name=name,
        title=description.title,
        title_zh=description.title_zh,
        author=description.author,
        licence=description.licence,
        kind=description.kind,
        meshes=meshes,
        light_meshes=read_meshes(light, bones) if light.is_file() else meshes,
        bones=description.bones,
        press=description.press,
        folder=folder,
    )


def with_accessories(avatar: Avatar, names: Sequence[str]) -> Avatar:
    """Joins accessories to an avatar; those for which it has no anchor are left off.

    Raises:
        AssetError: there is no accessory of that name, or its files are missing or broken.
        ConfigError: two of them are of the same kind.
    """
    worn: dict[str, Accessory] = {}
    for name in dict.fromkeys(names):
        item = load_accessory(name)
        if item.kind in worn:
            raise ConfigError(
                "{worn} and {name} sit in the same place",
                hint="wear one of the kind {kind} at a time",
                worn=worn[item.kind].name, name=name, kind=item.kind,
            )  # fmt: skip
        worn[item.kind] = item
    for kind, item in worn.items():
        if kind in avatar.anchors:
            avatar = _with(avatar, item, avatar.anchors[kind])
        else:
            log.warning("%s has no place for %s: left off", avatar.title, item.title.lower())
    return avatar


def avatar_from_settings(settings: AvatarSettings) -> Avatar:
    """Loads the avatar of the settings, with its accessories.

    Raises:
        AssetError: there is no such avatar or accessory, or their files are missing or broken.
        ConfigError: two accessories are of the same kind.
    """
    # With "none" the default avatar is loaded, so that a key can turn it on.
    name = type(settings)().avatar if settings.avatar == NO_AVATAR else settings.avatar
    return with_accessories(load_avatar(name), settings.accessories)


def _with(avatar: Avatar, item: Accessory, anchor: Anchor) -> Avatar:
    placement = _Placement(anchor)
    first = len(avatar.bones)
    swings = first + len(item.bones) <= MAX_BONES  # else it is stiff

    def joined(own: tuple[Mesh, ...], added: tuple[Mesh, ...]) -> tuple[Mesh, ...]:
        pressed = (placement.pressed(mesh, item.press) if item.press else mesh for mesh in own)
        placed = (placement.placed(mesh, first if swings else None) for mesh in added)
        return (*pressed, *placed)

    return replace(
        avatar,
        meshes=joined(avatar.meshes, item.meshes),
        light_meshes=joined(avatar.light_meshes, item.light_meshes),
        bones=(*avatar.bones, *map(placement.bone, item.bones)) if swings else avatar.bones,
    )


class _Placement:
    """Transforms between the space of an accessory and that of the head at its anchor."""

    def __init__(self, anchor: Anchor) -> None:
        turn = np.radians(anchor.pitch_deg)
        c, s = np.cos(turn), np.sin(turn)
        self._turn = np.array(((1, 0, 0), (0, c, -s), (0, s, c)), np.float32)
        self._size = np.array(anchor.size, np.float32)
        self._at = np.array(anchor.at, np.float32)

    def to_head(self, points: Points) -> Points:
        return np.asarray((points * self._size) @ self._turn.T + self._at, np.float32)

    def from_head(self, points: Points) -> Points:
        return np.asarray(((points - self._at) @ self._turn) / self._size, np.float32)

    def placed(self, mesh: Mesh, first_bone: int | None) -> Mesh:
        normals = (mesh.normals / self._size) @ self._turn.T
        swings = (mesh.bone > 0) & (first_bone is not None)
        return replace(
            mesh,
            positions=self.to_head(mesh.positions),
            normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32),
            comb=(mesh.comb @ self._turn.T).astype(np.float32),
            head_weight=np.ones_like(mesh.head_weight),
            bone=np.where(swings, mesh.bone + (first_bone or 0), 0).astype(np.uint8),
            sway=np.where(swings, mesh.sway, 0).astype(np.float32),
        )

    def bone(self, bone: Bone) -> Bone:
        pivot, tip = self.to_head(np.array((bone.pivot, bone.tip), np.float32)).tolist()
        return replace(bone, parent="head", pivot=tuple(pivot), tip=tuple(tip))

    def pressed(self, mesh: Mesh, press: Press) -> Mesh:
        """Presses a mesh of the head into the ellipsoid, so that nothing pierces the accessory."""
        if mesh.material not in _PRESSED:
            return mesh
        share = self._pressure(mesh, press)
        if not share.any():
            return mesh
        centre, radii = np.array(press.centre, np.float32), np.array(press.radii, np.float32)
        off = self.from_head(mesh.positions) - centre
        out = np.maximum(np.linalg.norm(off / radii, axis=1), 1e-6)
        inside = self.to_head(centre + off / np.maximum(out, 1)[:, None])
        positions = mesh.positions + (inside - mesh.positions) * share[:, None]
        return replace(
            mesh,
            positions=positions,
            fur=mesh.fur * (1 - share),
            sway=mesh.sway * (1 - share),
        )

    def _pressure(self, mesh: Mesh, press: Press) -> NDArray[np.float32]:
        """Computes how much each vertex is pressed, 0..1; ears and other swinging parts are not."""
        own = self.from_head(mesh.positions)
        above = (own[:, 1] - press.slope * own[:, 2] - press.floor) / _EDGE_M
        near = (press.reach - np.hypot(own[:, 0], own[:, 2])) / _EDGE_M
        share = np.clip(above, 0, 1) * np.clip(near, 0, 1) * (mesh.head_weight > 0.5)
        if mesh.material is not Material.HAIR:
            share = share * np.clip(1 - (mesh.sway - _STIFF) / (_LOOSE - _STIFF), 0, 1)
        return np.asarray(share, np.float32)


def _known() -> dict[str, Path]:
    """Returns folders by name; earlier places win."""
    found: dict[str, Path] = {}
    for place in avatar_folders():
        for path in sorted((place / FOLDER).glob(f"*/{ITEM_TOML}")):
            found.setdefault(path.parent.name, path.parent)
    return found
