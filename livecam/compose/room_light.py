"""Light an avatar's head as the real face beside it in the picture is lit.

Skin is a probe: what a few dozen spots of it show, against the directions they face, is a light
of first order - an even part and a slope (Ramamoorthi and Hanrahan 2001) - times the skin's own
colour. The picture around the person says what comes from the sides. A part of the studio's light
always stays, so that a head is pretty in bad light too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image
from livecam.core.srgb import linear_from_srgb
from livecam.render.light import STUDIO, Colour, Light, mixed, unit
from livecam.segmentation.base import Mask, cell_of

Clue = NDArray[np.float64]  # float64[12]: what a picture tells about its light, see the slices
Samples = NDArray[np.float64]  # float64[n, 3], linear

# Bare skin on forehead, cheeks, nose and chin: MediaPipe's landmarks of the middle and the left
# side, their twins on the right, and where the skin faces there, in head space. Measured on the
# mesh of six faces, averaged and made symmetric.
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
SPOTS = np.array((*_MIDDLE, *(i for pair in _SIDES for i in pair)))
FACING = np.array(
    [(0.0, *n) for n in _MIDDLE.values()]
    + [(side * x, y, z) for x, y, z in _SIDES.values() for side in (1, -1)]
)
FACING /= np.linalg.norm(FACING, axis=1, keepdims=True)

LUMA = np.array((0.2126, 0.7152, 0.0722))  # BT.709, of linear light
DECODE = linear_from_srgb(np.arange(256) / 255).astype(np.float32)
DARKEST = 0.003  # logarithms end here

# -- measuring --
PATCH = np.mgrid[-1:2, -1:2].reshape(2, 9).T  # a spot is looked at in nine places
PATCH_SHARE = 0.012  # of the face's height between them
LEAST_TOWARDS_CAMERA = 0.2  # skin that faces farther away is not seen well
FEWEST_SPOTS = 14
CLIPPED = 0.93
RIDGE = np.array((0.0, 0.02, 0.02, 0.02))  # per spot, of 1, x, y, z
USUAL_SLOPE = np.array((0.0, 0.10, 0.30))  # over the even part: what the ridge pulls towards
UNFIT = 0.15  # relative; spots that fit worse - hair, glasses, gleams - count less
FRONT = np.array((1.0, 0.0, 0.0, 0.6))  # skin turned to the camera, on the average
STEEPEST = 1.2
ACROSS = 40  # columns of the background that are looked at
LEAST_BACKGROUND = 0.02  # of the picture
REST_S = 0.09  # between two looks at the background; the face is looked at every time
PERSON = 20  # of 255: that much person is no background

# -- over time --
WINDOW_S = 0.9  # a mean over it lets 1 to 2 flashes a second through least
SETTLES_S = 0.2
FASTEST = 3.0  # per second, of logarithms and slopes
GAP_S = 2.0  # after a longer one nothing is known
ROWS = 96  # pictures in the window at 100 a second
SPOT_SETTLES_S = 15.0
MOST_SPOT = 0.3  # make-up, stubble: logarithm of the albedo of a spot over the face's
SKIN_SETTLES_S = 30.0

# -- lighting: most numbers come from a study on real pictures --
SKIN_TONE = np.array((0.60, 0.36, 0.26))
SKIN, SKIN_LOW, SKIN_HIGH = 0.34, 0.16, 0.40  # luminance of a face in good light
SKIN_LEARNED = 0.5  # share of what was learned about this face: dark skin is no dark room
ROOM = 0.25  # luminance of a background in good light
FACE_LEVEL, ROOM_LEVEL = 0.55, 0.20  # exponents: the face alone makes heads too dark
FACE_CAST, ROOM_CAST, SIDE_CAST = 0.40, 0.25, 0.45
GREEN_LEFT = 0.25  # skin's chroma is not known well enough for more: fur would turn pink
MOST_TINT = 0.36
STUDIO_TINT = 0.5
KEY_LOW, KEY_HIGH = -0.10, 0.65  # height
KEY_FRONT = 0.35  # least share towards the camera
TRUST_LOW, TRUST_HIGH = 0.20, 0.92  # in the measured direction: in even light, in hard light
HARD = 0.45  # a slope from which it is sure; skin tells least about how far in front a lamp is
ARTISTIC = 0.4  # of the studio's fill and rim always stays
NOTHING_SEEN = np.log(np.r_[SKIN_TONE / (SKIN_TONE @ LUMA) * SKIN, np.ones(3), [ROOM] * 6])
NOTHING_SEEN[3:6] = (-0.25, 0.28, 0.34)  # the studio's own slope
COLOUR, SLOPE, ABOVE, BELOW = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12)


class RoomLight:
    """Follows the light of one face; used on one thread, picture after picture.

    The first picture and the first one after a cut count at once; a lamp that is switched is
    followed within a second, what flashes is not.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets face and room: a cut to somebody else."""
        self._clues = np.zeros((ROWS, len(NOTHING_SEEN)))
        self._moments = np.full(ROWS, -np.inf)
        self._row = 0
        self._at: float | None = None
        self._clue = NOTHING_SEEN.copy()
        self._sides = self._clue[ABOVE], self._clue[BELOW]
        self._looked_at = -np.inf
        self._spots = np.zeros(len(SPOTS))  # log of their albedo over that of the face
        self._skin = SKIN  # how bright this face is in good light, as far as it is known

    def see(
        self,
        image: Image,
        landmarks: NDArray[np.float32],
        rotation: NDArray[np.float64],
        person: Mask | None,
        at_s: float,
        strength: float = 1.0,
    ) -> Light:
        """The light for a head over that face.

        Args:
            image: uint8[h, w, 4], the camera's picture; the face must be in it, bare.
            landmarks: float32[478, 2 or 3], pixels.
            rotation: float64[3, 3], the head's axes in camera space; a scale does not matter.
            person: the segmentation's mask; without one the background lies beside the face.
            at_s: when the picture was taken; going back, or far ahead, is a cut.
            strength: 0 is the studio's light, 1 the room's.
        """
        if strength <= 0:
            return STUDIO
        since = np.inf if self._at is None else at_s - self._at
        if not 0 <= since <= GAP_S:
            self.reset()
            since = 0.0
        if self._at is None or since > 0:
            self._follow(self._clue_in(image, landmarks, rotation, person, at_s, since), at_s)
        return mixed(STUDIO, light_of(self._clue, self._skin), strength)

    def _clue_in(
        self,
        image: Image,
        landmarks: NDArray[np.float32],
        rotation: NDArray[np.float64],
        person: Mask | None,
        at_s: float,
        since: float,
    ) -> Clue:
        """What this picture alone says; where it says nothing, what was known."""
        clue: Clue = self._clue.copy()
        if not 0 < at_s - self._looked_at < REST_S:
            self._sides = surroundings(image, landmarks, person, clue)
            self._looked_at = at_s
        clue[ABOVE], clue[BELOW] = self._sides
        facing = FACING @ rotation.T / np.linalg.norm(rotation[:, 0])
        colors, good = skin_seen(image, landmarks)
        good &= facing[:, 2] > LEAST_TOWARDS_CAMERA
        if np.count_nonzero(good) < FEWEST_SPOTS:
            return clue
        colors = colors[good] * np.exp(-self._spots[good])[:, None]
        fit, misfit = first_order(colors, facing[good])
        even = max(float(fit[0] @ LUMA), DARKEST)
        slope: NDArray[np.float64] = fit[1:] @ LUMA / even
        clue[COLOUR] = np.log(np.maximum(FRONT @ fit, DARKEST))
        clue[SLOPE] = slope * min(1.0, STEEPEST / max(float(np.linalg.norm(slope)), 1e-6))
        self._learn(misfit, good, clue, since)
        return clue

    def _learn(
        self, misfit: NDArray[np.float64], good: NDArray[np.bool_], clue: Clue, since: float
    ) -> None:
        """Takes what no light of first order explains for the skin's own, slowly."""
        share = since / (SPOT_SETTLES_S + since)
        self._spots[good] += share * misfit
        np.clip(self._spots, -MOST_SPOT, MOST_SPOT, out=self._spots)
        share = 1.0 if self._at is None else since / (SKIN_SETTLES_S + since)
        bare = luma(clue[COLOUR]) / min(max(room_level(clue), 0.2), 4.0) ** 0.5
        own = bare**SKIN_LEARNED * SKIN ** (1 - SKIN_LEARNED)
        self._skin += share * (min(max(own, SKIN_LOW), SKIN_HIGH) - self._skin)

    def _follow(self, clue: Clue, at_s: float) -> None:
        """Averages over a window, then eases; the first clue is believed at once."""
        self._row = (self._row + 1) % ROWS
        self._clues[self._row], self._moments[self._row] = clue, at_s
        if self._at is None:
            self._clue = clue
        else:
            dt = at_s - self._at
            mean = self._clues[self._moments > at_s - WINDOW_S].mean(axis=0)
            step = (mean - self._clue) * (1 - np.exp(-dt / SETTLES_S))
            self._clue = self._clue + np.clip(step, -FASTEST * dt, FASTEST * dt)
        self._at = at_s


