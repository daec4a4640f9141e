#!/usr/bin/env python3
"""Composites a moving hand over clips of faces and measures how the hand stage segments it.

    scripts/measure_hands.py --cut CLIP FACES [FACES ...]

The hand is cut out of CLIP, whose people show a hand, and oscillates over each FACES clip;
detections have the latency of a live run. For each clip and speed one line:

    leak    frames in which a pixel of the face, outside the hand, was shown; the maximum of
            pixels in one frame
    recall  share of the hand's pixels over the face that were shown, once it was detected
    ms      median processor time of a detection, of a frame with a hand, of one without

`--skin own` gives the hand the colour of the face it moves over. `--pictures DIR` saves
contact sheets.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.compose.hands import HandsInFront
from livecam.config.assets import asset_path
from livecam.core.face import Face
from livecam.core.frame import Frame, Image, Rect
from livecam.core.library_log import filter_library_log
from livecam.measure.leak import oval_mask
from livecam.media.reader import VideoReader
from livecam.segmentation.base import Hand, Segmentation, cell_of
from livecam.segmentation.hand_detector import HandDetector
from livecam.segmentation.hand_shape import draw_hand, hand_size
from livecam.tracking.face_landmarker import FaceLandmarker
from livecam.tracking.hand_landmarker import HandLandmarker

DETECT_EVERY, LATENCY = 3, 3  # frames between detections, and until one arrives: 0.1 s at 30 fps
ALONE_S, SETTLED_S = 1.0, 0.6  # before the hand comes; until it should be detected
MIN_ALPHA = 0.02  # of a pixel: less is invisible
PALM = 0.62  # size of the hand, in face widths
MAX_THICKNESS = 1.6  # of the drawn shape: nothing of the hand lies outside


@dataclass(frozen=True)
class HandCutout:
    """A hand cut out of a frame."""

    image: Image  # uint8[h, w, 4]: straight colour, alpha
    points: NDArray[np.float32]  # float32[21, 2]


@dataclass
class SweepResult:
    """Leaks and recalls of one sweep."""

    leaks: list[int]
    recalls: list[float]
    strip: list[Image]

    def line(self) -> str:
        leaking = sum(pixels > 0 for pixels in self.leaks)
        recall = np.mean(self.recalls) if self.recalls else float("nan")
        shown = np.mean(np.array(self.recalls) > 0.02) if self.recalls else float("nan")
        return (
            f"{len(self.leaks):4d} frames, leak in {leaking:3d} (most {max(self.leaks):4d} px), "
            f"recall {recall:6.1%}, hand shown in {shown:6.1%}"
        )


def cut_out(clip: Path, landmarker: HandLandmarker) -> HandCutout:
    """The hand of a clip that is farthest from every other, cut along its edge."""
    best: tuple[float, Frame, NDArray[np.float32]] | None = None
    with VideoReader(clip) as film:
        for frame in film:
            if frame.index % 8:
                continue
            hands = [h.points * np.float32(frame.size) for h in landmarker.detect(frame.image)]
            for points in hands:
                apart = [
                    np.abs(points[:, None] - o).max(-1).min() for o in hands if o is not points
                ]
                room = min([*apart, *(np.float32(frame.size) - points).min(axis=1)])
                worth = float(min(room, 0.6 * hand_size(points)) + 0.3 * hand_size(points))
                if best is None or worth > best[0]:
                    best = worth, frame, points
    if best is None:
        raise SystemExit(f"no hand in {clip}")
    _, frame, points = best
    size = hand_size(points)
    low, high = points.min(axis=0) - size / 2, points.max(axis=0) + size / 2
    box = Rect(*(int(v) for v in (*low, *high))).clipped(*frame.size)
    part = np.ascontiguousarray(frame.image[box.slices][..., :3])
    labels = np.full(part.shape[:2], cv2.GC_BGD, np.uint8)
    labels[
        draw_hand(points - np.float32((box.x0, box.y0)), box.width, box.height, MAX_THICKNESS) > 0
    ] = cv2.GC_PR_BGD
    labels[draw_hand(points - np.float32((box.x0, box.y0)), box.width, box.height, 1.0) > 0] = (
        cv2.GC_PR_FGD
    )
    labels[draw_hand(points - np.float32((box.x0, box.y0)), box.width, box.height, 0.5) > 0] = (
        cv2.GC_FGD
    )
    cv2.grabCut(part, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    alpha = np.where((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    alpha = cv2.erode(cv2.morphologyEx(alpha, cv2.MORPH_OPEN, np.ones((5, 5))), np.ones((3, 3)))
    alpha = cv2.GaussianBlur(alpha, (3, 3), 0.7)
    return HandCutout(np.dstack((part, alpha)), points - np.float32((box.x0, box.y0)))


def with_skin_of(cut: HandCutout, image: Image, face: Face) -> HandCutout:
    """The hand in the mean skin colour of a face."""
    height, width = image.shape[:2]
    cheeks = (face.landmarks[[50, 280, 205, 425, 151], :2] * (width, height)).astype(int)
    lab = cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_RGB2LAB)
    wanted = np.mean(
        [lab[y - 3 : y + 4, x - 3 : x + 4].mean(axis=(0, 1)) for x, y in cheeks], axis=0
    )
    hand = cv2.cvtColor(np.ascontiguousarray(cut.image[..., :3]), cv2.COLOR_RGB2LAB).astype(float)
    hand += wanted - hand[cut.image[..., 3] > 250].mean(axis=0)
    rgb = cv2.cvtColor(np.clip(hand, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    return HandCutout(np.dstack((rgb, cut.image[..., 3])), cut.points)


def composited(
    image: Image, cut: HandCutout, palm_px: float, angle: float, at: NDArray[np.float64]
) -> tuple[Image, NDArray[np.float32], NDArray[np.float32]]:
    """The image with the hand centred at a point; also the hand's alpha and its landmarks."""
    scale = palm_px / hand_size(cut.points)
    up = cut.points[9] - cut.points[0]
    angle = np.arctan2(up[0], -up[1]) - angle
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array(((cos, sin), (-sin, cos)))
    transform = np.column_stack((linear, at - linear @ cut.points.mean(axis=0)))
    height, width = image.shape[:2]
    straight = cut.image.astype(np.float32)
    straight[..., :3] *= straight[..., 3:] / 255
    over = cv2.warpAffine(straight, transform, (width, height), flags=cv2.INTER_AREA)
    share = over[..., 3] / 255
    out = image.copy()
    mixed = image[..., :3] * (1 - share[..., None]) + over[..., :3]
    out[..., :3] = np.rint(np.clip(mixed, 0, 255))
    out[share == 0] = image[share == 0]
    return out, share, (cut.points @ transform[:, :2].T + transform[:, 2]).astype(np.float32)


