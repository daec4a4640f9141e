"""Motion of a face from other origins than the camera, and receivers of published motion."""
