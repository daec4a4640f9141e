"""The whole line as a function: a clock set by hand, faces made up, a compositor that paints.

The "real face" of these pictures is magenta, the "avatar" green: what may leave the line is
then a matter of colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.avatar.base import Avatar, AvatarState, EyeParameters, Fit
from livecam.compose import covers
from livecam.compose.base import Detail, ReadyStages
from livecam.config.settings import OnLost, RenderSettings, Settings
from livecam.core.commands import Command
from livecam.core.errors import GraphicsError
from livecam.core.face import Face, FaceState
from livecam.core.frame import Frame, Image, Rect
from livecam.core.observation import Observation
from livecam.core.spaces import focal_px, project
from livecam.live.ladder import LADDER, Rung
from livecam.pipeline.cast import Wearer
from livecam.pipeline.change import mirrored, with_first_avatar
from livecam.pipeline.pipeline import Published
from livecam.pipeline.states import Shown
from livecam.sinks.base import OutputInfo
from tests.faces import SIZE, face, frame
from tests.pipelines import TrackedPipeline

STEP_S = 1 / 30
MAGENTA = np.array((255, 0, 255), np.uint8)


def avatar() -> Avatar:
    fit = Fit((0, 0.01, 0.056), (0, -0.06, -0.01), 0.08, 0.09, 0.1)
    eyes = EyeParameters((0.3, 0.1, 0.0), (0.1, 0.0, 0.0), 0.85, 0.5)
    return Avatar("blob", "Blob", "团", "test", "MIT", (), (), eyes, fit, {}, Path())


class PaintingCompositor:
    """Paints all but the lowest rows green, as an avatar covers a face; fails when `broken`."""

    tier = "light"

    def __init__(self) -> None:
        self.drawn = Rect(0, 0, 0, 0)
        self.detail = Detail()
        self.broken = False
        self.closed = False
        self.gpu_planes: Image | None = None
        self.shown: list[AvatarState] = []

    def compose(self, frame: Frame, avatars: Sequence[AvatarState], scene: object = None) -> Frame:
        if self.broken:
            raise GraphicsError("the driver gave up")
        assert len(avatars) == 1
        self.shown += avatars
        image = frame.image.copy()
        self.drawn = Rect(0, 0, frame.width, frame.height - 10)
        image[self.drawn.slices] = (0, 200, 0, 255)
        return Frame(image, frame.index, frame.captured_at)

    def set_avatars(self, avatars: Sequence[Avatar]) -> None:
        pass

    def adopt(self, settings: RenderSettings, ready: ReadyStages) -> None:
        ready.close()

    def planes(self) -> Image | None:
        return self.gpu_planes

    def close(self) -> None:
        self.closed = True


class Untouched(PaintingCompositor):
    """Draws nothing."""

    def compose(self, frame: Frame, avatars: Sequence[AvatarState], scene: object = None) -> Frame:
        return frame


class Stage:
    """A pipeline with a clock: each call is one published frame."""

    def __init__(self, **privacy: object) -> None:
        settings = Settings.model_validate({"privacy": privacy})
        self.compositors: list[PaintingCompositor] = []
        self.broken = False
        self.now = 100.0
        self.index = 0
        self.pipeline = TrackedPipeline(settings, (avatar(),), self._make, OutputInfo(*SIZE, 30.0))

    def _make(self, avatar: Avatar, width: int, height: int) -> PaintingCompositor:
        compositor = PaintingCompositor()
        compositor.broken = self.broken
        self.compositors.append(compositor)
        return compositor

    def break_graphics(self, broken: bool = True) -> None:
        self.broken = broken
        for compositor in self.compositors:
            compositor.broken = broken

    def picture(self) -> Frame:
        """A camera frame that is all face."""
        self.index += 1
        image = frame(self.index).image.copy()
        image[..., :3] = MAGENTA
        image[0, 0, 0] = self.index % 256
        return Frame(image, self.index, self.now)

    def climb(self, rng: np.random.Generator) -> Rung:
        """Changes to a rung of the ladder at random."""
        rung = LADDER[int(rng.integers(len(LADDER)))]
        self.pipeline.composition.detail = rung.detail
        return rung

    def observe(self, *faces: Face, is_followed: bool = False) -> Published:
        self.now += STEP_S
        observation = Observation(self.picture(), faces, is_followed=is_followed)
        return self.pipeline.show(observation, self.now)

    def stall(self, for_s: float = STEP_S) -> Published:
        self.now += for_s
        return self.pipeline.show(None, self.now, self.picture())

    def wait(self, seconds: float) -> None:
        self.now += seconds


def shows_face(published: Published) -> bool:
    image = published.frame.image[:-10, :, :3].astype(int)
    magenta = (image[..., 0] > 150) & (image[..., 2] > 150) & (image[..., 1] < 100)
    return bool(magenta.mean() > 0.01)


def is_curtain(published: Published) -> bool:
    return np.array_equal(published.frame.image, covers.curtain(*SIZE))


def test_the_curtain_is_up_until_the_first_face() -> None:
    stage = Stage()
    assert is_curtain(stage.observe())
    first = stage.observe(face())
    assert first.state is Shown.AVATAR
    assert first.tracked
    assert not shows_face(first)


def test_the_head_is_drawn_on_the_frame_it_was_measured_from() -> None:
    stage = Stage()
    published = stage.observe(face())
    assert published.frame.index == stage.index
    assert published.face is not None
    assert published.face.at == published.frame.captured_at


def test_a_repeated_frame_is_not_tracked_again() -> None:
    stage = Stage()
    first = stage.observe(face())
    again = stage.stall()
    assert (again.state, again.tracked) == (Shown.AVATAR, False)
    assert np.array_equal(again.frame.image, first.frame.image)


def test_a_held_avatar_is_drawn_on_the_frame_in_which_it_covered_the_face() -> None:
    stage = Stage(hold_s=1.0)
    covered = stage.observe(face())
    held = stage.observe()
    assert held.state is Shown.HOLD
    assert np.array_equal(held.frame.image, covered.frame.image)
    stage.wait(1.0)
    assert is_curtain(stage.observe())


def test_a_held_avatar_moves_a_little() -> None:
    """Each tick draws it anew, on the picture that it covered, without a jump."""
    stage = Stage(hold_s=3.0)
    covered = stage.observe(face())
    for i in range(80):
        held = stage.observe() if i % 2 else stage.stall()
        assert not shows_face(held)
        assert held.frame.index == covered.frame.index
    shown = stage.compositors[0].shown
    assert len(shown) > 60
    eyes = np.array([0.0, 0.01, 0.056, 1.0])
    places = np.array([state.camera_from_head @ eyes for state in shown])
    assert 0.0005 < np.ptp(places, axis=0).max() < 0.02  # metres
    assert np.abs(np.diff(places, axis=0)).max() < 0.001
    outlines = [state.face_px for state in shown]
    assert all(np.array_equal(outline, outlines[0]) for outline in outlines)


def test_without_life_a_held_avatar_does_not_move() -> None:
    stage = Stage(hold_s=3.0)
    stage.pipeline = TrackedPipeline(
        Settings.model_validate({"avatar": {"life": 0}}),
        (avatar(),),
        stage._make,
        stage.pipeline.output,
    )
    stage.observe(face())
    for _ in range(10):
        stage.observe()
    assert len(stage.compositors[0].shown) == 1


def test_a_graphics_error_during_hold_repeats_the_last_frame() -> None:
    stage = Stage(hold_s=1.0)
    stage.observe(face())
    held = stage.observe()
    stage.break_graphics()
    for _ in range(10):
        again = stage.observe()
        assert again.state is Shown.HOLD
        assert np.array_equal(again.frame.image, held.frame.image)
    stage.wait(1.2)
    assert is_curtain(stage.observe())


def test_the_hold_ends_in_time_although_the_avatar_is_drawn_anew() -> None:
    stage = Stage(hold_s=0.5)
    stage.observe(face())
    states = [stage.observe().state for _ in range(30)]
    assert states.count(Shown.HOLD) == 15
    assert states[-1] is Shown.CURTAIN


def test_a_face_that_comes_back_is_covered_at_once() -> None:
    stage = Stage(hold_s=0.5)
    stage.observe(face())
    stage.wait(2)
    assert stage.observe().state is Shown.CURTAIN
    assert stage.observe(face()).state is Shown.AVATAR


def test_blur_shows_colour_but_no_face() -> None:
    stage = Stage(on_lost=OnLost.BLUR)
    published = stage.observe()
    assert published.state is Shown.BLUR
    stage.index -= 1
    assert np.array_equal(published.frame.image, covers.blur_whole(stage.picture().image))


def test_passthrough_shows_the_camera_only_when_the_user_asked_for_it() -> None:
    assert shows_face(Stage(on_lost=OnLost.PASSTHROUGH).observe())
    for choice in (OnLost.HOLD, OnLost.CURTAIN):
        assert not shows_face(Stage(on_lost=choice).observe())


def test_passthrough_shows_no_frame_in_which_nobody_looked_for_a_face() -> None:
    stage = Stage(on_lost=OnLost.PASSTHROUGH)
    searched = stage.observe()
    assert searched.state is Shown.PASSTHROUGH
    again = stage.stall()
    assert (again.state, again.frame.index) == (Shown.PASSTHROUGH, searched.frame.index)


def test_passthrough_shows_no_frame_whose_face_waits_for_its_avatar() -> None:
    stage = Stage(on_lost=OnLost.PASSTHROUGH)
    stage.observe()
    stage.pipeline._pairing.is_ready = lambda *_: False
    assert not shows_face(stage.observe(face()))
    for _ in range(60):
        assert not shows_face(stage.stall())


def test_other_faces_are_blurred_unless_the_user_says_otherwise() -> None:
    def beside(others: str) -> np.ndarray:
        stage = Stage(others=others)
        stage.pipeline.composition._compositor_for = lambda frame, now: Untouched()
        picture = frame().image.copy()
        picture[:, 80:160:4, :3] = 255  # stripes under the second face
        observation = Observation(
            Frame(picture, 1, 1.0), (face((0.25, 0.5), 0.5), face((0.75, 0.5), 0.4))
        )
        return stage.pipeline.show(observation, 1.0).frame.image[60, 110:130, 1].astype(float)

    assert beside("show").std() > 50
    assert beside("blur").std() < 20


def test_a_wearer_who_lost_the_slot_stays_blurred_even_where_others_show() -> None:
    """The one wearer is lost and a face appears elsewhere: it may be another person."""
    stage = Stage(others="show")
    stage.pipeline.composition._compositor_for = lambda frame, now: Untouched()
    stage.observe(face((0.25, 0.5), 0.5))
    picture = stage.picture().image
    picture[:, 30:90:4, :3] = 255  # stripes where the wearer was
    later = Frame(picture, stage.index, stage.now + STEP_S)
    published = stage.pipeline.show(
        Observation(later, (face((0.75, 0.5), 0.5),)), stage.now + STEP_S
    )
    assert published.state is Shown.AVATAR
    assert published.frame.image[60, 40:60, 1].astype(float).std() < 20


def test_broken_graphics_hold_the_avatar_then_draw_the_curtain_and_recover() -> None:
    stage = Stage(hold_s=1.0)
    covered = stage.observe(face())
    stage.break_graphics()
    held = stage.observe(face())
    assert held.state is Shown.HOLD
    assert np.array_equal(held.frame.image, covered.frame.image)
    stage.wait(1.2)
    assert is_curtain(stage.observe(face()))
    stage.break_graphics(False)
    stage.wait(6)
    assert stage.observe(face()).state is Shown.AVATAR


def test_a_compositor_that_cannot_be_made_is_tried_again_with_growing_pauses() -> None:
    stage = Stage()
    stage.break_graphics()
    for _ in range(90):  # three seconds
        assert not shows_face(stage.observe(face()))
    assert 4 <= len(stage.compositors) <= 8  # 0.1 + 0.2 + 0.4 + 0.8 + 1.6 s
    assert all(compositor.closed for compositor in stage.compositors)


def test_any_exception_in_the_pipeline_ends_in_a_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(stage.pipeline._cast, "update", fail)
    assert is_curtain(stage.observe(face()))


def test_panic_is_a_curtain_until_asked_again() -> None:
    stage = Stage()
    stage.observe(face())
    stage.pipeline.command(Command.PANIC)
    assert is_curtain(stage.observe(face()))
    assert is_curtain(stage.stall())
    stage.pipeline.command(Command.PANIC)
    assert stage.observe(face()).state is Shown.AVATAR


def test_panic_overrides_freeze() -> None:
    stage = Stage()
    stage.observe(face())
    stage.pipeline.command(Command.FREEZE)
    stage.pipeline.command(Command.PANIC)
    assert is_curtain(stage.observe(face()))


def test_a_frozen_frame_is_repeated() -> None:
    stage = Stage()
    before = stage.observe(face())
    stage.pipeline.command(Command.FREEZE)
    for _ in range(3):
        frozen = stage.observe(face((0.6, 0.5)))
        assert np.array_equal(frozen.frame.image, before.frame.image)
        assert (frozen.state, frozen.tracked) == (Shown.HOLD, False)
    stage.pipeline.command(Command.FREEZE)
    assert stage.observe(face()).state is Shown.AVATAR


def test_an_unplugged_camera_draws_the_curtain() -> None:
    stage = Stage()
    stage.observe(face())
    stage.pipeline.source_lost()
    stage.now += STEP_S
    assert is_curtain(stage.pipeline.show(None, stage.now))


def test_the_final_frame_is_the_curtain() -> None:
    stage = Stage(on_lost=OnLost.PASSTHROUGH)
    stage.observe(face())
    assert is_curtain(stage.pipeline.final_frame(stage.now))


@pytest.mark.parametrize("on_lost", [OnLost.HOLD, OnLost.CURTAIN, OnLost.BLUR])
@pytest.mark.parametrize("alignment", ["aligned", "newest"])
def test_whatever_happens_the_real_face_is_never_published(on_lost: OnLost, alignment: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        stage = Stage(on_lost=on_lost, hold_s=0.3)
        settings = stage.pipeline.settings
        stage.pipeline.settings = settings.model_copy(
            update={"smoothing": settings.smoothing.model_copy(update={"alignment": alignment})}
        )
        for event in rng.integers(0, 9, 60):
            rung = stage.climb(rng)
            if event < 3:
                place = float(rng.uniform(0.3, 0.7)), 0.5
                followed = rung.follows and bool(rng.integers(2))
                published = stage.observe(face(place), is_followed=followed)
            elif event == 3:
                published = stage.observe()
            elif event == 4:
                published = stage.stall(float(rng.uniform(0, 0.8)))
            elif event == 5:
                stage.break_graphics(bool(rng.integers(2)))
                published = stage.observe(face())
            elif event == 6:
                stage.pipeline.source_lost()
                published = stage.stall()
            else:
                stage.pipeline.command(Command.FREEZE if event == 7 else Command.PANIC)
                published = stage.stall()
            if published.state is not Shown.BLUR:  # a blurred magenta wall is still magenta
                assert not shows_face(published), published.state


class Covering(PaintingCompositor):
    """Paints a green disc over each head, as an avatar covers it, and the face's outline."""

    def set_avatars(self, avatars: Sequence[Avatar]) -> None:
        pass

    def compose(self, frame: Frame, avatars: Sequence[AvatarState], scene: object = None) -> Frame:
        if self.broken:
            raise GraphicsError("the driver gave up")
        self.shown += avatars
        image = frame.image.copy()
        for state in avatars:
            head = state.camera_from_head
            x, y = project(head, np.zeros((1, 3)), *frame.size)[0]
            radius = 0.2 * focal_px(frame.height) / -head[2, 3]
            cv2.circle(image, (round(x), round(y)), round(radius), (0, 200, 0, 255), cv2.FILLED)
            if state.face_px is not None:
                covers.paint_out(image, state.face_px, (0, 200, 0))
        return Frame(image, frame.index, frame.captured_at)


