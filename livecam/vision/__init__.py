"""Optical flow, 2-D transforms and morphology of images."""
