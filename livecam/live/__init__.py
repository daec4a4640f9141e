"""The live run: workers, sinks, window."""