class Couple(Stage):
    """Two wearers, and sometimes a third person; stripes of magenta are their real faces."""

    def __init__(self, rng: np.random.Generator, alignment: str, **privacy: object) -> None:
        super().__init__(**privacy)
        settings = Settings.model_validate(
            {"privacy": privacy, "avatar": {"people": 2}, "smoothing": {"alignment": alignment}}
        )
        self.rng = rng
        info = OutputInfo(*SIZE, 30.0)
        self.pipeline = TrackedPipeline(settings, (avatar(), avatar()), self._make, info)
        self.places = np.array([0.22, 0.78, 0.5])
        self.there = np.array([True, True, False])
        self.missed = np.zeros(3, int)  # frames in which the tracker did not find them
        self.shown = np.zeros(3, bool)  # were found in the frame before

    def _make(self, avatar: Avatar, width: int, height: int) -> Covering:
        compositor = Covering()
        compositor.broken = self.broken
        self.compositors.append(compositor)
        return compositor

    def move(self) -> None:
        """They move a little, come and go."""
        self.places[:2] = np.clip(
            self.places[:2] + self.rng.uniform(-0.004, 0.004, 2), (0.15, 0.7), (0.3, 0.85)
        )
        if self.rng.uniform() < 0.1:
            person = int(self.rng.integers(3))
            if person < 2 or not self.missed.any():
                self.there[person] = not self.there[person]
                self.shown[person], self.missed[person] = False, 0

    def faces(self) -> list[Face]:
        return [face((x, 0.3 if i == 2 else 0.6), 0.25) for i, x in enumerate(self.places)]

    def picture(self) -> Frame:
        self.index += 1
        image = frame(self.index).image.copy()
        striped = image.copy()
        striped[:, ::2, :3] = MAGENTA
        for one, there in zip(self.faces(), self.there, strict=True):
            if there:
                mask = np.zeros(image.shape[:2], np.uint8)
                cv2.fillConvexPoly(mask, np.rint(one.outline_px(*SIZE)).astype(np.int32), 1)
                image[mask > 0] = striped[mask > 0]
        return Frame(image, self.index, self.now)

    def observe_some(self) -> Published:
        """The tracker misses some faces that are there, for a few frames at most."""
        self.move()
        rung = self.climb(self.rng)
        luck = self.rng.uniform(size=3) < 0.7
        found = self.there & (luck | ~self.shown & (self.missed == 0) | (self.missed >= 5))
        found[2] = self.there[2]
        self.missed = np.where(found | ~self.there, 0, self.missed + 1)
        followed = rung.follows and bool((found == self.shown).all() and self.rng.integers(2))
        self.shown = found
        faces = (f for f, is_found in zip(self.faces(), found, strict=True) if is_found)
        return self.observe(*faces, is_followed=followed)


