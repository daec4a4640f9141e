"""The built-in heads: a file for each, with its row of numbers and its paint function."""

from __future__ import annotations

from livecam.heads.species.base import UNIT_M, Paint, Species
from livecam.heads.species.raccoon import RACCOON

__all__ = ["SPECIES", "UNIT_M", "Paint", "Species"]

SPECIES: dict[str, Species] = {row.name: row for row in (RACCOON,)}
