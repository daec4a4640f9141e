"""OpenSeeFace: pose and weights from another program's tracker.

Binary packets over UDP, one record for each face, as `facetracker.py` writes and
`Unity/OpenSee.cs` reads them (https://github.com/emilianavt/OpenSeeFace).

Its pose comes from OpenCV's solvePnP (`tracker.py`), between a face with x to the head's own
*right*, y up, z out of the nose (its landmark 0, the right end of the jaw, has x = 0.5), and
image points of (row, column). So its camera has x down, y right and z away: both spaces are
left-handed, and the rotation between them is proper again. With
ours, head = (-x, y, z) and camera = (y, -x, -z) of those. The quaternion (x y z w) is that of
the transposed rotation. The origin is the tip of the nose, the face 1.004 wide from jaw to jaw.

The tracker begins its search at zero, from where solvePnP finds the face *behind* the camera (a
depth of about -4), like a hollow mask. That is why `OpenSee.cs` negates
the translation and takes 180 and 90 degrees off the angles. `_before_lens` takes the face that
has the same image before the lens: its middle at the opposite place, turned by half a turn about
the line of sight. What the mask's depth did to its perspective remains: 2 degrees in the median
of heads turned up to 30 degrees, 6 at most.

Its camera matrix has the focal length `width` and the centre (width / 2, height / 2) for rows
and columns, which are exchanged: in an image that is not square the centre of projection
is (width - height) / 2 pixels beside the middle. `_recentred` corrects that.

Features are deviations from a median, -1 to 1 (`FeatureExtractor`): eyes closed to
wide open, eyebrows down to up, corners of the mouth *up to down*, the mouth narrow to wide.
Steepness and quirk of the eyebrows and the corners' in and out have no counterpart in ARKit.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import MotionSettings
from livecam.core.face import INDEX, FacePose, Performance
from livecam.core.spaces import (
    Quaternion,
    Vector3,
    matrix_from_quaternion,
    multiply,
    quaternion_from_matrix,
)
from livecam.core.timing import Clock
from livecam.protocols.receiver import Receiver, in_front_of_camera, unit, weights_and_mask
from livecam.protocols.udp import MalformedError

PORT = 11573
MAX_FACES = 40  # the sender sends no more
MAX_VALUE = 1e4  # in any unit of the packet; image sizes are the largest numbers in it
JAW_M = 0.145  # the width of a grown-up's face between the landmarks 0 and 16, about
UNIT_M = JAW_M / 1.004
NOSE_TIP = np.array((0.0, -0.011, 0.075))  # in our head, metres: MediaPipe's canonical face
MIDDLE = np.array((0.0, -0.12, -0.44)) * UNIT_M  # of the points that the pose is solved from
FULL_GAZE_RAD = np.radians(30.0)  # where ARKit's eyeLook weights come near to 1

RECORD = np.dtype([
    ("time", "<f8"), ("id", "<i4"), ("size", "<f4", 2),
    ("eye_open", "<f4", 2),  # right, left
    ("posed", "u1"), ("error", "<f4"),
    ("quaternion", "<f4", 4), ("euler", "<f4", 3), ("translation", "<f4", 3),
    ("confidences", "<f4", 68), ("points", "<f4", (68, 2)), ("points_3d", "<f4", (70, 3)),
    ("features", "<f4", 14),
])  # fmt: skip
FEATURES = (
    "eye_left", "eye_right",
    "steepness_left", "brow_left", "quirk_left", "steepness_right", "brow_right", "quirk_right",
    "corner_left", "inout_left", "corner_right", "inout_right", "mouth_open", "mouth_wide",
)  # fmt: skip
_PUPILS = slice(66, 68)  # right, left
_EYEBALLS = slice(68, 70)
_USED = ("size", "eye_open", "quaternion", "translation", "features")
_HEAD_FROM_FACE = np.diag((-1.0, 1.0, 1.0))
_CAMERA_FROM_ROWS = np.array(((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, -1.0)))


class OpenSeeFaceReceiver(Receiver):
    """Listens to OpenSeeFace's `facetracker`; of several faces, to the one with the lowest id."""

    DEFAULT_PORT = PORT

    def __init__(self, address: str, port: int, clock: Clock) -> None:
        super().__init__("openseeface", address, port, clock, OpenSeeFaceDecoder())

    @classmethod
    def from_settings(cls, settings: MotionSettings, clock: Clock) -> Self:
        return cls(settings.listen, settings.listen_port, clock)


