"""Putting the head into the picture."""
