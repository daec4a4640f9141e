"""Kernels: the compiled loops and plain numpy give equal bits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livecam.core.frame import Rect
from livecam.kernels import machine_code, masks, pixels, planes, vertices
from livecam.kernels.base import KERNELS, ArrayOf, Kernel
from livecam.kernels.loading import load_kernels
from livecam.media.color import RgbaConverter, i420_frame

WIDTH, HEIGHT = 150, 94
rng = np.random.default_rng(5)


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    assert load_kernels()


def picture(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray[Any, np.dtype[np.uint8]]:
    image = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    image[..., 3] = 255
    return image


def both(tested: Kernel[...], call: Callable[..., None], *arrays: Any) -> list[Any]:
    """Calls with the compiled form and the plain one; what both wrote into copies of the arrays."""
    assert tested.is_compiled
    results = []
    compiled = tested._run
    for run in (compiled, tested.plain):
        tested._run = run
        try:
            copies = [array.copy() for array in arrays]
            call(*copies)
        finally:
            tested._run = compiled
        results.append(copies)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    return results[0]


def head_of(width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A premultiplied disc with a soft edge."""
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((x - width / 2) / (width / 2), (y - height / 2) / (height / 2))
    alpha = np.clip((1 - radius) * 8, 0, 1)[..., None]
    head = np.concatenate((rng.integers(0, 256, (height, width, 3)), np.full_like(alpha, 255)), 2)
    return np.rint(head * alpha).astype(np.uint8)


@pytest.mark.parametrize("at", [(0, 0), (31, 7), (WIDTH - 60, HEIGHT - 50)])
def test_blending(at: tuple[int, int]):
    before, head = picture(), head_of(60, 50)
    coverage = rng.integers(0, 30, (HEIGHT, WIDTH), dtype=np.uint8)
    image, covered = both(
        pixels._blend, lambda p, c: pixels.blend(p, head, c, *at), before, coverage
    )
    area = Rect(*at, at[0] + 60, at[1] + 50).slices
    alpha = head[..., 3]
    assert np.array_equal(image[area][alpha == 255], head[alpha == 255])
    assert np.array_equal(image[area][alpha == 0], before[area][alpha == 0])
    assert np.array_equal(covered[area], np.maximum(coverage[area], alpha))
    image[area] = before[area]
    assert np.array_equal(image, before)


@pytest.mark.parametrize("rect", [Rect(0, 0, 40, 40), Rect(13, 5, 130, 94), Rect(3, 90, 9, 94)])
def test_darkening(rect: Rect):
    rows, columns = rect.height // 4 + 1, rect.width // 4 + 1
    left = rng.integers(20, 256, (rows, columns), dtype=np.uint8)
    before = picture()
    (image,) = both(pixels._darken, lambda p: pixels.darken(p, left, rect), before)
    assert (image[..., :3] <= before[..., :3]).all()
    assert (image[..., 3] == 255).all()
    (same,) = both(pixels._darken, lambda p: pixels.darken(p, left * 0 + 255, rect), before)
    assert np.array_equal(same, before)


