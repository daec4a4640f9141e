#!/usr/bin/env python3
"""Compares face models on film clips and measures noise and lag of the filtered pose.

    scripts/measure_tracking.py CLIPS MODEL [MODEL ...]

CLIPS is a folder of videos, MODEL a Face Landmarker bundle; the first is the one that the
others are compared with. Prints three tables: the detections and cost of each model, its weights,
and the filtered poses of the first one. The columns are explained below each.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import SmoothingSettings
from livecam.core.face import INDEX, FacePose, FaceState
from livecam.core.library_log import filter_library_log
from livecam.core.spaces import (
    conjugate,
    decompose,
    multiply,
    quaternion_from_vector,
    rotation_vector,
)
from livecam.filtering.base import FILTERS
from livecam.filtering.pose import POSE_NOISE, PoseFilter
from livecam.filtering.smoother import Smoother
from livecam.measure.paths import lag_frames, noise_of, paths_of, wobble_px
from livecam.media.reader import VideoReader
from livecam.people.tracker import PeopleTracker, primary_face
from livecam.tracking.face_landmarker import FaceLandmarker

BLINKS = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
JAW, SMILE = INDEX["jawOpen"], [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]


@dataclass(frozen=True)
class ClipResult:
    """The results of one model on one clip."""

    size: tuple[int, int]
    fps: float
    faces: list[int]  # number in each frame
    states: list[FaceState | None]
    cpu_ms: list[float]
    smoothing_ms: list[float]

    def primary(self) -> list[FaceState]:
        return [state for state in self.states if state is not None]

    def weights(self) -> NDArray[np.float32]:
        return np.array([s.source.weights for s in self.primary() if s.source is not None])

    def raw(self) -> list[NDArray[np.float64]]:
        return [s.source.camera_from_head for s in self.primary() if s.source is not None]


def measure_clip(clip: Path, model: Path) -> ClipResult:
    people, smoother = PeopleTracker(), Smoother(SmoothingSettings())
    faces, states, cpu_ms, smoothing_ms = [], [], [], []
    with VideoReader(clip) as film, FaceLandmarker(model) as tracker:
        for frame in film:
            before = time.process_time()  # MediaPipe works on threads of its own
            observation = tracker.track(frame)
            between, mine = time.process_time(), time.thread_time()
            face = primary_face(people.update(observation))
            states.append(None if face is None else smoother.update(face, frame))
            cpu_ms.append((between - before) * 1e3)
            smoothing_ms.append((time.thread_time() - mine) * 1e3)
            faces.append(len(observation.faces))
        info = film.info
    size = (info.width, info.height)
    return ClipResult(size, info.fps, faces, states, cpu_ms, smoothing_ms)


def apart_px(one: ClipResult, other: ClipResult) -> NDArray[np.float64]:
    """Distances of the primary face's landmarks, in pixels, where both results have it."""
    return np.array(
        [
            np.linalg.norm((a.source.landmarks - b.source.landmarks)[:, :2] * one.size, axis=1)
            for a, b in zip(one.states, other.states, strict=True)
            if a is not None and b is not None and a.source is not None and b.source is not None
        ]
    )


def pose_noise(result: ClipResult) -> NDArray[np.float64]:
    """Noise of the raw poses: mm across, up, along; degrees of pitch, yaw, roll."""
    poses = [decompose(matrix) for matrix in result.raw()]
    first = conjugate(poses[0][1])
    vectors = [rotation_vector(multiply(first, rotation)) for _, rotation in poses]
    translations = np.array([translation for translation, _ in poses])
    return np.concatenate((noise_of(translations) * 1e3, np.degrees(noise_of(np.array(vectors)))))


def model_row(result: ClipResult, reference: ClipResult) -> str:
    found = sum(map(bool, result.faces))
    apart = apart_px(reference, result)
    noise = " ".join(f"{n:5.2f}" for n in pose_noise(result))
    return (
        f"{np.median(result.cpu_ms):6.1f} {found:5d}/{len(result.faces):<5d}"
        f"{np.median(apart):6.2f} {np.percentile(apart, 95):6.2f}   {noise}"
    )


