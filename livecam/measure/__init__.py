"""Measurements: synthetic truth, picture quality, leak, delay, the benchmark."""
