"""Shared libraries that our Python packages load from the system, and what installs them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from livecam.core.errors import LivecamError
from livecam.core.language import to_translate, tr

# Debian's packages; scripts/setup.sh installs the same ones, and says what each is for.
DEBIAN_PACKAGES = ("libgl1", "libegl1", "libgl1-mesa-dri", "libglib2.0-0", "libportaudio2")
INSTALL_HINT = to_translate(
    "on Debian and Ubuntu: sudo apt install {packages}; "
    "elsewhere install OpenGL with EGL and Mesa, glib and PortAudio"
)
# What the dynamic loader of Linux says (dl_open of glibc), as an ImportError or an OSError.
_NOT_FOUND = re.compile(r"(lib[\w.+-]+?\.so[.\d]*): cannot open shared object file")


def missing_library(error: BaseException) -> LivecamError | None:
    """Returns the error for the user if a shared library is missing; None for other errors."""
    for cause in _causes(error):
        found = _NOT_FOUND.search(str(cause))
        if found and isinstance(cause, ImportError | OSError):
            return LivecamError(
                "{package} needs {library}, which is not here", INSTALL_HINT,
                package=_package(cause), library=found[1], packages=" ".join(DEBIAN_PACKAGES),
            )  # fmt: skip
    return None


def _package(error: ImportError | OSError) -> str:
    """Returns the words for the package that could not be imported."""
    name = error.name if isinstance(error, ImportError) else None
    return tr("the Python package {name}", name=name) if name else tr("a Python package")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
