"""The built-in species: a module for each, with its numbers and its paint function."""

from __future__ import annotations

from livecam.modelling.proportions import UNIT_M
from livecam.modelling.species.base import Species
from livecam.modelling.species.bear import BEAR
from livecam.modelling.species.bull import BULL
from livecam.modelling.species.cat import CAT
from livecam.modelling.species.fox import FOX
from livecam.modelling.species.frog import FROG
from livecam.modelling.species.man import MAN
from livecam.modelling.species.panda import PANDA
from livecam.modelling.species.rabbit import RABBIT
from livecam.modelling.species.raccoon import RACCOON
from livecam.modelling.species.shiba import SHIBA
from livecam.modelling.species.tiger import TIGER
from livecam.modelling.species.woman import WOMAN

__all__ = ["SPECIES", "UNIT_M", "Species"]

SPECIES: dict[str, Species] = {
    species.name: species
    for species in (RACCOON, FOX, PANDA, BULL, CAT, SHIBA, BEAR, TIGER, RABBIT, FROG, WOMAN, MAN)
}
