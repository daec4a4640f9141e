"""Optical flow and 2-D transforms of images."""
