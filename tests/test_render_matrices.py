"""Matrices: what pyrr builds is what the formulas of OpenGL say, to the last bit of a uniform."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.core import spaces
from livecam.core.frame import Rect
from livecam.core.spaces import Matrix4
from livecam.render.light import unit
from livecam.render.matrices import (
    FAR_M,
    NEAR_M,
    clip_from_camera,
    clip_from_camera_in,
    rotation_yxz,
    shadow_from_camera,
    turned_about,
)

SIZES = ((1280, 720), (640, 480), (480, 908), (720, 720), (1920, 1080))
RANDOM = np.random.default_rng(0)


def head_points() -> NDArray[np.float64]:
    return RANDOM.normal(size=(40, 3)) * 0.1 - (0, 0, RANDOM.uniform(0.4, 2.0))


def assert_same(ours: Matrix4, formula: Matrix4) -> None:
    assert ours == pytest.approx(formula, rel=1e-12, abs=1e-12)
    np.testing.assert_array_equal(ours.astype(np.float32), formula.astype(np.float32))


def perspective(
    rect: Rect, size: tuple[int, int], near: float, far: float, down: float
) -> NDArray[np.float64]:
    """The formula of glFrustum, with rows that run down (1) or up (-1)."""
    width, height = size
    f = 1 / np.tan(spaces.VERTICAL_FOV_RAD / 2)
    out = np.zeros((4, 4))
    out[0, 0], out[0, 2] = f * height / rect.width, (rect.x0 + rect.x1 - width) / rect.width
    out[1, 1] = -down * f * height / rect.height
    out[1, 2] = down * (rect.y0 + rect.y1 - height) / rect.height
    out[2, 2], out[2, 3] = (far + near) / (near - far), 2 * far * near / (near - far)
    out[3, 2] = -1
    return out


@pytest.mark.parametrize("size", SIZES)
def test_the_projection_is_that_of_the_pinhole(size):
    whole = Rect(0, 0, *size)
    assert_same(clip_from_camera(*size), perspective(whole, size, NEAR_M, FAR_M, down=-1))


@pytest.mark.parametrize("size", SIZES)
def test_the_projection_of_a_crop_fits_the_depth_of_its_points(size):
    for _ in range(50):
        x, y = RANDOM.integers(0, 200, 2).tolist()
        rect = Rect(x, y, x + int(RANDOM.integers(20, 260)), y + int(RANDOM.integers(20, 260)))
        points = head_points()
        near = max(NEAR_M, 0.8 * -points[:, 2].max())
        far = max(1.25 * -points[:, 2].min(), 1.1 * near)
        formula = perspective(rect, size, near, far, down=1)
        assert_same(clip_from_camera_in(rect, *size, points), formula)


def test_projection_and_opengl_agree_on_the_pixel():
    width, height = 640, 360
    point = np.array((0.07, -0.03, -0.6))
    pixel = spaces.project(np.eye(4), point[None], width, height)[0]
    clip = clip_from_camera(width, height) @ np.append(point, 1)
    ndc = clip[:2] / clip[3]
    assert pixel == pytest.approx(((ndc[0] + 1) / 2 * width, (1 - ndc[1]) / 2 * height))


@pytest.mark.parametrize("light", [(-0.55, 0.62, 0.75), (0.9, 0.05, 0.6), (0.0, -0.4, 0.9)])
def test_the_shadow_map_looks_from_the_light_and_just_holds_the_points(light):
    z = np.array(unit(*light))
    x = np.cross((0.0, 1.0, 0.0), z)
    x /= np.linalg.norm(x)
    axes = np.stack((x, np.cross(z, x), z))
    for _ in range(20):
        points = head_points()
        low, high = (points @ axes.T).min(axis=0), (points @ axes.T).max(axis=0)
        half = (high - low) / 2 + 0.05 * (high - low).max()
        formula = np.eye(4)
        formula[:3, :3] = axes / half[:, None]
        formula[:3, 3] = -((low + high) / 2) / half
        formula[2] *= (-1, -1, -1, -1)
        assert_same(shadow_from_camera(points, unit(*light)), formula)


@pytest.mark.parametrize("yaw", [-78.0, 0.0, 35.0, 180.0, 270.0])
def test_turns_are_applied_in_the_order_roll_pitch_yaw(yaw):
    angles = np.radians((yaw, 8.0, -5.0))
    yaws, pitches, rolls = (
        spaces.quaternion_from_vector(angle * np.eye(3)[axis])
        for angle, axis in zip(angles, (1, 0, 2), strict=True)
    )
    formula = spaces.matrix_from_quaternion(spaces.multiply(spaces.multiply(yaws, pitches), rolls))
    assert rotation_yxz(*angles) == pytest.approx(formula, abs=1e-12)


def test_a_turn_leaves_its_pivot_where_it_is_put():
    pivot, translation = np.array((0.0, -0.1, -0.05)), np.array((0.2, 0.0, -0.75))
    rotation = rotation_yxz(0.5, 0.1, -0.2)
    turned = turned_about(pivot, rotation, translation)
    formula = np.eye(4)
    formula[:3, :3], formula[:3, 3] = rotation, translation + pivot - rotation @ pivot
    assert turned == pytest.approx(formula, abs=1e-12)
    assert (turned @ np.append(pivot, 1))[:3] == pytest.approx(pivot + translation)


def test_the_command_line_starts_without_the_library():
    code = "import sys, livecam.cli.main; print('pyrr' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
