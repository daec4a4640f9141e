"""What a face does, told by others than the camera's picture; and what is told to others."""
