"""What a live run keeps in memory: no library that it does not use, and nothing twice."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from livecam.avatar.library import load_avatar
from livecam.core.frame import Image, Rect
from livecam.segmentation.networks import DetectorNetwork, PersonNetwork
from tests.fetched import asset_or_skip

# What the packages that livecam depends on would import, and a live run does not need.
UNUSED = (
    "matplotlib", "scipy", "skimage", "PIL", "pandas", "jax", "tensorflow", "dask", "fsspec",
    "sounddevice", "glfw",
)  # fmt: skip
PATIENCE_S = 120.0

IMPORTS = f"""
import sys
import livecam.live.run
import livecam.tracking.face_landmarker
from ai_edge_litert.interpreter import Interpreter
print([name for name in {UNUSED} if name in sys.modules])
"""


def test_a_live_run_imports_no_package_that_it_does_not_use():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_meshes_do_not_keep_the_files_that_they_were_read_from():
    avatar = load_avatar("raccoon")
    for mesh in (*avatar.meshes, *avatar.light_meshes):
        arrays = [getattr(mesh, name) for name in mesh.__slots__]
        arrays += [array for each in mesh.morphs.values() for array in (each.indices, each.deltas)]
        assert all(views_no_file(each) for each in arrays if isinstance(each, np.ndarray))


def views_no_file(array: np.ndarray[Any, Any]) -> bool:
    base: Any = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    return isinstance(base, np.ndarray)


@pytest.mark.parametrize("name", ["person-wide", "face-full-range"])
def test_a_network_has_no_copy_of_its_input(name: str, portrait: Image):
    """LiteRT refuses to run while a view of its memory lives: a second run shows that none does."""
    if name == "person-wide":
        network = PersonNetwork(asset_or_skip(name))
        whole = Rect(0, 0, portrait.shape[1], portrait.shape[0])
        results = [network.segment(portrait, whole) for _ in range(2)]
        holders: list[Any] = [network, network._network]
    else:
        detector = DetectorNetwork(asset_or_skip(name))
        square = np.ascontiguousarray(portrait[: detector.size, : detector.size])
        results = [detector.run(square)[0] for _ in range(2)]
        holders = [detector]
    assert np.array_equal(*results)
    kept = [value for each in holders for value in vars(each).values()]
    assert not any(isinstance(value, np.ndarray) for value in kept)
