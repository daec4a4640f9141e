"""Faces as values: measured in a frame, steadied, and performed by another origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Rect
from livecam.core.spaces import Matrix4, Quaternion, Vector3, compose

Landmarks: TypeAlias = NDArray[np.float32]  # float32[478, 3], x right, y down, image-normalised
Weights: TypeAlias = NDArray[np.float32]  # float32[52], 0..1, in the order of EXPRESSIONS

# The 52 blend shapes of ARKit, in the order MediaPipe gives 51 of them; tongueOut comes last.
EXPRESSIONS: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
    "tongueOut",
)  # fmt: skip
INDEX: dict[str, int] = {name: i for i, name in enumerate(EXPRESSIONS)}


def indices_with_prefix(*prefixes: str) -> list[int]:
    """Returns the indices of the expressions whose names begin with one of the prefixes."""
    return [i for i, name in enumerate(EXPRESSIONS) if name.startswith(prefixes)]


def values_by_prefix(table: Sequence[tuple[str, float]]) -> NDArray[np.float64]:
    """Returns one value for each expression, float64[52], from rows of a prefix and its value.

    The longest prefix that the name of an expression begins with gives its value.
    """
    return np.array(
        [
            max((row for row in table if name.startswith(row[0])), key=lambda row: len(row[0]))[1]
            for name in EXPRESSIONS
        ]
    )


# The outline of the face in MediaPipe's mesh, forehead first, clockwise in the image.
FACE_OVAL: tuple[int, ...] = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip

_angles = np.linspace(0, 2 * np.pi, 36, endpoint=False, dtype=np.float32)
_AROUND = np.stack((np.cos(_angles), np.sin(_angles)))  # float32[2, 36], directions in the image


def convex_outline(points_px: NDArray[np.float32]) -> NDArray[np.float32]:
    """Computes the convex outline of points float32[n, 2]: the extreme ones in 36 directions."""
    return np.asarray(points_px[np.argmax(points_px @ _AROUND, axis=0)])


@dataclass(frozen=True, slots=True)
class Face:
    """One face as the tracker measured it; nothing is filtered."""

    landmarks: Landmarks
    weights: Weights
    camera_from_head: Matrix4  # metres; the camera looks down -z, y is up

    def box(self, width: int, height: int) -> Rect:
        """Returns the bounding box of the landmarks, in pixels of an image of that size."""
        low = self.landmarks[:, :2].min(axis=0) * (width, height)
        high = self.landmarks[:, :2].max(axis=0) * (width, height)
        return Rect(
            int(np.floor(low[0])), int(np.floor(low[1])),
            int(np.ceil(high[0])), int(np.ceil(high[1])),
        )  # fmt: skip

    def points_px(self, width: int, height: int) -> NDArray[np.float32]:
        """Returns the landmarks as float32[478, 2] pixels."""
        return self.landmarks[:, :2] * np.array((width, height), np.float32)

    def oval_px(self, width: int, height: int) -> NDArray[np.float32]:
        """Returns the face outline as float32[36, 2] pixels."""
        return self.landmarks[FACE_OVAL, :2] * np.array((width, height), np.float32)

    def outline_px(self, width: int, height: int) -> NDArray[np.float32]:
        """Computes the convex outline of all landmarks, float32[36, 2] pixels.

        Wider than the oval where the nose or the mouth protrudes in profile.
        """
        return convex_outline(self.points_px(width, height))


@dataclass(frozen=True, slots=True)
class FacePose:
    """Position and orientation of a head in camera space."""

    translation: Vector3  # metres
    rotation: Quaternion

    @property
    def matrix(self) -> Matrix4:
        return compose(self.translation, self.rotation)


@dataclass(frozen=True, slots=True)
class FaceState:
    """Steadied pose and weights of one face at one time."""

    pose: FacePose
    weights: Weights  # steadied; gains are applied by the rig
    width_ratio: float  # measured over expected face width; slowly estimated, about 1.03..1.16
    at: float  # the time described; equals the frame's captured_at when aligned
    source: Face | None = None  # the measured face, when there is one of this very time
    outline_px: NDArray[np.float32] | None = None  # as Face.outline_px, when there is no `source`
    landmarks_px: NDArray[np.float32] | None = None  # float32[478, 2], when there is no `source`
    arkit_mask: NDArray[np.bool_] | None = None  # bool[52]: weights on ARKit's scale, without gains
    track_id: int | None = None  # of the track that the face belongs to

    def points_px(self, width: int, height: int) -> NDArray[np.float32] | None:
        """Returns the landmarks in pixels of an image of that size, float32[478, 2]."""
        return self.landmarks_px if self.source is None else self.source.points_px(width, height)


@dataclass(frozen=True, slots=True)
class Performance:
    """Pose and weights of a face at one time from another origin than the camera."""

    weights: Weights
    mask: NDArray[np.bool_]  # bool[52]: which of the weights are given
    pose: FacePose | None  # in the space of our camera; None when it is not given
    at: float  # seconds of this run's clock
    is_arkit_scale: bool = True  # False: weights as our tracker measures them, to be amplified
    width_ratio: float = 1.09  # as FaceState's
