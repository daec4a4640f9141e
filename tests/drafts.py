"""Conversions in draft quality, for tests in which the look of the head does not matter."""

from livecam.config.settings import FilmSettings, Settings

DRAFT = Settings(film=FilmSettings(quality="draft"))
CONVERT = ("convert", "--quality", "draft")
