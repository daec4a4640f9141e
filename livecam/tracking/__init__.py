"""Tracks faces and hands with MediaPipe."""
