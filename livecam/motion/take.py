"""Takes: recorded motion of a face as JSON lines; recording and playback.

The first line is a header; every further line is one published frame:

    {"livecam_take": 1, "weights": ["browDownLeft", ...], "meant": false, "space": "..."}
    {"t": 0.033, "at": [x, y, z], "q": [w, x, y, z], "w": [52 numbers], "width": 1.09}
    {"t": 0.066}                                                     no face

"meant" (true, false, or the names of some weights) says which weights are on ARKit's scale and are
shown without gains; the others are as our tracker measures. A frame's own overrides the header's.

`t` is seconds since the first, rising; `at` metres and `q` a unit quaternion, as `camera_from_head`
(x right, y up, the camera looks down -z). It holds no image and no landmark.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import ConfigError, SinkError, reason_of
from livecam.core.face import EXPRESSIONS, INDEX, FacePose, FaceState, Performance, Weights
from livecam.core.language import to_translate, tr
from livecam.core.spaces import slerp
from livecam.core.text_files import read_json_lines

log = logging.getLogger(__name__)

FORMAT = 1
MAX_LINE_LENGTH = 1 << 16  # bytes; a frame has about 600
MAX_FRAMES = 1 << 20  # ten hours
BLOCK = 4096  # frames that are allocated at once
LOOP_FADE_S = 0.2  # the end of a take fades into its beginning
MAX_STEP_S = 0.25  # between two frames; a longer pause is a gap
SPACE = "metres; x right in the picture, y up, the camera looks down -z; quaternions w x y z"


@dataclass(frozen=True, slots=True)
class TakeSample:
    """A take at one time, interpolated between its frames."""

    pose: FacePose
    weights: Weights
    width: float
    arkit_mask: NDArray[np.bool_]  # bool[52]


@dataclass(frozen=True, slots=True)
class Take:
    """Recorded motion; rows without a face hold no meaning."""

    times: NDArray[np.float64]  # float64[n], seconds since the first, rising strictly
    visible: NDArray[np.bool_]  # bool[n]
    translations: NDArray[np.float64]  # float64[n, 3], metres
    rotations: NDArray[np.float64]  # float64[n, 4], unit quaternions
    weights: NDArray[np.float32]  # float32[n, 52]
    widths: NDArray[np.float64]  # float64[n], as FaceState.width_ratio
    arkit_mask: NDArray[np.bool_]  # bool[n, 52]: on ARKit's scale; False: as our tracker measures

    @property
    def seconds(self) -> float:
        return float(self.times[-1])

    def at(self, t: float) -> TakeSample | None:
        """Samples the take t seconds after its beginning; None where there is no face."""
        after = int(np.searchsorted(self.times, t, side="right"))
        i, j = max(after - 1, 0), min(after, len(self.times) - 1)
        step = self.times[j] - self.times[i]
        if not (self.visible[i] and self.visible[j]) or step > MAX_STEP_S:
            i = j = i if t - self.times[i] <= self.times[j] - t else j
            if not self.visible[i] or abs(t - self.times[i]) > MAX_STEP_S:
                return None
        part = 0.0 if i == j else float((t - self.times[i]) / step)
        pose = FacePose(
            self.translations[i] + part * (self.translations[j] - self.translations[i]),
            slerp(self.rotations[i], self.rotations[j], part),
        )
        weights = self.weights[i] + np.float32(part) * (self.weights[j] - self.weights[i])
        width = float(self.widths[i] + part * (self.widths[j] - self.widths[i]))
        return TakeSample(pose, weights, width, self.arkit_mask[i])


class TakeWriter:
    """Records published motion; implements motion/base.Listener.

    Every line is flushed as soon as it is written: a take that was cut off is still readable.

    Raises:
        SinkError: the file is there already, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun: float | None = None
        self._before = -math.inf
        self._latency_s = 0.0  # from the capture of a frame until it is published
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("x", encoding="utf-8", buffering=1)
        except FileExistsError as error:
            raise SinkError(
                "{path} is there already",
                hint="name another file; takes are not overwritten",
                path=path,
            ) from error
        except OSError as error:
            raise SinkError(
                "{path} cannot be written: {reason}",
                hint="choose another folder",
                path=path,
                reason=reason_of(error),
            ) from error
        head = {"livecam_take": FORMAT, "weights": EXPRESSIONS, "meant": False, "space": SPACE}
        self._write(head)

    def observe(self, face: FaceState | None, now: float) -> None:
        if face is not None:
            self._latency_s = now - face.at
        at = now - self._latency_s
        if self._begun is None:
            self._begun = at
        t = round(at - self._begun, 4)
        if t <= self._before:  # the same frame again
            return
        self._before = t
        line: dict[str, Any] = {"t": t}
        if face is not None:
            line["at"] = [round(float(v), 5) for v in face.pose.translation]
            line["q"] = [round(float(v), 6) for v in face.pose.rotation]
            line["w"] = [round(float(v), 4) for v in face.weights]
            line["width"] = round(face.width_ratio, 4)
            if face.arkit_mask is not None and face.arkit_mask.any():
                names = [EXPRESSIONS[i] for i in np.flatnonzero(face.arkit_mask)]
                line["meant"] = True if len(names) == len(EXPRESSIONS) else names
        self._write(line)

    def close(self) -> None:
        """Closes the file; without a single frame it is removed."""
        if self._begun is None:
            self.discard()
        self._file.close()

    def discard(self) -> None:
        """Closes the file and removes it."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _write(self, line: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
        except OSError as error:
            raise SinkError(
                "{path} cannot be written: {reason}",
                hint="is the disk full?",
                path=self._path,
                reason=reason_of(error),
            ) from error


class TakePlayer:
    """Plays a take; implements motion/base.Performer.

    A performance has weights on one scale, so a take that mixes two scales needs two players
    (see `players`).

    Args:
        is_arkit_scale: which of the take's weights this player returns.
        begins_at: on the caller's clock; None: with the first call of `at`.
        loop: False: soon after the end `at` returns None.
    """

    def __init__(
        self,
        take: Take,
        *,
        is_arkit_scale: bool = False,
        begins_at: float | None = None,
        loop: bool = True,
    ) -> None:
        self._take = take
        self._is_arkit_scale = is_arkit_scale
        self._begins_at = begins_at
        self._loop = loop

    def at(self, now: float) -> Performance | None:
        if self._begins_at is None:
            self._begins_at = now
        t = now - self._begins_at
        sample = looped(self._take, t) if self._loop else self._take.at(t)
        if sample is None:
            return None
        mask = sample.arkit_mask == self._is_arkit_scale
        return Performance(
            sample.weights, mask, sample.pose, now, self._is_arkit_scale, sample.width
        )

    def close(self) -> None:
        pass


def players(take: Take, begins_at: float | None = None, *, loop: bool = True) -> list[TakePlayer]:
    """Makes the players of a take: one for each scale of weights in it."""
    kinds = [bool(kind) for kind in np.unique(take.arkit_mask[take.visible])]
    return [TakePlayer(take, is_arkit_scale=kind, begins_at=begins_at, loop=loop) for kind in kinds]


def looped(take: Take, t: float) -> TakeSample | None:
    """Samples a take that is played in a loop, t seconds after its beginning."""
    fade_s = min(LOOP_FADE_S, take.seconds / 2)
    period = max(take.seconds - fade_s, 1e-3)
    rounds, into = divmod(max(t, 0.0), period)
    sample = take.at(into)
    if rounds and into < fade_s:  # the end of the round before fades away
        ending = take.at(period + into)
        if ending is not None and sample is not None:
            return _interpolated(ending, sample, into / fade_s)
        return sample or ending
    return sample


def _interpolated(first: TakeSample, second: TakeSample, part: float) -> TakeSample:
    part = part * part * (3 - 2 * part)
    pose = FacePose(
        first.pose.translation + part * (second.pose.translation - first.pose.translation),
        slerp(first.pose.rotation, second.pose.rotation, part),
    )
    weights = first.weights + np.float32(part) * (second.weights - first.weights)
    return TakeSample(
        pose, weights, first.width + part * (second.width - first.width), second.arkit_mask
    )


def read_take(path: Path) -> Take:
    """Reads a take; a last line that was cut off is ignored.

    Raises:
        ConfigError: the file is missing, no take, or damaged; says where.
    """
    lines = _lines(path)
    head = next(lines, (0, {}))[1]
    if head.get("livecam_take") != FORMAT:
        raise ConfigError(
            "{path} is no take that this version can read",
            hint="record one: livecam run --record-motion FILE.jsonl",
            path=path,
        )
    order = _order(head.get("weights"), path)
    take = _take(lines, order, head.get("meant", False), path)
    if not take.visible.any():
        raise ConfigError(
            "nobody is seen in {path}", hint="record it again, before the camera", path=path
        )
    return take


def summary(take: Take) -> dict[str, Any]:
    """Figures about a take, for people."""
    strongest = np.argsort(-take.weights.max(axis=0))[:5]
    return {
        "seconds": round(take.seconds, 3),
        "frames": len(take.times),
        "fps": round((len(take.times) - 1) / take.seconds, 2) if take.seconds else 0.0,
        "seen": round(float(take.visible.mean()), 4),
        "weights": _kind(take),
        "strongest": {EXPRESSIONS[i]: round(float(take.weights[:, i].max()), 3) for i in strongest},
    }


def _kind(take: Take) -> str:
    share = float(take.arkit_mask[take.visible].mean())
    if share == 0:
        return tr("as tracked")
    return "ARKit" if share == 1 else tr("{share:.0%} ARKit, else as tracked", share=share)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the number and the content of each line; the last one may be cut off."""
    broken = ""
    hint = to_translate("--motion takes a recorded .jsonl")
    for number, parsed in read_json_lines(path, MAX_LINE_LENGTH, MAX_FRAMES, hint=hint):
        if broken:
            raise ConfigError(broken, hint="record the take again")
        if isinstance(parsed, dict):
            yield number, parsed
        else:
            # Ignored on the last line.
            broken = tr("{path}, line {number}: no frame of a take", path=path, number=number)


