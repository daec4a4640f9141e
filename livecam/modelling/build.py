"""Puts a head together, at two levels of detail, and writes its folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Bone, EyeLook, Material, Mesh, Morph
from livecam.avatar.gltf import write_glb
from livecam.core.face import EXPRESSIONS
from livecam.modelling import mouth
from livecam.modelling.anchors import anchors
from livecam.modelling.detail import FULL, LIGHT, LevelOfDetail
from livecam.modelling.lids import lids, wet_lines
from livecam.modelling.mesh import (
    SlitMesh,
    Stretch,
    compact,
    face_normals,
    projected,
    refined,
    relaxed,
    simplified,
    slit,
    surface,
)
from livecam.modelling.morphs import Displacements, ExpressionFields
from livecam.modelling.parts import MeshPart, eyes, flat, nose, whiskers
from livecam.modelling.sdf import Array, Vector, length, mix, ridge, smoothstep, vector
from livecam.modelling.shape import HeadShape
from livecam.modelling.species import UNIT_M, Species
from livecam.modelling.thumbnail import thumbnail, write_png
from livecam.modelling.unfold import unfolded


def build_meshes(species: Species, detail: LevelOfDetail) -> tuple[Mesh, ...]:
    """The head of a species in metres."""
    shape = species.form(species)
    fields = species.fields(shape)
    cut = _skin_surface(shape, detail)
    skin = _skin(shape, fields, cut, detail)
    curve = mouth.lip_curve(shape, cut.edge, detail.lip)
    lip_parts = mouth.lips(shape, fields, curve, detail.detailed_lips)
    hollow = mouth.cavity(fields, curve, detail.cavity_rows)
    tongue = mouth.tongue(shape, fields, *detail.tongue)
    further = [part for extra in species.extras for part in extra(shape, fields, detail)]
    coat, bare = _parted(packed("fur", [skin]))
    # What moves together lies together, so that whoever morphs ranges of vertices touches few:
    # eyes, lids and brows, fur from brow to chin, the mouth, and last what never moves.
    meshes = [
        packed("lids", lids(shape, *detail.lid)),
        packed("eyes", [*eyes(shape, *detail.eye), *wet_lines(shape, detail.lid[0])]),
        *_further("moving", [part for part in further if part.morphs]),
        coat,
    ]
    if species.leather_nose:
        meshes.append(packed("nose", [nose(shape, fields, *detail.nose)]))
    meshes.append(packed("mouth", [*lip_parts, *hollow, tongue]))
    if species.teeth:
        meshes.append(packed("teeth", mouth.teeth(fields, curve, *detail.teeth)))
    if species.whiskers:
        meshes.append(packed("whiskers", whiskers(shape, fields, *detail.whisker)))
    meshes += _further("further", [part for part in further if not part.morphs])
    return (*meshes, bare)


def _further(name: str, parts: list[MeshPart]) -> list[Mesh]:
    """A mesh for each material among the parts."""
    return [
        packed(f"{name} {material.name.lower()}", [p for p in parts if p.material is material])
        for material in sorted({part.material for part in parts})
    ]


def _skin_surface(shape: HeadShape, detail: LevelOfDetail) -> SlitMesh:
    row = shape.species
    points, triangles = surface(shape, shape.low, shape.high, detail.voxel)
    # The closed bottom and the inside of the neck are never seen.
    normals = face_normals(points, triangles)
    normals /= length(normals)[:, None] + np.float32(1e-12)
    floor = (normals[:, 1] < -0.75) & (points[triangles][:, :, 1].mean(axis=1) < -1.22)
    points, triangles = compact(points, triangles[~floor])
    lips = Stretch((0, row.mouth_y, row.muzzle_to[2] - 0.10), (0.50, 0.13, 0.45))
    points, triangles = simplified(points, triangles, detail.skin_triangles, (lips,))
    points = relaxed(shape, projected(shape, points), triangles)

    def tone(p: Array) -> Array:
        normals = shape.normals(p)
        seen = 0.3 + 0.7 * smoothstep(-0.5, 0.2, normals[:, 2])
        seen = seen * smoothstep(-1.5, -0.9, p[:, 1]) * ~shape.in_socket(p)
        out: Array = np.sqrt(row.paint(shape, p, normals).colors) * seen[:, None]
        return out

    points, triangles = refined(shape, points, triangles, tone, detail.pattern)
    return slit(points, triangles, shape.above_lips, shape.inside_mouth)


def _skin(
    shape: HeadShape, fields: ExpressionFields, cut: SlitMesh, detail: LevelOfDetail
) -> MeshPart:
    p = cut.points
    normals = shape.normals(p)
    paint = shape.species.paint(shape, p, normals)
    occlusion = shape.occlusion(p, normals, detail.occlusion_rays)
    line = ridge(shape.above_lips(p), 0.03) * smoothstep(-0.06, 0.0, shape.inside_mouth(p))
    colors = mix(
        paint.colors, vector(shape.species.lip), line * smoothstep(0.3, 0.5, p[:, 2]) * 0.8
    )
    socket = shape.in_socket(p)
    # Dark where the lids begin; above them it is skin that shows when brows rise.
    above = smoothstep(0.45, 0.85, (p[:, 1] - shape.species.eye[1]) / shape.species.eye_radius)
    hollow = mix(flat(shape.species.liner, len(p)), colors * 0.45, above)
    colors = np.where(socket[:, None], hollow, colors)
    if detail.painted_strands and shape.species.skin is Material.FUR:
        colors = _strand_tones(p, colors, occlusion)
    bone, sway = shape.swayed(p)
    return MeshPart(
        "skin",
        shape.species.skin,
        p,
        cut.triangles,
        colors.astype(np.float32),
        unfolded(p, cut.triangles, fields(p, side=cut.side)),
        normals=normals,
        occlusion=occlusion,
        fur=paint.fur,
        comb=shape.comb(p, normals),
        head_weight=shape.head_weight(p),
        bone=bone,
        sway=sway,
    )


def _strand_tones(p: Array, colors: Array, occlusion: Array) -> Array:
    """Fur baked into colours: clumps, single strands, dark roots in the creases."""
    random = np.random.default_rng(7)
    clumps = np.sin(p @ vector((17, 11, 13))) * np.sin(p @ vector((-9, 16, 12)) + 1.3)
    tone = 1 + 0.07 * clumps + random.uniform(-0.10, 0.10, len(p)).astype(np.float32)
    # Shells would shade each other; without them a dark coat needs darker paint.
    tone = tone * (0.74 + 0.28 * smoothstep(0.10, 0.55, colors.mean(axis=1)))
    out: Array = np.clip(colors * (tone * (0.72 + 0.30 * occlusion))[:, None], 0, 1)
    return out


def packed(name: str, parts: list[MeshPart]) -> Mesh:
    """Several parts of one material as one mesh, in metres."""
    counts = [len(part.points) for part in parts]
    starts = np.cumsum([0, *counts[:-1]])

    def joined(values: Callable[[MeshPart], Array]) -> Array:
        return np.concatenate([values(part) for part in parts]).astype(np.float32)

    whole = Mesh(
        name=name,
        material=parts[0].material,
        positions=joined(lambda part: part.points) * np.float32(UNIT_M),
        normals=joined(lambda part: part.normals),
        colors=joined(lambda part: part.colors),
        indices=np.concatenate(
            [part.triangles + start for part, start in zip(parts, starts, strict=True)]
        ).astype(np.uint32),
        occlusion=joined(lambda part: part.occlusion),
        fur=joined(lambda part: part.fur) * np.float32(UNIT_M),
        head_weight=joined(lambda part: part.head_weight),
        comb=joined(lambda part: part.comb),
        morphs=_joined_morphs([part.morphs for part in parts], starts),
        bone=np.concatenate([part.bone for part in parts]),
        sway=joined(lambda part: part.sway),
    )
    return _taken(whole, whole.indices)


def _parted(mesh: Mesh) -> tuple[Mesh, Mesh]:
    """The part that some expression moves, from top to bottom, and the part that none does."""
    moved = np.zeros(len(mesh.positions), bool)
    for morph in mesh.morphs.values():
        moved[morph.indices] = True
    moves = moved[mesh.indices].any(axis=1)
    still = _taken(mesh, mesh.indices[~moves])
    return _taken(mesh, mesh.indices[moves]), replace(still, name=f"still {mesh.name}")


def _taken(mesh: Mesh, triangles: NDArray[np.uint32]) -> Mesh:
    """Only some triangles and their vertices, these ordered by falling height."""
    used = np.unique(triangles)
    used = used[np.argsort(-mesh.positions[used, 1], kind="stable")]
    place = np.full(len(mesh.positions), -1, np.int64)
    place[used] = np.arange(len(used))
    morphs: dict[str, Morph] = {}
    for name, morph in mesh.morphs.items():
        here = place[morph.indices] >= 0
        if here.any():
            morphs[name] = Morph(place[morph.indices[here]].astype(np.uint32), morph.deltas[here])
    return Mesh(
        name=mesh.name,
        material=mesh.material,
        positions=mesh.positions[used],
        normals=mesh.normals[used],
        colors=mesh.colors[used],
        indices=place[triangles].astype(np.uint32),
        occlusion=mesh.occlusion[used],
        fur=mesh.fur[used],
        head_weight=mesh.head_weight[used],
        comb=mesh.comb[used],
        morphs=morphs,
        bone=mesh.bone[used],
        sway=mesh.sway[used],
    )


def _joined_morphs(morphs: list[Displacements], starts: NDArray[np.int64]) -> dict[str, Morph]:
    out: dict[str, Morph] = {}
    correctives = {name for each in morphs for name in each} - set(EXPRESSIONS)
    for name in (*EXPRESSIONS, *sorted(correctives)):
        indices, deltas = [], []
        for each, start in zip(morphs, starts, strict=True):
            if name in each:
                moved = np.flatnonzero(np.abs(each[name]).max(axis=1) > 1e-4)
                indices.append(moved + start)
                deltas.append(each[name][moved] * UNIT_M)
        if sum(map(len, indices)):
            out[name] = Morph(
                np.concatenate(indices).astype(np.uint32),
                np.concatenate(deltas).astype(np.float32),
            )
    return out


def build_avatar(species: Species, folder: Path) -> None:
    """Writes `head.glb`, `head.light.glb`, `avatar.toml` and `thumbnail.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    skeleton = bones(species), in_metres(species.neck_pivot)
    write_glb(folder / "head.glb", build_meshes(species, FULL), *skeleton)
    light = build_meshes(species, LIGHT)
    write_glb(folder / "head.light.glb", light, *skeleton)
    write_png(folder / "thumbnail.png", thumbnail(light, eye_look(species)))
    (folder / "avatar.toml").write_text(description(species), "utf-8")


def eye_look(species: Species) -> EyeLook:
    """How the eyes of a species are painted."""
    return EyeLook(
        iris_inner=species.iris_inner,
        iris_outer=species.iris_outer,
        iris_angle_rad=round(float(np.radians(species.iris_angle_deg)), 4),
        pupil=species.pupil,
    )


def description(species: Species) -> str:
    """The text of `avatar.toml`."""
    eyes = species.eye_line or (0.0, *species.eye[1:])
    fit = f"""\
[fit]  # metres
eye_line = {_metres(*eyes)}
neck_pivot = {_metres(*species.neck_pivot)}
skull_half_width = {species.half_width * UNIT_M:.4f}
skull_top = {(species.top - eyes[1]) * UNIT_M:.4f}
chin_drop = {(eyes[1] - species.hem) * UNIT_M:.4f}
scale = {species.scale}
"""
    head = f"""\
# Made by `python -m livecam.modelling build {species.name}`.
title = "{species.title}"
title_zh = "{species.title_zh}"
author = "livecam"
licence = "MIT"
neck = "{species.neck}"

[eyes]  # linear colours
iris_inner = {numbers(*species.iris_inner)}
iris_outer = {numbers(*species.iris_outer)}
iris_angle_rad = {eye_look(species).iris_angle_rad:.4f}
pupil = {species.pupil}

[fur]  # over the usual one
strands = {species.strands}
length = 1.0
"""
    gains = "\n".join(["[gains]", *(f"{k} = {v}" for k, v in species.gains.items())]) + "\n"
    return "\n".join([head, fit, gains, *_anchors(species), *map(bone_table, bones(species))])


def bones(species: Species) -> tuple[Bone, ...]:
    """The bones of a species in metres."""

    rows = (swing.bone for swing in species.swings)
    return tuple(replace(row, pivot=in_metres(row.pivot), tip=in_metres(row.tip)) for row in rows)


def in_metres(point: Vector) -> Vector:
    """A point from head units."""
    return (point[0] * UNIT_M, point[1] * UNIT_M, point[2] * UNIT_M)


def _anchors(species: Species) -> list[str]:
    shape = species.form(species)
    fields = ExpressionFields(shape)
    further = [part for extra in species.extras for part in extra(shape, fields, LIGHT)]
    return [
        f"""\
[anchors.{kind}]  # metres
at = {_metres(*anchor.at)}
size = {numbers(*anchor.size)}
pitch_deg = {anchor.pitch_deg}
"""
        for kind, anchor in anchors(shape, further).items()
    ]


def bone_table(bone: Bone) -> str:
    """A bone as a table of TOML."""
    turns = "".join(f"\n{name} = {numbers(*turn)}" for name, turn in bone.turns.items())
    return f"""\
[[bones]]  # metres
name = "{bone.name}"
parent = "{bone.parent}"
pivot = {numbers(*bone.pivot)}
tip = {numbers(*bone.tip)}
stiffness_hz = {bone.stiffness_hz}
damping = {bone.damping}
most_deg = {bone.most_deg}

[bones.turns]  # degrees about x, y and z{turns}
"""


def numbers(*values: float) -> str:
    """Numbers as an array of TOML."""
    return "[" + ", ".join(f"{v + 0.0:.4f}" for v in values) + "]"


def _metres(*values: float) -> str:
    return numbers(*(v * UNIT_M for v in values))
