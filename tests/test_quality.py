"""--quality chooses tier, fur, multisampling and encoder; what is set explicitly wins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livecam.config.loader import load_settings
from livecam.config.settings import RenderSettings, Settings
from livecam.convert import convert_files
from livecam.convert.quality import film_compositors, render_settings
from livecam.core.frame import Image
from livecam.core.timing import StageTimer
from livecam.media.encodings import encoding_of
from livecam.media.images import write_image
from livecam.render.context import open_graphics
from tests.render_help import ball_avatar

HD, FULL_HD = (1280, 720), (1920, 1080)


def settings(quality: str, **groups: dict[str, object]) -> Settings:
    return Settings.model_validate({"film": {"quality": quality}, **groups})


def drawn(
    chosen: Settings, size: tuple[int, int] = HD, *, software: bool = True
) -> tuple[int, int]:
    render = render_settings(chosen, size, software=software)
    return render.shells, render.samples


def test_the_default_is_good():
    assert Settings().film.quality == "good"


def test_small_heads_are_supersampled_by_a_software_renderer_and_large_ones_multisampled():
    usual = RenderSettings().shells, RenderSettings().samples
    shells, samples = drawn(settings("good"))
    assert samples == 0
    assert shells > usual[0]
    assert drawn(settings("good"), FULL_HD) == usual
    assert drawn(settings("good"), software=False) == usual
    assert drawn(settings("draft")) == usual


@pytest.mark.parametrize("software", [True, False])
def test_the_best_has_more_fur_and_samples(software: bool):
    usual = drawn(settings("good"), FULL_HD, software=software)
    assert min(np.subtract(drawn(settings("best"), software=software), usual)) > 0


@pytest.mark.parametrize("quality", ["draft", "good", "best"])
def test_what_is_set_explicitly_wins_also_with_the_value_of_the_default(quality: str):
    assert drawn(settings(quality, render={"shells": 20, "samples": 4})) == (20, 4)


@pytest.mark.parametrize(
    ("flags", "tiers"),
    [
        ({}, ("light", "full", "full")),
        ({"tier": "light"}, ("light",) * 3),
        ({"tier": "full"}, ("full",) * 3),
        ({"tier": "auto"}, ("light",) * 3),  # measured, as in a live run
        ({"avatar": "none"}, ("light",) * 3),  # there is no head to be drawn well
    ],
)
def test_the_tier_of_each_quality(flags: dict[str, object], tiers: tuple[str, ...]):
    with open_graphics() as graphics:
        graphics.software = True
        for quality, tier in zip(("draft", "good", "best"), tiers, strict=True):
            chosen = load_settings(None, {**flags, "quality": quality}, {}, Path("none")).settings
            compositor = film_compositors(chosen, graphics, StageTimer())(ball_avatar(), 64, 48)
            assert compositor.tier == tier
            compositor.close()


def test_a_preset_may_choose_the_tier():
    chosen = load_settings("low-power", {"quality": "best"}, {}, Path("none")).settings
    with open_graphics() as graphics:
        compositor = film_compositors(chosen, graphics, StageTimer())(ball_avatar(), 64, 48)
        assert compositor.tier == "light"
        compositor.close()


@pytest.mark.parametrize("name", ["film.mp4", "film.webm"])
def test_the_encoder_works_harder_for_more_quality(name: str):
    alpha = name.endswith(".webm")
    draft, good, best = (
        encoding_of(Path(name), effort, alpha=alpha).options for effort in ("draft", "good", "best")
    )
    assert draft != good != best


@pytest.mark.parametrize(("quality", "tier"), [("draft", "light"), ("good", "full")])
def test_the_report_names_quality_and_tier(
    portrait: Image, tmp_path: Path, quality: str, tier: str
):
    source, report = tmp_path / "me.png", tmp_path / "report.html"
    write_image(source, portrait)
    done = convert_files([source], tmp_path / "out.png", settings(quality), report=report)
    assert done.is_complete
    record = done.outcomes[0].record
    assert record is not None
    page = report.read_text("utf-8")
    assert f"<dt>Quality</dt><dd>{quality}</dd>" in page
    if "llvmpipe" in done.renderer:  # a fast card has the full tier in a draft too
        assert record.tier == tier
        assert f"<dt>Drawn in tier</dt><dd>{tier}</dd>" in page
