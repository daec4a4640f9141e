"""Calibration to one person's face: guided and online calibration, profiles."""
