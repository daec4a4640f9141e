"""A whole live session whose settings change from another thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from livecam.avatar.library import load_avatar
from livecam.config.settings import PictureSettings, RenderSettings, Settings, SourceSettings
from livecam.core.commands import Command
from livecam.core.errors import ConfigError
from livecam.core.timing import StageTimer, SystemClock
from livecam.live.ladder import LADDER
from livecam.live.loop import LiveLoop
from livecam.live.session import LiveSession, live_session
from livecam.pipeline.pipeline import Published
from livecam.pipeline.states import Shown
from livecam.sources.choose import source_maker
from tests.fetched import asset_or_skip
from tests.test_settings_change import changed

PLAIN = PictureSettings(remove_head=False, neck=False, hands=False, light=0, camera_match=0)
PATIENCE_S = 120.0


def run_with(settings: Settings, script: Callable[[LiveSession, list[Published]], None]) -> None:
    """Runs the sample live while the script changes settings on another thread."""
    for name in ("portrait", "face-landmarker", "person", "person-wide"):
        asset_or_skip(name)
    settings = settings.model_copy(
        update={
            "source": SourceSettings(source="sample", width=320, height=240),
            "render": RenderSettings(tier="light"),
        }
    )
    clock, timer = SystemClock(), StageTimer()
    published: list[Published] = []
    failed: list[BaseException] = []
    make_source = source_maker(settings.source, clock, ())
    with live_session(settings, (load_avatar("raccoon"),), make_source, clock, timer) as session:

        def watch(frame: Published) -> Sequence[Command]:
            published.append(frame)
            return ()

        loop = LiveLoop(
            session.pipeline, session.capture, session.tracking, [], clock, timer, None, watch
        )

        def run_script() -> None:
            try:
                wait_until(lambda: bool(published) and published[-1].state is Shown.AVATAR)
                script(session, published)
            except BaseException as error:
                failed.append(error)
            finally:
                loop.stop()

        thread = threading.Thread(target=run_script)
        thread.start()
        loop.loop(PATIENCE_S)
        thread.join()
    if failed:
        raise failed[0]


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S / 2
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_a_change_shows_in_the_next_pictures_and_no_picture_is_missing() -> None:
    def script(session: LiveSession, published: list[Published]) -> None:
        for value in (1.0, 0.0, 0.6):
            settings = changed(session.pipeline.wanted, "effects.lips", value)
            session.apply(settings)
            count = len(published)
            wait_until(lambda: session.pipeline.settings == settings)  # noqa: B023
            wait_until(lambda: len(published) > count + 2)  # noqa: B023
        began = len(published)
        session.apply(changed(session.pipeline.wanted, "avatar.avatar", "fox"))
        wait_until(lambda: len(published) > began + 5)
        shown = {frame.state for frame in published[began - 10 :]}
        assert shown == {Shown.AVATAR}
        with pytest.raises(ConfigError, match=r"source\.source"):
            session.apply(changed(session.pipeline.wanted, "source.source", "pattern"))

    run_with(Settings(), script)


def test_the_segmentation_begins_and_ends_with_the_stages_that_need_it() -> None:
    def script(session: LiveSession, published: list[Published]) -> None:
        worker = session.segmentation
        assert worker is not None
        assert worker.newest() is None
        session.apply(changed(session.pipeline.wanted, "picture.background", "blur"))
        wait_until(lambda: worker.newest() is not None)
        segmentation = worker.newest()
        assert segmentation is not None
        assert segmentation.hands == ()
        session.apply(changed(session.pipeline.wanted, "picture.background", "keep"))
        wait_until(lambda: worker.newest() is None)
        assert published[-1].state is Shown.AVATAR

    run_with(Settings(picture=PLAIN), script)


def test_the_quality_changes_while_it_runs_and_every_picture_stays_covered() -> None:
    def script(session: LiveSession, published: list[Published]) -> None:
        began = len(published)
        for quality, level in (("low", len(LADDER) - 1), ("high", 0), ("low", len(LADDER) - 1)):
            session.apply(changed(session.pipeline.wanted, "live.quality", quality))
            assert session.governor.level == level
            count = len(published)
            wait_until(lambda: len(published) > count + 10)  # noqa: B023
        assert session.pipeline.composition.detail == LADDER[-1].detail
        assert {frame.state for frame in published[began:]} == {Shown.AVATAR}

    run_with(Settings(), script)


def test_a_slot_is_kept_as_long_as_the_avatar_is_held() -> None:
    def script(session: LiveSession, published: list[Published]) -> None:
        session.apply(changed(session.pipeline.wanted, "privacy.hold_s", 30.0))
        assert session.tracking._people._slots.keep_s == 30.0

    run_with(Settings(picture=PLAIN), script)
