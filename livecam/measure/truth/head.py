"""Builds a head of known shape from the portrait: a mesh in metres with a texture.

The tracker's landmarks of the portrait form the face; rings from the face oval to the outline of
the hair, and on round the back, close it to a head. The model of a tracker differs from this head
by a constant transform, which `meters.head_offset` estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import TrackingError
from livecam.core.face import FACE_OVAL, Face
from livecam.core.frame import Frame, Image
from livecam.core.spaces import focal_px, unproject
from livecam.filtering.width import WidthEstimate
from livecam.measure.truth.landmarks import (
    INNER_LIPS,
    LID_LANDMARKS,
    LOWER_LIP,
    MOUTH_CORNERS,
    UPPER_LIP,
)
from livecam.sources.sample_clip import OUTLINE
from livecam.tracking.base import Tracker

Points = NDArray[np.float64]  # float64[n, 2 or 3]
Triangles = NDArray[np.int32]  # int32[n, 3]

FACE_POINTS = 468  # of MediaPipe's landmarks; the others are irises
TEXTURE_SCALE = 2  # texels per portrait pixel

# Portrait pixels; the portrait never changes.
PORTRAIT_SIZE = 512
FACE_CENTRE = (225.0, 125.0)
HEAD_CENTRE = np.array((226.0, 104.0))
# The part of sample_clip's OUTLINE from the left jaw over the hair to the right jaw.
HAIR = np.array(OUTLINE[17:39], np.float64)
# Beside the neck, from left to right: the plate behind the head holds the neck and the body.
LEFT_OF_NECK = ((191, 186), (190, 150))
RIGHT_OF_NECK = ((256, 150), (255, 180))
BODY = np.array((*OUTLINE[:16], *LEFT_OF_NECK, *RIGHT_OF_NECK, *OUTLINE[42:]), np.float64)
NECK_SKIN = (slice(181, 186), slice(205, 245))  # rows and columns of bare skin
PLATE_ROWS = 551  # of the centred portrait; the outline of the suit ends there

# Depths in portrait pixels, like those of the landmarks, which are between -25 and 43.
RIM_DEPTH = 50.0
JAW_DEPTH = 10.0  # of the underside behind the jaw
BACK_DEPTH = 105.0
PLATE_DEPTH = 62.0

DIRECTIONS = 72
FRONT_RINGS = (0.25, 0.5, 0.75, 0.9, 1.0)
BACK_RINGS = np.radians((12.0, 30.0, 50.0, 70.0, 88.0))
TEETH_BEHIND_M, THROAT_BEHIND_M = 0.003, 0.012
MAX_JAW_RAD = float(np.radians(20))
JAW_SOFT_M = 0.02  # below the mouth, over which the skin goes along increasingly

# The joint of the neck, about which the head rotates, and the hinge of the jaw; head space, m.
NECK_JOINT = np.array((0.0, -0.085, -0.075))
JAW_JOINT = np.array((0.0, 0.0, -0.06))


@dataclass(frozen=True, slots=True)
class Surface:
    """A textured triangle mesh."""

    points: Points  # float64[n, 3], metres
    uv: NDArray[np.float32]  # float32[n, 2], 0..1, from the top left
    triangles: Triangles
    texture: Image  # uint8[h, w, 4], RGBA, straight alpha


class PortraitHead:
    """A head in head space that blinks and opens its mouth, and the body below it.

    `tracker` must accept single images; it is used once.

    Raises:
        TrackingError: it finds no face in the portrait.
    """

    def __init__(self, portrait: Image, tracker: Tracker) -> None:
        centred = _centred(portrait)
        face = _detected(centred, tracker)
        pixels, depth = _measured(face)
        rest, uv_px, triangles = _closed(pixels, depth)
        self._shape(face, rest, triangles)
        texture = _head_texture(centred)
        lips = uv_px[list(INNER_LIPS)]
        self._uv = (np.concatenate((uv_px, lips, lips)) / PORTRAIT_SIZE).astype(np.float32)
        self._uv[self._throat] = 0.5 / PORTRAIT_SIZE  # the dark corner
        self._texture = texture
        self.body = _plate(portrait, face, self._unproject)

    def surface(self, blink: tuple[float, float] = (0, 0), jaw: float = 0) -> Surface:
        """Returns the head; blinks of the left and right eye and the jaw are from 0 to 1."""
        return Surface(self.points(blink, jaw), self._uv, self._triangles, self._texture)

    def points(self, blink: tuple[float, float] = (0, 0), jaw: float = 0) -> Points:
        """Returns its vertices float64[n, 3], head space, metres; the first 468 are landmarks."""
        points = self._rest.copy()
        for shut, lids in zip(blink, LID_LANDMARKS, strict=True):
            for row, share in ((lids.upper, 0.97), (lids.fold, 0.45), (lids.above, 0.12)):
                gap = self._rest[list(lids.lower)] - self._rest[list(lids.upper)]
                points[list(row)] += shut * share * gap
        if jaw:
            angle = jaw * MAX_JAW_RAD * self._jaw_share
            y, z = (points - JAW_JOINT)[:, 1:].T
            points[:, 1] = JAW_JOINT[1] + y * np.cos(angle) - z * np.sin(angle)
            points[:, 2] = JAW_JOINT[2] + y * np.sin(angle) + z * np.cos(angle)
        return points

    @property
    def landmarks(self) -> Points:
        """The landmarks of the face at rest, float64[468, 3], head space, metres."""
        return self._rest[:FACE_POINTS]

    def _shape(self, face: Face, rest: Points, triangles: Triangles) -> None:
        """Converts to metres in head space; adds teeth and a throat behind the lips."""
        # The distance of the portrait follows from the width of the face the tracker assumes.
        sides = WidthEstimate.CANONICAL @ face.camera_from_head[:3, :3].T
        sides += face.camera_from_head[:3, 3]
        depths = rest[list(WidthEstimate.SIDES), 2]
        focal = focal_px(PORTRAIT_SIZE)
        self._distance = float(np.mean(-sides[:, 2] / (1 + depths / focal)))
        self._head_from_camera = np.linalg.inv(face.camera_from_head)
        points = self._unproject(rest)
        inside = np.isin(triangles, INNER_LIPS).all(axis=1)
        teeth, throat = len(points), len(points) + len(INNER_LIPS)
        lips = points[list(INNER_LIPS)]
        behind = np.array((0.0, 0.0, 1.0))
        self._rest = np.concatenate(
            (points, lips - TEETH_BEHIND_M * behind, lips - THROAT_BEHIND_M * behind)
        )
        self._throat = np.arange(throat, len(self._rest))
        number = np.zeros(len(points), np.int32)
        number[list(INNER_LIPS)] = np.arange(len(INNER_LIPS))
        mouth = number[triangles[inside]]
        self._triangles = np.concatenate((triangles[~inside], mouth + teeth, mouth + throat))
        share = _jaw_share(points)
        self._jaw_share = np.concatenate((share, np.zeros(len(lips)), share[list(INNER_LIPS)]))

    def _unproject(self, rest: Points) -> Points:
        """Converts portrait pixels and depths float64[n, 3] to head space."""
        away = self._distance * (1 + rest[:, 2] / focal_px(PORTRAIT_SIZE))
        camera = unproject(rest[:, :2], away, PORTRAIT_SIZE, PORTRAIT_SIZE)
        turn, shift = self._head_from_camera[:3, :3], self._head_from_camera[:3, 3]
        points: Points = camera @ turn.T + shift
        return points


def _shift() -> Points:
    return PORTRAIT_SIZE / 2 - np.array(FACE_CENTRE)


def _centred(portrait: Image, rows: int = PORTRAIT_SIZE) -> Image:
    """Returns the portrait as RGB with its face on the optical axis."""
    x, y = _shift()
    return np.asarray(
        cv2.warpAffine(
            np.ascontiguousarray(portrait[..., :3]),
            np.array(((1, 0, x), (0, 1, y))),
            (PORTRAIT_SIZE, rows),
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _detected(centred: Image, tracker: Tracker) -> Face:
    large = cv2.resize(centred, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    faces = tracker.track(Frame(np.asarray(cv2.cvtColor(large, cv2.COLOR_RGB2RGBA)), 0, 0.0)).faces
    if not faces:
        raise TrackingError(
            "the tracker finds no face in the portrait", hint="run `livecam assets verify`"
        )
    return faces[0]


def _measured(face: Face) -> tuple[Points, NDArray[np.float64]]:
    """Returns pixels and depths of the landmarks without irises, in the centred portrait."""
    points = face.landmarks[:FACE_POINTS].astype(np.float64) * PORTRAIT_SIZE
    return points[:, :2], points[:, 2]


def _closed(face: Points, depth: NDArray[np.float64]) -> tuple[Points, Points, Triangles]:
    """Extends the face to a whole head: pixels and depth, texture pixels, triangles."""
    centre = HEAD_CENTRE + _shift()
    oval = face[list(FACE_OVAL)]
    jaw = _jaw(oval)
    outline = np.concatenate((HAIR + _shift(), jaw))
    angles = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)
    directions = np.stack((np.cos(angles), np.sin(angles)), 1)
    inner = np.array([_reach(centre, direction, oval) for direction in directions])
    outer = np.maximum(
        np.array([_reach(centre, direction, outline) for direction in directions]), inner + 1.5
    )
    oval_depth = _around(centre, oval, depth[list(FACE_OVAL)], angles)
    hairy = np.clip((outer - inner - 3) / 12, 0, 1)
    rim_depth = oval_depth + JAW_DEPTH + hairy * (RIM_DEPTH - oval_depth - JAW_DEPTH)
    rim_depth = np.maximum(rim_depth, oval_depth + 4)

    front = []
    for part in FRONT_RINGS:
        fall = 1 - np.sqrt(1 - part**2)
        reach = inner + part * (outer - inner)
        front.append(
            np.column_stack(
                (centre + reach[:, None] * directions, oval_depth + fall * (rim_depth - oval_depth))
            )
        )
    flat = np.concatenate((np.column_stack((face, depth)), *front))
    back, back_uv = [], []
    for turn in BACK_RINGS:
        reach = outer * np.cos(turn)
        deep = rim_depth + np.sin(turn) * (BACK_DEPTH - rim_depth)
        back.append(np.column_stack((centre + reach[:, None] * directions, deep)))
        back_uv.append(centre + (outer * (1 - 0.22 * np.sin(turn)))[:, None] * directions)
    points = np.concatenate((flat, *back))
    uv = np.concatenate((flat[:, :2], *back_uv))
    sheet = _delaunay(flat[:, :2], inside=front[-1][:, :2])
    return points, uv, np.concatenate((sheet, _shells(len(flat) - DIRECTIONS)))


def _jaw(oval: Points) -> Points:
    """Returns the lower part of the oval, from the right of the image to the left."""
    lower = oval[oval[:, 1] > (HAIR[-1] + _shift())[1] + 4]
    jaw: Points = lower[np.argsort(-lower[:, 0])]
    return jaw


def _reach(centre: Points, direction: Points, outline: Points) -> float:
    """Returns the distance from the centre at which a ray leaves a closed outline."""
    a, b = outline - centre, np.roll(outline, -1, axis=0) - centre
    edge = b - a
    cross = direction[0] * edge[:, 1] - direction[1] * edge[:, 0]
    cross = np.where(np.abs(cross) < 1e-9, 1e-9, cross)
    reach = (a[:, 0] * edge[:, 1] - a[:, 1] * edge[:, 0]) / cross
    along = (a[:, 0] * direction[1] - a[:, 1] * direction[0]) / cross
    hits = reach[(along >= -1e-9) & (along <= 1 + 1e-9) & (reach > 0)]
    return float(hits.max())


def _around(
    centre: Points, points: Points, values: NDArray[np.float64], angles: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolates values given at points around a centre to other angles."""
    away = points - centre
    at = np.arctan2(away[:, 1], away[:, 0])
    return np.asarray(np.interp(angles, at, values, period=2 * np.pi))