def _order(names: object, path: Path) -> list[int]:
    """Returns the index of each of the 52 weights in the file's lines."""
    if not isinstance(names, list) or set(EXPRESSIONS) - {n for n in names if isinstance(n, str)}:
        raise ConfigError(
            "{path} does not name the 52 weights", hint="record the take again", path=path
        )
    return [names.index(name) for name in EXPRESSIONS]


_ROW = np.dtype(
    [
        ("t", np.float64),
        ("visible", np.bool_),
        ("at", np.float64, 3),
        ("q", np.float64, 4),
        ("w", np.float32, len(EXPRESSIONS)),
        ("width", np.float64),
        ("arkit", np.bool_, len(EXPRESSIONS)),
    ]
)


def _take(
    lines: Iterator[tuple[int, dict[str, Any]]], order: list[int], default: object, path: Path
) -> Take:
    """Collects the frames in arrays: as Python objects they would take eight times the memory."""
    blocks, count = [np.zeros(0, _ROW)], BLOCK
    with np.errstate(over="ignore"):  # 1e39 is infinite as float32, and is refused below
        for number, frame in lines:
            if count == BLOCK:
                blocks.append(np.zeros(BLOCK, _ROW))
                count = 0
            try:
                _fill(blocks[-1][count], frame, order, default)
            except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
                raise _implausible(path, number) from error
            count += 1
    rows = np.concatenate((*blocks[:-1], blocks[-1][:count]))
    wrong = np.flatnonzero(~_plausible(rows))
    if len(wrong):
        raise _implausible(path, int(wrong[0]) + 2)  # below the header, counted from 1
    lengths = np.linalg.norm(rows["q"], axis=1, keepdims=True)
    rotations = np.where(lengths > 0, rows["q"] / np.maximum(lengths, 1e-9), (1.0, 0.0, 0.0, 0.0))
    weights = np.asarray(rows["w"].clip(0, 1), np.float32)
    times = rows["t"] - rows["t"][:1]
    # Copies: fields of the rows would keep them all in memory, and are read slowly.
    visible, places, widths, arkit = (
        np.ascontiguousarray(rows[name]) for name in ("visible", "at", "width", "arkit")
    )
    return Take(times, visible, places, rotations, weights, widths, arkit)