def oscillation(t_s: float, speed: float, amplitude: float) -> float:
    """A triangle wave between -amplitude and amplitude, of a constant speed."""
    if speed == 0:
        return 0.15 * amplitude
    half_period_s = 2 * amplitude / speed
    phase = (t_s / half_period_s) % 2
    return -amplitude + 2 * amplitude * (phase if phase < 1 else 2 - phase)


def sweep(
    film: list[tuple[Frame, Face]],
    cut: HandCutout,
    speed: float,
    landmarker: HandLandmarker,
    angle: float,
    costs: dict[str, list[float]],
) -> Iterator[tuple[Frame, NDArray[np.bool_], NDArray[np.float32], NDArray[np.uint8], bool]]:
    """Each frame, oval of the real face, alpha of the hand, alpha shown, settled."""
    tracker = FaceLandmarker(asset_path("face-landmarker"))
    detector, stage = HandDetector(landmarker.detect), HandsInFront()
    arriving: deque[tuple[int, tuple[Hand, ...]]] = deque()
    hands: tuple[Hand, ...] = ()
    first, face_before = film[0][0].captured_at, film[0][1]
    for number, (frame, face) in enumerate(film):
        width, height = frame.size
        t_s = frame.captured_at - first - ALONE_S
        face_px = float(np.ptp(face.landmarks[:, 0]) * width)
        share = np.zeros((height, width), np.float32)
        image = frame.image
        if t_s >= 0:
            middle = face.landmarks[:, :2].mean(axis=0).astype(float) * (width, height)
            middle += (oscillation(t_s, speed, 1.7 * face_px), 0.15 * face_px)
            image, share, _ = composited(frame.image, cut, PALM * face_px, angle, middle)
        shown = replace(frame, image=image)
        faces = tracker.track(shown).faces
        face_before = faces[0] if faces else face_before
        landmarks = face_before.landmarks[:, :2] * np.float32((width, height))
        if number % DETECT_EVERY == 0:
            start = time.process_time()
            arriving.append(
                (number + LATENCY, detector.detect(shown, landmarks, frame.captured_at))
            )
            costs["detect"].append(time.process_time() - start)
        while arriving and arriving[0][0] <= number:
            hands = arriving.popleft()[1]
        grid = np.zeros((1, 1), np.uint8)
        segmentation = Segmentation(
            frame.captured_at, frame.size, cell_of(*frame.size), grid, None, landmarks, hands=hands
        )
        full = np.full((height, width), 255, np.uint8)
        layers = Layers(
            image,
            image.copy(),
            segmentation,
            (),
            full.copy(),
            full,
            full,
            Rect(0, 0, width, height),
        )
        start = time.process_time()
        stage.apply(layers)
        costs["hand" if hands else "none"].append(time.process_time() - start)
        yield (
            shown,
            oval_mask(face, width, height),
            share,
            255 - layers.synthetic,
            t_s >= SETTLED_S,
        )
    tracker.close()