def _delaunay(points: Points, inside: Points) -> Triangles:
    """Returns the Delaunay triangles of the points that lie in an outline."""
    division = cv2.Subdiv2D((-64, -64, PORTRAIT_SIZE + 128, PORTRAIT_SIZE + 128))
    for point in points:
        division.insert((float(point[0]), float(point[1])))
    corners = np.asarray(division.getTriangleList(), np.float64).reshape(-1, 3, 2)
    away = np.abs(corners[:, :, None] - points[None, None]).max(axis=3)
    triangles = away.argmin(axis=2).astype(np.int32)
    known = (away.min(axis=2) < 1e-2).all(axis=1)
    outline = inside.astype(np.float32)
    middles = corners.mean(axis=1)
    within = [
        cv2.pointPolygonTest(outline, (float(x), float(y)), measureDist=False) >= 0
        for x, y in middles
    ]
    return np.asarray(triangles[known & np.array(within)], np.int32)


def _shells(first: int) -> Triangles:
    """Joins the rings behind the rim; `first` is the first vertex of the rim."""
    around = np.arange(DIRECTIONS)
    onward = (around + 1) % DIRECTIONS
    bands = []
    for ring in range(len(BACK_RINGS)):
        near, far = first + ring * DIRECTIONS, first + (ring + 1) * DIRECTIONS
        bands.append(np.stack((near + around, near + onward, far + around), 1))
        bands.append(np.stack((near + onward, far + onward, far + around), 1))
    return np.concatenate(bands).astype(np.int32)


