"""Fixtures of several tests: real material beside the checkout, a real face, small clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.config.paths import LOG_FILE_VARIABLE
from livecam.core.frame import Frame, Image
from livecam.media.writer import VideoWriter
from tests.fetched import asset_or_skip
from tests.modes import (  # noqa: F401 - hooks that pytest finds by their names
    pytest_addoption,
    pytest_configure,
    pytest_make_collect_report,
    pytest_runtest_makereport,
)
from tests.s3_server import s3, s3_url  # noqa: F401 - fixtures
from tests.user_folders import use_own_user_folders

REPOSITORY = Path(__file__).resolve().parents[1]
use_own_user_folders()


@pytest.fixture(scope="session", autouse=True)
def no_log_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands write no log file; one that does all the same is found out, where XDG counts."""
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOG_FILE_VARIABLE, "")
        patch.setenv("XDG_STATE_HOME", str(state))
        yield
    assert list(state.iterdir()) == [], "a test has logged into the folder of the user"


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Clips of real people and third-party avatars, which are not part of the project."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the private test material lies in ../shared, which is not here")
    return folder


@pytest.fixture(scope="session")
def portrait() -> Image:
    """A real face: uint8[512, 512, 4], RGBA, read-only."""
    path = asset_or_skip("portrait")
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGBA)
    image.flags.writeable = False
    return image


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """Makes a small video: a grey picture that gets brighter, with a red square moving right."""

    def make(
        name: str = "clip.mp4",
        frames: int = 10,
        width: int = 96,
        height: int = 64,
        fps: float = 25.0,
    ) -> Path:
        path = tmp_path / name
        with VideoWriter(path, width, height, fps) as writer:
            for index in range(frames):
                writer.write(Frame(square_at(index, width, height), index, index / fps))
        return path

    return make


def square_at(index: int, width: int, height: int) -> Image:
    image = np.full((height, width, 4), 255, np.uint8)
    image[..., :3] = min(60 + 5 * index, 255)
    image[8:24, 4 * index : 4 * index + 16, :3] = (220, 30, 30)
    return image
