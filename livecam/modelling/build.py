"""Assembles heads and accessories, at both levels of detail, and writes their folders."""

from __future__ import annotations

from pathlib import Path

from livecam.avatar.accessories import ITEM_FILE, ITEM_TOML, LIGHT_ITEM_FILE
from livecam.avatar.base import EyeParameters, Mesh
from livecam.avatar.gltf import write_glb
from livecam.modelling.accessories.base import AccessoryModel
from livecam.modelling.descriptions import accessory_toml, avatar_toml
from livecam.modelling.detail import FULL, LIGHT, LevelOfDetail
from livecam.modelling.eyes import eyes
from livecam.modelling.lids import lids, wet_lines
from livecam.modelling.mouth import cavity, lip_curve, lips, tongue
from livecam.modelling.noses import leather_nose
from livecam.modelling.packing import (
    bones_in_metres,
    in_metres,
    merge_by_material,
    merge_parts,
    split_static,
)
from livecam.modelling.skin import skin_mesh, skin_part
from livecam.modelling.species.base import Species
from livecam.modelling.teeth import tooth_rows
from livecam.modelling.thumbnail import thumbnail, write_png
from livecam.modelling.whiskers import whiskers

_NO_EYES = EyeParameters((0, 0, 0), (0, 0, 0), 1.0, 0.5)


def build_meshes(species: Species, detail: LevelOfDetail) -> tuple[Mesh, ...]:
    """Builds the head of a species in metres."""
    shape = species.shape()
    fields = species.fields_type(shape)
    skin = skin_mesh(shape, detail)
    curve = lip_curve(shape, skin.edge, detail.lip_points)
    extra_parts = species.build_extra_parts(shape, fields, detail)
    coat, static = split_static(merge_parts("fur", [skin_part(shape, fields, skin, detail)]))
    # Vertices that move under the same expressions lie together, so that a renderer updates few
    # ranges: eyes, lids and brows, fur from brow to chin, the mouth, at last the static ones.
    meshes = [
        merge_parts("lids", lids(shape, *detail.lid)),
        merge_parts("eyes", [*eyes(shape, *detail.eye), *wet_lines(shape, detail.lid[0])]),
        *merge_by_material("moving", [part for part in extra_parts if part.morphs]),
        coat,
    ]
    if species.leather_nose:
        meshes.append(merge_parts("nose", [leather_nose(shape, fields, detail.nose)]))
    mouth = [
        *lips(shape, fields, curve, detail.fine),
        *cavity(fields, curve, detail.cavity_rows),
        tongue(shape, fields, *detail.tongue),
    ]
    meshes.append(merge_parts("mouth", mouth))
    if species.teeth:
        meshes.append(merge_parts("teeth", tooth_rows(fields, curve, *detail.teeth)))
    if species.whiskers:
        meshes.append(merge_parts("whiskers", whiskers(shape, fields, *detail.whisker)))
    meshes += merge_by_material("further", [part for part in extra_parts if not part.morphs])
    return (*meshes, static)


def build_avatar(species: Species, folder: Path) -> None:
    """Writes `head.glb`, `head.light.glb`, `avatar.toml` and `thumbnail.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    bones = bones_in_metres([rig.bone for rig in species.bones])
    neck = in_metres(species.neck_pivot)
    light = build_meshes(species, LIGHT)
    write_glb(folder / "head.glb", build_meshes(species, FULL), bones, neck)
    write_glb(folder / "head.light.glb", light, bones, neck)
    write_png(folder / "thumbnail.png", thumbnail(light, species.eye_parameters))
    (folder / "avatar.toml").write_text(avatar_toml(species), "utf-8")


def build_accessory_meshes(model: AccessoryModel, fine: bool) -> tuple[Mesh, ...]:
    """Builds an accessory in metres, one mesh for each material."""
    return tuple(merge_by_material(model.name, model.make(fine)))


def build_accessory(model: AccessoryModel, folder: Path) -> None:
    """Writes `item.glb`, `item.light.glb`, `item.toml` and `thumbnail.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    bones = bones_in_metres(model.bones)
    fine = build_accessory_meshes(model, fine=True)
    write_glb(folder / ITEM_FILE, fine, bones)
    write_glb(folder / LIGHT_ITEM_FILE, build_accessory_meshes(model, fine=False), bones)
    write_png(folder / "thumbnail.png", thumbnail(fine, _NO_EYES))
    (folder / ITEM_TOML).write_text(accessory_toml(model), "utf-8")