def _jaw_share(points: Points) -> NDArray[np.float64]:
    """Returns the weight of the jaw at each vertex, 0..1."""
    lips = points[list(INNER_LIPS)]
    corners = points[list(MOUTH_CORNERS)]
    order = np.argsort(lips[:, 0])
    # The line between the lips: fitted to upper and lower ones.
    bins = np.linspace(corners[:, 0].min(), corners[:, 0].max(), 9)
    fit = np.polynomial.Polynomial.fit(lips[order, 0], lips[order, 1], 4)
    line = np.interp(points[:, 0], bins, fit(bins))
    below = np.clip((line - points[:, 1]) / JAW_SOFT_M, 0, 1)
    share = below * below * (3 - 2 * below)
    share[points[:, 2] < JAW_JOINT[2]] = 0
    middle, half = corners[:, 0].mean(), np.ptp(corners[:, 0]) / 2
    across = np.clip(np.abs(points[:, 0] - middle) / half, 0, 1)
    lower = list(LOWER_LIP)
    share[lower] = 1 - 0.7 * across[lower] ** 3
    share[list(UPPER_LIP)] = 0
    share[list(MOUTH_CORNERS)] = 0.25
    return np.asarray(share)


def _head_texture(centred: Image) -> Image:
    """Returns the portrait with the colours of the head continued beyond its outline."""
    size = (PORTRAIT_SIZE * TEXTURE_SCALE,) * 2
    large = np.asarray(cv2.resize(centred, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    outline = np.concatenate((HAIR, np.array((RIGHT_OF_NECK[1], LEFT_OF_NECK[0]))))
    outline = (outline + _shift()) * TEXTURE_SCALE
    inside = np.zeros(large.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.rint(outline).astype(np.int32)], 255)
    sure = cv2.erode(inside, np.ones((5, 5), np.uint8), iterations=TEXTURE_SCALE)
    filled = _spread(large, np.asarray(sure, np.uint8))
    filled[:TEXTURE_SCALE, :TEXTURE_SCALE] = (38, 16, 16)  # of the throat
    return np.asarray(cv2.cvtColor(filled, cv2.COLOR_RGB2RGBA), np.uint8)


def _spread(image: Image, inside: Image) -> Image:
    """Gives every pixel outside the blurred colour of the nearest one inside."""
    outside = np.where(inside > 0, 0, 255).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    colours[labels[inside > 0]] = image[inside > 0]
    spread = cv2.GaussianBlur(colours[labels], (0, 0), 1.5 * TEXTURE_SCALE)
    soft = cv2.GaussianBlur(inside, (0, 0), TEXTURE_SCALE)[..., None].astype(np.float32) / 255
    soft = np.where(inside[..., None] > 0, np.clip(2 * soft - 1, 0, 1), 0)
    return np.asarray(np.rint(image * soft + spread * (1 - soft)), np.uint8)


def _plate(portrait: Image, face: Face, unproject: Callable[[Points], Points]) -> Surface:
    """Returns neck and suit as a textured plane behind the jaw, in space of an unrotated head."""
    image = _centred(portrait, PLATE_ROWS)
    oval = face.oval_px(PORTRAIT_SIZE, PORTRAIT_SIZE)
    covered = np.zeros(image.shape[:2], np.float32)
    throat = np.concatenate((np.array(LEFT_OF_NECK)[::-1], np.array(RIGHT_OF_NECK))) + _shift()
    cv2.fillPoly(covered, [np.rint(oval).astype(np.int32)], 1.0)
    hidden = np.asarray(cv2.dilate(covered, np.ones((7, 7), np.uint8)), np.float32)
    left, right = int(throat[:, 0].min()) - 4, int(throat[:, 0].max()) + 4
    hidden[: int(throat[0, 1]) + 14, left:right] = 1  # hair and jaw beside the neck
    hidden = np.asarray(cv2.GaussianBlur(hidden, (0, 0), 2.0), np.float32)[..., None]
    skin = portrait[NECK_SKIN][..., :3].mean(axis=(0, 1))
    coloured = image * (1 - hidden) + 0.8 * skin * hidden
    size = (PORTRAIT_SIZE * TEXTURE_SCALE, PLATE_ROWS * TEXTURE_SCALE)
    large = np.clip(cv2.resize(coloured, size, interpolation=cv2.INTER_CUBIC), 0, 255)
    alpha = np.zeros(large.shape[:2], np.uint8)
    cv2.fillPoly(alpha, [np.rint((BODY + _shift()) * TEXTURE_SCALE).astype(np.int32)], 255)
    alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1.0 * TEXTURE_SCALE), np.uint8)
    corners = np.array(((0, 0), (PORTRAIT_SIZE, 0), (0, PLATE_ROWS), (PORTRAIT_SIZE, PLATE_ROWS)))
    points = unproject(np.column_stack((corners, np.full(4, PLATE_DEPTH))))
    uv = (corners / (PORTRAIT_SIZE, PLATE_ROWS)).astype(np.float32)
    texture = np.dstack((np.rint(large).astype(np.uint8), alpha))
    return Surface(points, uv, np.array(((0, 1, 2), (1, 3, 2)), np.int32), texture)
