"""Sources of frames: webcam, video, image, sample, test pattern, blank card."""
