"""Estimates the light on the real face, to light the avatar's head alike.

Skin is a light probe: the colours of a few dozen spots over their normals are a first-order
irradiance - a constant and a slope (Ramamoorthi and Hanrahan 2001) - times the albedo of the skin.
The background gives the ambient light. A part of the studio's light always stays, so that a head
is lit well in bad light too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image
from livecam.core.srgb import LINEAR_OF_BYTE
from livecam.core.timing import is_due
from livecam.render.light import STUDIO, Colour, Light, mixed, unit
from livecam.segmentation.base import Mask, cell_of

LightVector = NDArray[np.float64]  # float64[12]: log colours and slope, see the slices below
Samples = NDArray[np.float64]  # float64[n, 3], linear

# Bare skin on forehead, cheeks, nose and chin: MediaPipe's landmarks of the middle and the left
# side, their mirror images on the right, and the normal of the skin there, in head space. Measured
# on the mesh of six faces, averaged and made symmetric.
_MIDDLE = {
    10: (0.29, 0.96), 151: (0.22, 0.98), 9: (-0.02, 1.00), 8: (-0.15, 0.99),
    197: (0.66, 0.75), 195: (0.68, 0.73), 5: (0.59, 0.81), 4: (0.17, 0.99),
    200: (-0.14, 0.99), 199: (-0.26, 0.97), 175: (-0.69, 0.73),
}  # fmt: skip
_SIDES = {
    (338, 109): (0.26, 0.33, 0.91), (297, 67): (0.49, 0.34, 0.80), (332, 103): (0.64, 0.36, 0.68),
    (337, 108): (0.17, 0.28, 0.95), (299, 69): (0.44, 0.36, 0.82), (333, 104): (0.68, 0.39, 0.62),
    (280, 50): (0.73, 0.03, 0.69), (425, 205): (0.50, -0.02, 0.87), (330, 101): (0.41, 0.20, 0.89),
    (266, 36): (0.34, 0.10, 0.94), (346, 117): (0.76, 0.13, 0.64), (347, 118): (0.49, 0.23, 0.84),
    (352, 123): (0.91, 0.01, 0.40), (411, 187): (0.78, -0.13, 0.61), (345, 116): (0.91, 0.10, 0.41),
    (376, 147): (0.92, -0.07, 0.37), (427, 207): (0.68, -0.24, 0.69),
    (416, 192): (0.83, -0.28, 0.48), (364, 135): (0.82, -0.38, 0.43),
    (248, 3): (0.55, 0.57, 0.61), (275, 45): (0.55, 0.17, 0.82),
}  # fmt: skip
SKIN_LANDMARKS = np.array((*_MIDDLE, *(i for pair in _SIDES for i in pair)))
SKIN_NORMALS = np.array(
    [(0.0, *n) for n in _MIDDLE.values()]
    + [(side * x, y, z) for x, y, z in _SIDES.values() for side in (1, -1)]
)
SKIN_NORMALS /= np.linalg.norm(SKIN_NORMALS, axis=1, keepdims=True)

LUMA = np.array((0.2126, 0.7152, 0.0722))  # BT.709, of linear light
MIN_LUMINANCE = 0.003  # lower bound of logarithms

# -- measuring --
PATCH = np.mgrid[-1:2, -1:2].reshape(2, 9).T  # a spot is sampled at nine pixels
PATCH_SHARE = 0.012  # of the face's height between them
MIN_FACING = 0.2  # cosine; skin that is turned farther away is unreliable
MIN_SPOTS = 14
CLIPPED = 0.93
RIDGE = np.array((0.0, 0.02, 0.02, 0.02))  # regularisation per spot, of 1, x, y, z
PRIOR_SLOPE = np.array((0.0, 0.10, 0.30))  # over the constant part: mean of the ridge regression
OUTLIER = 0.15  # relative residual; spots beyond - hair, glasses, highlights - weigh less
FRONT = np.array((1.0, 0.0, 0.0, 0.6))  # mean of skin turned to the camera
MAX_SLOPE = 1.2
COLUMNS = 40  # samples of the background along a row
MIN_BACKGROUND = 0.02  # of the image
BACKGROUND_PERIOD_S = 0.09  # the background is measured less often than the face
MAX_PERSON = 20  # of 255, in the background

# -- over time --
WINDOW_S = 0.9  # a mean over it attenuates 1 to 2 flashes a second best
SETTLES_S = 0.2
MAX_CHANGE_PER_S = 3.0  # per second, of logarithms and slopes
MAX_GAP_S = 2.0  # after a longer one the state is dropped
HISTORY = 96  # frames in the window at 100 a second
SPOT_SETTLES_S = 15.0
MAX_SPOT_ALBEDO = 0.3  # log ratio of the albedo of a spot over the face's: make-up, stubble
SKIN_SETTLES_S = 30.0

# -- lighting: most numbers come from a study on real images --
SKIN_TONE = np.array((0.60, 0.36, 0.26))
SKIN, SKIN_LOW, SKIN_HIGH = 0.34, 0.16, 0.40  # luminance of a face in good light
SKIN_LEARNED = 0.5  # weight of this face's own luminance: dark skin is not a dark room
ROOM = 0.25  # luminance of a background in good light
FACE_LEVEL, ROOM_LEVEL = 0.55, 0.20  # exponents: the face alone makes heads too dark
FACE_CAST, ROOM_CAST, SIDE_CAST = 0.40, 0.25, 0.45
GREEN_SHARE = 0.25  # the chroma of skin is too uncertain for more: fur would turn pink
MAX_TINT = 0.36
STUDIO_TINT = 0.5
KEY_LOW, KEY_HIGH = -0.10, 0.65  # height
KEY_FRONT = 0.35  # minimum towards the camera
TRUST_LOW, TRUST_HIGH = 0.20, 0.92  # weight of the measured direction: in even light, in hard light
HARD = 0.45  # slope from which it is reliable; the depth of a lamp is measured worst
ARTISTIC = 0.4  # share of the studio's fill and rim that always stays
INITIAL = np.log(np.r_[SKIN_TONE / (SKIN_TONE @ LUMA) * SKIN, np.ones(3), [ROOM] * 6])
INITIAL[3:6] = (-0.25, 0.28, 0.34)  # the studio's own slope
COLOUR, SLOPE, ABOVE, BELOW = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12)


class LightEstimator:
    """Estimates the light on one face over time; used on one thread, frame after frame.

    The first frame and the first one after a cut are taken as they are; a lamp that is switched is
    followed within a second, flashes are filtered out.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Drops the state of face and room: a cut."""
        self._history = np.zeros((HISTORY, len(INITIAL)))
        self._times = np.full(HISTORY, -np.inf)
        self._row = 0
        self._at: float | None = None
        self._vector = INITIAL.copy()
        self._sides = self._vector[ABOVE], self._vector[BELOW]
        self._background_at = -np.inf
        # Log ratio of the albedo of each spot over that of the face.
        self._spot_albedo = np.zeros(len(SKIN_LANDMARKS))
        self._skin = SKIN  # luminance of this face in good light

    def update(
        self,
        image: Image,
        landmarks: NDArray[np.float32],
        rotation: NDArray[np.float64],
        person: Mask | None,
        at_s: float,
        strength: float = 1.0,
    ) -> Light:
        """Returns the light for a head over a face.

        Args:
            image: uint8[h, w, 4], the camera image, with the bare face.
            landmarks: float32[478, 2 or 3], pixels.
            rotation: float64[3, 3], the head's axes in camera space, at any scale.
            person: the mask of the segmentation; without one the background is beside the face.
            at_s: capture time; a step back, or a long one forward, is a cut.
            strength: 0 is the studio's light, 1 the room's.
        """
        if strength <= 0:
            return STUDIO
        since = np.inf if self._at is None else at_s - self._at
        if not 0 <= since <= MAX_GAP_S:
            self.reset()
            since = 0.0
        if self._at is None or since > 0:
            self._smooth(self._measure(image, landmarks, rotation, person, at_s, since), at_s)
        return mixed(STUDIO, light_from(self._vector, self._skin), strength)

    def _measure(
        self,
        image: Image,
        landmarks: NDArray[np.float32],
        rotation: NDArray[np.float64],
        person: Mask | None,
        at_s: float,
        since: float,
    ) -> LightVector:
        """Measures one frame; components that cannot be measured keep their values."""
        vector: LightVector = self._vector.copy()
        if since == 0 or is_due(BACKGROUND_PERIOD_S, self._background_at, at_s):
            self._sides = background_light(image, landmarks, person, vector)
            self._background_at = at_s
        vector[ABOVE], vector[BELOW] = self._sides
        normals = SKIN_NORMALS @ rotation.T / np.linalg.norm(rotation[:, 0])
        colors, good = sample_skin(image, landmarks)
        good &= normals[:, 2] > MIN_FACING
        if np.count_nonzero(good) < MIN_SPOTS:
            return vector
        colors = colors[good] * np.exp(-self._spot_albedo[good])[:, None]
        fit, misfit = fit_first_order(colors, normals[good])
        even = max(float(fit[0] @ LUMA), MIN_LUMINANCE)
        slope: NDArray[np.float64] = fit[1:] @ LUMA / even
        vector[COLOUR] = np.log(np.maximum(FRONT @ fit, MIN_LUMINANCE))
        vector[SLOPE] = slope * min(1.0, MAX_SLOPE / max(float(np.linalg.norm(slope)), 1e-6))
        self._update_albedo(misfit, good, vector, since)
        return vector

    def _update_albedo(
        self,
        misfit: NDArray[np.float64],
        good: NDArray[np.bool_],
        vector: LightVector,
        since: float,
    ) -> None:
        """Attributes the residual of first-order light to the albedo, slowly."""
        share = since / (SPOT_SETTLES_S + since)
        self._spot_albedo[good] += share * misfit
        np.clip(self._spot_albedo, -MAX_SPOT_ALBEDO, MAX_SPOT_ALBEDO, out=self._spot_albedo)
        share = 1.0 if self._at is None else since / (SKIN_SETTLES_S + since)
        bare = luma(vector[COLOUR]) / min(max(room_level(vector), 0.2), 4.0) ** 0.5
        own = bare**SKIN_LEARNED * SKIN ** (1 - SKIN_LEARNED)
        self._skin += share * (min(max(own, SKIN_LOW), SKIN_HIGH) - self._skin)

    def _smooth(self, vector: LightVector, at_s: float) -> None:
        """Averages over a window, then low-passes; the first measurement is taken as it is."""
        self._row = (self._row + 1) % HISTORY
        self._history[self._row], self._times[self._row] = vector, at_s
        if self._at is None:
            self._vector = vector
        else:
            dt = at_s - self._at
            mean = self._history[self._times > at_s - WINDOW_S].mean(axis=0)
            step = (mean - self._vector) * (1 - np.exp(-dt / SETTLES_S))
            self._vector = self._vector + np.clip(
                step, -MAX_CHANGE_PER_S * dt, MAX_CHANGE_PER_S * dt
            )
        self._at = at_s


def sample_skin(image: Image, landmarks: NDArray[np.float32]) -> tuple[Samples, NDArray[np.bool_]]:
    """Samples the skin at SKIN_LANDMARKS in linear light; also which spots are valid."""
    height, width = image.shape[:2]
    points = landmarks[SKIN_LANDMARKS, :2]
    apart = max(1.0, PATCH_SHARE * float(np.ptp(points[:, 1])))
    pixels = np.rint(points[:, None] + apart * PATCH).astype(np.intp)  # [n, 9, 2]
    inside = ((pixels >= 0) & (pixels < (width, height))).all(axis=(1, 2))
    x = np.clip(pixels[..., 0], 0, width - 1)
    y = np.clip(pixels[..., 1], 0, height - 1)
    colors = LINEAR_OF_BYTE.take(image[y, x, :3]).mean(axis=1, dtype=np.float64)
    return colors, inside & (colors.max(axis=1) < CLIPPED) & (colors @ LUMA > MIN_LUMINANCE)


def fit_first_order(colors: Samples, normals: NDArray[np.float64]) -> tuple[Samples, Samples]:
    """Fits first-order light float64[4, 3] to skin: a constant, then its slope along x, y, z.

    Ridge regression, reweighted once by the residuals. Also returns the log ratio of each spot
    over the fit, float64[n].
    """
    terms = np.column_stack((np.ones(len(normals)), normals))
    luminance = colors @ LUMA
    pull = RIDGE * len(normals)
    prior = np.outer(np.r_[0.0, PRIOR_SLOPE], np.median(colors, axis=0))
    weight = np.ones(len(normals))
    for _ in range(2):
        weighed = terms * weight[:, None]
        fit = np.linalg.solve(
            weighed.T @ terms + np.diag(pull), weighed.T @ colors + pull[:, None] * prior
        )
        light = np.maximum(terms @ (fit @ LUMA), MIN_LUMINANCE)
        weight = 1 / (1 + ((luminance / light - 1) / OUTLIER) ** 2)
    misfit = np.log(luminance / light)
    # A slope in the residuals is light that the regularisation suppressed.
    weighed = terms * weight[:, None]
    misfit -= terms @ np.linalg.solve(weighed.T @ terms + 1e-3 * np.eye(4), weighed.T @ misfit)
    return fit, misfit


def background_light(
    image: Image, landmarks: NDArray[np.float32], person: Mask | None, known: LightVector
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measures log colours float64[3] of the light from above and from below.

    Above is the background beside the face, below everything under the chin: clothes light the
    chin, too. Where there are too few pixels the values are those of `known`.
    """
    height, width = image.shape[:2]
    step = max(1, width // COLUMNS)
    samples = LINEAR_OF_BYTE.take(image[::step, ::step, :3])
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    y = np.arange(0, height, step)
    if person is not None:
        cell = cell_of(width, height)
        x = np.arange(0, width, step)
        free = person[np.ix_(y // cell, x // cell)] < MAX_PERSON
    else:
        free = np.ones(samples.shape[:2], bool)
        wide = (high[0] - low[0]) / 2
        inner = slice(*(max(0, int(v / step)) for v in (low[0] - wide, high[0] + wide)))
        free[max(0, int((low[1] - wide) / step)) :, inner] = False
    under = y > high[1]
    above, below = known[ABOVE], known[BELOW]
    enough = MIN_BACKGROUND * free.size
    if np.count_nonzero(free[~under]) > enough:
        above = _log_mean(samples[~under][free[~under]])
    if np.count_nonzero(under) * free.shape[1] > enough:
        below = _log_mean(samples[under].reshape(-1, 3))
    return above, below


def _log_mean(colors: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(colors.mean(axis=0, dtype=np.float64), MIN_LUMINANCE)))


def luma(logarithms: LightVector) -> float:
    """Computes the luminance of a log colour."""
    return float(np.exp(logarithms) @ LUMA)


def room_level(vector: LightVector) -> float:
    """Computes the luminance of the background over that in good light."""
    return float(luma(vector[ABOVE]) ** 0.7 * luma(vector[BELOW]) ** 0.3 / ROOM)


def light_from(vector: LightVector, skin: float) -> Light:
    """Converts a light vector to lights, for a face whose skin has that luminance."""
    room = room_level(vector)
    level = min(max(luma(vector[COLOUR]) / skin, 0.3), 1.5) ** FACE_LEVEL
    level *= min(max(room, 0.4), 1.5) ** ROOM_LEVEL
    cast = tint(
        FACE_CAST * (chroma(vector[COLOUR]) - SKIN_CHROMA) + ROOM_CAST * chroma(vector[ABOVE])
    )
    above, below = (
        tint(SIDE_CAST * chroma(vector[ABOVE])),
        tint(SIDE_CAST * chroma(vector[BELOW])),
    )
    hardness = float(np.linalg.norm(vector[SLOPE]))
    even = min(max(1.5 - hardness, 0.7), 1.4)
    direction = key_direction(vector[SLOPE])
    side = min(max(direction[0] / STUDIO.key_direction[0], -1), 1)  # 1: the studio's
    behind = ARTISTIC + (1 - ARTISTIC) * min(room, 1.5) / 1.5
    light = Light(
        key_direction=direction,
        key=_times(KEY, cast * min(max(0.7 + 0.6 * hardness, 0.8), 1.3)),
        fill_direction=unit(0.90 * side, 0.05, 0.60),
        fill=_times(STUDIO.fill, cast * max(ARTISTIC, even)),
        rim_direction=unit(0.65 * side, 0.55, -0.75),
        rim=_times(STUDIO.rim, above * behind),
        sky=_times(STUDIO.sky, above * even),
        ground=_times(STUDIO.ground, below * even),
    )
    return replace(light, exposure=level * STUDIO_LEVEL / brightness(light))


def key_direction(slope: NDArray[np.float64]) -> Colour:
    """Returns the key's direction: as measured in hard light, near the studio's in even light.

    Never from far below, straight above or behind.
    """
    measured = np.array((slope[0], slope[1], max(float(slope[2]), 0.15)))
    trust = min(float(np.linalg.norm(measured * (1, 1, 0.5))) / HARD, 1)
    trust = TRUST_LOW + (TRUST_HIGH - TRUST_LOW) * trust * trust * (3 - 2 * trust)
    towards = trust * measured / np.linalg.norm(measured)
    x, y, z = towards + (1 - trust) * np.array(STUDIO.key_direction)
    x, y, z = unit(float(x), float(y), max(float(z), 0.05))
    y, z = min(max(y, KEY_LOW), KEY_HIGH), max(z, KEY_FRONT)
    across = np.sqrt((1 - y * y) / (x * x + z * z))
    return unit(x * float(across), y, z * float(across))


def chroma(logarithms: LightVector) -> NDArray[np.float64]:
    """Removes the luminance of a log colour."""
    return np.asarray(logarithms - np.log(max(luma(logarithms), 1e-6)))


def tint(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Converts log chroma to a factor float64[3] of luminance 1: mostly warmer or cooler."""
    warm = (logarithms[0] - logarithms[2]) / 2
    green = GREEN_SHARE * (logarithms[1] - (logarithms[0] + logarithms[2]) / 2)
    factor = np.exp(np.clip((warm, green, -warm), -MAX_TINT, MAX_TINT))
    return np.asarray(factor / (factor @ LUMA))


def brightness(light: Light) -> float:
    """Computes the mean luminance of a face under a light, without its exposure."""
    towards = SKIN_NORMALS @ np.array((light.key_direction, light.fill_direction)).T
    key = np.maximum(0, (towards[:, 0] + 0.35) / 1.35)  # as in shaders/light.glsl
    fill = np.maximum(0, (towards[:, 1] + 0.45) / 1.45)
    up = SKIN_NORMALS[:, 1] / 2 + 0.5
    shades = np.stack((key * (0.7 + 0.3 * key), fill, up, 1 - up)).mean(axis=1)
    return float(shades @ (np.array((light.key, light.fill, light.sky, light.ground)) @ LUMA))


def _times(colour: Colour, factor: NDArray[np.float64]) -> Colour:
    red, green, blue = (np.array(colour) * factor).tolist()
    return red, green, blue


STUDIO_LEVEL = STUDIO.exposure * brightness(STUDIO)
SKIN_CHROMA = chroma(np.log(SKIN_TONE))
# The studio's key with only a part of its tint.
KEY = _times(STUDIO.key, np.exp((STUDIO_TINT - 1) * chroma(np.log(STUDIO.key))))