def bare(published: Published) -> bool:
    return bool((published.frame.image[..., :3] == MAGENTA).all(axis=2).any())


@pytest.mark.parametrize("on_lost", [OnLost.HOLD, OnLost.CURTAIN, OnLost.BLUR])
@pytest.mark.parametrize("alignment", ["aligned", "newest"])
def test_whatever_happens_to_two_people_neither_face_is_published(
    on_lost: OnLost, alignment: str
) -> None:
    rng = np.random.default_rng(4)
    states = []
    for _ in range(4):
        stage = Couple(rng, alignment, on_lost=on_lost, hold_s=0.4)
        for event in rng.integers(0, 24, 80):
            if rng.uniform() < 0.3:  # neither key stays pressed for long
                stage.pipeline.frozen = stage.pipeline.guard.panic = False
                stage.break_graphics(False)
            if event < 18:
                published = stage.observe_some()
            elif event < 20:
                published = stage.stall(float(rng.uniform(0, 0.8)))
            elif event == 20:
                stage.break_graphics(bool(rng.integers(2)))
                published = stage.observe_some()
            elif event == 21:
                stage.pipeline.source_lost()
                stage.shown[:], stage.missed[:] = False, 0
                published = stage.stall()
            else:
                stage.pipeline.command(Command.FREEZE if event == 22 else Command.PANIC)
                published = stage.stall()
            assert not bare(published), published.state
            states.append(published.state)
    assert states.count(Shown.AVATAR) > len(states) / 4


