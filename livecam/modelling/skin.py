"""The skin of a head: extracted from its shape, refined for its paint, cut open at the mouth."""

from __future__ import annotations

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.mesh import Triangles, compact, face_normals
from livecam.modelling.parts import MeshPart
from livecam.modelling.remesh import Stretch, isosurface, refine, relax, simplify
from livecam.modelling.sdf import project_to_surface, ridge, smoothstep
from livecam.modelling.shape import HeadShape
from livecam.modelling.slit import SlitMesh, slit
from livecam.modelling.unfold import remove_folds
from livecam.modelling.vectors import Array, length, mix, tiled, vector

_FLOOR_Y = -1.22  # the closed bottom of the neck lies below


def skin_mesh(shape: HeadShape, detail: LevelOfDetail) -> SlitMesh:
    """Extracts the surface of a head, refined at the lips and where the paint varies."""
    species = shape.species
    points, triangles = isosurface(shape, shape.low, shape.high, detail.voxel)
    points, triangles = _without_floor(points, triangles)
    lips = Stretch((0, species.mouth_y, species.muzzle_to[2] - 0.10), (0.50, 0.13, 0.45))
    points, triangles = simplify(points, triangles, detail.skin_triangles, (lips,))
    points = relax(shape, project_to_surface(shape, points), triangles)

    def visible_tone(p: Array) -> Array:
        normals = shape.normals(p)
        visible = 0.3 + 0.7 * smoothstep(-0.5, 0.2, normals[:, 2])
        visible = visible * smoothstep(-1.5, -0.9, p[:, 1]) * ~shape.in_socket(p)
        out: Array = np.sqrt(shape.paint(p, normals).colors) * visible[:, None]
        return out

    points, triangles = refine(shape, points, triangles, visible_tone, detail.paint_vertices)
    return slit(points, triangles, shape.above_lips, shape.inside_mouth)


def _without_floor(points: Array, triangles: Triangles) -> tuple[Array, Triangles]:
    """Removes the closed bottom of the neck, which is never visible."""
    normals = face_normals(points, triangles)
    normals /= length(normals)[:, None] + np.float32(1e-12)
    floor = (normals[:, 1] < -0.75) & (points[triangles][:, :, 1].mean(axis=1) < _FLOOR_Y)
    return compact(points, triangles[~floor])


def skin_part(
    shape: HeadShape, fields: ExpressionFields, mesh: SlitMesh, detail: LevelOfDetail
) -> MeshPart:
    """Adds colours, fur, skin weights and morphs to the mesh of the skin."""
    p = mesh.points
    normals = shape.normals(p)
    paint = shape.paint(p, normals)
    occlusion = shape.occlusion(p, normals, detail.occlusion_rays)
    colors = _around_openings(shape, p, paint.colors)
    if detail.painted_strands and shape.species.skin is Material.FUR:
        colors = _with_strands(p, colors, occlusion)
    bone, weight = shape.bone_weights(p)
    return MeshPart(
        "skin",
        shape.species.skin,
        p,
        mesh.triangles,
        colors.astype(np.float32),
        remove_folds(p, mesh.triangles, fields(p, side=mesh.side)),
        normals=normals,
        occlusion=occlusion,
        fur=paint.fur,
        comb=shape.comb(p, normals),
        head_weight=shape.head_weight(p),
        bone=bone,
        sway=weight,
    )


def _around_openings(shape: HeadShape, p: Array, colors: Array) -> Array:
    """Paints the line between the lips, and the eye sockets behind the lids."""
    species = shape.species
    line = ridge(shape.above_lips(p), 0.03) * smoothstep(-0.06, 0.0, shape.inside_mouth(p))
    colors = mix(colors, vector(species.lip), line * smoothstep(0.3, 0.5, p[:, 2]) * 0.8)
    # Dark where the lids begin; above them lies skin that shows when brows rise.
    above = smoothstep(0.45, 0.85, (p[:, 1] - species.eye[1]) / species.eye_radius)
    socket = mix(tiled(species.liner, len(p)), colors * 0.45, above)
    return np.where(shape.in_socket(p)[:, None], socket, colors)


def _with_strands(p: Array, colors: Array, occlusion: Array) -> Array:
    """Bakes fur into the colours: clumps, single strands, dark roots in the creases."""
    random = np.random.default_rng(7)
    clumps = np.sin(p @ vector((17, 11, 13))) * np.sin(p @ vector((-9, 16, 12)) + 1.3)
    tone = 1 + 0.07 * clumps + random.uniform(-0.10, 0.10, len(p)).astype(np.float32)
    # Shells would shade each other; without them a dark coat needs darker paint.
    tone = tone * (0.74 + 0.28 * smoothstep(0.10, 0.55, colors.mean(axis=1)))
    out: Array = np.clip(colors * (tone * (0.72 + 0.30 * occlusion))[:, None], 0, 1)
    return out