def skin_seen(image: Image, landmarks: NDArray[np.float32]) -> tuple[Samples, NDArray[np.bool_]]:
    """The skin at SPOTS in linear light, and which of them lie in the picture, unclipped."""
    height, width = image.shape[:2]
    points = landmarks[SPOTS, :2]
    apart = max(1.0, PATCH_SHARE * float(np.ptp(points[:, 1])))
    places = np.rint(points[:, None] + apart * PATCH).astype(np.intp)  # [n, 9, 2]
    inside = ((places >= 0) & (places < (width, height))).all(axis=(1, 2))
    x = np.clip(places[..., 0], 0, width - 1)
    y = np.clip(places[..., 1], 0, height - 1)
    colors = DECODE.take(image[y, x, :3]).mean(axis=1, dtype=np.float64)
    return colors, inside & (colors.max(axis=1) < CLIPPED) & (colors @ LUMA > DARKEST)


def first_order(colors: Samples, facing: NDArray[np.float64]) -> tuple[Samples, Samples]:
    """Light float64[4, 3] - the even part, then its slope along x, y, z - that skin shows.

    Ridge regression, weighed once by how well each spot fits. Also says, float64[n], how much
    brighter each spot is than any such light explains, as a logarithm.
    """
    terms = np.column_stack((np.ones(len(facing)), facing))
    luminance = colors @ LUMA
    pull = RIDGE * len(facing)
    prior = np.outer(np.r_[0.0, USUAL_SLOPE], np.median(colors, axis=0))
    weight = np.ones(len(facing))
    for _ in range(2):
        weighed = terms * weight[:, None]
        fit = np.linalg.solve(
            weighed.T @ terms + np.diag(pull), weighed.T @ colors + pull[:, None] * prior
        )
        light = np.maximum(terms @ (fit @ LUMA), DARKEST)
        weight = 1 / (1 + ((luminance / light - 1) / UNFIT) ** 2)
    misfit = np.log(luminance / light)
    # What a slope explains is light, even where the ridge held the fit back.
    weighed = terms * weight[:, None]
    misfit -= terms @ np.linalg.solve(weighed.T @ terms + 1e-3 * np.eye(4), weighed.T @ misfit)
    return fit, misfit


