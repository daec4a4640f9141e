"""Sinks of published frames: virtual camera, recorder, PNG files, preview."""