def test_the_measurement_finds_the_bare_faces_of_two_people() -> None:
    """The ruler itself: without avatars the stripes are found."""
    stage = Couple(np.random.default_rng(1), "aligned")
    stage.pipeline.composition.bare = True
    stage.pipeline.composition._compositor_for = lambda frame, now: PaintingNothing()
    assert bare(stage.observe(*stage.faces()[:2]))


class PaintingNothing(Covering):
    def compose(self, frame: Frame, avatars: Sequence[AvatarState], scene: object = None) -> Frame:
        return frame


def test_of_two_people_one_who_left_is_held_for_a_while_and_the_other_is_drawn() -> None:
    stage = Couple(np.random.default_rng(1), "aligned", hold_s=1.8)
    one, two, _ = stage.faces()
    stage.observe(one, two)
    stage.there[1] = False
    drawn = []
    for _ in range(70):
        published = stage.observe(one)
        assert published.state is Shown.AVATAR
        drawn.append(int((published.frame.image[:, 80:, :3] == (0, 200, 0)).all(axis=2).sum()))
    assert all(drawn[:53])
    assert not any(drawn[57:])


@pytest.mark.parametrize("on_lost", [OnLost.CURTAIN, OnLost.BLUR])
def test_with_a_cover_for_lost_faces_it_stays_until_one_of_two_has_left(
    on_lost: OnLost,
) -> None:
    stage = Couple(np.random.default_rng(1), "aligned", on_lost=on_lost)
    one, two, _ = stage.faces()
    stage.observe(one, two)
    stage.there[1] = False
    states = [stage.observe(one).state.value for _ in range(60)]
    assert states[0] == "avatar"
    assert states[10:40] == [on_lost.value] * 30
    assert states[-1] == "avatar"


