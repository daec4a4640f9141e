"""Measurements: synthetic truth, picture quality, leak, latency, the benchmark, traces."""