def surroundings(
    image: Image, landmarks: NDArray[np.float32], person: Mask | None, known: Clue
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithms float64[3] of the light from above and from below.

    Above is the background as high as the face, below all that lies under the chin: a person's
    clothes light the chin, too. Where there is too little of it, it is as `known`.
    """
    height, width = image.shape[:2]
    step = max(1, width // ACROSS)
    seen = DECODE.take(image[::step, ::step, :3])
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    y = np.arange(0, height, step)
    if person is not None:
        cell = cell_of(width, height)
        x = np.arange(0, width, step)
        free = person[np.ix_(y // cell, x // cell)] < PERSON
    else:
        free = np.ones(seen.shape[:2], bool)
        wide = (high[0] - low[0]) / 2
        inner = slice(*(max(0, int(v / step)) for v in (low[0] - wide, high[0] + wide)))
        free[max(0, int((low[1] - wide) / step)) :, inner] = False
    under = y > high[1]
    above, below = known[ABOVE], known[BELOW]
    enough = LEAST_BACKGROUND * free.size
    if np.count_nonzero(free[~under]) > enough:
        above = _log_mean(seen[~under][free[~under]])
    if np.count_nonzero(under) * free.shape[1] > enough:
        below = _log_mean(seen[under].reshape(-1, 3))
    return above, below


def _log_mean(colors: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(colors.mean(axis=0, dtype=np.float64), DARKEST)))


def luma(logarithms: Clue) -> float:
    """The luminance of a colour given as logarithms."""
    return float(np.exp(logarithms) @ LUMA)


def room_level(clue: Clue) -> float:
    """How bright the background is, 1 in good light."""
    return float(luma(clue[ABOVE]) ** 0.7 * luma(clue[BELOW]) ** 0.3 / ROOM)


def light_of(clue: Clue, skin: float) -> Light:
    """The light that such clues make, for a face with skin of that luminance."""
    room = room_level(clue)
    level = min(max(luma(clue[COLOUR]) / skin, 0.3), 1.5) ** FACE_LEVEL
    level *= min(max(room, 0.4), 1.5) ** ROOM_LEVEL
    cast = tint(FACE_CAST * (chroma(clue[COLOUR]) - SKIN_CHROMA) + ROOM_CAST * chroma(clue[ABOVE]))
    above, below = tint(SIDE_CAST * chroma(clue[ABOVE])), tint(SIDE_CAST * chroma(clue[BELOW]))
    hardness = float(np.linalg.norm(clue[SLOPE]))
    even = min(max(1.5 - hardness, 0.7), 1.4)
    direction = key_direction(clue[SLOPE])
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
    """Where the key stands: as measured in hard light, mostly as in the studio in even light.

    Never so that it is ugly: from deep below, from straight above, from behind.
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


def chroma(logarithms: Clue) -> NDArray[np.float64]:
    """A colour as logarithms, without its luminance."""
    return np.asarray(logarithms - np.log(max(luma(logarithms), 1e-6)))


def tint(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
    """A factor float64[3] of luminance 1 that makes warmer or cooler, and hardly greener."""
    warm = (logarithms[0] - logarithms[2]) / 2
    green = GREEN_LEFT * (logarithms[1] - (logarithms[0] + logarithms[2]) / 2)
    factor = np.exp(np.clip((warm, green, -warm), -MOST_TINT, MOST_TINT))
    return np.asarray(factor / (factor @ LUMA))


def brightness(light: Light) -> float:
    """How bright a face-like surface is under a light, without its exposure."""
    towards = FACING @ np.array((light.key_direction, light.fill_direction)).T
    key = np.maximum(0, (towards[:, 0] + 0.35) / 1.35)  # as in shaders/light.glsl
    fill = np.maximum(0, (towards[:, 1] + 0.45) / 1.45)
    up = FACING[:, 1] / 2 + 0.5
    shades = np.stack((key * (0.7 + 0.3 * key), fill, up, 1 - up)).mean(axis=1)
    return float(shades @ (np.array((light.key, light.fill, light.sky, light.ground)) @ LUMA))


def _times(colour: Colour, factor: NDArray[np.float64]) -> Colour:
    red, green, blue = (np.array(colour) * factor).tolist()
    return red, green, blue


STUDIO_LEVEL = STUDIO.exposure * brightness(STUDIO)
SKIN_CHROMA = chroma(np.log(SKIN_TONE))
# The studio's key with only a part of its tint.
KEY = _times(STUDIO.key, np.exp((STUDIO_TINT - 1) * chroma(np.log(STUDIO.key))))
