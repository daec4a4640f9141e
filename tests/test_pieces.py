"""A film converted in pieces is the one that is converted as a whole."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from livecam.config.settings import MotionSettings, PictureSettings, Settings
from livecam.convert import convert_files
from livecam.convert.build import Surveyor, plan_film
from livecam.convert.film_plan import FilmPlan
from livecam.convert.jobs import ConversionJob
from livecam.convert.outcome import Outcome
from livecam.convert.pieces import (
    DENSE_S,
    begin_film,
    check_pieces,
    cut_film,
    join_pieces,
    piece_of,
    plan_pieces,
    survey_piece,
    survey_ranges,
    warm_up,
    write_piece,
)
from livecam.convert.plan import ShotPlan
from livecam.convert.report import ConversionReport
from livecam.convert.survey import Survey
from livecam.core.errors import UsageError
from livecam.core.frame import Image
from livecam.media.reader import VideoInfo
from livecam.media.streams import FilmStreams
from livecam.pipeline.states import Shown
from tests.drafts import DRAFT
from tests.test_convert import beep, differs, film, packets, pictures, room, times, with_portrait

SIZE = (320, 240)
CUT, COUNT = 33, 90
MAX_JUMP_PX = 0.2
MAX_NOISE = 3.0  # mean difference of two encodings, of 255
Value = TypeVar("Value")


def scene(index: int, portrait: Image) -> Image:
    """A face that moves; from CUT on in another room."""
    x = 20 + 25 * np.sin(index / 9)
    if index < CUT:
        return with_portrait(room(*SIZE, seed=1), portrait, x, 6, 0.6)
    return with_portrait(room(*SIZE, seed=3), portrait, 120 - x, 60, 0.4)


def sent(value: Value) -> Value:
    """The value as another process gets it."""
    received: Value = pickle.loads(pickle.dumps(value))
    return received


@dataclass(frozen=True)
class InPieces:
    source: Path
    whole: Path
    plan: FilmPlan
    ranges: list[range]
    outcome: Outcome
    single: Outcome


@pytest.fixture(scope="module")
def converted(portrait: Image, tmp_path_factory: pytest.TempPathFactory) -> InPieces:
    """One film as a whole and in three pieces, with uneven times and sound."""
    folder = tmp_path_factory.mktemp("pieces")
    sound = beep(folder / "beep.m4a", 3.7)
    images = [scene(index, portrait) for index in range(COUNT)]
    source = film(folder / "film.mp4", images, sound, uneven=True)
    whole, settings = folder / "whole.mp4", DRAFT
    page = ConversionReport(folder / "page.html")
    (single,) = convert_files([source], whole, settings, report=page.path).outcomes
    begun = sent(begin_film(ConversionJob(source, folder / "joined.mp4"), settings))
    parts = [
        sent(survey_piece(source, frames, settings)) for frames in survey_ranges(begun.frames, 3)
    ]
    plan = plan_pieces(begun, parts, settings, report=page)
    ranges = cut_film(plan, 3)
    pieces = [
        sent(write_piece(sent(piece_of(plan, frames)), frames, folder, settings))
        for frames in ranges
    ]
    outcome = join_pieces(plan, pieces, settings)
    return InPieces(source, whole, plan, ranges, outcome, single)


def test_a_piece_begins_at_a_cut_that_is_near(converted: InPieces):
    assert [frames.start for frames in converted.ranges] == [0, CUT, 2 * COUNT // 3]


def test_the_poses_are_those_of_the_whole_film(converted: InPieces):
    found = Surveyor(Settings()).survey(converted.source)
    plans = plan_film(found, Settings(), strict=False)
    assert [plan.frames for plan in plans] == [plan.frames for plan in converted.plan.plans]
    for one, other in zip(plans, converted.plan.plans, strict=True):
        for whole, joined in zip(one.spans, other.spans, strict=True):
            for a, b in zip(whole.states, joined.states, strict=True):
                assert a.pose.matrix == pytest.approx(b.pose.matrix, abs=1e-6)
                assert a.landmarks_px is not None
                assert a.landmarks_px == pytest.approx(b.landmarks_px, abs=MAX_JUMP_PX)


def test_sound_is_written_once_bit_for_bit(converted: InPieces):
    assert packets(converted.outcome.job.output) == packets(converted.source)


def test_every_frame_keeps_its_time(converted: InPieces):
    assert times(converted.outcome.job.output) == times(converted.whole)


def test_no_seam_shows_more_than_the_noise_of_the_encoder(converted: InPieces):
    whole, joined = pictures(converted.whole), pictures(converted.outcome.job.output)
    away = np.array([differs(a, b) for a, b in zip(whole, joined, strict=True)])
    for frames in converted.ranges[1:]:
        within = away[frames.start + 10 : frames.stop]
        assert away[frames.start : frames.start + 10].mean() < 1.25 * within.mean()
        assert within.mean() < MAX_NOISE


def test_the_outcome_and_the_pictures_of_the_report_are_those_of_the_whole(converted: InPieces):
    single, joined = converted.single, converted.outcome
    assert single.record is not None
    assert joined.record is not None
    assert [each.at_s for each in joined.record.thumbnails] == [
        each.at_s for each in single.record.thumbnails
    ]
    assert joined.record.tier == single.record.tier
    alike = replace(single, job=joined.job, took_s=0.0, record=None)
    assert replace(joined, record=None) == alike


# --- what is drawn before a piece


def outline(states: list[tuple[int, Shown]], fps: int = 10) -> FilmPlan:
    """A film of shots with so many frames."""
    plans, begin = list[ShotPlan](), 0
    for count, state in states:
        plans.append(ShotPlan(range(begin, begin + count), state))
        begin += count
    info = VideoInfo(Path("film.mp4"), *SIZE, fps, 1, begin)
    at = np.arange(begin) / fps
    survey = Survey(info, at, np.full((begin, 2), SIZE), [], begin / fps)
    job = ConversionJob(Path("film.mp4"), Path("out.mp4"))
    return FilmPlan(job, survey, tuple(plans), FilmStreams(Path("film.mp4")), 1, None, None)


def test_frames_before_a_piece_are_drawn_all_and_then_one_a_second():
    frames = warm_up(outline([(2000, Shown.AVATAR)]), 1000)
    dense = range(1000 - round(10 * DENSE_S), 1000)
    assert frames[-len(dense) :] == list(dense)
    assert set(np.diff(frames[: -len(dense)])) == {10}
    assert frames[0] == pytest.approx(400, abs=10)
    assert frames == sorted(frames)


def test_only_frames_with_avatars_are_drawn_before_a_piece():
    shots = [(30, Shown.AVATAR), (3000, Shown.PASSTHROUGH), (100, Shown.AVATAR)]
    assert warm_up(outline(shots), 3050) == [*range(30), *range(3030, 3050)]
    assert warm_up(outline(shots), 0) == []


def test_a_short_film_has_fewer_pieces():
    assert cut_film(outline([(30, Shown.AVATAR)]), 4) == [range(30)]
    assert len(cut_film(outline([(400, Shown.AVATAR)]), 4)) == 4


def test_the_last_range_that_is_surveyed_has_no_end():
    ranges = survey_ranges(100, 4)
    assert [each.start for each in ranges] == [0, 25, 50, 75]
    assert ranges[-1].stop > 10**9
    assert len(survey_ranges(0, 4)) == 1


@pytest.mark.parametrize(
    ("source", "output", "settings"),
    [
        ("photo.png", "out.png", Settings()),
        ("film.mp4", "out.avi", Settings()),
        ("film.mp4", "out.mp4", Settings(motion=MotionSettings(record_motion="take.jsonl"))),
        ("film.mp4", "out.mp4", Settings(picture=PictureSettings(background="rain.mp4"))),
        ("film.mp4", "out.mp4", Settings(picture=PictureSettings(background="alpha"))),
    ],
)
def test_what_needs_the_whole_film_is_refused(source: str, output: str, settings: Settings):
    with pytest.raises(UsageError, match="in pieces"):
        check_pieces(ConversionJob(Path(source), Path(output)), settings)
    check_pieces(ConversionJob(Path("film.mp4"), Path("out.mkv")), Settings())