def measured(
    film: list[tuple[Frame, Face]],
    cut: HandCutout,
    speed: float,
    landmarker: HandLandmarker,
    angle: float,
    costs: dict[str, list[float]],
    every: int,
) -> SweepResult:
    result = SweepResult([], [], [])
    for number, (shown, oval, share, mask, settled) in enumerate(
        sweep(film, cut, speed, landmarker, angle, costs)
    ):
        leak = oval & (share == 0) & (mask > MIN_ALPHA * 255)
        result.leaks.append(int(leak.sum()))
        hand = oval & (share > 0.5)
        if settled and hand.sum() > 0.03 * oval.sum():
            result.recalls.append(float((mask[hand] / 255).mean()))
            if every and number % every == 0:
                result.strip.append(_tile(shown.image, oval, mask, leak))
    return result


def _tile(
    image: Image, oval: NDArray[np.bool_], mask: NDArray[np.uint8], leak: NDArray[np.bool_]
) -> Image:
    """The image, and beside it the image over a green head; leaks are red."""
    right = image.copy()
    head = cv2.dilate(oval.astype(np.uint8), np.ones((41, 41))) > 0
    alpha = mask[..., None] / 255
    right[head] = (right * alpha + np.array((60, 120, 60, 255)) * (1 - alpha))[head]
    right[leak] = (255, 0, 0, 255)
    rows, columns = np.nonzero(head)
    part = (
        slice(max(0, rows.min() - 20), rows.max() + 20),
        slice(max(0, columns.min() - 40), columns.max() + 40),
    )
    return cv2.resize(np.hstack((image[part], right[part])), (480, 300))


def faces_of(clip: Path, limit: int) -> list[tuple[Frame, Face]]:
    film = []
    with VideoReader(clip) as reader, FaceLandmarker(asset_path("face-landmarker")) as tracker:
        for frame in reader:
            faces = tracker.track(frame).faces
            if faces:
                film.append((frame, faces[0]))
            if len(film) >= limit:
                break
    return film


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="+", type=Path, metavar="FACES")
    parser.add_argument("--cut", type=Path, required=True, metavar="CLIP")
    parser.add_argument("--model", type=Path, help="the hand model; the fetched one by default")
    parser.add_argument("--speeds", type=float, nargs="+", default=[0, 150, 400], metavar="PX_S")
    parser.add_argument("--turn", type=float, default=20, help="degrees the fingers lean over")
    parser.add_argument("--skin", choices=("cut", "own"), default="cut")
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--pictures", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    leaky = False
    model = arguments.model or asset_path("hand-landmarker")
    with HandLandmarker(model) as landmarker:
        hand = cut_out(arguments.cut, landmarker)
    with HandLandmarker(model) as landmarker:
        for clip in arguments.clips:
            film = faces_of(clip, arguments.frames)
            own = (
                with_skin_of(hand, film[0][0].image, film[0][1])
                if arguments.skin == "own"
                else hand
            )
            for speed in arguments.speeds:
                costs: dict[str, list[float]] = {"detect": [], "hand": [], "none": []}
                every = 6 if arguments.pictures else 0
                result = measured(
                    film, own, speed, landmarker, np.radians(arguments.turn), costs, every
                )
                ms = ", ".join(f"{k} {1e3 * np.median(v):.2f}" for k, v in costs.items() if v)
                print(f"{clip.stem:8.8s} {speed:4.0f} px/s: {result.line()}, ms: {ms}", flush=True)
                leaky |= max(result.leaks) > 0
                if arguments.pictures and result.strip:
                    tiles = result.strip[:15]
                    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 3)
                    rows = [np.hstack(tiles[i : i + 3]) for i in range(0, len(tiles), 3)]
                    _save(arguments.pictures / f"{clip.stem}-{speed:.0f}.png", np.vstack(rows))
    return 1 if leaky else 0


def _save(path: Path, image: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA))


if __name__ == "__main__":
    filter_library_log()
    sys.exit(main())
