"""Renders heads with OpenGL."""
