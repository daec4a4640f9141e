"""Three hundred odd and damaged films: each is converted as a whole, or refused in a sentence."""

from __future__ import annotations

import logging
from itertools import count, islice
from pathlib import Path

import av
import pytest

from livecam.config.settings import Settings
from livecam.convert import convert_files
from livecam.convert.outcome import Outcome
from livecam.core.frame import Image
from tests.odd_films import odd_film

FILMS = 300
MIN_CONVERTED = 0.5  # of them: if most were refused, the test would prove little


def test_odd_films_become_films_or_one_sentence(
    tmp_path: Path, portrait: Image, caplog: pytest.LogCaptureFixture
):
    films, results = tmp_path / "films", tmp_path / "results"
    films.mkdir()
    made = (film for seed in count() if (film := odd_film(films, seed, portrait)) is not None)
    assert len(list(islice(made, FILMS))) == FILMS
    plain = {"remove_head": False, "neck": False, "hands": False, "light": 0, "camera_match": 0}
    settings = Settings.model_validate({"picture": plain, "render": {"tier": "light"}})
    with caplog.at_level(logging.WARNING, "livecam"):
        done = convert_files([films], results, settings)
    assert len(done.outcomes) == FILMS
    assert [record.getMessage() for record in caplog.records if "unexpected" in record.msg] == []
    assert [fault for outcome in done.outcomes if (fault := fault_of(outcome))] == []
    converted = [outcome.job.output for outcome in done.outcomes if not outcome.error]
    assert len(converted) >= MIN_CONVERTED * FILMS
    assert sorted(results.iterdir()) == sorted(converted)


def fault_of(outcome: Outcome) -> str:
    """Returns what is wrong with the outcome of a film; empty: nothing.

    Sound is copied bit for bit, also where it is damaged, so only the pictures are decoded.
    """
    film = outcome.job.source.name
    if outcome.error:
        is_sentence = "\n" not in outcome.error and "Error" not in outcome.error
        return "" if is_sentence else f"{film}: {outcome.error}"
    with av.open(str(outcome.job.output)) as result:
        context = result.streams.video[0].codec_context
        frames = sum(1 for _ in result.decode(video=0))
    right = frames == outcome.frames and context.pix_fmt == "yuv420p"
    return "" if right else f"{film}: {frames} of {outcome.frames} frames, {context.pix_fmt}"
