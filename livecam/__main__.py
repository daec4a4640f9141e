"""`livecam` and `python -m livecam`."""

import os
from typing import NoReturn

from livecam.cli import CANCELLED
from livecam.core.end_signals import end_signals, ignore_end_signals


def main() -> NoReturn:
    """Runs `livecam`; a signal ends it without a traceback also while the libraries are loaded."""
    with end_signals():
        try:
            from livecam.cli.main import main as run
        except KeyboardInterrupt:
            ignore_end_signals()
            os._exit(CANCELLED)
        run()


if __name__ == "__main__":
    main()