def _fill(row: Any, frame: dict[str, Any], order: list[int], default: object) -> None:
    """Fills a row of _ROW from a line."""
    row["t"], row["width"] = frame["t"], 1
    if "w" in frame:
        row["visible"] = True
        row["at"], row["q"], row["width"] = frame["at"], frame["q"], frame["width"]
        row["w"] = np.asarray(frame["w"], np.float32)[order]
        row["arkit"] = _arkit_mask(frame.get("meant", default))


def _implausible(path: Path, number: int) -> ConfigError:
    return ConfigError(
        "{path}, line {number}: numbers that no face can have",
        hint="record the take again",
        path=path,
        number=number,
    )


def _arkit_mask(parsed: object) -> NDArray[np.bool_]:
    """Parses bool[52] from true, false or names; raises KeyError or TypeError for others."""
    if isinstance(parsed, bool):
        return np.full(len(EXPRESSIONS), parsed)
    if not isinstance(parsed, list):
        raise TypeError(parsed)
    out = np.zeros(len(EXPRESSIONS), bool)
    out[[INDEX[name] for name in parsed]] = True
    return out


def _plausible(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns whether each row could be measured, and is later than the one before: bool[n]."""
    later = np.diff(rows["t"], prepend=-np.inf) > 0  # False for nan
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.linalg.norm(rows["q"], axis=1)
        face = (
            np.isfinite(rows["w"]).all(axis=1)
            & (np.abs(length - 1) < 0.01)
            & (np.abs(rows["at"]).max(axis=1) < 100)
            & (rows["width"] > 0.2)
            & (rows["width"] < 5)
        )
    return np.asarray(later & np.isfinite(rows["t"]) & (face | ~rows["visible"]))
