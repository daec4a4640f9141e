"""Segments a frame into person, hair, hands and background."""
