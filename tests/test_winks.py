"""Winks, blinks and looks down of a real person are distinguished.

The frames were found by looking at the clip: in 8 to 18 the person's left eye alone is shut, in
36 to 44 the right one; in 24 to 30 both are open, in 66 to 104 both look down under half-lowered
lids, in 116 to 130 both are shut.
"""

from itertools import islice

import numpy as np
import pytest

from livecam.avatar.expression import blinks
from livecam.config.assets import asset_path
from livecam.filtering.expression import ExpressionFilter
from livecam.media.reader import VideoReader
from livecam.tracking.face_landmarker import FaceLandmarker


@pytest.fixture(scope="module")
def lids(shared):
    """Measures how far the lids are shut, float64[n, 2]: left, right; every frame has a face."""
    rows, steadied, before = [], ExpressionFilter(), None
    tracker = FaceLandmarker(asset_path("face-landmarker"))
    with VideoReader(shared / "clips" / "lp_d3.mp4") as film:
        for frame in islice(film, 131):
            (face,) = tracker.track(frame).faces
            dt = 0.0 if before is None else frame.captured_at - before
            before = frame.captured_at
            rows.append(blinks(steadied.step(face.weights, dt).astype(float)))
    tracker.close()
    return np.array(rows)


@pytest.mark.parametrize(("frames", "shut"), [(range(8, 19), 0), (range(36, 45), 1)])
def test_a_wink_is_one_shut_eye(lids, frames, shut):
    assert lids[frames, shut].min() > 0.9
    assert lids[frames, 1 - shut].max() < 0.1


def test_open_eyes_are_open(lids):
    assert lids[24:31].max() < 0.1


def test_a_look_down_is_no_blink(lids):
    assert lids[66:105].max() < 0.5


def test_shut_eyes_are_shut(lids):
    assert lids[116:131].min() > 0.9
