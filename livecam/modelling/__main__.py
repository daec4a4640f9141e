"""Builds the folders of avatars and accessories.

Usage: python -m livecam.modelling build raccoon|glasses|heads|accessories|all
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from livecam.core.errors import LivecamError, UsageError, file_error

AVATARS = Path(__file__).resolve().parents[2] / "avatars"
EXTRA = ("skimage", "scipy", "fast_simplification")  # of livecam[modelling]


def main() -> int:
    """Parses the arguments and builds; returns the exit code."""
    try:
        _build()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        return _failed(
            UsageError(
                "heads are built with a package that is not here: {error}",
                hint='pip install ".[modelling]" in the checkout',
                error=error.name,
            )
        )
    except OSError as error:
        return _failed(file_error(error))
    return 0


def _failed(error: LivecamError) -> int:
    print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
    return error.exit_code


def _build() -> None:
    # Imported here: they need packages of the extra.
    from livecam.avatar.accessories import FOLDER
    from livecam.modelling.accessories import ACCESSORIES
    from livecam.modelling.build import build_accessory, build_avatar
    from livecam.modelling.species import SPECIES

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
    sys.exit(main())
