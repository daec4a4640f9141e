"""Parts of the pipeline behind their people tracker, as the tracking worker feeds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from livecam.avatar.base import Avatar
from livecam.config.settings import Settings, SmoothingSettings
from livecam.core.face import Face, FaceState
from livecam.core.frame import Frame
from livecam.core.observation import HeadEvidence, Observation
from livecam.filtering.smoother import Smoother
from livecam.people.association import face_box
from livecam.people.tracker import PeopleTracker, primary_track
from livecam.pipeline.build import people_tracker
from livecam.pipeline.cast import Wearer
from livecam.pipeline.composition import CompositorFactory
from livecam.pipeline.pipeline import Inputs, Pipeline, Published
from livecam.sinks.base import OutputInfo


class TrackedPipeline(Pipeline):
    """Takes raw observations: their faces are associated first."""

    def __init__(
        self,
        settings: Settings,
        avatars: Sequence[Avatar],
        make_compositor: CompositorFactory,
        output: OutputInfo,
        inputs: Inputs | None = None,
    ) -> None:
        super().__init__(settings, avatars, make_compositor, output, None, inputs)
        self.people = people_tracker(settings)
        self.witness: Callable[[Observation], HeadEvidence | None] = witness_of_faces

    def show(
        self, observation: Observation | None, now: float, newest: Frame | None = None
    ) -> Published:
        if observation is not None:
            observation = self.people.update(observation, self.witness(observation))
        return super().show(observation, now, newest)

    def source_lost(self) -> None:
        super().source_lost()
        self.people.reset()


def witness_of_faces(observation: Observation) -> HeadEvidence:
    """Finds what the tracker found and nothing else; the person mask is empty."""
    size = observation.frame.size
    boxes = tuple(face_box(face, *size) for face in observation.faces)
    no_person = np.zeros((36, 64), np.uint8)
    return HeadEvidence(observation.frame.captured_at, size, boxes, person=no_person)


class FilteredPerson:
    """The primary person of raw observations, associated and filtered as in the pipeline."""

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self._people = PeopleTracker()
        self._smoother = Smoother(settings or SmoothingSettings())
        self._wearer = Wearer(_NoAvatar(), self._smoother)
        self.others: tuple[Face, ...] = ()

    def update(self, observation: Observation) -> FaceState | None:
        observation = self._people.update(observation, witness_of_faces(observation))
        self.others = tuple(t.face for t in observation.bystanders if t.face is not None)
        self._wearer.update(primary_track(observation), observation.frame)
        return self._wearer.face

    def reset(self) -> None:
        self._people.reset()
        self._wearer.leave()

    def predict(self, time: float) -> FaceState | None:
        return self._smoother.predict(time)


class _NoAvatar:
    """For tests of the face alone."""

    def reset(self) -> None:
        pass
