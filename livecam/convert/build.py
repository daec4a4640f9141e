"""Builds the parts of a conversion from the settings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from livecam.config.assets import asset_path
from livecam.config.settings import Settings
from livecam.convert.head_search import HeadSearch
from livecam.convert.person_search import PersonSearch
from livecam.convert.plan import ShotPlan, plan
from livecam.convert.retry_detector import RetryDetector
from livecam.convert.survey import (
    WHOLE,
    Advance,
    Survey,
    SurveyPart,
    join_survey,
    survey_part,
)
from livecam.convert.turn_search import TurnSearch
from livecam.pipeline.build import slots_of, tracker_factory, witness_factory
from livecam.tracking.face_detector import FaceDetector

MIN_TURN_SCORE = 0.1  # of faces that are not upright


class Surveyor:
    """Surveys films, each with detectors that are made and closed by the thread that calls it.

    Raises:
        AssetError: a model is missing.
        ConfigError: there is no such tracker.
    """

    def __init__(self, settings: Settings) -> None:
        self._make_tracker = tracker_factory(settings)
        self._make_witnesses = witness_factory(settings)
        self._model = asset_path("face-landmarker")
        self._rotate = int(settings.source.rotate)
        self._max_faces = settings.tracking.max_faces

    def survey(
        self,
        path: Path,
        advance: Advance = lambda frames: None,
        opened: Advance = lambda frames: None,
    ) -> Survey:
        """Surveys one film; parameters and errors are those of `survey_part`."""
        return self.joined([self.part(path, WHOLE, advance, opened)])

    def part(
        self,
        path: Path,
        frames: range,
        advance: Advance = lambda frames: None,
        opened: Advance = lambda frames: None,
    ) -> SurveyPart:
        """Surveys some frames of a film; see `survey_part`."""
        with ExitStack() as stack:
            heads = self._head_search(stack)
            turns = stack.enter_context(TurnSearch(FaceDetector(self._model, MIN_TURN_SCORE)))
            return survey_part(
                path, frames, self._make_tracker, heads, turns, advance, opened, self._rotate
            )

    def joined(self, parts: Sequence[SurveyPart]) -> Survey:
        """Joins the parts of a film; see `join_survey`."""
        with ExitStack() as stack:
            heads = self._head_search(stack)
            persons = None
            if heads is not None:
                persons = PersonSearch(asset_path("person"), asset_path("person-wide"))
            return join_survey(parts, self._make_tracker, self._retry_detector, heads, persons)

    def _head_search(self, stack: ExitStack) -> HeadSearch | None:
        if self._make_witnesses is None:
            return None
        return stack.enter_context(HeadSearch(self._make_witnesses()))

    def _retry_detector(self) -> RetryDetector:
        return RetryDetector(self._model, self._max_faces)


def plan_film(
    found: Survey, settings: Settings, *, strict: bool, pass_unsure: bool = False
) -> list[ShotPlan]:
    """Plans a film by the settings; see `plan`."""
    return plan(
        found,
        hide_others=settings.privacy.others == "blur",
        strict=strict,
        pass_unsure=pass_unsure,
        people=slots_of(settings.avatar),
        people_by=settings.avatar.people_by,
    )
