"""The silent calibration: while `livecam run` goes, it learns how its user's face is measured.

What is kept are numbers of expression ranges, in one file for each profile. Only a camera teaches:
who is seen in a film or in the sample clip is somebody else. `--no-learn` neither learns nor reads
what was learnt.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from pathlib import Path

from livecam.avatar.base import Profile
from livecam.calibration.habit import Habit, blended
from livecam.calibration.profile import (
    Learnt,
    Measured,
    learnt_path,
    load_learnt,
    load_profile,
    profile_path,
    save_learnt,
)
from livecam.config.settings import BLANK, AvatarSettings
from livecam.core.face import FaceState, Weights
from livecam.motion.base import Listener
from livecam.pipeline.cast import people_in

log = logging.getLogger(__name__)

KEEP_EVERY_S = 180.0
LEAST_LEARNT_S = 3.0  # of a resting head; less says nothing
NO_CAMERA = ("sample", "pattern", BLANK)


def wearers_profile(
    settings: AvatarSettings, source: str, told: list[Listener], stack: ExitStack
) -> Profile | None:
    """How the first wearer is measured; where that is learnt on, it joins those who are `told`.

    `source` is what will be read, as decided: never "auto".

    Raises:
        ConfigError: there is no profile of that name, or it is broken.
    """
    guided = load_profile(settings.profile)
    if not settings.learn or not is_camera(source):
        return guided
    silent = SilentCalibration(settings.profile, guided)
    stack.callback(silent.close)
    # Whose face is told when several wear one is not known here: nobody's is learnt then.
    if people_in(settings) == 1:
        told.append(silent)
    return silent


def is_camera(source: str) -> bool:
    """Whether a decided source films whoever sits before it now."""
    return source not in NO_CAMERA and not Path(source).expanduser().is_file()


class SilentCalibration:
    """A profile that learns from every published face, and keeps what it learnt. Main thread.

    A disk that is full or slow never delays a picture. Whoever has it forgotten meanwhile, or is
    calibrated anew, finds nothing written afterwards.
    """

    def __init__(self, name: str, guided: Measured | None = None) -> None:
        self._name = name
        self._before = before = load_learnt(name)
        self._files = self._stamp()
        self._kept = True
        self._habit = Habit(
            None if before is None else before.measured,
            0.0 if before is None else before.known_s,
            guided,
        )
        self._keeper: threading.Thread | None = None
        self._keep_at: float | None = None
        self._failed = False

    def normalised(self, weights: Weights) -> Weights:
        return self._habit.normalised(weights)

    def observe(self, face: FaceState | None, now: float) -> None:
        if face is None or face.arkit_mask is not None:  # a face moved by others is not its own
            return
        self._habit.see(face)
        if self._keep_at is None:
            self._keep_at = now + KEEP_EVERY_S
        elif now >= self._keep_at:
            self._keep_at = now + KEEP_EVERY_S
            self._keep()

    def close(self) -> None:
        """Keeps what was learnt; once, at the end."""
        self._keep()
        if self._keeper is not None:
            self._keeper.join(2.0)

    def _keep(self) -> None:
        if not self._kept or self._habit.learnt_s < LEAST_LEARNT_S:
            return
        if self._keeper is not None:
            self._keeper.join(0.0)
            if self._keeper.is_alive():
                return  # the disk is still at the last one
        if self._stamp() != self._files:
            log.info("what is kept of your face was changed: this run adds nothing to it")
            self._kept = False
            return
        known = blended(self._before, self._habit)
        self._keeper = threading.Thread(target=self._write, args=(known,), daemon=True)
        self._keeper.start()

    def _write(self, learnt: Learnt) -> None:
        try:
            save_learnt(self._name, learnt)
            self._files = self._stamp()
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.warning("what was learnt of your face is not kept: %s", error.strerror)
            self._failed = True

    def _stamp(self) -> tuple[int, bool]:
        """When the guided profile was written, and whether there is a learnt one."""
        try:
            written = profile_path(self._name).stat().st_mtime_ns
        except OSError:
            written = 0
        return written, learnt_path(self._name).exists()
