"""Sinks: where published frames go."""