@pytest.mark.parametrize("cell", [1, 2, 5])
@pytest.mark.parametrize("rect", [Rect(0, 0, WIDTH, HEIGHT), Rect(17, 11, 120, 61)])
def test_laying_over(cell: int, rect: Rect):
    grid = rng.integers(0, 256, (-(-HEIGHT // cell), -(-WIDTH // cell)), dtype=np.uint8)
    grid[:, : 40 // cell] = 0
    before, over = picture(), picture(rect.width + 9, rect.height + 4)
    masks_ = [rng.integers(0, 90, (HEIGHT, WIDTH), dtype=np.uint8) for _ in range(2)]
    place = Rect(rect.x0 - 4, rect.y0 - 1, rect.x0 + rect.width + 5, rect.y0 + rect.height + 3)
    image, first, second = both(
        pixels._lay_over,
        lambda p, a, b: pixels.lay_over(p, over, place, grid, cell, rect, a, b),
        before, *masks_,
    )  # fmt: skip
    free = first == masks_[0]
    assert np.array_equal(image[:, : min(rect.x0, 30)], before[:, : min(rect.x0, 30)])
    assert free.any()
    assert not free.all()
    assert (second >= masks_[1]).all()


def test_grain():
    before = picture()
    synthetic = rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    synthetic[:20] = 0
    tile = np.rint(256 * rng.standard_normal((256, 256)).clip(-4, 4)).astype(np.int16)
    amounts = np.full(256, 48, np.uint8)  # 3 levels
    (image,) = both(
        pixels._add_grain,
        lambda p: pixels.add_grain(
            p, synthetic, amounts, tile, (250, 190), Rect(5, 3, WIDTH, HEIGHT)
        ),
        before,
    )
    assert np.array_equal(image[:20], before[:20])
    middle = (before[..., :3] > 30).all(axis=2) & (before[..., :3] < 225).all(axis=2)
    sure = middle & (synthetic > 250)
    sure[:, :5] = False
    assert 2.5 < (image[sure].astype(float) - before[sure])[:, 0].std() < 3.5


@pytest.mark.parametrize("weights", [planes.BT709, planes.BT601])
def test_i420(weights: planes.Weights):
    image = picture(96, 64)
    out = np.zeros((96, 96), np.uint8)
    both(planes._i420, lambda o: planes.i420(image, o, weights), out)
    assert weights[1:].sum() == 0


def test_i420_is_that_of_swscale():
    from av.video.reformatter import VideoReformatter

    image = picture(96, 64)
    theirs = i420_frame(VideoReformatter(), image).to_ndarray().astype(int)
    out = np.zeros((96, 96), np.uint8)
    planes.i420(image, out)
    assert np.abs(out - theirs).max() <= 1


def test_the_map_of_a_moving_head():
    back = np.array(((0.98, 0.05, 3.0), (-0.04, 1.02, -7.0)), np.float32)
    chin, chin_back = np.array((70.0, 60.0), np.float32), np.array((2.0, -5.0), np.float32)
    grids = np.zeros((2, 47, 75), np.float32)
    columns, rows = both(
        masks.inverse_map,
        lambda c, r: masks.inverse_map(c, r, 2, back, chin, chin_back, 80.0, 0.35),
        *grids,
    )
    x, y = back @ np.array((2 * 10 + 1, 2 * 5 + 1, 1))  # above the chin it is the head's motion
    assert columns[5, 10] * 2 + 1 == pytest.approx(x, abs=1e-3)
    assert rows[5, 10] * 2 + 1 == pytest.approx(y, abs=1e-3)


def test_vertices_that_are_added_and_placed():
    flat = rng.standard_normal(600).astype(np.float32)
    deltas, weights = rng.standard_normal(120).astype(np.float32), np.float32((0.3, 9.0, -0.5))
    active, starts, offsets = np.array((0, 2)), np.array((60, 0, 90)), np.array((0, 40, 70, 120))
    (moved,) = both(
        vertices.add_morphs,
        lambda f: vertices.add_morphs(f, active, weights, starts, offsets, deltas),
        flat,
    )
    assert np.array_equal(moved[:60], flat[:60])
    assert np.array_equal(moved[140:], flat[140:])
    np.testing.assert_allclose(moved[60:90], flat[60:90] + 0.3 * deltas[:30], rtol=1e-5)
    count = 50
    rows = rng.permutation(100)[:count]
    matrices = rng.standard_normal((2, 2, 3, 4)).astype(np.float32)
    bones = rng.standard_normal((2, 3, 4)).astype(np.float32)
    follows, sway = rng.random((2, count), np.float32)
    bone = rng.integers(-1, 3, count)
    at, up = both(
        vertices.place,
        lambda a, u: vertices.place(
            flat.reshape(100, 6), rows, follows, bone, sway, bones, *matrices, a, u
        ),
        *np.zeros((2, count, 3), np.float32),
    )
    still = bone < 0
    points = flat.reshape(100, 6)[rows][still, :3]
    on_head, expected = (points @ m[0, :, :3].T + m[0, :, 3] for m in matrices)
    expected += (on_head - expected) * follows[still, None]
    np.testing.assert_allclose(at[still], expected, rtol=1e-4, atol=1e-5)
    assert np.isfinite(up).all()


def test_every_kernel_is_compiled():
    assert {k.loops.__name__ for k in KERNELS} >= {"_blend_loops", "_i420_loops", "_place_loops"}
    for each in KERNELS:
        assert each.is_compiled


def test_machine_code_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folders = tmp_path / "no" / "folder", tmp_path / "cache"
    (tmp_path / "no").write_text("a file where a folder should be")
    monkeypatch.setattr(machine_code, "_folders", lambda: folders)
    kernels = [pixels._darken, vertices.add_morphs]
    assert all(machine_code.addresses(kernels))
    [file] = folders[1].iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(machine_code, "compiled", None)
        assert all(machine_code.addresses(kernels))
        other = file.read_text("utf-8").replace('"key": "', '"key": "0')
        for broken in ("", "{}", '{"key": 1}', other):
            kept = file.read_text("utf-8")
            file.write_text(broken, "utf-8")
            with pytest.raises(TypeError):
                machine_code.addresses(kernels)
            file.write_text(kept, "utf-8")
    file.write_text("{")
    assert all(machine_code.addresses(kernels))
    assert len(file.read_bytes()) > 1000


def test_what_is_in_the_cache_needs_no_numba():
    code = (
        "import sys\n"
        "from livecam.kernels.loading import load_kernels\n"
        "assert load_kernels()\n"
        "assert 'numba' not in sys.modules and 'llvmlite' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_machine_code_gets_the_arrays_it_was_made_for():
    image, left = np.zeros((8, 8), np.uint32), np.full((3, 3), 255, np.uint8)
    factors = np.zeros(16, np.uint32)
    for wrong in (image.astype(np.int32), image[:, ::2], image[0], image.copy()):
        wrong.flags.writeable = wrong.shape != image.shape
        with pytest.raises(TypeError, match="is wanted"):
            pixels._darken(wrong, left, 0, 0, 4, 4, factors)
    with pytest.raises(ValueError, match="shorter"):
        pixels._darken(image, left, 0, 0, 4, 4)  # type: ignore[call-arg]


def test_machine_code_writes_nowhere_else():
    small = [np.full(8, 255, np.uint8) for _ in range(4000)]
    image = np.zeros((8, 8), np.uint32)
    for _ in range(50):
        pixels._darken(image, np.full((3, 3), 9, np.uint8), 0, 0, 4, 4, np.zeros(16, np.uint32))
        small += [np.full(8, 255, np.uint8) for _ in range(20)]
    assert all((each == 255).all() for each in small)


def test_nothing_outside_of_an_image_is_written():
    image, over = picture(), picture(20, 20)
    mask, grid = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    beyond, before = Rect(140, 0, 160, 20), Rect(-2, 0, 10, 10)
    for rect in (beyond, before):
        with pytest.raises(ValueError, match="Rect"):
            pixels.darken(image, np.zeros((9, 9), np.uint8), rect)
        with pytest.raises(ValueError, match="Rect"):
            pixels.blend(image, over, mask, rect.x0, rect.y0)
        with pytest.raises(ValueError, match="Rect"):
            pixels.lay_over(image, over, rect, grid, 1, rect, mask, mask)
        with pytest.raises(ValueError, match="Rect"):
            pixels.add_grain(
                image, mask, np.zeros(256, np.uint8), np.zeros((256, 256), np.int16), (0, 0), rect
            )
    inside = Rect(0, 0, 30, 10)
    with pytest.raises(ValueError, match="Rect"):  # the image that is laid over is smaller
        pixels.lay_over(image, over, inside, grid, 1, inside, mask, mask)
    with pytest.raises(ValueError, match="Rect"):
        pixels.blend(image, over, mask[1:], 0, 0)
    with pytest.raises(ValueError, match="I420"):
        planes.i420(image, np.zeros((HEIGHT, WIDTH), np.uint8))


def test_without_numba_the_plain_forms_run():
    code = (
        "import sys; sys.modules['llvmlite'] = None\n"
        "from livecam.kernels import planes\n"
        "from livecam.kernels.loading import load_kernels\n"
        "import numpy as np\n"
        "assert not load_kernels()\n"
        "out = np.zeros((6, 4), np.uint8)\n"
        "planes.i420(np.full((4, 4, 4), 255, np.uint8), out)\n"
        "assert out[0, 0] == 235 and out[4, 0] == 128\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_kernel_that_cannot_be_compiled_stays_plain(caplog: pytest.LogCaptureFixture):
    broken: Kernel[...] = Kernel(
        lambda values: None, lambda values: sorted(values), ArrayOf("int8", 1)
    )
    try:
        assert not load_kernels()
        assert not broken.is_compiled
        assert "cannot be compiled" in caplog.text
        broken(np.zeros(3, np.int8))
    finally:
        KERNELS.remove(broken)
    assert load_kernels()


def test_rgba_comes_back_from_i420():
    from av.video.frame import VideoFrame

    image = np.full((64, 96, 4), (200, 120, 40, 255), np.uint8)
    out = np.zeros((96, 96), np.uint8)
    planes.i420(image, out)
    frame = VideoFrame.from_ndarray(out, "yuv420p")
    frame.colorspace, frame.color_range = 1, 1
    back = RgbaConverter(96, 64).convert(frame)
    assert np.abs(back.astype(int) - image).max() <= 3
