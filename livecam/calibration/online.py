"""Online calibration: estimates the expression ranges of the user during `livecam run`.

Numbers are kept, in one file for each profile. Only faces before a camera
are used: a film or the sample clip shows another person. With `--no-learn` nothing is estimated
and no earlier estimate is read.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from pathlib import Path

from livecam.avatar.base import Profile
from livecam.calibration.profile import (
    load_online_estimate,
    load_profile,
    online_path,
    profile_path,
    save_online_estimate,
)
from livecam.calibration.range_estimator import RangeEstimator, merged
from livecam.calibration.ranges import OnlineEstimate, WeightRanges
from livecam.config.settings import BLANK, SAMPLES, AvatarSettings
from livecam.core.errors import reason_of
from livecam.core.face import FaceState, Weights
from livecam.motion.base import Listener
from livecam.pipeline.build import slots_of

log = logging.getLogger(__name__)

SAVE_EVERY_S = 180.0
MIN_OBSERVED_S = 3.0  # of a resting face; an estimate from less is not saved
NO_CAMERA = (*SAMPLES, "pattern", BLANK)


def wearer_profile(
    settings: AvatarSettings, source: str, listeners: list[Listener], stack: ExitStack
) -> Profile | None:
    """Returns the profile of the first wearer, and adds an online calibration to the listeners.

    `source` is the decided one, never "auto".

    Raises:
        ConfigError: there is no profile of that name, or it is broken.
    """
    guided = load_profile(settings.profile)
    if not settings.learn or not is_camera(source):
        return guided
    calibration = OnlineCalibration(settings.profile, guided)
    stack.callback(calibration.close)
    # A listener does not know which of several wearers it is sent: none of them is estimated.
    if slots_of(settings) == 1:
        listeners.append(calibration)
    return calibration


def is_camera(source: str) -> bool:
    """Returns whether a decided source is a live camera."""
    return source not in NO_CAMERA and not Path(source).expanduser().is_file()


class OnlineCalibration:
    """A profile that is estimated from every published face, and saved. Main thread.

    A full or slow disk never delays a frame. A profile that is deleted or calibrated anew during
    the run is not written again.
    """

    def __init__(self, name: str, guided: WeightRanges | None = None) -> None:
        self._name = name
        self._before = before = load_online_estimate(name)
        self._files = self._stamp()
        self._may_save = True
        self._estimator = RangeEstimator(
            None if before is None else before.ranges,
            0.0 if before is None else before.observed_s,
            guided,
        )
        self._writer: threading.Thread | None = None
        self._save_at: float | None = None
        self._failed = False

    def normalised(self, weights: Weights) -> Weights:
        return self._estimator.normalised(weights)

    def observe(self, face: FaceState | None, now: float) -> None:
        if face is None or face.arkit_mask is not None:  # moved by a performer, not by the wearer
            return
        self._estimator.observe(face)
        if self._save_at is None:
            self._save_at = now + SAVE_EVERY_S
        elif now >= self._save_at:
            self._save_at = now + SAVE_EVERY_S
            self._save()

    def close(self) -> None:
        """Saves the estimate and waits for the disk, two seconds at most."""
        self._save()
        if self._writer is not None:
            self._writer.join(2.0)

    def _save(self) -> None:
        if not self._may_save or self._estimator.run_s < MIN_OBSERVED_S:
            return
        if self._writer is not None:
            self._writer.join(0.0)
            if self._writer.is_alive():
                return  # the disk is still at the last one
        if self._stamp() != self._files:
            log.info("what is kept of your face was changed: this run adds nothing to it")
            self._may_save = False
            return
        estimate = merged(self._before, self._estimator)
        self._writer = threading.Thread(target=self._write, args=(estimate,), daemon=True)
        self._writer.start()

    def _write(self, estimate: OnlineEstimate) -> None:
        try:
            save_online_estimate(self._name, estimate)
            self._files = self._stamp()
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.warning("what was learnt of your face is not kept: %s", reason_of(error))
            self._failed = True

    def _stamp(self) -> tuple[int, bool]:
        """Returns the time of the guided profile, and whether there is an online estimate."""
        try:
            written = profile_path(self._name).stat().st_mtime_ns
        except OSError:
            written = 0
        return written, online_path(self._name).exists()
