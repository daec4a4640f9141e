"""Builds the folders of avatars and accessories.

Usage: python -m livecam.modelling build raccoon|glasses|heads|accessories|all
"""

from __future__ import annotations

import argparse
from pathlib import Path

from livecam.avatar.accessories import FOLDER
from livecam.modelling.accessories import ACCESSORIES
from livecam.modelling.build import build_accessory, build_avatar
from livecam.modelling.species import SPECIES

AVATARS = Path(__file__).resolve().parents[2] / "avatars"


def main() -> None:
    """Parses the arguments and builds."""
    parser = argparse.ArgumentParser(prog="python -m livecam.modelling", description=__doc__)
    parser.add_argument("command", choices=["build"])
    parser.add_argument("name", choices=[*SPECIES, *ACCESSORIES, "heads", "accessories", "all"])
    parser.add_argument("--out", type=Path, default=AVATARS, help="folder for the avatars")
    arguments = parser.parse_args()
    name, out = arguments.name, arguments.out
    for species in SPECIES.values():
        if name in (species.name, "heads", "all"):
            build_avatar(species, out / species.name)
            print(out / species.name)
    for model in ACCESSORIES.values():
        if name in (model.name, "accessories", "all"):
            build_accessory(model, out / FOLDER / model.name)
            print(out / FOLDER / model.name)


if __name__ == "__main__":
    main()
