#!/usr/bin/env python3
"""Measures the detectors that witness heads: recall, false positives, cost.

    scripts/measure_witness.py [--pictures DIR] [CLIP ...]

Recall is the share of images in which a witness lies within 0.7 of a face of the truth:

    synthetic   the head of the portrait on its mesh, in two rooms at three places; `near` in a
                square about it, `tiles` in the squares that cover the frame
    clips       frames of CLIPs in which the tracker found landmarks

False positives are witnesses in images without people: rooms, noise, textures, and the
backgrounds of CLIPs, whose people are painted over. Costs are medians of processor time,
beside the person network in the same run. `--pictures DIR` saves the images with what was found.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.config.assets import asset_path
from livecam.core.frame import Frame, Image, Rect
from livecam.core.library_log import filter_library_log
from livecam.core.observation import FaceBox
from livecam.core.spaces import project
from livecam.measure.picture_quality.films import synthetic_room
from livecam.measure.truth.bench import portrait_head
from livecam.measure.truth.scenarios import DISTANCE_M, HeadMotion
from livecam.measure.truth.synthetic_camera import SIZE, SyntheticCamera
from livecam.media.reader import VideoReader
from livecam.people.association import distance, face_box
from livecam.render.context import open_graphics
from livecam.segmentation.networks import PersonNetwork
from livecam.segmentation.witness import (
    MIN_EXPECTED_SCORE,
    MIN_FACE_SCORE,
    MIN_POSE_SCORE,
    HeadWitness,
    WitnessDetector,
    square_tiles,
)
from livecam.tracking.face_landmarker import FaceLandmarker

KINDS = ("face", "pose")
CHOSEN = {"face": MIN_FACE_SCORE, "pose": MIN_POSE_SCORE}
STEPS = (0.3, 0.4, 0.5, 0.6, 0.7)  # scores at which recall and false positives are printed
MIN_SCORE = 0.05
NEAR = 0.7  # of a face's width: a witness so near is right
PART_WIDTH = 5.0  # of a square about a head, in face widths
FACE_AT_REST_PX = 160.0  # width at DISTANCE_M in a frame of 1280 x 720
FRAMES_OF_A_CLIP = 40
REPEATS = 60


@dataclass
class Group:
    """The best scores in the images of one condition."""

    name: str
    scores: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    errors: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    growths: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def add(self, found: tuple[HeadWitness, ...], truth: FaceBox | None) -> None:
        for kind in KINDS:
            right = [w for w in found if w.kind == kind and is_near(w, truth)]
            best = max(right, key=lambda witness: witness.score, default=None)
            self.scores[kind].append(best.score if best else 0.0)
            if best is not None and truth is not None and best.score >= CHOSEN[kind]:
                self.errors[kind].append(distance(best.box, truth))
                self.growths[kind].append(float(best.box[2] / truth[2]))

    def line(self) -> str:
        cells = []
        for kind in KINDS:
            scores = np.array(self.scores[kind])
            shares = " ".join(f"{100 * (scores >= step).mean():4.0f}" for step in STEPS)
            chosen = 100 * (scores >= CHOSEN[kind]).mean()
            error = np.median(self.errors[kind] or [np.nan])
            growth = np.median(self.growths[kind] or [np.nan])
            cells.append(
                f"{kind} {chosen:4.0f} |{shares} | median {np.median(scores):.2f} "
                f"max {scores.max():.2f} err {error:.2f} width {growth:.2f}"
            )
        certain = [np.array(self.scores[kind]) >= CHOSEN[kind] for kind in KINDS]
        expected = [np.array(self.scores[kind]) >= MIN_EXPECTED_SCORE for kind in KINDS]
        either = [100 * np.logical_or(*passed).mean() for passed in (certain, expected)]
        cells.append(f"either {either[0]:.0f}, expected {either[1]:.0f}")
        return f"{self.name:24s} n={len(scores):3d}  " + "   ".join(cells)


def is_near(witness: HeadWitness, truth: FaceBox | None) -> bool:
    return truth is None or distance(witness.box, truth) < NEAR


def frames_of_synthetic_heads(
    camera: SyntheticCamera, landmarks: NDArray[np.float64], yaw: float, share: float
) -> Iterator[tuple[Image, FaceBox]]:
    """Yields images of a head whose face covers that share of the frame's width."""
    away = DISTANCE_M * FACE_AT_REST_PX / (share * SIZE[0])
    random = np.random.default_rng(round(1000 * share + abs(yaw)))
    for room, place in product((0, 1), (-0.55, 0.0, 0.45)):
        limit = max(0.0, 0.9 - 2 * share)
        x = place * limit * away * SIZE[0] / SIZE[1] * np.tan(np.radians(32))
        motion = HeadMotion(
            np.array(((yaw, 0.0, 0.0),)), np.array(((x, 0.0, -away),)),
            np.zeros((1, 2)), np.zeros(1),
        )  # fmt: skip
        drawn = camera.draw(motion, room).astype(np.float32)
        noisy = np.clip(drawn + random.normal(0, 3, drawn.shape), 0, 255).astype(np.uint8)
        # The middle of a turned face is not that of its landmarks: it lies in the head's middle.
        points = project(motion.bodies[0], landmarks, *SIZE)
        low, high = points.min(axis=0), points.max(axis=0)
        box = np.array((*(low + high) / 2, high[0] - low[0]))
        yield np.ascontiguousarray(cv2.cvtColor(noisy, cv2.COLOR_RGB2RGBA)), box


