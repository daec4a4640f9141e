"""Draws thumbnails by a software rasteriser in numpy: the same bytes on every machine."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import EyeParameters, Material, Mesh
from livecam.core.srgb import srgb_from_linear
from livecam.modelling.sdf import smoothstep
from livecam.modelling.vectors import Array, rotation, unit, vector

_SIZE = 256  # pixels along an edge
_SUPERSAMPLING = 3  # along each axis
_POSE: Mapping[str, float] = {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "browInnerUp": 0.3}
_YAW_DEG = -14.0
_KEY = unit(vector((-0.55, 0.62, 0.75)))
_RIM = unit(vector((0.65, 0.55, -0.45)))
_SKY, _GROUND = vector((0.42, 0.45, 0.50)), vector((0.24, 0.19, 0.16))


def thumbnail(meshes: Sequence[Mesh], eyes: EyeParameters) -> NDArray[np.uint8]:
    """Draws a head, smiling a little, as sRGB with straight alpha: uint8[256, 256, 4]."""
    turn = rotation((0, 1, 0), _YAW_DEG)
    edge = _SIZE * _SUPERSAMPLING
    image = np.zeros((edge, edge, 4), np.float32)
    depth = np.full((edge, edge), -np.inf, np.float32)
    box = np.concatenate([_posed(mesh) for mesh in meshes if mesh.material is not Material.WHISKER])
    low, high = box[:, 1].min(), box[:, 1].max()
    left, right = (box @ turn.T)[:, 0].min(), (box @ turn.T)[:, 0].max()
    scale = edge / (max(high - low, right - left) * 1.02)
    top = (edge - (high - low) * scale) / 2  # centres a head that is wider than tall
    for mesh in sorted(meshes, key=lambda mesh: mesh.material is Material.GLASS):
        points = _posed(mesh) @ turn.T
        pixels = np.stack(
            (
                edge / 2 + (points[:, 0] - (left + right) / 2) * scale,
                top + (high - points[:, 1]) * scale,
                points[:, 2],
            ),
            axis=1,
        )
        values: Array = np.concatenate((mesh.colors * _light(mesh, turn), mesh.comb), axis=1)
        _draw(image, depth, pixels, values, mesh, eyes)
    return _downsampled(image)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Writes RGBA pixels uint8[h, w, 4] (PNG, second edition, section 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    height, width = image.shape[:2]
    rows = np.concatenate((np.zeros((height, 1), np.uint8), image.reshape(height, -1)), axis=1)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + chunk(b"IEND", b"")
    )


def _posed(mesh: Mesh) -> Array:
    points = mesh.positions.copy()
    for name, weight in _POSE.items():
        if name in mesh.morphs:
            points[mesh.morphs[name].indices] += mesh.morphs[name].deltas * np.float32(weight)
    return points


def _light(mesh: Mesh, turn: Array) -> Array:
    """Computes key, sky and rim light at the vertices, float32[n, 3]."""
    normals = mesh.normals @ turn.T
    key = np.clip((normals @ _KEY + 0.35) / 1.35, 0, None)[:, None] * vector((0.95, 0.89, 0.81))
    sky = _GROUND + (_SKY - _GROUND) * (normals[:, 1:2] * 0.5 + 0.5)
    rim = smoothstep(0.2, 0.9, normals @ _RIM)[:, None] * 0.35
    shade = 0.45 + 0.55 * mesh.occlusion[:, None]
    out: Array = (key * shade + sky * mesh.occlusion[:, None] + rim).astype(np.float32)
    return out


def _draw(
    image: Array, depth: Array, pixels: Array, values: Array, mesh: Mesh, eyes: EyeParameters
) -> None:
    """Rasterises the triangles that face the viewer, with a depth buffer."""
    corners = pixels[mesh.indices]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    edge = len(depth)
    low = np.clip(np.floor(corners.min(axis=1)[:, :2]), 0, edge).astype(int)
    high = np.clip(np.ceil(corners.max(axis=1)[:, :2]) + 1, 0, edge).astype(int)
    # y runs down, so triangles that are counter-clockwise in head space have a negative area here.
    for i in np.flatnonzero((area < -1e-6) & (high > low).all(axis=1)):
        (x0, y0), (x1, y1) = low[i], high[i]
        y, x = np.mgrid[y0:y1, x0:x1] + 0.5
        p, q, r = corners[i]
        wq = ((x - p[0]) * (r[1] - p[1]) - (y - p[1]) * (r[0] - p[0])) / area[i]
        wr = ((q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0])) / area[i]
        wp = 1 - wq - wr
        z = wp * p[2] + wq * q[2] + wr * r[2]
        here = (wp >= 0) & (wq >= 0) & (wr >= 0) & (z > depth[y0:y1, x0:x1])
        if not here.any():
            continue
        weights = np.stack((wp[here], wq[here], wr[here]), axis=1)
        found = weights @ values[mesh.indices[i]]
        color = found[:, :3]
        if mesh.material is Material.EYE:
            color = color * _iris(found[:, 3:], eyes)
        depth[y0:y1, x0:x1][here] = z[here]
        drawn = np.c_[color, np.ones(len(color))]
        if mesh.material is Material.GLASS:  # its colour is the light that it transmits
            kept = np.maximum(0.2, 1 - found[:, :3].mean(axis=1, keepdims=True))
            drawn = drawn * kept + image[y0:y1, x0:x1][here] * (1 - kept)
        image[y0:y1, x0:x1][here] = drawn


def _iris(direction: Array, eyes: EyeParameters) -> Array:
    """Shades white, iris and pupil by the direction from the eye's centre, and a reflection."""
    d = unit(direction)
    r = np.hypot(d[:, 0], d[:, 1]) / np.sin(eyes.iris_angle_rad)
    inner, outer = np.array(eyes.iris_inner), np.array(eyes.iris_outer)
    iris = inner + (outer - inner) * smoothstep(0.55, 1.0, r)[:, None]
    iris = iris * (1.9 - 1.1 * smoothstep(-0.5, 0.5, d[:, 1]))[:, None]
    iris = iris * (1 - smoothstep(eyes.pupil + 0.04, eyes.pupil - 0.04, r))[:, None]
    ball = np.array((0.86, 0.84, 0.82))
    out = ball + (iris - ball) * smoothstep(1.04, 0.96, r)[:, None]
    pane = np.maximum(np.abs(d[:, 0] + 0.20), np.abs(d[:, 1] - 0.30))
    window: Array = out + 2.0 * smoothstep(0.11, 0.09, pane)[:, None]
    return window


def _downsampled(image: Array) -> NDArray[np.uint8]:
    """Averages the samples of each pixel and encodes them as sRGB."""
    edge = len(image) // _SUPERSAMPLING
    samples = image.reshape(edge, _SUPERSAMPLING, edge, _SUPERSAMPLING, 4)
    small = samples.mean(axis=(1, 3))
    alpha = small[..., 3:]
    linear = np.clip(small[..., :3] / np.maximum(alpha, 1e-6), 0, 1)
    encoded = srgb_from_linear(linear)
    out: NDArray[np.uint8] = np.rint(np.concatenate((encoded, alpha), axis=2) * 255).astype(
        np.uint8
    )
    return out