class OpenSeeFaceDecoder:
    """Decodes the packets of the tracker; each is complete."""

    def decode(self, packet: bytes, now: float) -> Performance | None:
        faces, rest = divmod(len(packet), RECORD.itemsize)
        if rest or not 0 < faces <= MAX_FACES:
            raise MalformedError("not of whole faces")
        records = np.frombuffer(packet, RECORD)
        face = records[np.argmin(records["id"])]
        eyes = (face["points_3d"][_PUPILS], face["points_3d"][_EYEBALLS])
        for numbers in (*(face[name] for name in _USED), *eyes):
            if not (np.abs(numbers) <= MAX_VALUE).all():  # not so for NaN either
                raise MalformedError("a number is out of range")
        values = _expression(face)
        if not face["posed"]:
            return Performance(*weights_and_mask(values), None, now)
        values |= _gaze(eyes[0].astype(np.float64) - eyes[1])
        return Performance(*weights_and_mask(values), _pose(face), now)


def _expression(face: np.void) -> dict[int, float]:
    features = dict(zip(FEATURES, face["features"].tolist(), strict=True))
    right_open, left_open = face["eye_open"].tolist()
    values = {
        "eyeBlinkLeft": 1 - left_open,
        "eyeBlinkRight": 1 - right_open,
        "browInnerUp": (max(features["brow_left"], 0) + max(features["brow_right"], 0)) / 2,
        "jawOpen": features["mouth_open"],
        "mouthPucker": -features["mouth_wide"],
    }
    for side in ("Left", "Right"):
        brow, corner = features[f"brow_{side.lower()}"], features[f"corner_{side.lower()}"]
        values |= {
            f"eyeWide{side}": features[f"eye_{side.lower()}"],
            f"browOuterUp{side}": brow,
            f"browDown{side}": -brow,
            f"mouthSmile{side}": -corner,
            f"mouthFrown{side}": corner,
        }
    return {INDEX[name]: value for name, value in values.items()}


def _gaze(directions: NDArray[np.float64]) -> dict[int, float]:
    """Computes weights of the gaze from the vectors between eyeballs and pupils.

    The sender writes its points as (x, -y, -z).
    """
    right, up, out = directions[:, 0], -directions[:, 1], -directions[:, 2]
    forward = np.maximum(out, 1e-6)
    to_right = np.arctan2(right, forward) / FULL_GAZE_RAD
    upwards = np.arctan2(up, forward) / FULL_GAZE_RAD
    values: dict[str, float] = {}
    for eye, (side, outwards) in enumerate((("Right", to_right[0]), ("Left", -to_right[1]))):
        values |= {
            f"eyeLookOut{side}": float(outwards),
            f"eyeLookIn{side}": float(-outwards),
            f"eyeLookUp{side}": float(upwards[eye]),
            f"eyeLookDown{side}": float(-upwards[eye]),
        }
    return {INDEX[name]: value for name, value in values.items()}


def _pose(face: np.void) -> FacePose:
    x, y, z, w = face["quaternion"].astype(np.float64)
    rows_from_face = matrix_from_quaternion(unit(np.array((w, x, y, z)))).T
    rotation = quaternion_from_matrix(_CAMERA_FROM_ROWS @ rows_from_face @ _HEAD_FROM_FACE)
    nose = _CAMERA_FROM_ROWS @ face["translation"].astype(np.float64) * UNIT_M
    if nose[2] > 0:
        nose, rotation = _before_lens(nose, rotation)
    nose, rotation = _recentred(nose, rotation, *face["size"].tolist())
    origin = nose - matrix_from_quaternion(rotation) @ NOSE_TIP
    return FacePose(in_front_of_camera(origin), rotation)


def _before_lens(position: Vector3, rotation: Quaternion) -> tuple[Vector3, Quaternion]:
    turned = multiply(np.array((0.0, *(position / np.linalg.norm(position)))), rotation)
    middle = position + matrix_from_quaternion(rotation) @ MIDDLE
    return -middle - matrix_from_quaternion(turned) @ MIDDLE, turned


def _recentred(
    position: Vector3, rotation: Quaternion, width: float, height: float
) -> tuple[Vector3, Quaternion]:
    """Corrects the centre of projection: moves the face, and rotates it with the line of sight."""
    if width < 1 or position[2] > -1e-3:
        raise MalformedError("no picture, or a face in the lens")
    off = (width - height) / 2 / width  # of the depth, both to the left and downwards
    moved = position + -position[2] * off * np.array((-1.0, -1.0, 0.0))
    before, after = position / np.linalg.norm(position), moved / np.linalg.norm(moved)
    # Beside the middle, an image is stretched by 1 / cos across, 1 / cos^2 outwards.
    moved *= np.sqrt(before[2] / after[2])
    turn = np.array((1 + before @ after, *np.cross(before, after)))
    return moved, multiply(turn / np.linalg.norm(turn), rotation)
