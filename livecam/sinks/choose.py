"""Chooses the sinks that the settings ask for."""

from __future__ import annotations

from livecam.config.settings import SinkSettings
from livecam.core.errors import ConfigError
from livecam.sinks.base import SINKS

# A registered sink -> the option that asks for it.
OPTIONS = {"virtual-camera": "--virtual-camera", "record": "--record", "png": "--png"}


def check_sinks(settings: SinkSettings) -> None:
    """Checks the names in `also_to`; imports nothing.

    Raises:
        ConfigError: a name is not registered, or that sink has an option of its own.
    """
    for name in settings.also_to:
        SINKS.check(name)
        if name in OPTIONS:
            raise ConfigError(
                'the sink "{name}" is not named in also_to',
                hint="pass {option}",
                name=name,
                option=OPTIONS[name],
            )


def sink_names(settings: SinkSettings, device: str) -> list[str]:
    """Returns the rows of `SINKS` that the settings ask for.

    `device` is the virtual camera that was found; empty: there is none.
    """
    asked = {"virtual-camera": device, "record": settings.record, "png": settings.png}
    return [name for name, value in asked.items() if value] + list(dict.fromkeys(settings.also_to))
