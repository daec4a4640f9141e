"""`python -m livecam.modelling build raccoon|glasses|all`: makes the folders of what is worn."""

from __future__ import annotations

import argparse
from pathlib import Path

from livecam.avatar.accessories import FOLDER
from livecam.modelling.accessories import ITEMS
from livecam.modelling.build import build_avatar
from livecam.modelling.build_items import build_item
from livecam.modelling.species import SPECIES

AVATARS = Path(__file__).resolve().parents[2] / "avatars"


def main() -> None:
    """Parses the arguments and builds."""
    parser = argparse.ArgumentParser(prog="python -m livecam.modelling", description=__doc__)
    parser.add_argument("act", choices=["build"])
    parser.add_argument("name", choices=[*SPECIES, *ITEMS, "heads", "accessories", "all"])
    parser.add_argument("--out", type=Path, default=AVATARS, help="folder for the avatars")
    asked = parser.parse_args()
    for name in (*SPECIES, *ITEMS):
        if asked.name not in (name, "all", "heads" if name in SPECIES else "accessories"):
            continue
        folder = asked.out / name if name in SPECIES else asked.out / FOLDER / name
        if name in SPECIES:
            build_avatar(SPECIES[name], folder)
        else:
            build_item(ITEMS[name], folder)
        print(folder)


if __name__ == "__main__":
    main()
