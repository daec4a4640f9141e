"""The built-in heads: a file for each, with its row of numbers and its paint function."""

from __future__ import annotations

from livecam.heads.species.base import UNIT_M, Paint, Species
from livecam.heads.species.bear import BEAR
from livecam.heads.species.bull import BULL
from livecam.heads.species.cat import CAT
from livecam.heads.species.fox import FOX
from livecam.heads.species.frog import FROG
from livecam.heads.species.man import MAN
from livecam.heads.species.panda import PANDA
from livecam.heads.species.rabbit import RABBIT
from livecam.heads.species.raccoon import RACCOON
from livecam.heads.species.shiba import SHIBA
from livecam.heads.species.tiger import TIGER
from livecam.heads.species.woman import WOMAN

__all__ = ["SPECIES", "UNIT_M", "Paint", "Species"]

SPECIES: dict[str, Species] = {
    row.name: row
    for row in (RACCOON, FOX, PANDA, BULL, CAT, SHIBA, BEAR, TIGER, RABBIT, FROG, WOMAN, MAN)
}
