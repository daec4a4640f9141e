"""Filters pose and blendshape weights over time."""
