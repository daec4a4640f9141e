"""Settings, presets, paths and assets."""
