"""A run whose drawing has failed from the first frame on ends; one that has drawn goes on."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from livecam.cli.main import execute
from livecam.compose.compositor import HeadCompositor
from livecam.core.errors import GraphicsError
from livecam.core.frame import Frame, Image, Rect
from livecam.live.checks import GIVE_UP_S, MIN_FAILURES, DrawingWatch
from livecam.pipeline.pipeline import Published
from livecam.pipeline.states import Shown
from tests.test_convert import film, scene


def published(*, drawn: bool) -> Published:
    card = Frame(np.zeros((4, 4, 4), np.uint8), 0, 0.0)
    state = Shown.AVATAR if drawn else Shown.CURTAIN
    return Published(card, state, drawn, None, Rect(0, 0, 2, 2) if drawn else None)


def test_failures_without_a_success_end_the_run():
    watch = DrawingWatch()
    for failure in range(MIN_FAILURES):
        watch.check(published(drawn=False), GraphicsError("the driver gave up"), 0.1 * failure)
    newest = GraphicsError("the driver gave up again")
    with pytest.raises(GraphicsError, match="again"):
        watch.check(published(drawn=False), newest, GIVE_UP_S)


def test_many_failures_in_a_moment_do_not_end_it():
    watch = DrawingWatch()
    for failure in range(10 * MIN_FAILURES):
        watch.check(published(drawn=False), GraphicsError(str(failure)), 0.01 * failure)


def test_one_failure_that_lasts_does_not_end_it():
    watch, error = DrawingWatch(), GraphicsError("the driver gave up")
    for second in range(60):
        watch.check(published(drawn=False), error, float(second))


def test_a_run_that_has_drawn_goes_on():
    watch = DrawingWatch()
    watch.check(published(drawn=True), None, 0.0)
    for second in range(60):
        watch.check(published(drawn=False), GraphicsError(str(second)), float(second))


def test_a_run_that_cannot_draw_ends_with_the_error(
    portrait: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    source = film(tmp_path / "film.mp4", [scene(i, portrait) for i in range(6)])

    def fails(self: HeadCompositor, *arguments: object) -> Frame:
        raise GraphicsError("the driver gave up", "install another driver")

    monkeypatch.setattr(HeadCompositor, "compose", fails)
    caplog.set_level(logging.INFO, "livecam")
    words = ["run", "--source", str(source), "--no-preview", "--no-virtual-camera", "--no-learn"]
    code = execute([*words, "--also-to", "null", "--seconds", "60"])
    said = capsys.readouterr().err
    assert code == GraphicsError.exit_code
    assert "error: the driver gave up" in said
    assert "hint: install another driver" in said