def test_after_a_failure_a_held_avatar_is_not_drawn_where_the_face_has_gone_meanwhile() -> None:
    stage = Couple(np.random.default_rng(1), "aligned", hold_s=3.0)
    stage.observe(*stage.faces()[:2])
    stage.break_graphics()
    for _ in range(5):
        stage.places[0] += 0.05
        assert stage.observe(*stage.faces()[:2]).state is Shown.HOLD
    stage.break_graphics(False)
    for _ in range(10):  # no observation comes; meanwhile a new compositor is made
        published = stage.stall(0.1)
        assert published.state is Shown.HOLD
        assert not bare(published)


def test_a_new_face_is_covered_too_when_the_others_are_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The frame in which they appear is older than the published one, and is not shown; the next
    frame, which has no observation of its own, shows them too."""
    is_found = True

    def followed(wearer: Wearer, tracked: Frame, newest: Frame) -> FaceState | None:
        assert wearer.face is not None
        return replace(wearer.face, at=newest.captured_at) if is_found else None

    monkeypatch.setattr(Wearer, "followed", followed)
    stage = Couple(np.random.default_rng(1), "newest", hold_s=1.0)
    one, two, _ = stage.faces()

    def shows(faces: tuple[Face, ...] | None, taken_at: float, newest_at: float) -> Published:
        stage.now = taken_at
        observation = None if faces is None else Observation(stage.picture(), faces)
        stage.now = newest_at
        newest = stage.picture()
        return stage.pipeline.show(observation, newest_at, newest)

    stage.there[1] = False
    assert shows((one,), 100.0, 100.07).state is Shown.AVATAR
    stage.there[1], is_found = True, False
    assert shows((one, two), 100.03, 100.1).frame.captured_at == 100.07
    is_found = True
    published = shows(None, 0.0, 100.13)
    assert published.state is Shown.AVATAR
    assert not bare(published)


def test_held_avatars_keep_the_track_id_of_their_wearers() -> None:
    """A segmentation finds the avatar of its person by the track id, also while all are held."""
    stage = Couple(np.random.default_rng(1), "aligned", hold_s=1.0)
    stage.observe(*stage.faces()[:2])
    drawn = stage.compositors[0].shown
    worn = {(state.slot, state.track_id) for state in drawn}
    assert {slot for slot, _ in worn} == {0, 1}
    drawn.clear()
    assert stage.observe().state is Shown.HOLD
    assert {(state.slot, state.track_id) for state in drawn} == worn


@pytest.mark.parametrize("name", ["raccoon", "none"])
def test_a_held_avatar_is_drawn_on_blur_after_a_key_turned_avatars_on(name: str) -> None:
    stage = Couple(np.random.default_rng(1), "aligned")
    settings = Settings.model_validate({"avatar": {"people": 2, "avatar": name}})
    both = (avatar(),) * 2
    stage.pipeline = TrackedPipeline(settings, both, stage._make, stage.pipeline.output)
    stage.observe(*stage.faces()[:2])
    stage.pipeline.apply(with_first_avatar(settings, "fox"))
    stage.observe(*stage.faces()[:2])
    for _ in range(25):
        stage.places[1] -= 0.005  # goes on while the tracker misses them
        published = stage.observe(stage.faces()[0])
        assert published.state is Shown.AVATAR
        assert not bare(published)


def test_passthrough_never_shows_a_face_without_a_slot() -> None:
    privacy = {"on_lost": OnLost.PASSTHROUGH, "hold_s": 0.0}
    stage = Couple(np.random.default_rng(1), "aligned")
    settings = Settings.model_validate({"privacy": privacy})
    stage.pipeline = TrackedPipeline(settings, (avatar(),), stage._make, stage.pipeline.output)
    one, two, _ = stage.faces()
    stage.observe(one, two)
    stage.there[0] = False
    states = []
    for _ in range(10):  # less than it takes until the other one may wear the avatar
        published = stage.observe(two)
        assert not bare(published)
        states.append(published.state)
    assert states[-1] is Shown.PASSTHROUGH


def test_i420_planes_of_the_gpu_belong_to_their_frame() -> None:
    stage = Stage()
    stage.pipeline.composition.wants_planes = True
    planes = np.zeros((SIZE[1] * 3 // 2, SIZE[0]), np.uint8)
    stage.observe(face())
    stage.compositors[0].gpu_planes = planes
    assert stage.observe(face()).planes is planes
    stage.pipeline.apply(mirrored(stage.pipeline.wanted))
    assert stage.observe(face()).planes is None  # they are not mirrored
    stage.pipeline.apply(mirrored(stage.pipeline.wanted))
    stage.pipeline.command(Command.PANIC)
    assert stage.observe(face()).planes is None


def test_follow_framing_follows_the_face_and_not_the_drawn_rectangle() -> None:
    stage = Stage()
    narrow = OutputInfo(60, SIZE[1], 30.0)
    settings = Settings.model_validate({"output": {"framing": "follow"}})
    pipeline = TrackedPipeline(settings, (avatar(),), stage._make, narrow)
    published = None
    for _ in range(3):
        stage.now += STEP_S
        picture = stage.picture().image.copy()
        picture[-5:, 110:115, :3] = 0  # below the head, which fills the picture
        frame = Frame(picture, stage.index, stage.now)
        published = pipeline.show(Observation(frame, (face((0.7, 0.5)),)), stage.now)
    assert published is not None
    dark = np.flatnonzero(published.frame.image[-3, :, 0] < 50)
    assert dark.mean() == pytest.approx(30, abs=3)  # 0.7 of 160 is 112: the middle of the cut
