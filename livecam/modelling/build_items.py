"""Writes the folders of accessories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from livecam.avatar.accessories import ITEM_FILE, ITEM_TOML, LIGHT_ITEM_FILE, Press
from livecam.avatar.base import Bone, EyeLook, Mesh
from livecam.avatar.gltf import write_glb
from livecam.modelling.accessories import AccessoryModel
from livecam.modelling.build import bone_table, in_metres, numbers, packed
from livecam.modelling.species import UNIT_M
from livecam.modelling.thumbnail import thumbnail, write_png

_NO_EYES = EyeLook((0, 0, 0), (0, 0, 0), 1.0, 0.5)


def build_item_meshes(item: AccessoryModel, fine: bool) -> tuple[Mesh, ...]:
    """An accessory in metres, one mesh for each material."""
    parts = item.make(fine)
    return tuple(
        packed(f"{item.name} {material.name.lower()}", [p for p in parts if p.material is material])
        for material in sorted({p.material for p in parts})
    )


def build_item(item: AccessoryModel, folder: Path) -> None:
    """Writes `item.glb`, `item.light.glb`, `item.toml` and `thumbnail.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    bones = [replace(b, pivot=in_metres(b.pivot), tip=in_metres(b.tip)) for b in item.bones]
    fine = build_item_meshes(item, fine=True)
    write_glb(folder / ITEM_FILE, fine, bones)
    write_glb(folder / LIGHT_ITEM_FILE, build_item_meshes(item, fine=False), bones)
    write_png(folder / "thumbnail.png", thumbnail(fine, _NO_EYES))
    (folder / ITEM_TOML).write_text(description(item, bones), "utf-8")


def description(item: AccessoryModel, bones: Sequence[Bone]) -> str:
    """The text of `item.toml`."""
    head = f"""\
# Made by `python -m livecam.modelling build {item.name}`.
title = "{item.title}"
title_zh = "{item.title_zh}"
author = "livecam"
licence = "MIT"
kind = "{item.kind}"
"""
    return "\n".join([head, *_press(item.press), *map(bone_table, bones)])


def _press(press: Press | None) -> list[str]:
    if press is None:
        return []
    return [
        f"""\
[press]  # metres
centre = {numbers(*in_metres(press.centre))}
radii = {numbers(*in_metres(press.radii))}
floor = {press.floor * UNIT_M:.4f}
slope = {press.slope}
reach = {press.reach * UNIT_M:.4f}
"""
    ]