def weights_row(result: ClipResult) -> str:
    weights = result.weights()
    blinks = weights[:, BLINKS]
    apart = np.abs(blinks[:, 0] - blinks[:, 1])
    # The slope of a blink's weight measures how much a model smears it.
    rise = np.diff(blinks.mean(axis=1)).max()
    return (
        f"{np.median(blinks):7.2f} {blinks.mean(axis=1).max():6.2f} {rise:6.2f} {apart.max():6.2f}"
        f"{np.percentile(weights[:, JAW], 5):8.2f} {weights[:, JAW].max():6.2f}"
        f"{weights[:, SMILE].max():8.2f} {noise_of(weights).max():9.3f}"
    )


def smoothing_row(result: ClipResult) -> str:
    raw = paths_of(result.raw(), *result.size)
    published = paths_of([s.pose.matrix for s in result.primary()], *result.size)
    scale = 720 / result.size[1]
    speed = np.linalg.norm(np.diff(raw, axis=0), axis=2).mean(axis=1) * scale
    off = np.linalg.norm(published - raw, axis=2).mean(axis=1) * scale
    ratio = [s.width_ratio for s in result.primary()]
    return (
        f"{np.median(speed):7.2f} {np.percentile(speed, 90):6.2f} {lag_frames(raw, published):7.2f}"
        f"{np.median(off):8.2f} {np.percentile(off, 95):6.2f}   {min(ratio):.3f}..{max(ratio):.3f}"
        f"{np.median(result.smoothing_ms):7.2f}"
    )


def still_px(fps: float, name: str, seconds: float = 20.0) -> tuple[float, float]:
    """Jitter of a still head with a webcam's noise at 720p: raw, and filtered after two seconds."""
    steady, random = (
        PoseFilter(FILTERS.create(name, SmoothingSettings())),
        np.random.default_rng(1),
    )
    raw, published = [], []
    for _ in range(int(seconds * fps)):
        off = random.normal(size=6) * POSE_NOISE
        pose = FacePose(np.array((0, 0, -0.6)) + off[:3], quaternion_from_vector(off[3:]))
        raw.append(pose.matrix)
        published.append(steady.step(pose, 1 / fps).matrix)
    rest = int(2 * fps)
    return wobble_px(paths_of(raw, 1280, 720)[rest:]), wobble_px(
        paths_of(published, 1280, 720)[rest:]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", type=Path, help="folder of videos")
    parser.add_argument("models", type=Path, nargs="+", help="Face Landmarker bundles")
    arguments = parser.parse_args()
    clips = sorted(p for p in arguments.clips.iterdir() if p.suffix in (".mp4", ".mkv", ".mov"))
    width = max(len(clip.stem) for clip in clips)

    results = {clip: [measure_clip(clip, model) for model in arguments.models] for clip in clips}
    for number, model in enumerate(arguments.models, 1):
        print(f"model {number}: {model.name}, {model.stat().st_size} bytes")

    print(f"\n{'clip':{width}} model  cpu  found      apart    p95   noise x y z, pitch yaw roll")
    for clip, of_models in results.items():
        for number, one in enumerate(of_models, 1):
            print(f"{clip.stem:{width}} {number:3d} {model_row(one, of_models[0])}")
    print(
        "cpu: ms a frame, all threads. found: frames with a face. apart: px between the landmarks"
        "\nof this model and of model 1. noise: mm and degrees, of the raw pose."
    )

    print(f"\n{'clip':{width}} model blink    max   rise   wink     jaw    max   smile     noise")
    for clip, of_models in results.items():
        for number, one in enumerate(of_models, 1):
            print(f"{clip.stem:{width}} {number:3d} {weights_row(one)}")
    print(
        "blink: median of both eyes, largest, largest rise in a frame. wink: largest difference of"
        "\nthe eyes. jaw: 5th percentile and largest. noise: of the noisiest of the 52."
    )

    print(f"\n{'clip':{width}}   speed    p90     lag     off    p95   width ratio   cost")
    for clip, of_models in results.items():
        print(f"{clip.stem:{width}} {smoothing_row(of_models[0])}")
    print(
        "speed: px a frame of the head's points, at 720p. lag: frames that the published head is"
        "\nbehind the raw one. off: px between the two, at 720p. cost: CPU ms a frame."
    )

    print("\nstill head, noise of a webcam at 720p, px rms: raw -> published")
    for name in ("imm", "one-euro", "kalman"):
        for fps in (12, 25, 30, 60):
            raw, published = still_px(fps, name)
            print(f"{name:9} {fps} fps {raw:.2f} -> {published:.3f}")


if __name__ == "__main__":
    filter_library_log()
    main()
