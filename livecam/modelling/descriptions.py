"""Writes the text of `avatar.toml` and `item.toml`."""

from __future__ import annotations

from collections.abc import Mapping

from livecam.avatar.accessories import Press
from livecam.avatar.base import Anchor, Bone, EyeParameters
from livecam.modelling.accessories.base import AccessoryModel
from livecam.modelling.anchors import fit_anchors
from livecam.modelling.detail import LIGHT
from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.packing import bones_in_metres, in_metres
from livecam.modelling.proportions import UNIT_M
from livecam.modelling.species.base import Species


def avatar_toml(species: Species) -> str:
    """Describes the head of a species."""
    gains = "\n".join(["[gains]", *(f"{k} = {v}" for k, v in species.gains.items())]) + "\n"
    shape = species.shape()
    anchors = fit_anchors(shape, species.build_extra_parts(shape, ExpressionFields(shape), LIGHT))
    bones = bones_in_metres([rig.bone for rig in species.bones])
    return "\n".join(
        [
            _label(species.name, species.title, species.title_zh) + f'neck = "{species.neck}"\n',
            _eyes(species.eye_parameters),
            _fur(species),
            _fit(species),
            gains,
            *_anchors(anchors),
            *map(_bone, bones),
        ]
    )


def accessory_toml(model: AccessoryModel) -> str:
    """Describes an accessory."""
    label = _label(model.name, model.title, model.title_zh)
    press = [] if model.press is None else [_press(model.press)]
    return "\n".join(
        [label + f'kind = "{model.kind}"\n', *press, *map(_bone, bones_in_metres(model.bones))]
    )


def _label(name: str, title: str, title_zh: str) -> str:
    return f"""\
# Made by `python -m livecam.modelling build {name}`.
title = "{title}"
title_zh = "{title_zh}"
author = "livecam"
licence = "MIT"
"""


def _eyes(eyes: EyeParameters) -> str:
    return f"""\
[eyes]  # linear colours
iris_inner = {_numbers(*eyes.iris_inner)}
iris_outer = {_numbers(*eyes.iris_outer)}
iris_angle_rad = {eyes.iris_angle_rad:.4f}
pupil = {eyes.pupil}
"""


def _fur(species: Species) -> str:
    return f"""\
[fur]  # over the usual one
strands = {species.strands}
length = 1.0
"""


def _fit(species: Species) -> str:
    eyes = species.eye_line or (0.0, *species.eye[1:])
    return f"""\
[fit]  # metres
eye_line = {_metres(*eyes)}
neck_pivot = {_metres(*species.neck_pivot)}
skull_half_width = {species.half_width * UNIT_M:.4f}
skull_top = {(species.top - eyes[1]) * UNIT_M:.4f}
chin_drop = {(eyes[1] - species.hem) * UNIT_M:.4f}
scale = {species.scale}
"""


def _anchors(anchors: Mapping[str, Anchor]) -> list[str]:
    return [
        f"""\
[anchors.{kind}]  # metres
at = {_metres(*anchor.at)}
size = {_numbers(*anchor.size)}
pitch_deg = {anchor.pitch_deg}
"""
        for kind, anchor in anchors.items()
    ]


def _bone(bone: Bone) -> str:
    turns = "".join(f"\n{name} = {_numbers(*turn)}" for name, turn in bone.turns.items())
    return f"""\
[[bones]]  # metres
name = "{bone.name}"
parent = "{bone.parent}"
pivot = {_numbers(*bone.pivot)}
tip = {_numbers(*bone.tip)}
stiffness_hz = {bone.stiffness_hz}
damping = {bone.damping}
most_deg = {bone.most_deg}

[bones.turns]  # degrees about x, y and z{turns}
"""


def _press(press: Press) -> str:
    return f"""\
[press]  # metres
centre = {_numbers(*in_metres(press.centre))}
radii = {_numbers(*in_metres(press.radii))}
floor = {press.floor * UNIT_M:.4f}
slope = {press.slope}
reach = {press.reach * UNIT_M:.4f}
"""


def _numbers(*values: float) -> str:
    return "[" + ", ".join(f"{v + 0.0:.4f}" for v in values) + "]"


def _metres(*values: float) -> str:
    return _numbers(*(v * UNIT_M for v in values))
