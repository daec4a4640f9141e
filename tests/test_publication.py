"""A bare camera frame leaves through one function alone, and an observation through each module
of the pipeline at most twice."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from livecam.config.settings import OnLost, Settings
from livecam.convert.film import FilmComposer
from livecam.convert.plan import ShotPlan
from livecam.convert.survey import Survey
from livecam.core.frame import Frame, Rect
from livecam.core.observation import Observation
from livecam.media.reader import VideoInfo
from livecam.people.tracker import PeopleTracker
from livecam.pipeline import publication
from livecam.pipeline.composition import Composite
from livecam.pipeline.pipeline import Pipeline
from livecam.pipeline.publication import publish
from livecam.pipeline.states import Shown
from livecam.sinks.base import OutputInfo
from tests.faces import SIZE, face, frame
from tests.pipelines import TrackedPipeline
from tests.test_pipeline import PaintingCompositor, Stage, avatar, is_curtain, shows_face

PIPELINE = Path(publication.__file__).parent
CAMERA = (255, 0, 255)  # the real face of these frames is magenta


def camera_frame(index: int = 0) -> Frame:
    image = frame(index).image.copy()
    image[..., :3] = CAMERA
    return Frame(image, index, float(index))


def composite_of(taken: Frame, covered: bool) -> Composite:
    image = taken.image.copy()
    if covered:
        image[..., :3] = (0, 200, 0)
    drawn = Frame(image, taken.index, taken.captured_at)
    return Composite(drawn, taken, Rect(0, 0, *SIZE), covered)


@pytest.mark.parametrize("shown", list(Shown))
@pytest.mark.parametrize("composite", [None, True, False])
@pytest.mark.parametrize("has_frame", [True, False])
def test_without_permission_no_combination_publishes_a_bare_frame(
    shown: Shown, composite: bool | None, has_frame: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Frame) -> Frame:
        raise AssertionError("a bare frame was published")

    monkeypatch.setattr(publication, "_bare", refuse)
    taken = camera_frame()
    out = publish(
        shown,
        taken if has_frame else None,
        None if composite is None else composite_of(taken, composite),
        allow_bare=False,
        card=SIZE,
    )
    assert out.frame is not taken
    assert out.shown is not Shown.PASSTHROUGH
    if out.shown is not Shown.BLUR:
        assert not (out.frame.image[..., :3] == CAMERA).all(axis=2).any()


def test_a_bare_frame_has_the_state_passthrough() -> None:
    taken = camera_frame()
    for shown in (Shown.AVATAR, Shown.HOLD):
        bare = publish(shown, taken, composite_of(taken, False), allow_bare=True, card=SIZE)
        assert (bare.shown, bare.frame.image[0, 0, 0]) == (Shown.PASSTHROUGH, 255)
    passed = publish(Shown.PASSTHROUGH, taken, None, allow_bare=True, card=SIZE)
    assert passed.shown is Shown.PASSTHROUGH
    assert passed.frame is taken


@pytest.fixture
def closed_gate(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The one function that returns bare frames returns black ones, and counts them."""
    opened: list[int] = []

    def black(bare: Frame) -> Frame:
        opened.append(bare.index)
        return Frame(np.zeros_like(bare.image), bare.index, bare.captured_at)

    monkeypatch.setattr(publication, "_bare", black)
    return opened


@pytest.mark.parametrize("on_lost", list(OnLost))
@pytest.mark.parametrize("name", ["raccoon", "none"])
@pytest.mark.parametrize("alignment", ["aligned", "newest"])
def test_live_a_bare_frame_is_returned_nowhere_else(
    on_lost: OnLost, name: str, alignment: str, closed_gate: list[int]
) -> None:
    """With that function closed no history of faces, losses and failures shows the camera,
    although these settings ask for it."""
    rng = np.random.default_rng(8)
    settings = Settings.model_validate(
        {
            "privacy": {"on_lost": on_lost, "hold_s": 0.3, "others": "show"},
            "avatar": {"avatar": name},
            "smoothing": {"alignment": alignment},
        }
    )
    for _ in range(6):
        stage = Stage()
        stage.pipeline = TrackedPipeline(
            settings, (avatar(),), lambda *_: Drawing(), OutputInfo(*SIZE, 30.0)
        )
        for event in rng.integers(0, 6, 50):
            if event < 3:
                published = stage.observe(face((float(rng.uniform(0.3, 0.7)), 0.5)))
            elif event == 3:
                published = stage.observe()
            elif event == 4:
                published = stage.stall(float(rng.uniform(0, 0.8)))
            else:
                stage.pipeline.source_lost()
                published = stage.stall()
            if published.state is not Shown.BLUR:
                assert not shows_face(published), published.state
    asked = on_lost is OnLost.PASSTHROUGH or name == "none"
    assert bool(closed_gate) == asked


