"""The generator of the built-in heads; needed at build time only."""
