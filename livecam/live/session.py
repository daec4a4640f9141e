"""The set-up of a live run, for `livecam run` and `livecam bench` alike."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from livecam.avatar.base import Avatar
from livecam.config.settings import BLANK, Settings
from livecam.core.language import tr
from livecam.core.timing import Clock, StageTimer
from livecam.core.worker import Worker
from livecam.kernels.loading import begin_loading
from livecam.live.governor import Governor
from livecam.live.workers import (
    CaptureWorker,
    SegmentationWorker,
    TrackingWorker,
    WitnessWorker,
)
from livecam.pipeline.build import (
    compositor_factory,
    keep_slot_s,
    needs_segmentation,
    output_info,
    people_tracker,
    segmenter_factory,
    tracker_factory,
    wants_hands,
    witness_factory,
)
from livecam.pipeline.pipeline import Inputs, Pipeline
from livecam.render.context import Graphics, open_graphics
from livecam.segmentation.base import PersonMask
from livecam.sinks.base import OutputInfo
from livecam.sources.base import Source, SourceInfo

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LiveSession:
    """The parts of a live run, with its workers running; sinks and loop are the caller's."""

    pipeline: Pipeline
    capture: CaptureWorker
    tracking: TrackingWorker
    segmentation: SegmentationWorker | None  # None for a source without people
    witnesses: WitnessWorker | None  # likewise, or without their models
    governor: Governor
    graphics: Graphics
    source: SourceInfo
    output: OutputInfo
    camera: str | None  # the name under which the clean plate is kept
    _applying: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_searching(self) -> bool:
        """Whether a segmentation or a search of the witnesses is under way."""
        workers = (self.segmentation, self.witnesses)
        return any(worker is not None and worker.is_searching for worker in workers)

    def apply(self, settings: Settings) -> None:
        """Changes the settings, from the next frame on; any thread may call it.

        A stage that needs the segmentation begins once its models are loaded.

        Raises:
            AssetError: an avatar, accessory or model does not exist, or its files are broken.
            ConfigError: a setting cannot change while livecam runs, or names a background, sticker
                or look that does not exist.
        """
        with self._applying:
            worker, make = self.segmentation, None
            is_other = _segmented(settings) != _segmented(self.pipeline.wanted)
            if worker is not None and is_other:
                make = segmenter_factory(settings, hurried=True, camera=self.camera)
            self.pipeline.apply(settings)
            self.tracking.keep_slots(keep_slot_s(settings))
            self.governor.quality = settings.live.quality
            if worker is not None and is_other:
                worker.change(make)


def _segmented(settings: Settings) -> tuple[bool, bool]:
    """Returns what of the settings the segmenter depends on."""
    return needs_segmentation(settings), wants_hands(settings)


@contextmanager
def live_session(
    settings: Settings,
    avatars: Sequence[Avatar],
    make_source: Callable[[], Source],
    clock: Clock,
    timer: StageTimer,
    *,
    inputs: Inputs | None = None,
    camera: str | None = None,
    open_context: Callable[[], Graphics] = open_graphics,
) -> Iterator[LiveSession]:
    """Starts capture, tracking and segmentation, and opens OpenGL on the calling thread.

    Args:
        settings: all of them; their names and the files of the picture were checked.
        avatars: of the slots.
        make_source: makes the source on the capture thread.
        clock: of the run.
        timer: receives the stages of all threads.
        inputs: performers, profile and sound; its segmentations are set here.
        camera: the name under which the clean plate is kept; None keeps none.
        open_context: opens the graphics.

    Raises:
        LivecamError: a model is missing, or the source or OpenGL cannot be opened.
    """
    begin_loading()
    capture = CaptureWorker(make_source, timer)
    governor = Governor(settings.live.quality)
    tracking = TrackingWorker(
        tracker_factory(settings),
        people_tracker(settings),
        capture.frames,
        governor,
        clock,
        timer,
    )
    segmentation = _segmentation_worker(settings, tracking, governor, clock, timer, camera)
    witnesses = _witness_worker(settings, tracking, segmentation, timer)
    workers = [capture.worker, tracking.worker]  # tracking loads its model while OpenGL opens
    workers[:0] = [each.worker for each in (segmentation, witnesses) if each is not None]
    with ExitStack() as stack:
        stack.callback(_stop, workers)
        for worker in workers:
            worker.start()
        graphics = stack.enter_context(open_context())
        source = capture.wait_until_open()
        output = output_info(settings, source)
        inputs = inputs or Inputs()
        if segmentation is not None:
            inputs = replace(
                inputs, segmentations=segmentation.newest, is_segmented=segmentation.is_working
            )
        remake = partial(compositor_factory, graphics=graphics, timer=timer)
        pipeline = Pipeline(settings, avatars, remake(settings), output, timer, inputs, remake)
        stack.callback(pipeline.close)
        yield LiveSession(
            pipeline, capture, tracking, segmentation, witnesses, governor, graphics, source,
            output, camera,
        )  # fmt: skip


def _segmentation_worker(
    settings: Settings,
    tracking: TrackingWorker,
    governor: Governor,
    clock: Clock,
    timer: StageTimer,
    camera: str | None,
) -> SegmentationWorker | None:
    if settings.source.source == BLANK:
        return None
    make = segmenter_factory(settings, hurried=True, camera=camera)
    rate_hz = settings.picture.looks_per_s
    return SegmentationWorker(make, tracking.sampled, rate_hz, governor, clock, timer)


def _witness_worker(
    settings: Settings,
    tracking: TrackingWorker,
    segmentation: SegmentationWorker | None,
    timer: StageTimer,
) -> WitnessWorker | None:
    make = witness_factory(settings)
    if make is None:
        return None
    person = no_person if segmentation is None else segmentation.newest_person
    witnesses = WitnessWorker(make, tracking.witnessed, person, timer)
    tracking.evidence = witnesses.newest
    return witnesses


def no_person() -> PersonMask | None:
    """Returns no mask: for a session without segmentation."""
    return None


def _stop(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.request_stop()
    for worker in workers:
        if not worker.join():
            log.warning("%s did not stop in time", tr(worker.name))