class Drawing(PaintingCompositor):
    """As its parent, and draws nothing when there is no avatar."""

    def compose(self, frame: Frame, avatars: object, scene: object = None) -> Frame:
        if not avatars:
            return Frame(frame.image.copy(), frame.index, frame.captured_at)
        return super().compose(frame, avatars, scene)


def test_in_films_a_bare_frame_is_returned_nowhere_else(closed_gate: list[int]) -> None:
    info = VideoInfo(Path("film.mp4"), *SIZE, Fraction(30), Fraction(1, 30), 5)
    plans = [ShotPlan(range(i, i + 1), state) for i, state in enumerate(Shown)]
    plans = [plan for plan in plans if plan.state not in (Shown.AVATAR, Shown.HOLD)]
    plans = [ShotPlan(range(i, i + 1), plan.state) for i, plan in enumerate(plans)]
    count = len(plans)
    sizes = np.full((count, 2), SIZE)
    survey = Survey(info, np.arange(count, dtype=np.float64), sizes, [])
    composer = FilmComposer(
        survey, plans, (avatar(),), Settings().avatar, lambda *_: PaintingCompositor()
    )
    for i, plan in enumerate(plans):
        converted = composer.compose(camera_frame(i))
        assert converted.stats.state is plan.state
        shows = (converted.frame.image[..., :3] == CAMERA).all(axis=2).any()
        assert not shows or plan.state is Shown.BLUR
    assert len(closed_gate) == 1


def test_only_publish_calls_the_function_that_returns_bare_frames() -> None:
    tree = ast.parse(Path(publication.__file__).read_text("utf-8"))
    callers = {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_bare"
    }
    assert callers == {"publish"}
    for path in PIPELINE.parent.rglob("*.py"):
        if path != Path(publication.__file__):
            assert "publication._bare" not in path.read_text("utf-8"), path


def test_a_curtain_needs_no_frame() -> None:
    out = publish(Shown.AVATAR, None, None, allow_bare=True, card=SIZE, now=3.0)
    assert out.shown is Shown.CURTAIN
    assert out.frame.captured_at == 3.0


# --- the walk of an observation


def entries_of(call: Callable[[], object]) -> Counter[str]:
    """Counts how often control enters each module of the pipeline from another one."""
    entered: Counter[str] = Counter()

    def watch(inner: FrameType, event: str, _: object) -> None:
        caller = inner.f_back
        here = inner.f_globals.get("__name__", "")
        if event != "call" or not here.startswith("livecam.pipeline."):
            return
        if caller is None or caller.f_globals.get("__name__", "") != here:
            entered[here] += 1

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


@pytest.mark.parametrize("alignment", ["aligned", "newest"])
def test_an_observation_enters_each_module_of_the_pipeline_at_most_twice(alignment: str) -> None:
    stage = Stage()
    settings = Settings.model_validate({"smoothing": {"alignment": alignment}})
    stage.pipeline = TrackedPipeline(settings, (avatar(),), stage._make, OutputInfo(*SIZE, 30.0))
    for _ in range(3):
        assert stage.observe(face()).state is Shown.AVATAR
    taken = stage.picture()
    observation = stage.pipeline.people.update(Observation(taken, (face(),)))
    newest = Frame(taken.image, taken.index + 1, taken.captured_at + 1 / 60)
    show = super(TrackedPipeline, stage.pipeline).show
    entered = entries_of(lambda: show(observation, stage.now + 1 / 30, newest))
    assert {name: count for name, count in entered.items() if count > 2} == {}
    assert entered["livecam.pipeline.pipeline"] == 1
    assert {"cast", "driver", "privacy", "composition", "publication"} <= {
        name.rpartition(".")[2] for name in entered
    }


@pytest.mark.parametrize("people", [None, 1, 3])
def test_the_curtain_is_up_for_faces_that_were_not_associated_for_the_slots(
    people: int | None,
) -> None:
    """Else the bystanders would not be known, and passthrough would show them."""
    stage = Stage()
    settings = Settings.model_validate(
        {"privacy": {"on_lost": OnLost.PASSTHROUGH}, "avatar": {"people": 2}}
    )
    pipeline = Pipeline(settings, (avatar(),), stage._make, OutputInfo(*SIZE, 30.0))
    observation = Observation(stage.picture(), (face(),))
    if people is not None:
        observation = PeopleTracker(people).update(observation)
    assert is_curtain(pipeline.show(observation, stage.now))
