"""`python -m livecam.heads build raccoon|all`: makes the folders of the built-in heads."""

from __future__ import annotations

import argparse
from pathlib import Path

from livecam.heads.build import build_avatar
from livecam.heads.species import SPECIES

AVATARS = Path(__file__).resolve().parents[2] / "avatars"


def main() -> None:
    """Parses the arguments and builds."""
    parser = argparse.ArgumentParser(prog="python -m livecam.heads", description=__doc__)
    parser.add_argument("act", choices=["build"])
    parser.add_argument("species", choices=[*SPECIES, "all"])
    parser.add_argument("--out", type=Path, default=AVATARS, help="folder for the avatars")
    asked = parser.parse_args()
    for name in SPECIES if asked.species == "all" else [asked.species]:
        build_avatar(SPECIES[name], asked.out / name)
        print(asked.out / name)


if __name__ == "__main__":
    main()
