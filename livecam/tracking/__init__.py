"""Who finds the faces."""
