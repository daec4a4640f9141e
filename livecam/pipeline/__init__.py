"""The pipeline from observations to published frames, without threads."""