def rotated(image: Image, box: FaceBox, degrees: float) -> tuple[Image, FaceBox]:
    """Rotates an image about a face, the borders mirrored."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((float(box[0]), float(box[1])), degrees, 1)
    turned = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return np.ascontiguousarray(turned), box


def around(box: FaceBox) -> Rect:
    """Returns a square about a face, as for a head that was lost a moment ago."""
    x, y, half = round(box[0]), round(box[1]), round(PART_WIDTH / 2 * box[2])
    return Rect(x - half, y - half, x + half, y + half)


def empty_images() -> Iterator[tuple[str, Image]]:
    """Yields images without people; textures if scikit-image is installed."""
    for seed in range(12):
        yield "rooms", synthetic_room(*SIZE, seed)
    random = np.random.default_rng(7)
    for sigma in (0, 1, 2, 4, 8, 16, 32):
        for _ in range(3):
            noise = random.normal(0, 1, (360, 640, 3)).astype(np.float32)
            if sigma:
                noise = cv2.GaussianBlur(noise, (0, 0), sigma)
            grey = np.clip(128 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)
            yield "noise", cv2.cvtColor(grey, cv2.COLOR_RGB2RGBA)
    for cell in (4, 9, 20, 45, 90):
        x, y = np.meshgrid(np.arange(640) // cell, np.arange(360) // cell)
        yield "checkerboards", grey_image(((x + y) % 2 * 200 + 30).astype(np.uint8))
    yield from textures()


def textures() -> Iterator[tuple[str, Image]]:
    try:
        from skimage import data
    except ImportError:
        return
    folder = Path(data.__file__).parent
    for name in ("brick", "grass", "gravel", "coffee", "coins", "moon", "page", "text", "rocket",
                 "chelsea", "motorcycle_left", "hubble_deep_field", "retina", "ihc"):  # fmt: skip
        path = next(folder.glob(f"{name}.*"))
        image = cv2.imread(str(path))
        for k in range(2):
            part = image if k == 0 else cv2.flip(image[: image.shape[0] // 2], 1)
            yield "textures", cv2.cvtColor(part, cv2.COLOR_BGR2RGBA)


def grey_image(grey: NDArray[np.uint8]) -> Image:
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGBA), np.uint8)


def frames_of_clip(path: Path) -> Iterator[Frame]:
    with VideoReader(path) as reader:
        frames = list(reader)
    yield from frames[:: max(1, len(frames) // FRAMES_OF_A_CLIP)]


def without_people(frame: Frame, person: PersonNetwork) -> Image:
    """Paints the person over with colours from beside it."""
    image = frame.image.copy()
    mask = person.segment(image, Rect(0, 0, *frame.size))
    mask = cv2.resize(mask, frame.size) > 40
    margin = frame.width // 16
    mask = cv2.dilate(mask.astype(np.uint8) * 255, np.ones((margin, margin), np.uint8))
    painted = cv2.inpaint(np.ascontiguousarray(image[..., :3]), mask, 3, cv2.INPAINT_TELEA)
    return np.asarray(cv2.cvtColor(painted, cv2.COLOR_RGB2RGBA), np.uint8)


class Bench:
    """Fills the groups."""

    def __init__(self, detector: WitnessDetector, pictures: Path | None) -> None:
        self.detector, self.pictures = detector, pictures
        self.groups: dict[str, Group] = {}

    def show(
        self, name: str, image: Image, truth: FaceBox | None, parts: Sequence[Rect | None] = (None,)
    ) -> None:
        group = self.groups.setdefault(name, Group(name))
        frame = Frame(np.ascontiguousarray(image), 0, 0.0)
        found = tuple(witness for part in parts for witness in self.detector.detect(frame, part))
        group.add(found, truth)
        if self.pictures is not None:
            drawn = cv2.cvtColor(image, cv2.COLOR_RGBA2BGR)
            for witness in found:
                if witness.score >= 0.3:
                    draw(drawn, witness.box, (0, 200, 0) if witness.kind == "face" else (0, 0, 255))
            count = len(group.scores["face"])
            name = f"{name.replace(' ', '-')}-{count:02d}.jpg"
            cv2.imwrite(str(self.pictures / name), drawn)

    def report(self) -> None:
        for group in self.groups.values():
            print(group.line(), flush=True)
        self.groups.clear()


def draw(image: NDArray[np.uint8], box: FaceBox, colour: tuple[int, int, int]) -> None:
    x, y, half = box[0], box[1], box[2] / 2
    low, high = (round(x - half), round(y - half)), (round(x + half), round(y + half))
    cv2.rectangle(image, low, high, colour, 2)


def measure_synthetic(bench: Bench) -> None:
    with ExitStack() as stack:
        head = portrait_head()
        camera = stack.enter_context(SyntheticCamera(stack.enter_context(open_graphics()), head))
        for yaw in (0, 30, 60, 75, 90, 120, 150, 180):
            for share in (0.08, 0.125, 0.25):
                for sign in (1, -1):
                    for image, box in frames_of_synthetic_heads(
                        camera, head.landmarks, sign * yaw, share
                    ):
                        bench.show(f"yaw {yaw}", image, box)
                        bench.show(f"yaw {yaw}, near", image, box, [around(box)])
        bench.report()
        for roll in (45, 90, 180):
            for share in (0.08, 0.125, 0.25):
                for image, box in frames_of_synthetic_heads(camera, head.landmarks, 0, share):
                    turned = rotated(image, box, roll)
                    bench.show(f"roll {roll}", *turned)
                    bench.show(f"roll {roll}, near", *turned, [around(box)])
        bench.report()
        for percent in (2, 3, 4, 5, 6, 8, 10, 20, 30, 40, 50):
            for image, box in frames_of_synthetic_heads(camera, head.landmarks, 0, percent / 100):
                bench.show(f"width {percent} %", image, box)
                if percent <= 5:
                    bench.show(f"width {percent} %, tiles", image, box, square_tiles(*SIZE))
        bench.report()


def measure_clips(bench: Bench, clips: list[Path], person: PersonNetwork) -> None:
    for clip in clips:
        with FaceLandmarker(asset_path("face-landmarker"), mode="image") as tracker:
            for frame in frames_of_clip(clip):
                for face in tracker.track(frame).faces:
                    bench.show(f"clip {clip.stem[-16:]}", frame.image, face_box(face, *frame.size))
    bench.report()
    for clip in clips:
        for frame in list(frames_of_clip(clip))[::10]:
            bench.show("painted-out clips", without_people(frame, person), None)
    bench.report()


def measure_cost(detector: WitnessDetector, person: PersonNetwork) -> None:
    for width, height in ((640, 360), (1280, 720), (1920, 1080)):
        frame = Frame(synthetic_room(width, height), 0, 0.0)
        calls: dict[str, Callable[[], object]] = {
            "person": lambda frame=frame: person.segment(frame.image, Rect(0, 0, *frame.size)),
            "face": lambda frame=frame: detector.detect_faces(frame),
            "pose": lambda frame=frame: detector.detect_poses(frame),
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(REPEATS):
            for name, call in calls.items():
                started = time.process_time()
                call()
                times[name].append(1000 * (time.process_time() - started))
        medians = {name: float(np.median(values)) for name, values in times.items()}
        shown = ", ".join(
            f"{name} {ms:.2f} ms (x {ms / medians['person']:.2f})" for name, ms in medians.items()
        )
        print(f"cost at {width} x {height}: {shown}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    paths = asset_path("face-full-range"), asset_path("person-pose")
    person = PersonNetwork(asset_path("person-wide"))
    print(f"columns: recall at the chosen score | at {STEPS} | of the best score")
    with WitnessDetector(*paths, MIN_SCORE, MIN_SCORE) as detector:
        bench = Bench(detector, arguments.pictures)
        measure_synthetic(bench)
        for name, image in empty_images():
            bench.show(f"empty: {name}", image, None)
        bench.report()
        measure_clips(bench, arguments.clips, person)
    with WitnessDetector(*paths) as detector:
        measure_cost(detector, person)
    return 0


if __name__ == "__main__":
    filter_library_log()
    sys.exit(main())
