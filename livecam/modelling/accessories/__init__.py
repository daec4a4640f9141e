"""The built-in accessories: a module for each kind, with its makers and its models."""

from __future__ import annotations

from livecam.modelling.accessories.base import AccessoryModel
from livecam.modelling.accessories.glasses import GLASSES
from livecam.modelling.accessories.hats import HATS
from livecam.modelling.accessories.headphones import HEADPHONES

__all__ = ["ACCESSORIES", "AccessoryModel"]

ACCESSORIES: dict[str, AccessoryModel] = {
    model.name: model for model in (*GLASSES, *HATS, *HEADPHONES)
}
