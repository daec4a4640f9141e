"""Composites heads over camera frames."""
